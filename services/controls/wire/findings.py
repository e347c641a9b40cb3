"""Checklists and observations as messages, and what sharing is asked to tell of one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from los.common.v1 import common_pb2
from los.controls.v1 import findings_pb2 as pb
from los.sharing.v1 import sharing_pb2

from services.controls.domain.checklists import FINDING, Checklist, checklists, measures
from services.controls.domain.findings import FindingOffer, Observation, SecondWave, Seen, Severity, Site, State
from services.controls.wire.days import time_message
from services.controls.wire.operations import OUTCOMES
from services.kernel.clock import timestamp
from services.kernel.reference import Word, reference

SEVERITIES: Mapping[Severity, pb.Severity.ValueType] = {severity: pb.Severity.Value(f"SEVERITY_{severity.name}") for severity in Severity}
SECOND_WAVES: Mapping[SecondWave, pb.SecondWave.ValueType] = {wave: pb.SecondWave.Value(f"SECOND_WAVE_{wave.name}") for wave in SecondWave}
_SEVERITY_OF = {message: severity for severity, message in SEVERITIES.items()}


def seen_from(message: pb.Seen) -> Seen:
    """What an inspector says was seen; not yet judged."""
    return Seen(message.control_ground_id, message.area, message.is_deficiency, _SEVERITY_OF.get(message.severity), message.text)


def observation_message(kept: Observation) -> pb.Observation:
    """An observation, for its own unit."""
    seen = kept.seen
    message = pb.Observation(
        observation_id=str(kept.id),
        etag=str(kept.revision),
        visit_id=str(kept.visit_id),
        authority=kept.unit,
        observed_date=kept.observed_date.isoformat(),
        seen=pb.Seen(control_ground_id=seen.control_ground_id, area=seen.area, is_deficiency=seen.is_deficiency, text=seen.text),
        withdrawn=kept.state is State.WITHDRAWN,
        second_wave=SECOND_WAVES[kept.second_wave],
        offers=[_offer(offer) for offer in kept.offers],
        nothing_by=kept.nothing_by,
        recorded_time=timestamp(kept.recorded_time),
        recorded_by=kept.recorded_by,
        nothing_time=time_message(kept.nothing_time),
    )
    if seen.severity is not None:
        message.seen.severity = SEVERITIES[seen.severity]
    return message


def flag(kept: Observation) -> pb.ObservationFlag:
    """What others than its unit learn of an observation."""
    return pb.ObservationFlag(visit_id=str(kept.visit_id), area=kept.seen.area, is_deficiency=kept.seen.is_deficiency)


def checklist_message(row: Checklist, seen: Counter[tuple[str, str]]) -> pb.Checklist:
    """A checklist; `seen` counts the own observations by ground and area."""
    return pb.Checklist(
        code=row.code,
        word=row.word,
        authority=row.authority,
        source=row.source,
        items=[
            pb.ChecklistItem(control_ground_id=item.ground, area=item.area, word=item.word, observations=seen[item.ground, item.area])
            for item in row.items
        ],
        measure_types=[coded(measures().types[code]) for code in row.measures],
    )


def areas() -> list[pb.CodedWord]:
    """Every area and its Swedish word."""
    return [coded(row) for row in checklists().areas]


def coded(row: Word) -> pb.CodedWord:
    """A code and its word."""
    return pb.CodedWord(code=row.code, word=row.word)


def offer_request(
    event_id: UUID, kept: Observation, offer: FindingOffer, site: Site, handled_by: Sequence[str]
) -> sharing_pb2.OfferRecordRequest:
    """The question to sharing for one offer. Withdrawn, it has no content; nor where the object may have become somebody's home."""
    request = sharing_pb2.OfferRecordRequest(
        event_id=str(event_id),
        record_id=str(kept.id),
        revision=offer.revision,
        receiver_kind=offer.receiver_kind,
        unit=kept.unit,
        handled_by=handled_by,
    )
    if offer.withdrawn or site.place.may_be_a_home:
        request.withdrawn.record_kind = FINDING
        return request
    request.on_request = offer.on_request
    request.matter = offer.matter
    request.control_finding.CopyFrom(finding_message(kept, site))
    return request


def finding_message(kept: Observation, site: Site) -> common_pb2.ControlFinding:
    """Sets FIND and, of a licensed place, LIC (sharing-matrix 4.1). The fact has no days of its own: `observed_at` is the day."""
    seen, place = kept.seen, site.place
    message = common_pb2.ControlFinding(
        control=common_pb2.ControlFacts(reference=site.reference),
        finding=common_pb2.FindingFacts(
            observed_at=kept.observed_date.isoformat(),
            observing_authority=reference().units[kept.unit].authority,
            own_legal_ground_id=seen.control_ground_id,
            category=seen.area,
            facts=[common_pb2.Circumstance(code=seen.area)],
            object_org_number=str(place.org_number),
            object_address=place.address,
        ),
    )
    if seen.area == "alcohol" and place.serving_permit:
        message.licence.CopyFrom(common_pb2.LicenceFacts(holder=place.company_name, status="serveringstillstånd"))
    return message


def _offer(offer: FindingOffer) -> pb.FindingOffer:
    return pb.FindingOffer(
        receiver_kind=offer.receiver_kind, withdrawn=offer.withdrawn, on_request=offer.on_request, status=OUTCOMES[offer.outcome]
    )
