"""Statistics that reveal nobody: what happened, counted once for each closed period, with what is small held back.

Source: workflows 10 and 3; docs/adr/0009. Four rules, and why no hidden number can be worked out from the shown ones:

1. *Lumps.* A number under 5 for a quarter is not shown; its cases are counted with the next quarter's instead. Every number that is shown
   is the size of a set of at least 5 cases that no other number of its kind overlaps, and a year is the sum of the numbers shown in it.
   So no two shown numbers differ by a hidden one.
2. *One-way breakdowns.* Only a year is broken down, by one dimension at a time and never by two. All numbers under 5 are hidden, also
   zeros, so that an empty row tells nothing of the others; and whenever any is hidden, so is the last one, `rest`, whatever its size, and
   then the next from the end until the hidden ones are at least two and together at least 5. The order is fixed and not by size: who
   knows the rule learns nothing from which ones were taken. Each hidden number can be anything from 0 to 4.
3. *Amounts and means* are shown for a whole year alone, when at least 5 cases have one and, for a sum, none is more than half of it.
4. *Nested sets.* An indicator `within` another is shown only together with it, and when what the others leave of the set around it,
   since they were last shown together and since the beginning, is at least 5; never 0, as nought is hidden elsewhere too. For sums the
   third rule holds for what is left as well, and a year's sums are only shown beside each other when they are of the same quarters.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from services.kernel.clock import STOCKHOLM
from services.kernel.reference import Word, reference

SMALL = 5
"""A number under this is never shown."""
REST = "rest"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter of a calendar year, in Swedish days."""

    year: int
    number: int

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """The quarter that an instant is in."""
        day = moment.astimezone(STOCKHOLM)
        return cls(day.year, (day.month + 2) // 3)

    @property
    def next(self) -> "Quarter":
        """The one after."""
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return datetime(self.year, self.number * 3 - 2, 1, tzinfo=STOCKHOLM)

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"


# --- what is counted ----------------------------------------------------------------------------------------------------------------


@checked(frozen=True, kw_only=True, config=_STRICT)
class Amount:
    """What is summed, or averaged, over the cases of an indicator. `unit` is Swedish: kr, dagar, uppgifter."""

    heading: str
    unit: str
    shown_as: Literal["sum", "mean"]


@checked(frozen=True, kw_only=True, config=_STRICT)
class Indicator:
    """One count of things that happened. `method` says in Swedish what is counted and when.

    No indicator is another two together, and no breakdown follows from another of the same indicator: either would be a way to subtract.
    """

    name: str
    heading: str
    method: str
    breakdowns: tuple[str, ...] = ()
    amount: Amount | None = None
    within: str = ""
    """The indicator, earlier in the plan, whose cases this one's are among, at once or later. Empty: none."""


@checked(frozen=True, kw_only=True, config=_STRICT)
class Breakdown:
    """A dimension. Its rows are its own words, or a list of the reference data or of the service; `rest` is last, for all else."""

    name: str
    heading: str
    list: str = ""
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The indicators of one service and their dimensions, each with every row that is shown or hidden, in order."""

    indicators: tuple[Indicator, ...]
    breakdowns: Mapping[str, Breakdown]

    @classmethod
    def read(cls, path: Path, lists: Mapping[str, Iterable[Word]] | None = None) -> Self:
        """From TOML; `lists` are the service's own. Raises ValueError, LookupError or pydantic's error when it is wrong."""
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        breakdowns = {}
        for one in TypeAdapter(tuple[Breakdown, ...]).validate_python(data["breakdown"]):
            words: Iterable[Word] = one.words
            if one.list:
                words = (lists or {}).get(one.list) or getattr(reference(), one.list)
            breakdowns[one.name] = replace(one, list="", words=(*words, Word(code=REST, word="övriga")))
            if (
                len({word.code for word in breakdowns[one.name].words}) != len(breakdowns[one.name].words)
                or len(breakdowns[one.name].words) == 1
            ):
                raise ValueError(f"{path.name}, {one.name}: a breakdown needs rows, each once")
        indicators = TypeAdapter(tuple[Indicator, ...]).validate_python(data["indicator"])
        for indicator in indicators:
            for name in indicator.breakdowns:
                breakdowns[name]
        names = [one.name for one in indicators]
        for place, indicator in enumerate(indicators):
            if indicator.within and indicator.within not in names[:place]:
                raise ValueError(f"{path.name}, {indicator.name}: within names no earlier indicator")
        return cls(indicators, breakdowns)

    def siblings(self, indicator: Indicator) -> Iterator[tuple[str, ...]]:
        """It, alone and together with any others within the same set: what can be subtracted from that set."""
        others = [one.name for one in self.indicators if one.within == indicator.within and one.name != indicator.name]
        for number in range(len(others) + 1):
            for more in combinations(others, number):
                yield tuple(sorted((indicator.name, *more)))

    def around(self, indicator: Indicator) -> Iterator[tuple[Indicator, Indicator]]:
        """Each set around it, from the inside, beside that one of its parts that it is in."""
        by_name = {one.name: one for one in self.indicators}
        while indicator.within:
            yield by_name[indicator.within], indicator
            indicator = by_name[indicator.within]


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: the indicator's name, its code in each dimension, what it adds to the amount."""

    indicator: str
    codes: Mapping[str, str] = field(default_factory=dict)
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What one indicator came to, unsuppressed: never leaves the service. `with_amount` cases have an amount; `largest` is one case's."""

    count: int = 0
    by: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    amount: Decimal = Decimal()
    with_amount: int = 0
    largest: Decimal = Decimal()
    since: str = ""
    """The first quarter that is counted in it, also when nothing happened in it; empty: none yet."""

    def __add__(self, other: "Tally") -> "Tally":
        by = {
            name: {
                code: self.by.get(name, {}).get(code, 0) + other.by.get(name, {}).get(code, 0)
                for code in {*self.by.get(name, {}), *other.by.get(name, {})}
            }
            for name in {*self.by, *other.by}
        }
        return Tally(
            self.count + other.count,
            by,
            self.amount + other.amount,
            self.with_amount + other.with_amount,
            max(self.largest, other.largest),
            self.since or other.since,
        )


def tallied(plan: Plan, happened: Iterable[Happened], quarter: Quarter) -> dict[str, Tally]:
    """What happened in a quarter, by indicator. A code that no row has is in `rest`. Raises KeyError for an unknown indicator."""
    known = {name: {row.code for row in breakdown.words} for name, breakdown in plan.breakdowns.items()}
    counts: dict[str, int] = {one.name: 0 for one in plan.indicators}
    by: dict[str, dict[str, dict[str, int]]] = {one.name: {name: {} for name in one.breakdowns} for one in plan.indicators}
    amounts: dict[str, list[Decimal]] = {one.name: [] for one in plan.indicators}
    for one in happened:
        counts[one.indicator] += 1
        for name, row in by[one.indicator].items():
            code = one.codes.get(name, REST)
            code = code if code in known[name] else REST
            row[code] = row.get(code, 0) + 1
        if one.amount is not None:
            amounts[one.indicator].append(one.amount)
    return {
        name: Tally(count, by[name], sum(amounts[name], Decimal()), len(amounts[name]), max(amounts[name], default=Decimal()), str(quarter))
        for name, count in counts.items()
    }


# --- what is shown ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One number as it is published. Without a breakdown it is the whole. `since`: the quarter it begins in, when not the period's own.

    `value` is None where the number is hidden. `of_amount`: it is the indicator's sum or mean, not its count.
    """

    indicator: str
    breakdown: str = ""
    code: str = ""
    of_amount: bool = False
    value: str | None = None
    since: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is carried from one quarter to the next, by indicator: cases not yet shown, those shown so far this year, and all ever shown.

    `left`: by the names, with + between, of indicators within the same set, what they left of it when they last were shown together.
    """

    carried: Mapping[str, Tally] = field(default_factory=dict)
    year: Mapping[str, Tally] = field(default_factory=dict)
    ever: Mapping[str, Tally] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)


def close(plan: Plan, kept: Kept, counted: Mapping[str, Tally], quarter: Quarter) -> tuple[Kept, list[Row], list[Row]]:
    """A quarter that is over: what to keep, the quarter's rows, and the year's when it was the last of four."""
    carried: dict[str, Tally] = {}
    year: dict[str, Tally] = {one.name: kept.year.get(one.name, Tally()) for one in plan.indicators}
    ever: dict[str, Tally] = {one.name: kept.ever.get(one.name, Tally()) for one in plan.indicators}
    left = dict(kept.left)
    rows: list[Row] = []
    for indicator in plan.indicators:
        name = indicator.name
        lump = kept.carried.get(name, Tally()) + counted[name]  # from a quarter without any too: that it had none is hidden as well
        shown = lump.count >= SMALL
        if shown and indicator.within:
            together = _left(plan, indicator, carried, {**ever, name: ever[name] + lump})
            shown = together is not None and all(abs(count - left.get(names, 0)) >= SMALL for names, count in together.items())
            left.update(together or {} if shown else {})
        carried[name] = Tally() if shown else lump
        if shown:
            year[name] += lump
            ever[name] += replace(lump, by={})
        rows.append(_whole(name, lump.count if shown else None, lump.since, str(quarter)))
    if quarter.number != 4:  # noqa: PLR2004  # four to a year
        return Kept(carried, year, ever, left), rows, []
    return (
        Kept(carried, {}, ever, left),
        rows,
        [
            row
            for indicator in plan.indicators
            for row in _of_year(plan, indicator, year, quarter, apart=_sums_apart(plan, indicator, carried, year, ever))
        ],
    )


def _left(plan: Plan, indicator: Indicator, carried: Mapping[str, Tally], ever: Mapping[str, Tally]) -> dict[str, int] | None:
    """What is left of the set around it by it and those beside it that are shown in the same quarter; None: it must not be shown."""
    if carried[indicator.within].since:
        return None
    together = {}
    for names in plan.siblings(indicator):
        count = ever[indicator.within].count - sum(ever[one].count for one in names)
        if abs(count) < SMALL:
            return None
        if not any(one not in carried or carried[one].since for one in names if one != indicator.name):
            together["+".join(names)] = count
    return together


def _sums_apart(
    plan: Plan, indicator: Indicator, carried: Mapping[str, Tally], year: Mapping[str, Tally], ever: Mapping[str, Tally]
) -> bool:
    """Whether the year's sum, subtracted from that of any set around it, says nothing of one case. `year` and `ever`: what was shown."""
    for outer, part in plan.around(indicator):
        if outer.amount is None:
            continue
        if carried[indicator.name].since or carried[outer.name].since or year[indicator.name].since != year[outer.name].since:
            return False
        for names in plan.siblings(part):
            inner = [indicator.name if one == part.name else one for one in names]
            if not (_sum_left(year, outer.name, inner) and _sum_left(ever, outer.name, inner)):
                return False
    return True


def _sum_left(tallies: Mapping[str, Tally], outer: str, inner: Sequence[str]) -> bool:
    """What is left of a sum is of at least 5, and the largest case of all, which may be among them, is not more than half of it."""
    number = tallies[outer].with_amount - sum(tallies[one].with_amount for one in inner)
    amount = tallies[outer].amount - sum((tallies[one].amount for one in inner), Decimal())
    return abs(number) >= SMALL and max(tallies[one].largest for one in (outer, *inner)) * 2 <= abs(amount)


def _whole(name: str, count: int | None, since: str, own: str) -> Row:
    return Row(name, value=None if count is None else str(count), since=since if count is not None and since != own else "")


def _of_year(plan: Plan, indicator: Indicator, year: Mapping[str, Tally], quarter: Quarter, *, apart: bool) -> list[Row]:
    """The year's whole, its amount, and each breakdown. A year in which nothing could be shown is hidden, and so is all of it."""
    tally = year[indicator.name]
    seen = tally.count >= SMALL
    rows = [_whole(indicator.name, tally.count if seen else None, tally.since, f"{quarter.year}-Q1")]
    if indicator.amount is not None:
        rows.append(Row(indicator.name, of_amount=True, value=_amount(indicator.amount, tally) if seen and apart else None))
    for name in indicator.breakdowns:
        cells = {row.code: 0 for row in plan.breakdowns[name].words}
        for code, count in tally.by.get(name, {}).items():  # a code that left the plan during the year is in rest
            cells[code if code in cells else REST] += count
        gone = hidden(cells) if seen else frozenset(cells)
        rows.extend(Row(indicator.name, name, code, value=None if code in gone else str(count)) for code, count in cells.items())
    return rows


def _amount(shown: Amount, tally: Tally) -> str | None:
    """A sum in whole units, or a mean with one decimal; None when it would say something of one case."""
    if tally.with_amount < SMALL or (shown.shown_as == "sum" and tally.largest * 2 > tally.amount):
        return None
    return f"{tally.amount:.0f}" if shown.shown_as == "sum" else f"{tally.amount / tally.with_amount:.1f}"


def hidden(cells: Mapping[str, int]) -> frozenset[str]:
    """The rows of a breakdown that are not shown, when the whole (at least 5) is. `cells` are in their fixed order, `rest` last."""
    gone = {code for code, count in cells.items() if count < SMALL}
    if not gone:
        return frozenset()
    order: Sequence[str] = tuple(reversed(tuple(cells)))
    gone.add(order[0])
    for code in order:
        if len(gone) >= 2 and sum(cells[one] for one in gone) >= SMALL:  # noqa: PLR2004
            break
        gone.add(code)
    return frozenset(gone)
