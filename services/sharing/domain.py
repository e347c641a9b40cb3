"""The words of sharing: offers, previews, disclosures, their states, and how a record becomes the bytes that are sent.

An offer waits in the tray until a person has decided; a disclosure is what was decided, and is never edited. What happens to a
disclosure afterwards is appended as events.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from services.kernel.callers import Caller, Role
from services.kernel.clock import SKEW_MAX
from services.kernel.errors import Conflict
from services.kernel.identity import OrgNumber
from services.kernel.protection import CHECK_VALID, Protection
from services.kernel.reference import Reference, Words, sentence

PREVIEW_VALID = timedelta(hours=24)  # design 7
RECEIPT_EXPECTED = timedelta(days=3)  # a receipt is a machine's answer: a week-end without one is nobody's silence


class OfferState(StrEnum):
    """Where an offered record stands."""

    WAITING = "waiting"
    AWAITING_APPROVAL = "awaiting_approval"
    DECIDED = "decided"
    NO_GROUND = "no_ground"
    STOPPED = "stopped"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    LAPSED = "lapsed"


NEXT: Mapping[OfferState, frozenset[OfferState]] = {
    OfferState.WAITING: frozenset(
        {
            OfferState.AWAITING_APPROVAL,
            OfferState.DECIDED,
            OfferState.REFUSED,
            OfferState.WITHDRAWN,
            OfferState.REPLACED,
            OfferState.LAPSED,
        }
    ),
    OfferState.AWAITING_APPROVAL: frozenset({OfferState.DECIDED, OfferState.REFUSED, OfferState.WITHDRAWN, OfferState.REPLACED}),
    OfferState.DECIDED: frozenset({OfferState.WITHDRAWN, OfferState.REPLACED}),
    OfferState.NO_GROUND: frozenset(),
    OfferState.STOPPED: frozenset(),
    OfferState.REFUSED: frozenset(),
    OfferState.WITHDRAWN: frozenset(),
    OfferState.REPLACED: frozenset(),
    OfferState.LAPSED: frozenset(),
}


def require_step(before: str, after: OfferState) -> None:
    """Raises Conflict when an offer does not go from the one state to the other."""
    if after not in NEXT[OfferState(before)]:
        raise Conflict("state: erbjudandet är redan avgjort.")


class Status(StrEnum):
    """What has happened to a disclosure. From `sent` to `closed` it comes from outside.

    `void`: it never left. A correction or a recall is an obligation that is open until the receiver has confirmed that very event, or a
    person has told it another way: `correction_due` until the corrected record has been decided and sent, `corrected` when it has;
    `recall_due` where nothing could be sent, `recall_decided` while it waits for the relay, `recalled` when it has gone. `erased`:
    gallrad, nothing of what was sent can be read.
    """

    AWAITING_APPROVAL = "awaiting_approval"
    DECIDED = "decided"
    NO_CHANNEL = "no_channel"
    REFUSED = "refused"
    VOID = "void"
    SENT = "sent"
    RECEIVED = "received"
    REFUSED_BY_RECEIVER = "refused_by_receiver"
    OPENED = "opened"
    NO_ACTION = "no_action"
    ACTION = "action"
    CLOSED = "closed"
    CORRECTION_DUE = "correction_due"
    CORRECTED = "corrected"
    CORRECTION_REFUSED = "correction_refused"
    CORRECTION_CONFIRMED = "correction_confirmed"
    RECALL_DUE = "recall_due"
    RECALL_DECIDED = "recall_decided"
    RECALLED = "recalled"
    RECALL_REFUSED = "recall_refused"
    RECALL_CONFIRMED = "recall_confirmed"
    CARRIED_OUT = "carried_out"
    ERASED = "erased"

    @property
    def rank(self) -> int:
        """How far along it is, as stored. A receipt may be read before the relay has noted that it sent: the furthest counts."""
        return RANKS[self]


RANKS: Mapping[Status, int] = {
    Status.AWAITING_APPROVAL: 0,
    Status.DECIDED: 1,
    Status.NO_CHANNEL: 2,
    Status.REFUSED: 3,
    Status.VOID: 4,
    Status.CARRIED_OUT: 4,  # never void: a person has done it; and what is also sent is further along
    Status.SENT: 5,
    Status.REFUSED_BY_RECEIVER: 6,  # what a partner first could not take it may take later, never the other way round
    Status.RECEIVED: 7,
    Status.OPENED: 8,
    Status.NO_ACTION: 9,
    Status.ACTION: 10,
    Status.CLOSED: 11,
    Status.CORRECTION_DUE: 12,
    Status.CORRECTED: 13,
    Status.CORRECTION_REFUSED: 14,
    Status.CORRECTION_CONFIRMED: 15,
    Status.RECALL_DUE: 16,
    Status.RECALL_DECIDED: 17,
    Status.RECALLED: 18,
    Status.RECALL_REFUSED: 19,
    Status.RECALL_CONFIRMED: 20,
    Status.ERASED: 21,
}


CORRECTING = frozenset({Status.CORRECTION_DUE, Status.CORRECTED, Status.CORRECTION_REFUSED})
RECALLING = frozenset({Status.RECALL_DUE, Status.RECALL_DECIDED, Status.RECALLED, Status.RECALL_REFUSED})
OBLIGATIONS: Mapping[Status, Status] = dict.fromkeys(CORRECTING, Status.CORRECTION_CONFIRMED) | dict.fromkeys(
    RECALLING, Status.RECALL_CONFIRMED
)
"""What the kommun owes a receiver, and what it is when the receiver has confirmed, or a person has told it another way than the bus."""
BEGINS = frozenset({Status.CORRECTION_DUE, Status.RECALL_DUE, Status.RECALL_DECIDED})
"""How an obligation begins; its age is counted from the first of these."""
BY_HAND = frozenset({Status.CORRECTION_DUE, Status.CORRECTION_REFUSED, Status.RECALL_DUE, Status.RECALL_REFUSED})
"""Obligations in which nothing more happens unless a person acts."""
STANDING = frozenset(
    {
        Status.DECIDED,
        Status.NO_CHANNEL,
        Status.CARRIED_OUT,
        Status.SENT,
        Status.RECEIVED,
        Status.OPENED,
        Status.NO_ACTION,
        Status.ACTION,
        Status.CLOSED,
    }
)
"""What was decided to be told, and holds: it is on its way, or the receiver has it."""
RECALLABLE = STANDING | CORRECTING | {Status.REFUSED_BY_RECEIVER, Status.RECALL_DUE}
"""What can be recalled: the receiver may have it, no later disclosure has been confirmed in its place, no recall of it has been sent."""


class InboundState(StrEnum):
    """Where a notice to the kommun stands. What the agency replaced or took back is read by nobody any more, and stays until gallring."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


NOTICE = "notice"
READABLE = frozenset({InboundState.NEW, InboundState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class CodedFact:
    """A circumstance: a code of the reference data and its days, None where not stated."""

    code: str
    from_date: date | None
    to_date: date | None


Fields = Mapping[str, str | Sequence[str] | Sequence[CodedFact]]


@dataclass(frozen=True, slots=True)
class Offer:
    """A record as its owner offers it to one receiver kind. `fields` has the dotted names of the legal bases."""

    record_kind: str
    record_id: UUID
    revision: int
    receiver_kind: str
    unit: str
    secrecy: frozenset[str]
    protection: Protection
    checked_time: datetime | None
    handled_by: frozenset[str]
    fields: Fields
    field_secrecy: Mapping[str, str] = field(default_factory=dict)  # further classes of single fields, which secrecy the sender saw
    about: str | None = None  # whom a record without a subject is about: twelve digits, for the right of access alone
    on_request: bool = False
    matter: str | None = None  # what it is about, where a ground asks for it (sharing-matrix 1.3 step 1)

    def secrecy_of(self, names: Iterable[str]) -> frozenset[str]:
        """The classes of these fields: the record's own, and what is said of a single one."""
        return self.secrecy | {self.field_secrecy[name] for name in names if name in self.field_secrecy and name in self.fields}

    @property
    def names_a_person(self) -> bool:
        """Whether the record is about a person; then the protection check counts. A finding is about a place until it names somebody."""
        if self.record_kind == "control_finding":
            number = self.fields.get("finding.object_org_number")
            return self.subject != "nobody" or (isinstance(number, str) and OrgNumber.parse(number).is_personal)
        return self.record_kind != "control_invitation"

    @property
    def subject(self) -> Literal["personnummer", "samordningsnummer", "nobody"]:
        """Which number the person has; `nobody` when the record names no person."""
        if "subject.personal_identity_number" in self.fields:
            return "personnummer"
        return "samordningsnummer" if "subject.coordination_number" in self.fields else "nobody"

    @property
    def deciding_body(self) -> str | None:
        """The body that decided the benefit, for a payment."""
        value = self.fields.get("payment.deciding_body")
        return value if isinstance(value, str) else None


def is_protected(offer: Offer) -> bool:
    """Whether there is no flow at all: the person is protected, or nobody has looked."""
    return offer.names_a_person and (offer.protection is not Protection.NONE or offer.checked_time is None)


def require_unprotected(offer: Offer, now: datetime) -> None:
    """Raises Conflict when the person is protected, or nobody has looked within 24 hours."""
    if not offer.names_a_person:
        return
    checked = offer.checked_time
    if is_protected(offer) or checked is None or not now - CHECK_VALID <= checked <= now + SKEW_MAX:
        raise Conflict("protection_check: kontrollen av skyddade uppgifter saknas eller är äldre än 24 timmar. Inget skickas.")


def protection_valid_until(offer: Offer) -> datetime | None:
    """Until when the relay may send it; None where no person is named."""
    return offer.checked_time + CHECK_VALID if offer.names_a_person and offer.checked_time else None


DECIDERS: Mapping[str, frozenset[Role]] = {  # sharing-matrix 8: roles per record kind
    "folkbokforing_alert": frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR}),
    "suspected_payment": frozenset({Role.FUT_INVESTIGATOR}),
    "control_invitation": frozenset({Role.LOS_COORDINATOR}),
    "control_finding": frozenset({Role.INSPECTOR}),
    "police_report": frozenset({Role.FUT_MANAGER}),
}
SECOND_PERSONS: Mapping[str, frozenset[Role]] = {
    "folkbokforing_alert": frozenset({Role.APPROVER, Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR}),
    "suspected_payment": frozenset({Role.APPROVER, Role.FUT_INVESTIGATOR, Role.FUT_MANAGER}),
    "control_invitation": frozenset({Role.APPROVER, Role.LOS_COORDINATOR}),
    "control_finding": frozenset({Role.APPROVER, Role.INSPECTOR}),
    "police_report": frozenset({Role.APPROVER, Role.FUT_INVESTIGATOR, Role.FUT_MANAGER}),
}
OWNERS: Mapping[str, str] = {  # which service a record kind comes from, and is told what came back
    "folkbokforing_alert": "registry",
    "suspected_payment": "registry",
    "police_report": "registry",
    "control_invitation": "controls",
    "control_finding": "controls",
}
TWO_PERSONS = "officer+second"


def holder(person: str, role: str, unit: str) -> str:
    """A person in a role at a unit, in one word: what the view `ended_role` names. Neither a role nor a unit has a slash."""
    return f"{person}/{role}/{unit}"


def require_decider(caller: Caller, record_kind: str) -> None:
    """Raises Conflict when the caller's role does not decide on this kind of record."""
    if caller.role not in DECIDERS.get(record_kind, frozenset()):
        raise Conflict("Din roll beslutar inte om den här sortens uppgifter.")


def kinds_of(caller: Caller) -> frozenset[str]:
    """The record kinds that the caller's role works with, as the first or the second person; the others are not there."""
    return frozenset(kind for kind in DECIDERS if caller.role in DECIDERS[kind] | SECOND_PERSONS[kind])


def require_second_person(caller: Caller, record_kind: str, decided_by: str, handled_by: frozenset[str]) -> None:
    """Raises Conflict when the caller decided, or has handled the case: two pairs of eyes are two persons."""
    if caller.role not in SECOND_PERSONS.get(record_kind, frozenset()):
        raise Conflict("En kollega med en annan roll godkänner.")
    if caller.person == decided_by or caller.person in handled_by:
        raise Conflict("Du har själv handlagt ärendet eller beslutat. En kollega som inte har handlagt ärendet måste godkänna.")


def rendered(record_kind: str, fields: Fields, reference: Reference) -> dict[str, str | list[str]]:
    """The fields as a receiver reads them: coded facts become Swedish sentences, codes of units and receivers stay codes.

    Raises ValueError for a code that is never told.
    """
    words: Words[Any] = reference.causes
    if record_kind == "folkbokforing_alert":
        words = reference.observations
    elif record_kind == "control_finding":
        words = reference.findings
    result: dict[str, str | list[str]] = {}
    for name, value in fields.items():
        if isinstance(value, str):
            result[name] = value
        else:
            result[name] = [
                sentence(words[item.code], item.from_date, item.to_date) if isinstance(item, CodedFact) else item for item in value
            ]
    return result


def envelope(unit: str, case_number: str, ground_id: str, reference: Reference) -> dict[str, str]:
    """Set ENV of sharing-matrix 4.1. The unit is named by its neutral function (2)."""
    row = reference.units[unit]
    return {
        "sender.authority": row.authority,
        "sender.unit": row.function,
        "sender.function_mailbox": row.mailbox,
        "sender.case_number": case_number,
        "legal.basis_id": ground_id,
    }


def case_number(disclosure_id: UUID, today: date) -> str:
    """A reference made for this disclosure alone; it says nothing of the case (sharing-matrix 4.2)."""
    return f"LOS-{today.year}-{disclosure_id.hex[-12:]}"


def digest(content: bytes) -> str:
    """SHA-256 in hex: what a preview is named by."""
    return hashlib.sha256(content).hexdigest()
