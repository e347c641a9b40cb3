"""The servicer of sharing: who may ask, then one transaction, then the answer."""

import json
from collections.abc import Mapping
from datetime import date
from typing import get_args
from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1 import sharing_pb2_grpc

from services.kernel.callers import Caller, Role
from services.kernel.clock import STOCKHOLM, Clock, timestamp
from services.kernel.db import Database, Row, Transaction
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.records import Audit, Requests, record_step
from services.kernel.reference import reference
from services.kernel.rpc import Rule, caller, people, services
from services.sharing import store as tables
from services.sharing import wire
from services.sharing.decisions import Decisions, hash_of
from services.sharing.domain import (
    NEXT,
    STANDING,
    TWO_PERSONS,
    Offer,
    OfferState,
    Status,
    is_protected,
    require_decider,
    require_second_person,
    require_unprotected,
)
from services.sharing.legal import Question, choose
from services.sharing.legal.data import Subject
from services.sharing.store import Store

OFFICERS = (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.LOS_COORDINATOR)
RULES: Mapping[str, Rule] = {
    "OfferRecord": services("registry", "controls"),
    "ListOffers": people(*OFFICERS),
    "PreviewDisclosure": people(*OFFICERS),
    "DecideDisclosure": people(*OFFICERS),
    "ApproveDisclosure": people(*OFFICERS),
    "GetDisclosure": people(*OFFICERS),
    "ListDisclosures": people(*OFFICERS),
    "ExplainGround": people(*OFFICERS),
    "ListGrounds": people(*OFFICERS),
}
OWNERS = {  # which service a record kind may come from
    "folkbokforing_alert": "registry",
    "suspected_payment": "registry",
    "police_report": "registry",
    "control_invitation": "controls",
}
PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 20, 100


class SharingServicer(sharing_pb2_grpc.SharingServiceServicer):
    """Offers in, previews and decisions, disclosures out."""

    def __init__(self, database: Database, store: Store, decisions: Decisions, requests: Requests, audit: Audit, clock: Clock) -> None:
        """All parts are passed in; app.py builds them."""
        self._database = database
        self._store = store
        self._decisions = decisions
        self._requests = requests
        self._audit = audit
        self._clock = clock

    # offers -------------------------------------------------------------------------------------------------------

    def OfferRecord(self, request: pb.OfferRecordRequest, context: grpc.ServicerContext) -> pb.OfferRecordResponse:  # noqa: ARG002, N802
        """Take an offer into the tray, or empty one that is withdrawn."""
        asking = caller()
        record_kind = wire.record_kind_of(request)
        if OWNERS.get(record_kind) != asking.service:
            raise Denied(f"{record_kind}: den tjänsten äger inte uppgiften.")
        offered = wire.offer_from(request)
        if request.unit not in reference().units or request.receiver_kind not in reference().receivers:
            raise Invalid("unit: förvaltningen eller mottagaren finns inte.")
        return self._requests.once(
            asking,
            request,
            request.event_id,
            pb.OfferRecordResponse,
            lambda tx: self._take(tx, asking, offered, record_kind, request),
        )

    def _take(
        self, tx: Transaction, asking: Caller, offered: Offer | None, record_kind: str, request: pb.OfferRecordRequest
    ) -> pb.OfferRecordResponse:
        earlier = self._store.latest_offer(tx, record_kind, UUID(request.record_id), request.receiver_kind)
        if earlier is not None and earlier.revision >= request.revision:
            return pb.OfferRecordResponse(offer_id=str(earlier.id), state=wire.OFFER_STATE[OfferState(earlier.state)])
        if earlier is None and offered is None:
            raise NotFound
        wanted = None if offered is None or is_protected(offered) else offered
        if earlier is not None:
            if wanted is not None and self._says_the_same(tx, earlier, wanted):
                return pb.OfferRecordResponse(offer_id=str(earlier.id), state=wire.OFFER_STATE[OfferState(earlier.state)])
            self._supersede(tx, asking, earlier, wanted)
            if offered is None:
                return pb.OfferRecordResponse(offer_id=str(earlier.id), state=pb.OFFER_STATE_WITHDRAWN)
        assert offered is not None  # noqa: S101  # nothing to withdraw and nothing offered was refused above
        now = self._clock.now()
        if wanted is None:
            state = OfferState.STOPPED
        else:
            state = OfferState.WAITING if self._decisions.weigh(wanted, self._clock.today()).allowed else OfferState.NO_GROUND
        offer_id = self._store.add_offer(tx, offered, state, now)
        record_step(tx, tables.history, "offer", offer_id, offered.revision, (None, state), now, None)
        self._audit(tx, "sharing:offer:take", asking, "offer", offer_id, state=state, receiver=offered.receiver_kind)
        return pb.OfferRecordResponse(offer_id=str(offer_id), state=wire.OFFER_STATE[state])

    def _says_the_same(self, tx: Transaction, earlier: Row, offered: Offer) -> bool:
        """Whether what was decided on the earlier offer stands, and the new revision would send the very same bytes."""
        told = self._store.disclosure_of_offer(tx, earlier.id)
        if told is None or Status(told.status) not in STANDING:
            return False
        try:
            draft = self._decisions.draft(offered, told.id, told.decided_time.astimezone(STOCKHOLM).date())
        except Conflict:
            return False
        return draft.payload == self._store.opened("disclosure", told, "payload")

    def _supersede(self, tx: Transaction, asking: Caller, earlier: Row, offered: Offer | None) -> None:
        """The record is withdrawn or protected (None), or has changed: what was offered and decided before no longer holds.

        What nobody has decided on is emptied. What was decided never leaves, if it has not; if it may have, a person owes the
        receiver a recall or a correction (design 5).
        """
        now = self._clock.now()
        told = self._store.disclosure_of_offer(tx, earlier.id)
        if told is not None and told.status == Status.AWAITING_APPROVAL:
            self._store.add_event(tx, told.id, Status.VOID, now)
        elif told is not None and Status(told.status) in STANDING:
            kept_back = self._store.keep_back(tx, told.id)
            after = Status.VOID if kept_back else Status.RECALL_DUE if offered is None else Status.CORRECTION_DUE
            self._store.tell(tx, told, after, now)
            self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
        state = OfferState.WITHDRAWN if offered is None else OfferState.REPLACED
        if state in NEXT[OfferState(earlier.state)]:
            self._store.move_offer(tx, earlier, state)
            record_step(tx, tables.history, "offer", earlier.id, earlier.revision, (earlier.state, state), now, None)
            self._audit(tx, "sharing:offer:close", asking, "offer", earlier.id, state=state)

    def ListOffers(self, request: pb.ListOffersRequest, context: grpc.ServicerContext) -> pb.ListOffersResponse:  # noqa: ARG002, N802
        """The caller's unit's offers, with what the law says of each today."""
        asking = caller()
        size, after = _page(request.page.page_size, request.page.page_token)
        states = [wire.OFFER_STATE_BACK[state] for state in request.states]
        with self._database.transaction() as tx:
            rows = self._store.offers(tx, asking.unit or "", states, after, size + 1)
            self._audit(tx, "sharing:offer:list", asking, count=min(len(rows), size))
        offers = [self._offer_row(row) for row in rows[:size]]
        return pb.ListOffersResponse(offers=offers, next_page_token=str(rows[size - 1].id) if len(rows) > size else "")

    def _offer_row(self, row: Row) -> pb.OfferRow:
        message = pb.OfferRow(
            offer_id=str(row.id),
            record_kind=row.record_kind,
            record_id=str(row.record_id),
            revision=row.revision,
            receiver_kind=row.receiver_kind,
            state=wire.OFFER_STATE[OfferState(row.state)],
            offered_time=timestamp(row.offered_time),
        )
        if row.content is not None:
            answer = self._decisions.weigh(self._store.opened_offer(row), self._clock.today())
            message.ground_id = answer.ground.id if answer.ground else ""
            message.decision_by = answer.decision_by or ""
            message.message = self._decisions.duty(answer, row.receiver_kind, row.offered_time.date())
        return message

    # previews and decisions ---------------------------------------------------------------------------------------

    def PreviewDisclosure(  # noqa: N802
        self,
        request: pb.PreviewDisclosureRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> pb.PreviewDisclosureResponse:
        """Show what would be sent, byte for byte, and keep it for 24 hours."""
        asking = caller()
        answer = self._requests.once(
            asking, request, request.request_id, pb.PreviewDisclosureResponse, lambda tx: self._preview(tx, asking, request)
        )
        with self._database.transaction() as tx:  # the same request again reads it again: each reading leaves its row
            stored = self._store.preview(tx, UUID(answer.preview_id))
            if stored is None or stored.expire_time < self._clock.now():
                raise Conflict(self._decisions.law.messages["M7"])
            self._audit(
                tx,
                "sharing:disclosure:preview",
                asking,
                "offer",
                stored.offer_id,
                ground=stored.ground_id,
                fields=json.loads(self._store.opened("preview", stored, "shown"))["fields"],
            )
        return self._shown(stored)

    def _preview(self, tx: Transaction, asking: Caller, request: pb.PreviewDisclosureRequest) -> pb.PreviewDisclosureResponse:
        row = self._open_offer(tx, request.offer_id, asking)
        require_decider(asking, row.record_kind)
        if row.state != OfferState.WAITING:
            raise Conflict("Erbjudandet är redan avgjort.")
        offer = self._store.opened_offer(row)
        now = self._clock.now()
        require_unprotected(offer, now)
        disclosure_id, preview_id = new_id(), new_id()
        draft = self._decisions.draft(offer, disclosure_id, self._clock.today())
        written = {point.point: point.text for point in request.written}
        self._store.add_preview(
            tx,
            preview_id,
            draft.payload,
            written,
            {
                "citation": draft.ground.citation,
                "decision_by": draft.ground.decision_by,
                "brake": self._decisions.brake(draft),
                "header": self._decisions.header(draft, offer),
                "left_out": [[item.field, item.text] for item in draft.left_out],
                "fields": list(draft.fields),
            },
            offer_id=row.id,
            disclosure_id=disclosure_id,
            person=asking.person,
            ground_id=draft.ground.id,
            ground_digest=draft.ground.digest,
            key_id=self._decisions.key_id(offer.receiver_kind),
            payload_hash=hash_of(draft.payload),
            missing_points=self._decisions.missing_points(draft.answer, written),
            created_time=now,
            expire_time=self._decisions.preview_expires(),
        )
        return pb.PreviewDisclosureResponse(preview_id=str(preview_id))

    def _shown(self, stored: Row) -> pb.PreviewDisclosureResponse:
        shown = json.loads(self._store.opened("preview", stored, "shown"))
        return pb.PreviewDisclosureResponse(
            preview_id=str(stored.id),
            payload=self._store.opened("preview", stored, "payload"),
            payload_hash=stored.payload_hash,
            ground_id=stored.ground_id,
            citation=shown["citation"],
            decision_by=shown["decision_by"],
            brake=shown["brake"],
            left_out=[pb.LeftOut(field=field, reason=reason) for field, reason in shown["left_out"]],
            expire_time=timestamp(stored.expire_time),
            header=shown["header"],
            missing_points=stored.missing_points,
        )

    def DecideDisclosure(self, request: pb.DecideDisclosureRequest, context: grpc.ServicerContext) -> pb.DecideDisclosureResponse:  # noqa: ARG002, N802
        """A named person decides on what the person has just seen."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.DecideDisclosureResponse, lambda tx: self._decide(tx, asking, request)
        )

    def _decide(self, tx: Transaction, asking: Caller, request: pb.DecideDisclosureRequest) -> pb.DecideDisclosureResponse:
        now = self._clock.now()
        stored = self._store.preview(tx, UUID(request.preview_id))
        if stored is None or stored.person != asking.person:
            raise NotFound
        row = self._open_offer(tx, str(stored.offer_id), asking)
        require_decider(asking, row.record_kind)
        messages = self._decisions.law.messages
        if row.state != OfferState.WAITING or stored.expire_time < now or stored.payload_hash != request.payload_hash:
            raise Conflict(messages["M7"])
        offer = self._store.opened_offer(row)
        payload = self._store.opened("preview", stored, "payload")
        sends = request.decision == pb.DECISION_SEND
        if sends:
            require_unprotected(offer, now)
        elif not request.reason.strip():
            raise Invalid("reason: skriv varför uppgiften inte lämnas.")
        draft = self._decisions.require_unchanged(offer, payload, stored, stored.disclosure_id, self._clock.today())
        if sends and stored.missing_points:
            raise Conflict(f"written: {messages['M4'].format(bromstext=self._decisions.brake(draft))}")
        self._store.add_disclosure(
            tx,
            stored.disclosure_id,
            payload,
            self._store.opened("preview", stored, "written"),
            offer_id=row.id,
            record_kind=row.record_kind,
            record_id=row.record_id,
            receiver_kind=row.receiver_kind,
            agency=self._decisions.agency(draft, row.receiver_kind),
            unit=row.unit,
            ground_id=draft.ground.id,
            ground_digest=draft.ground.digest,
            decision_by=draft.ground.decision_by,
            fields=list(draft.fields),
            secrecy=sorted(offer.secrecy),
            key_id=stored.key_id,
            payload_hash=stored.payload_hash,
            decided_by=asking.person,
            decided_time=now,
            delegation_reference=request.delegation_reference,
            key=self._store.stream_key(tx, row.record_kind, row.record_id, row.receiver_kind),
            task=self._decisions.task(draft, offer) if sends else "",
        )
        tx.flush()
        told = self._store.disclosure(tx, stored.disclosure_id)
        assert told is not None  # noqa: S101  # written two lines above
        if not sends:
            status, text = self._refuse(tx, row, told, asking, request.reason), "Beslutat: uppgiften lämnas inte."
        elif draft.ground.decision_by == TWO_PERSONS:
            status = Status.AWAITING_APPROVAL
            text = messages["M6"].format(roll="En kollega", namnd=reference().units[row.unit].authority)
            self._store.add_event(tx, told.id, status, now, person=asking.person)
            self._store.move_offer(tx, row, OfferState.AWAITING_APPROVAL)
        else:
            status, text = self._decisions.commit(tx, row, told, payload, offer, asking)
        self._step(tx, asking, "decide", row, told, status)
        return pb.DecideDisclosureResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[status], message=text)

    def ApproveDisclosure(  # noqa: N802
        self,
        request: pb.ApproveDisclosureRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> pb.ApproveDisclosureResponse:
        """A second person of the same nämnd, who has not handled the case, goes through the same bytes."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.ApproveDisclosureResponse, lambda tx: self._approve(tx, asking, request)
        )

    def _approve(self, tx: Transaction, asking: Caller, request: pb.ApproveDisclosureRequest) -> pb.ApproveDisclosureResponse:
        now = self._clock.now()
        told = self._store.disclosure_of_unit(tx, UUID(request.disclosure_id), asking.unit)
        if told is None:
            raise NotFound
        row = self._open_offer(tx, str(told.offer_id), asking)
        messages = self._decisions.law.messages
        if (
            row.state != OfferState.AWAITING_APPROVAL
            or told.status != Status.AWAITING_APPROVAL
            or told.payload_hash != request.payload_hash
        ):
            raise Conflict(messages["M7"])
        offer = self._store.opened_offer(row)
        require_second_person(asking, told.decided_by, offer.handled_by)
        if request.decision == pb.DECISION_SEND:
            require_unprotected(offer, now)
            payload = self._store.opened("disclosure", told, "payload")
            self._decisions.require_unchanged(offer, payload, told, told.id, told.decided_time.astimezone(STOCKHOLM).date())
            self._decisions.require_same_ground(offer, told, self._clock.today())
            status, text = self._decisions.commit(tx, row, told, payload, offer, asking, request.delegation_reference)
        else:
            if not request.reason.strip():
                raise Invalid("reason: skriv varför uppgiften inte lämnas.")
            status, text = self._refuse(tx, row, told, asking, request.reason), "Beslutat: uppgiften lämnas inte."
        self._step(tx, asking, "approve", row, told, status)
        return pb.ApproveDisclosureResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[status], message=text)

    def _refuse(self, tx: Transaction, row: Row, told: Row, asking: Caller, reason: str) -> Status:
        note = self._store.sealed_note(told.id, told.data_key, reason)
        self._store.add_event(tx, told.id, Status.REFUSED, self._clock.now(), person=asking.person, note=note)
        self._store.move_offer(tx, row, OfferState.REFUSED)
        return Status.REFUSED

    def _step(self, tx: Transaction, asking: Caller, act: str, row: Row, told: Row, status: Status) -> None:
        """History and audit of a decision."""
        after = OFFER_AFTER.get(status, OfferState.DECIDED)
        record_step(tx, tables.history, "offer", row.id, row.revision, (row.state, after), self._clock.now(), asking.person)
        outcome = "refused" if status is Status.REFUSED else "done"
        self._audit(tx, f"sharing:disclosure:{act}", asking, "disclosure", told.id, outcome, ground=told.ground_id, hash=told.payload_hash)

    def _open_offer(self, tx: Transaction, offer_id: str, asking: Caller) -> Row:
        row = self._store.offer_of_unit(tx, UUID(offer_id), asking.unit)
        if row is None or row.state == OfferState.STOPPED:
            raise NotFound
        if row.content is None:
            raise Conflict(self._decisions.law.messages["M7"])
        return row

    # disclosures --------------------------------------------------------------------------------------------------

    def GetDisclosure(self, request: pb.GetDisclosureRequest, context: grpc.ServicerContext) -> pb.GetDisclosureResponse:  # noqa: ARG002, N802
        """What was decided, the bytes, what was written, and what has happened since."""
        asking = caller()
        with self._database.transaction() as tx:
            told = self._store.disclosure_of_unit(tx, UUID(request.disclosure_id), asking.unit)
            if told is None:
                raise NotFound
            events = self._store.events(tx, told.id)
            self._audit(tx, "sharing:disclosure:get", asking, "disclosure", told.id)
        written = json.loads(self._store.opened("disclosure", told, "written"))
        approved = next((event.person for event in events if event.details.get("approved")), "")
        return pb.GetDisclosureResponse(
            disclosure=_disclosure_row(told, approved),
            payload=self._store.opened("disclosure", told, "payload"),
            payload_hash=told.payload_hash,
            written=[pb.WrittenPoint(point=point, text=text) for point, text in written.items()],
            events=[
                pb.DisclosureEvent(occurred_time=timestamp(event.occurred_time), status=event.status, person=event.person or "")
                for event in events
            ],
        )

    def ListDisclosures(self, request: pb.ListDisclosuresRequest, context: grpc.ServicerContext) -> pb.ListDisclosuresResponse:  # noqa: ARG002, N802
        """The caller's unit's disclosures; nothing personal in a row."""
        asking = caller()
        size, after = _page(request.page.page_size, request.page.page_token)
        states = [status for status, number in wire.DISCLOSURE_STATE.items() if number in set(request.states)]
        with self._database.transaction() as tx:
            rows = self._store.disclosures(tx, asking.unit or "", states, after, size + 1)
            self._audit(tx, "sharing:disclosure:list", asking, count=min(len(rows), size))
        return pb.ListDisclosuresResponse(
            disclosures=[_disclosure_row(row, row.approved_by or "") for row in rows[:size]],
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )

    # the law ------------------------------------------------------------------------------------------------------

    def ExplainGround(self, request: pb.ExplainGroundRequest, context: grpc.ServicerContext) -> pb.ExplainGroundResponse:  # noqa: ARG002, N802
        """A dry answer; nothing is stored."""
        answer = choose(
            self._decisions.law,
            Question(
                record_kind=request.record_kind,
                sender_kinds=frozenset(request.sender_kinds),
                receiver=request.receiver,
                on=_day(request.on),
                on_request=request.on_request,
                secrecy=frozenset(request.secrecy) or None,
                subject=_subject(request.subject),
            ),
        )
        return pb.ExplainGroundResponse(
            allowed=answer.allowed,
            ground_id=answer.ground.id if answer.ground else "",
            kind=answer.kind or "",
            switch=answer.switch,
            decision_by=answer.decision_by or "",
            fields=answer.fields,
            reasons=[pb.Reason(ground_id=r.ground, step=str(r.step), code=r.code, text=r.text) for r in answer.reasons],
        )

    def ListGrounds(self, request: pb.ListGroundsRequest, context: grpc.ServicerContext) -> pb.ListGroundsResponse:  # noqa: ARG002, N802
        """The grounds in force that day."""
        on = _day(request.on)
        return pb.ListGroundsResponse(
            grounds=[
                pb.Ground(
                    ground_id=ground.id,
                    title=ground.title_sv,
                    citation=ground.citation,
                    kind=ground.kind,
                    effective_from=ground.effective_from.isoformat(),
                    effective_to=ground.effective_to.isoformat() if ground.effective_to else "",
                    digest=ground.digest,
                )
                for ground in self._decisions.law.grounds.values()
                if ground.effective_from <= on <= (ground.effective_to or date.max)
            ]
        )


OFFER_AFTER: Mapping[Status, OfferState] = {
    Status.AWAITING_APPROVAL: OfferState.AWAITING_APPROVAL,
    Status.REFUSED: OfferState.REFUSED,
}


def _disclosure_row(row: Row, approved_by: str) -> pb.DisclosureRow:
    return pb.DisclosureRow(
        disclosure_id=str(row.id),
        record_kind=row.record_kind,
        record_id=str(row.record_id),
        receiver_kind=row.receiver_kind,
        agency=row.agency or "",
        ground_id=row.ground_id,
        ground_digest=row.ground_digest,
        fields=row.fields,
        state=wire.DISCLOSURE_STATE[Status(row.status)],
        decided_time=timestamp(row.decided_time),
        decided_by=row.decided_by,
        approved_by=approved_by,
        payload_hash=row.payload_hash,
        task=row.task,
    )


def _page(size: int, token: str) -> tuple[int, UUID | None]:
    try:
        return min(size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX), UUID(token) if token else None
    except ValueError:
        raise Invalid("page_token: sidmärket går inte att läsa.") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("on: datumet går inte att läsa. Skriv till exempel 2026-11-23.") from None


def _subject(text: str) -> Subject | None:
    if text and text not in get_args(Subject):
        raise Invalid("subject: ordet finns inte i listan.")
    return text or None  # type: ignore[return-value]  # checked on the line above
