"""What alerts and suspected payments have in common: the register check of protection, coded facts, offers."""

from dataclasses import dataclass
from datetime import date, datetime

from services.kernel.cells import Fault, day
from services.kernel.clock import SKEW_MAX
from services.kernel.errors import Invalid
from services.kernel.protection import CHECK_VALID, IdentityLevel, Protection


@dataclass(frozen=True, slots=True)
class ProtectionCheck:
    """A result, and when the assessing person looked; no time when the source of the record said it.

    `identity_level` is of the person, not of the record, and is kept with the person.
    """

    result: Protection = Protection.UNKNOWN
    checked_time: datetime | None = None
    identity_level: IdentityLevel = IdentityLevel.UNKNOWN

    def require_fresh(self, now: datetime) -> None:
        """Raises Invalid unless somebody has looked in the last 24 hours."""
        if self.result is Protection.UNKNOWN or self.checked_time is None:
            raise Invalid("protection_check: kontrollera först om personen har skyddade personuppgifter.")
        if self.checked_time > now + SKEW_MAX:
            raise Invalid("protection_check: tidpunkten ligger i framtiden.")
        if self.checked_time < now - CHECK_VALID:
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
