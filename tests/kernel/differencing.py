"""An attack on published statistics: everything that anybody can read of all periods, and what follows from it.

`python -m tests.kernel.differencing` publishes years of made-up cases with many small numbers and tries to work out each hidden
number: by subtraction between quarters, years and breakdowns, by the exact least and greatest value that linear programming allows (a
simplex over fractions, written here so that the attacker shares nothing with the defence), and by trying every truth that the known rule
would have published alike. It prints how many hidden numbers it got closer to than "0 to 4", with the defence and with each part of it
switched off. Every role reads the same rows and a closed period never changes (tests/registry/test_statistics.py), so asking again, as
somebody else, or after records have changed gives the attacker nothing more.
"""

import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product
from unittest.mock import patch

from services.kernel import statistics
from services.kernel.reference import Word
from services.kernel.statistics import REST, SMALL, Breakdown, Happened, Indicator, Kept, Plan, Quarter, Row, close, tallied

PROTECTION = SMALL - 1
"""The least width of what a hidden number may be: as wide as "0 to 4", which is what hiding itself says."""
PLAN = Plan(
    (
        Indicator(name="flagged", heading="a", method="", breakdowns=("cause", "impulse")),
        Indicator(name="found", heading="b", method="", breakdowns=("fault",)),
        Indicator(name="reported", heading="c", method=""),
    ),
    {
        name: Breakdown(name=name, heading=name, words=tuple(Word(code=code, word="") for code in (*map(str, range(size)), REST)))
        for name, size in {"cause": 7, "impulse": 4, "fault": 2}.items()
    },
)  # fmt: skip
Cell = tuple[str, ...]
"""A number somebody might want: (indicator, quarter) or (indicator, year, breakdown, code)."""


@dataclass
class Equation:
    """These unknowns add up to this."""

    cells: tuple[Cell, ...]
    total: int


def published(chance: random.Random, years: int) -> tuple[dict[str, list[Row]], dict[Cell, int]]:
    """What comes out of some years, and the truth behind it."""
    kept, out = Kept(), dict[str, list[Row]]()
    truth: dict[Cell, int] = {}
    for year, number in product(range(2026, 2026 + years), range(1, 5)):
        quarter = Quarter(year, number)
        counted = tallied(PLAN, _happened(chance), quarter)
        for name, tally in counted.items():
            truth[name, str(quarter)] = tally.count
        kept, rows, of_year = close(PLAN, kept, counted, quarter)
        out[str(quarter)] = rows
        if of_year:
            out[str(year)] = of_year
    return out, truth


def _happened(chance: random.Random) -> Iterator[Happened]:
    for indicator in PLAN.indicators:
        for _ in range(chance.choice((0, 0, 1, 2, 3, 4, 5, 6, 9, 15, 30))):
            skew = chance.choice((0.2, 1.0, 3.0))
            codes = {
                name: PLAN.breakdowns[name].words[min(int(chance.random() ** skew * 8), len(PLAN.breakdowns[name].words) - 1)].code
                for name in indicator.breakdowns
            }
            yield Happened(indicator.name, codes, Decimal(chance.randrange(1, 9)))


def learnt(out: Mapping[str, Sequence[Row]], *, lumped: bool = True, plan: Plan = PLAN) -> tuple[list[Equation], set[Cell]]:
    """Every equation that the published rows give, and the numbers that are hidden. `lumped`: that is how quarters are put together."""
    equations: list[Equation] = []
    secret: set[Cell] = set()
    for indicator in plan.indicators:
        quarters = [period for period in out if "-" in period]
        for period, rows in out.items():
            mine = [row for row in rows if row.indicator == indicator.name and not row.of_amount]
            whole = next(row for row in mine if not row.breakdown)
            first, last = (period, period) if "-" in period else (f"{period}-Q1", f"{period}-Q4")
            spans = tuple((indicator.name, one) for one in quarters if (whole.since or first) <= one <= last)
            if whole.value is None:
                secret.update((indicator.name, one) for one in ([period] if "-" in period else []))
            elif "-" in period:
                equations.append(Equation(spans, int(whole.value)))
                secret.update(spans if len(spans) > 1 else ())
            else:  # what is carried over the end of the year is not in the year
                shown = [
                    one
                    for one in quarters
                    if one.startswith(period) and any(row.value for row in out[one] if row.indicator == indicator.name)
                ]
                equations.append(Equation(tuple(cell for cell in spans if not lumped or cell[1] <= shown[-1]), int(whole.value)))
            for name in indicator.breakdowns if "-" not in period else ():
                cells = {row.code: row.value for row in mine if row.breakdown == name}
                here = {code: (indicator.name, period, name, code) for code in cells}
                secret.update(here[code] for code, value in cells.items() if value is None)
                equations.extend(Equation((here[code],), int(value)) for code, value in cells.items() if value is not None)
                if whole.value is not None:
                    equations.append(Equation(tuple(here.values()), int(whole.value)))
    return equations, secret


def bounds(equations: Iterable[Equation], secret: Iterable[Cell]) -> dict[Cell, tuple[int, float]]:
    """The least and greatest whole number that each hidden number can be, given everything (no number is below nought)."""
    result = {}
    for cells, rows in _apart(list(equations)):
        for cell in sorted(set(secret) & cells):
            order = sorted(cells)
            low = _least(rows, order, {cell: 1})
            high = _least(rows, order, {cell: -1})
            result[cell] = (
                -(-low.numerator // low.denominator) if low is not None else 0,
                -high // 1 if high is not None else float("inf"),
            )
    return {cell: result.get(cell, (0, float("inf"))) for cell in secret}


def _apart(equations: list[Equation]) -> Iterator[tuple[set[Cell], list[Equation]]]:
    """Equations that share unknowns, together."""
    groups: list[tuple[set[Cell], list[Equation]]] = []
    for one in equations:
        cells, rows, rest = set(one.cells), [one], []
        for group in groups:
            if group[0] & cells:
                cells |= group[0]
                rows += group[1]
            else:
                rest.append(group)
        groups = [*rest, (cells, rows)]
    yield from groups


def _least(equations: Sequence[Equation], order: Sequence[Cell], wanted: Mapping[Cell, int]) -> Fraction | None:
    """The least value of a sum of unknowns: two-phase simplex, Bland's rule. None: there is no least."""
    width, height = len(order), len(equations)
    at = {cell: place for place, cell in enumerate(order)}
    table = [[Fraction(0)] * (width + height) + [Fraction(one.total)] for one in equations]
    for row, one in enumerate(equations):
        for cell in one.cells:
            table[row][at[cell]] += 1
        table[row][width + row] = Fraction(1)
    basis = [width + row for row in range(height)]
    phase_one = [-sum((table[row][column] for row in range(height)), Fraction(0)) for column in range(width)]
    cost = phase_one + [Fraction(0)] * height + [-sum((table[row][-1] for row in range(height)), Fraction(0))]
    assert _descend(table, basis, cost, width)
    assert cost[-1] == 0, "what was published contradicts itself"
    for row in range(height):  # an artificial unknown left at nought goes out, where it can
        if basis[row] >= width:
            column = next((place for place in range(width) if table[row][place]), None)
            if column is not None:
                _pivot(table, basis, cost, row, column)
    goal = [Fraction(0)] * (width + height + 1)
    for cell, weight in wanted.items():
        goal[at[cell]] = Fraction(weight)
    for row, column in enumerate(basis):
        if goal[column]:
            factor = goal[column]
            goal = [one - factor * other for one, other in zip(goal, table[row], strict=True)]
    return -goal[-1] if _descend(table, basis, goal, width) else None


def _descend(table: list[list[Fraction]], basis: list[int], cost: list[Fraction], width: int) -> bool:
    """Go down to the least. False: it has none."""
    while (column := next((place for place in range(width) if cost[place] < 0), None)) is not None:
        ratios = [(line[-1] / line[column], basis[row], row) for row, line in enumerate(table) if line[column] > 0]
        if not ratios:
            return False
        _pivot(table, basis, cost, min(ratios)[2], column)
    return True


def _pivot(table: list[list[Fraction]], basis: list[int], cost: list[Fraction], row: int, column: int) -> None:
    table[row] = [value / table[row][column] for value in table[row]]
    for line in (*(table[other] for other in range(len(table)) if other != row), cost):
        if line[column]:
            factor = line[column]
            line[:] = [value - factor * other for value, other in zip(line, table[row], strict=True)]
    basis[row] = column


def by_the_rule(cells: Sequence[str], out: Mapping[str, str | None], total: int, most: int = 200) -> dict[str, set[int]]:
    """What each hidden row of a small breakdown can be for somebody who knows the rule: every truth that would have come out the same."""
    gone = [code for code in cells if out[code] is None]
    left = total - sum(int(value) for value in out.values() if value is not None)
    possible: dict[str, set[int]] = {code: set() for code in gone}
    for values in product(range(min(left, most) + 1), repeat=len(gone) - 1):
        guess = dict(zip(gone, (*values, left - sum(values)), strict=True))
        if min(guess.values()) >= 0:
            truth = {code: guess.get(code, int(out[code] or 0)) for code in cells}
            if statistics.hidden(truth) == set(gone):
                for code, value in guess.items():
                    possible[code].add(value)
    return possible


def attack(seed: int, years: int = 2, *, lumped: bool = True) -> tuple[int, int]:
    """How many numbers were hidden, and how many of them the attack got closer to than the protection allows."""
    out, truth = published(random.Random(seed), years)  # noqa: S311  # the same cases each time
    equations, secret = learnt(out, lumped=lumped)
    found = bounds(equations, secret)
    for cell, (low, high) in found.items():
        assert cell not in truth or low <= truth[cell] <= high, "the attacker's sums are wrong"
    close_to = {cell for cell, (low, high) in found.items() if high - low < PROTECTION}
    for year in (period for period in out if "-" not in period):
        rows = [row for row in out[year] if row.indicator == "found" and not row.of_amount]
        if rows[0].value is not None and any(row.value is None for row in rows):
            cells = {row.code: row.value for row in rows[1:]}
            could_be = by_the_rule(list(cells), cells, int(rows[0].value))
            close_to |= {("found", year, "fault", code) for code, values in could_be.items() if len(values) <= PROTECTION}
    return len(secret), len(close_to)


def small_alone(cells: Mapping[str, int]) -> frozenset[str]:
    return frozenset(code for code, count in cells.items() if count < SMALL)


def at_once(plan: Plan, kept: Kept, counted: Mapping[str, statistics.Tally], quarter: Quarter) -> tuple[Kept, list[Row], list[Row]]:
    """Each quarter by itself, and the year as the sum of everything."""
    year = {name: kept.year.get(name, statistics.Tally()) + tally for name, tally in counted.items()}
    rows = [Row(name, value=str(tally.count) if tally.count >= SMALL else None) for name, tally in counted.items()]
    of_year = [Row(name, value=str(tally.count) if tally.count >= SMALL else None) for name, tally in year.items()]
    for indicator in plan.indicators if quarter.number == 4 else ():
        for name in indicator.breakdowns:
            of_year.extend(Row(indicator.name, name, word.code) for word in plan.breakdowns[name].words)
    return Kept({}, {} if quarter.number == 4 else year), rows, of_year if quarter.number == 4 else []


def main(rounds: int = 20) -> int:
    """Print what the attack gets, with and without each part of the defence; 1 when it gets anything through the whole of it."""
    seeds = range(rounds)
    whole = [attack(seed) for seed in seeds]
    with patch.object(statistics, "hidden", small_alone):
        without_more = [attack(seed) for seed in seeds]
    with patch(f"{__name__}.close", at_once):
        without_lumps = [attack(seed, lumped=False) for seed in seeds]
    for name, results in (
        ("the whole defence", whole),
        ("only numbers under 5 hidden in breakdowns", without_more),
        ("quarters not put together", without_lumps),
    ):
        print(f"{name}: {sum(got for _, got in results)} of {sum(hidden for hidden, _ in results)} hidden numbers found")  # noqa: T201  # it is a command
    return int(any(got for _, got in whole))


if __name__ == "__main__":
    sys.exit(main())
