"""The five failures that are planned. Anything else is a bug and becomes INTERNAL with an incident number.

A message is Swedish where a user may read it, names the field first (`observed_from: datumet ligger i framtiden.`) and never
holds personal data.
"""

from enum import StrEnum


class Failure(Exception):
    """Base of the planned failures; `reason` is a code for machines."""

    reason = "FAILURE"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason


class Invalid(Failure):
    """The question itself is wrong, whoever asks."""

    reason = "INVALID"


class NotFound(Failure):
    """Absent, or not the caller's: the two look the same (design 16)."""

    reason = "NOT_FOUND"

    def __init__(self, message: str = "Ärendet finns inte, eller så har du inte tillgång till det.") -> None:
        super().__init__(message)


class ConflictReason(StrEnum):
    """Why something that could be right is not right now."""

    STATE = "STATE"
    ETAG = "ETAG"
    DUPLICATE = "DUPLICATE"
    REQUEST_REUSED = "REQUEST_REUSED"


class Conflict(Failure):
    """The record is not in a state in which this can be done."""

    reason = ConflictReason.STATE

    def __init__(self, message: str, *, reason: ConflictReason = ConflictReason.STATE) -> None:
        super().__init__(message, reason=reason)


class Denied(Failure):
    """The caller's role may never do this."""

    reason = "DENIED"


class Unavailable(Failure):
    """A part is missing or busy; the same call may succeed later."""

    reason = "UNAVAILABLE"
