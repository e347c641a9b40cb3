"""Operations as messages."""

from collections.abc import Mapping
from uuid import UUID

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.operations import Answer, Operation, Outcome, Part, Participation, Plan, Reply, State, Step, Visit
from services.controls.wire.objects import object_message
from services.kernel.clock import instant, timestamp
from services.kernel.errors import Invalid

STATES: Mapping[State, pb.OperationState.ValueType] = {
    State.DRAFT: pb.OPERATION_STATE_DRAFT,
    State.PLANNED: pb.OPERATION_STATE_PLANNED,
    State.CONFIRMED: pb.OPERATION_STATE_CONFIRMED,
    State.CANCELLED: pb.OPERATION_STATE_CANCELLED,
}
ANSWERS: Mapping[Answer, common_pb2.InvitationAnswer.ValueType] = {
    Answer.ACCEPTED: common_pb2.INVITATION_ANSWER_ACCEPTED,
    Answer.DECLINED: common_pb2.INVITATION_ANSWER_DECLINED,
}
PARTS: Mapping[Part, common_pb2.ParticipationRole.ValueType] = {
    Part.ON_SITE: common_pb2.PARTICIPATION_ROLE_ON_SITE,
    Part.PLANNING_ONLY: common_pb2.PARTICIPATION_ROLE_PLANNING_ONLY,
    Part.FOLLOW_UP_ONLY: common_pb2.PARTICIPATION_ROLE_FOLLOW_UP_ONLY,
}
OUTCOMES: Mapping[Outcome, common_pb2.OutcomeStatus.ValueType] = {
    Outcome.NOTHING: common_pb2.OUTCOME_STATUS_UNSPECIFIED,
    Outcome.SENT: common_pb2.OUTCOME_STATUS_SENT,
    Outcome.RECEIVED: common_pb2.OUTCOME_STATUS_RECEIVED,
    Outcome.REFUSED: common_pb2.OUTCOME_STATUS_REFUSED,
    Outcome.OPENED: common_pb2.OUTCOME_STATUS_OPENED,
    Outcome.NO_ACTION: common_pb2.OUTCOME_STATUS_NO_ACTION,
    Outcome.ACTION: common_pb2.OUTCOME_STATUS_ACTION,
    Outcome.CLOSED: common_pb2.OUTCOME_STATUS_CLOSED,
    Outcome.VOID: common_pb2.OUTCOME_STATUS_VOID,
    Outcome.CARRIED_OUT: common_pb2.OUTCOME_STATUS_CARRIED_OUT,
    Outcome.CORRECTION_DUE: common_pb2.OUTCOME_STATUS_CORRECTION_DUE,
    Outcome.CORRECTED: common_pb2.OUTCOME_STATUS_CORRECTED,
    Outcome.RECALL_DUE: common_pb2.OUTCOME_STATUS_RECALL_DUE,
    Outcome.RECALLED: common_pb2.OUTCOME_STATUS_RECALLED,
}
_ANSWER_OF = {message: answer for answer, message in ANSWERS.items()}
_PART_OF = {message: part for part, message in PARTS.items()}
_OUTCOME_OF = {message: outcome for outcome, message in OUTCOMES.items()}

MAILBOX_MAX = 120


def plan_from(request: pb.PlanOperationRequest) -> Plan:
    """What is secret of a new operation."""
    return Plan(
        request.purpose,
        instant(request.planned_start),
        instant(request.planned_end),
        request.assembly_point,
        request.safety_code,
    )


def reply_from(message: common_pb2.AnsweredInvitation) -> Reply:
    """An authority's answer. Raises Invalid, field first, when it says neither yes nor no."""
    answer = _ANSWER_OF.get(message.answer)
    if answer is None:
        raise Invalid("answer: ange ja eller nej.")
    if len(message.function_mailbox) > MAILBOX_MAX:
        raise Invalid("function_mailbox: texten är för lång.")
    return Reply(answer, _PART_OF.get(message.role), message.control_ground_id, message.function_mailbox)


def outcome_from(message: common_pb2.RecordOutcome) -> Outcome:
    """How far a disclosure has come; NOTHING for a status that this service does not know yet."""
    return _OUTCOME_OF.get(message.status, Outcome.NOTHING)


def outcome_key(message: common_pb2.RecordOutcome) -> tuple[UUID, str]:
    """Which offer an outcome is about. Raises Invalid."""
    try:
        return UUID(message.record_id), message.receiver_kind
    except ValueError:
        raise Invalid("record_id: ange ett UUID.") from None


def operation_message(operation: Operation) -> pb.GetOperationResponse:
    """An operation, whole."""
    return pb.GetOperationResponse(
        operation_id=str(operation.id),
        label=operation.label,
        state=STATES[operation.state],
        etag=operation.etag,
        unit=operation.unit,
        purpose=operation.plan.purpose,
        planned_start=timestamp(operation.plan.start),
        planned_end=timestamp(operation.plan.end),
        assembly_point=operation.plan.assembly_point,
        own_control_ground_id=operation.own_control_ground_id,
        safety_code=operation.plan.safety_code,
        override_reason=operation.plan.override_reason,
        visits=[_visit(visit) for visit in operation.visits],
        participations=[_participation(operation, participation) for participation in operation.participations],
    )


def operation_row(operation: Operation) -> pb.OperationRow:
    """An operation of a list."""
    return pb.OperationRow(
        operation_id=str(operation.id),
        label=operation.label,
        state=STATES[operation.state],
        etag=operation.etag,
        planned_start=timestamp(operation.plan.start),
    )


def _visit(visit: Visit) -> pb.Visit:
    return pb.Visit(
        visit_id=str(visit.id),
        object_id=str(visit.object.id),
        position=visit.position,
        object=object_message(visit.object.object),
    )


def _participation(operation: Operation, participation: Participation) -> pb.Participation:
    kind, reply = participation.receiver_kind, participation.reply
    message = pb.Participation(
        receiver_kind=kind,
        invitation_status=OUTCOMES[operation.outcome(kind, Step.INVITATION)],
        plan_status=OUTCOMES[operation.outcome(kind, Step.PLAN)],
        remark=participation.remark,
    )
    if reply is not None:
        message.answer = ANSWERS[reply.answer]
        message.control_ground_id = reply.control_ground_id
        message.function_mailbox = reply.function_mailbox
        if reply.part is not None:
            message.role = PARTS[reply.part]
    return message
