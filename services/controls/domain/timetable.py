"""An operation's day as a question to the route, the answer in its own times, and the timetable that a coordinator decides on.

The timetable is of the plan, so it is secret with it (OSL 17:1). Authorities are told the operation's window, as before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.controls.domain.day import RULE_WORDS, Crew, Day, LeftOut, Place, Stop, Travel
from services.controls.domain.objects import ControlObject
from services.controls.domain.opening_hours import Window, read_hours, settings
from services.controls.domain.operations import STATE_WORDS, Operation, State
from services.controls.domain.visits import PlannedVisit, Visit
from services.kernel.errors import Conflict, Invalid

PLANNABLE = frozenset({State.DRAFT, State.PLANNED, State.CONFIRMED})
DAY_MAX = timedelta(hours=24)
OBJECTIVE = "Först så många besök som möjligt, sedan minst restid och väntan, sedan så tidigt klart som möjligt. Hemvägen räknas inte."


@dataclass(frozen=True, slots=True)
class VisitNeeds:
    """What one visit takes. `minutes` 0: the usual."""

    minutes: int = 0
    needs: frozenset[str] = frozenset()
    people: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What the coordinator says about the day. `available` tells when a need can be met; what is not named can be met all day."""

    crews: tuple[Crew, ...]
    assembly: Place | None = None
    available: Mapping[str, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict)
    visits: Mapping[UUID, VisitNeeds] = field(default_factory=dict)
    visits_max: int | None = None


def day_of(operation: Operation, asked: Asked) -> Day:
    """The question to the route. Raises Conflict when the day can be planned no more, Invalid, field first."""
    require_plannable(operation)
    plan = operation.plan
    if plan.end - plan.start > DAY_MAX:
        raise Invalid("planned_end: en rutt läggs för högst ett dygn; insatsens tider är längre än så.")
    if not asked.visits.keys() <= {visit.id for visit in operation.visits}:
        raise Invalid("visit_id: besöket finns inte i insatsen.")
    if len({crew.name for crew in asked.crews}) < len(asked.crews):
        raise Invalid("crews: två lag har samma namn.")

    def after_start(moment: datetime) -> int:
        return round((moment - plan.start).total_seconds() / 60)

    def windows(spans: Iterable[tuple[datetime, datetime]]) -> tuple[Window, ...]:
        return tuple((after_start(since), after_start(until)) for since, until in spans)

    def stop_of(visit: Visit) -> Stop:
        place, takes = visit.object.object, asked.visits.get(visit.id, VisitNeeds())
        hours = read_hours(place.opening_hours)
        return Stop(
            visit.id,
            _place_of(place),
            takes.minutes or settings()["visit"]["minutes"],
            None if hours is None else hours.windows(plan.start, plan.end),
            takes.needs,
            takes.people,
        )

    return Day(
        after_start(plan.end),
        asked.assembly,
        tuple(stop_of(visit) for visit in operation.visits),
        asked.crews,
        {need: windows(spans) for need, spans in asked.available.items()},
        Travel(**settings()["travel"]),
        len(operation.visits) if asked.visits_max is None else asked.visits_max,
    )


def remarks(operation: Operation, day: Day) -> tuple[str, ...]:
    """Swedish: what the route could not reckon with because it is unknown."""
    said = (
        []
        if day.assembly is not None
        else [f"Samlingsplatsens koordinater saknas: {day.travel.unknown_place_minutes} min restid därifrån."]
    )
    for visit in operation.visits:
        place = visit.object.object
        if _place_of(place) is None:
            said.append(f"Besök {visit.position}: koordinater saknas, restiden är satt till {day.travel.unknown_place_minutes} min.")
        if read_hours(place.opening_hours) is None:
            why = "går inte att läsa" if place.opening_hours else "saknas"
            said.append(f"Besök {visit.position}: öppettiderna {why}, tiden är inte prövad mot dem.")
    return tuple(said)


def why_left_out(operation: Operation, out: LeftOut) -> str:
    """Swedish: which visit has no room, and which rules each would give it room if they were lifted."""
    position = next(visit.position for visit in operation.visits if visit.id == out.stop)
    if out.rules:
        return f"Besök {position} får inte plats. Det som hindrar: {', eller '.join(RULE_WORDS[rule] for rule in out.rules)}."
    if not out.certain:
        return f"Besök {position} fick inte plats på den tid som sökningen fick. Ge den längre tid."
    return f"Besök {position} får inte plats. Flera regler hindrar det tillsammans: det räcker inte att ändra en."


def with_timetable(operation: Operation, timetable: tuple[PlannedVisit, ...]) -> Operation:
    """The operation with its visits at these times; an empty timetable takes the earlier one away.

    Raises Conflict when the day can be planned no more, Invalid, field first, when the times cannot be kept.
    """
    require_plannable(operation)
    plan, known = operation.plan, {visit.id for visit in operation.visits}
    if len({planned.visit_id for planned in timetable}) < len(timetable):
        raise Invalid("visits: samma besök finns två gånger.")
    free: dict[str, datetime] = {}
    for planned in timetable:
        if planned.visit_id not in known:
            raise Invalid("visit_id: besöket finns inte i insatsen.")
        if planned.leave <= planned.arrival:
            raise Invalid("leave: besöket måste sluta efter att det har börjat.")
        if planned.arrival < plan.start or planned.leave > plan.end:
            raise Invalid("arrival: tiden ligger utanför insatsens tider.")
        if planned.arrival < free.get(planned.crew, planned.arrival):
            raise Invalid("arrival: laget är kvar på besöket före, eller så står besöken inte i ordning.")
        free[planned.crew] = planned.leave
    return replace(operation, revision=operation.revision + 1, plan=replace(plan, timetable=timetable))


def standing(operation: Operation) -> tuple[PlannedVisit, ...]:
    """The timetable as it still holds: not for visits that have gone, nor for a day that has been moved."""
    plan, known = operation.plan, {visit.id for visit in operation.visits}
    return tuple(
        planned for planned in plan.timetable if planned.visit_id in known and plan.start <= planned.arrival and planned.leave <= plan.end
    )


def require_plannable(operation: Operation) -> None:
    """Raises Conflict when the day can be planned no more."""
    if operation.state not in PLANNABLE:
        raise Conflict(f"state: insatsen är {STATE_WORDS[operation.state]}, så det går inte.")


def _place_of(place: ControlObject) -> Place | None:
    return None if place.north_m is None or place.east_m is None else Place(place.north_m, place.east_m)
