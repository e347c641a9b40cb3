"""What sharing is asked to tell, as messages. Only fields that the facts have: absent means absent."""

from uuid import UUID

from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2

from services.controls.domain.offers import PLAN_SECRECY, InvitationFacts, PlanFacts, invitation_facts, plan_facts
from services.controls.domain.operations import Offer, Operation, Step
from services.controls.domain.parties import RECORD_KIND


def offer_request(event_id: UUID, operation: Operation, offer: Offer, person: str) -> sharing_pb2.OfferRecordRequest:
    """The question to sharing for one offer; withdrawn, it holds no content. `person` made the change that called for it."""
    request = sharing_pb2.OfferRecordRequest(
        event_id=str(event_id),
        record_id=str(offer.record_id),
        revision=offer.revision,
        receiver_kind=offer.receiver_kind,
        unit=operation.unit,
        handled_by=[person] if person else [],
    )
    if offer.withdrawn:
        request.withdrawn.record_kind = RECORD_KIND
    elif offer.step is Step.INVITATION:
        request.control_invitation.control.CopyFrom(invitation_message(invitation_facts(operation)))
    else:
        visit = next(visit for visit in operation.visits if visit.id == offer.record_id)
        request.secrecy.append(PLAN_SECRECY)
        request.control_invitation.control.CopyFrom(plan_message(plan_facts(operation, visit)))
    return request


def invitation_message(facts: InvitationFacts) -> common_pb2.ControlFacts:
    """Set INV."""
    return common_pb2.ControlFacts(
        reference=facts.reference,
        window_start=facts.window_start.isoformat(),
        window_end=facts.window_end.isoformat(),
        participating_authorities=facts.participating_authorities,
    )


def plan_message(facts: PlanFacts) -> common_pb2.ControlFacts:
    """Set PLAN; times in Swedish local time with their distance to UTC."""
    return common_pb2.ControlFacts(
        reference=facts.reference,
        window_start=facts.window_start.isoformat(timespec="minutes"),
        window_end=facts.window_end.isoformat(timespec="minutes"),
        participating_authorities=facts.participating_authorities,
        meeting_point=facts.meeting_point or None,
        object_org_number=facts.object_org_number,
        object_trade_name=facts.object_trade_name,
        object_address=facts.object_address,
        safety_code=facts.safety_code or None,
        own_legal_ground_id=facts.own_legal_ground_id,
    )
