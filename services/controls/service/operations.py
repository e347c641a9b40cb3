"""Operations until their day: planned, read, invited to, answered, confirmed, postponed, cancelled."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain import operation_life as life
from services.controls.domain.checklists import inspects
from services.controls.domain.offers import changed_offers, why_no_plan
from services.controls.domain.operations import Operation, Step
from services.controls.domain.parties import answers_by_hand, own_units, word_of
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import operations as wire
from services.kernel import pages
from services.kernel.callers import Caller, Role
from services.kernel.clock import instant
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.life import Actor
from services.kernel.rpc import caller

Change = Callable[[Operation, Transaction, Actor], Operation]
Asked = (
    pb.UpdatePlanRequest
    | pb.PostponeOperationRequest
    | pb.InviteAuthorityRequest
    | pb.BriefOperationRequest
    | pb.StartOperationRequest
    | pb.CompleteOperationRequest
    | pb.ReportOperationRequest
    | pb.FollowUpOperationRequest
    | pb.CloseOperationRequest
)
Answer = TypeVar("Answer", bound=Message)


class OperationMethods(Parts):
    """The methods about operations. An operation is its unit's own."""

    def PlanOperation(self, request: pb.PlanOperationRequest, _context: grpc.ServicerContext) -> pb.PlanOperationResponse:  # noqa: N802, D102
        asking = caller()
        now = self._clock.now()

        def act(tx: Transaction) -> pb.PlanOperationResponse:
            plan = wire.plan_from(request)
            drafted = Operation.drafted(new_id(), unit_of(asking), request.label, plan, request.own_control_ground_id, now)
            self._operations.add(tx, drafted, now, asking.person)
            self._audit(tx, "controls:operation:plan", asking, "operation", drafted.id)
            return pb.PlanOperationResponse(operation_id=str(drafted.id), state=wire.STATES[drafted.state], etag=drafted.etag)

        return self._requests.once(asking, request, request.request_id, pb.PlanOperationResponse, act)

    def GetOperation(self, request: pb.GetOperationRequest, _context: grpc.ServicerContext) -> pb.GetOperationResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            operation = self._seen(self._operations.get(tx, UUID(request.operation_id)), asking)
            self._audit(tx, "controls:operation:read", asking, "operation", operation.id)
            steps = {one: self._operations.history_of(tx, one) for one in (operation.id, *(visit.id for visit in operation.visits))}
        return wire.operation_message(operation, self._clock.now(), steps)

    def ListOperations(self, request: pb.ListOperationsRequest, _context: grpc.ServicerContext) -> pb.ListOperationsResponse:  # noqa: N802, D102
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        unit, inspected = unit_of(asking), asking.role is not Role.LOS_COORDINATOR
        invited = request.invited or inspected
        listing = wire.listing_from(request, self._clock.now(), invited=invited, inspected=inspected)
        with self._database.transaction() as tx:
            found = self._operations.listed(tx, unit, listing, after, size + 1)
            page = found[:size]
            self._audit(tx, "controls:operation:list", asking, "operation", count=len(page))
        return pb.ListOperationsResponse(
            operations=[wire.operation_row(operation, whole=not invited or inspects(operation, unit)) for operation in page],
            next_page_token=pages.next_token(found, size),
        )

    def AddVisit(self, request: pb.AddVisitRequest, _context: grpc.ServicerContext) -> pb.AddVisitResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.AddVisitResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            stored = self._objects.get(tx, UUID(request.object_id))
            visit_id = new_id()
            after = self._save(tx, before, before.with_visit(visit_id, stored), asking, "controls:visit:add")
            for tip in self._tips.plan_in(tx, before.unit, stored.id, before.id, self._actor(asking)):
                self._audit(tx, "controls:tip:plan_in", asking, "control_tip", tip.id)
            return pb.AddVisitResponse(visit_id=str(visit_id), etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.AddVisitResponse, act)

    def RemoveVisit(self, request: pb.RemoveVisitRequest, _context: grpc.ServicerContext) -> pb.RemoveVisitResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.RemoveVisitResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(tx, before, before.without_visit(UUID(request.visit_id)), asking, "controls:visit:remove")
            left = {visit.object.id for visit in after.visits}
            self._release_tips(tx, after, [visit.object.id for visit in before.visits if visit.object.id not in left], asking)
            return pb.RemoveVisitResponse(etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.RemoveVisitResponse, act)

    def UpdatePlan(self, request: pb.UpdatePlanRequest, _context: grpc.ServicerContext) -> pb.UpdatePlanResponse:  # noqa: N802, D102
        def update(before: Operation, _: Transaction, actor: Actor) -> Operation:
            return life.update_plan(before, wire.plan_from(request, before.plan), actor)

        return self._changed(request, pb.UpdatePlanResponse, update, "controls:operation:update")

    def PostponeOperation(self, request: pb.PostponeOperationRequest, _context: grpc.ServicerContext) -> pb.PostponeOperationResponse:  # noqa: N802, D102
        return self._changed(
            request, pb.PostponeOperationResponse, lambda before, _, actor: life.postpone(before, actor), "controls:operation:postpone"
        )

    def InviteAuthority(self, request: pb.InviteAuthorityRequest, _context: grpc.ServicerContext) -> pb.InviteAuthorityResponse:  # noqa: N802, D102
        def invite(before: Operation, _: Transaction, actor: Actor) -> Operation:
            return life.invite(before, request.receiver_kind, actor)

        return self._changed(request, pb.InviteAuthorityResponse, invite, "controls:authority:invite")

    def AnswerInvitation(self, request: pb.AnswerInvitationRequest, _context: grpc.ServicerContext) -> pb.AnswerInvitationResponse:  # noqa: N802, D102
        asking = caller()
        reply = wire.reply_from(request.answered_invitation)

        def act(tx: Transaction) -> pb.AnswerInvitationResponse:
            before, party, unit = self._operations.get(tx, UUID(request.operation_id), lock=True), request.receiver_kind, unit_of(asking)
            own_answer = party == unit and party in own_units()
            if before is None or not (own_answer or (before.unit == unit and asking.role is Role.LOS_COORDINATOR)):
                raise NotFound
            before.participation(party)
            if not own_answer and not answers_by_hand(party):
                raise Invalid(f"receiver_kind: {word_of(party)} svarar själv. Ingen kan fylla i svaret åt en annan myndighet.")
            after = self._save(tx, before, before.answered(request.receiver_kind, reply), asking, "controls:invitation:answer")
            return pb.AnswerInvitationResponse(etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.AnswerInvitationResponse, act)

    def ConfirmOperation(self, request: pb.ConfirmOperationRequest, _context: grpc.ServicerContext) -> pb.ConfirmOperationResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.ConfirmOperationResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(
                tx, before, life.confirm(before, request.override_reason, self._actor(asking)), asking, "controls:operation:confirm"
            )
            told = {offer.receiver_kind for offer in after.offers if offer.step is Step.PLAN and not offer.withdrawn}
            return pb.ConfirmOperationResponse(
                state=wire.STATES[after.state], etag=after.etag, offered_to=sorted(told), message=why_no_plan(after)
            )

        return self._requests.once(asking, request, request.request_id, pb.ConfirmOperationResponse, act)

    def CancelOperation(self, request: pb.CancelOperationRequest, _context: grpc.ServicerContext) -> pb.CancelOperationResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.CancelOperationResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(tx, before, life.cancel(before, self._actor(asking)), asking, "controls:operation:cancel")
            self._release_tips(tx, after, [visit.object.id for visit in after.visits], asking)
            return pb.CancelOperationResponse(state=wire.STATES[after.state], etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.CancelOperationResponse, act)

    def _hear_of_invitation(self, tx: Transaction, outcome: common_pb2.RecordOutcome, asking: Caller) -> None:
        """Sharing tells what became of an invitation or a plan. Raises NotFound when nothing of the kind was offered."""
        key = wire.outcome_key(outcome)
        before = self._operations.of_offer(tx, key)
        if before is None:
            raise NotFound
        after = before.with_outcome(key, wire.outcome_from(outcome))
        if outcome.HasField("answered_invitation"):
            after = _answered(after, outcome, self._clock.now())
        self._save(tx, before, after, asking, "controls:outcome:record")

    def _changed(self, request: Asked, answer: type[Answer], change: Change, event: str, *, by_lead: bool = False) -> Answer:
        """One act on an operation from the etag that was seen: the coordinator's on the own one, or the lead's on the one led."""
        asking = caller()

        def act(tx: Transaction) -> Answer:
            if by_lead:
                before = self._seen(self._operations.get(tx, UUID(request.operation_id), lock=True), asking)
            else:
                before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            saved = self._save(tx, before, change(before, tx, self._actor(asking)), asking, event)
            return answer(state=wire.STATES[saved.state], etag=saved.etag)

        return self._requests.once(asking, request, request.request_id, answer, act)

    def _release_tips(self, tx: Transaction, operation: Operation, objects: list[UUID], asking: Caller) -> None:
        """The tips that it had taken up about objects that it will not visit wait again."""
        for tip in self._tips.release(tx, operation.unit, objects, operation.id, self._actor(asking)):
            self._audit(tx, "controls:tip:release", asking, "control_tip", tip.id)

    def _own(self, tx: Transaction, operation_id: str, asking: Caller, *, lock: bool = True) -> Operation:
        """The unit's own operation. Raises NotFound, the same for absent and another unit's (design 16)."""
        operation = self._operations.get(tx, UUID(operation_id), unit_of(asking), lock=lock)
        if operation is None:
            raise NotFound
        return operation

    @staticmethod
    def _seen(operation: Operation | None, asking: Caller) -> Operation:
        """The operation, for whoever may read its plan: its unit's coordinators, its lead, inspectors of units that come on site.

        Raises NotFound, the same for absent and not theirs: the plan is secret to everyone outside it (OSL 17:1).
        """
        unit = unit_of(asking)
        if operation is not None:
            own = operation.unit == unit and (asking.role is Role.LOS_COORDINATOR or asking.principal == operation.plan.field_lead)
            if own or (asking.role is Role.INSPECTOR and inspects(operation, unit)):
                return operation
        raise NotFound

    def _save(self, tx: Transaction, before: Operation, after: Operation, asking: Caller, event: str) -> Operation:
        """Store the change, and promise sharing the offers that it calls for."""
        now = self._clock.now()
        promised = changed_offers(after, before)
        saved = after.with_offers(promised)
        self._operations.save(tx, before, saved, now, asking.person)
        for offer in promised:
            self._operations.promise_offer(tx, offer, saved.id, new_id(), now, asking.person)
        self._audit(tx, event, asking, "operation", saved.id)
        return saved


def _answered(operation: Operation, outcome: common_pb2.RecordOutcome, now: datetime) -> Operation:
    """The operation with an answer from the bus. What cannot be taken becomes a remark: sending it again would not help."""
    kind = outcome.receiver_kind
    try:
        heard = operation.heard(kind, instant(outcome.occurred_time) if outcome.HasField("occurred_time") else now)
        try:
            return heard.answered(kind, wire.reply_from(outcome.answered_invitation))
        except Invalid as refused:
            return heard.not_taken(kind, refused.message.partition(": ")[2])
    except Conflict:  # it has answered later, or the operation is cancelled: this answer changes nothing
        return operation
