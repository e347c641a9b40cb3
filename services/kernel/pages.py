"""Stable pages of a list: the token names the last row seen (AIP-158)."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Select

from services.kernel.errors import Invalid

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100


class Page(Protocol):
    """What is asked for, as the contract's Page."""

    @property
    def page_size(self) -> int: ...  # noqa: D102
    @property
    def page_token(self) -> str: ...  # noqa: D102


def page_size(page: Page) -> int:
    """How many rows; 20 when nothing is said, never more than 100. Raises Invalid below zero."""
    if page.page_size < 0:
        raise Invalid("page.page_size: ange ett tal som inte är negativt.")
    return min(page.page_size or PAGE_SIZE, PAGE_SIZE_MAX)


def after(page: Page) -> UUID | None:
    """The last row that was seen, or None on the first page. Raises Invalid for a token that we did not give."""
    if not page.page_token:
        return None
    try:
        return UUID(page.page_token)
    except ValueError:
        raise Invalid("page.page_token: ange det värde som den förra sidan gav.") from None


def after_day(page: Page) -> tuple[date, UUID] | None:
    """The same of a list that is ordered by a day first."""
    if not page.page_token:
        return None
    try:
        day, _, row_id = page.page_token.partition("_")
        return date.fromisoformat(day), UUID(row_id)
    except ValueError:
        raise Invalid("page.page_token: ange det värde som den förra sidan gav.") from None


def oldest_first(statement: Select[Any], row_id: ColumnElement[UUID], after: UUID | None, limit: int) -> Select[Any]:
    """The page of a list in the order of its ids, which is that of time, after the last row that was seen."""
    if after is not None:
        statement = statement.where(row_id > after)
    return statement.order_by(row_id).limit(limit)


def next_token(found: Sequence[Any], size: int) -> str:
    """What asks for the next page, when one row more than `size` was found; otherwise empty."""
    return str(found[size - 1].id) if len(found) > size else ""


def next_day_token(found: Sequence[Any], size: int, day: str) -> str:
    """The same of a list that is ordered by the column `day` first."""
    return f"{getattr(found[size - 1], day)}_{found[size - 1].id}" if len(found) > size else ""
