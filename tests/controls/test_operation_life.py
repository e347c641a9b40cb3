"""The life of an operation, a visit and a participation, through the whole service."""

from datetime import timedelta
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, Invalid, NotFound
from tests.controls.acts import deliver
from tests.controls.conftest import NOW, PERSON, Controls
from tests.controls.day_acts import LEAD, SF_INSPECTOR, START, STRANGER, Course, an_id

SKV = "skatteverket-beskattning"
DAY = timedelta(days=1)


def test_an_operation_from_its_draft_to_its_end_and_its_history_tells_who_and_when(controls: Controls) -> None:
    course = Course(controls, 2)
    course.completed()
    course.told()
    for method in ("ReportOperation", "FollowUpOperation", "CloseOperation"):
        course.act(method)
    seen = course.read()
    assert [(step.from_state, step.to_state) for step in seen.history] == [
        ("", "draft"),
        ("draft", "planned"),
        ("planned", "confirmed"),
        ("confirmed", "briefed"),
        ("briefed", "in_progress"),
        ("in_progress", "completed"),
        ("completed", "reported"),
        ("reported", "followed_up"),
        ("followed_up", "closed"),
    ]
    assert [step.person for step in seen.history[3:6]] == [LEAD.person] * 3
    assert (seen.risk_level, seen.risk_signed_by) == (pb.RISK_LEVEL_MEDIUM, LEAD.person)
    for visit in seen.visits:
        states = ["scheduled", "on_site", "done", "measures_pending", "closed"]
        assert [step.to_state for step in visit.history] == states
        assert (visit.state, visit.persons_checked_count) == (pb.VISIT_STATE_CLOSED, 6)


def test_a_draft_is_planned_when_two_may_take_part(controls: Controls) -> None:
    course = Course(controls, ground="")
    assert course.invite(SKV).state == pb.OPERATION_STATE_DRAFT
    later = course.plan(planned_start=timestamp(START + DAY), planned_end=timestamp(START + DAY + timedelta(hours=6)))
    course.act("UpdatePlan", **later)
    assert [one.remark for one in course.read().participations] == [""]  # nobody has been asked
    deliver(controls)
    assert controls.sharing.taken == {}  # a draft invites nobody
    assert course.invite("SF").state == pb.OPERATION_STATE_PLANNED
    deliver(controls)
    assert controls.sharing.contents(course.id, SKV) == ["control_invitation"]
    assert controls.sharing.contents(course.id, "SF") == []  # it reads it here


def test_other_days_are_asked_for_anew_and_an_answer_about_the_old_ones_changes_nothing(controls: Controls) -> None:
    course = Course(controls)
    course.planned()
    course.invite(SKV)
    deliver(controls)
    later = course.plan(planned_start=timestamp(START + 7 * DAY), planned_end=timestamp(START + 7 * DAY + timedelta(hours=6)))
    course.act("UpdatePlan", **later)
    deliver(controls)
    offers = [offer for offer in controls.sharing.taken.values() if offer.receiver_kind == SKV]
    assert [(offer.revision, offer.control_invitation.control.window_start) for offer in offers] == [(1, "2026-11-24"), (2, "2026-12-01")]
    assert {one.answer for one in course.read().participations} == {common_pb2.INVITATION_ANSWER_UNSPECIFIED}
    assert all("eller fråga igen" in one.remark for one in course.read().participations)
    outcome = common_pb2.RecordOutcome(
        request_id=an_id(), record_kind="control_invitation", record_id=course.id, receiver_kind=SKV, disclosure_id=an_id()
    )
    outcome.occurred_time.CopyFrom(timestamp(NOW - timedelta(minutes=1)))
    outcome.answered_invitation.answer = common_pb2.INVITATION_ANSWER_DECLINED
    controls.as_sharing.RecordOutcome(pb.RecordOutcomeRequest(outcome=outcome), timeout=10)
    assert course.read().participations[2].answer == common_pb2.INVITATION_ANSWER_UNSPECIFIED


def test_postponing_recalls_the_plan_and_new_days_ask_everybody_again(controls: Controls) -> None:
    course = Course(controls)
    course.planned()
    course.act("ConfirmOperation")
    deliver(controls)
    (visit,) = course.visits
    assert controls.sharing.contents(visit, "arbetsmiljoverket") == ["control_invitation"]
    with pytest.raises(Conflict, match="planned_start: en annan dag"):
        course.act("UpdatePlan", **course.plan(planned_end=timestamp(START + DAY)))
    course.brief(assembly_point="Parkeringen")
    course.act("PostponeOperation")
    deliver(controls)
    assert controls.sharing.contents(visit, "arbetsmiljoverket") == ["control_invitation", "withdrawn"]
    course.act("UpdatePlan", **course.plan(planned_end=timestamp(START + DAY)))
    deliver(controls)
    assert controls.sharing.contents(course.id, "arbetsmiljoverket") == ["control_invitation", "control_invitation"]
    assert (course.read().state, course.read().risk_signed_by) == (pb.OPERATION_STATE_PLANNED, "")
    with pytest.raises(Conflict, match="override_reason"):
        course.act("ConfirmOperation")


def test_a_new_meeting_point_is_told_to_those_who_have_the_plan(controls: Controls) -> None:
    course = Course(controls)
    course.planned()
    course.act("ConfirmOperation")
    deliver(controls)
    course.brief(assembly_point="Stadshuset")
    deliver(controls)
    plans = [offer for offer in controls.sharing.taken.values() if offer.record_id == course.visits[0]]
    assert [offer.control_invitation.control.meeting_point for offer in plans] == ["Parkeringen", "Stadshuset"]
    assert len(controls.sharing.contents(course.id, "arbetsmiljoverket")) == 1  # the open facts are as they were


def test_the_plan_is_there_for_those_who_come_on_site_and_for_nobody_else(controls: Controls) -> None:
    course = Course(controls)
    course.invite("SF")
    asked = pb.ListOperationsRequest()

    def rows() -> list[pb.OperationRow]:
        return list(controls.call("ListOperations", asked, SF_INSPECTOR).operations)

    with pytest.raises(NotFound):
        course.read(SF_INSPECTOR)
    (row,) = rows()
    assert (row.label, row.window_start, row.HasField("planned_start")) == ("LOS-2026-07", "2026-11-24", False)
    course.answer("SF", who=SF_INSPECTOR, role=common_pb2.PARTICIPATION_ROLE_PLANNING_ONLY)
    with pytest.raises(NotFound):
        course.read(SF_INSPECTOR)
    course.answer("SF", "alkohollagen-tillsyn", SF_INSPECTOR)
    assert course.read(SF_INSPECTOR).assembly_point == "Parkeringen"
    assert rows()[0].HasField("planned_start")
    for outsider in (STRANGER, LEAD.__class__("cli", "kof-inspektor-1", LEAD.role, "KOF")):
        with pytest.raises(NotFound):
            course.read(outsider)
        assert list(controls.call("ListOperations", asked, outsider).operations) == []


def test_nobody_answers_for_a_unit_but_itself(controls: Controls) -> None:
    course = Course(controls)
    course.invite("SF")
    with pytest.raises(Invalid, match="svarar själv"):
        course.answer("SF", "alkohollagen-tillsyn")
    with pytest.raises(NotFound):
        course.answer("arbetsmiljoverket", "aml-tillsyn", SF_INSPECTOR)
    with pytest.raises(NotFound):
        course.answer("SF", "alkohollagen-tillsyn", LEAD)


def test_a_step_of_a_visit_sent_again_has_the_same_answer_and_one_effect(controls: Controls) -> None:
    course = Course(controls)
    course.begun()
    (visit,) = course.visits
    at = timestamp(START - timedelta(minutes=3))
    first = course.step("StartVisit", visit, request_id=(key := an_id()), occurred_time=at)
    controls.clock.advance(timedelta(minutes=20))
    assert course.step("StartVisit", visit, request_id=key, occurred_time=at) == first
    assert course.step("StartVisit", visit, occurred_time=at) == first
    assert course.step("StartVisit", visit) == first
    with pytest.raises(Conflict, match="vid en annan tid"):
        course.step("StartVisit", visit, occurred_time=timestamp(START))
    done: dict[str, Any] = {"outcome": pb.VISIT_STATE_DONE, "persons_checked_count": 6}
    ended = course.step("FinishVisit", visit, **done)
    controls.clock.advance(timedelta(minutes=5))
    assert course.step("FinishVisit", visit, **done) == ended
    with pytest.raises(Conflict, match="andra uppgifter"):
        course.step("FinishVisit", visit, outcome=pb.VISIT_STATE_DONE, persons_checked_count=7)
    assert [step.to_state for step in course.read().visits[0].history] == ["scheduled", "on_site", "done"]


@pytest.mark.parametrize(
    ("moment", "message"),
    [(START + timedelta(minutes=6), "i framtiden"), (START - timedelta(hours=9), "före insatsens dag")],
)
def test_a_time_of_the_phone_lies_in_the_day_so_far(controls: Controls, moment: Any, message: str) -> None:  # noqa: ANN401
    course = Course(controls)
    course.begun()
    with pytest.raises(Invalid, match=message):
        course.step("StartVisit", course.visits[0], occurred_time=timestamp(moment))


def test_an_object_that_was_missed_is_visited_again_the_same_day_and_one_that_was_not_is_not(controls: Controls) -> None:
    course = Course(controls)
    course.begun()
    (visit,) = course.visits
    place = course.read().visits[0].object_id
    deliver(controls)
    offered = len(controls.sharing.taken)
    with pytest.raises(Conflict):
        course.add(place)
    course.step("FinishVisit", visit, outcome=pb.VISIT_STATE_NOT_OPEN)
    again = course.add(place)
    deliver(controls)
    assert len(controls.sharing.taken) == offered  # those on site stand beside
    assert [(one.visit_id, one.again, one.position) for one in course.read().visits] == [(visit, False, 1), (again, True, 2)]
    with pytest.raises(Conflict, match="besök 2"):
        course.act("CompleteOperation", LEAD)


def test_a_visit_is_taken_out_until_its_plan_has_been_offered(controls: Controls) -> None:
    course = Course(controls, 2)
    course.act("RemoveVisit", visit_id=course.visits[0])
    assert [visit.visit_id for visit in course.read().visits] == [course.visits[1]]
    course.planned()
    with pytest.raises(Conflict, match="minst ett besök"):
        course.act("RemoveVisit", visit_id=course.visits[1])
    more = course.add()
    course.act("ConfirmOperation")
    course.act("PostponeOperation")
    with pytest.raises(Conflict, match="redan lämnats ut"):
        course.act("RemoveVisit", visit_id=more)


def test_each_tells_for_itself_and_who_has_not_is_listed_after_fourteen_days(controls: Controls) -> None:
    course = Course(controls)
    course.completed()
    with pytest.raises(Invalid, match="egen inspektör"):
        course.tell("SF", PERSON, nothing_to_report=True)
    with pytest.raises(Invalid, match="vem på myndigheten"):
        course.tell("arbetsmiljoverket", PERSON, nothing_to_report=True)
    with pytest.raises(Invalid, match="samordnaren skriver in"):
        course.tell("arbetsmiljoverket", SF_INSPECTOR, nothing_to_report=True)
    with pytest.raises(Invalid, match="areas: ange"):
        course.tell("SF", SF_INSPECTOR)
    with pytest.raises(Invalid, match="finns inte i listan"):
        course.tell("SF", SF_INSPECTOR, areas=["grannar"])
    with pytest.raises(Conflict, match="återrapport från"):
        course.act("ReportOperation")
    course.tell("SF", SF_INSPECTOR, nothing_to_report=True)

    def due() -> list[str]:
        found = controls.call("ListOperations", pb.ListOperationsRequest(reminder_due=True))
        return [row.operation_id for row in found.operations]

    assert (due(), list(course.read().summaries_missing)) == ([], ["MOS", "arbetsmiljoverket"])
    controls.clock.advance(14 * DAY)
    assert (due(), course.read().reminder_due) == ([course.id], True)
    course.told()
    assert (due(), course.read().reminder_due) == ([], False)


def test_a_list_is_newest_day_first_in_stable_pages_and_filtered_by_state_and_day(controls: Controls) -> None:
    courses = [Course(controls, 0) for _ in range(5)]
    for place, course in enumerate(courses):
        moved = START + (place * 2 % 5) * DAY
        course.act("UpdatePlan", **course.plan(planned_start=timestamp(moved), planned_end=timestamp(moved + timedelta(hours=1))))
    for course in courses[:3]:
        course.act("CancelOperation")

    def days(**asked: Any) -> list[str]:  # noqa: ANN401
        found, token = [], ""
        while True:
            page = common_pb2.Page(page_size=2, page_token=token)
            answer = controls.call("ListOperations", pb.ListOperationsRequest(page=page, **asked))
            found += [row.window_start[-2:] for row in answer.operations]
            token = answer.next_page_token
            if not token:
                return found

    assert days() == ["27", "25", "28", "26", "24"]  # those that are not over come first
    assert days(states=[pb.OPERATION_STATE_CANCELLED]) == ["28", "26", "24"]
    assert days(from_date="2026-11-25", to_date="2026-11-27") == ["27", "25", "26"]
    with pytest.raises(Invalid, match="from_date: "):
        days(from_date="i går")
