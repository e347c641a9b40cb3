"""What people write in one cell, whichever service reads it."""

from datetime import date
from decimal import Decimal

import pytest

from services.kernel import cells
from services.kernel.cells import Fault
from services.kernel.errors import Invalid

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    "text", ["2026-09-24", "20260924", "24/9 2026", "24/9-2026", "24.9.2026", "24 september 2026", "2026-09-24 00:00:00"]
)
def test_a_day_is_read_in_every_form_that_people_write(text: str) -> None:
    assert cells.day(text, TODAY) == date(2026, 9, 24)


@pytest.mark.parametrize("text", ["förra veckan", "2026-02-30", "24/13 2026", "24/9", "26-09-24", "0001-01-01", "9/24/2026", "2026"])
def test_what_is_no_day_is_told(text: str) -> None:
    with pytest.raises(Fault) as fault:
        cells.day(text, TODAY)
    assert fault.value.code == "date_unknown"


def test_today_is_not_the_future_and_tomorrow_is() -> None:
    assert cells.day("2026-11-23", TODAY) == TODAY
    with pytest.raises(Fault, match="date_future"):
        cells.day("2026-11-24", TODAY)
    assert cells.month("2026-11", TODAY) == "2026-11"
    with pytest.raises(Fault, match="date_future"):
        cells.month("2026-12", TODAY)


@pytest.mark.parametrize("text", ["2026-04", "202604", "04/2026", "april 2026", "apr 2026", "2026-04-01", "2026-04-30"])
def test_a_month_is_read_in_every_form_that_people_write(text: str) -> None:
    assert cells.month(text, TODAY) == "2026-04"


@pytest.mark.parametrize(
    ("text", "kronor"),
    [
        ("207388,50", "207388.50"), ("141 449,00", "141449.00"), ("9 702 kr", "9702.00"), ("12.500", "12500.00"), ("12.500,5", "12500.50"),
        ("1234.5", "1234.50"), ("0", "0.00"), ("500:-", "500.00"), ("500 SEK", "500.00"),
    ],
)  # fmt: skip
def test_an_amount_is_read_in_every_form_that_people_write(text: str, kronor: str) -> None:
    assert cells.amount(text) == Decimal(kronor)


@pytest.mark.parametrize("text", ["-500", "ca 10 tusen", "1 23", "", "1e5", "12,345", "9999999999999", "NaN"])
def test_what_is_no_amount_is_told(text: str) -> None:
    with pytest.raises(Fault) as fault:
        cells.amount(text)
    assert fault.value.code == "amount"


def test_text_is_composed_and_invisible_characters_go() -> None:
    assert cells.clean(" A\u030akesson\u200b \u00a0 x\n", 20) == "Åkesson x"


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\x7f", "\x85", "\ufffd", "\u202e", "\ue000"])
def test_characters_that_nobody_can_read_are_told(sign: str) -> None:
    with pytest.raises(Fault) as fault:
        cells.clean(f"a{sign}b", 20)
    assert fault.value.code == "characters"


@pytest.mark.parametrize("text", ["58222", "582 22", "58 2 22", "SE-582 22"])
def test_a_postal_code_is_read_however_it_is_spaced(text: str) -> None:
    assert cells.postal_code(text) == "58222"


@pytest.mark.parametrize("text", ["5822", "058222", "femåtta"])
def test_what_is_no_postal_code_is_told(text: str) -> None:
    with pytest.raises(Fault) as fault:
        cells.postal_code(text)
    assert fault.value.code == "postal_code"


def test_free_text_is_kept_clean_or_refused_with_the_field_first() -> None:
    assert cells.written("reasons", " två  ord\n", 10) == "två ord"
    with pytest.raises(Invalid, match=r"^reasons: texten är för lång"):
        cells.written("reasons", "x" * 11, 10)
