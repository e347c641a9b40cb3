"""What alerts and suspected payments have in common: what a judgement rests on, coded facts, the register check of protection, offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from services.kernel.cells import Fault, day
from services.kernel.errors import Conflict, Invalid

PROTECTION_CHECK_AGE_MAX = timedelta(hours=24)
CLOCK_SKEW_MAX = timedelta(minutes=5)
HANDLED_BY_MAX = 20


class Protection(StrEnum):
    """What the register check of protected personal data said; unknown until somebody has looked (design 8)."""

    UNKNOWN = "unknown"
    NONE = "none"
    PROTECTED = "protected"


@dataclass(frozen=True, slots=True)
class ProtectionCheck:
    """A result, and when the assessing person looked; no time when the source of the record said it."""

    result: Protection = Protection.UNKNOWN
    checked_time: datetime | None = None

    def require_fresh(self, now: datetime) -> None:
        """Raises Invalid unless somebody has looked in the last 24 hours."""
        if self.result is Protection.UNKNOWN or self.checked_time is None:
            raise Invalid("protection_check: kontrollera först om personen har skyddade personuppgifter.")
        if self.checked_time > now + CLOCK_SKEW_MAX:
            raise Invalid("protection_check: tidpunkten ligger i framtiden.")
        if self.checked_time < now - PROTECTION_CHECK_AGE_MAX:
            raise Invalid("protection_check: kontrollen är äldre än 24 timmar. Gör om den.")


@dataclass(frozen=True, slots=True)
class Context:
    """What a judgement rests on besides the cells.

    `unit` holds the record; `landlord` is the organisation of a landlord's reporter (digits), None when an officer reports.
    """

    today: date
    unit: str
    landlord: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstance:
    """A coded fact and its days, both included; it may still go on."""

    code: str
    from_date: date
    to_date: date | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """That a record is offered to sharing, as one record kind, for one receiver kind."""

    record_kind: str
    receiver_kind: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The offers in force and the revision they were made at; a later assessment replaces them all."""

    revision: int = 0
    offers: tuple[Offer, ...] = ()


State = TypeVar("State", bound=StrEnum)


def require_next(table: Mapping[State, frozenset[State]], before: State, after: State) -> None:
    """Raises Conflict when the table has no such step."""
    if after not in table[before]:
        raise Conflict("state: det går inte att göra i det läge som ärendet är i nu.")


def handled(by: tuple[str, ...], person: str) -> tuple[str, ...]:
    """Everybody who has handled the case, each once; the latest are kept."""
    return tuple(dict.fromkeys((*by, person)))[-HANDLED_BY_MAX:]


def circumstance(field: str, code: str, from_date: str, to_date: str, today: date) -> Circumstance:
    """A coded fact with its days. Raises Invalid with the field first; whether the code may be told is the caller's question."""
    try:
        start = day(from_date, today)
        end = day(to_date, today) if to_date else None
    except Fault as fault:
        raise Invalid(f"{field}: {fault.text}") from None
    if end is not None and end < start:
        raise Invalid(f"{field}: slutdatum ligger före startdatum.")
    return Circumstance(code, start, end)
