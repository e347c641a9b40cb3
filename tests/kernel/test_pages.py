"""Pages of a list, whichever service has it."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import pages
from services.kernel.errors import Invalid


@dataclass
class Page:
    page_size: int = 0
    page_token: str = ""


@dataclass
class Row:
    id: UUID


@given(st.lists(st.uuids(), min_size=3, max_size=3))
def test_a_page_token_names_the_last_row_of_the_page(ids: list[UUID]) -> None:
    found = [Row(row_id) for row_id in ids]
    assert pages.after(Page(page_token=pages.next_token(found, 2))) == ids[1]
    assert pages.next_token(found, 3) == ""
    assert pages.after(Page()) is None


@pytest.mark.parametrize("token", ["x", "====", "åäö", "0189"])
def test_a_page_token_that_we_never_gave_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match=r"^page\.page_token: "):
        pages.after(Page(page_token=token))


def test_a_page_has_twenty_rows_and_never_more_than_a_hundred() -> None:
    assert pages.page_size(Page()) == 20
    assert pages.page_size(Page(1000)) == 100
    with pytest.raises(Invalid, match=r"^page\.page_size: "):
        pages.page_size(Page(-1))
