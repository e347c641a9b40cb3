"""What sharing is asked to tell whom about an operation, and with which facts.

Step 1, the invitation, is open facts: its type has no place for an object, a place, a person or a time of day (brake B8). Step 2, the
plan of one visit, goes only to those who said yes, on site, with an own ground, and only when the kommun has a ground of its own. The
plan of a visit to an enskild firma goes to nobody: its address is often its owner's home, and nobody has looked whether the owner is
protected (sharing-matrix 1.4 and 9).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.controls.domain.operations import OVER, Answer, Offer, Operation, Outcome, State, Step
from services.controls.domain.parties import authority_of, own_units
from services.controls.domain.visits import Visit
from services.kernel.clock import STOCKHOLM
from services.kernel.reference import reference

PLAN_SECRECY = "17:1"


@dataclass(frozen=True, slots=True)
class InvitationFacts:
    """Set INV of sharing-matrix 4.1; whole Swedish days."""

    reference: str
    window_start: date
    window_end: date
    participating_authorities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Set PLAN: one visit, secret under OSL 17:1. Only of a company (sharing-matrix 1.4)."""

    reference: str
    window_start: datetime
    window_end: datetime
    participating_authorities: tuple[str, ...]
    meeting_point: str
    object_org_number: str
    object_trade_name: str | None
    object_address: str
    safety_code: str
    own_legal_ground_id: str


def invitation_facts(operation: Operation) -> InvitationFacts:
    """What the invitation to an operation says."""
    return InvitationFacts(
        operation.label,
        operation.plan.start.astimezone(STOCKHOLM).date(),
        operation.plan.end.astimezone(STOCKHOLM).date(),
        _participating(operation),
    )


def plan_facts(operation: Operation, visit: Visit) -> PlanFacts:
    """What the plan of one visit says; nothing of the other visits."""
    place = visit.object.object
    assert not place.may_be_a_home  # noqa: S101  # such a visit is never offered
    return PlanFacts(
        operation.label,
        operation.plan.start.astimezone(STOCKHOLM),
        operation.plan.end.astimezone(STOCKHOLM),
        _participating(operation),
        operation.plan.assembly_point,
        str(place.org_number),
        place.trading_name or place.company_name or None,
        place.address,
        operation.plan.safety_code,
        operation.own_control_ground_id,
    )


_TOLD_OF_PLAN = frozenset(State) - {State.DRAFT, State.PLANNED, State.POSTPONED, State.CANCELLED}


def wanted(operation: Operation) -> Iterator[Offer]:
    """The offers that an operation as it stands calls for. A draft invites nobody, and what is postponed invites nobody more.

    After the day only what has been told stands: nobody decides any more on what was for the day alone.
    """
    if operation.state is State.CANCELLED:
        return
    if operation.state in OVER:
        yield from (offer for offer in operation.offers if not offer.withdrawn and offer.outcome is not Outcome.NOTHING)
        return
    invited = {offer.receiver_kind for offer in operation.offers if offer.step is Step.INVITATION and not offer.withdrawn}
    for participation in operation.participations:
        kind = participation.receiver_kind
        if kind in own_units():
            continue  # it reads the operation here
        if operation.state not in {State.DRAFT, State.POSTPONED} or kind in invited:
            yield Offer(Step.INVITATION, operation.id, kind)
        reply = participation.reply
        if operation.state in _TOLD_OF_PLAN and operation.own_control_ground_id and reply is not None and reply.opens_plan:
            for visit in operation.visits:
                if not visit.object.object.may_be_a_home and not visit.again:  # of a second try those on site know
                    yield Offer(Step.PLAN, visit.id, kind)


def changed_offers(operation: Operation, before: Operation | None = None) -> tuple[Offer, ...]:
    """The offers that are new, made again or withdrawn since `operation.offers` were written, each with its next revision.

    Also those that tell something else than they did `before`: the days of an invitation, the place and hours of a plan.
    """
    made = {offer.key: offer for offer in operation.offers}
    called_for = {offer.key: offer for offer in wanted(operation)}
    other = {step for step in Step if before is not None and before.offers and _told(before, step) != _told(operation, step)}
    again = (
        offer if key not in made else replace(offer, revision=made[key].revision + 1)
        for key, offer in called_for.items()
        if key not in made or made[key].withdrawn or offer.step in other
    )
    gone = (
        replace(offer, revision=offer.revision + 1, withdrawn=True)
        for key, offer in made.items()
        if key not in called_for and not offer.withdrawn
    )
    return (*again, *gone)


def _told(operation: Operation, step: Step) -> object:
    plan = operation.plan
    return plan.days if step is Step.INVITATION else (plan.start, plan.end, plan.assembly_point, plan.safety_code)


def why_no_plan(operation: Operation) -> str:
    """Swedish: why nobody is told the plan of a confirmed operation, or of some of its visits; empty when every visit's is told."""
    if operation.state not in _TOLD_OF_PLAN:
        return ""
    if not operation.own_control_ground_id:
        return "Planen lämnas inte till någon: insatsen har ingen egen grund för tillsyn."
    if not any(participation.reply is not None and participation.reply.opens_plan for participation in operation.participations):
        return "Planen lämnas inte till någon: ingen inbjuden deltar på plats med egen rättslig grund."
    untold = [str(visit.position) for visit in operation.visits if visit.object.object.may_be_a_home]
    if untold:
        return f"Planen för besök {', '.join(untold)} lämnas inte till någon: utan ett bolag på platsen kan adressen vara någons hem."
    return ""


def _participating(operation: Operation) -> tuple[str, ...]:
    known = reference()
    invited = (
        authority_of(participation.receiver_kind)
        for participation in operation.participations
        if participation.reply is None or participation.reply.answer is Answer.ACCEPTED
    )
    return (known.units[operation.unit].authority, *invited)
