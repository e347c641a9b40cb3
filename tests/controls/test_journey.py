"""From a tip to the end of what it led to, as the people of controls walk it, and what everybody else sees at each step.

One operation of MOS: SF comes along, Arbetsmiljöverket and Polisen say yes, Skatteverket says no, Kronofogden never answers.
"""

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2, route_pb2, tips_pb2

from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, Denied, NotFound
from tests.controls.acts import KFM, POLICE, SKV, deliver, hear, object_read
from tests.controls.conftest import PERSON, Controls
from tests.controls.day_acts import LEAD, SF_INSPECTOR, START, STRANGER, Course, an_id
from tests.controls.test_candidates import candidates
from tests.controls.tip_acts import a_company, prioritised, read

KOF = Caller("cli", "kof-inspektor-1", Role.INSPECTOR, "KOF")
OFFICER = Caller("cli", "mos-handlaggare-1", Role.CASE_OFFICER, "MOS")
AMV = "arbetsmiljoverket"
DAY = "2026-11-24"
DONE, MISSED = pb.VISIT_STATE_DONE, pb.VISIT_STATE_NOT_OPEN


class Outsiders:
    """Those who have no part in it: another unit's coordinator and inspector, an officer, and an authority that said no."""

    def __init__(self, course: Course) -> None:
        self.course, self.controls, self.objects = course, course.controls, list[str]()

    def see_nothing(self, *also: Caller) -> None:
        asked = pb.GetOperationRequest(operation_id=self.course.id)
        for who in (STRANGER, KOF, *also):
            with pytest.raises(NotFound):
                self.controls.call("GetOperation", asked, who)
        with pytest.raises(Denied):
            self.controls.call("GetOperation", asked, OFFICER)
        for who in (STRANGER, KOF):
            assert not self.controls.call("ListOperations", pb.ListOperationsRequest(), who).operations
            for visit_id in self.course.visits:
                with pytest.raises((NotFound, Conflict, Denied)) as refused:
                    self.course.step("StartVisit", visit_id, who)
                assert refused.type is NotFound
        deliver(self.controls)
        for visit_id in self.course.visits:
            for kind in (SKV, KFM, "SF"):
                assert self.controls.sharing.contents(visit_id, kind) == []
        for request in self.controls.sharing.taken.values():
            if request.receiver_kind in {SKV, KFM}:
                facts = request.control_invitation.control
                assert (facts.meeting_point, facts.object_address, facts.object_org_number) == ("", "", "")
                assert len(facts.window_start or DAY) == len(DAY)

    def find_no_control_yet(self) -> None:
        """Nothing tells, before it is over, that an object will be or has been visited."""
        for object_id in self.objects:
            for who in (STRANGER, PERSON):
                seen = object_read(self.controls, object_id, who)
                assert (seen.object.last_control_date, len(seen.previous_visits)) == ("", 0)
        assert self.controls.rows("SELECT * FROM object_visit") == []


def reasons(controls: Controls, object_id: str) -> set[str]:
    row = next(row for row in candidates(controls, district="Tornby").candidates if row.object_id == object_id)
    return {reason.word for reason in row.reasons}


class Journey:
    """The steps, one after the other."""

    tip: tips_pb2.RegisterTipResponse
    observed: findings_pb2.RecordObservationResponse
    decided: findings_pb2.RecordMeasureResponse

    def __init__(self, controls: Controls) -> None:
        self.controls, self.course = controls, Course(controls, 0)
        self.outside = Outsiders(self.course)

    def a_tip_waits(self) -> None:
        """A tip, and what it says of the object."""
        self.tip = prioritised(self.controls, place=a_company())
        assert {"har inte kontrollerats, såvitt känt", "tips från myndighet eller egen inspektör"} <= reasons(
            self.controls, self.tip.object_id
        )

    def planned(self) -> None:
        """Planned: the object is in the operation, and the tip is taken up."""
        self.outside.objects.append(self.tip.object_id)
        self.course.visits = [self.course.add(self.tip.object_id), self.course.add()]
        assert read(self.controls, self.tip.tip_id).state == tips_pb2.TIP_STATE_PLANNED_IN
        assert self.course.invite("SF").state == pb.OPERATION_STATE_PLANNED
        for kind in (AMV, POLICE, SKV, KFM):
            self.course.invite(kind)
        self.outside.see_nothing(SF_INSPECTOR)
        assert all(self.controls.sharing.contents(self.course.id, kind) == ["control_invitation"] for kind in (AMV, POLICE, SKV, KFM))

    def answered(self) -> None:
        """Answered by each for itself; one does not."""
        self.course.answer("SF", "alkohollagen-tillsyn", SF_INSPECTOR)
        self.course.answer(AMV, "aml-tillsyn")
        yes = common_pb2.AnsweredInvitation(
            answer=common_pb2.INVITATION_ANSWER_ACCEPTED, role=common_pb2.PARTICIPATION_ROLE_ON_SITE, control_ground_id="polis"
        )
        hear(self.controls, self.course.id, POLICE, answered_invitation=yes)
        hear(
            self.controls,
            self.course.id,
            SKV,
            answered_invitation=common_pb2.AnsweredInvitation(answer=common_pb2.INVITATION_ANSWER_DECLINED),
        )
        with pytest.raises(Conflict, match=r"^override_reason: "):
            self.course.act("ConfirmOperation")
        self.outside.see_nothing()
        assert self.course.read(SF_INSPECTOR).state == pb.OPERATION_STATE_PLANNED  # who comes on its own ground sees it now

    def confirmed(self) -> None:
        """A timetable, and it is confirmed: the plan goes to those who come."""
        visits = [
            route_pb2.PlannedVisit(
                visit_id=visit_id,
                crew="Lag 1",
                arrival=timestamp(START.replace(hour=START.hour + hours)),
                leave=timestamp(START.replace(hour=START.hour + hours, minute=START.minute + 15)),
            )
            for hours, visit_id in enumerate(self.course.visits, start=1)
        ]
        accept = route_pb2.AcceptRouteRequest(request_id=an_id(), operation_id=self.course.id, etag=self.course.read().etag, visits=visits)
        self.controls.call("AcceptRoute", accept)
        confirmed = self.course.act("ConfirmOperation", override_reason="Kronofogden svarar inte i tid")
        assert list(confirmed.offered_to) == [AMV, POLICE]
        self.outside.see_nothing()
        assert self.controls.sharing.contents(self.course.visits[0], POLICE) == ["control_invitation"]
        hear(self.controls, self.course.visits[0], POLICE)  # somebody decided, and it was received; the other visit's plan lies undecided

    def the_day(self) -> None:
        """What the lead and its inspectors do on the day is seen by those who take part."""
        self.course.brief()
        self.controls.clock.moment = START
        self.course.act("StartOperation", LEAD)
        for visit_id, outcome in zip(self.course.visits, (DONE, MISSED), strict=True):
            self.course.step("StartVisit", visit_id)
            if outcome == DONE:
                found = findings_pb2.Seen(
                    control_ground_id="pbl-tillsyn", area="illegal_lodging", is_deficiency=True, severity=findings_pb2.SEVERITY_SERIOUS
                )
                self.observed = self.controls.call(
                    "RecordObservation", findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=visit_id, seen=found), LEAD
                )
                self.decided = self.controls.call(
                    "RecordMeasure",
                    findings_pb2.RecordMeasureRequest(request_id=an_id(), visit_id=visit_id, measure_type="forelaggande"),
                    LEAD,
                )
            self.course.step("FinishVisit", visit_id, outcome=outcome)
        others = findings_pb2.ListObservationsRequest(visit_id=self.course.visits[0])
        assert not self.controls.call("ListObservations", others, SF_INSPECTOR).observations  # each its own
        self.outside.see_nothing()
        self.outside.find_no_control_yet()

    def over(self) -> None:
        """Over: the object has been controlled, and what lay undecided is told to nobody."""
        self.course.act("CompleteOperation", LEAD)
        self.outside.see_nothing()
        assert self.controls.sharing.contents(self.course.id, KFM) == ["control_invitation", "withdrawn"]
        assert self.controls.sharing.contents(self.course.visits[1], POLICE) == ["control_invitation", "withdrawn"]
        assert self.controls.sharing.contents(self.course.visits[0], POLICE) == ["control_invitation"]  # it was told, so it stands
        own, other = (object_read(self.controls, self.tip.object_id, who) for who in (PERSON, STRANGER))
        [visited] = own.previous_visits
        assert (visited.visit_id, visited.operation_id, visited.label, visited.visited_date) == (
            self.course.visits[0],
            self.course.id,
            "LOS-2026-07",
            DAY,
        )
        assert (own.object.last_control_date, other.object.last_control_date, list(other.previous_visits)) == (DAY, DAY, [])
        assert "har inte kontrollerats, såvitt känt" not in reasons(self.controls, self.tip.object_id)
        assert [row["object_id"] for row in self.controls.rows("SELECT object_id::text FROM object_visit")] == [self.tip.object_id]
        self.controls.call(  # a form that knows of no control does not take it away
            "UpdateObject",
            pb.UpdateObjectRequest(request_id=an_id(), object_id=self.tip.object_id, etag=own.etag, object=_forgetful(own.object)),
        )
        assert object_read(self.controls, self.tip.object_id).object.last_control_date == DAY
        steps = self.controls.rows("SELECT revision, person FROM history WHERE record_id = %s ORDER BY revision", self.tip.object_id)
        assert [(row["revision"], row["person"]) for row in steps][1:] == [(2, LEAD.person), (3, PERSON.person)]
        assert self.controls.events().count("controls:object:controlled/done") == 1

    def told_and_followed_up(self) -> None:
        """Each tells; then the second wave, the measure, the end."""
        self.course.tell("MOS", LEAD, areas=["illegal_lodging"])
        self.course.tell("SF", SF_INSPECTOR, nothing_to_report=True)
        with pytest.raises(Conflict, match=r"^summaries: "):
            self.course.act("ReportOperation")
        for kind in (AMV, POLICE):
            self.course.tell(kind, PERSON, nothing_to_report=True, told_by="Registrator", told_date=DAY)
        self.course.act("ReportOperation")
        with pytest.raises(Conflict, match=r"^second_wave: "):
            self.course.act("FollowUpOperation")
        offer = findings_pb2.OfferFindingRequest(request_id=an_id(), observation_id=self.observed.observation_id)
        offer.etag, offer.receiver_kind = self.observed.etag, SKV
        self.controls.call("OfferFinding", offer, LEAD)
        deliver(self.controls)
        assert self.controls.sharing.contents(self.observed.observation_id, SKV) == [
            "control_finding"
        ]  # a fact of a company, on its own ground
        self.course.act("FollowUpOperation")
        with pytest.raises(Conflict, match=r"^handed_over_to: "):
            self.course.act("CloseOperation")
        dated = findings_pb2.MeasureTerms(decided_date=DAY, diary_no="MOS 2026-412")
        etag = self.decided.etag
        for name in ("DECIDED", "LEGALLY_BINDING", "COMPLIED", "CLOSED"):
            state = findings_pb2.MeasureState.Value(f"MEASURE_STATE_{name}")
            change = findings_pb2.UpdateMeasureRequest(
                request_id=an_id(), measure_id=self.decided.measure_id, etag=etag, state=state, terms=dated
            )
            etag = self.controls.call("UpdateMeasure", change, LEAD).etag
        self.course.act("CloseOperation")
        closed = self.course.read()
        assert [step.to_state for step in closed.history] == [
            *("draft", "planned", "confirmed", "briefed", "in_progress", "completed", "reported", "followed_up", "closed")
        ]
        assert [visit.state for visit in closed.visits] == [pb.VISIT_STATE_CLOSED, MISSED]
        self.outside.see_nothing()


def test_a_tip_becomes_a_control_that_is_followed_to_its_end_and_nobody_outside_learns_more_than_they_may(controls: Controls) -> None:
    journey = Journey(controls)
    journey.a_tip_waits()
    journey.planned()
    journey.answered()
    journey.confirmed()
    journey.the_day()
    journey.over()
    journey.told_and_followed_up()


def _forgetful(place: pb.ControlObject) -> pb.ControlObject:
    known = pb.ControlObject()
    known.CopyFrom(place)
    known.ClearField("last_control_date")
    return known
