"""Days and instants in messages: a day is text, empty for none; an instant that is not said is not there."""

from datetime import date, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from services.kernel import cells
from services.kernel.cells import Fault
from services.kernel.clock import instant, timestamp
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


def said_time(request: Any, field: str = "occurred_time") -> datetime | None:  # noqa: ANN401  # a message with this field
    """An instant that whoever asks has said; None when nothing is said. That it is one was judged at the door (kernel/wellformed.py)."""
    return instant(getattr(request, field)) if request.HasField(field) else None


def time_message(moment: datetime | None) -> Timestamp | None:
    """An instant as a field of a message; None leaves the field out."""
    return None if moment is None else timestamp(moment)
