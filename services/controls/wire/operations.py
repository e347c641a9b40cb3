"""Operations as messages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.listing import Listing
from services.controls.domain.operation_life import Briefing, is_reminder_due, missing
from services.controls.domain.operations import OVER, Answer, Operation, Outcome, Part, Participation, Reply, State, Step, Summary
from services.controls.domain.plan import Plan, RiskLevel
from services.controls.domain.timetable import standing
from services.controls.domain.visits import Finish, Visit, VisitState, settings
from services.controls.wire.days import day_from, iso, said_time, time_message
from services.controls.wire.objects import object_message
from services.controls.wire.route import timetable_message
from services.kernel.clock import instant, timestamp
from services.kernel.errors import Invalid

STATES: Mapping[State, pb.OperationState.ValueType] = {state: pb.OperationState.Value(f"OPERATION_STATE_{state.name}") for state in State}
VISIT_STATES: Mapping[VisitState, pb.VisitState.ValueType] = {
    state: pb.VisitState.Value(f"VISIT_STATE_{state.name}") for state in VisitState
}
RISKS: Mapping[RiskLevel, pb.RiskLevel.ValueType] = {level: pb.RiskLevel.Value(f"RISK_LEVEL_{level.name}") for level in RiskLevel}
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
_STATE_OF = {message: state for state, message in STATES.items()}
_VISIT_STATE_OF = {message: state for state, message in VISIT_STATES.items()}
_RISK_OF = {message: level for level, message in RISKS.items()}
_OUTCOME_OF = {message: outcome for outcome, message in OUTCOMES.items()}

MAILBOX_MAX = 120


def plan_from(request: pb.PlanOperationRequest | pb.UpdatePlanRequest, known: Plan | None = None) -> Plan:
    """What is secret of an operation: new, or put right."""
    said = {
        "purpose": request.purpose,
        "start": instant(request.planned_start),
        "end": instant(request.planned_end),
        "assembly_point": request.assembly_point,
        "safety_code": request.safety_code,
        "field_lead": request.field_lead,
    }
    return Plan(**said) if known is None else replace(known, **said)  # type: ignore[arg-type]  # the names above


def briefing_from(request: pb.BriefOperationRequest, plan: Plan) -> Briefing:
    """The lead's assessment; what is not said is as planned."""
    start = said_time(request, "start_time") or plan.start
    return Briefing(_RISK_OF.get(request.risk_level), request.risk_measures, request.assembly_point or plan.assembly_point, start)


def finish_from(request: pb.FinishVisitRequest, time: datetime) -> Finish:
    """How a visit ended."""
    count = request.persons_checked_count if request.HasField("persons_checked_count") else None
    return Finish(_VISIT_STATE_OF[request.outcome], time, count, request.reason_code)


def listing_from(request: pb.ListOperationsRequest, now: datetime, *, invited: bool, inspected: bool) -> Listing:
    """Which operations are asked for. Raises Invalid, field first."""
    states = tuple(_STATE_OF[state] for state in request.states if state in _STATE_OF)
    if len(states) != len(request.states):
        raise Invalid("states: läget finns inte.")
    reminded_before = now - settings().reminder if request.reminder_due else None
    days = day_from("from_date", request.from_date), day_from("to_date", request.to_date)
    return Listing(states, *days, reminded_before, invited, inspected)


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


def operation_message(operation: Operation, now: datetime, steps: Mapping[UUID, Sequence[Any]]) -> pb.GetOperationResponse:
    """An operation, whole, with the history of it and of its visits."""
    plan = operation.plan
    return pb.GetOperationResponse(
        operation_id=str(operation.id),
        label=operation.label,
        state=STATES[operation.state],
        etag=operation.etag,
        unit=operation.unit,
        purpose=plan.purpose,
        planned_start=timestamp(plan.start),
        planned_end=timestamp(plan.end),
        assembly_point=plan.assembly_point,
        own_control_ground_id=operation.own_control_ground_id,
        safety_code=plan.safety_code,
        override_reason=plan.override_reason,
        timetable=timetable_message(standing(operation)),
        visits=[_visit(visit, steps.get(visit.id, ())) for visit in operation.visits],
        participations=[_participation(operation, participation) for participation in operation.participations],
        field_lead=plan.field_lead,
        risk_level=RISKS[plan.risk_level] if plan.risk_level is not None else pb.RISK_LEVEL_UNSPECIFIED,
        risk_measures=plan.risk_measures,
        risk_signed_by=plan.risk_signed_by,
        summaries=[_summary(summary) for summary in operation.summaries],
        summaries_missing=missing(operation) if operation.state in OVER else (),
        reminder_due=is_reminder_due(operation, now),
        handed_over_to=plan.handed_over_to,
        history=[_step(step) for step in steps.get(operation.id, ())],
        risk_signed_time=time_message(plan.risk_signed_time),
        began_time=time_message(plan.began_time),
        ended_time=time_message(plan.ended_time),
    )


def operation_row(operation: Operation, *, whole: bool) -> pb.OperationRow:
    """An operation of a list; not `whole`: what a unit knows that is invited to it, and no time of day."""
    first, last = operation.plan.days
    row = pb.OperationRow(
        operation_id=str(operation.id),
        label=operation.label,
        state=STATES[operation.state],
        etag=operation.etag,
        window_start=first.isoformat(),
        window_end=last.isoformat(),
    )
    if whole:
        row.planned_start.CopyFrom(timestamp(operation.plan.start))
    return row


def _visit(visit: Visit, steps: Sequence[Any]) -> pb.Visit:
    return pb.Visit(
        visit_id=str(visit.id),
        object_id=str(visit.object.id),
        position=visit.position,
        object=object_message(visit.object.object),
        state=VISIT_STATES[visit.state],
        persons_checked_count=visit.persons_checked_count,
        reason_code=visit.reason_code,
        again=visit.again,
        object_taken_back=visit.object.taken_back,
        history=[_step(step) for step in steps],
        arrived_time=time_message(visit.arrived_time),
        left_time=time_message(visit.left_time),
    )


def _summary(summary: Summary) -> pb.Summary:
    return pb.Summary(
        party=summary.party,
        areas=summary.areas,
        delivered_by=summary.delivered_by,
        delivered_time=timestamp(summary.delivered_time),
        told_by=summary.told_by,
        told_date=iso(summary.told_date),
    )


def _step(row: Any) -> pb.Step:  # noqa: ANN401  # a row of the history
    return pb.Step(
        occurred_time=timestamp(row.occurred_time), from_state=row.from_state or "", to_state=row.to_state, person=row.person or ""
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
