"""Operations: planned, read, invited to, answered, confirmed, cancelled."""

from datetime import datetime
from uuid import UUID

import grpc
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.offers import changed_offers, why_no_plan
from services.controls.domain.operations import Operation, Step, answers_by_hand
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import operations as wire
from services.kernel import pages
from services.kernel.callers import Caller
from services.kernel.clock import instant
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.reference import reference
from services.kernel.rpc import caller


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
            operation = self._own(tx, request.operation_id, asking, lock=False)
            self._audit(tx, "controls:operation:read", asking, "operation", operation.id)
        return wire.operation_message(operation)

    def ListOperations(self, request: pb.ListOperationsRequest, _context: grpc.ServicerContext) -> pb.ListOperationsResponse:  # noqa: N802, D102
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._operations.page(tx, unit_of(asking), after, size + 1)
            page = found[:size]
            self._audit(tx, "controls:operation:list", asking, "operation", count=len(page))
        return pb.ListOperationsResponse(
            operations=[wire.operation_row(operation) for operation in page],
            next_page_token=pages.next_token(found, size),
        )

    def AddVisit(self, request: pb.AddVisitRequest, _context: grpc.ServicerContext) -> pb.AddVisitResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.AddVisitResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            stored = self._objects.get(tx, UUID(request.object_id))
            if stored is None:
                raise NotFound
            visit_id = new_id()
            after = self._save(tx, before, before.with_visit(visit_id, stored), asking, "controls:visit:add")
            return pb.AddVisitResponse(visit_id=str(visit_id), etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.AddVisitResponse, act)

    def InviteAuthority(self, request: pb.InviteAuthorityRequest, _context: grpc.ServicerContext) -> pb.InviteAuthorityResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.InviteAuthorityResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(tx, before, before.with_invitation(request.receiver_kind), asking, "controls:authority:invite")
            return pb.InviteAuthorityResponse(etag=after.etag, state=wire.STATES[after.state])

        return self._requests.once(asking, request, request.request_id, pb.InviteAuthorityResponse, act)

    def AnswerInvitation(self, request: pb.AnswerInvitationRequest, _context: grpc.ServicerContext) -> pb.AnswerInvitationResponse:  # noqa: N802, D102
        asking = caller()
        reply = wire.reply_from(request.answered_invitation)

        def act(tx: Transaction) -> pb.AnswerInvitationResponse:
            before = self._own(tx, request.operation_id, asking)
            before.participation(request.receiver_kind)
            if not answers_by_hand(request.receiver_kind):
                word = reference().receivers[request.receiver_kind].word
                raise Invalid(f"receiver_kind: {word} svarar själv. Ingen kan fylla i svaret åt en annan myndighet.")
            after = self._save(tx, before, before.answered(request.receiver_kind, reply), asking, "controls:invitation:answer")
            return pb.AnswerInvitationResponse(etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.AnswerInvitationResponse, act)

    def ConfirmOperation(self, request: pb.ConfirmOperationRequest, _context: grpc.ServicerContext) -> pb.ConfirmOperationResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.ConfirmOperationResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(tx, before, before.confirmed(request.override_reason), asking, "controls:operation:confirm")
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
            after = self._save(tx, before, before.cancelled(), asking, "controls:operation:cancel")
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

    def _own(self, tx: Transaction, operation_id: str, asking: Caller, *, lock: bool = True) -> Operation:
        """The unit's own operation. Raises NotFound, the same for absent and another unit's (design 16)."""
        operation = self._operations.get(tx, UUID(operation_id), unit_of(asking), lock=lock)
        if operation is None:
            raise NotFound
        return operation

    def _save(self, tx: Transaction, before: Operation, after: Operation, asking: Caller, event: str) -> Operation:
        """Store the change, and promise sharing the offers that it calls for."""
        now = self._clock.now()
        promised = changed_offers(after)
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
