"""A judge of timetables that shares nothing with the model that makes them: from the day and the calls alone, what is broken.

It reckons travel itself. Used on every suggestion before anybody sees it, and in the tests.
"""

from services.controls.domain.day import Call, Crew, Day, Place, Stop, Timetable


def violations(day: Day, timetable: Timetable) -> list[str]:
    """Each rule that a timetable breaks, in English; empty when it keeps them all."""
    stops = {stop.id: stop for stop in day.stops}
    crews = {crew.name: crew for crew in day.crews}
    found = []
    visited = [call.stop for call in timetable.calls]
    left = [out.stop for out in timetable.left_out]
    if len(set(visited)) != len(visited):
        found.append("a stop is visited twice")
    if sorted([*visited, *left]) != sorted(stops):
        found.append("a stop is neither visited nor left out, or both")
    if len(visited) > day.visits_max:
        found.append("more visits than allowed")
    before: dict[str, Call] = {}
    for call in timetable.calls:
        stop, crew = stops[call.stop], crews[call.crew]
        found += [f"{call.stop}: {fault}" for fault in _faults(day, stop, crew, call)]
        previous = before.get(call.crew)
        start = day.assembly if previous is None else stops[previous.stop].place
        free = 0 if previous is None else previous.leave
        if call.travel < _minutes(day, start, stop.place) - 1e-6:
            found.append(f"{call.stop}: the way takes longer than that")
        if call.arrival < free + call.travel:
            found.append(f"{call.stop}: they arrive before they can")
        before[call.crew] = call
    return found


def _faults(day: Day, stop: Stop, crew: Crew, call: Call) -> list[str]:
    found = []
    if not call.arrival <= call.start < call.leave:
        found.append("times out of order")
    if call.leave - call.start != stop.minutes:
        found.append("not the minutes that the visit needs")
    if call.start < 0 or call.leave > day.minutes:
        found.append("outside the day")
    if stop.windows is not None and not any(opens <= call.start and call.leave <= closes for opens, closes in stop.windows):
        found.append("closed")
    for need in stop.needs:
        if need not in crew.has:
            found.append("the crew lacks what the visit needs")
        if need in day.available and not any(since <= call.start and call.leave <= until for since, until in day.available[need]):
            found.append("somebody that the visit needs is away")
    if crew.people < stop.people:
        found.append("the crew is too small")
    return found


def _minutes(day: Day, start: Place | None, end: Place | None) -> float:
    """Travel, not rounded."""
    if start is None or end is None:
        return day.travel.unknown_place_minutes
    north, east = end.north_m - start.north_m, end.east_m - start.east_m
    if north == east == 0:
        return 0
    hours: float = (north**2 + east**2) ** 0.5 / 1000 * day.travel.detour_factor / day.travel.speed_kmh
    return hours * 60 + day.travel.parking_minutes
