"""The route of an operation's day: suggested, decided, and the day as a calendar file."""

from threading import BoundedSemaphore

import grpc
from los.controls.v1 import route_pb2 as pb

from services.controls.domain.invitation_file import invitation_file
from services.controls.domain.route import suggest
from services.controls.domain.route_check import violations
from services.controls.domain.timetable import day_of, remarks, with_timetable
from services.controls.service.operations import OperationMethods
from services.controls.wire import route as wire
from services.kernel.db import Transaction
from services.kernel.errors import Unavailable
from services.kernel.rpc import caller

TIME_LIMIT_S = 10
_PLACES = BoundedSemaphore(2)
"""A search takes a processor for itself."""


class RouteMethods(OperationMethods):
    """The methods about the route; the operation is its unit's own."""

    def SuggestRoute(self, request: pb.SuggestRouteRequest, _context: grpc.ServicerContext) -> pb.SuggestRouteResponse:  # noqa: N802, D102
        asking = caller()
        asked = wire.asked_from(request)
        if not _PLACES.acquire(blocking=False):
            raise Unavailable("Två rutter räknas redan ut. Försök igen om en stund.")
        try:
            with self._database.transaction() as tx:  # ends before the search begins
                operation = self._own(tx, request.operation_id, asking, lock=False)
                day = day_of(operation, asked)
                self._audit(tx, "controls:route:suggest", asking, "operation", operation.id)
            timetable = suggest(day, request.time_limit_s or TIME_LIMIT_S)
        finally:
            _PLACES.release()
        broken = violations(day, timetable)
        assert not broken, "the model and the judge do not agree"  # noqa: S101  # nobody is sent out on a timetable that breaks a rule
        return wire.suggestion_message(operation, timetable, remarks(operation, day))

    def AcceptRoute(self, request: pb.AcceptRouteRequest, _context: grpc.ServicerContext) -> pb.AcceptRouteResponse:  # noqa: N802, D102
        asking = caller()
        timetable = wire.timetable_from(request)

        def act(tx: Transaction) -> pb.AcceptRouteResponse:
            before = self._own(tx, request.operation_id, asking)
            before.require_etag(request.etag)
            after = self._save(tx, before, with_timetable(before, timetable), asking, "controls:route:accept")
            return pb.AcceptRouteResponse(etag=after.etag)

        return self._requests.once(asking, request, request.request_id, pb.AcceptRouteResponse, act)

    def GetCalendar(self, request: pb.GetCalendarRequest, _context: grpc.ServicerContext) -> pb.GetCalendarResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            operation = self._own(tx, request.operation_id, asking, lock=False)
            self._audit(tx, "controls:calendar:read", asking, "operation", operation.id)
        return pb.GetCalendarResponse(file_name=f"{operation.label}.ics", content=invitation_file(operation, self._clock.now()))
