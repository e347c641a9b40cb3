"""The states of an alert, driven at random against the real service: whoever acts and whatever they ask, in any order.

What is refused changes nothing; what is done is an arrow of the drawing, appended to the history; and every guard has said no.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import initialize
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from tests.registry import acts, drawing
from tests.registry.builders import APPROVER, INVESTIGATOR, LANDLORD, OFFICER, a_registration, a_report, an_assessment
from tests.registry.conftest import Registry
from tests.registry.machine import PROTECTED, RIGHT, Draw, Machine, Variant, walk

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

    query = "SELECT * FROM alert WHERE id = %s"
    arrows: ClassVar = {"state": drawing.allowed(drawing.ALERT, drawing.ALERT_BEYOND)}

    @initialize(source=st.sampled_from(["dokument", "granne"]))
    def report(self, source: str) -> None:
        self.forget()
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
