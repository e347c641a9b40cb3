"""The route of a day. The judge (`route_check`) and the search by hand below share nothing with the model."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product
from typing import Any
from uuid import UUID

import pytest

from bench.days import made_up_day
from services.controls.domain import route
from services.controls.domain.day import Call, Crew, Day, Place, Rule, Stop, Timetable, Travel
from services.controls.domain.route import suggest, travel_minutes
from services.controls.domain.route_check import violations
from services.kernel.errors import Unavailable

pytest.importorskip("ortools", reason="no ortools that goes with our protobuf for this Python")

TRAVEL = Travel(detour_factor=1.0, speed_kmh=60, parking_minutes=0, unknown_place_minutes=30)  # a kilometre is a minute
HOME = Place(6_474_000, 536_000)
POLICE, SKV = "polismyndigheten", "skatteverket-beskattning"
TIME_S = 60.0  # an upper bound: each of these days is proved in a second or two


def a_stop(number: int, km: float = 10, **fields: Any) -> Stop:  # noqa: ANN401
    return replace(Stop(UUID(int=number), Place(HOME.north_m, HOME.east_m + round(km * 1000)), 60), **fields)


def a_day(*stops: Stop, **fields: Any) -> Day:  # noqa: ANN401
    return replace(Day(480, HOME, stops, (Crew("Lag 1"),), {}, TRAVEL, 20), **fields)


def left(day: Day) -> dict[int, tuple[Rule, ...]]:
    timetable = suggest(day, TIME_S)
    assert violations(day, timetable) == []
    return {out.stop.int: out.rules for out in timetable.left_out}


@pytest.mark.parametrize("seed", [2, 3, 12])
def test_a_day_in_linkoping_breaks_no_rule_and_nothing_better_exists(seed: int) -> None:
    day = made_up_day(seed)
    timetable = suggest(day, TIME_S)
    assert violations(day, timetable) == []
    assert timetable.optimal
    assert timetable == suggest(day, TIME_S)


@pytest.mark.parametrize("seed", range(900, 906))
def test_no_day_of_few_visits_has_a_better_order_than_the_one_suggested(seed: int) -> None:
    day = made_up_day(seed)
    day = replace(day, stops=day.stops[:3], crews=day.crews[:2])
    timetable = suggest(day, TIME_S)
    assert violations(day, timetable) == []
    assert (-len(timetable.calls), timetable.travel + timetable.waiting) == min(by_hand(day))


def by_hand(day: Day) -> Iterator[tuple[int, int]]:
    """Every way to share out the stops, every order, each crew setting off at every minute: visits (negative), travel and waiting."""
    for shared in product(range(-1, len(day.crews)), repeat=len(day.stops)):
        made, idle = 0, 0
        for number, crew in enumerate(day.crews):
            mine = [stop for stop, to in zip(day.stops, shared, strict=True) if to == number]
            if any(not stop.needs <= crew.has or stop.people > crew.people for stop in mine):
                break
            ways = [way for order in permutations(mine) for off in range(day.minutes) if (way := _walk(day, order, off)) is not None]
            if not ways:
                break
            made, idle = made + len(mine), idle + min(ways)
        else:
            if made <= day.visits_max:
                yield -made, idle


def _walk(day: Day, order: tuple[Stop, ...], off: int) -> int | None:
    """Travel and waiting when they set off then and begin each visit as soon as they may; None when it cannot be done."""
    here, now, worked = day.assembly, off, 0
    for stop in order:
        now += travel_minutes(day.travel, here, stop.place)
        bounds = [stop.windows] if stop.windows is not None else []
        bounds += [day.available[need] for need in stop.needs if need in day.available]
        while not all(any(since <= now and now + stop.minutes <= until for since, until in windows) for windows in bounds):
            now += 1
            if now > day.minutes:
                return None
        here, now, worked = stop.place, now + stop.minutes, worked + stop.minutes
    return now - off - worked if now <= day.minutes else None


def test_visits_come_in_the_order_that_costs_least() -> None:
    timetable = suggest(a_day(a_stop(1, 30), a_stop(2, 10), a_stop(3, 20)), TIME_S)
    assert [call.stop.int for call in timetable.calls] == [2, 3, 1]
    assert (timetable.travel, timetable.waiting) == (30, 0)
    assert [(call.arrival, call.leave) for call in timetable.calls] == [(10, 70), (80, 140), (150, 210)]


def test_what_is_open_at_no_time_of_the_day_is_left_out_for_its_opening_hours() -> None:
    assert left(a_day(a_stop(1, windows=((600, 700),)), a_stop(2))) == {1: (Rule.OPENING_HOURS, Rule.DAY_LENGTH)}
    assert left(a_day(a_stop(1, windows=()), a_stop(2))) == {1: (Rule.OPENING_HOURS,)}


def test_what_nobody_can_be_there_for_is_left_out_for_availability() -> None:
    crew = Crew("Lag 1", frozenset({POLICE, SKV}))
    day = a_day(a_stop(1, needs=frozenset({POLICE})), a_stop(2), crews=(crew,), available={POLICE: ((0, 30),)})
    assert left(day) == {1: (Rule.AVAILABILITY,)}


def test_what_no_crew_has_is_left_out_for_competence() -> None:
    assert left(a_day(a_stop(1, needs=frozenset({POLICE})), a_stop(2, people=9))) == {1: (Rule.COMPETENCE,), 2: (Rule.COMPETENCE,)}


def test_the_visits_beyond_the_highest_number_are_left_out_for_it() -> None:
    assert left(a_day(a_stop(1, 1), a_stop(2, 2), a_stop(3, 30), visits_max=2)) == {3: (Rule.VISITS_MAX,)}


def test_what_the_day_is_too_short_for_is_left_out_for_its_length() -> None:
    assert left(a_day(a_stop(1, 5), a_stop(2, 90), minutes=150)) == {2: (Rule.DAY_LENGTH,)}


def test_what_two_rules_keep_out_together_is_said_to_be_kept_out_by_no_single_one() -> None:
    day = a_day(a_stop(1, needs=frozenset({POLICE}), windows=()))
    assert left(day) == {1: ()}


def test_unknown_hours_bind_nothing_and_an_unknown_place_costs_the_stated_time() -> None:
    timetable = suggest(a_day(a_stop(1, place=None, windows=None)), TIME_S)
    assert [(call.travel, call.arrival) for call in timetable.calls] == [(30, 30)]


def test_a_day_without_visits_is_an_empty_timetable() -> None:
    assert suggest(a_day(), TIME_S) == Timetable((), (), optimal=True)


def test_the_judge_finds_each_rule_that_is_broken() -> None:
    stop = a_stop(1, windows=((60, 200),), needs=frozenset({POLICE}), people=3)
    day = a_day(stop, crews=(Crew("Lag 1", frozenset({POLICE}), 3), Crew("Lag 2")), available={POLICE: ((60, 180),)}, minutes=190)
    good = Call(stop.id, "Lag 1", 10, 60, 60, 120)
    assert violations(day, Timetable((good,), (), optimal=True)) == []
    broken = {
        "closed": replace(good, arrival=40, start=40, leave=100),
        "away": replace(good, arrival=125, start=125, leave=185),
        "lacks": replace(good, crew="Lag 2"),
        "small": replace(good, crew="Lag 2"),
        "longer": replace(good, travel=9),
        "arrive": replace(good, arrival=5),
        "minutes": replace(good, leave=110),
        "order": replace(good, arrival=61),
        "outside": replace(good, arrival=135, start=135, leave=195),
    }
    for word, call in broken.items():
        assert any(word in fault for fault in violations(day, Timetable((call,), (), optimal=True))), word
    assert violations(day, Timetable((good, good), (), optimal=True))
    assert violations(day, Timetable((), (), optimal=True))
    assert violations(replace(day, visits_max=0), Timetable((good,), (), optimal=True))


def test_without_the_solver_the_answer_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python.cp_model", None)
    route._solver.cache_clear()  # noqa: SLF001  # it has been read by the tests before
    try:
        with pytest.raises(Unavailable, match="ortools"):
            suggest(a_day(a_stop(1)), TIME_S)
    finally:
        route._solver.cache_clear()  # noqa: SLF001
