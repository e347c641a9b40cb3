"""The day of an operation and what follows: briefed, begun, visits, completed, told, followed up, closed."""

from uuid import UUID

import grpc
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain import findings, visits
from services.controls.domain import operation_life as life
from services.controls.domain.operation_life import Left
from services.controls.domain.operations import Operation, Summary
from services.controls.service.operations import OperationMethods
from services.controls.service.parts import unit_of
from services.controls.wire import operations as wire
from services.controls.wire.days import day_from, said_time
from services.kernel.callers import Caller
from services.kernel.cells import written
from services.kernel.clock import timestamp
from services.kernel.db import Transaction
from services.kernel.life import Actor
from services.kernel.rpc import caller


class DayMethods(OperationMethods):
    """The methods of the day and after it. The acts of the day are the field lead's."""

    def BriefOperation(self, request: pb.BriefOperationRequest, _context: grpc.ServicerContext) -> pb.BriefOperationResponse:  # noqa: N802, D102
        def brief(before: Operation, _: Transaction, actor: Actor) -> Operation:
            return life.brief(before, wire.briefing_from(request, before.plan), actor)

        return self._changed(request, pb.BriefOperationResponse, brief, "controls:operation:brief", by_lead=True)

    def StartOperation(self, request: pb.StartOperationRequest, _context: grpc.ServicerContext) -> pb.StartOperationResponse:  # noqa: N802, D102
        def start(before: Operation, _: Transaction, actor: Actor) -> Operation:
            return life.start(before, said_time(request) or actor.now, actor)

        return self._changed(request, pb.StartOperationResponse, start, "controls:operation:start", by_lead=True)

    def CompleteOperation(self, request: pb.CompleteOperationRequest, _context: grpc.ServicerContext) -> pb.CompleteOperationResponse:  # noqa: N802, D102
        def complete(before: Operation, tx: Transaction, actor: Actor) -> Operation:
            completed = life.complete(before, said_time(request) or actor.now, actor)
            for object_id in self._objects.controlled(tx, completed.visits, actor.now, caller().person):
                self._audit(tx, "controls:object:controlled", caller(), "control_object", object_id)
            return completed

        return self._changed(request, pb.CompleteOperationResponse, complete, "controls:operation:complete", by_lead=True)

    def StartVisit(self, request: pb.StartVisitRequest, _context: grpc.ServicerContext) -> pb.StartVisitResponse:  # noqa: N802, D102
        asking = caller()
        said = request.HasField("occurred_time")

        def act(tx: Transaction) -> pb.StartVisitResponse:
            before = self._led(tx, request.visit_id, asking)
            time = visits.step_time(said_time(request), before.plan.start, self._clock.now())
            visit = visits.start(before.visit(UUID(request.visit_id)), time, self._actor(asking), said=said)
            self._keep_visit(tx, before, visit, asking, "controls:operation:start")
            assert visit.arrived_time is not None  # noqa: S101  # it has begun
            return pb.StartVisitResponse(state=wire.VISIT_STATES[visit.state], arrived_time=timestamp(visit.arrived_time))

        return self._requests.once(asking, request, request.request_id, pb.StartVisitResponse, act)

    def FinishVisit(self, request: pb.FinishVisitRequest, _context: grpc.ServicerContext) -> pb.FinishVisitResponse:  # noqa: N802, D102
        asking = caller()
        said = request.HasField("occurred_time")

        def act(tx: Transaction) -> pb.FinishVisitResponse:
            before = self._led(tx, request.visit_id, asking)
            time = visits.step_time(said_time(request), before.plan.start, self._clock.now())
            asked = wire.finish_from(request, time)
            visit = visits.finish(before.visit(UUID(request.visit_id)), asked, self._actor(asking), said=said)
            self._keep_visit(tx, before, visit, asking, "finish")
            assert visit.left_time is not None  # noqa: S101  # it has ended
            return pb.FinishVisitResponse(state=wire.VISIT_STATES[visit.state], left_time=timestamp(visit.left_time))

        return self._requests.once(asking, request, request.request_id, pb.FinishVisitResponse, act)

    # after the day --------------------------------------------------------------------------------------------------

    def RecordSummary(self, request: pb.RecordSummaryRequest, _context: grpc.ServicerContext) -> pb.RecordSummaryResponse:  # noqa: N802, D102
        asking, unit = caller(), unit_of(caller())

        def act(tx: Transaction) -> pb.RecordSummaryResponse:
            before = self._seen(self._operations.get(tx, UUID(request.operation_id), lock=True), asking)
            before.require_etag(request.etag)
            summary = Summary(
                request.party,
                tuple(request.areas),
                asking.principal,
                self._clock.now(),
                written("told_by", request.told_by, life.TOLD_LENGTH_MAX),
                day_from("told_date", request.told_date),
            )
            told = life.summarise(before, summary, nothing_to_report=request.nothing_to_report, unit=unit, actor=self._actor(asking))
            after = self._save(tx, before, told, asking, "controls:summary:record")
            return pb.RecordSummaryResponse(etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.RecordSummaryResponse, act)

    def ReportOperation(self, request: pb.ReportOperationRequest, _context: grpc.ServicerContext) -> pb.ReportOperationResponse:  # noqa: N802, D102
        return self._changed(
            request, pb.ReportOperationResponse, lambda before, _, actor: life.report(before, actor), "controls:operation:report"
        )

    def FollowUpOperation(self, request: pb.FollowUpOperationRequest, _context: grpc.ServicerContext) -> pb.FollowUpOperationResponse:  # noqa: N802, D102
        def follow_up(before: Operation, tx: Transaction, actor: Actor) -> Operation:
            return life.follow_up(before, self._left(tx, before), actor)

        return self._changed(request, pb.FollowUpOperationResponse, follow_up, "controls:operation:follow_up")

    def CloseOperation(self, request: pb.CloseOperationRequest, _context: grpc.ServicerContext) -> pb.CloseOperationResponse:  # noqa: N802, D102
        def close(before: Operation, tx: Transaction, actor: Actor) -> Operation:
            return life.close(before, self._left(tx, before, request.handed_over_to), actor)

        return self._changed(request, pb.CloseOperationResponse, close, "controls:operation:close")

    # ----------------------------------------------------------------------------------------------------------------

    def _led(self, tx: Transaction, visit_id: str, asking: Caller) -> Operation:
        """The operation of a visit, locked, for its lead while it goes on. Raises NotFound, Conflict."""
        operation = self._seen(self._operations.of_visit(tx, UUID(visit_id), lock=True), asking)
        life.require_lead(operation, self._actor(asking))
        return operation

    def _keep_visit(self, tx: Transaction, before: Operation, visit: visits.Visit, asking: Caller, act: str) -> None:
        """Store a step of a visit, and its audit row; told again, only that."""
        self._operations.save(tx, before, before.with_seen(visit), self._clock.now(), asking.person)
        self._audit(tx, f"controls:visit:{act}", asking, "visit", visit.id)

    def _left(self, tx: Transaction, operation: Operation, handed_over_to: str = "") -> Left:
        """What is left of the operation, by what has been found and done."""
        seen, taken = self._findings.observations_of(tx, [operation.id]), self._findings.measures_of(tx, [operation.id])
        recorded = [one for one in seen if one.state is findings.State.RECORDED]
        undecided = sum(one.second_wave is findings.SecondWave.UNDECIDED for one in recorded)
        return Left(sum(one.is_open for one in taken), undecided, handed_over_to)
