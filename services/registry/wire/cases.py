"""What an investigation, a decision and a recovery say, as messages and as domain words."""

from datetime import date
from decimal import Decimal
from typing import Any

from los.registry.v1 import registry_pb2 as pb

from services.kernel import cells
from services.kernel.cells import Fault, written
from services.kernel.errors import Invalid
from services.registry.domain.payment import (
    Communication,
    Content,
    Correction,
    Decision,
    Investigation,
    Method,
    PoliceReport,
    Recovery,
    WhoseFault,
)

FAULTS = {fault: pb.Fault.Value(f"FAULT_{fault.name}") for fault in WhoseFault}
CITATION_LENGTH_MAX = 100
DOCUMENT_LENGTH_MAX = 60
HOW_LENGTH_MAX = 200
NUMBER_LENGTH_MAX = 40


def _day(field: str, text: str, today: date) -> date:
    """A day of a message, never in the future when `today` is today. Raises Invalid with the field first."""
    try:
        if not text:
            raise Fault("missing")  # noqa: TRY301  # the same way out as any other fault
        return cells.day(text, today)
    except Fault as fault:
        raise Invalid(f"{field}: {fault.text}") from None


def _amount(field: str, text: str) -> Decimal | None:
    try:
        return cells.amount(text) if text else None
    except Fault as fault:
        raise Invalid(f"{field}: {fault.text}") from None


def investigation(request: pb.OpenInvestigationRequest) -> Investigation:
    """What the investigator will do. Raises Invalid."""
    return Investigation(
        tuple(
            Method(method.code, written(f"methods[{place}].ground", method.ground, CITATION_LENGTH_MAX), method.consent)
            for place, method in enumerate(request.investigation.methods)
        ),
        tuple(written("documents", text, DOCUMENT_LENGTH_MAX) for text in request.investigation.documents),
        no_conflict_of_interest=request.no_conflict_of_interest,
    )


def communication(message: pb.Communication, today: date) -> Communication:
    """When the person was told, and until when they may answer. Raises Invalid."""
    told = _day("communicated_date", message.communicated_date, today)
    due = _day("answer_due_date", message.answer_due_date, date.max)
    if due < told:
        raise Invalid("answer_due_date: svarstiden slutar innan personen fick uppgifterna.")
    return Communication(told, due)


def decision(message: pb.PaymentDecision) -> Decision:
    """What the nämnd decided. Raises Invalid."""
    return Decision(
        next((fault for fault, number in FAULTS.items() if number == message.fault), None),
        answer_received=message.answer_received,
        confirmed_amount_sek=_amount("confirmed_amount_sek", message.confirmed_amount_sek),
        prevented_amount_sek=_amount("prevented_amount_sek", message.prevented_amount_sek),
        prevented_months=message.prevented_months if message.HasField("prevented_months") else None,
        delegation_reference=written("delegation_reference", message.delegation_reference, DOCUMENT_LENGTH_MAX),
    )


def recovery(message: pb.RecoveryDecision, today: date) -> Recovery:
    """What is to be paid back. Raises Invalid."""
    return Recovery(
        tuple(dict.fromkeys(message.grounds)),
        _amount("amount_sek", message.amount_sek) or Decimal(0),
        _day("decided_date", message.decided_date, today),
        written("delegation_reference", message.delegation_reference, DOCUMENT_LENGTH_MAX),
    )


def correction(request: pb.CorrectOwnErrorRequest, today: date) -> Correction:
    """When our own error was put right. Raises Invalid."""
    return Correction(_day("corrected_date", request.corrected_date, today))


def police_report(message: pb.PoliceReportFiled, today: date) -> PoliceReport:
    """When and how the report went. Raises Invalid."""
    return PoliceReport(
        _day("filed_date", message.filed_date, today),
        written("sent_how", message.sent_how, HOW_LENGTH_MAX),
        written("report_number", message.report_number, NUMBER_LENGTH_MAX),
        voluntary_correction_considered=message.voluntary_correction_considered,
    )


def case_parts(content: Content) -> dict[str, Any]:
    """The fields of a payment's message that the case has come to; the others are absent."""
    parts: dict[str, Any] = {}
    if content.investigation:
        methods = [pb.InvestigationMethod(code=one.code, ground=one.ground, consent=one.consent) for one in content.investigation.methods]
        parts["investigation"] = pb.Investigation(methods=methods, documents=content.investigation.documents)
    if content.communication:
        parts["communication"] = pb.Communication(
            communicated_date=content.communication.communicated_date.isoformat(),
            answer_due_date=content.communication.answer_due_date.isoformat(),
        )
    if content.decision:
        parts["decision"] = _decision_message(content.decision)
    if content.recovery:
        parts["recovery"] = pb.RecoveryDecision(
            grounds=content.recovery.grounds,
            amount_sek=str(content.recovery.amount_sek),
            decided_date=content.recovery.decided_date.isoformat(),
            delegation_reference=content.recovery.delegation_reference,
        )
    if content.police_report:
        parts["police_report"] = pb.PoliceReportFiled(
            filed_date=content.police_report.filed_date.isoformat(),
            sent_how=content.police_report.sent_how,
            report_number=content.police_report.report_number,
            voluntary_correction_considered=content.police_report.voluntary_correction_considered,
        )
    if content.correction:
        parts["corrected_date"] = content.correction.corrected_date.isoformat()
    return parts


def _decision_message(decided: Decision) -> pb.PaymentDecision:
    return pb.PaymentDecision(
        fault=FAULTS[decided.fault] if decided.fault else pb.FAULT_UNSPECIFIED,
        answer_received=decided.answer_received,
        confirmed_amount_sek=_text(decided.confirmed_amount_sek),
        prevented_amount_sek=_text(decided.prevented_amount_sek),
        prevented_months=decided.prevented_months,
        delegation_reference=decided.delegation_reference,
    )


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else str(amount)
