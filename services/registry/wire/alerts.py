"""Alerts as messages and as domain words."""

from datetime import date
from uuid import UUID

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.sharing.v1 import sharing_pb2

from services.kernel.cells import written
from services.kernel.clock import iso, timestamp
from services.kernel.identity import COORDINATION_DAYS
from services.registry.domain.alert import RECEIVER_KIND, RECORD_KIND, Alert, Assessed, Assessment, Report, State
from services.registry.domain.record import circumstance
from services.registry.wire.common import circumstance_message, protection_check_message, secrecy

STATES = {state: pb.AlertState.Value(f"ALERT_STATE_{state.name}") for state in State}
ASSESSMENTS = {word: pb.AlertAssessment.Value(f"ALERT_ASSESSMENT_{word.name}") for word in Assessment}
REASONS_LENGTH_MAX = 1000
REFERENCE_LENGTH_MAX = 40


def report_texts(message: pb.AlertReport) -> dict[str, str]:
    """The fields as a user could have written them, by name."""
    texts = {
        field.name: getattr(message, field.name)
        for field in message.DESCRIPTOR.fields
        if field.name not in {"observation_types", "estimated_persons"}
    }
    texts["observation_types"] = ",".join(message.observation_types)
    texts["estimated_persons"] = str(message.estimated_persons) if message.HasField("estimated_persons") else ""
    return texts


def report_message(report: Report) -> pb.AlertReport:
    """A report with codes, digits and ISO days."""
    return pb.AlertReport(
        landlord_org_number=report.landlord_org_number,
        source_kind=report.source_kind,
        property_designation=report.property_designation,
        street_address=report.street_address,
        postal_code=report.postal_code,
        city=report.city,
        apartment_number=report.apartment_number,
        landlord_unit_number=report.landlord_unit_number,
        contract_holder_name=report.contract_holder_name,
        contract_holder_id_number=report.contract_holder_id_number,
        observed_from=iso(report.observed_from),
        observed_to=iso(report.observed_to),
        observation_types=report.observation_types,
        estimated_persons=report.estimated_persons,
    )


def assessed(request: pb.AssessAlertRequest, today: date) -> Assessed:
    """What the officer found. Raises Invalid."""
    return Assessed(
        next(word for word, number in ASSESSMENTS.items() if number == request.assessment),
        written("reasons", request.reasons, REASONS_LENGTH_MAX),
        wrong_flat_checked=request.wrong_flat_checked,
        suspected_error_kind=request.suspected_error_kind,
        concerns_contract_holder=request.concerns_contract_holder,
        own_facts=tuple(
            circumstance(f"own_facts[{place}]", fact.code, fact.from_date, fact.to_date, today)
            for place, fact in enumerate(request.own_facts)
        ),
        payment_id=UUID(request.payment_id) if request.payment_id else None,
    )


def alert_message(alert: Alert) -> pb.GetAlertResponse:
    """An alert as its officers see it, without what was shared and its history."""
    done = alert.content.assessed
    return pb.GetAlertResponse(
        alert_id=str(alert.id),
        state=STATES[alert.state],
        etag=str(alert.revision),
        unit=alert.unit,
        needs_review=alert.needs_review,
        report=report_message(alert.content.report),
        protection_check=protection_check_message(alert.protection_check),
        assessment=ASSESSMENTS[done.assessment] if done else pb.ALERT_ASSESSMENT_UNSPECIFIED,
        registered_time=timestamp(alert.registered_time),
        reasons=done.reasons if done else "",
        skv_reference=alert.content.skv_reference,
        payment_id=str(alert.payment_id) if alert.payment_id else "",
        feedback_time=timestamp(alert.feedback_time) if alert.feedback_time else None,
        purge_date=iso(alert.purge_date),
    )


def offer_request(event_id: UUID, alert: Alert) -> sharing_pb2.OfferRecordRequest:
    """The offer of an assessed alert: who, which dwelling, and the coded facts that may be told (sharing-matrix 4.2)."""
    report, done = alert.content.report, alert.content.assessed
    assert done is not None  # noqa: S101  # only an assessed alert is offered
    observed_from, observed_to = alert.observed
    return sharing_pb2.OfferRecordRequest(
        event_id=str(event_id),
        record_id=str(alert.id),
        revision=alert.content.offered.revision,
        receiver_kind=RECEIVER_KIND,
        unit=alert.unit,
        secrecy=secrecy(alert.unit, RECORD_KIND),
        protection_check=protection_check_message(alert.protection_check),
        handled_by=alert.content.handled_by,
        folkbokforing_alert=common_pb2.FolkbokforingAlert(
            subject=subject_message(report.contract_holder_id_number, report.contract_holder_name),
            dwelling=common_pb2.Dwelling(
                property_designation=report.property_designation,
                street_address=f"{report.street_address}, {report.postal_code[:3]} {report.postal_code[3:]} {report.city}",
                apartment_number=report.apartment_number or None,
            ),
            alert=common_pb2.AlertFacts(
                suspected_error_kind=done.suspected_error_kind,
                observed_from=iso(observed_from),
                observed_to=iso(observed_to) or None,
                circumstances=[circumstance_message(fact) for fact in alert.circumstances],
                source_kind=alert.source_kind,
            ),
        ),
    )


def subject_message(digits: str, name: str) -> common_pb2.Subject:
    """A person by personnummer or samordningsnummer (twelve digits), never both."""
    coordination = int(digits[6:8]) > COORDINATION_DAYS
    return common_pb2.Subject(
        full_name=name or None,
        personal_identity_number=None if coordination else digits,
        coordination_number=digits if coordination else None,
    )
