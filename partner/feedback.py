"""What a partner answers: receipts, outcomes and answers to invitations, sealed as the contract says; and what it tells unasked.

An answer's id follows from the event and all that the answer says, so the same answer sent twice is the same event. When it was given is
part of an outcome and of an answer to an invitation: somebody who changes their mind, and changes it back, has given three answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from partner import jose
from partner.envelope import CONTENT_TYPE, Event
from partner.jose import Code
from partner.kit import Kit

VALID_FOR = timedelta(days=30)
"""How long the kommun may take an answer for good; a reply topic keeps it no longer."""

_RECEIPT = "se.los.receipt.v1"
_NOTICE = "se.los.notice.v1"


class Outcome(StrEnum):
    """What became of a record."""

    OPENED = "opened"
    NO_ACTION = "no_action"
    ACTION = "action"
    CLOSED = "closed"


class Role(StrEnum):
    """How an authority takes part in an operation."""

    ON_SITE = "on_site"
    PLANNING_ONLY = "planning_only"
    FOLLOW_UP_ONLY = "follow_up_only"


@dataclass(frozen=True, slots=True)
class InvitationAnswer:
    """Yes, with a role and for `on_site` an own control ground, or no: both of them None."""

    role: Role | None
    control_ground_id: str | None
    function_mailbox: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A circumstance: a code of the kommun's list, and its days where they are known."""

    code: str
    from_date: date | None = None
    to_date: date | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """That a benefit of the kommun may have been paid wrongly (lag 2008:206). Made again with the same `id` it takes the earlier's place.

    `scheme` and causes are codes of the contract, `basis_id` the ground that binds the agency to tell, periods months (`2026-02`).
    Exactly one of the two numbers is there, twelve digits.
    """

    id: UUID
    scheme: str
    period_from: str
    period_to: str
    causes: Sequence[Cause]
    reference: str
    function_mailbox: str
    basis_id: str
    personal_identity_number: str | None = field(default=None, repr=False)
    coordination_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A sealed answer, ready for the reply topic."""

    id: str
    topic: str
    key: bytes
    value: bytes
    signature: bytes

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Exactly the two of the contract."""
        return [("content-type", CONTENT_TYPE), ("los-signature", self.signature)]


def receipt(kit: Kit, event: Event, receiver_kind: str, refused: Code | None, now: datetime) -> Reply:
    """That an event has been received, or refused with a code."""
    body = {"status": "refused", "reason": refused.value} if refused else {"status": "received"}
    return _sealed(kit, event, receiver_kind, _RECEIPT, body, now)


def outcome(kit: Kit, event: Event, receiver_kind: str, status: Outcome, now: datetime) -> Reply:
    """What became of the record, as known `now`; a retry gives the time of the first try."""
    return _sealed(kit, event, receiver_kind, "se.los.outcome.v1", {"status": status.value}, now)


def invitation_answer(kit: Kit, event: Event, receiver_kind: str, control_reference: str, answer: InvitationAnswer, now: datetime) -> Reply:
    """Whether the authority takes part in a control, as decided `now`; a retry gives the time of the first try."""
    body = {
        "control_reference": control_reference,
        "answer": "accepted" if answer.role else "declined",
        "function_mailbox": answer.function_mailbox,
    }
    if answer.role:
        body["role"] = answer.role.value
    if answer.control_ground_id:
        body["control_ground_id"] = answer.control_ground_id
    return _sealed(kit, event, receiver_kind, "se.los.invitation.answered.v1", body, now)


def notice(kit: Kit, receiver_kind: str, said: Notice, now: datetime) -> Reply:
    """A notice to the kommun, as known `now`; a retry gives the time of the first try. The kommun answers nothing.

    Raises ValueError for a child (by the number, in UTC): the kommun registers none, so such a notice goes another way.
    """
    numbers = {"personal_identity_number": said.personal_identity_number, "coordination_number": said.coordination_number}
    if any(number and _is_child(number, now) for number in numbers.values()):
        raise ValueError("a notice about a child cannot be told over the bus")
    body = {
        "scheme": said.scheme,
        "subject": {name: number for name, number in numbers.items() if number},
        "period_from": said.period_from,
        "period_to": said.period_to,
        "causes": [_cause(cause) for cause in said.causes],
        "reference": said.reference,
        "function_mailbox": said.function_mailbox,
        "basis_id": said.basis_id,
    }
    return _told(kit, receiver_kind, said.id, body, now)


def notice_withdrawn(kit: Kit, receiver_kind: str, notice_id: UUID, now: datetime) -> Reply:
    """That a notice is taken back: nobody at the kommun reads it any more."""
    return _told(kit, receiver_kind, notice_id, {"withdrawn": True}, now)


def _is_child(digits: str, now: datetime) -> bool:
    """Whether somebody with this number is under 18; a coordination number has 60 added to its day."""
    today = now.astimezone(UTC).date()
    born = (int(digits[:4]), int(digits[4:6]), int(digits[6:8]) % 60)
    return (today.year - 18, today.month, today.day) < born


def _cause(cause: Cause) -> dict[str, str]:
    days = {"from": cause.from_date, "to": cause.to_date}
    return {"code": cause.code} | {name: day.isoformat() for name, day in days.items() if day}


def _told(kit: Kit, receiver_kind: str, notice_id: UUID, body: Mapping[str, Any], now: datetime) -> Reply:
    now = now.astimezone(UTC)
    content = {**body, "aud": "kommun", "notice_id": str(notice_id), "receiver_kind": receiver_kind, "time": instant_text(now)}
    about = _About(key=str(notice_id), correlation_id=str(notice_id), classification="sekretess")
    return _record(kit, about, receiver_kind, _NOTICE, str(uuid5(notice_id, _canonical(content).decode("utf-8"))), content, now)


def _sealed(kit: Kit, event: Event, receiver_kind: str, kind: str, body: dict[str, str], now: datetime) -> Reply:
    now = now.astimezone(UTC)
    content = body | {
        "aud": "kommun",
        "disclosure_id": event.disclosure_id,
        "event_id": event.id,
        "receiver_kind": receiver_kind,
        "time": instant_text(now),
    }
    # A receipt is made again when its record is read again after a crash, and is then the same receipt: its time is no part of the name.
    said = body if kind == _RECEIPT else content
    reply_id = str(uuid5(UUID(event.id), kind + _canonical(said).decode("utf-8")))
    return _record(kit, _About(event.key, event.disclosure_id, event.classification), receiver_kind, kind, reply_id, content, now)


@dataclass(frozen=True, slots=True)
class _About:
    """What a record says outside the encryption of what it is about: nothing personal."""

    key: str
    correlation_id: str
    classification: str


def _record(  # what is said, of what, by whom, when
    kit: Kit, about: _About, receiver_kind: str, kind: str, reply_id: str, content: Mapping[str, Any], now: datetime
) -> Reply:
    value = JSONFormat().write(
        CloudEvent(
            {
                "specversion": "1.0",
                "id": reply_id,
                "source": kit.source,
                "type": kind,
                "time": now,
                "datacontenttype": "application/jose",
                "partitionkey": about.key,
                "correlationid": about.correlation_id,
                "recordedtime": instant_text(now),
                "expirytime": instant_text(now + VALID_FOR),
                "dataclassification": about.classification,
            },
            jose.encrypt(_canonical(content), kit.keys.to_kommun(now)),
        )
    )
    return Reply(
        id=reply_id,
        topic=kit.reply_topic,
        key=about.key.encode("ascii"),
        value=value,
        signature=jose.sign(value, kit.keys.of_kind(receiver_kind, now)),
    )


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def instant_text(time: datetime) -> str:
    """An instant in UTC as the contract writes it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
