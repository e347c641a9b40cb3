"""The acts of a case as requests that would be taken, each with the person who may do it; a test names what it changes."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from tests.registry.builders import INVESTIGATOR, MANAGER, NOW, a_payment_assessment

METHODS = (
    pb.InvestigationMethod(code="file_review"),
    pb.InvestigationMethod(code="register_lookup", ground="2 § lagen (2024:307)"),
    pb.InvestigationMethod(code="announced_home_visit", consent=True),
)


def assess(payment_id: str, etag: str, **more: Any) -> pb.AssessSuspectedPaymentRequest:  # noqa: ANN401
    """A preliminary check that tells nobody anything."""
    return a_payment_assessment(payment_id, etag, **{"other_benefits": []} | more)


def correct(payment_id: str, etag: str, **more: Any) -> pb.CorrectOwnErrorRequest:  # noqa: ANN401
    """Our own error put right."""
    values: dict[str, Any] = {"corrected_date": "2026-11-23"}
    return pb.CorrectOwnErrorRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, **values | more)


def open_investigation(payment_id: str, etag: str, **more: Any) -> pb.OpenInvestigationRequest:  # noqa: ANN401
    """An investigation with lawful methods."""
    values: dict[str, Any] = {
        "no_conflict_of_interest": True,
        "investigation": pb.Investigation(methods=METHODS, documents=["IAF 2026/1-7"]),
    }
    return pb.OpenInvestigationRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, **values | more)


def communicate(payment_id: str, etag: str, **more: Any) -> pb.RecordCommunicationRequest:  # noqa: ANN401
    """The person told, with time to answer."""
    values = {"communicated_date": "2026-11-23", "answer_due_date": "2026-12-07"} | more
    told = pb.Communication(**values)
    return pb.RecordCommunicationRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, communication=told)


def decide(payment_id: str, etag: str, outcome: Any = pb.PAYMENT_STATE_ERROR_RECOVERY, **more: Any) -> pb.DecidePaymentRequest:  # noqa: ANN401
    """An error to be paid back, after the person has answered."""
    values: dict[str, Any] = {"answer_received": True, "delegation_reference": "IAF 4.7"}
    if outcome != pb.PAYMENT_STATE_NO_ERROR:
        values |= {"fault": pb.FAULT_APPLICANT, "confirmed_amount_sek": "12 000", "prevented_amount_sek": "1500", "prevented_months": 6}
    decision = pb.PaymentDecision(**values | more)
    return pb.DecidePaymentRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, outcome=outcome, decision=decision)


def decide_recovery(payment_id: str, etag: str, **more: Any) -> pb.DecideRecoveryRequest:  # noqa: ANN401
    """All of it, on the ground of the day."""
    values: dict[str, Any] = {
        "grounds": ["sol-2025-33-1"],
        "amount_sek": "12000",
        "decided_date": "2026-11-23",
        "delegation_reference": "IAF 4.8",
    }
    recovery = pb.RecoveryDecision(**values | more)
    return pb.DecideRecoveryRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, recovery=recovery)


def record_recovery(payment_id: str, etag: str, outcome: Any = pb.PAYMENT_STATE_PAID) -> pb.RecordRecoveryRequest:  # noqa: ANN401
    """Paid back."""
    return pb.RecordRecoveryRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, outcome=outcome)


def report_crime(payment_id: str, etag: str, step: Any = pb.POLICE_TRACK_FILED, **more: Any) -> pb.RecordPoliceReportRequest:  # noqa: ANN401
    """The report sent, or what Polisen said of it."""
    request = pb.RecordPoliceReportRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, step=step)
    if step == pb.POLICE_TRACK_FILED:
        values: dict[str, Any] = {"filed_date": "2026-11-23", "sent_how": "Polisens e-tjänst", "voluntary_correction_considered": True}
        request.filed.CopyFrom(pb.PoliceReportFiled(**values | more))
    return request


def close(payment_id: str, etag: str) -> pb.ClosePaymentRequest:
    """The case closed."""
    return pb.ClosePaymentRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag)


def withdraw(payment_id: str, etag: str) -> pb.WithdrawSuspectedPaymentRequest:
    """The flag taken back."""
    return pb.WithdrawSuspectedPaymentRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag)


ACTS: Mapping[str, tuple[Callable[..., Any], Caller]] = {
    "AssessSuspectedPayment": (assess, INVESTIGATOR),
    "CorrectOwnError": (correct, INVESTIGATOR),
    "OpenInvestigation": (open_investigation, INVESTIGATOR),
    "RecordCommunication": (communicate, INVESTIGATOR),
    "DecidePayment": (decide, MANAGER),
    "DecideRecovery": (decide_recovery, MANAGER),
    "RecordRecovery": (record_recovery, INVESTIGATOR),
    "RecordPoliceReport": (report_crime, MANAGER),
    "ClosePayment": (close, MANAGER),
    "WithdrawSuspectedPayment": (withdraw, INVESTIGATOR),
}


def an_outcome(
    record_id: str,
    status: "common_pb2.OutcomeStatus.ValueType",
    record_kind: str = "folkbokforing_alert",
    receiver_kind: str = "skatteverket-folkbokforing",
    disclosure_id: str = "",
) -> pb.RecordOutcomeRequest:
    """What sharing tells of one disclosure."""
    return pb.RecordOutcomeRequest(
        outcome=common_pb2.RecordOutcome(
            request_id=str(uuid4()),
            record_kind=record_kind,
            record_id=record_id,
            receiver_kind=receiver_kind,
            disclosure_id=disclosure_id or str(uuid4()),
            status=status,
            occurred_time=timestamp(NOW),
        )
    )
