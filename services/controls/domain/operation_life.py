"""The life of an operation: one table of who may take it from where to where and on what conditions, and the acts that move in it.

Source: workflows 4.1. The acts of the day are its field lead's: a person named in the plan, not a role.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.controls.domain import visits
from services.controls.domain.checklists import checklists
from services.controls.domain.operations import Answer, Operation, Part, State, Summary
from services.controls.domain.parties import own_units, word_of
from services.controls.domain.plan import Plan, RiskLevel, sound_plan
from services.controls.domain.visits import VisitAct, VisitState
from services.kernel.callers import Role
from services.kernel.cells import written
from services.kernel.errors import Conflict, Invalid
from services.kernel.identity import require_no_identity_number
from services.kernel.life import Actor, Life, steps

PARTICIPANTS_MIN = 2
RISK_LENGTH_MAX = 500
TOLD_LENGTH_MAX = 100


class Act(StrEnum):
    """What can be done with an operation."""

    PLAN = "plan"
    CONFIRM = "confirm"
    BRIEF = "brief"
    START = "start"
    COMPLETE = "complete"
    REPORT = "report"
    FOLLOW_UP = "follow_up"
    CLOSE = "close"
    POSTPONE = "postpone"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Briefing:
    """The lead's risk assessment and where the day begins; who asks signs it."""

    risk_level: RiskLevel | None
    risk_measures: str
    assembly_point: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do after an operation."""

    measures_open: int = 0
    second_wave_undecided: int = 0
    handed_over_to: str = ""


# --- guards ---------------------------------------------------------------------------------------------------------------------


def _has_visits(operation: Operation, _: object, __: Actor) -> None:
    if not operation.visits:
        raise Conflict("visits: lägg till minst ett objekt först.")


def _two_take_part(operation: Operation, _: object, __: Actor) -> None:
    if operation.participants < PARTICIPANTS_MIN:
        raise Conflict("participations: minst två ska delta. Kommunens egen förvaltning räknas när den har en egen grund.")


def _all_answered(operation: Operation, override_reason: str, _: Actor) -> None:
    if any(participation.reply is None for participation in operation.participations) and not override_reason:
        raise Conflict("override_reason: alla inbjudna har inte svarat. Vänta, eller skriv varför insatsen bekräftas ändå.")


def _by_the_lead(operation: Operation, _: object, actor: Actor) -> None:
    if not operation.plan.field_lead:
        raise Conflict("field_lead: ange först vem som är insatsledare.")
    if actor.person != operation.plan.field_lead:
        raise Conflict("field_lead: det här gör insatsledaren.")


def _risk_assessed(operation: Operation, asked: Briefing, actor: Actor) -> None:
    if asked.risk_level is None:
        raise Invalid("risk_level: ange låg, medel eller hög risk.")
    if asked.risk_level is not RiskLevel.LOW and not asked.risk_measures:
        raise Invalid("risk_measures: skriv vad ni gör för att dagen ska bli säker.")
    require_no_identity_number("risk_measures", asked.risk_measures, actor.today)
    if not asked.assembly_point:
        raise Invalid("assembly_point: ange var ni samlas.")
    if replace(operation.plan, start=asked.start).days != operation.plan.days:
        raise Invalid("start_time: en annan dag kräver nya svar. Skjut upp insatsen först.")


def _so_far(operation: Operation, time: datetime, actor: Actor) -> None:
    visits.step_time(time, operation.plan.start, actor.now)


def _begun_that_day(operation: Operation, time: datetime, _: Actor) -> None:
    if replace(operation.plan, start=time).days[0] != operation.plan.days[0]:
        raise Invalid("occurred_time: insatsen börjar den dag som den är planerad.")


def _visits_ended(operation: Operation, time: datetime, _: Actor) -> None:
    waiting = [str(visit.position) for visit in operation.visits if visit.state in {VisitState.SCHEDULED, VisitState.ON_SITE}]
    if waiting:
        raise Conflict(f"visits: skriv först hur det gick vid besök {', '.join(waiting)}.")
    if any(visit.left_time is not None and time < visit.left_time for visit in operation.visits):
        raise Invalid("occurred_time: insatsen slutar inte före det sista besöket.")


def _all_delivered(operation: Operation, _: object, __: Actor) -> None:
    waited_for = missing(operation)
    if waited_for:
        raise Conflict(f"summaries: det saknas återrapport från {', '.join(map(word_of, waited_for))}.")


def _second_wave_decided(_: Operation, left: Left, __: Actor) -> None:
    if left.second_wave_undecided:
        raise Conflict("second_wave: för några brister är det inte bestämt om någon annan ska få veta.")


def _no_measure_open(_: Operation, left: Left, actor: Actor) -> None:
    if left.measures_open and not left.handed_over_to:
        raise Conflict("handed_over_to: åtgärder är inte avslutade. Följ dem till slutet, eller skriv vem som har tagit över dem.")
    require_no_identity_number("handed_over_to", left.handed_over_to, actor.today)


# --- the table --------------------------------------------------------------------------------------------------------------------

COORDINATOR = (Role.LOS_COORDINATOR,)
LEADS = (Role.LOS_COORDINATOR, Role.INSPECTOR)
BEFORE_THE_DAY = (State.DRAFT, State.PLANNED, State.CONFIRMED, State.BRIEFED)
LIFE: Life[State] = Life(
    steps(Act.PLAN, (State.DRAFT, State.POSTPONED), State.PLANNED, COORDINATOR, _has_visits, _two_take_part),
    steps(Act.CONFIRM, (State.PLANNED,), State.CONFIRMED, COORDINATOR, _all_answered),
    steps(Act.BRIEF, (State.CONFIRMED,), State.BRIEFED, LEADS, _by_the_lead, _risk_assessed),
    steps(Act.START, (State.BRIEFED,), State.IN_PROGRESS, LEADS, _by_the_lead, _so_far, _begun_that_day),
    steps(Act.COMPLETE, (State.IN_PROGRESS,), State.COMPLETED, LEADS, _by_the_lead, _so_far, _visits_ended),
    steps(Act.REPORT, (State.COMPLETED,), State.REPORTED, COORDINATOR, _all_delivered),
    steps(Act.FOLLOW_UP, (State.REPORTED,), State.FOLLOWED_UP, COORDINATOR, _second_wave_decided),
    steps(Act.CLOSE, (State.FOLLOWED_UP,), State.CLOSED, COORDINATOR, _no_measure_open),
    steps(Act.POSTPONE, BEFORE_THE_DAY, State.POSTPONED, COORDINATOR),
    steps(Act.CANCEL, (*BEFORE_THE_DAY, State.POSTPONED), State.CANCELLED, COORDINATOR),
)


# --- the acts -----------------------------------------------------------------------------------------------------------------------


def invite(operation: Operation, party: str, actor: Actor) -> Operation:
    """One more invited; a draft that two may take part in is planned, and the invitations go out. Raises Conflict, Invalid."""
    invited = operation.with_invitation(party)
    if invited.state is not State.DRAFT or invited.participants < PARTICIPANTS_MIN:
        return invited
    return replace(invited, state=LIFE.walk(Act.PLAN, (State.DRAFT, State.PLANNED), invited, None, actor)[-1])


def update_plan(operation: Operation, plan: Plan, actor: Actor) -> Operation:
    """The operation with what is known of its plan put right; a postponed one is planned again, and all are asked for the new days.

    Once it is confirmed the days stay: those who said yes said it for them. Raises Conflict, or Invalid with the field first.
    """
    if operation.state not in {State.DRAFT, State.PLANNED, State.POSTPONED, State.CONFIRMED, State.BRIEFED}:
        LIFE.walk(Act.PLAN, (operation.state, State.PLANNED), operation, None, actor)
    plan = sound_plan(plan, actor.now, None if operation.state is State.POSTPONED else operation.plan.start)
    moved = plan.days != operation.plan.days
    if moved and operation.state in {State.CONFIRMED, State.BRIEFED}:
        raise Conflict("planned_start: en annan dag kräver nya svar. Skjut upp insatsen först.")
    if moved or operation.state is State.POSTPONED:  # what was reasoned and signed was about the old days
        plan = replace(plan, override_reason="", risk_level=None, risk_measures="", risk_signed_by="", risk_signed_time=None)
    changed = operation.changed(plan=plan)
    if operation.state is State.POSTPONED:
        changed = replace(changed, state=LIFE.walk(Act.PLAN, (State.POSTPONED, State.PLANNED), changed, None, actor)[-1])
    return changed.asked_again(actor.now) if moved or operation.state is State.POSTPONED else changed


def confirm(operation: Operation, override_reason: str, actor: Actor) -> Operation:
    """The operation will take place. Raises Conflict while somebody has not answered and no reason is given to go on."""
    reason = override_reason.strip()
    return _moved(operation, Act.CONFIRM, State.CONFIRMED, reason, actor, override_reason=reason)


def brief(operation: Operation, asked: Briefing, actor: Actor) -> Operation:
    """The lead has assessed the risks and signs. Raises Invalid with the field first, Conflict when somebody else is the lead."""
    asked = replace(
        asked,
        risk_measures=written("risk_measures", asked.risk_measures, RISK_LENGTH_MAX),
        assembly_point=written("assembly_point", asked.assembly_point, TOLD_LENGTH_MAX),
    )
    known = {"risk_level": asked.risk_level, "risk_measures": asked.risk_measures, "start": asked.start}
    signed = {"assembly_point": asked.assembly_point, "risk_signed_by": actor.person, "risk_signed_time": actor.now}
    briefed = _moved(operation, Act.BRIEF, State.BRIEFED, asked, actor, **known, **signed)
    return replace(briefed, plan=sound_plan(briefed.plan, actor.now, operation.plan.start))


def start(operation: Operation, time: datetime, actor: Actor) -> Operation:
    """The day has begun."""
    return _moved(operation, Act.START, State.IN_PROGRESS, time, actor, began_time=time)


def complete(operation: Operation, time: datetime, actor: Actor) -> Operation:
    """The day is over; from now each participant tells what it found."""
    return replace(_moved(operation, Act.COMPLETE, State.COMPLETED, time, actor, ended_time=time), completed_time=actor.now)


def report(operation: Operation, actor: Actor) -> Operation:
    """Everybody has told; the visits wait for their measures. Raises Conflict while somebody has not."""
    reported = _moved(operation, Act.REPORT, State.REPORTED, None, actor)
    return _visits_moved(reported, VisitAct.FOLLOW, VisitState.MEASURES_PENDING, actor)


def follow_up(operation: Operation, left: Left, actor: Actor) -> Operation:
    """It is decided of each deficiency whether somebody else is told."""
    return _moved(operation, Act.FOLLOW_UP, State.FOLLOWED_UP, left, actor)


def close(operation: Operation, left: Left, actor: Actor) -> Operation:
    """No measure is open, or somebody else follows them."""
    left = replace(left, handed_over_to=written("handed_over_to", left.handed_over_to, TOLD_LENGTH_MAX))
    closed = _moved(operation, Act.CLOSE, State.CLOSED, left, actor, handed_over_to=left.handed_over_to)
    return _visits_moved(closed, VisitAct.CLOSE, VisitState.CLOSED, actor)


def postpone(operation: Operation, actor: Actor) -> Operation:
    """Not on these days; new ones are not yet known. What was told of the plan is withdrawn."""
    return _moved(operation, Act.POSTPONE, State.POSTPONED, None, actor)


def cancel(operation: Operation, actor: Actor) -> Operation:
    """The operation will not take place; everything offered is withdrawn."""
    return _moved(operation, Act.CANCEL, State.CANCELLED, None, actor)


def require_lead(operation: Operation, actor: Actor) -> None:
    """Raises Conflict unless the day goes on and the actor leads it."""
    if operation.state is not State.IN_PROGRESS:
        raise Conflict("state: insatsen pågår inte.")
    _by_the_lead(operation, None, actor)


# --- what each tells after the day --------------------------------------------------------------------------------------------------


def reporters(operation: Operation) -> tuple[str, ...]:
    """Who tells after the day: the unit itself, when it inspects, and all that said yes to more than planning."""
    own = [operation.unit] if operation.own_control_ground_id else []
    replies = ((one.receiver_kind, one.reply) for one in operation.participations)
    came = (
        kind for kind, reply in replies if reply is not None and reply.answer is Answer.ACCEPTED and reply.part is not Part.PLANNING_ONLY
    )
    return (*own, *came)


def missing(operation: Operation) -> tuple[str, ...]:
    """Who has not told yet."""
    told = {summary.party for summary in operation.summaries}
    return tuple(party for party in reporters(operation) if party not in told)


def is_reminder_due(operation: Operation, now: datetime) -> bool:
    """Whether somebody has not told, and the days for it have gone."""
    if operation.state is not State.COMPLETED or operation.completed_time is None or not missing(operation):
        return False
    return now >= operation.completed_time + visits.settings().reminder


def summarise(operation: Operation, summary: Summary, *, nothing_to_report: bool, unit: str, actor: Actor) -> Operation:
    """The operation with what one participant tells; again in place of what it told before, until all is reported.

    A unit's own inspector tells for the unit; what an authority outside says another way, the coordinator enters with who said it.
    Raises Invalid with the field first, or Conflict.
    """
    if operation.state is not State.COMPLETED:
        raise Conflict("state: återrapporten lämnas när insatsen är genomförd, innan den är återrapporterad.")
    if summary.party not in reporters(operation):
        raise Invalid("party: den som du anger deltog inte.")
    if summary.party in own_units():
        if actor.role is not Role.INSPECTOR or unit != summary.party:
            raise Invalid("party: förvaltningens egen inspektör lämnar dess återrapport.")
    elif actor.role is not Role.LOS_COORDINATOR or unit != operation.unit:
        raise Invalid("party: samordnaren skriver in det som en annan myndighet har sagt.")
    elif not summary.told_by or not told_in_time(operation, summary.told_date, actor.today):
        raise Invalid("told_by: skriv vem på myndigheten som sade det, och vilken dag efter insatsen.")
    if bool(summary.areas) == nothing_to_report:
        raise Invalid("areas: ange områden med brister, eller att det inte finns något att rapportera.")
    if any(area not in checklists().areas for area in summary.areas):
        raise Invalid("areas: området finns inte i listan.")
    require_no_identity_number("told_by", summary.told_by, actor.today)
    others = (one for one in operation.summaries if one.party != summary.party)
    return operation.changed(summaries=(*others, summary))


def told_in_time(operation: Operation, day: date | None, today: date) -> bool:
    """Whether a day lies between the operation and today."""
    return day is not None and operation.plan.days[0] <= day <= today


def _visits_moved(operation: Operation, act: VisitAct, after: VisitState, actor: Actor) -> Operation:
    return replace(operation, visits=tuple(visits.moved_on(visit, act, after, actor) for visit in operation.visits))


def _moved(operation: Operation, act: Act, after: State, asked: object, actor: Actor, **known: object) -> Operation:
    """The next revision, in its next state and with what is now known of its plan."""
    LIFE.walk(act, (operation.state, after), operation, asked, actor)
    plan = replace(operation.plan, **known)  # type: ignore[arg-type]  # names are checked by the calls above
    return operation.changed(state=after, plan=plan)
