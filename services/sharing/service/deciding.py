"""Previews and decisions: a named person looks, weighs and decides, and often a second one too."""

import json
from collections.abc import Mapping
from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import STOCKHOLM, timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.decisions import hash_of
from services.sharing.domain import TWO_PERSONS, OfferState, Status, require_decider, require_second_person, require_unprotected
from services.sharing.service.parts import Parts
from services.sharing.store import tables

OFFER_AFTER: Mapping[Status, OfferState] = {
    Status.AWAITING_APPROVAL: OfferState.AWAITING_APPROVAL,
    Status.REFUSED: OfferState.REFUSED,
}


class DecisionMethods(Parts):
    """The methods of deciding."""

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
        replaces = self._store.to_replace(tx, row.record_kind, row.record_id, row.receiver_kind)
        draft = self._decisions.draft(offer, disclosure_id, self._clock.today(), self._store.open_flows(tx), replaces)
        written = {point.point: point.text for point in request.written}
        self._store.add_preview(
            tx,
            preview_id,
            draft.payload,
            written,
            {
                "citation": draft.ground.citation,
                "decision_by": draft.answer.decision_by,
                "brake": self._decisions.brake(draft),
                "header": self._decisions.header(draft, offer),
                "left_out": [[item.field, item.text] for item in draft.left_out],
                "fields": list(draft.fields),
                "checklist": list(self._decisions.checklist(draft)),
                "points": [[point.code, point.text] for point in self._decisions.points(draft.answer.writes)],
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
            checklist=shown["checklist"],
            points=[pb.Point(code=code, text=text) for code, text in shown["points"]],
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
        replaces = self._store.to_replace(tx, row.record_kind, row.record_id, row.receiver_kind)
        draft = self._decisions.require_unchanged(
            offer, payload, stored, stored.disclosure_id, self._clock.today(), self._store.open_flows(tx), replaces
        )
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
            decision_by=draft.answer.decision_by,
            fields=list(draft.fields),
            secrecy=sorted(draft.answer.secrecy),
            key_id=stored.key_id,
            payload_hash=stored.payload_hash,
            decided_by=asking.person,
            decided_role=asking.role,
            decided_time=now,
            delegation_reference=self._plain(delegation_reference=request.delegation_reference)[0],
            key=self._store.stream_key(tx, row.record_kind, row.record_id, row.receiver_kind),
            task=self._decisions.task(draft, offer) if sends else "",
            flow=draft.answer.flow,
            replaces=replaces,
            subject=row.subject,
        )
        tx.flush()
        told = self._store.disclosure(tx, stored.disclosure_id)
        assert told is not None  # noqa: S101  # written two lines above
        if not sends:
            status, text = self._refuse(tx, row, told, asking, request.reason), "Beslutat: uppgiften lämnas inte."
        elif draft.answer.decision_by == TWO_PERSONS:
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
        told = self._own_disclosure(tx, request.disclosure_id, asking)
        row = self._open_offer(tx, str(told.offer_id), asking)
        messages = self._decisions.law.messages
        if (
            row.state != OfferState.AWAITING_APPROVAL
            or told.status != Status.AWAITING_APPROVAL
            or told.payload_hash != request.payload_hash
        ):
            raise Conflict(messages["M7"])
        offer = self._store.opened_offer(row)
        require_second_person(asking, told.record_kind, told.decided_by, offer.handled_by)
        if request.decision == pb.DECISION_SEND:
            require_unprotected(offer, now)
            if self._store.has_ended(tx, told.decided_by, told.decided_role, told.unit):
                raise Conflict("Den som beslutade har inte längre den roll som krävs. Beslutet kan inte godkännas.")
            payload = self._store.opened("disclosure", told, "payload")
            decided_date, opened = told.decided_time.astimezone(STOCKHOLM).date(), self._store.open_flows(tx)
            replaces = self._store.to_replace(tx, told.record_kind, told.record_id, told.receiver_kind)
            self._decisions.require_unchanged(offer, payload, told, told.id, decided_date, opened, replaces)
            self._decisions.require_same_ground(offer, told, self._clock.today(), opened)
            [delegation] = self._plain(delegation_reference=request.delegation_reference)
            status, text = self._decisions.commit(tx, row, told, payload, offer, asking, delegation)
        else:
            if not request.reason.strip():
                raise Invalid("reason: skriv varför uppgiften inte lämnas.")
            status, text = self._refuse(tx, row, told, asking, request.reason), "Beslutat: uppgiften lämnas inte."
        self._step(tx, asking, "approve", row, told, status)
        return pb.ApproveDisclosureResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[status], message=text)

    def _refuse(self, tx: Transaction, row: Row, told: Row, asking: Caller, reason: str) -> Status:
        note = self._store.sealed_note(told, reason)
        self._store.add_event(tx, told.id, Status.REFUSED, self._clock.now(), person=asking.person, note=note)
        self._store.move_offer(tx, row, OfferState.REFUSED)
        return Status.REFUSED

    def _step(self, tx: Transaction, asking: Caller, act: str, row: Row, told: Row, status: Status) -> None:
        """History and audit of a decision."""
        after = OFFER_AFTER.get(status, OfferState.DECIDED)
        record_step(tx, tables.history, "offer", row.id, row.revision, (row.state, after), self._clock.now(), asking.person)
        outcome = "refused" if status is Status.REFUSED else "done"
        self._audit(tx, f"sharing:disclosure:{act}", asking, "disclosure", told.id, outcome, ground=told.ground_id)
