"""A tip about a place or a business that may need a control: what came in, and its life until an operation takes the object up.

Source: workflows 4.1 and 4.2. A tip is never about a person. It stays in the unit that registered it: sharing-matrix has no flow for a tip.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Self
from uuid import UUID

from services.kernel.callers import Role
from services.kernel.cells import written
from services.kernel.clock import SKEW_MAX, STOCKHOLM
from services.kernel.errors import Conflict, ConflictReason, Invalid
from services.kernel.identity import holds_identity_number, require_no_identity_number
from services.kernel.life import SYSTEM, Actor, Guard, Life, Moved, months_after, steps
from services.kernel.reference import TipReason, Word, Words, reference

RECORD_KIND = "control_tip"
SUMMARY_LENGTH_MAX = 1000
GROUND_LENGTH_MAX = 200
SUSPICIONS_MAX = 10
KEEP_MONTHS = 12  # after receipt; erased only on the kommun's decision (workflows 4.2)
# What can be refused surely. Words about health, origin and religion have no honest automatic judge: the message tells the rule.
RULE = "Skriv bara om platsen och verksamheten, inget om personers hälsa, ursprung eller religion."
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
_MOBILE = re.compile(r"(?<!\d)(?:(?:\+|00)46[\s-]?(?:\(0\))?|0)7[02369](?:[\s-]?\d){7}(?!\d)", re.ASCII)


class State(StrEnum):
    """Where a tip is."""

    RECEIVED = "received"
    ASSESSED = "assessed"
    PRIORITISED = "prioritised"
    PLANNED_IN = "planned_in"
    REJECTED = "rejected"
    PARKED = "parked"
    FORWARDED = "forwarded"


class Act(StrEnum):
    """What can be done with a tip."""

    ASSESS = "assess"
    PRIORITISE = "prioritise"
    PARK = "park"
    REJECT = "reject"
    FORWARD = "forward"
    PLAN_IN = "plan_in"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class TipWords:
    """The lists that users choose from."""

    source_types: Words[Word]
    suspicion_types: Words[Word]
    reliabilities: Words[Word]
    relevances: Words[Word]
    reasons: Words[TipReason]


@cache
def tip_words() -> TipWords:
    """Those of the reference data."""
    known = reference()
    return TipWords(known.tip_sources, known.suspicion_types, known.reliabilities, known.relevances, known.tip_reasons)


@dataclass(frozen=True, slots=True)
class Assessed:
    """The coordinator's assessment. The grounds are those of authorities that may control this (the control grounds)."""

    reliability: str
    relevance: str
    control_ground_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """Why it was prioritised, parked or rejected, and when the police operational coordinator was consulted."""

    reason: str
    police_consulted_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A person has sent it to one authority alone, another way than this system."""

    receiver_kind: str
    ground: str
    forwarded_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What is sealed of a tip."""

    suspicion_types: tuple[str, ...]
    summary: str
    assessed: Assessed | None = None
    decided: Decided | None = None
    forwarded: Forwarded | None = None
    operation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Tip:
    """A tip of one unit about one object."""

    id: UUID
    unit: str
    object_id: UUID
    source_type: str
    received_time: datetime
    registered_by: str
    registered_time: datetime
    content: Content
    state: State = State.RECEIVED
    revision: int = 1

    @classmethod
    def received(
        cls, tip_id: UUID, unit: str, source_type: str, received_time: datetime, suspicion_types: Sequence[str], summary: str, actor: Actor
    ) -> Self:
        """A new tip, whose object is still to be found. Raises Invalid, field first."""
        words = tip_words()
        source = words.source_types.find(source_type)
        if source is None:
            raise Invalid(f"source_type: välj något av: {', '.join(words.source_types.words)}.")
        found = [words.suspicion_types.find(code) for code in suspicion_types]
        codes = tuple(dict.fromkeys(word.code for word in found if word is not None))
        if not codes or None in found or len(codes) > SUSPICIONS_MAX:
            raise Invalid(f"suspicion_types: välj något av: {', '.join(words.suspicion_types.words)}.")
        if received_time > actor.now + SKEW_MAX:
            raise Invalid("received_time: tiden har inte varit än.")
        if months_after(received_time.astimezone(STOCKHOLM).date(), KEEP_MONTHS) <= actor.today:
            raise Invalid("received_time: tipset är äldre än ett år och skulle redan ha gallrats.")
        content = Content(codes, screened(summary, actor.today))
        return cls(tip_id, unit, tip_id, source.code, received_time, actor.person, actor.now, content)

    @property
    def purge_date(self) -> date:
        """When it may be erased: a year after receipt."""
        return months_after(self.received_time.astimezone(STOCKHOLM).date(), KEEP_MONTHS)

    @property
    def authorities(self) -> tuple[str, ...]:
        """Receiver kinds that have a ground to control what it is about."""
        grounds = self.content.assessed.control_ground_ids if self.content.assessed else ()
        return tuple(dict.fromkeys(reference().control_grounds[code].authority_kind for code in grounds))

    def require_etag(self, etag: str) -> None:
        """Raises Conflict ETAG when somebody has changed the tip since it was read."""
        if etag != str(self.revision):
            raise Conflict("etag: tipset har ändrats sedan du läste det. Hämta det igen.", reason=ConflictReason.ETAG)


def screened(summary: str, today: date) -> str:
    """The fact of a tip, as it may be kept. Raises Invalid."""
    text = written("summary", summary, SUMMARY_LENGTH_MAX)
    if not text:
        raise Invalid(f"summary: uppgiften saknas. {RULE}")
    if holds_identity_number(text, today):
        raise Invalid(f"summary: skriv inga personnummer. {RULE}")
    if _MAIL.search(text) or _MOBILE.search(text):
        raise Invalid(f"summary: skriv inga telefonnummer eller e-postadresser. {RULE}")
    return text


# --- guards ---------------------------------------------------------------------------------------------------------------------


def _words_are_known(_: Tip, asked: Assessed, __: Actor) -> None:
    words = tip_words()
    if asked.reliability not in words.reliabilities:
        raise Invalid(f"reliability: välj något av: {', '.join(words.reliabilities.words)}.")
    if asked.relevance not in words.relevances:
        raise Invalid(f"relevance: välj något av: {', '.join(words.relevances.words)}.")
    if any(code not in reference().control_grounds for code in asked.control_ground_ids):
        raise Invalid("control_ground_ids: ange grunder ur listan över grunder för kontroll.")


def _reason_of(act: Act) -> Guard:
    def guard(_: Tip, asked: Decided, __: Actor) -> None:
        reasons = [reason for reason in tip_words().reasons if act in reason.decisions]
        if asked.reason not in {reason.code for reason in reasons}:
            raise Invalid(f"reason: välj något av: {', '.join(reason.word for reason in reasons)}.")

    return guard


def _police_consulted(tip: Tip, asked: Decided, actor: Actor) -> None:
    when = asked.police_consulted_time
    if when is None or not tip.received_time <= when <= actor.now + SKEW_MAX:
        raise Invalid("police_consulted_time: ange när Polisens samordnare rådfrågades, efter att tipset kom in.")


def _somebody_may_control(tip: Tip, _: Decided, __: Actor) -> None:
    if not tip.authorities:
        raise Invalid("control_ground_ids: ingen myndighet har angetts som har laglig grund att kontrollera. Bedöm tipset igen.")


def _sent_another_way(tip: Tip, asked: Forwarded, actor: Actor) -> None:
    if asked.receiver_kind not in reference().receivers:
        raise Invalid("receiver_kind: ange vilken myndighet som fick tipset.")
    if not asked.ground:
        raise Invalid("ground: ange lag och paragraf som tipset lämnades med stöd av.")
    require_no_identity_number("ground", asked.ground, actor.today)
    if asked.forwarded_time is None or not tip.received_time <= asked.forwarded_time <= actor.now + SKEW_MAX:
        raise Invalid("forwarded_time: ange när tipset lämnades, efter att det kom in.")


# --- the table --------------------------------------------------------------------------------------------------------------------

COORDINATOR = (Role.LOS_COORDINATOR,)
LIFE: Life[State] = Life(
    # act, from, to, who, guards. A tip may be assessed again while nothing has been decided on it, and when it has been parked.
    steps(Act.ASSESS, (State.RECEIVED, State.ASSESSED, State.PARKED), State.ASSESSED, COORDINATOR, _words_are_known),
    steps(
        Act.PRIORITISE,
        (State.ASSESSED,),
        State.PRIORITISED,
        COORDINATOR,
        _reason_of(Act.PRIORITISE),
        _police_consulted,
        _somebody_may_control,
    ),
    steps(Act.PARK, (State.ASSESSED,), State.PARKED, COORDINATOR, _reason_of(Act.PARK), _police_consulted),
    steps(Act.REJECT, (State.ASSESSED,), State.REJECTED, COORDINATOR, _reason_of(Act.REJECT), _police_consulted),
    steps(Act.FORWARD, (State.ASSESSED,), State.FORWARDED, COORDINATOR, _sent_another_way),
    # An operation takes the object up, or will not take place after all.
    steps(Act.PLAN_IN, (State.PRIORITISED,), State.PLANNED_IN, SYSTEM),
    steps(Act.RELEASE, (State.PLANNED_IN,), State.PRIORITISED, SYSTEM),
)
DECISIONS = {Act.PRIORITISE: State.PRIORITISED, Act.PARK: State.PARKED, Act.REJECT: State.REJECTED}
COUNTED = (State.ASSESSED, State.PRIORITISED)
"""States in which a tip says something of whether its object should be controlled."""


# --- the acts -----------------------------------------------------------------------------------------------------------------------


def assess(tip: Tip, asked: Assessed, actor: Actor) -> Moved[Tip]:
    """The tip as assessed. Raises Conflict when it cannot be now, Invalid when a word is unknown."""
    words = tip_words()
    found = Assessed(
        getattr(words.reliabilities.find(asked.reliability), "code", ""),
        getattr(words.relevances.find(asked.relevance), "code", ""),
        tuple(dict.fromkeys(asked.control_ground_ids)),
    )
    return _moved(Act.ASSESS, tip, State.ASSESSED, found, actor, assessed=found)


def decide(tip: Tip, act: Act, asked: Decided, actor: Actor) -> Moved[Tip]:
    """The tip as prioritised, parked or rejected."""
    found = replace(asked, reason=getattr(tip_words().reasons.find(asked.reason), "code", ""))
    return _moved(act, tip, DECISIONS[act], found, actor, decided=found)


def forward(tip: Tip, asked: Forwarded, actor: Actor) -> Moved[Tip]:
    """The tip as sent to one authority alone."""
    receiver = reference().receivers.find(asked.receiver_kind)
    found = replace(asked, receiver_kind=receiver.code if receiver else "", ground=written("ground", asked.ground, GROUND_LENGTH_MAX))
    return _moved(Act.FORWARD, tip, State.FORWARDED, found, actor, forwarded=found)


def plan_in(tip: Tip, operation_id: UUID, actor: Actor) -> Moved[Tip]:
    """The tip as taken up: an operation visits its object."""
    return _moved(Act.PLAN_IN, tip, State.PLANNED_IN, None, replace(actor, role=None), operation_id=operation_id)


def release(tip: Tip, actor: Actor) -> Moved[Tip]:
    """The tip as waiting again: the operation does not take place."""
    return _moved(Act.RELEASE, tip, State.PRIORITISED, None, replace(actor, role=None), operation_id=None)


def _moved(act: Act, tip: Tip, after: State, asked: object, actor: Actor, **content: object) -> Moved[Tip]:
    path = LIFE.walk(act, (tip.state, after), tip, asked, actor)
    changed = replace(tip.content, **content)  # type: ignore[arg-type]  # names are checked by the calls above
    return Moved(replace(tip, content=changed, state=after, revision=tip.revision + 1), path)
