"""The day of an operation as the route sees it: stops, crews, who is there when; and the timetable that comes out.

Minutes are whole and counted from the start of the day, which is the operation's planned start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.controls.domain.opening_hours import Window


@dataclass(frozen=True, slots=True)
class Place:
    """SWEREF 99 TM, metres."""

    north_m: int
    east_m: int


@dataclass(frozen=True, slots=True)
class Travel:
    """Minutes from metres: the straight line, made longer as roads are, at one speed, and a fixed time to park and gather."""

    detour_factor: float
    speed_kmh: float
    parking_minutes: int
    unknown_place_minutes: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit to be made. `place` None: no coordinates. `windows` None: the opening hours are unknown, so they bind nothing.

    `needs` are receiver kinds and competences that must be there; `people` how many the crew must be.
    """

    id: UUID
    place: Place | None
    minutes: int
    windows: tuple[Window, ...] | None = None
    needs: frozenset[str] = frozenset()
    people: int = 1


@dataclass(frozen=True, slots=True)
class Crew:
    """Those who travel together: what they have among them, and how many they are."""

    name: str
    has: frozenset[str] = frozenset()
    people: int = 2


@dataclass(frozen=True, slots=True)
class Day:
    """All that the route is made from. `available` tells when a need can be met; one that is not named can be met all day.

    `assembly` None: nobody knows where the assembly point is, and travel from it is as to an unknown place.
    """

    minutes: int
    assembly: Place | None
    stops: tuple[Stop, ...]
    crews: tuple[Crew, ...]
    available: Mapping[str, tuple[Window, ...]]
    travel: Travel
    visits_max: int


class Rule(StrEnum):
    """What may keep a visit out of the timetable."""

    COMPETENCE = "competence"
    OPENING_HOURS = "opening_hours"
    AVAILABILITY = "availability"
    VISITS_MAX = "visits_max"
    DAY_LENGTH = "day_length"


RULE_WORDS: Mapping[Rule, str] = {
    Rule.COMPETENCE: "inget lag som har de myndigheter, kompetenser och det antal personer som besöket kräver räcker till",
    Rule.OPENING_HOURS: "öppettiderna",
    Rule.AVAILABILITY: "tiderna då de myndigheter som besöket kräver kan vara med",
    Rule.VISITS_MAX: "det högsta antalet besök",
    Rule.DAY_LENGTH: "dagens längd",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One stop of a crew's day. `waiting` is between arrival and `start`; `travel` is from the place before."""

    stop: UUID
    crew: str
    travel: int
    arrival: int
    start: int
    leave: int

    @property
    def waiting(self) -> int:
        """Minutes at the place before it can begin."""
        return self.start - self.arrival


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A stop that the timetable has no room for. Lifting any one of `rules` would give it room; none: no single one would."""

    stop: UUID
    rules: tuple[Rule, ...]
    certain: bool = True
    """Whether that was proved, or the time was up."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """The calls, crew by crew in order. `optimal`: nothing better exists; otherwise it is the best that was found in time."""

    calls: tuple[Call, ...]
    left_out: tuple[LeftOut, ...]
    optimal: bool

    @property
    def travel(self) -> int:
        """Minutes of travel, all crews."""
        return sum(call.travel for call in self.calls)

    @property
    def waiting(self) -> int:
        """Minutes of waiting, all crews."""
        return sum(call.waiting for call in self.calls)

    @property
    def finish(self) -> int:
        """When the last crew is done; 0 when nobody is sent."""
        return max((call.leave for call in self.calls), default=0)
