"""Control objects as messages."""

from collections import Counter
from dataclasses import replace
from datetime import date

from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.candidates import Candidate, Filter
from services.controls.domain.objects import ControlObject, StoredObject, read_object, read_permits
from services.controls.domain.visits import PreviousVisit
from services.controls.wire.days import iso
from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.kernel.rows import FieldFault


def object_from(message: pb.ControlObject, today: date) -> ControlObject:
    """An object from a form. Raises Invalid, field first."""
    texts = {
        "org_number": message.org_number,
        "company_name": message.company_name,
        "trading_name": message.trading_name,
        "sni_code": message.sni_code,
        "object_type": message.object_type,
        "street_address": message.street_address,
        "postal_code": message.postal_code,
        "city": message.city,
        "district": message.district,
        "north_m": str(message.north_m) if message.HasField("north_m") else "",
        "east_m": str(message.east_m) if message.HasField("east_m") else "",
        "opening_hours": message.opening_hours,
        "serving_permit": "ja" if message.serving_permit else "nej",
        "last_control_date": message.last_control_date,
        "sni_version": message.sni_version,
        "property_designation": message.property_designation,
        "property_owner_org": message.property_owner_org,
    }
    permits = read_permits([(permit.type, permit.number, permit.valid_to) for permit in message.permits])
    try:
        return replace(read_object(texts, today), permits=permits)
    except FieldFault as fault:
        raise fault.as_invalid() from None


def object_message(place: ControlObject) -> pb.ControlObject:
    """An object as a message."""
    return pb.ControlObject(
        org_number="" if place.org_number is None else str(place.org_number),
        company_name=place.company_name,
        trading_name=place.trading_name,
        sni_code=place.sni_code,
        object_type=place.object_type,
        street_address=place.street_address,
        postal_code=place.postal_code,
        city=place.city,
        district=place.district,
        north_m=place.north_m,
        east_m=place.east_m,
        opening_hours=place.opening_hours,
        serving_permit=place.serving_permit,
        last_control_date=iso(place.last_control_date),
        sni_version=place.sni_version,
        property_designation=place.property_designation,
        property_owner_org="" if place.property_owner_org is None else str(place.property_owner_org),
        permits=[pb.Permit(type=permit.type, number=permit.number, valid_to=iso(permit.valid_to)) for permit in place.permits],
    )


def previous_visit(known: PreviousVisit) -> pb.PreviousVisit:
    """An earlier control of an object."""
    return pb.PreviousVisit(
        visit_id=str(known.visit_id), operation_id=str(known.operation_id), label=known.label, visited_date=known.day.isoformat()
    )


def object_row(stored: StoredObject) -> pb.ObjectRow:
    """An object of a list."""
    return pb.ObjectRow(object_id=str(stored.id), object=object_message(stored.object))


def filter_from(request: pb.ListCandidatesRequest) -> Filter:
    """Which objects are asked for. Raises Invalid for a type that is in no list."""
    kind = reference().object_types.find(request.object_type) if request.object_type else None
    if request.object_type and kind is None:
        raise Invalid(f"object_type: välj något av: {', '.join(reference().object_types.words)}.")
    return Filter(request.district, kind.code if kind else "", request.sni_code, request.only_with_tips)


def candidate_row(candidate: Candidate) -> pb.CandidateRow:
    """A candidate, with each reason for its points."""
    kinds = Counter(kind for tip in candidate.tips for kind in tip.content.suspicion_types)
    return pb.CandidateRow(
        object_id=str(candidate.stored.id),
        object=object_message(candidate.stored.object),
        points=candidate.points,
        reasons=[pb.PointsReason(points=weight.points, word=weight.word) for weight in candidate.applies],
        may_be_a_home=candidate.stored.object.may_be_a_home,
        tips=len(candidate.tips),
        tip_kinds=[pb.CountedTips(suspicion_type=kind, count=count) for kind, count in sorted(kinds.items())],
    )
