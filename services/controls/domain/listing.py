"""Which operations a list is of."""

from dataclasses import dataclass
from datetime import date, datetime

from services.controls.domain.operations import Operation, State


@dataclass(frozen=True, slots=True)
class Listing:
    """Which operations are asked for: in these states (none: all), on Swedish days, and with reminders due since an instant.

    `invited`: those that the unit is invited to, instead of those that it plans; `inspected`: also those of its own where it inspects.
    """

    states: tuple[State, ...] = ()
    from_date: date | None = None
    to_date: date | None = None
    reminded_before: datetime | None = None
    invited: bool = False
    inspected: bool = False

    def takes(self, one: Operation) -> bool:
        """Whether an operation that is not over is asked for."""
        day = one.plan.days[0]
        in_time = (self.from_date is None or day >= self.from_date) and (self.to_date is None or day <= self.to_date)
        return in_time and self.reminded_before is None and (not self.states or one.state in self.states)
