"""What is left to do after an operation, by authority, as its coordinator sees it: flags and counts, and what owners have told.

No text of an observation and no measure that its owner keeps to itself is here (workflows 4.4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.controls.domain.checklists import authorities, behind, measures
from services.controls.domain.findings import Observation, SecondWave, State
from services.controls.domain.measures import Measure
from services.controls.domain.operation_life import is_reminder_due, missing
from services.controls.domain.operations import Operation
from services.kernel.clock import STOCKHOLM


@dataclass(frozen=True, slots=True)
class AuthorityWork:
    """What one authority has told, found, done and decided; `overdue` are codes: summary, measures, second_wave."""

    authority: str
    summary_delivered: bool
    seen: tuple[Observation, ...]
    measures_open: int
    measures_overdue: int
    told: tuple[Measure, ...]
    undecided: int
    overdue: tuple[str, ...]


def after_work(operation: Operation, seen: Sequence[Observation], taken: Sequence[Measure], now: datetime) -> Iterable[AuthorityWork]:
    """One row for each authority that takes part or has left something."""
    today, reminded = now.astimezone(STOCKHOLM).date(), is_reminder_due(operation, now)
    told, untold = {one.party for one in operation.summaries}, behind(operation, missing(operation))
    for authority in dict.fromkeys((*authorities(operation), *(one.unit for one in seen), *(one.authority for one in taken))):
        observations = tuple(one for one in seen if one.unit == authority and one.state is State.RECORDED)
        own = [one for one in taken if one.authority == authority]
        undecided = [one for one in observations if one.second_wave is SecondWave.UNDECIDED]
        due = today - timedelta(days=measures().second_wave_days)
        late = {
            "summary": reminded and authority in untold,
            "measures": any(one.is_overdue(today) for one in own),
            "second_wave": any(one.observed_date < due for one in undecided),
        }
        yield AuthorityWork(
            authority,
            authority in behind(operation, told),
            observations,
            sum(one.is_open for one in own),
            sum(one.is_overdue(today) for one in own),
            tuple(one for one in own if one.terms.tells),
            len(undecided),
            tuple(code for code, is_late in late.items() if is_late),
        )
