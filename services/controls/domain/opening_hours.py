"""Opening hours as users write them (`mån-fre 08-17`, `ons-lör 17-02, sön stängt`), read or said to be unreadable: never guessed."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from services.kernel.clock import STOCKHOLM

Window = tuple[int, int]
"""From and to, whole minutes."""

MINUTES_A_DAY = 24 * 60
ALWAYS: list[Window] = [(0, MINUTES_A_DAY)]
TIMES = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?-(\d{1,2})(?:[:.](\d{2}))?", re.ASCII)
DASH = re.compile(r"\s*(?:-|–|—|\btill\b)\s*")


@cache
def settings() -> Mapping[str, Any]:
    """What the route reckons with, and the words of opening hours (route.toml)."""
    return tomllib.loads(Path(__file__).with_name("route.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """`by_day[0]` is Monday's windows, minutes after its midnight; past 24 hours is the next morning. Days without windows are closed."""

    by_day: tuple[tuple[Window, ...], ...]

    def windows(self, start: datetime, end: datetime) -> tuple[Window, ...]:
        """When it is open, in minutes after `start`, from the day before to the day after; wall clock time of Europe/Stockholm.

        Windows that touch are one.
        """
        first, last = (moment.astimezone(STOCKHOLM).date() for moment in (start, end))
        days = (first + timedelta(days=number) for number in range(-1, (last - first).days + 2))
        found = sorted(
            (_minutes(_at(day, opens) - start), _minutes(_at(day, closes) - start))
            for day in days
            for opens, closes in self.by_day[day.weekday()]
        )
        joined: list[Window] = []
        for opens, closes in found:
            if joined and opens <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
            else:
                joined.append((opens, closes))
        return tuple(joined)


def read_hours(text: str) -> OpeningHours | None:
    """The hours in a text, or None when it cannot be read without guessing: an unknown word, times without days, a day said twice."""
    by_day: dict[int, tuple[Window, ...]] = {}
    days: list[int] = []
    said: list[Window] | None = None
    for word in _words(text):
        named = _days(word)
        if named is not None:
            if said is not None:  # a new group begins
                if not _settle(by_day, days, said):
                    return None
                days, said = [], None
            days += named
            continue
        windows = _windows(word)
        if windows == ALWAYS and not days:
            days = list(range(7))
        if windows is None or not days or (said is not None and not (said and windows)):
            return None
        said = [*(said or ()), *windows]
    if said is None or not _settle(by_day, days, said):
        return None
    return OpeningHours(tuple(by_day.get(day, ()) for day in range(7)))


def _settle(by_day: dict[int, tuple[Window, ...]], days: list[int], said: list[Window]) -> bool:
    """Give the days their windows; False when one of them has been said before, or windows overlap."""
    ordered = sorted(said)
    if len(set(days)) < len(days) or not by_day.keys().isdisjoint(days):
        return False
    if any(later[0] < earlier[1] for earlier, later in pairwise(ordered)):
        return False
    by_day |= dict.fromkeys(days, tuple(ordered))
    return True


def _words(text: str) -> list[str]:
    """The words of a text; what users write in two words is one (`dygnet runt`)."""
    words: Mapping[str, Any] = settings()["words"]
    plain = DASH.sub("-", " ".join(text.casefold().split()))
    for phrase in (*words["every_day"], *words["open_always"]):
        plain = plain.replace(phrase, phrase.replace(" ", "_"))
    return [word for word in re.split(r"[\s,;:]+(?!\d\d\b)|[\s,;]+", plain) if word and word.rstrip(".") not in words["between"]]


def _days(word: str) -> list[int] | None:
    """The weekdays that a word names, Monday 0; None when it names none."""
    words: Mapping[str, Any] = settings()["words"]
    if word.replace("_", " ") in words["every_day"]:
        return list(range(7))
    of = {name: day for day, names in enumerate(words["days"]) for name in names}
    ends = [of.get(part.rstrip(".")) for part in word.split("-")]
    match ends:
        case [int(day)]:
            return [day]
        case [int(first), int(last)] if first != last:
            return [(first + number) % 7 for number in range((last - first) % 7 + 1)]
    return None


def _windows(word: str) -> list[Window] | None:
    """The windows that a word names; none for closed; None when it names no times."""
    words: Mapping[str, Any] = settings()["words"]
    if word in words["closed"]:
        return []
    if word.replace("_", " ") in words["open_always"]:
        return ALWAYS
    found = TIMES.fullmatch(word)
    if found is None:
        return None
    parts = [int(part or 0) for part in found.groups()]
    opens, closes = parts[0] * 60 + parts[1], parts[2] * 60 + parts[3]
    if max(parts[1], parts[3]) > 59 or opens >= MINUTES_A_DAY or closes > MINUTES_A_DAY or opens == closes:  # noqa: PLR2004  # minutes
        return None
    return [(opens, closes if closes > opens else closes + MINUTES_A_DAY)]


def _at(day: date, minutes: int) -> datetime:
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=STOCKHOLM)


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)
