"""What is left to do after an operation, by authority, as its coordinator sees it: flags and counts, and what owners have told.

No text of an observation and no measure that its owner keeps to itself is here (workflows 4.4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.controls.domain.checklists import authorities, measures
from services.controls.domain.findings import Observation, SecondWave, State
from services.controls.domain.measures import Measure
from services.controls.domain.operations import Operation


@dataclass(frozen=True, slots=True)
class AuthorityWork:
    """What one authority has found, done and decided; `overdue` are codes: measures, second_wave."""

    authority: str
    seen: tuple[Observation, ...]
    measures_open: int
    measures_overdue: int
    told: tuple[Measure, ...]
    undecided: int
    overdue: tuple[str, ...]


def after_work(operation: Operation, seen: Sequence[Observation], taken: Sequence[Measure], today: date) -> Iterable[AuthorityWork]:
    """One row for each authority that takes part or has left something."""
    known = authorities(operation)
    for authority in dict.fromkeys((*known, *(one.unit for one in seen), *(one.authority for one in taken))):
        observations = tuple(one for one in seen if one.unit == authority and one.state is State.RECORDED)
        own = [one for one in taken if one.authority == authority]
        undecided = [one for one in observations if one.second_wave is SecondWave.UNDECIDED]
        due = today - timedelta(days=measures().second_wave_days)
        late = {
            "measures": any(one.is_overdue(today) for one in own),
            "second_wave": any(one.observed_date < due for one in undecided),
        }
        yield AuthorityWork(
            authority,
            observations,
            sum(one.is_open for one in own),
            sum(one.is_overdue(today) for one in own),
            tuple(one for one in own if one.terms.tells),
            len(undecided),
            tuple(code for code, is_late in late.items() if is_late),
        )
