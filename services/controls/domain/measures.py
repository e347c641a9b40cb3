"""What an authority does about what it found, followed to its end (workflows 4.1 and 4.2, Measure).

A measure of a unit is that unit's own to record, change and tell of. What an authority outside the kommun does is known only as far as it
tells: the coordinator enters that, marked with who told it and when.
"""

from collections import deque
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.controls.domain.checklists import MeasureType, checklists, measures
from services.kernel.callers import Role
from services.kernel.cells import written
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, ConflictReason, Invalid
from services.kernel.identity import require_no_identity_number
from services.kernel.life import Actor, Life, Moved, steps

RECORD_KIND = "measure"
DIARY_NO_LENGTH_MAX = 40
TOLD_BY_LENGTH_MAX = 100


class State(StrEnum):
    """Where a measure is."""

    INITIATED = "initiated"
    DECIDED = "decided"
    APPEALED = "appealed"
    LEGALLY_BINDING = "legally_binding"
    COMPLIED = "complied"
    NOT_COMPLIED = "not_complied"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


ENDED = frozenset({State.CLOSED, State.WITHDRAWN})
AFTER_DECISION = frozenset({State.DECIDED, State.APPEALED, State.LEGALLY_BINDING, State.COMPLIED, State.NOT_COMPLIED})


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of a measure besides its state. `tells`: the owner lets the coordinator see it; that is the owner's own decision."""

    amount_sek: Decimal | None = None
    decided_date: date | None = None
    diary_no: str = ""
    follow_up_date: date | None = None
    tells: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Who outside the kommun told of a measure, as a function and not a person, and on which day."""

    by: str
    date: date


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure after one visit. `authority` is the unit whose it is, or the receiver kind that told; `unit` keeps the row."""

    id: UUID
    operation_id: UUID
    visit_id: UUID
    unit: str
    authority: str
    measure_type: str
    visited_date: date
    registered_time: datetime
    terms: Terms = Terms()
    told: Told | None = None
    state: State = State.INITIATED
    revision: int = 1

    def require_etag(self, etag: str) -> None:
        """Raises Conflict ETAG when somebody has changed the measure since it was read."""
        if etag != str(self.revision):
            raise Conflict("etag: åtgärden har ändrats sedan du läste den. Hämta den igen.", reason=ConflictReason.ETAG)

    @property
    def kind(self) -> MeasureType:
        """What kind of measure it is."""
        return measures().types[self.measure_type]

    @property
    def is_open(self) -> bool:
        """Whether it has not come to its end."""
        return self.state not in ENDED

    def is_overdue(self, today: date) -> bool:
        """Whether it has been open for too long, or its day of follow-up has passed."""
        passed = self.terms.follow_up_date is not None and self.terms.follow_up_date < today
        return self.is_open and (passed or self.registered_time < too_old(today))


def too_old(today: date) -> datetime:
    """What is registered before this instant has been open for too long on a Swedish day."""
    return datetime.combine(today - timedelta(days=measures().open_days_max), time(), STOCKHOLM)


def _without_decision(measure: Measure, _: object, __: Actor) -> None:
    """Only what is no decision is closed without having been followed."""
    if measure.kind.decided:
        raise Conflict("state: åtgärden avslutas först när beslutet har följts, eller när det är klart att det inte följs.")


def _decision(measure: Measure, _: object, __: Actor) -> None:
    """What a decision says of itself."""
    if not measure.kind.decided:
        raise Conflict("measure_type: den sortens åtgärd är inget beslut. Avsluta den när den är klar.")
    if measure.terms.decided_date is None:
        raise Invalid("decided_date: uppgiften saknas.")
    if measure.told is None and not measure.terms.diary_no:
        raise Invalid("diary_no: uppgiften saknas.")
    if measure.kind.amount == "needed" and measure.terms.amount_sek is None:
        raise Invalid("amount_sek: uppgiften saknas.")


WHO = frozenset({Role.INSPECTOR, Role.LOS_COORDINATOR})
UPDATE = "update"
"""The one act of a measure; whose measure it is decides which of the two roles may do it."""
LIFE: Life[State] = Life(
    steps(UPDATE, (State.INITIATED,), State.DECIDED, WHO, _decision),
    steps(UPDATE, (State.INITIATED,), State.CLOSED, WHO, _without_decision),
    steps(UPDATE, (State.DECIDED,), State.APPEALED, WHO),
    steps(UPDATE, (State.DECIDED, State.APPEALED), State.LEGALLY_BINDING, WHO),
    steps(UPDATE, (State.LEGALLY_BINDING,), State.COMPLIED, WHO),
    steps(UPDATE, (State.LEGALLY_BINDING,), State.NOT_COMPLIED, WHO),
    steps(UPDATE, (State.COMPLIED, State.NOT_COMPLIED), State.CLOSED, WHO),
    steps(UPDATE, (State.INITIATED, State.DECIDED, State.APPEALED, State.LEGALLY_BINDING), State.WITHDRAWN, WHO),
)


def recorded(new: Measure, state: State, actor: Actor) -> Moved[Measure]:
    """A new measure, in the state that it has come to. Raises Invalid or Conflict, field first."""
    if not checklists().decides(new.authority, new.measure_type):
        raise Invalid("measure_type: den myndigheten beslutar inte om sådana åtgärder.")
    return _moved(_sound(new, actor.today), state, actor)


def updated(before: Measure, terms: Terms, state: State, actor: Actor, told: Told | None = None) -> Moved[Measure]:
    """A measure has come further, or what is known of it is put right. `told` replaces who told it last."""
    if not before.is_open:
        raise Conflict("state: åtgärden är avslutad.")
    after = replace(before, terms=terms, told=told or before.told, revision=before.revision + 1)
    return _moved(_sound(after, actor.today), state, actor)


def _moved(measure: Measure, state: State, actor: Actor) -> Moved[Measure]:
    if measure.state is state:
        if state in AFTER_DECISION:
            _decision(measure, None, actor)
        return Moved(measure)
    path = (measure.state, state) if measure.told is None else way(measure, state)
    return Moved(replace(measure, state=state), LIFE.walk(UPDATE, path, measure, None, actor))


def way(measure: Measure, state: State) -> tuple[State, ...]:
    """The shortest way to what an authority says of its measure: what it must have passed on the way. No way: both ends alone."""
    seen, waiting = {measure.state}, deque[tuple[State, ...]]([(measure.state,)])
    while waiting:
        path = waiting.popleft()
        if path[-1] is state:
            return path
        for after in sorted(LIFE.next.get(path[-1], frozenset()) - seen):
            if (path[-1], after) == (State.INITIATED, State.CLOSED) and measure.kind.decided:
                continue
            seen.add(after)
            waiting.append((*path, after))
    return measure.state, state


def _sound(measure: Measure, today: date) -> Measure:
    """The measure with its texts as they may be kept. Raises Invalid, field first."""
    terms, told = measure.terms, measure.told
    if terms.amount_sek is not None and measure.kind.amount == "none":
        raise Invalid("amount_sek: den sortens åtgärd har inget belopp.")
    if terms.decided_date is not None and not measure.visited_date <= terms.decided_date <= today:
        raise Invalid("decided_date: dagen ligger före besöket eller i framtiden.")
    if terms.follow_up_date is not None and terms.follow_up_date < (terms.decided_date or measure.visited_date):
        raise Invalid("follow_up_date: dagen ligger före beslutet.")
    diary_no = _screened("diary_no", terms.diary_no, DIARY_NO_LENGTH_MAX, today)
    if told is not None:
        by = _screened("told_by", told.by, TOLD_BY_LENGTH_MAX, today)
        if not by:
            raise Invalid("told_by: skriv vilken funktion hos myndigheten som har berättat.")
        if not measure.visited_date <= told.date <= today:
            raise Invalid("told_date: dagen ligger före besöket eller i framtiden.")
        told = Told(by, told.date)
    return replace(measure, terms=replace(terms, diary_no=diary_no), told=told)


def _screened(field: str, text: str, length_max: int, today: date) -> str:
    kept = written(field, text, length_max)
    require_no_identity_number(field, kept, today)
    return kept


def told_terms(terms: Terms) -> Terms:
    """What an authority outside tells: amount and date. The rest is its own."""
    return Terms(terms.amount_sek, terms.decided_date, tells=True)
