"""Suspected payments as messages and as domain words."""

from datetime import date
from uuid import UUID

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.sharing.v1 import sharing_pb2

from services.kernel.cells import Fault, day, month, written
from services.kernel.clock import iso, timestamp
from services.kernel.errors import Invalid
from services.registry.domain.payment import POLICE_REPORT, Assessed, Assessment, Flag, Notice, OtherBenefit, Payment, Police, State
from services.registry.domain.payment_life import tasks
from services.registry.domain.record import Offer, circumstance
from services.registry.wire.alerts import REASONS_LENGTH_MAX, subject_message
from services.registry.wire.cases import case_parts
from services.registry.wire.common import circumstance_message, protection_check_message, secrecy

STATES = {state: pb.PaymentState.Value(f"PAYMENT_STATE_{state.name}") for state in State}
ASSESSMENTS = {word: pb.PaymentAssessment.Value(f"PAYMENT_ASSESSMENT_{word.name}") for word in Assessment}
NOTICES = {track: pb.NoticeTrack.Value(f"NOTICE_TRACK_{track.name}") for track in Notice}
POLICE_TRACK = {track: pb.PoliceTrack.Value(f"POLICE_TRACK_{track.name}") for track in Police}
STATE_BACK = {number: state for state, number in STATES.items()}
POLICE_BACK = {number: track for track, number in POLICE_TRACK.items()}
NAME_LENGTH_MAX = 100


def flag_texts(message: pb.PaymentFlag) -> dict[str, str]:
    """The fields as a user could have written them, by name."""
    texts = {
        field.name: getattr(message, field.name)
        for field in message.DESCRIPTOR.fields
        if field.name not in {"causes", "population_register_doubted", "household_size"}
    }
    texts["household_size"] = str(message.household_size) if message.HasField("household_size") else ""
    texts["causes"] = ",".join(message.causes)
    texts["population_register_doubted"] = "ja" if message.population_register_doubted else "nej"
    return texts


def flag_message(flag: Flag) -> pb.PaymentFlag:
    """A flag with codes, digits, months as YYYY-MM and the amount with a decimal point."""
    return pb.PaymentFlag(
        case_number=flag.case_number,
        diary_number=flag.diary_number,
        owner_unit=flag.owner_unit,
        payment_scheme=flag.payment_scheme,
        recipient_id_number=flag.recipient_id_number,
        causes=flag.causes,
        period_from=flag.period_from,
        period_to=flag.period_to,
        suspected_amount_sek="" if flag.suspected_amount_sek is None else str(flag.suspected_amount_sek),
        impulse_source=flag.impulse_source,
        other_benefit=flag.other_benefit,
        deciding_body=flag.deciding_body,
        population_register_doubted=flag.population_register_doubted,
        household_size=flag.household_size,
    )


def assessed(request: pb.AssessSuspectedPaymentRequest, today: date) -> Assessed:
    """What the investigator found. Raises Invalid."""
    return Assessed(
        next(word for word, number in ASSESSMENTS.items() if number == request.assessment),
        written("reasons", request.reasons, REASONS_LENGTH_MAX),
        no_conflict_of_interest=request.no_conflict_of_interest,
        own_error_ruled_out=request.own_error_ruled_out,
        recipient_name=written("recipient_name", request.recipient_name, NAME_LENGTH_MAX),
        other_benefits=tuple(
            _other_benefit(f"other_benefits[{place}]", other, today) for place, other in enumerate(request.other_benefits)
        ),
        crime_suspected=request.crime_suspected,
    )


def _other_benefit(place: str, message: pb.OtherBenefit, today: date) -> OtherBenefit:
    name = ""
    try:
        name = "period_from"
        period_from = month(message.period_from, today)
        name = "period_to"
        period_to = month(message.period_to, today)
        name = "observed_at"
        observed_at = day(message.observed_at, today)
    except Fault as fault:
        raise Invalid(f"{place}.{name}: {fault.text}") from None
    return OtherBenefit(
        message.benefit_type,
        message.deciding_body,
        period_from,
        period_to,
        message.suspected_error_kind,
        tuple(
            circumstance(f"{place}.circumstances[{number}]", fact.code, fact.from_date, fact.to_date, today)
            for number, fact in enumerate(message.circumstances)
        ),
        observed_at,
    )


def _other_benefit_message(other: OtherBenefit) -> pb.OtherBenefit:
    return pb.OtherBenefit(
        benefit_type=other.benefit_type,
        deciding_body=other.deciding_body,
        period_from=other.period_from,
        period_to=other.period_to,
        suspected_error_kind=other.suspected_error_kind,
        circumstances=[circumstance_message(fact) for fact in other.circumstances],
        observed_at=other.observed_at.isoformat(),
    )


def payment_message(payment: Payment) -> pb.GetSuspectedPaymentResponse:
    """A payment as its officers see it, without what was shared and its history."""
    done = payment.content.assessed
    return pb.GetSuspectedPaymentResponse(
        payment_id=str(payment.id),
        state=STATES[payment.state],
        etag=str(payment.revision),
        unit=payment.unit,
        flag=flag_message(payment.content.flag),
        protection_check=protection_check_message(payment.protection_check),
        assessment=ASSESSMENTS[done.assessment] if done else pb.PAYMENT_ASSESSMENT_UNSPECIFIED,
        registered_time=timestamp(payment.registered_time),
        reasons=done.reasons if done else "",
        notice=NOTICES[payment.notice],
        police=POLICE_TRACK[payment.police],
        tasks=[pb.Task(code=task.code, citation=task.citation, text=task.text) for task in tasks(payment)],
        purge_date=iso(payment.purge_date),
        recipient_name=done.recipient_name if done else "",
        other_benefits=[_other_benefit_message(other) for other in done.other_benefits] if done else [],
        **case_parts(payment.content),
    )


def offer_request(event_id: UUID, payment: Payment, offer: Offer) -> sharing_pb2.OfferRecordRequest:
    """The offer of a payment to one body: only what concerns the benefit that this body decided. A police report is a reference."""
    message = sharing_pb2.OfferRecordRequest(
        event_id=str(event_id),
        record_id=str(payment.id),
        revision=payment.content.offered.revision,
        receiver_kind=offer.receiver_kind,
        unit=payment.unit,
        secrecy=secrecy(payment.unit, offer.record_kind),
        protection_check=protection_check_message(payment.protection_check),
        handled_by=payment.content.handled_by,
    )
    if offer.record_kind == POLICE_REPORT:
        message.police_report.CopyFrom(common_pb2.PoliceReport())
        message.subject_identity_number = payment.content.flag.recipient_id_number
        return message
    done = payment.content.assessed
    assert done is not None  # noqa: S101  # only an assessed payment is offered
    other = next(other for other in done.other_benefits if other.deciding_body == offer.receiver_kind)
    message.suspected_payment.CopyFrom(
        common_pb2.SuspectedPayment(
            subject=subject_message(payment.content.flag.recipient_id_number, done.recipient_name),
            payment=common_pb2.PaymentFacts(
                benefit_type=other.benefit_type,
                deciding_body=other.deciding_body,
                period_from=other.period_from,
                period_to=other.period_to,
                suspected_error_kind=other.suspected_error_kind,
                circumstances=[circumstance_message(fact) for fact in other.circumstances],
                observed_at=other.observed_at.isoformat(),
            ),
        )
    )
    return message
