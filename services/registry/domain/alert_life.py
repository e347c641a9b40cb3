"""The life of an alert: one table of who may take it from where to where and on what conditions, and the acts that move in it.

Source: workflows 5.1; where sharing-matrix 2.1 and 5.1 differ they stand: Skatteverket never tells a result, so there is one closed state,
and what a landlord learns is beside the states, because it says nothing of where the alert is.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum

from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.life import SYSTEM, Actor, Life, Moved, handled, months_after, reasoned, steps
from services.kernel.protection import Protection
from services.kernel.reference import reference
from services.registry.domain.alert import RECEIVER_KIND, RECORD_KIND, Alert, Assessed, Assessment, State
from services.registry.domain.record import Offer, Offered, ProtectionCheck

KEEP_MONTHS = 12  # after it was closed, a proposal; erased only on the kommun's decision (workflows 5.1)


class Act(StrEnum):
    """What can be done with an alert."""

    COMPLETE = "complete"
    SCREEN = "screen"
    ASSESS = "assess"
    ARRIVE = "arrive"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    TAKE_BACK = "take_back"
    BLOCK = "block"


# --- guards ---------------------------------------------------------------------------------------------------------------------


def _facts_are_sound(_: Alert, asked: Assessed, actor: Actor) -> None:
    for fact in asked.own_facts:
        observation = reference().observations.find(fact.code)
        if observation is None or observation.weak or observation.code != fact.code:
            raise Invalid("own_facts: iakttagelsen finns inte i listan, eller räcker inte för en underrättelse.")
        if fact.from_date > actor.today:
            raise Invalid("own_facts: datumet ligger i framtiden.")


def _wrong_flat_checked(_: Alert, asked: Assessed, __: Actor) -> None:
    """The commonest innocent error comes first (workflows 5)."""
    if not asked.wrong_flat_checked:
        raise Invalid("wrong_flat_checked: kontrollera först om lägenhetsnumret är förväxlat.")


def _ground_to_assume(alert: Alert, asked: Assessed, _: Actor) -> None:
    """The question "kan det antas?" (sharing-matrix 1.4 and 2.1)."""
    if asked.assessment is not Assessment.ASSUME_ERROR:
        return
    if asked.suspected_error_kind not in reference().error_kinds:
        raise Invalid("suspected_error_kind: ange vilket fel i folkbokföringen som kan antas.")
    if not asked.concerns_contract_holder or not alert.content.report.contract_holder_id_number:
        raise Invalid("concerns_contract_holder: felet måste gälla en person med känt personnummer. Komplettera ärendet.")
    if alert.needs_review and not asked.own_facts:
        raise Invalid("own_facts: uppgiften kommer från någon annan. Ange en egen, daterad iakttagelse.")
    if not replace(alert, content=replace(alert.content, assessed=asked)).circumstances:
        raise Invalid("own_facts: det som har iakttagits räcker inte för en underrättelse. Ange en egen, daterad iakttagelse.")


def _points_to_a_payment(alert: Alert, asked: Assessed, _: Actor) -> None:
    if asked.payment_id is None:
        raise Invalid("payment_id: ange vilket ärende om utbetalning som uppgifterna hör till.")
    if alert.payment_id not in {None, asked.payment_id}:  # what stops the one stops the other, so the first pointer stays
        raise Invalid("payment_id: anmälan hör redan till ett annat ärende om utbetalning.")


def _told_by_skatteverket(alert: Alert, asked: str, _: Actor) -> None:
    if not asked and alert.state is State.NOTICE_SENT:
        raise Invalid("skv_reference: ange Skatteverkets referens. Ingen bekräftelse har kommit den vanliga vägen.")


# --- the table --------------------------------------------------------------------------------------------------------------------

OFFICERS = (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR)
# An assessment may be made again until the notice has gone: the register check of protection is only good for a day.
_ASSESSABLE = (State.SCREENED, State.ASSESSED)
_OPEN = (State.DRAFT, State.SUBMITTED, State.SCREENED, State.NEEDS_COMPLETION, State.ASSESSED)
_SENT = (State.NOTICE_SENT, State.ACKNOWLEDGED, State.INVESTIGATION_OPEN)
# Until the kommun has found something, the report is the landlord's to take back. What is found stays found.
LANDLORDS_OWN = frozenset({State.SUBMITTED, State.SCREENED, State.NEEDS_COMPLETION})
_ASSESSED = (_wrong_flat_checked, reasoned, _facts_are_sound)

LIFE: Life[State] = Life(
    # act, from, to, who, guards. A new report starts as submitted; a draft is made by a payment whose officer doubts the register.
    steps(Act.COMPLETE, (State.DRAFT, State.NEEDS_COMPLETION), State.SUBMITTED, OFFICERS),
    steps(Act.SCREEN, (State.SUBMITTED,), State.SCREENED, SYSTEM),  # formats, duplicates and free text: the form has judged them
    steps(Act.SCREEN, (State.SUBMITTED,), State.BLOCKED_PROTECTED, SYSTEM),
    steps(Act.ASSESS, _ASSESSABLE, State.ASSESSED, OFFICERS, *_ASSESSED, _ground_to_assume),
    steps(Act.ASSESS, (State.ASSESSED,), State.NO_ACTION, OFFICERS, *_ASSESSED),
    steps(Act.ASSESS, (State.ASSESSED,), State.REFERRED_TO_LANDLORD, OFFICERS, *_ASSESSED),
    steps(Act.ASSESS, (State.ASSESSED,), State.LINKED_TO_PAYMENT_CASE, OFFICERS, *_ASSESSED, _points_to_a_payment),
    steps(Act.ASSESS, _ASSESSABLE, State.NEEDS_COMPLETION, OFFICERS, reasoned, _facts_are_sound),
    steps(Act.ASSESS, _ASSESSABLE, State.BLOCKED_PROTECTED, OFFICERS, reasoned),
    # What the receiver's word makes of it: sharing tells. Skatteverket need not say that it has opened a case before it has closed it.
    steps(Act.ARRIVE, (State.ASSESSED,), State.NOTICE_SENT, SYSTEM),
    steps(Act.ARRIVE, (State.NOTICE_SENT,), State.ACKNOWLEDGED, SYSTEM),
    steps(Act.ARRIVE, (State.ACKNOWLEDGED,), State.INVESTIGATION_OPEN, SYSTEM),
    steps(Act.ARRIVE, (State.INVESTIGATION_OPEN,), State.CLOSED, SYSTEM),
    # What Skatteverket has told another way, or will not tell.
    steps(Act.CLOSE, (State.NOTICE_SENT,), State.ACKNOWLEDGED, OFFICERS, _told_by_skatteverket),
    steps(Act.CLOSE, (State.ACKNOWLEDGED, State.INVESTIGATION_OPEN), State.CLOSED, OFFICERS),
    steps(Act.WITHDRAW, (*_OPEN, *_SENT), State.WITHDRAWN, OFFICERS),
    steps(Act.TAKE_BACK, tuple(LANDLORDS_OWN), State.WITHDRAWN, (Role.LANDLORD_REPORTER,)),
    steps(Act.BLOCK, (*_OPEN, *_SENT), State.BLOCKED_PROTECTED, SYSTEM),  # the payment that made it is a protected person's
)
FINAL = frozenset(state for state, after in LIFE.next.items() if not after)

LEADS_TO: Mapping[Assessment, State] = {
    Assessment.ASSUME_ERROR: State.ASSESSED,
    Assessment.NOT_ENOUGH: State.NO_ACTION,
    Assessment.WRONG_FLAT: State.NO_ACTION,
    Assessment.NEEDS_COMPLETION: State.NEEDS_COMPLETION,
    Assessment.TENANCY_ONLY: State.REFERRED_TO_LANDLORD,
    Assessment.PAYMENT_CASE: State.LINKED_TO_PAYMENT_CASE,
}
# How far a receiver's word brings an alert.
ARRIVED: tuple[State, ...] = (State.ASSESSED, State.NOTICE_SENT, State.ACKNOWLEDGED, State.INVESTIGATION_OPEN, State.CLOSED)

# A landlord learns "Mottagen" and "Avslutad hos kommunen"; whether it went on says something about the tenant (sharing-matrix 2.1).
CLOSED_TO_LANDLORD = FINAL - {State.BLOCKED_PROTECTED} | frozenset(_SENT)


def shown_to_landlord(state: State, *, taken_back: bool) -> State:
    """The state as the reporting landlord sees it."""
    return State.NO_ACTION if taken_back or state in CLOSED_TO_LANDLORD else State.SUBMITTED


# --- the acts -----------------------------------------------------------------------------------------------------------------------


def screened(path: tuple[State, ...], protection: Protection, actor: Actor, record: Alert | None = None) -> tuple[State, ...]:
    """The states that a report passes through when it comes in or is completed. Raises Conflict when it cannot be completed now."""
    if len(path) > 1:
        LIFE.walk(Act.COMPLETE, path, record, None, actor)
    last = State.BLOCKED_PROTECTED if protection is Protection.PROTECTED else State.SCREENED
    return (*path, *LIFE.walk(Act.SCREEN, (path[-1], last), record, None, replace(actor, role=None))[1:])


def assess(alert: Alert, asked: Assessed, check: ProtectionCheck, actor: Actor) -> Moved[Alert]:
    """The alert as assessed. A protected person stops everything, whatever was found.

    Raises Conflict when the alert cannot be assessed now, Invalid when a guard is not met.
    """
    found = LEADS_TO[asked.assessment]
    if check.result is Protection.PROTECTED:
        path: tuple[State, ...] = (alert.state, State.BLOCKED_PROTECTED)
    elif found in {State.ASSESSED, State.NEEDS_COMPLETION} or alert.state is State.ASSESSED:
        path = (alert.state, found)
    else:
        path = (alert.state, State.ASSESSED, found)
    LIFE.walk(Act.ASSESS, path, alert, asked, actor)
    offers: tuple[Offer, ...] = ()
    if path[-1] is State.ASSESSED or check.result is Protection.NONE:
        check.require_fresh(actor.now)
    if path[-1] is State.ASSESSED:
        offers = (Offer(RECORD_KIND, RECEIVER_KIND),)
    content = replace(alert.content, assessed=asked)
    linked = asked.payment_id if path[-1] is State.LINKED_TO_PAYMENT_CASE else alert.payment_id
    return _moved(replace(alert, content=content, protection_check=check, payment_id=linked), path, actor, offers)


def arrive(alert: Alert, how_far: State, actor: Actor) -> Moved[Alert]:
    """The alert as its notice has gone out, been received, opened or closed at Skatteverket; words may come in any order."""
    if alert.state not in ARRIVED or ARRIVED.index(alert.state) >= ARRIVED.index(how_far):
        return Moved(alert)
    path = ARRIVED[ARRIVED.index(alert.state) : ARRIVED.index(how_far) + 1]
    LIFE.walk(Act.ARRIVE, path, alert, None, replace(actor, role=None))
    return Moved(replace(alert, state=path[-1], revision=alert.revision + 1, purge_date=_purge_date(path[-1], actor.today)), path)


def close(alert: Alert, skv_reference: str, actor: Actor) -> Moved[Alert]:
    """The alert as closed here. Raises Conflict when its notice has not gone, Invalid when nobody at Skatteverket has answered at all."""
    between = (State.ACKNOWLEDGED,) if alert.state is State.NOTICE_SENT else ()
    path: tuple[State, ...] = (alert.state, *between, State.CLOSED)
    LIFE.walk(Act.CLOSE, path, alert, skv_reference, actor)
    kept = replace(alert.content, skv_reference=skv_reference or alert.content.skv_reference)
    return _moved(replace(alert, content=kept), path, actor)


def withdraw(alert: Alert, actor: Actor) -> Moved[Alert]:
    """The alert as withdrawn, with no offer left. Raises Conflict when it cannot be."""
    path = LIFE.walk(Act.WITHDRAW, (alert.state, State.WITHDRAWN), alert, None, actor)
    return _moved(alert, path, actor)


def take_back(alert: Alert, actor: Actor) -> Moved[Alert]:
    """The alert as its landlord has taken it back: withdrawn while it is the landlord's own, otherwise as it is.

    To the landlord both are closed, so that nothing tells what the kommun has found. Raises Conflict when it is closed already.
    """
    if shown_to_landlord(alert.state, taken_back=alert.taken_back) is State.NO_ACTION:
        raise Conflict("state: ärendet är redan avslutat.")
    taken_back = replace(alert, taken_back=True)
    if alert.state not in LANDLORDS_OWN:
        return Moved(taken_back)
    path = LIFE.walk(Act.TAKE_BACK, (alert.state, State.WITHDRAWN), alert, None, actor)
    return _moved(taken_back, path, actor)


def block(alert: Alert, check: ProtectionCheck, actor: Actor) -> Moved[Alert]:
    """The alert of a person whose payment was found to be a protected person's. A final state stays; the check hides it all the same."""
    path: tuple[State, ...] = ()
    if LIFE.leads(Act.BLOCK, alert.state, State.BLOCKED_PROTECTED):
        path = LIFE.walk(Act.BLOCK, (alert.state, State.BLOCKED_PROTECTED), alert, None, replace(actor, role=None))
    return _moved(replace(alert, protection_check=check), path, actor)


def due_date(before: Alert, after: Alert, today: date) -> date | None:
    """Since when Skatteverket is to be told (FOL 32 c §: as soon as an error may be assumed), as long as that is not done."""
    return before.due_date or today if after.state is State.ASSESSED else None


def _moved(alert: Alert, path: tuple[State, ...], actor: Actor, offers: tuple[Offer, ...] = ()) -> Moved[Alert]:
    """A new revision at the end of the path, with these offers and no others; what is closed takes nothing back."""
    revision, offered = alert.revision + 1, alert.content.offered
    if not path or path[-1] is not State.CLOSED:
        offered = Offered(revision, offers)
    by = handled(alert.content.handled_by, actor.person)
    content = replace(alert.content, handled_by=by, offered=offered)
    after = path[-1] if path else alert.state
    purge_date = _purge_date(after, actor.today) or alert.purge_date
    return Moved(replace(alert, state=after, revision=revision, content=content, officer=actor.person, purge_date=purge_date), path)


def _purge_date(state: State, today: date) -> date | None:
    return months_after(today, KEEP_MONTHS) if state in FINAL and state is not State.BLOCKED_PROTECTED else None
