"""Tips as messages and as domain words."""

from collections.abc import Mapping
from typing import Any

from los.controls.v1 import tips_pb2 as pb

from services.controls.domain.tips import Act, Assessed, Decided, Forwarded, State, Tip
from services.controls.wire.days import said_time, time_message
from services.kernel.clock import timestamp

STATES: Mapping[State, pb.TipState.ValueType] = {state: pb.TipState.Value(f"TIP_STATE_{state.name}") for state in State}
STATE_OF = {message: state for state, message in STATES.items()}
DECISIONS: Mapping[int, Act] = {
    pb.TIP_DECISION_PRIORITISE: Act.PRIORITISE,
    pb.TIP_DECISION_PARK: Act.PARK,
    pb.TIP_DECISION_REJECT: Act.REJECT,
}
PLACE = (
    "org_number",
    "company_name",
    "trading_name",
    "sni_code",
    "object_type",
    "street_address",
    "postal_code",
    "city",
    "district",
)


def place_texts(message: pb.TipPlace) -> dict[str, str]:
    """Where a tip points, as a user could have written it in a form for objects."""
    return {name: getattr(message, name) for name in PLACE}


def assessed_from(request: pb.AssessTipRequest) -> Assessed:
    """An assessment, not yet judged."""
    return Assessed(request.reliability, request.relevance, tuple(request.control_ground_ids))


def decided_from(request: pb.DecideTipRequest) -> Decided:
    """A decision, not yet judged."""
    return Decided(request.reason, said_time(request, "police_consulted_time"))


def forwarded_from(request: pb.ForwardTipRequest) -> Forwarded:
    """Whom it was sent to, not yet judged."""
    return Forwarded(request.receiver_kind, request.ground, said_time(request, "forwarded_time"))


def tip_message(tip: Tip) -> pb.Tip:
    """A tip, for its own unit's coordinators."""
    content = tip.content
    known: dict[str, Any] = {}
    if content.assessed is not None:
        known |= {name: getattr(content.assessed, name) for name in ("reliability", "relevance", "control_ground_ids")}
    if content.decided is not None:
        known["reason"] = content.decided.reason
        known["police_consulted_time"] = time_message(content.decided.police_consulted_time)
    if content.forwarded is not None:
        sent = content.forwarded
        known["forwarded"] = pb.TipForwarded(
            receiver_kind=sent.receiver_kind, ground=sent.ground, forwarded_time=time_message(sent.forwarded_time)
        )
    return pb.Tip(
        tip_id=str(tip.id),
        state=STATES[tip.state],
        etag=str(tip.revision),
        registering_unit=tip.unit,
        source_type=tip.source_type,
        received_time=timestamp(tip.received_time),
        suspicion_types=content.suspicion_types,
        summary=content.summary,
        object_id=str(tip.object_id),
        authorities=tip.authorities,
        operation_id="" if content.operation_id is None else str(content.operation_id),
        purge_date=tip.purge_date.isoformat(),
        registered_by=tip.registered_by,
        registered_time=timestamp(tip.registered_time),
        **known,
    )
