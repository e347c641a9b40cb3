"""Each machine of states driven at random against the real service: whoever acts and whatever they ask, in any order.

What is refused changes nothing; what is done is an arrow of the drawing, appended to the history; and every guard has said no.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count
from typing import Any, ClassVar, LiteralString
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from psycopg.rows import dict_row

from services.kernel.callers import Caller
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from services.registry.domain.alert_life import LIFE as ALERT_LIFE
from services.registry.domain.payment_life import LIFE, NOTICES, REPORTS
from tests.registry import acts, drawing
from tests.registry.builders import (
    APPROVER,
    CASE_OFFICER,
    INVESTIGATOR,
    LANDLORD,
    MANAGER,
    OFFICER,
    VOF_INVESTIGATOR,
    a_check,
    a_payment,
    a_registration,
    a_report,
    an_assessment,
    other_benefit,
)
from tests.registry.conftest import Registry

PROTECTED = a_check(common_pb2.PROTECTION_PROTECTED)
ROUND = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # each example costs seconds: a failure is told as it was found
    suppress_health_check=list(HealthCheck),
)
ROUNDS_MAX = 12  # two are enough as a rule: chance has to find every guard
Variant = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
RIGHT: Variant = {}


class Machine(RuleBasedStateMachine):
    """One record, and people who try things with it."""

    registry: ClassVar[Registry]
    refused: ClassVar[Counter[tuple[str, str]]]
    done: ClassVar[Counter[str]]
    numbers: ClassVar = count(1)
    eye: ClassVar[psycopg.Connection[dict[str, Any]]]  # an administrator's
    table: ClassVar[LiteralString]
    arrows: ClassVar[Mapping[str, frozenset[tuple[str, str]]]]
    things: ClassVar[tuple[Callable[[Any, Draw], None], ...]]

    def __init__(self) -> None:
        super().__init__()
        self.id = ""

    def row(self) -> dict[str, Any]:
        """The record as it lies in the database, whoever may see it."""
        (row,) = self.rows(self.table)
        return row

    def history(self) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM history WHERE record_id = %s ORDER BY revision, track, id")

    def rows(self, query: LiteralString) -> list[dict[str, Any]]:
        return self.eye.execute(query, [self.id]).fetchall()

    def attempt(self, method: str, act: Callable[[], object]) -> None:
        """Try; what was refused has changed nothing, what was done has a new etag and left the earlier history as it was."""
        before, earlier = self.row(), self.history()
        try:
            act()
        except (Denied, NotFound, Conflict, Invalid) as failure:
            self.refused[method, failure.message.partition(":")[0] if isinstance(failure, (Conflict, Invalid)) else failure.reason] += 1
            assert (self.row(), self.history()) == (before, earlier)
            return
        self.done[method] += 1
        after, later = self.row(), self.history()
        assert [step for step in later if step["revision"] <= before["revision"] and step["track"] != "feedback"] == [
            step for step in earlier if step["track"] != "feedback"
        ]
        if any(after[name] != before[name] for name in ("state", *self.arrows.keys() & after.keys())):
            assert after["revision"] == before["revision"] + 1

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """One rule, so that every kind of thing may happen in every example."""
        data.draw(st.sampled_from(self.things))(self, data.draw)

    @invariant()
    def history_is_whole(self) -> None:
        """Every track begins at its beginning, each step follows the one before it, and the last is where the record is."""
        if not self.id:
            return
        row, steps = self.row(), self.history()
        for track, arrows in self.arrows.items():
            name = "" if track == "state" else track
            at: str | None = None if track == "state" else "none"
            rest = [step for step in steps if step["track"] == name]
            while rest:
                step = next((one for one in rest if one["revision"] == rest[0]["revision"] and one["from_state"] == at), None)
                assert step is not None, (track, at, rest)
                assert at is None or (at, step["to_state"]) in arrows
                at = step["to_state"]
                rest.remove(step)
            assert at == row[track]


def walk(machine: type[Machine], registry: Registry, guards: set[tuple[str, str]], methods: set[str]) -> None:
    """Rounds of chance until every guard has said no and every method yes."""
    machine.registry, machine.refused, machine.done = registry, Counter(), Counter()
    options = "-c search_path=registry"
    with psycopg.connect(registry.database_url, row_factory=dict_row, options=options, autocommit=True) as machine.eye:
        for _ in range(ROUNDS_MAX):
            run_state_machine_as_test(machine, settings=ROUND)
            missed = guards - set(machine.refused) | {(method, "done") for method in methods - set(machine.done)}
            if not missed:
                return
    pytest.fail(f"never seen: {sorted(missed)}")


# --- suspected payments --------------------------------------------------------------------------------------------------------------


def one_method(**more: Any) -> Variant:  # noqa: ANN401
    return {"investigation": pb.Investigation(methods=[pb.InvestigationMethod(**more)])}


ONGOING: Variant = {"assessment": pb.PAYMENT_ASSESSMENT_ONGOING}
TELLS: Variant = {"other_benefits": [other_benefit()]}
# What may be asked besides the builder's own, and what a guard says no to.
CHOICES: Mapping[str, tuple[Variant, ...]] = {
    "AssessSuspectedPayment": (
        RIGHT,
        TELLS,
        {"crime_suspected": True},
        ONGOING | TELLS,
        {"assessment": pb.PAYMENT_ASSESSMENT_DISMISSED},
        {"assessment": pb.PAYMENT_ASSESSMENT_AUTHORITY_ERROR},
    ),
    "DecidePayment": (RIGHT, RIGHT, {"outcome": pb.PAYMENT_STATE_NO_ERROR}, {"outcome": pb.PAYMENT_STATE_ERROR_NO_RECOVERY}),
    "RecordRecovery": (RIGHT, {"outcome": pb.PAYMENT_STATE_INSTALMENT}, {"outcome": pb.PAYMENT_STATE_COURT_ACTION}),
    "RecordPoliceReport": (RIGHT, {"step": pb.POLICE_TRACK_FEEDBACK}, {"step": pb.POLICE_TRACK_CLOSED}),
}
FLAWS: Mapping[str, tuple[Variant, ...]] = {
    "AssessSuspectedPayment": (
        {"no_conflict_of_interest": False},
        {"reasons": ""},
        {"assessment": pb.PAYMENT_ASSESSMENT_DISMISSED} | TELLS,
        TELLS | {"own_error_ruled_out": False},
        TELLS | {"recipient_name": ""},
        TELLS | {"protection_check": None},
    ),
    "CorrectOwnError": ({"corrected_date": "2026-11-22"}, {"corrected_date": "2026-11-24"}),
    "OpenInvestigation": (
        {"no_conflict_of_interest": False},
        {"investigation": pb.Investigation()},
        one_method(code="covert_observation"),
        one_method(code="register_lookup"),
        one_method(code="announced_home_visit"),
    ),
    "RecordCommunication": ({"communicated_date": "2026-11-24"}, {"answer_due_date": "2026-11-22"}),
    "DecidePayment": (
        {"outcome": pb.PAYMENT_STATE_NO_ERROR, "fault": pb.FAULT_MIXED},
        {"answer_received": False},
        {"delegation_reference": ""},
        {"fault": pb.FAULT_UNSPECIFIED},
        {"confirmed_amount_sek": ""},
        {"prevented_amount_sek": ""},
    ),
    "DecideRecovery": ({"grounds": ["sol-2001-9-1"]}, {"grounds": []}, {"amount_sek": "12001"}, {"delegation_reference": ""}),
    "RecordPoliceReport": ({"sent_how": ""}, {"voluntary_correction_considered": False}),
}
# The guards of workflows 6.1, by the field that a refusal names first; "state" is an arrow that is not there.
GUARDS = {
    ("AssessSuspectedPayment", "no_conflict_of_interest"),
    ("AssessSuspectedPayment", "reasons"),
    ("AssessSuspectedPayment", "assessment"),
    ("AssessSuspectedPayment", "own_error_ruled_out"),
    ("AssessSuspectedPayment", "recipient_name"),
    ("AssessSuspectedPayment", "protection_check"),
    ("AssessSuspectedPayment", "crime_suspected"),
    ("CorrectOwnError", "corrected_date"),
    ("OpenInvestigation", "no_conflict_of_interest"),
    ("OpenInvestigation", "methods"),
    ("OpenInvestigation", "methods[0].code"),
    ("OpenInvestigation", "methods[0].ground"),
    ("OpenInvestigation", "methods[0].consent"),
    ("RecordCommunication", "communicated_date"),
    ("RecordCommunication", "answer_due_date"),
    ("DecidePayment", "answer_received"),
    ("DecidePayment", "delegation_reference"),
    ("DecidePayment", "fault"),
    ("DecidePayment", "confirmed_amount_sek"),
    ("DecidePayment", "prevented_months"),
    ("DecideRecovery", "grounds"),
    ("DecideRecovery", "amount_sek"),
    ("DecideRecovery", "delegation_reference"),
    ("RecordPoliceReport", "sent_how"),
    ("RecordPoliceReport", "voluntary_correction_considered"),
    ("ClosePayment", "police_report"),
    ("WithdrawSuspectedPayment", "police_report"),
    *((method, "state") for method in acts.ACTS),
}
ONWARD: Mapping[str, str] = {
    "flagged": "AssessSuspectedPayment",
    "preliminary_check": "OpenInvestigation",
    "authority_error": "CorrectOwnError",
    "investigation_open": "RecordCommunication",
    "communicated": "DecidePayment",
    "error_recovery": "DecideRecovery",
    "recovery_decided": "RecordRecovery",
}


class PaymentMachine(Machine):
    """A suspected payment, flagged by hand out of somebody's own handling or not."""

    table = "SELECT * FROM suspected_payment WHERE id = %s"
    arrows: ClassVar = {
        "state": drawing.allowed(drawing.PAYMENT, drawing.PAYMENT_BEYOND),
        "notice": drawing.NOTICE,
        "police": drawing.POLICE,
    }

    @initialize(who=st.sampled_from([CASE_OFFICER, CASE_OFFICER, CASE_OFFICER, INVESTIGATOR]))
    def flag(self, who: Caller) -> None:
        flag = a_payment(case_number=f"M-{next(self.numbers)}", impulse_source="egen handläggare")
        self.id = self.registry.call("RegisterSuspectedPayment", flag, who).payment_id

    def do(self, method: str, variant: Variant, who: Caller | None = None, etag: str = "") -> None:
        build, right = acts.ACTS[method]
        self.attempt(
            method, lambda: self.registry.call(method, build(self.id, etag or str(self.row()["revision"]), **variant), who or right)
        )

    def drawn(self, draw: Draw, method: str) -> Variant:
        found: Variant = draw(st.sampled_from(CHOICES.get(method, (RIGHT,))))
        return found

    def anybody_does_anything(self, draw: Draw) -> None:
        who = draw(st.sampled_from([None, None, VOF_INVESTIGATOR, MANAGER, APPROVER, Caller("cli", "v", MANAGER.role, "VOF")]))
        for method in draw(st.permutations(sorted(acts.ACTS.keys() - {"WithdrawSuspectedPayment"})))[:4]:
            self.do(method, self.drawn(draw, method), who, draw(st.sampled_from(["", "", "0"])))

    def the_case_goes_on_when_guards_and_arrows_have_said_no(self, draw: Draw) -> None:
        method = ONWARD.get(self.row()["state"], "ClosePayment")
        for flaw in draw(st.permutations(FLAWS.get(method, ()))):
            self.do(method, flaw)
        others = sorted(acts.ACTS.keys() - {"WithdrawSuspectedPayment", "AssessSuspectedPayment", "RecordPoliceReport", method})
        for other in draw(st.permutations(others))[:4]:
            self.do(other, RIGHT)
        colleague = Caller("cli", "iaf-utredare-2", INVESTIGATOR.role, "IAF")
        self.do(method, self.drawn(draw, method), colleague if acts.ACTS[method][1] is INVESTIGATOR else None)

    def a_duty_hinders(self, draw: Draw) -> None:
        if self.row()["state"] == "flagged":
            self.do("AssessSuspectedPayment", {"crime_suspected": True})
        self.do("AssessSuspectedPayment", ONGOING | {"crime_suspected": True})
        for method in ("WithdrawSuspectedPayment", "ClosePayment", "RecordPoliceReport"):
            if self.row()["police"] == "due" or method == "RecordPoliceReport":
                for flaw in FLAWS.get(method, ()):
                    self.do(method, flaw)
                self.do(method, self.drawn(draw, method))
        if draw(st.booleans()):
            self.do("AssessSuspectedPayment", ONGOING)

    def it_ends_early(self, draw: Draw) -> None:
        if draw(st.booleans()):
            self.do("AssessSuspectedPayment", ONGOING | {"protection_check": PROTECTED})
        else:
            self.do("WithdrawSuspectedPayment", RIGHT, draw(st.sampled_from([INVESTIGATOR, MANAGER])))

    def a_word_arrives(self, draw: Draw) -> None:
        kind = draw(st.sampled_from([("suspected_payment", "forsakringskassan"), ("police_report", "polismyndigheten")]))
        said = common_pb2.OutcomeStatus.ValueType(draw(st.sampled_from([1, 2, 4, 5, 7, 8, 9, 13])))
        self.attempt("RecordOutcome", lambda: self.registry.tell(acts.an_outcome(self.id, said, *kind)))

    things = (
        *[the_case_goes_on_when_guards_and_arrows_have_said_no] * 4,
        *[anybody_does_anything] * 3,
        *[a_duty_hinders] * 2,
        a_word_arrives,
        it_ends_early,
    )


def test_a_suspected_payment_moves_only_as_drawn_whoever_tries_what(registry: Registry) -> None:
    walk(PaymentMachine, registry, GUARDS, {*acts.ACTS, "RecordOutcome"})


# --- alerts ------------------------------------------------------------------------------------------------------------------------------

FINDINGS: tuple[Variant, ...] = (
    RIGHT,
    RIGHT,
    {"own_facts": [common_pb2.Circumstance(code="apartment_empty", from_date="2026-11-20")]},
    {"assessment": pb.ALERT_ASSESSMENT_NOT_ENOUGH},
    {"assessment": pb.ALERT_ASSESSMENT_WRONG_FLAT},
    {"assessment": pb.ALERT_ASSESSMENT_TENANCY_ONLY},
    {"assessment": pb.ALERT_ASSESSMENT_NEEDS_COMPLETION},
    {"assessment": pb.ALERT_ASSESSMENT_NEEDS_COMPLETION},
    {"protection_check": PROTECTED},
)
UNFOUNDED: tuple[Variant, ...] = (
    {"assessment": pb.ALERT_ASSESSMENT_PAYMENT_CASE},
    {"reasons": ""},
    {"wrong_flat_checked": False},
    {"suspected_error_kind": "rymd"},
    {"concerns_contract_holder": False},
    {"protection_check": None},
    {"own_facts": [common_pb2.Circumstance(code="sublet_suspected", from_date="2026-11-20")]},
)
ALERT_GUARDS = {
    *(("AssessAlert", field) for field in ("reasons", "wrong_flat_checked", "suspected_error_kind", "concerns_contract_holder")),
    *(("AssessAlert", field) for field in ("protection_check", "own_facts", "payment_id", "state", "etag", "DENIED", "NOT_FOUND")),
    *(("CloseAlert", field) for field in ("skv_reference", "state", "etag", "DENIED", "NOT_FOUND")),
    *(("WithdrawAlert", field) for field in ("state", "etag", "DENIED", "NOT_FOUND")),
    *(("RegisterAlert", field) for field in ("state", "NOT_FOUND")),
}


class AlertMachine(Machine):
    """An alert from a landlord, a neighbour's word or what staff saw."""

    table = "SELECT * FROM alert WHERE id = %s"
    arrows: ClassVar = {"state": drawing.allowed(drawing.ALERT, drawing.ALERT_BEYOND)}

    @initialize(source=st.sampled_from(["dokument", "granne"]))
    def report(self, source: str) -> None:
        self.flat = f"{next(self.numbers):04}"
        self.source = source
        self.id = self.registry.call("RegisterAlert", a_registration(apartment_number=self.flat, source_kind=source)).alert_id

    def do(self, method: str, who: Caller, request: Callable[[str], object], etag: str) -> None:
        self.attempt(method, lambda: self.registry.call(method, request(etag or str(self.row()["revision"])), who))

    def assessment(self, finding: Variant, now: str) -> object:
        return an_assessment(self.id, now, **finding)

    def somebody_assesses(self, draw: Draw) -> None:
        who, etag = draw(st.sampled_from([OFFICER, OFFICER, OFFICER, INVESTIGATOR, LANDLORD])), draw(st.sampled_from(["", "", "", "0"]))
        for asked in (*draw(st.permutations(UNFOUNDED))[:4], draw(st.sampled_from(FINDINGS))):
            self.do("AssessAlert", who, partial(self.assessment, asked), etag)

    def somebody_completes(self, draw: Draw) -> None:
        report = a_report(apartment_number=self.flat, source_kind=draw(st.sampled_from(["dokument", "granne"])))
        request = pb.RegisterAlertRequest(request_id=str(uuid4()), report=report, completes_alert_id=self.id)
        who = draw(st.sampled_from([OFFICER, INVESTIGATOR]))
        self.attempt("RegisterAlert", lambda: self.registry.call("RegisterAlert", request, who))

    def a_word_arrives(self, draw: Draw) -> None:
        said = common_pb2.OutcomeStatus.ValueType(draw(st.sampled_from([1, 2, 4, 5, 7, 8, 9, 13])))
        self.attempt("RecordOutcome", lambda: self.registry.tell(acts.an_outcome(self.id, said)))

    def somebody_closes(self, draw: Draw) -> None:
        if draw(st.booleans()):
            self.do("AssessAlert", OFFICER, partial(self.assessment, FINDINGS[2]), "")
            self.attempt("RecordOutcome", lambda: self.registry.tell(acts.an_outcome(self.id, common_pb2.OUTCOME_STATUS_SENT)))
        who, reference = draw(st.sampled_from([OFFICER, OFFICER, INVESTIGATOR, LANDLORD])), draw(st.sampled_from(["", "", "SKV 1"]))

        def close(now: str) -> object:
            return pb.CloseAlertRequest(request_id=str(uuid4()), alert_id=self.id, etag=now, skv_reference=reference)

        self.do("CloseAlert", who, close, draw(st.sampled_from(["", "", "0"])))

    def somebody_withdraws(self, draw: Draw) -> None:
        who, etag = (
            draw(st.sampled_from([OFFICER, OFFICER, INVESTIGATOR, LANDLORD, LANDLORD, APPROVER])),
            draw(st.sampled_from(["", "", "0"])),
        )
        if who is LANDLORD and not etag:
            etag = self.registry.call("GetAlert", pb.GetAlertRequest(alert_id=self.id), LANDLORD).etag
        self.do("WithdrawAlert", who, lambda now: pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=self.id, etag=now), etag)

    things = (
        *[somebody_assesses] * 4,
        *[somebody_completes] * 2,
        *[somebody_closes] * 3,
        *[a_word_arrives] * 2,
        *[somebody_withdraws] * 2,
    )


def test_an_alert_moves_only_as_drawn_whoever_tries_what(registry: Registry) -> None:
    walk(AlertMachine, registry, ALERT_GUARDS, {"AssessAlert", "RegisterAlert", "CloseAlert", "WithdrawAlert", "RecordOutcome"})


# --- the tables and the drawings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "drawn"),
    [
        (ALERT_LIFE, drawing.allowed(drawing.ALERT, drawing.ALERT_BEYOND)),
        (LIFE, drawing.allowed(drawing.PAYMENT, drawing.PAYMENT_BEYOND)),
        (NOTICES, drawing.NOTICE),
        (REPORTS, drawing.POLICE),
    ],
)
def test_a_table_of_states_has_the_arrows_of_the_drawing_and_no_others(table: Any, drawn: frozenset[tuple[str, str]]) -> None:  # noqa: ANN401
    assert drawing.moves(table) == drawn


@pytest.mark.parametrize(("table", "first"), [(ALERT_LIFE, {"draft", "submitted"}), (LIFE, {"flagged"})])
def test_every_state_can_be_reached(table: Any, first: Iterable[str]) -> None:  # noqa: ANN401
    reached = set(first)
    for _ in table.next:
        reached |= {str(after) for before, afters in table.next.items() if before in reached for after in afters}
    assert reached == {str(state) for state in type(next(iter(table.next)))}
