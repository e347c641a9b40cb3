from dataclasses import replace
from datetime import timedelta

from icalendar import Calendar

from services.controls.domain.invitation_file import invitation_file
from services.controls.domain.operations import State
from services.controls.domain.timetable import standing, with_timetable
from services.controls.domain.visits import PlannedVisit
from tests.controls.builders import NOW, START, an_operation


def test_a_timetable_stands_no_more_for_a_visit_that_has_gone_or_a_day_that_has_been_moved() -> None:
    operation = an_operation()
    times = tuple(
        PlannedVisit(visit.id, "Lag 1", START + timedelta(hours=number), START + timedelta(hours=number, minutes=30))
        for number, visit in enumerate(operation.visits)
    )
    planned = with_timetable(operation, times)
    assert standing(planned) == times
    assert standing(planned.without_visit(times[1].visit_id)) == (times[0], times[2])
    later = timedelta(days=1)
    assert standing(replace(planned, plan=replace(planned.plan, start=planned.plan.start + later, end=planned.plan.end + later))) == ()


def test_the_calendar_file_of_an_operation_that_is_off_takes_it_away() -> None:
    said = {}
    for state in State:
        calendar = Calendar.from_ical(invitation_file(replace(an_operation(), state=state), NOW).decode())
        said[state] = str(calendar["METHOD"]), str(calendar.events[0]["STATUS"])
    off = {State.CANCELLED, State.POSTPONED}
    tentative = {State.DRAFT, State.PLANNED}
    assert {state for state, words in said.items() if words == ("CANCEL", "CANCELLED")} == off
    assert {state for state, words in said.items() if words == ("PUBLISH", "TENTATIVE")} == tentative
    assert {state for state, words in said.items() if words == ("PUBLISH", "CONFIRMED")} == set(State) - off - tentative
