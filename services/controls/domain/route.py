"""The route of a day: as many visits as possible; among those the least travel and waiting; among those the earliest finish.

A constraint model for CP-SAT (`ortools`): a crew's day is a circuit from the assembly point, and the last visit ends it (the way home is
nobody's wait). With one worker and a fixed seed the same day gives the same answer, as long as the optimum is proved within the time.
`route_check` judges the answer without any of this.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

from services.controls.domain.day import Call, Crew, Day, LeftOut, Place, Rule, Stop, Timetable, Travel
from services.controls.domain.opening_hours import Window
from services.kernel.errors import Unavailable

SEED = 20_240_701
EXPLAIN_SHARE = 0.2
"""Of the time, what is kept to explain what was left out."""
LONGER_DAY = 12 * 60
"""A day whose length is lifted, minutes more."""


def suggest(day: Day, time_limit_s: float) -> Timetable:
    """The best timetable found in that many seconds, and why what is left out is. Raises Unavailable without a solver."""
    deadline = time.monotonic() + time_limit_s
    until = deadline - time_limit_s * EXPLAIN_SHARE
    model = _Model(day)
    model.start_from(_plain_route(day))
    most = model.solve(model.count, maximise=True, until=(time.monotonic() + until) / 2)
    if not most.known:
        return Timetable((), tuple(LeftOut(stop.id, (), certain=False) for stop in day.stops), optimal=False)
    model.require_at_least(most.value)
    calls = model.calls(most)
    model.start_from(calls)
    best = model.solve(model.cost, maximise=False, until=until)
    if best.known:
        calls = model.calls(best)
    timetable = Timetable(calls, (), optimal=most.optimal and best.optimal)
    return replace(timetable, left_out=tuple(_why(day, timetable, deadline)))


def travel_minutes(travel: Travel, start: Place | None, end: Place | None) -> int:
    """Whole minutes between two places, rounded up; nothing when they are the same."""
    if start is None or end is None:
        return travel.unknown_place_minutes
    metres = math.dist((start.north_m, start.east_m), (end.north_m, end.east_m))
    return math.ceil(metres * travel.detour_factor / (travel.speed_kmh * 1000 / 60)) + travel.parking_minutes if metres else 0


def starts(day: Day, stop: Stop) -> list[Window]:
    """When a stop may begin, both ends included: within its opening hours and with everybody that it needs there, all of its minutes."""
    allowed = [(0, day.minutes - stop.minutes)]
    if stop.windows is not None:
        allowed = _within(allowed, stop.windows, stop.minutes)
    for need in sorted(stop.needs & day.available.keys()):
        allowed = _within(allowed, day.available[need], stop.minutes)
    return [window for window in allowed if window[0] <= window[1]]


def fits(crew: Crew, stop: Stop) -> bool:
    """Whether a crew may make a visit."""
    return stop.needs <= crew.has and stop.people <= crew.people


def _within(allowed: Iterable[Window], windows: Iterable[Window], minutes: int) -> list[Window]:
    return [(max(a, c), min(b, d - minutes)) for a, b in allowed for c, d in windows]


def _plain_route(day: Day) -> list[Call]:
    """A timetable that keeps the rules, made as somebody in a hurry would: each crew goes on to what can begin first."""
    calls: list[Call] = []
    undone = list(day.stops)
    for crew in day.crews:
        here, free = day.assembly, 0
        while len(calls) < day.visits_max:
            ways = []
            for stop in undone:
                arrival = free + travel_minutes(day.travel, here, stop.place)
                begins = min((max(arrival, first) for first, last in starts(day, stop) if max(arrival, first) <= last), default=None)
                if begins is not None and fits(crew, stop):
                    ways.append((begins, arrival, stop))
            if not ways:
                break
            begins, arrival, stop = min(ways, key=lambda way: way[:2])
            calls.append(Call(stop.id, crew.name, arrival - free, arrival, begins, begins + stop.minutes))
            here, free = stop.place, begins + stop.minutes
            undone.remove(stop)
    return calls


# --- the model ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    solver: Any
    known: bool
    optimal: bool
    impossible: bool
    value: int


class _Model:
    """Variables: `goes[k][i]` crew k makes stop i; `begins[i]`; `sets_off[k]`, `ends[k]`; `arc[k, i, j]` with 0 as the assembly point."""

    def __init__(self, day: Day, required: Iterable[Stop] = ()) -> None:
        cp = _solver()
        self._day = day
        # What no crew may do at any time is no part of the question.
        self._stops = [stop for stop in day.stops if starts(day, stop) and any(fits(crew, stop) for crew in day.crews)]
        self.model = model = cp.CpModel()
        places = [day.assembly, *(stop.place for stop in self._stops)]
        self._legs = [[travel_minutes(day.travel, start, end) for end in places] for start in places]
        domain = cp.Domain.from_intervals
        self.begins = [model.new_int_var_from_domain(domain(starts(day, stop)), "") for stop in self._stops]
        self.goes: list[list[Any]] = []
        self.arcs: list[dict[tuple[int, int], Any]] = []
        self.last = model.new_int_var(0, day.minutes, "")
        spans = [self._add_crew(crew) for crew in day.crews]
        for number, stop in enumerate(self._stops):
            made = [goes[number] for goes in self.goes]
            if stop in required:
                model.add_exactly_one(made)
            else:
                model.add_at_most_one(made)
        self._same_crews_in_order()
        self.count: Any = sum(goes for crew_goes in self.goes for goes in crew_goes)
        model.add(self.count <= day.visits_max)
        served = sum(stop.minutes * goes for crew_goes in self.goes for stop, goes in zip(self._stops, crew_goes, strict=True))
        self.idle: Any = sum(spans) - served
        self.cost: Any = self.idle * (day.minutes + 1) + self.last
        self.possible = all(stop in self._stops for stop in required)

    def _add_crew(self, crew: Crew) -> Any:  # noqa: ANN401  # an expression
        """One crew's circuit; gives the minutes from when it sets off until its last visit ends."""
        model, day = self.model, self._day
        sets_off, ends = model.new_int_var(0, day.minutes, ""), model.new_int_var(0, day.minutes, "")
        goes = [model.new_bool_var("") for _ in self._stops]
        stays = model.new_bool_var("")
        arcs: dict[tuple[int, int], Any] = {(0, 0): stays}
        for i, stop in enumerate(self._stops, start=1):
            arcs[i, i] = ~goes[i - 1]
            if not fits(crew, stop):
                model.add(goes[i - 1] == 0)
                continue
            first, end = model.new_bool_var(""), model.new_bool_var("")
            arcs[0, i], arcs[i, 0] = first, end
            model.add(self.begins[i - 1] >= sets_off + self._legs[0][i]).only_enforce_if(first)
            model.add(ends == self.begins[i - 1] + stop.minutes).only_enforce_if(end)
            for j, other in enumerate(self._stops, start=1):
                if i != j and fits(crew, other):
                    arc = arcs[i, j] = model.new_bool_var("")
                    after = self.begins[i - 1] + stop.minutes + self._legs[i][j]
                    model.add(self.begins[j - 1] >= after).only_enforce_if(arc)
        model.add_circuit([(i, j, literal) for (i, j), literal in arcs.items()])
        for made in goes:
            model.add_implication(made, ~stays)
        model.add(sets_off == 0).only_enforce_if(stays)
        model.add(ends == 0).only_enforce_if(stays)
        model.add(self.last >= ends)
        # What travel and visits take is a floor under the span; the model follows without it, only slower.
        busy = sum(self._legs[i][j] * arc for (i, j), arc in arcs.items() if i != j and j) + sum(
            stop.minutes * made for stop, made in zip(self._stops, goes, strict=True)
        )
        model.add(ends - sets_off >= busy)
        self.goes.append(goes)
        self.arcs.append(arcs)
        return ends - sets_off

    def _same_crews_in_order(self) -> None:
        """Of crews that are alike the earlier makes at least as many visits: so that they cannot change places."""
        crews = self._day.crews
        for number, crew in enumerate(crews):
            alike = [other for other in range(number) if (crews[other].has, crews[other].people) == (crew.has, crew.people)]
            if alike:
                self.model.add(sum(self.goes[alike[-1]]) >= sum(self.goes[number]))

    def require_at_least(self, visits: int) -> None:
        self.model.add(self.count >= visits)

    def start_from(self, calls: Iterable[Call]) -> None:
        """Show the solver a timetable to improve on."""
        model, number = self.model, {stop.id: i for i, stop in enumerate(self._stops, start=1)}
        model.clear_hints()
        calls = list(calls)
        begins = {number[call.stop]: call.start for call in calls}
        for i, variable in enumerate(self.begins, start=1):
            model.add_hint(variable, begins.get(i, starts(self._day, self._stops[i - 1])[0][0]))
        for crew, goes, arcs in zip(self._day.crews, self.goes, self.arcs, strict=True):
            mine = [number[call.stop] for call in calls if call.crew == crew.name]
            taken = set(pairwise((0, *mine, 0)))
            for (i, j), arc in arcs.items():
                if i != j or i == 0:
                    model.add_hint(arc, int((i, j) in taken))
            for i, made in enumerate(goes, start=1):
                model.add_hint(made, int(i in mine))

    def solve(self, objective: Any = None, *, maximise: bool = False, until: float) -> _Answer:  # noqa: ANN401
        """Solve until that moment of the monotonic clock."""
        cp, model = _solver(), self.model
        if objective is not None:
            (model.maximize if maximise else model.minimize)(objective)
        solver = cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = SEED
        solver.parameters.max_time_in_seconds = max(until - time.monotonic(), 0.05)
        status = solver.solve(model)
        known = status in {cp.OPTIMAL, cp.FEASIBLE}
        value = round(solver.objective_value) if known and objective is not None else 0
        return _Answer(solver, known, status == cp.OPTIMAL, status == cp.INFEASIBLE, value)

    def calls(self, answer: _Answer) -> tuple[Call, ...]:
        """The answer as calls, crew by crew in order."""
        calls = []
        for crew, arcs in zip(self._day.crews, self.arcs, strict=True):
            following = {i: j for (i, j), arc in arcs.items() if i != j and answer.solver.boolean_value(arc)}
            here, free = 0, None
            while (there := following.get(here, 0)) != 0:
                stop, start, leg = self._stops[there - 1], answer.solver.value(self.begins[there - 1]), self._legs[here][there]
                arrival = start if free is None else free + leg  # a crew sets off so that it need not wait at its first visit
                free = start + stop.minutes
                calls.append(Call(stop.id, crew.name, leg, arrival, start, free))
                here = there
        return tuple(calls)


# --- why not ------------------------------------------------------------------------------------------------------------------------


def _why(day: Day, timetable: Timetable, deadline: float) -> Iterable[LeftOut]:
    """For each stop that is left out, the rules that each on its own would give it room if it were lifted, those in the timetable kept."""
    made = {call.stop for call in timetable.calls}
    kept = [stop for stop in day.stops if stop.id in made]
    out = [stop for stop in day.stops if stop.id not in made]
    for number, stop in enumerate(out):
        rules, certain = [], True
        for tried, rule in enumerate(Rule):
            left = (len(out) - number) * len(Rule) - tried
            lifted, without = _lifted(day, stop, rule)
            if (lifted, without) == (day, stop):
                continue
            model = _Model(replace(lifted, stops=(*kept, without)), (*kept, without))
            share = max(deadline - time.monotonic(), 0.1 * left) / left
            answer = model.solve(until=time.monotonic() + share) if model.possible else None
            if answer is not None and answer.known:
                rules.append(rule)
            elif answer is not None and not answer.impossible:
                certain = False
        yield LeftOut(stop.id, tuple(rules), certain)


def _lifted(day: Day, stop: Stop, rule: Rule) -> tuple[Day, Stop]:
    """The day and the stop without one of the rules."""
    match rule:
        case Rule.COMPETENCE:
            # Who is to be there is still bound by when they can be: only which crew has them is lifted.
            crews = tuple(replace(crew, has=crew.has | stop.needs, people=max(crew.people, stop.people)) for crew in day.crews)
            return replace(day, crews=crews), stop
        case Rule.OPENING_HOURS:
            return day, replace(stop, windows=None)
        case Rule.AVAILABILITY:
            # The others that need them are bound as before.
            if not stop.needs & day.available.keys():
                return day, stop
            named = {f"{need} för {stop.id}" for need in stop.needs}
            crews = tuple(replace(crew, has=crew.has | named) if stop.needs <= crew.has else crew for crew in day.crews)
            return replace(day, crews=crews), replace(stop, needs=frozenset(named))
        case Rule.VISITS_MAX:
            return replace(day, visits_max=len(day.stops)), stop
        case Rule.DAY_LENGTH:
            return replace(day, minutes=day.minutes + LONGER_DAY), stop


@cache
def _solver() -> Any:  # noqa: ANN401  # a module
    """CP-SAT, read when the first route is asked for: it takes a second and 100 MB that a service without routes can do without."""
    try:
        return import_module("ortools.sat.python.cp_model")
    except ImportError:
        raise Unavailable(
            "Paketet ortools saknas på den här datorn (det finns för Python 3.11 och 3.12): ingen rutt kan föreslås."
        ) from None
