"""The table of a life: states, the acts that lead from one to the next, who may, and the guards on the way."""

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, Generic, Self, TypeVar

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.errors import Conflict, Invalid

HANDLED_BY_MAX = 20


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts and when: the principal, their role (None for the system itself), the instant and the Swedish day."""

    person: str
    role: Role | None
    now: datetime
    today: date

    @classmethod
    def of(cls, asking: Caller, clock: Clock) -> Self:
        """Whoever asks, now."""
        return cls(asking.principal, asking.role, clock.now(), clock.today())


State = TypeVar("State", bound=StrEnum)
Guard = Callable[[Any, Any, Actor], None]
"""Takes the record, what is asked and who asks. Raises Invalid with the field first, or Conflict, when the step may not be taken."""
SYSTEM: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """One row of a life: an act takes a record from a state to the next, by these roles (none: the system), when its guards hold."""

    act: str
    before: State
    after: State
    who: frozenset[Role]
    guards: tuple[Guard, ...] = ()


def steps(act: str, before: Iterable[State], after: State, who: Iterable[Role], *guards: Guard) -> tuple[Step[State], ...]:
    """The same step from several states."""
    return tuple(Step(act, state, after, frozenset(who), guards) for state in before)


def reasoned(_: object, asked: Any, __: Actor) -> None:  # noqa: ANN401  # an assessment of either kind
    """A guard of both lives: an assessment says what it rests on."""
    if not asked.reasons:
        raise Invalid("reasons: skriv vad bedömningen grundas på.")


class Life(Generic[State]):
    """A table of states, and the only way to move in it."""

    def __init__(self, *rows: Sequence[Step[State]]) -> None:
        """No two rows have the same act, before and after."""
        self.rows = tuple(row for group in rows for row in group)
        self._row = {(row.act, row.before, row.after): row for row in self.rows}
        assert len(self._row) == len(self.rows)  # noqa: S101  # a fault in the table

    def walk(self, act: str, path: Sequence[State], record: object, asked: object, actor: Actor) -> tuple[State, ...]:
        """The path, when every step of it stands in the table for this act and this role, and every guard on the way holds.

        A path of one state is no step. Raises Conflict when the table has no such step, and what the guards raise.
        """
        rows = [self._row.get((act, before, after)) for before, after in pairwise(path)]
        taken = [row for row in rows if row is not None and (actor.role in row.who if row.who else actor.role is None)]
        if not rows or len(taken) < len(rows):
            raise Conflict("state: det går inte att göra i det läge som ärendet är i nu.")
        for guard in dict.fromkeys(guard for row in taken for guard in row.guards):
            guard(record, asked, actor)
        return tuple(path)

    def leads(self, act: str, before: State, after: State) -> bool:
        """Whether the table has this step."""
        return (act, before, after) in self._row

    def who(self, act: str) -> frozenset[Role]:
        """Every role that may do something of this act."""
        return frozenset(role for row in self.rows if row.act == act for role in row.who)

    @property
    def next(self) -> Mapping[State, frozenset[State]]:
        """Every state that the table names, and where it leads."""
        states = dict.fromkeys(state for row in self.rows for state in (row.before, row.after))
        return {state: frozenset(row.after for row in self.rows if row.before is state) for state in states}


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Moved(Generic[R]):
    """A record as an act left it, and the states that it passed through, for its history; also those of each track beside the state.

    Nothing passed: the state is as it was.
    """

    record: R
    path: tuple[Any, ...] = ()
    tracks: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def handled(by: tuple[str, ...], person: str) -> tuple[str, ...]:
    """Everybody who has handled the case, each once; the latest are kept."""
    return tuple(dict.fromkeys((*by, person)))[-HANDLED_BY_MAX:]


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
