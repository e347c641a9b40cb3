"""The life of a suspected payment: one table of states, two tracks beside it, and the acts that move in them.

Source: workflows 6.1, sharing-matrix 5.2, 5.5 and 8. Beyond the drawing of 6.1: a preliminary check that finds nothing is dismissed (an
innocent person need not be told of a suspicion), a flag may be withdrawn, and a protected person stops everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from services.kernel.callers import Role
from services.kernel.life import SYSTEM, Actor, Life, Moved, handled, months_after, reasoned, steps
from services.kernel.protection import Protection
from services.registry.domain import payment_guards as guard
from services.registry.domain.payment import (
    POLICE,
    POLICE_REPORT,
    RECORD_KIND,
    Assessed,
    Assessment,
    Communication,
    Correction,
    Decision,
    Investigation,
    Notice,
    Payment,
    Police,
    PoliceReport,
    Recovery,
    State,
)
from services.registry.domain.record import Offer, Offered, ProtectionCheck

KEEP_MONTHS = 60  # as part of a personakt: five years after the last entry; erased only on the kommun's decision


class Act(StrEnum):
    """What can be done with a suspected payment."""

    ASSESS = "assess"
    OPEN_INVESTIGATION = "open_investigation"
    COMMUNICATE = "communicate"
    DECIDE = "decide"
    CORRECT = "correct"
    DECIDE_RECOVERY = "decide_recovery"
    RECORD_RECOVERY = "record_recovery"
    REPORT_CRIME = "report_crime"
    CLOSE = "close"
    WITHDRAW = "withdraw"
    BLOCK = "block"
    ARRIVE = "arrive"


INVESTIGATOR = (Role.FUT_INVESTIGATOR,)
MANAGER = (Role.FUT_MANAGER,)  # decides as the nämnd's delegate
EITHER = (*INVESTIGATOR, *MANAGER)
# At any time from the preliminary check a notice may turn out to be due, or a crime be suspected; and either may turn out not to be.
GOES_ON = (
    State.PRELIMINARY_CHECK,
    State.INVESTIGATION_OPEN,
    State.COMMUNICATED,
    State.NO_ERROR,
    State.ERROR_NO_RECOVERY,
    State.ERROR_RECOVERY,
    State.RECOVERY_DECIDED,
    State.PAID,
    State.INSTALMENT,
    State.COURT_ACTION,
)
DECISIONS = (State.NO_ERROR, State.ERROR_NO_RECOVERY, State.ERROR_RECOVERY)
RECOVERY = (State.PAID, State.INSTALMENT, State.COURT_ACTION)
_OPEN = (State.FLAGGED, State.INTAKE_REVIEW, State.AUTHORITY_ERROR, State.CORRECTED, *GOES_ON)
_TELLS = (guard.no_conflict, reasoned, guard.reason_to_assume, guard.crime_is_ours)
_SILENT = (guard.no_conflict, reasoned, guard.tells_nobody, guard.crime_is_ours)
_DECIDES = (guard.heard, guard.delegated)

LIFE: Life[State] = Life(
    # act, from, to, who, guards. A flag starts as flagged, by a case officer, an investigator or a file.
    steps(Act.ASSESS, (State.FLAGGED,), State.INTAKE_REVIEW, INVESTIGATOR),
    steps(Act.ASSESS, (State.INTAKE_REVIEW,), State.DISMISSED, INVESTIGATOR, *_SILENT),
    steps(Act.ASSESS, (State.INTAKE_REVIEW,), State.PRELIMINARY_CHECK, INVESTIGATOR, *_TELLS),
    *(steps(Act.ASSESS, (state,), state, INVESTIGATOR, *_TELLS) for state in GOES_ON),
    steps(Act.ASSESS, (State.PRELIMINARY_CHECK,), State.DISMISSED, INVESTIGATOR, *_SILENT),
    steps(Act.ASSESS, (State.PRELIMINARY_CHECK,), State.AUTHORITY_ERROR, INVESTIGATOR, *_SILENT),
    steps(Act.ASSESS, (State.INTAKE_REVIEW, *GOES_ON), State.BLOCKED_PROTECTED, INVESTIGATOR, guard.no_conflict, reasoned),
    # Our own error is a normal outcome.
    steps(Act.CORRECT, (State.AUTHORITY_ERROR,), State.CORRECTED, INVESTIGATOR, guard.corrected_in_time),
    steps(
        Act.OPEN_INVESTIGATION,
        (State.PRELIMINARY_CHECK, State.INVESTIGATION_OPEN),  # again, when more methods are needed
        State.INVESTIGATION_OPEN,
        INVESTIGATOR,
        guard.no_conflict,
        guard.lawful_methods,
    ),
    steps(Act.COMMUNICATE, (State.INVESTIGATION_OPEN,), State.COMMUNICATED, INVESTIGATOR),
    steps(Act.DECIDE, (State.COMMUNICATED,), State.NO_ERROR, MANAGER, *_DECIDES, guard.no_error_is_nobodys),
    steps(Act.DECIDE, (State.COMMUNICATED,), State.ERROR_NO_RECOVERY, MANAGER, *_DECIDES, guard.fault_is_named),
    steps(
        Act.DECIDE,
        (State.COMMUNICATED,),
        State.ERROR_RECOVERY,
        MANAGER,
        *_DECIDES,
        guard.fault_is_named,
        guard.amount_is_confirmed,
    ),
    steps(
        Act.DECIDE_RECOVERY,
        (State.ERROR_RECOVERY,),
        State.RECOVERY_DECIDED,
        MANAGER,
        guard.delegated,
        guard.recovery_has_its_ground,
    ),
    *(steps(Act.RECORD_RECOVERY, (State.RECOVERY_DECIDED,), state, EITHER) for state in RECOVERY),
    steps(
        Act.CLOSE,
        (State.CORRECTED, State.NO_ERROR, State.ERROR_NO_RECOVERY, *RECOVERY),
        State.CLOSED,
        EITHER,
        guard.no_duty_left,
    ),
    steps(Act.WITHDRAW, (State.FLAGGED, State.PRELIMINARY_CHECK), State.WITHDRAWN, INVESTIGATOR, guard.no_duty_left),
    steps(Act.BLOCK, _OPEN, State.BLOCKED_PROTECTED, SYSTEM),  # the mark of protection came with the same case
)
FINAL = frozenset(state for state, after in LIFE.next.items() if not after)

# Beside the state: the notices to the bodies that decided other benefits ...
NOTICES: Life[Notice] = Life(
    steps(Act.ASSESS, (Notice.NONE, Notice.SENT), Notice.DUE, INVESTIGATOR),
    steps(Act.ASSESS, (Notice.DUE,), Notice.NONE, INVESTIGATOR),
    steps(Act.ASSESS, (Notice.DUE,), Notice.SENT, INVESTIGATOR),  # the others have theirs, and this one is no longer claimed
    steps(Act.WITHDRAW, (Notice.DUE,), Notice.NONE, INVESTIGATOR),
    steps(Act.WITHDRAW, (Notice.DUE,), Notice.SENT, INVESTIGATOR),
    steps(Act.BLOCK, (Notice.DUE,), Notice.NONE, SYSTEM),
    steps(Act.BLOCK, (Notice.DUE,), Notice.SENT, SYSTEM),
    steps(Act.ARRIVE, (Notice.NONE, Notice.DUE), Notice.SENT, SYSTEM),  # from none: it had left before it was taken back
)
# ... and the report of a crime. It is due as soon as there is suspicion; a block leaves the duty with the named unit.
REPORTS: Life[Police] = Life(
    steps(Act.ASSESS, (Police.NONE,), Police.DUE, INVESTIGATOR),
    steps(Act.ASSESS, (Police.DUE,), Police.NONE, INVESTIGATOR),
    steps(Act.REPORT_CRIME, (Police.DUE, Police.FILED), Police.FILED, MANAGER, guard.filed_as_it_should),  # again, with Polisen's number
    steps(Act.REPORT_CRIME, (Police.FILED,), Police.FEEDBACK, MANAGER),
    steps(Act.REPORT_CRIME, (Police.FEEDBACK,), Police.CLOSED, MANAGER),
    steps(Act.ARRIVE, (Police.DUE,), Police.FILED, SYSTEM),  # the manager has written when and how before the reference goes (W3)
    steps(Act.ARRIVE, (Police.FILED,), Police.FEEDBACK, SYSTEM),
    steps(Act.ARRIVE, (Police.FEEDBACK,), Police.CLOSED, SYSTEM),
)
TOLD_BY_POLICE: tuple[Police, ...] = (Police.DUE, Police.FILED, Police.FEEDBACK, Police.CLOSED)


@dataclass(frozen=True, slots=True)
class Task:
    """A duty that is not done: not one option among others (workflows I4). The text is sharing-matrix 9's."""

    code: str
    citation: str
    text: str


def tasks(payment: Payment) -> tuple[Task, ...]:
    """What the nämnd has to do with this payment, by law."""
    if payment.police is not Police.DUE:
        return ()
    citation = "6 § bidragsbrottslagen (2007:612)"
    text = (
        f"Brott kan misstänkas. Då ska ni anmäla till Polisen ({citation}). Skriv anmälan i verksamhetssystemet och skicka den på "
        "Polisens vanliga väg. Ange här när och hur. Ingen uppgift om personen går härifrån."
    )
    return (Task("M14", citation, text),)


# --- the acts -----------------------------------------------------------------------------------------------------------------------


def assess(payment: Payment, asked: Assessed, check: ProtectionCheck, actor: Actor) -> Moved[Payment]:
    """The payment as assessed. A protected person stops everything; the kommun's own error is told to nobody.

    Raises Conflict when it cannot be assessed now, Invalid when a guard is not met.
    """
    protected = check.result is Protection.PROTECTED
    wanted = payment.state if asked.assessment is Assessment.ONGOING else State(asked.assessment)
    path = LIFE.walk(Act.ASSESS, _assessed(payment.state, State.BLOCKED_PROTECTED if protected else wanted), payment, asked, actor)
    offers = () if protected else _offers(asked)
    if offers or check.result is Protection.NONE:
        check.require_fresh(actor.now)
    report: tuple[Police, ...] = ()
    if not protected and asked.crime_suspected is (payment.police is Police.NONE):
        after = Police.DUE if asked.crime_suspected else Police.NONE
        report = REPORTS.walk(Act.ASSESS, (payment.police, after), payment, asked, actor)
    content = replace(payment.content, assessed=asked)
    return _moved(replace(payment, content=content, protection_check=check), Act.ASSESS, path, actor, offers, report)


def _assessed(before: State, after: State) -> tuple[State, ...]:
    """The states an assessment passes through: the assessing person is who takes a flag in."""
    path = [before]
    if before is State.FLAGGED and after is not State.FLAGGED:
        path.append(State.INTAKE_REVIEW)
        if after is State.AUTHORITY_ERROR:
            path.append(State.PRELIMINARY_CHECK)
    return (*path, after)


def _offers(asked: Assessed) -> tuple[Offer, ...]:
    report = (Offer(POLICE_REPORT, POLICE),) if asked.crime_suspected else ()
    return (*(Offer(RECORD_KIND, other.deciding_body) for other in asked.other_benefits), *report)


Told = Investigation | Communication | Decision | Correction | Recovery | None
_KEPT_AS: Mapping[type[object], str] = {
    Investigation: "investigation",
    Communication: "communication",
    Decision: "decision",
    Correction: "correction",
    Recovery: "recovery",
}


def move(payment: Payment, act: Act, after: State, asked: Told, actor: Actor) -> Moved[Payment]:
    """The payment after an act that says something of the case itself. What is offered stays offered, and a method once used stays told.

    Raises Conflict when it cannot be done now or by this role, Invalid when a guard is not met.
    """
    path = LIFE.walk(act, (payment.state, after), payment, asked, actor)
    if isinstance(asked, Investigation) and payment.content.investigation is not None:
        asked = payment.content.investigation.and_also(asked)
    said: dict[str, Any] = {} if asked is None else {_KEPT_AS[type(asked)]: asked}
    return _moved(replace(payment, content=replace(payment.content, **said)), act, path, actor, payment.content.offered.offers)


def report_crime(payment: Payment, after: Police, asked: PoliceReport | None, actor: Actor) -> Moved[Payment]:
    """The payment with its police report filed, answered or closed. The state is as it was."""
    report = REPORTS.walk(Act.REPORT_CRIME, (payment.police, after), payment, asked, actor)
    content = payment.content if asked is None else replace(payment.content, police_report=asked)
    return _moved(replace(payment, content=content), Act.REPORT_CRIME, (), actor, payment.content.offered.offers, report)


def notice_arrived(payment: Payment, receiver_kind: str, actor: Actor) -> Moved[Payment]:
    """The payment as one body has its notice."""
    told = tuple(dict.fromkeys((*payment.content.told, receiver_kind)))
    if told == payment.content.told:
        return Moved(payment)
    return _arrived(replace(payment, content=replace(payment.content, told=told)), actor)


def report_arrived(payment: Payment, how_far: Police, actor: Actor) -> Moved[Payment]:
    """The payment as Polisen has the reference, or has said something; words may come in any order."""
    if payment.police not in TOLD_BY_POLICE or TOLD_BY_POLICE.index(payment.police) >= TOLD_BY_POLICE.index(how_far):
        return Moved(payment)
    path = TOLD_BY_POLICE[TOLD_BY_POLICE.index(payment.police) : TOLD_BY_POLICE.index(how_far) + 1]
    return _arrived(payment, actor, REPORTS.walk(Act.ARRIVE, path, payment, None, replace(actor, role=None)))


def _arrived(payment: Payment, actor: Actor, report: tuple[Police, ...] = ()) -> Moved[Payment]:
    """What came back changes no state, no offer and nobody's handling."""
    notice = _notice(payment, Act.ARRIVE, payment.content.offered.offers, replace(actor, role=None))
    return _tracked(replace(payment, revision=payment.revision + 1), (), notice, report)


def block(payment: Payment, check: ProtectionCheck, actor: Actor) -> Moved[Payment]:
    """The payment of somebody who was found to be protected after it was registered. A final state stays; the check hides it."""
    path: tuple[State, ...] = ()
    if LIFE.leads(Act.BLOCK, payment.state, State.BLOCKED_PROTECTED):
        path = LIFE.walk(Act.BLOCK, (payment.state, State.BLOCKED_PROTECTED), payment, None, replace(actor, role=None))
    return _moved(replace(payment, protection_check=check), Act.BLOCK, path, replace(actor, role=None))


def withdraw(payment: Payment, actor: Actor) -> Moved[Payment]:
    """The payment as withdrawn, with no offer left. Raises Conflict when it cannot be."""
    path = LIFE.walk(Act.WITHDRAW, (payment.state, State.WITHDRAWN), payment, None, actor)
    return _moved(payment, Act.WITHDRAW, path, actor)


def due_date(before: Payment, after: Payment, today: date) -> date | None:
    """The day by which something is to be done with a payment; None when nothing waits.

    A notice or a police report is due from the day that the duty is known; a decision when the person's time to answer is out.
    """
    if _has_duty(after):
        return before.due_date or today if _has_duty(before) else today
    if after.state is State.COMMUNICATED and after.content.communication is not None:
        return after.content.communication.answer_due_date
    return None


def _has_duty(payment: Payment) -> bool:
    return payment.notice is Notice.DUE or payment.police is Police.DUE


def _moved(
    payment: Payment,
    act: Act,
    path: tuple[State, ...],
    actor: Actor,
    offers: tuple[Offer, ...] = (),
    report: tuple[Police, ...] = (),
) -> Moved[Payment]:
    """A new revision at the end of the path. An assessment offers anew, at this revision; other acts offer nothing again."""
    revision, offered = payment.revision + 1, payment.content.offered
    if act is Act.ASSESS or offers != offered.offers:
        offered = Offered(revision, offers)
    after = path[-1] if path else payment.state
    by = handled(payment.content.handled_by, actor.person)
    content = replace(payment.content, handled_by=by, offered=offered)
    purge_date = months_after(actor.today, KEEP_MONTHS) if path and after in FINAL - {State.BLOCKED_PROTECTED} else payment.purge_date
    moved = replace(payment, state=after, revision=revision, content=content, officer=actor.person, purge_date=purge_date)
    return _tracked(moved, path, _notice(payment, act, offers, actor), report)


def _notice(payment: Payment, act: Act, offers: tuple[Offer, ...], actor: Actor) -> tuple[Notice, ...]:
    """Due while a body that is to be told has not been; sent when all have."""
    bodies, told = {offer.receiver_kind for offer in offers if offer.record_kind == RECORD_KIND}, set(payment.content.told)
    after = Notice.DUE if bodies - told else Notice.SENT if told else Notice.NONE
    return () if after is payment.notice else NOTICES.walk(act, (payment.notice, after), payment, None, actor)


def _tracked(payment: Payment, path: tuple[State, ...], notice: tuple[Notice, ...], report: tuple[Police, ...]) -> Moved[Payment]:
    """With the tracks at the ends of their own paths."""
    tracks: dict[str, tuple[Any, ...]] = {name: passed for name, passed in (("notice", notice), ("police", report)) if passed}
    ends: dict[str, Any] = {name: passed[-1] for name, passed in tracks.items()}
    return Moved(replace(payment, **ends), path, tracks)
