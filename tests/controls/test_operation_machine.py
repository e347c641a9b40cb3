"""The states of an operation and of a visit, driven at random against the real service: whoever acts and whatever they ask.

What is refused changes nothing; what is done is an arrow of workflows 4.1, appended to the history; and every guard has said no.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2

from services.controls.domain import operation_life, visits
from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from tests.controls.conftest import PERSON, Controls
from tests.controls.day_acts import LEAD, SF_INSPECTOR, START, STRANGER, Course, an_id
from tests.registry.drawing import allowed, edges, moves
from tests.registry.machine import RIGHT, ROUND, Draw, Machine, Variant, walk

BEFORE = ("draft", "planned", "confirmed", "briefed")
OPERATION = edges(
    """
    draft > planned
    planned > confirmed
    confirmed > briefed
    briefed > in_progress
    in_progress > completed
    completed > reported
    reported > followed_up
    followed_up > closed
    postponed > planned
    """
    + "\n".join(f"{state} > cancelled, postponed" for state in BEFORE)
)
OPERATION_BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "what is postponed may be called off (workflows 4.1: any state before in_progress)": edges("postponed > cancelled"),
}
VISIT = edges("""
    scheduled > on_site
    on_site > done, not_open, aborted
    done > measures_pending
    measures_pending > closed
""")
VISIT_BEYOND: Mapping[str, frozenset[tuple[str, str]]] = {
    "nobody opens, or it is not safe to go there": edges("scheduled > not_open, aborted"),
}
OUTSIDERS = (STRANGER, Caller("cli", "kof-inspektor-1", Role.INSPECTOR, "KOF"))
ANALYST = Caller("cli", "mos-inspektor-9", Role.CASE_OFFICER, "MOS")
NEXT_ACT = {
    "draft": "UpdatePlan",
    "planned": "ConfirmOperation",
    "confirmed": "BriefOperation",
    "briefed": "StartOperation",
    "in_progress": "CompleteOperation",
    "completed": "ReportOperation",
    "reported": "FollowUpOperation",
    "followed_up": "CloseOperation",
    "postponed": "UpdatePlan",
}
ACTS = ("PostponeOperation", "CancelOperation", *sorted(set(NEXT_ACT.values())))
BY_LEAD = ("BriefOperation", "StartOperation", "CompleteOperation")
BRIEFING: Variant = {"risk_level": pb.RISK_LEVEL_HIGH, "risk_measures": "Polisen är med"}
OPERATION_GUARDS = {
    *((method, reason) for method in ACTS for reason in ("state", "etag", "NOT_FOUND", "DENIED")),
    *((method, "field_lead") for method in BY_LEAD),
    ("UpdatePlan", "visits"),
    ("UpdatePlan", "participations"),
    ("UpdatePlan", "planned_start"),
    ("ConfirmOperation", "override_reason"),
    ("BriefOperation", "risk_level"),
    ("BriefOperation", "risk_measures"),
    ("BriefOperation", "start_time"),
    ("BriefOperation", "assembly_point"),
    ("StartOperation", "occurred_time"),
    ("CompleteOperation", "visits"),
    ("CompleteOperation", "occurred_time"),
    ("ReportOperation", "summaries"),
    ("FollowUpOperation", "second_wave"),
    ("CloseOperation", "handed_over_to"),
}
VISIT_GUARDS = {
    *(
        (method, reason)
        for method in ("StartVisit", "FinishVisit")
        for reason in ("state", "occurred_time", "field_lead", "NOT_FOUND", "DENIED")
    ),
    ("FinishVisit", "reason_code"),
    ("FinishVisit", "persons_checked_count"),
    ("FinishVisit", "outcome"),
}


class Beginning(NamedTuple):
    """Where an example sets out: chance would seldom come to what is asked of a draft, or at the very end."""

    how_far: int
    meeting: str = "Parkeringen"
    objects: int = 1
    postponed: bool = False


BEGINNINGS = (
    Beginning(0, objects=0, postponed=True),
    Beginning(0, postponed=True),
    Beginning(1),
    Beginning(1, meeting=""),
    Beginning(2),
    Beginning(3),
)


class Watched(Course):
    """An operation whose etag an administrator sees, which is cheaper than to ask for it."""

    machine: "DayMachine"

    def etag(self) -> str:
        (row,) = self.machine.eye.execute("SELECT revision FROM operation WHERE id = %s", [self.id]).fetchall()
        return str(row["revision"])


class DayMachine(Machine):
    """An operation that somebody plans, and the people of it."""

    steps = "SELECT *, '' AS track FROM history WHERE record_id = %s ORDER BY revision, id"
    course: Course

    def set_out(self, how_far: int, *, meeting: str = "Parkeringen", objects: int = 1) -> None:
        """Bring an operation as far as its day, or what comes after it."""
        self.registry.clock.moment = START - timedelta(hours=22)
        Watched.machine = self
        self.course = Watched(self.registry, objects, ground="pbl-tillsyn" if how_far else "")
        stages = (lambda: None, self.course.planned, self.course.begun, self.course.completed)
        if how_far == 1 and not meeting:
            self.course.act("UpdatePlan", **self.course.plan(assembly_point=""))
        stages[how_far]()

    def do(self, method: str, who: Caller, etag: str = "", **fields: Any) -> None:  # noqa: ANN401
        self.attempt(method, lambda: self.course.act(method, who, etag, **fields))


class OperationMachine(DayMachine):
    """The operation itself."""

    query = "SELECT * FROM operation WHERE id = %s"
    arrows: ClassVar = {"state": allowed(OPERATION, OPERATION_BEYOND)}

    @initialize(of=st.sampled_from(BEGINNINGS))
    def begin(self, of: Beginning) -> None:
        self.set_out(of.how_far, meeting=of.meeting, objects=of.objects)
        self.id = self.course.id
        if of.postponed:
            self.do("PostponeOperation", PERSON)

    def right(self, method: str) -> Variant:
        if method == "UpdatePlan":
            later = max(self.registry.clock.now(), START) + timedelta(hours=1)
            return self.course.plan(planned_start=timestamp(later), planned_end=timestamp(later + timedelta(hours=6)))
        known = {
            "BriefOperation": BRIEFING,
            "ConfirmOperation": {"override_reason": "brådskar"},
            "CloseOperation": {"handed_over_to": "MOS"},
        }
        return known.get(method, RIGHT)

    def it_goes_on(self, draw: Draw) -> None:
        method = NEXT_ACT.get(str(self.row()["state"]))
        if method == "StartOperation":
            self.registry.clock.moment = max(self.registry.clock.now(), START)
        if method == "CompleteOperation" and draw(st.booleans()):
            for visit in self.course.read().visits:
                if visit.state == pb.VISIT_STATE_SCHEDULED:
                    self.course.step("StartVisit", visit.visit_id)
                    self.course.step("FinishVisit", visit.visit_id, outcome=pb.VISIT_STATE_DONE)
        if method is not None:
            self.do(method, LEAD if method in BY_LEAD else PERSON, **self.right(method))

    def something_is_not_as_it_should(self, draw: Draw) -> None:
        now, far = self.registry.clock.now(), timestamp(START + timedelta(days=3))
        wrong: tuple[tuple[str, Caller, Variant], ...] = (
            ("UpdatePlan", PERSON, self.course.plan(planned_start=timestamp(now - timedelta(days=2)))),
            ("ConfirmOperation", PERSON, RIGHT),
            ("BriefOperation", PERSON, BRIEFING),
            ("BriefOperation", LEAD, RIGHT),
            ("BriefOperation", LEAD, {"risk_level": pb.RISK_LEVEL_HIGH}),
            ("BriefOperation", LEAD, BRIEFING | {"start_time": far}),
            ("StartOperation", PERSON, RIGHT),
            ("StartOperation", LEAD, {"occurred_time": far}),
            ("CompleteOperation", PERSON, RIGHT),
            ("CompleteOperation", LEAD, {"occurred_time": far}),
            ("CompleteOperation", LEAD, RIGHT),
            ("ReportOperation", PERSON, RIGHT),
            ("FollowUpOperation", PERSON, RIGHT),
            ("CloseOperation", PERSON, RIGHT),
        )
        due = NEXT_ACT.get(str(self.row()["state"]))
        likely = [one for one in wrong if one[0] == due]
        for method, who, fields in (*likely, *draw(st.permutations(wrong))[:2]):
            self.do(method, who, **fields)

    def somebody_elses_hand(self, draw: Draw) -> None:
        for method in draw(st.permutations(ACTS))[:3]:
            for who in (draw(st.sampled_from(OUTSIDERS)), ANALYST):
                self.do(method, who, **self.right(method))
            self.do(method, LEAD if method in BY_LEAD else PERSON, "0", **self.right(method))

    def it_does_not_take_place(self, draw: Draw) -> None:
        if draw(st.booleans()):
            self.do("PostponeOperation", PERSON)
            if draw(st.booleans()):
                self.do("UpdatePlan", PERSON, **self.right("UpdatePlan"))
        else:
            self.do("CancelOperation", PERSON)
        self.do(draw(st.sampled_from(ACTS)), PERSON)

    def those_invited_come_along(self, draw: Draw) -> None:
        if str(self.row()["state"]) in {"draft", "postponed", "planned"}:
            for party in draw(st.permutations(["polismyndigheten", "kronofogden"]))[:1]:
                if party not in {one.receiver_kind for one in self.course.read().participations}:
                    self.do("InviteAuthority", PERSON, receiver_kind=party)
                    self.do("ConfirmOperation", PERSON)  # too early: this one has not answered

    def something_is_found_and_told(self, draw: Draw) -> None:
        """A deficiency of MOS with a measure; later it is decided that nobody else is told."""
        state = str(self.row()["state"])
        if state == "completed":
            found = draw(st.sampled_from([True, True, False]))
            if found:
                visit_id = self.course.visits[0]
                seen = findings_pb2.Seen(
                    control_ground_id="pbl-tillsyn", area="building_permit", is_deficiency=True, severity=findings_pb2.SEVERITY_SERIOUS
                )
                observed = findings_pb2.RecordObservationRequest(request_id=an_id(), visit_id=visit_id, seen=seen)
                self.registry.call("RecordObservation", observed, LEAD)
                measure = findings_pb2.RecordMeasureRequest(request_id=an_id(), visit_id=visit_id, measure_type="forelaggande")
                self.registry.call("RecordMeasure", measure, LEAD)
            self.do("RecordSummary", LEAD, party="MOS", **({"areas": ["building_permit"]} if found else {"nothing_to_report": True}))
            self.do("RecordSummary", SF_INSPECTOR, party="SF", nothing_to_report=True)
            other: Variant = {"party": "arbetsmiljoverket", "told_by": "Registrator", "told_date": "2026-11-24"}
            self.do("RecordSummary", PERSON, nothing_to_report=True, **other)
        elif state == "reported":
            listed = self.registry.call("ListObservations", findings_pb2.ListObservationsRequest(visit_id=self.course.visits[0]), LEAD)
            for one in listed.observations:
                if one.second_wave != findings_pb2.SECOND_WAVE_UNDECIDED:
                    continue
                nothing = findings_pb2.DecideNothingToTellRequest(request_id=an_id(), observation_id=one.observation_id, etag=one.etag)
                self.registry.call("DecideNothingToTell", nothing, LEAD)

    things = (
        *[it_goes_on] * 5,
        *[something_is_not_as_it_should] * 4,
        *[something_is_found_and_told] * 2,
        *[somebody_elses_hand] * 2,
        those_invited_come_along,
        it_does_not_take_place,
    )


class VisitMachine(DayMachine):
    """One visit of an operation that goes on."""

    query = "SELECT * FROM visit WHERE id = %s"
    arrows: ClassVar = {"state": allowed(VISIT, VISIT_BEYOND)}

    @initialize()
    def begin(self) -> None:
        self.set_out(2)
        (self.id,) = self.course.visits

    def step(self, method: str, who: Caller = LEAD, **fields: Any) -> None:  # noqa: ANN401
        self.attempt(method, lambda: self.course.step(method, self.id, who, **fields))

    def the_lead_takes_a_step(self, draw: Draw) -> None:
        self.registry.clock.advance(timedelta(minutes=draw(st.integers(0, 9))))
        time: Variant = draw(st.sampled_from([RIGHT, {"occurred_time": timestamp(self.registry.clock.now() - timedelta(minutes=2))}]))
        if draw(st.booleans()):
            self.step("StartVisit", **time)
        else:
            outcome = draw(st.sampled_from([pb.VISIT_STATE_DONE, pb.VISIT_STATE_NOT_OPEN, pb.VISIT_STATE_ABORTED]))
            self.step("FinishVisit", outcome=outcome, persons_checked_count=draw(st.sampled_from([0, 6])), reason_code="threat", **time)

    def something_is_not_as_it_should(self, draw: Draw) -> None:
        late, early = (timestamp(self.registry.clock.now() + ahead) for ahead in (timedelta(hours=1), -timedelta(days=1)))
        done: Variant = {"outcome": pb.VISIT_STATE_DONE}
        for method, who, fields in draw(
            st.permutations([
                ("StartVisit", LEAD, {"occurred_time": late}),
                ("FinishVisit", LEAD, done | {"occurred_time": early}),
                ("FinishVisit", LEAD, {"outcome": pb.VISIT_STATE_ABORTED, "reason_code": "vet ej"}),
                ("FinishVisit", LEAD, done | {"persons_checked_count": 1001}),
                ("StartVisit", PERSON, RIGHT),
                ("FinishVisit", PERSON, done),
                ("StartVisit", STRANGER, RIGHT),
                ("FinishVisit", STRANGER, done),
                ("StartVisit", ANALYST, RIGHT),
                ("FinishVisit", ANALYST, done),
            ])
        )[:5]:  # fmt: skip
            self.step(method, who, **fields)

    def the_day_ends(self, _: Draw) -> None:
        if self.row()["state"] in {"done", "not_open", "aborted"} and self.course.read().state == pb.OPERATION_STATE_IN_PROGRESS:
            self.course.act("CompleteOperation", LEAD)
            self.course.told()
            for method in ("ReportOperation", "FollowUpOperation", "CloseOperation"):
                self.course.act(method)

    things = (*[the_lead_takes_a_step] * 4, *[something_is_not_as_it_should] * 3, the_day_ends)


def test_the_tables_are_the_drawings_and_what_is_beyond_them_has_a_reason() -> None:
    assert moves(operation_life.LIFE) == allowed(OPERATION, OPERATION_BEYOND)  # type: ignore[arg-type]  # of one kind of states
    assert moves(visits.LIFE) == allowed(VISIT, VISIT_BEYOND)  # type: ignore[arg-type]


def test_an_operation_moves_only_as_drawn_whoever_tries_what(controls: Controls) -> None:
    walk(OperationMachine, controls, OPERATION_GUARDS, set(ACTS), "controls", settings(ROUND, max_examples=8))


def test_a_visit_moves_only_as_drawn_whoever_tries_what(controls: Controls) -> None:
    walk(VisitMachine, controls, VISIT_GUARDS, {"StartVisit", "FinishVisit"}, "controls", settings(ROUND, max_examples=4))
