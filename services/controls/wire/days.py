"""Days in messages: text, and empty for none."""

from datetime import date

from services.kernel import cells
from services.kernel.cells import Fault
from services.kernel.errors import Invalid


def day_from(field: str, text: str) -> date | None:
    """A day, in any of the forms that people write, or None for an empty text. Raises Invalid, field first."""
    try:
        return cells.day(text, date.max) if text else None
    except Fault as fault:
        raise Invalid(f"{field}: {fault.text}") from None


def iso(day: date | None) -> str:
    """YYYY-MM-DD."""
    return "" if day is None else day.isoformat()
