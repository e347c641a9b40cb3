"""From an offer to a decision: choose the ground, show the bytes, check that they still hold, seal and promise them.

What is previewed is what is sent (design 7). Nothing here decides a threshold or a weighing: a person does, and what the person wrote is
kept with the decision.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict
from services.kernel.ids import new_id
from services.kernel.log import log
from services.kernel.reference import Reference, reference
from services.sharing.contract import REFERENCES, Contract
from services.sharing.domain import (
    PREVIEW_VALID,
    Offer,
    OfferState,
    Status,
    case_number,
    digest,
    envelope,
    holder,
    protection_valid_until,
    rendered,
)
from services.sharing.legal import Answer, Ground, Law, LeftOut, Question, choose, minimise
from services.sharing.legal.data import Point
from services.sharing.sealing import RECALLED_PURPOSE, Change, Event, KeySource, content_bytes
from services.sharing.store import Store

EXPIRY = timedelta(days=14)
RECALL_EXPIRY = timedelta(days=3653)  # ten years: an obligation does not lapse
CLOSED: frozenset[str] = frozenset()
PURPOSES: Mapping[str, str] = {
    "folkbokforing_alert": "Underrättelse om en uppgift i folkbokföringen som kan antas vara fel.",
    "suspected_payment": "Underrättelse om en förmån som det finns anledning att anta har betalats ut felaktigt.",
    "control_invitation": "Samordning av en kontroll som varje myndighet gör med stöd av sin egen lag.",
    "control_finding": "En iakttagelse vid en kontroll som nämnden gjort med stöd av sin egen lag.",
    "police_report": "Hänvisning till en polisanmälan som lämnas på Polisens vanliga väg.",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What would be sent, and what would not."""

    answer: Answer
    ground: Ground
    payload: bytes
    fields: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


class Decisions:
    """The law, the keys and the store, put to one offer at a time."""

    def __init__(self, law: Law, keys: KeySource, store: Store, clock: Clock, kommun_code: str) -> None:
        """`kommun_code` is the four digits of the kommun; it names the source of events."""
        self.law = law
        self._keys = keys
        self._store = store
        self._clock = clock
        self._kommun_code = kommun_code
        self._reference: Reference = reference()
        self._contract = Contract(law)

    def weigh(self, offer: Offer, on: date, opened: frozenset[str] = CLOSED) -> Answer:
        """What the law says of this offer that day; `opened` is what a jurist of the kommun has opened. A record says what it holds.

        The strictest class of the fields that go decides (sharing-matrix 1.2), and which go depends on the ground: asked again with
        the classes of what would go, until they are the same.
        """
        holding = self._reference.units[offer.unit].holds.get(offer.record_kind)
        secrecy = offer.secrecy
        while True:
            question = Question(
                record_kind=offer.record_kind,
                sender_kinds=holding.sender_kinds if holding else frozenset(),
                receiver=offer.receiver_kind,
                on=on,
                secrecy=secrecy,
                subject=offer.subject,
                on_request=offer.on_request,
                matter=offer.matter,  # type: ignore[arg-type]  # one of the contract's words
                deciding_body=offer.deciding_body if offer.record_kind == "suspected_payment" else None,
            )
            answer = choose(self.law, question, opened)
            going = secrecy | offer.secrecy_of(answer.fields)
            if going == secrecy:
                return answer
            secrecy = going

    def draft(self, offer: Offer, disclosure_id: UUID, on: date, opened: frozenset[str] = CLOSED, replaces: Iterable[UUID] = ()) -> Draft:
        """The bytes for the receiver. Raises Conflict (M2, M2b) when nothing may go."""
        answer = self.weigh(offer, on, opened)
        if answer.route is None:
            raise Conflict(self.refusal(answer, offer.receiver_kind))
        ground = answer.route.ground
        everything = dict(offer.fields) | envelope(offer.unit, case_number(disclosure_id, on), ground.id, self._reference)
        kept, left_out = minimise(answer, everything)
        if self._content(offer.record_kind, answer.fields) and not self._content(offer.record_kind, kept):
            raise Conflict("content: ärendet har inget av det som grunden tillåter. Bara ett kuvert om en person lämnas aldrig.")
        fields = rendered(offer.record_kind, kept, self._reference)
        payload = content_bytes(
            receiver_kind=offer.receiver_kind,
            disclosure_id=disclosure_id,
            record_kind=offer.record_kind,
            purpose=PURPOSES[offer.record_kind],
            basis_id=ground.id,
            citation=ground.citation,
            sfs=ground.sfs,
            secrecy=self._told(answer.secrecy),
            fields=fields,
            replaces=replaces,
        )
        if answer.channel:
            self._contract.require(offer.record_kind, offer.receiver_kind, "corrected" if replaces else "shared", payload)
        return Draft(answer, ground, payload, tuple(fields), left_out)

    def _content(self, record_kind: str, names: Iterable[str]) -> list[str]:
        """The record's own fields among these, references apart: without any it is an envelope about a person (sharing-matrix 1.3)."""
        own = self.law.record_kinds[record_kind].own
        return [name for name in names if name.startswith(own) and name not in REFERENCES]

    def refusal(self, answer: Answer, receiver_kind: str) -> str:
        """Why nothing may go, for the officer."""
        receiver = self._reference.receivers[receiver_kind].word
        if answer.switch == "off":
            permission = next((reason for reason in answer.reasons if reason.code == "off"), None)
            citation = self.law.grounds[permission.ground].citation if permission and permission.ground in self.law.grounds else "En lag"
            return self.law.messages["M2b"].format(lagrum=citation)
        return self.law.messages["M2"].format(mottagare=receiver, antal=len(self.law.grounds))

    def duty(self, answer: Answer, receiver_kind: str, since: date) -> str:
        """What the officer is told of an offer that may go."""
        ground = answer.ground
        if ground is None:
            return self.refusal(answer, receiver_kind)
        receiver = self._reference.receivers[receiver_kind].word
        if ground.kind == "duty":
            return self.law.messages["M1"].format(mottagare=receiver, lagrum=ground.citation, datum=since.isoformat())
        return f"{ground.title_sv}: {ground.citation}."

    def key_id(self, receiver_kind: str) -> str | None:
        """The key that would be used today; a change of key voids a preview."""
        key = self._keys().newest_of(receiver_kind, self._clock.now())
        return key.kid if key else None

    def missing_points(self, answer: Answer, written: Mapping[str, str]) -> list[str]:
        """What the ground demands in writing and is not there yet."""
        return [point.code for point in self.points(answer.writes) if not written.get(point.code, "").strip()]

    def require_unchanged(  # what was shown, and all that it depends on
        self,
        offer: Offer,
        payload: bytes,
        stored: Row,
        disclosure_id: UUID,
        on: date,
        opened: frozenset[str] = CLOSED,
        replaces: Iterable[UUID] = (),
    ) -> Draft:
        """The draft of today, when it is byte for byte what was shown, on the same ground, to the same key.

        `stored` is a preview or a disclosure. Raises Conflict (M7): the preview must be made again.
        """
        now_draft = self.draft(offer, disclosure_id, on, opened, replaces)
        self.require_same_ground(offer, stored, on, opened)
        if stored.key_id != self.key_id(offer.receiver_kind) or now_draft.payload != payload:
            raise Conflict(self.law.messages["M7"])
        return now_draft

    def require_same_ground(self, offer: Offer, stored: Row, on: date, opened: frozenset[str] = CLOSED) -> None:
        """Raises Conflict (M7) unless the ground that was shown or decided on is, unaltered, the one that holds that day."""
        ground = self.weigh(offer, on, opened).ground
        if ground is None or (ground.id, ground.digest) != (stored.ground_id, stored.ground_digest):
            raise Conflict(self.law.messages["M7"])

    def commit(
        self, tx: Transaction, row: Row, told: Row, payload: bytes, offer: Offer, caller: Caller, approval: str | None = None
    ) -> tuple[Status, str]:
        """Carry the decision out: seal and promise it, or leave it as a task when there is no channel. The status and the message.

        `approval` is the second person's delegation, when there is a second person.
        """
        now = self._clock.now()
        if told.agency is None:
            status, text = Status.NO_CHANNEL, told.task
        else:
            status = Status.DECIDED
            self._send(
                tx,
                told,
                "corrected" if told.replaces else "shared",
                payload,
                Status.SENT,
                secret=bool(told.secrecy) or offer.names_a_person,
                lasts=EXPIRY,
                ground_last_date=self.law.grounds[told.ground_id].effective_to,
                protection_valid_until=protection_valid_until(offer),
                deciders=sorted({holder(told.decided_by, told.decided_role, told.unit), holder(*caller.seat)}),
            )
            text = f"Beslutat. Skickas till {self._reference.receivers[told.receiver_kind].word}. Referens {case_number_of(payload)}."
        details = {"approved": True} if approval else {}
        self._store.add_event(tx, told.id, status, now, person=caller.person, delegation_reference=approval, details=details)
        self._store.move_offer(tx, row, OfferState.DECIDED)
        return status, text

    def recall(self, tx: Transaction, told: Row, **what: Any) -> Status:  # noqa: ANN401  # who, on which delegation and why
        """Take back what was decided to be told, and say so to the record's owner; what it is after.

        What has not left never leaves. Else the recall is sealed and promised here and now: it names nobody and discloses nothing, so
        there is nothing to weigh and no ground or protection to wait for. Without a topic or a key it is a person's to tell.
        """
        now = self._clock.now()
        if told.status == Status.NO_CHANNEL or (told.status == Status.DECIDED and self._store.keep_back(tx, told.id)):
            after = Status.VOID
        elif told.agency is None or not self._keys().can_seal_to(told.receiver_kind, now):
            after = Status.RECALL_DUE
            # Of a protected person no officer sees that it is owed: whoever watches the service tells the named unit.
            log.warning("recall_due", disclosure_id=str(told.id))
        else:
            after = Status.RECALL_DECIDED
            ground = self.law.grounds[told.ground_id]
            content = content_bytes(
                receiver_kind=told.receiver_kind,
                disclosure_id=told.id,
                record_kind=told.record_kind,
                purpose=RECALLED_PURPOSE,
                basis_id=ground.id,
                citation=ground.citation,
                sfs=ground.sfs,
                secrecy=self._told(told.secrecy),
                fields={},
            )
            # It discloses nothing, so it may well be marked as more secret than an original that named nobody was.
            secret = bool(told.secrecy) or told.record_kind != "control_invitation"
            self._send(tx, told, "recalled", content, Status.RECALLED, secret=secret, lasts=RECALL_EXPIRY)
        self._store.tell(tx, told, after, now, **what)
        return after

    def _send(  # what an event is
        self,
        tx: Transaction,
        told: Row,
        change: Change,
        content: bytes,
        sent_status: Status,
        *,
        secret: bool,
        lasts: timedelta,
        **bounds: object,
    ) -> None:
        """Seal an event about a disclosure, and promise it."""
        now = self._clock.now()
        event = Event(
            id=new_id(),
            kommun_code=self._kommun_code,
            record_kind=told.record_kind,
            change=change,
            receiver_kind=told.receiver_kind,
            key=told.key,
            sequence=self._store.next_sequence(tx, told.key),
            disclosure_id=told.id,
            time=now,
            recorded_time=told.decided_time,
            expiry_time=now + lasts,
            secret=secret,
        )
        sealed = self._contract.seal(event, content, self._keys())
        self._store.add_message(tx, event, sealed, f"los.share.{told.agency}.v1", sent_status, **bounds)

    def _told(self, secrecy: Iterable[str]) -> list[str]:
        """The classes that a receiver is told of."""
        return sorted(code for code in secrecy if self.law.secrecy_classes[code].told)

    def task(self, draft: Draft, offer: Offer) -> str:
        """What stays with a person after the decision: a duty without a channel, or a report that goes another way."""
        receiver = self._reference.receivers[offer.receiver_kind].word
        if offer.record_kind == "police_report":
            return self.law.messages["M14"].format(lagrum=draft.ground.citation)
        if not draft.answer.channel:
            return self.law.messages["M11"].format(mottagare=receiver)
        return ""

    def header(self, draft: Draft, offer: Offer) -> str:
        """M5, over the preview."""
        return self.law.messages["M5"].format(
            mottagare=self._reference.receivers[offer.receiver_kind].word,
            lagrum=draft.ground.citation,
            antal_skickas=len(draft.fields),
            antal_utanfor=len(draft.left_out),
        )

    def brake(self, draft: Draft) -> str:
        """The text of the ground's brake, or nothing where the law has none."""
        return self.law.brakes[draft.answer.brake].text if draft.answer.brake else ""

    def checklist(self, draft: Draft) -> tuple[str, ...]:
        """What to think of before the brake is weighed (6.1)."""
        return self.law.brakes[draft.answer.brake].checklist if draft.answer.brake else ()

    def points(self, writes: str | None) -> tuple[Point, ...]:
        """What the ground demands in writing (6.2)."""
        return self.law.writings[writes].points if writes else ()

    def question(self, point: str) -> str:
        """What a written point answers; nothing when the law asks for it no more. A code has one question, whatever ground asks."""
        return next((one.text for writing in self.law.writings.values() for one in writing.points if one.code == point), "")

    def preview_expires(self) -> datetime:
        """When a preview made now is void."""
        return self._clock.now() + PREVIEW_VALID

    def agency(self, draft: Draft, receiver_kind: str) -> str | None:
        """The agency whose topic it goes to; None when there is no channel."""
        return self._reference.receivers[receiver_kind].agency if draft.answer.channel else None


def case_number_of(payload: bytes) -> str:
    """The reference that the receiver sees."""
    return str(json.loads(payload)["fields"]["sender.case_number"])


def hash_of(payload: bytes) -> str:
    """What a preview is named by."""
    return digest(payload)
