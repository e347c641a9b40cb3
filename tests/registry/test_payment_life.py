"""A suspected payment from the preliminary check to its end, and every guard on the way, through the whole service."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound
from tests.registry.acts import ACTS, METHODS, an_outcome
from tests.registry.builders import (
    CASE_OFFICER,
    INVESTIGATOR,
    MANAGER,
    VOF_INVESTIGATOR,
    a_check,
    a_payment,
    other_benefit,
)
from tests.registry.conftest import Registry

PROTECTED = a_check(common_pb2.PROTECTION_PROTECTED)
TO_COMMUNICATED = ("AssessSuspectedPayment", "OpenInvestigation", "RecordCommunication")
TO_RECOVERY = (*TO_COMMUNICATED, "DecidePayment")


@dataclass
class Case:
    """One payment, and what is done with it."""

    registry: Registry
    id: str

    @classmethod
    def flagged(cls, registry: Registry, caller: Caller = INVESTIGATOR, **more: Any) -> "Case":  # noqa: ANN401
        return cls(registry, registry.call("RegisterSuspectedPayment", a_payment(**more), caller).payment_id)

    def get(self) -> pb.GetSuspectedPaymentResponse:
        found = self.registry.call("GetSuspectedPayment", pb.GetSuspectedPaymentRequest(payment_id=self.id), INVESTIGATOR)
        assert isinstance(found, pb.GetSuspectedPaymentResponse)
        return found

    def act(self, method: str, caller: Caller | None = None, **more: Any) -> Any:  # noqa: ANN401
        build, who = ACTS[method]
        return self.registry.call(method, build(self.id, self.get().etag, **more), caller or who)

    def through(self, *methods: str) -> "Case":
        for method in methods:
            self.act(method)
        return self

    def track(self, name: str) -> list[str]:
        return [step.to_state for step in self.get().history if step.track == name]


def test_a_case_goes_from_a_flag_to_money_paid_back_and_everything_said_is_read_back(registry: Registry) -> None:
    case = Case.flagged(registry, CASE_OFFICER, impulse_source="egen handläggare", household_size=4)
    case.through(*TO_RECOVERY, "DecideRecovery", "RecordRecovery", "ClosePayment")
    found = case.get()
    assert [step.to_state for step in found.history] == [
        "flagged",
        "intake_review",
        "preliminary_check",
        "investigation_open",
        "communicated",
        "error_recovery",
        "recovery_decided",
        "paid",
        "closed",
    ]
    assert [step.from_state for step in found.history] == ["", *(step.to_state for step in found.history[:-1])]
    assert [step.person for step in found.history][-4:] == [MANAGER.person, MANAGER.person, INVESTIGATOR.person, MANAGER.person]
    assert (found.state, found.flag.household_size, found.purge_date) == (pb.PAYMENT_STATE_CLOSED, 4, "2031-11-23")
    assert list(found.investigation.methods) == list(METHODS)
    assert (found.communication.communicated_date, found.communication.answer_due_date) == ("2026-11-23", "2026-12-07")
    assert (found.decision.fault, found.decision.confirmed_amount_sek, found.decision.prevented_months) == (
        pb.FAULT_APPLICANT,
        "12000.00",
        6,
    )
    assert (list(found.recovery.grounds), found.recovery.amount_sek) == (["sol-2025-33-1"], "12000.00")
    stored = repr(registry.rows("SELECT * FROM suspected_payment, request, audit, history"))
    assert not any(secret in stored for secret in ("12000", "2024:307", "IAF 4.7", "applicant"))
    assert registry.events()[-2:] == ["registry:suspected_payment:close/done", "registry:suspected_payment:read/done"]


def test_our_own_error_is_a_normal_end(registry: Registry) -> None:
    case = Case.flagged(registry, causes=["myndighetens fel"])
    case.act("AssessSuspectedPayment", assessment=pb.PAYMENT_ASSESSMENT_AUTHORITY_ERROR)
    case.through("CorrectOwnError", "ClosePayment")
    assert (case.get().state, case.get().corrected_date) == (pb.PAYMENT_STATE_CLOSED, "2026-11-23")
    assert registry.outbox.run_once() == 0


def test_a_decision_without_recovery_is_closed_and_never_claimed_back(registry: Registry) -> None:
    for outcome in (pb.PAYMENT_STATE_NO_ERROR, pb.PAYMENT_STATE_ERROR_NO_RECOVERY):
        case = Case.flagged(registry, case_number=str(outcome)).through(*TO_COMMUNICATED)
        assert case.act("DecidePayment", outcome=outcome).state == outcome
        with pytest.raises(Conflict):
            case.act("DecideRecovery")
        assert case.act("ClosePayment").state == pb.PAYMENT_STATE_CLOSED


def method(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"investigation": pb.Investigation(methods=[pb.InvestigationMethod(**more)])}


GUARDS: tuple[tuple[tuple[str, ...], str, str, dict[str, Any]], ...] = (
    (TO_COMMUNICATED[:1], "OpenInvestigation", "no_conflict_of_interest", {"no_conflict_of_interest": False}),
    (TO_COMMUNICATED[:1], "OpenInvestigation", "methods", {"investigation": pb.Investigation()}),
    (TO_COMMUNICATED[:1], "OpenInvestigation", "methods[0].code", method(code="covert_observation")),
    (TO_COMMUNICATED[:1], "OpenInvestigation", "methods[0].ground", method(code="register_lookup")),
    (TO_COMMUNICATED[:1], "OpenInvestigation", "methods[0].consent", method(code="announced_home_visit")),
    (TO_COMMUNICATED[:2], "RecordCommunication", "communicated_date", {"communicated_date": "2026-11-24"}),
    (TO_COMMUNICATED[:2], "RecordCommunication", "communicated_date", {"communicated_date": ""}),
    (TO_COMMUNICATED[:2], "RecordCommunication", "answer_due_date", {"answer_due_date": "2026-11-22"}),
    (TO_COMMUNICATED, "DecidePayment", "answer_received", {"answer_received": False}),
    (TO_COMMUNICATED, "DecidePayment", "delegation_reference", {"delegation_reference": " "}),
    (TO_COMMUNICATED, "DecidePayment", "fault", {"fault": pb.FAULT_UNSPECIFIED}),
    (TO_COMMUNICATED, "DecidePayment", "fault", {"outcome": pb.PAYMENT_STATE_NO_ERROR, "fault": pb.FAULT_APPLICANT}),
    (TO_COMMUNICATED, "DecidePayment", "confirmed_amount_sek", {"confirmed_amount_sek": ""}),
    (TO_COMMUNICATED, "DecidePayment", "confirmed_amount_sek", {"confirmed_amount_sek": "många"}),
    (TO_COMMUNICATED, "DecidePayment", "prevented_months", {"prevented_amount_sek": ""}),
    (TO_RECOVERY, "DecideRecovery", "grounds", {"grounds": []}),
    (TO_RECOVERY, "DecideRecovery", "grounds", {"grounds": ["avtalslagen"]}),
    (TO_RECOVERY, "DecideRecovery", "grounds", {"grounds": ["sol-2001-9-1"]}),
    (TO_RECOVERY, "DecideRecovery", "grounds", {"grounds": ["sol-2001-9-1", "sol-2025-33-1"]}),
    (TO_RECOVERY, "DecideRecovery", "amount_sek", {"amount_sek": "12 000,01"}),
    (TO_RECOVERY, "DecideRecovery", "amount_sek", {"amount_sek": ""}),
    (TO_RECOVERY, "DecideRecovery", "decided_date", {"decided_date": "2026-11-24"}),
    (TO_RECOVERY, "DecideRecovery", "delegation_reference", {"delegation_reference": ""}),
)


def test_a_case_goes_no_further_than_its_guards_let_it(registry: Registry) -> None:
    cases: dict[tuple[str, ...], Case] = {}
    for before, act, field, more in GUARDS:
        if before not in cases:
            cases[before] = Case.flagged(registry, case_number=str(len(cases))).through(*before)
        case = cases[before]
        found = case.get()
        with pytest.raises(Failure) as refused:
            case.act(act, **more)
        assert isinstance(refused.value, (Invalid, Conflict)), (act, more)
        assert refused.value.message.startswith(f"{field}: "), (act, more)
        assert case.get() == found


def test_a_method_once_told_stays_when_more_are_needed(registry: Registry) -> None:
    case = Case.flagged(registry).through(*TO_COMMUNICATED[:2])
    more = [pb.InvestigationMethod(code="request_to_person"), METHODS[0]]
    case.act("OpenInvestigation", investigation=pb.Investigation(methods=more, documents=["IAF 2026/1-8"]))
    found = case.get().investigation
    assert list(found.methods) == [*METHODS, more[0]]
    assert list(found.documents) == ["IAF 2026/1-7", "IAF 2026/1-8"]
    for number in range(4):
        documents = [f"{number}-{page}" for page in range(49)]
        case.act("OpenInvestigation", investigation=pb.Investigation(methods=more, documents=documents))
    with pytest.raises(Invalid, match="investigation: ärendet har för många"):
        case.act("OpenInvestigation", investigation=pb.Investigation(methods=more, documents=["a", "b", "c"]))


def test_the_person_is_heard_when_the_time_to_answer_has_passed(registry: Registry) -> None:
    case = Case.flagged(registry).through(*TO_COMMUNICATED)
    registry.clock.advance(timedelta(days=14))  # the last day to answer
    with pytest.raises(Conflict, match="answer_received"):
        case.act("DecidePayment", answer_received=False)
    registry.clock.advance(timedelta(days=1))
    assert case.act("DecidePayment", answer_received=False).state == pb.PAYMENT_STATE_ERROR_RECOVERY


def test_recovery_rests_on_the_ground_of_the_time_of_payment(registry: Registry) -> None:
    old, new = "sol-2001-9-1", "sol-2025-33-1"
    for number, (first, last, grounds, holds) in enumerate((
        ("2025-01", "2025-06", [old], True),
        ("2025-01", "2025-06", [new], False),
        ("2025-07", "2025-09", [new], True),
        ("2025-05", "2025-08", [new], False),
        ("2025-05", "2025-08", [old, new], True),
    )):  # fmt: skip
        case = Case.flagged(registry, case_number=str(number), period_from=first, period_to=last).through(*TO_RECOVERY)
        if holds:
            assert case.act("DecideRecovery", grounds=grounds).state == pb.PAYMENT_STATE_RECOVERY_DECIDED
        else:
            with pytest.raises(Invalid, match="grounds: lagrummet gäller inte"):
                case.act("DecideRecovery", grounds=grounds)


def test_a_scheme_without_a_known_ground_is_not_claimed_back(registry: Registry) -> None:
    case = Case.flagged(registry, payment_scheme="hemtjänst").through(*TO_RECOVERY)
    with pytest.raises(Invalid, match="grounds: ange lagrum"):
        case.act("DecideRecovery")


def test_nobody_examines_what_came_from_the_own_handling(registry: Registry) -> None:
    case = Case.flagged(registry, impulse_source="egen handläggare")
    with pytest.raises(Conflict, match="no_conflict_of_interest: du har själv flaggat"):
        case.act("AssessSuspectedPayment")
    colleague = Caller("cli", "iaf-utredare-2", INVESTIGATOR.role, "IAF")
    assert case.act("AssessSuspectedPayment", colleague).state == pb.PAYMENT_STATE_PRELIMINARY_CHECK
    with pytest.raises(Conflict, match="no_conflict_of_interest"):
        case.act("OpenInvestigation")


def test_only_the_role_of_the_table_acts_and_only_at_the_own_unit(registry: Registry) -> None:
    case = Case.flagged(registry).through(*TO_COMMUNICATED)
    for method_, who in (("DecidePayment", INVESTIGATOR), ("OpenInvestigation", MANAGER), ("RecordPoliceReport", INVESTIGATOR)):
        with pytest.raises(Denied):
            case.act(method_, who)
    with pytest.raises(Denied):
        registry.call("GetSuspectedPayment", pb.GetSuspectedPaymentRequest(payment_id=case.id), CASE_OFFICER)
    with pytest.raises(NotFound):
        case.act("RecordCommunication", VOF_INVESTIGATOR)


def test_every_act_needs_the_etag_of_now_and_is_done_once(registry: Registry) -> None:
    case = Case.flagged(registry).through("AssessSuspectedPayment")
    build, who = ACTS["OpenInvestigation"]
    request = build(case.id, case.get().etag)
    assert registry.call("OpenInvestigation", request, who) == registry.call("OpenInvestigation", request, who)
    assert [step.to_state for step in case.get().history].count("investigation_open") == 1
    for method_ in ACTS:
        build, who = ACTS[method_]
        with pytest.raises(Conflict) as refused:
            registry.call(method_, build(case.id, "1"), who)
        assert refused.value.reason == ConflictReason.ETAG


# --- the report of a crime ---------------------------------------------------------------------------------------------------------


def test_a_suspected_crime_is_a_task_with_its_ground_until_it_is_reported_and_hinders_the_end(registry: Registry) -> None:
    case = Case.flagged(registry)
    case.act("AssessSuspectedPayment", crime_suspected=True)
    (task,) = case.get().tasks
    assert (task.code, task.citation) == ("M14", "6 § bidragsbrottslagen (2007:612)")
    assert task.text.startswith("Brott kan misstänkas. Då ska ni anmäla till Polisen (6 § bidragsbrottslagen (2007:612)).")
    with pytest.raises(Conflict, match="police_report"):
        case.act("WithdrawSuspectedPayment")
    case.through(*TO_COMMUNICATED[1:])
    case.act("DecidePayment", outcome=pb.PAYMENT_STATE_ERROR_NO_RECOVERY)
    with pytest.raises(Conflict, match="police_report"):
        case.act("ClosePayment")
    due = pb.ListSuspectedPaymentsRequest(police=[pb.POLICE_TRACK_DUE])
    assert [row.payment_id for row in registry.call("ListSuspectedPayments", due, MANAGER).payments] == [case.id]
    answer = case.act("RecordPoliceReport")
    assert (answer.police, answer.state) == (pb.POLICE_TRACK_FILED, pb.PAYMENT_STATE_ERROR_NO_RECOVERY)
    assert list(registry.call("ListSuspectedPayments", due, MANAGER).payments) == []
    case.act("RecordPoliceReport", report_number="5000-K1-26")
    assert (case.get().police_report.report_number, list(case.get().tasks)) == ("5000-K1-26", [])
    assert case.act("ClosePayment").state == pb.PAYMENT_STATE_CLOSED
    for step in (pb.POLICE_TRACK_FEEDBACK, pb.POLICE_TRACK_CLOSED):
        case.act("RecordPoliceReport", step=step)
    assert case.track("police") == ["due", "filed", "filed", "feedback", "closed"]


def test_a_report_says_when_and_how_and_what_was_considered(registry: Registry) -> None:
    case = Case.flagged(registry)
    case.act("AssessSuspectedPayment", crime_suspected=True)
    wrong: dict[str, Any] = {"sent_how": "", "filed_date": "2026-11-24", "voluntary_correction_considered": False}
    for field, value in wrong.items():
        with pytest.raises(Invalid, match=f"{field}: "):
            case.act("RecordPoliceReport", **{field: value})
    assert case.get().police == pb.POLICE_TRACK_DUE


def test_a_crime_may_be_suspected_at_any_time_and_what_was_reported_is_not_taken_back(registry: Registry) -> None:
    case = Case.flagged(registry).through(*TO_RECOVERY)
    ongoing: dict[str, Any] = {"assessment": pb.PAYMENT_ASSESSMENT_ONGOING}
    with pytest.raises(Conflict):
        case.act("RecordPoliceReport")
    answer = case.act("AssessSuspectedPayment", crime_suspected=True, **ongoing)
    assert (answer.state, list(answer.offered_to)) == (pb.PAYMENT_STATE_ERROR_RECOVERY, ["polismyndigheten"])
    case.act("AssessSuspectedPayment", **ongoing)  # it was not so; nothing has been reported yet
    case.act("AssessSuspectedPayment", crime_suspected=True, **ongoing)
    registry.outbox.run_once()
    case.act("RecordPoliceReport")
    with pytest.raises(Invalid, match="crime_suspected: anmälan är redan gjord"):
        case.act("AssessSuspectedPayment", **ongoing)
    assert case.track("police") == ["due", "none", "due", "filed"]
    registry.outbox.run_once()
    assert registry.sharing.of(case.id)[-1].HasField("police_report")


def test_what_polisen_tells_moves_the_report_and_not_the_case(registry: Registry) -> None:
    case = Case.flagged(registry)
    case.act("AssessSuspectedPayment", crime_suspected=True)
    for status in (common_pb2.OUTCOME_STATUS_RECEIVED, common_pb2.OUTCOME_STATUS_SENT, common_pb2.OUTCOME_STATUS_CLOSED):
        registry.tell(an_outcome(case.id, status, "police_report", "polismyndigheten"))
    found = case.get()
    assert (found.police, found.state) == (pb.POLICE_TRACK_CLOSED, pb.PAYMENT_STATE_PRELIMINARY_CHECK)
    assert case.track("police") == ["due", "filed", "feedback", "closed"]


# --- notices ---------------------------------------------------------------------------------------------------------------------------


def test_notices_are_due_until_every_body_has_its_own(registry: Registry) -> None:
    case = Case.flagged(registry, causes=["oredovisad inkomst"])
    told: dict[str, Any] = {
        "suspected_error_kind": "undeclared_income",
        "circumstances": [common_pb2.Circumstance(code="undeclared_income", from_date="2026-02-01", to_date="2026-09-30")],
    }
    both = [other_benefit(**told), other_benefit(benefit_type="studiemedel", deciding_body="csn", **told)]
    case.act("AssessSuspectedPayment", other_benefits=both)
    for body, status in (("forsakringskassan", common_pb2.OUTCOME_STATUS_SENT), ("csn", common_pb2.OUTCOME_STATUS_CARRIED_OUT)):
        assert case.get().notice == pb.NOTICE_TRACK_DUE
        registry.tell(an_outcome(case.id, status, "suspected_payment", body))
    assert case.get().notice == pb.NOTICE_TRACK_SENT
    case.act("OpenInvestigation")
    third = other_benefit(benefit_type="arbetsloshetsersattning", deciding_body="arbetsloshetskassa", **told)
    case.act("AssessSuspectedPayment", other_benefits=[*both, third], assessment=pb.PAYMENT_ASSESSMENT_ONGOING)
    case.act("AssessSuspectedPayment", other_benefits=both, assessment=pb.PAYMENT_ASSESSMENT_ONGOING)
    assert case.track("notice") == ["due", "sent", "due", "sent"]
    assert case.get().state == pb.PAYMENT_STATE_INVESTIGATION_OPEN


def test_words_that_a_newer_sharing_may_say_change_no_state(registry: Registry) -> None:
    case = Case.flagged(registry)
    case.act("AssessSuspectedPayment", other_benefits=[other_benefit()], crime_suspected=True)
    before = case.get()
    unknown: Any = 99
    for status in (common_pb2.OUTCOME_STATUS_VOID, common_pb2.OUTCOME_STATUS_RECALLED, unknown):
        for kind in ("suspected_payment", "police_report"):
            registry.tell(an_outcome(case.id, status, kind, "polismyndigheten"))
    assert (case.get().etag, case.get().notice, case.get().police) == (before.etag, before.notice, before.police)


def test_a_protected_person_stops_the_case_wherever_it_is_and_leaves_the_duty_to_the_named_unit(registry: Registry) -> None:
    case = Case.flagged(registry)
    case.act("AssessSuspectedPayment", other_benefits=[other_benefit()], crime_suspected=True)
    registry.outbox.run_once()
    case.through(*TO_COMMUNICATED[1:])
    case.act("AssessSuspectedPayment", assessment=pb.PAYMENT_ASSESSMENT_ONGOING, protection_check=PROTECTED)
    with pytest.raises(NotFound):
        case.get()
    (row,) = registry.rows("SELECT state, notice, police, purge_date FROM suspected_payment")
    assert row == {"state": "blocked_protected", "notice": "none", "police": "due", "purge_date": None}
    registry.outbox.run_once()
    assert {offer.WhichOneof("content") for offer in registry.sharing.of(case.id)[-2:]} == {"withdrawn"}
