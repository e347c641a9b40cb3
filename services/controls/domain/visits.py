"""The life of one visit of an operation, and the steps that its field lead takes on the day (workflows 4.1 and 4.2).

A step says when it was done by the lead's own clock: it may be sent later, or twice, when the connection is bad. Who was checked is never
kept, only how many: each authority has that in a protocol of its own.
"""

import tomllib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from services.controls.domain.objects import StoredObject
from services.kernel.callers import Role
from services.kernel.clock import SKEW_MAX, STOCKHOLM
from services.kernel.errors import Conflict, Invalid
from services.kernel.life import SYSTEM, Actor, Life, steps
from services.kernel.reference import reference

RECORD_KIND = "control_visit"
PERSONS_MAX = 1000


class VisitState(StrEnum):
    """Where a visit is."""

    SCHEDULED = "scheduled"
    ON_SITE = "on_site"
    DONE = "done"
    MEASURES_PENDING = "measures_pending"
    CLOSED = "closed"
    NOT_OPEN = "not_open"
    ABORTED = "aborted"

    @property
    def is_missed(self) -> bool:
        """Whether the object may be visited anew."""
        return self in {VisitState.NOT_OPEN, VisitState.ABORTED}


class VisitAct(StrEnum):
    """What can be done with a visit."""

    START = "start"
    FINISH = "finish"
    FOLLOW = "follow"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """When a crew is to come to a visit of an operation and when it is to leave, as a coordinator has decided."""

    visit_id: UUID
    crew: str
    arrival: datetime
    leave: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """One object of the operation. `again`: nobody opened, or it had to be left, earlier the same day."""

    id: UUID
    position: int
    object: StoredObject
    state: VisitState = VisitState.SCHEDULED
    revision: int = 1
    again: bool = False
    arrived_time: datetime | None = None
    left_time: datetime | None = None
    persons_checked_count: int | None = None
    reason_code: str = ""

    @property
    def done_date(self) -> date | None:
        """The Swedish day on which the object was controlled; None when it was not."""
        done = self.state in {VisitState.DONE, VisitState.MEASURES_PENDING, VisitState.CLOSED}
        return self.left_time.astimezone(STOCKHOLM).date() if done and self.left_time is not None else None


@dataclass(frozen=True, slots=True)
class PreviousVisit:
    """A visit that an object has had, of an operation that is over."""

    visit_id: UUID
    operation_id: UUID
    label: str
    day: date


@dataclass(frozen=True, slots=True)
class Finish:
    """How a visit ended. `reason_code`: why it had to be left, one of the reference data's."""

    outcome: VisitState
    time: datetime
    persons_checked_count: int | None = None
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a kommun may want otherwise: days."""

    reminder: timedelta


@cache
def settings() -> Settings:
    """Of operations.toml, read once."""
    data: dict[str, Any] = tomllib.loads(Path(__file__).with_name("operations.toml").read_text(encoding="utf-8"))
    return Settings(timedelta(days=data["reminder_days"]))


def _in_time(visit: Visit, asked: Finish, _: Actor) -> None:
    if visit.arrived_time is not None and asked.time < visit.arrived_time:
        raise Invalid("occurred_time: besöket slutar inte innan det har börjat.")


def _counted(_: Visit, asked: Finish, __: Actor) -> None:
    if asked.persons_checked_count is not None and not 0 <= asked.persons_checked_count <= PERSONS_MAX:
        raise Invalid(f"persons_checked_count: ange ett antal från 0 till {PERSONS_MAX}.")


def _why_left(_: Visit, asked: Finish, __: Actor) -> None:
    if asked.reason_code not in reference().abort_reasons:
        raise Invalid("reason_code: ange varför besöket avbröts, med en kod ur listan.")


_LEADS = frozenset({Role.LOS_COORDINATOR, Role.INSPECTOR})
_BEFORE_END = (VisitState.SCHEDULED, VisitState.ON_SITE)
LIFE: Life[VisitState] = Life(
    steps(VisitAct.START, (VisitState.SCHEDULED,), VisitState.ON_SITE, _LEADS),
    steps(VisitAct.FINISH, (VisitState.ON_SITE,), VisitState.DONE, _LEADS, _in_time, _counted),
    steps(VisitAct.FINISH, _BEFORE_END, VisitState.NOT_OPEN, _LEADS, _in_time),
    steps(VisitAct.FINISH, _BEFORE_END, VisitState.ABORTED, _LEADS, _in_time, _why_left),
    steps(VisitAct.FOLLOW, (VisitState.DONE,), VisitState.MEASURES_PENDING, SYSTEM),
    steps(VisitAct.CLOSE, (VisitState.MEASURES_PENDING,), VisitState.CLOSED, SYSTEM),
)


def step_time(said: datetime | None, planned_start: datetime, now: datetime) -> datetime:
    """When a step of the day was done: as the lead says, or now. Raises Invalid outside the day so far."""
    time = said or now
    if time > now + SKEW_MAX:
        raise Invalid("occurred_time: tidpunkten ligger i framtiden.")
    day = planned_start.astimezone(STOCKHOLM).replace(hour=0, minute=0, second=0, microsecond=0)
    if time < day:
        raise Invalid("occurred_time: tidpunkten ligger före insatsens dag.")
    return time


def start(visit: Visit, time: datetime, actor: Actor, *, said: bool) -> Visit:
    """The visit as it has begun; as it is, when the same has been told before. Raises Conflict when something else has."""
    if visit.state is VisitState.ON_SITE:
        if said and visit.arrived_time != time:
            raise Conflict("occurred_time: besöket har redan börjat, vid en annan tid.")
        return visit
    LIFE.walk(VisitAct.START, (visit.state, VisitState.ON_SITE), visit, time, actor)
    return replace(visit, state=VisitState.ON_SITE, revision=visit.revision + 1, arrived_time=time)


def finish(visit: Visit, asked: Finish, actor: Actor, *, said: bool) -> Visit:
    """The visit as it has ended; as it is, when the same has been told before. Raises Conflict when something else has, or Invalid."""
    if asked.outcome is not VisitState.DONE:
        asked = replace(asked, persons_checked_count=None)
    if asked.outcome is not VisitState.ABORTED:
        asked = replace(asked, reason_code="")
    if visit.state is asked.outcome:
        known = (visit.persons_checked_count, visit.reason_code)
        if known != (asked.persons_checked_count, asked.reason_code) or (said and visit.left_time != asked.time):
            raise Conflict("outcome: besöket har redan avslutats, med andra uppgifter.")
        return visit
    LIFE.walk(VisitAct.FINISH, (visit.state, asked.outcome), visit, asked, actor)
    return replace(
        visit,
        state=asked.outcome,
        revision=visit.revision + 1,
        left_time=asked.time,
        persons_checked_count=asked.persons_checked_count,
        reason_code=asked.reason_code,
    )


def moved_on(visit: Visit, act: VisitAct, after: VisitState, actor: Actor) -> Visit:
    """The visit as its operation takes it along; as it is, when it does not lead there."""
    if not LIFE.leads(act, visit.state, after):
        return visit
    LIFE.walk(act, (visit.state, after), visit, None, replace(actor, role=None))
    return replace(visit, state=after, revision=visit.revision + 1)
