"""The states of a suspected payment, driven at random against the real service: whoever acts and whatever they ask, in any order.

What is refused changes nothing; what is done is an arrow of the drawing, appended to the history; and every guard has said no.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from tests.registry import acts, drawing
from tests.registry.builders import APPROVER, CASE_OFFICER, INVESTIGATOR, MANAGER, VOF_INVESTIGATOR, a_payment, other_benefit
from tests.registry.conftest import Registry
from tests.registry.machine import PROTECTED, RIGHT, Draw, Machine, Variant, walk


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

    query = "SELECT * FROM suspected_payment WHERE id = %s"
    arrows: ClassVar = {
        "state": drawing.allowed(drawing.PAYMENT, drawing.PAYMENT_BEYOND),
        "notice": drawing.NOTICE,
        "police": drawing.POLICE,
    }

    @initialize(who=st.sampled_from([CASE_OFFICER, CASE_OFFICER, CASE_OFFICER, INVESTIGATOR]))
    def flag(self, who: Caller) -> None:
        self.forget()
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
