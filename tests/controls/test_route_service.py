"""Route, timetable and calendar file through the whole service."""

from datetime import date, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import route_pb2

from services.kernel.callers import Caller, Role
from services.kernel.clock import instant, timestamp
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from tests.controls.acts import KLF_PERSON, SECRETS, a_plan_request, an_id, register
from tests.controls.builders import START
from tests.controls.conftest import Controls

INSPECTOR = Caller("cli", "mos-inspektor-1", Role.INSPECTOR, "MOS")
CREW = route_pb2.RouteCrew(name="Lag 1", has=["polismyndigheten"], people=2)
AT_HOME = {"assembly_north_m": 6_474_000, "assembly_east_m": 536_000}


def an_operation(controls: Controls, *hours: str) -> tuple[str, list[str], str]:
    """A draft with a visit to an object with each of these opening hours: its id, its visits, its etag. The day is a Tuesday 9.15–15.15."""
    operation_id = controls.call("PlanOperation", a_plan_request()).operation_id
    etag, visits = "1", []
    for number, text in enumerate(hours, start=1):
        object_id = register(controls, number, opening_hours=text, north_m=6_474_000 + number * 1000, east_m=536_000)
        added = controls.call("AddVisit", pb.AddVisitRequest(request_id=an_id(), operation_id=operation_id, etag=etag, object_id=object_id))
        etag = added.etag
        visits.append(added.visit_id)
    return operation_id, visits, etag


def suggestion(controls: Controls, operation_id: str, **fields: Any) -> Any:  # noqa: ANN401
    known: dict[str, Any] = {"operation_id": operation_id, "crews": [CREW], "time_limit_s": 5} | AT_HOME
    return controls.call("SuggestRoute", route_pb2.SuggestRouteRequest(**known | fields))


def acceptance(operation_id: str, etag: str, *visits: route_pb2.PlannedVisit, **fields: Any) -> route_pb2.AcceptRouteRequest:  # noqa: ANN401
    known = {"request_id": an_id(), "operation_id": operation_id, "etag": etag, "visits": visits}
    return route_pb2.AcceptRouteRequest(**known | fields)


def planned(visit_id: str, minutes: int = 60, crew: str = "Lag 1", stays: int = 45) -> route_pb2.PlannedVisit:
    arrival = START + timedelta(minutes=minutes)
    return route_pb2.PlannedVisit(
        visit_id=visit_id, crew=crew, arrival=timestamp(arrival), leave=timestamp(arrival + timedelta(minutes=stays))
    )


def read(controls: Controls, operation_id: str) -> Any:  # noqa: ANN401
    return controls.call("GetOperation", pb.GetOperationRequest(operation_id=operation_id))


def test_a_suggested_route_is_decided_and_stays_in_the_plan(controls: Controls) -> None:
    pytest.importorskip("ortools")
    operation_id, visits, etag = an_operation(controls, "mån-fre 08-17", "mån-sön 11-23", "vid behov", "ons-lör 17-02")
    suggested = suggestion(controls, operation_id)
    assert {visit.visit_id for visit in suggested.visits} == set(visits[:3])
    assert suggested.optimal
    assert suggested.etag == etag == read(controls, operation_id).etag  # nothing is stored
    assert [(out.visit_id, list(out.rules)) for out in suggested.left_out] == [(visits[3], ["opening_hours"])]
    assert "Besök 4" in suggested.left_out[0].message
    assert "öppettiderna" in suggested.left_out[0].message
    assert list(suggested.remarks) == ["Besök 3: öppettiderna går inte att läsa, tiden är inte prövad mot dem."]
    eleven = START + timedelta(hours=1, minutes=45)
    assert all(instant(visit.arrival) >= eleven for visit in suggested.visits if visit.visit_id == visits[1] and not visit.waiting_minutes)

    chosen = [
        route_pb2.PlannedVisit(visit_id=visit.visit_id, crew=visit.crew, arrival=visit.arrival, leave=visit.leave)
        for visit in suggested.visits
    ]
    accepted = controls.call("AcceptRoute", acceptance(operation_id, suggested.etag, *chosen))
    operation = read(controls, operation_id)
    assert operation.etag == accepted.etag != etag
    assert list(operation.timetable) == chosen
    assert controls.rows("SELECT revision FROM history WHERE record_id = %s ORDER BY revision DESC LIMIT 1", operation_id)
    [row] = controls.rows("SELECT plan FROM operation")
    assert b"Lag 1" not in bytes(row["plan"])
    assert {"controls:route:suggest/done", "controls:route:accept/done"} <= set(controls.events())


def test_a_visit_that_no_crew_can_make_says_so(controls: Controls) -> None:
    pytest.importorskip("ortools")
    operation_id, visits, _ = an_operation(controls, "mån-fre 08-17")
    needs = route_pb2.RouteVisit(visit_id=visits[0], needs=["kronofogden"])
    [out] = suggestion(controls, operation_id, visits=[needs]).left_out
    assert list(out.rules) == ["competence"]


def test_a_timetable_that_cannot_be_kept_is_refused_and_the_earlier_one_stays(controls: Controls) -> None:
    operation_id, visits, etag = an_operation(controls, "", "")
    etag = controls.call("AcceptRoute", acceptance(operation_id, etag, planned(visits[0]))).etag
    wrong = {
        "visits": (planned(visits[0]), planned(visits[0], 200)),
        "visit_id": (planned(an_id()),),
        "leave": (planned(visits[0], stays=0),),
        "arrival: tiden": (planned(visits[0], 350),),
        "arrival: laget": (planned(visits[0], 60), planned(visits[1], 90)),
    }
    for field, timetable in wrong.items():
        with pytest.raises(Invalid, match=f"^{field}"):
            controls.call("AcceptRoute", acceptance(operation_id, etag, *timetable))
    with pytest.raises(Conflict) as stale:
        controls.call("AcceptRoute", acceptance(operation_id, "1", planned(visits[0])))
    assert stale.value.reason is ConflictReason.ETAG
    assert list(read(controls, operation_id).timetable) == [planned(visits[0])]
    controls.call("AcceptRoute", acceptance(operation_id, etag))
    assert not read(controls, operation_id).timetable


def test_the_same_request_twice_decides_once(controls: Controls) -> None:
    operation_id, visits, etag = an_operation(controls, "")
    request = acceptance(operation_id, etag, planned(visits[0]))
    assert controls.call("AcceptRoute", request) == controls.call("AcceptRoute", request)


@pytest.mark.parametrize("method", ["SuggestRoute", "AcceptRoute", "GetCalendar"])
def test_another_units_operation_looks_absent_and_an_inspector_may_not_ask(controls: Controls, method: str) -> None:
    operation_id, visits, etag = an_operation(controls, "")
    requests = {
        "SuggestRoute": route_pb2.SuggestRouteRequest(operation_id=operation_id, crews=[CREW]),
        "AcceptRoute": acceptance(operation_id, etag, planned(visits[0])),
        "GetCalendar": route_pb2.GetCalendarRequest(operation_id=operation_id),
    }
    with pytest.raises(NotFound):
        controls.call(method, requests[method], KLF_PERSON)
    with pytest.raises(Denied):
        controls.call(method, requests[method], INSPECTOR)


def test_a_cancelled_operation_gets_no_route(controls: Controls) -> None:
    operation_id, visits, etag = an_operation(controls, "")
    etag = controls.call("CancelOperation", pb.CancelOperationRequest(request_id=an_id(), operation_id=operation_id, etag=etag)).etag
    with pytest.raises(Conflict):
        suggestion(controls, operation_id)
    with pytest.raises(Conflict):
        controls.call("AcceptRoute", acceptance(operation_id, etag, planned(visits[0])))


@pytest.mark.parametrize(
    "fields",
    [
        {"crews": []},
        {"crews": [CREW, CREW]},
        {"crews": [route_pb2.RouteCrew(name="", people=1)]},
        {"visits": [route_pb2.RouteVisit(visit_id=an_id())]},
        {"assembly_east_m": None},
        {"time_limit_s": 61},
        {
            "availability": [
                route_pb2.RouteAvailability(need="polismyndigheten", available_from=timestamp(START), available_until=timestamp(START))
            ]
        },
    ],
)
def test_a_day_that_makes_no_sense_is_refused(controls: Controls, fields: dict[str, Any]) -> None:
    operation_id, _, _ = an_operation(controls, "")
    with pytest.raises(Invalid):
        suggestion(controls, operation_id, **fields)


def test_the_calendar_file_holds_the_label_and_the_days_and_nothing_of_the_plan(controls: Controls) -> None:
    operation_id, visits, etag = an_operation(controls, "mån-fre 08-17")
    etag = controls.call("AcceptRoute", acceptance(operation_id, etag, planned(visits[0]))).etag
    file = controls.call("GetCalendar", route_pb2.GetCalendarRequest(operation_id=operation_id))
    assert file.file_name == "LOS-2026-07.ics"
    text = file.content.decode()
    for secret in (*SECRETS, "Exempelgatan", "City bilvård", "Demo", "559999", "Lag 1", visits[0], ":20261201T"):
        assert secret not in text
    calendar = Calendar.from_ical(text)
    event: Any = calendar.events[0]
    assert (calendar["METHOD"], event["STATUS"], event["SUMMARY"]) == ("PUBLISH", "TENTATIVE", "LOS-2026-07")
    assert (event.start, event.end) == (date(2026, 12, 1), date(2026, 12, 2))
    assert set(event.keys()) == {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "CLASS", "STATUS"}
    assert event["SEQUENCE"] == int(etag)

    controls.call("CancelOperation", pb.CancelOperationRequest(request_id=an_id(), operation_id=operation_id, etag=etag))
    later = Calendar.from_ical(controls.call("GetCalendar", route_pb2.GetCalendarRequest(operation_id=operation_id)).content.decode())
    gone: Any = later.events[0]
    assert (later["METHOD"], gone["STATUS"], gone["UID"]) == ("CANCEL", "CANCELLED", event["UID"])
    assert gone["SEQUENCE"] == event["SEQUENCE"] + 1
