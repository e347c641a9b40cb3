"""What a partner answers: receipts, outcomes and answers to invitations, sealed as the contract says.

An answer's id follows from the event and all that the answer says, so the same answer sent twice is the same event. When it was given is
part of an outcome and of an answer to an invitation: somebody who changes their mind, and changes it back, has given three answers.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
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
    value = JSONFormat().write(
        CloudEvent(
            {
                "specversion": "1.0",
                "id": reply_id,
                "source": kit.source,
                "type": kind,
                "time": now,
                "datacontenttype": "application/jose",
                "partitionkey": event.key,
                "correlationid": event.disclosure_id,
                "recordedtime": instant_text(now),
                "expirytime": instant_text(now + VALID_FOR),
                "dataclassification": event.classification,
            },
            jose.encrypt(_canonical(content), kit.keys.to_kommun(now)),
        )
    )
    return Reply(
        id=reply_id,
        topic=kit.reply_topic,
        key=event.key.encode("ascii"),
        value=value,
        signature=jose.sign(value, kit.keys.of_kind(receiver_kind, now)),
    )


def _canonical(content: dict[str, str]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def instant_text(time: datetime) -> str:
    """An instant in UTC as the contract writes it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
