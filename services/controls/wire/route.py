"""The route and the timetable as messages."""

from datetime import datetime, timedelta
from uuid import UUID

from los.controls.v1 import route_pb2 as pb

from services.controls.domain.day import Crew, Place, Timetable
from services.controls.domain.operations import Operation
from services.controls.domain.timetable import OBJECTIVE, Asked, VisitNeeds, why_left_out
from services.controls.domain.visits import PlannedVisit
from services.kernel.clock import instant, timestamp
from services.kernel.errors import Invalid


def asked_from(request: pb.SuggestRouteRequest) -> Asked:
    """What the coordinator says about the day. Raises Invalid, field first."""
    available: dict[str, tuple[tuple[datetime, datetime], ...]] = {}
    for message in request.availability:
        span = instant(message.available_from), instant(message.available_until)
        if span[1] <= span[0]:
            raise Invalid("available_until: sluttiden måste ligga efter starttiden.")
        available[message.need] = (*available.get(message.need, ()), span)
    north, east = request.HasField("assembly_north_m"), request.HasField("assembly_east_m")
    if north != east:
        raise Invalid(f"{'assembly_east_m' if north else 'assembly_north_m'}: uppgiften saknas.")
    visits = {
        UUID(message.visit_id): VisitNeeds(message.minutes, frozenset(message.needs), max(message.people, 1)) for message in request.visits
    }
    return Asked(
        tuple(Crew(message.name, frozenset(message.has), message.people) for message in request.crews),
        Place(request.assembly_north_m, request.assembly_east_m) if north else None,
        available,
        visits,
        request.visits_max if request.HasField("visits_max") else None,
    )


def suggestion_message(operation: Operation, timetable: Timetable, remarks: tuple[str, ...]) -> pb.SuggestRouteResponse:
    """A suggestion in the operation's own times."""

    def at(minutes: int) -> timedelta:
        return timedelta(minutes=minutes)

    start = operation.plan.start
    return pb.SuggestRouteResponse(
        visits=[
            pb.SuggestedVisit(
                visit_id=str(call.stop),
                crew=call.crew,
                travel_minutes=call.travel,
                arrival=timestamp(start + at(call.arrival)),
                waiting_minutes=call.waiting,
                leave=timestamp(start + at(call.leave)),
            )
            for call in timetable.calls
        ],
        left_out=[
            pb.LeftOutVisit(visit_id=str(out.stop), rules=list(out.rules), message=why_left_out(operation, out))
            for out in timetable.left_out
        ],
        travel_minutes=timetable.travel,
        waiting_minutes=timetable.waiting,
        optimal=timetable.optimal,
        remarks=remarks,
        objective=OBJECTIVE,
        etag=operation.etag,
    )


def timetable_from(request: pb.AcceptRouteRequest) -> tuple[PlannedVisit, ...]:
    """A decided timetable."""
    return tuple(
        PlannedVisit(UUID(message.visit_id), message.crew, instant(message.arrival), instant(message.leave)) for message in request.visits
    )


def timetable_message(timetable: tuple[PlannedVisit, ...]) -> list[pb.PlannedVisit]:
    """A decided timetable as messages."""
    return [
        pb.PlannedVisit(
            visit_id=str(planned.visit_id), crew=planned.crew, arrival=timestamp(planned.arrival), leave=timestamp(planned.leave)
        )
        for planned in timetable
    ]
