"""Protobuf to sharing's words and back. Pure."""

from datetime import date
from typing import Any
from uuid import UUID

from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.clock import instant
from services.kernel.errors import Invalid
from services.kernel.protection import Protection
from services.sharing.domain import CORRECTING, RECALLING, CodedFact, InboundState, Offer, OfferState, Status

PROTECTION = {
    common_pb2.PROTECTION_UNSPECIFIED: Protection.UNKNOWN,
    common_pb2.PROTECTION_NONE: Protection.NONE,
    common_pb2.PROTECTION_PROTECTED: Protection.PROTECTED,
}

OFFER_STATE: dict[OfferState, pb.OfferState.ValueType] = {state: pb.OfferState.Value(f"OFFER_STATE_{state.name}") for state in OfferState}
INBOUND_STATE: dict[InboundState, pb.InboundState.ValueType] = {
    state: pb.InboundState.Value(f"INBOUND_STATE_{state.name}") for state in InboundState
}
OFFER_STATE_BACK = {number: state for state, number in OFFER_STATE.items()}

DISCLOSURE_STATE: dict[Status, pb.DisclosureState.ValueType] = {
    status: pb.DisclosureState.Value(f"DISCLOSURE_STATE_{status.name}") for status in Status
}

# The owner of a record learns whether a word is owed, not how far it has come.
OUTCOME_STATUS: dict[Status, common_pb2.OutcomeStatus.ValueType] = {
    Status.SENT: common_pb2.OUTCOME_STATUS_SENT,
    Status.RECEIVED: common_pb2.OUTCOME_STATUS_RECEIVED,
    Status.REFUSED_BY_RECEIVER: common_pb2.OUTCOME_STATUS_REFUSED,
    Status.OPENED: common_pb2.OUTCOME_STATUS_OPENED,
    Status.NO_ACTION: common_pb2.OUTCOME_STATUS_NO_ACTION,
    Status.ACTION: common_pb2.OUTCOME_STATUS_ACTION,
    Status.CLOSED: common_pb2.OUTCOME_STATUS_CLOSED,
    Status.VOID: common_pb2.OUTCOME_STATUS_VOID,
    Status.CARRIED_OUT: common_pb2.OUTCOME_STATUS_CARRIED_OUT,
    **dict.fromkeys(CORRECTING, common_pb2.OUTCOME_STATUS_CORRECTION_DUE),
    Status.CORRECTION_CONFIRMED: common_pb2.OUTCOME_STATUS_CORRECTED,
    **dict.fromkeys(RECALLING, common_pb2.OUTCOME_STATUS_RECALL_DUE),
    Status.RECALL_CONFIRMED: common_pb2.OUTCOME_STATUS_RECALLED,
}


def offer_from(request: pb.OfferRecordRequest) -> Offer | None:
    """The offer, or None when the record is withdrawn. Raises Invalid."""
    kind = request.WhichOneof("content")
    if kind is None:
        raise Invalid("content: uppgiften saknas.")
    if kind == "withdrawn":
        return None
    check = request.protection_check
    return Offer(
        record_kind=kind,
        record_id=UUID(request.record_id),
        revision=request.revision,
        receiver_kind=request.receiver_kind,
        unit=request.unit,
        secrecy=frozenset(request.secrecy),
        protection=PROTECTION.get(check.result, Protection.UNKNOWN),
        checked_time=instant(check.checked_time) if check.HasField("checked_time") else None,
        handled_by=frozenset(request.handled_by),
        fields=dotted(getattr(request, kind)),
        field_secrecy=dict(request.field_secrecy),
        about=request.subject_identity_number or None,
        on_request=request.on_request,
        matter=request.matter or None,
    )


def record_kind_of(request: pb.OfferRecordRequest) -> str:
    """The record kind, also of a withdrawal."""
    kind = request.WhichOneof("content")
    return request.withdrawn.record_kind if kind == "withdrawn" else kind or ""


def dotted(content: Message) -> dict[str, Any]:
    """A content message as dotted fields: the path of each field that is set. Raises Invalid naming the field."""
    fields: dict[str, Any] = {}
    for group, message in content.ListFields():
        for field, value in message.ListFields():
            path = f"{group.name}.{field.name}"
            if field.message_type is not None:
                fields[path] = [_fact(path, item) for item in value]
            elif field.is_repeated:
                fields[path] = list(value)
            elif value:
                fields[path] = value
    return fields


def paths(content: type[Message]) -> frozenset[str]:
    """Every dotted field that a content message can express."""
    return frozenset(
        f"{group.name}.{member.name}"
        for group in content.DESCRIPTOR.fields
        if group.message_type is not None
        for member in group.message_type.fields
    )


def _fact(path: str, item: common_pb2.Circumstance) -> CodedFact:
    try:
        return CodedFact(item.code, _day(item.from_date), _day(item.to_date))
    except ValueError:
        raise Invalid(f"{path}: datumet går inte att läsa. Skriv till exempel 2026-11-23.") from None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
