"""What the messages of alerts and payments have in common, as domain words and back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.clock import instant, iso, timestamp
from services.kernel.errors import Invalid
from services.kernel.protection import IdentityLevel, Protection
from services.kernel.reference import reference
from services.registry.domain.record import Circumstance, ProtectionCheck

PROTECTION = {
    common_pb2.PROTECTION_UNSPECIFIED: Protection.UNKNOWN,
    common_pb2.PROTECTION_NONE: Protection.NONE,
    common_pb2.PROTECTION_PROTECTED: Protection.PROTECTED,
}
IDENTITY_LEVEL = {
    common_pb2.IDENTITY_LEVEL_UNSPECIFIED: IdentityLevel.UNKNOWN,
    common_pb2.IDENTITY_LEVEL_PROVEN: IdentityLevel.PROVEN,
    common_pb2.IDENTITY_LEVEL_PROBABLE: IdentityLevel.PROBABLE,
    common_pb2.IDENTITY_LEVEL_UNCERTAIN: IdentityLevel.UNCERTAIN,
}
IDENTITY_LEVEL_MESSAGE = {word: number for number, word in IDENTITY_LEVEL.items()}
PROTECTION_MESSAGE = {word: number for number, word in PROTECTION.items()}


def protection(number: "common_pb2.Protection.ValueType") -> Protection:
    """Raises Invalid for a number that this version does not know."""
    if number not in PROTECTION:
        raise Invalid("protection: värdet finns inte.")
    return PROTECTION[number]


def protection_check(message: common_pb2.ProtectionCheck) -> ProtectionCheck:
    """A register check. Raises Invalid for an instant that is none, and for words that this version does not know."""
    if message.identity_level not in IDENTITY_LEVEL:
        raise Invalid("protection_check.identity_level: värdet finns inte.")
    checked_time = moment(message) if message.HasField("checked_time") else None
    return ProtectionCheck(protection(message.result), checked_time, IDENTITY_LEVEL[message.identity_level])


def moment(message: common_pb2.ProtectionCheck) -> datetime:
    """When somebody looked."""
    try:
        return instant(message.checked_time)
    except (ValueError, OverflowError):
        raise Invalid("protection_check: tidpunkten går inte att läsa.") from None


def protection_check_message(check: ProtectionCheck) -> common_pb2.ProtectionCheck:
    """The other way."""
    message = common_pb2.ProtectionCheck(result=PROTECTION_MESSAGE[check.result])
    if check.checked_time is not None:
        message.checked_time.CopyFrom(timestamp(check.checked_time))
    return message


def circumstance_message(fact: Circumstance) -> common_pb2.Circumstance:
    """A coded fact with ISO days."""
    return common_pb2.Circumstance(code=fact.code, from_date=iso(fact.from_date), to_date=iso(fact.to_date))


def identifier(field: str, text: str) -> UUID:
    """A UUID. Raises Invalid with the field first."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(f"{field}: ange ett UUID.") from None


def secrecy(unit: str, record_kind: str) -> list[str]:
    """The secrecy class of what a unit holds of a record kind; none is said by silence (sharing-matrix 2)."""
    held = reference().units[unit].holds[record_kind].secrecy
    return [] if held == "none" else [held]


def shared_messages(rows: Iterable[Any]) -> list[pb.SharedWith]:
    """Disclosures of a record and what came back."""
    return [
        pb.SharedWith(
            receiver_kind=row.receiver_kind,
            record_kind=row.record_kind,
            disclosure_id=str(row.disclosure_id),
            status=row.status,
            occurred_time=timestamp(row.occurred_time),
        )
        for row in rows
    ]


def history_messages(rows: Iterable[Any]) -> list[pb.HistoryEntry]:
    """Steps of a record."""
    return [
        pb.HistoryEntry(
            occurred_time=timestamp(row.occurred_time),
            from_state=row.from_state or "",
            to_state=row.to_state,
            person=row.person or "",
            track=row.track,
        )
        for row in rows
    ]
