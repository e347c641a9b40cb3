"""An attack on the published statistics of the three services by what is known of their indicators: which cases are among which.

`python -m tests.kernel.nested` publishes years of made-up cases by the real plans (an errand that is paid back is among those recovered,
with the same amount), and subtracts. In *at once*, a case is counted in a set and in the set around it in the same quarter, and it is
attacked with linear programming (tests/kernel/differencing.py) and sum by sum; in *later*, it may be any quarter after, and what is left
of a set since the beginning is subtracted. It prints what was found with the fourth rule of services/kernel/statistics.py and without it.
"""

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import product

from services.controls.store.statistics import plan as controls_plan
from services.kernel.statistics import SMALL, Happened, Indicator, Kept, Plan, Quarter, Row, close, tallied
from services.registry.domain.statistics import plan as registry_plan
from services.sharing.legal.load import law
from services.sharing.service.statistics import plan as sharing_plan
from tests.kernel.differencing import PROTECTION, Cell, Equation, bounds, learnt

Case = tuple[int, Decimal]
"""A number for a person, and what they owe."""


def bare(plan: Plan) -> Plan:
    """Without breakdowns: those are attacked by themselves."""
    return Plan(tuple(replace(one, breakdowns=()) for one in plan.indicators), {})


def flat(plan: Plan) -> Plan:
    """As if no indicator were within another."""
    return Plan(tuple(replace(one, within="") for one in plan.indicators), plan.breakdowns)


PLANS = {
    "registry": bare(registry_plan()),
    "controls": bare(controls_plan()),
    "sharing": bare(sharing_plan(law().flows.values(), law().grounds.values())),
}


@dataclass
class World:
    """What happened by (indicator, quarter), and what was published of it. `disjoint`: those within the same set share no case."""

    plan: Plan
    disjoint: bool
    cases: dict[tuple[str, str], list[Case]] = field(default_factory=dict)
    out: dict[str, list[Row]] = field(default_factory=dict)

    def inside(self, name: str) -> list[Indicator]:
        return [one for one in self.plan.indicators if one.within == name]

    def views(self, outer: Indicator) -> Iterator[list[str]]:
        """What may be subtracted from a set together."""
        names = [one.name for one in self.inside(outer.name)]
        yield from ([name] for name in names)
        if self.disjoint and len(names) > 1:
            yield names

    def shown(self, name: str, period: str, *, of_amount: bool = False) -> Row | None:
        for row in self.out.get(period, []):
            if (row.indicator, row.of_amount) == (name, of_amount) and row.value is not None:
                return row
        return None


def world(plan: Plan, seed: int, *, guarded: bool, later: bool, years: int = 2) -> World:
    chance = random.Random(seed)  # noqa: S311  # the same cases each time
    made, kept = World(plan, chance.random() < 0.5), Kept()
    waiting: dict[str, list[Case]] = {one.name: [] for one in plan.indicators}
    person = 0
    for year, number in product(range(2026, 2026 + years), range(1, 5)):
        quarter, taken = Quarter(year, number), set[tuple[str, Case]]()
        for one in plan.indicators:
            if one.within:
                among = waiting[one.name] if later else list(made.cases[one.within, str(quarter)])
                among = [case for case in among if not made.disjoint or (one.within, case) not in taken]
                cases = chance.sample(among, min(len(among), max(0, len(among) - chance.choice((0, 1, 1, 2, 4, 5, 6, 9)))))
                waiting[one.name] = [case for case in waiting[one.name] if case not in cases]
                taken.update((one.within, case) for case in cases)
            else:
                count = chance.choice((0, 3, 6, 7, 9, 15, 30, 40))
                cases = [(person + place, Decimal(chance.choice((9_000, 14_000, 90_000)))) for place in range(count)]
                person += count
            made.cases[one.name, str(quarter)] = cases
            for inner in made.inside(one.name):
                waiting[inner.name] += cases
        happened = [Happened(one.name, amount=case[1]) for one in plan.indicators for case in made.cases[one.name, str(quarter)]]
        used = plan if guarded else flat(plan)
        kept, rows, of_year = close(used, kept, tallied(used, happened, quarter), quarter)
        made.out[str(quarter)] = rows
        if of_year:
            made.out[str(year)] = of_year
    return made


def counts_found(made: World, view: dict[str, list[str]]) -> tuple[int, int]:
    """Quarters' numbers under 5, of sets and of what is left of them, and how many are known closer than 0 to 4."""

    def parts(cell: Cell) -> tuple[Cell, ...]:
        name, quarter = cell
        inner = view.get(name)
        return (cell,) if not inner else (*(part for one in inner for part in parts((one, quarter))), (name, quarter, "left"))

    equations, _ = learnt(made.out, plan=made.plan)
    equations = [Equation(tuple(part for cell in one.cells for part in parts(cell)), one.total) for one in equations]
    sizes: dict[Cell, int] = {}
    for (name, quarter), cases in made.cases.items():
        inner = view.get(name)
        if inner:
            sizes[name, quarter, "left"] = len(cases) - sum(len(made.cases[one, quarter]) for one in inner)
        else:
            sizes[name, quarter] = len(cases)
    small = {cell for cell, size in sizes.items() if size < SMALL}
    found = bounds(equations, small)
    for cell, (low, high) in found.items():
        assert low <= sizes[cell] <= high, "the attacker's sums are wrong"
    return len(small), sum(high - low < PROTECTION for low, high in found.values())


def left_found(made: World) -> tuple[int, int]:
    """What is left of a set since the beginning, at the end of each quarter in which all of them are shown: under 5, and so known."""
    tried = got = 0
    for outer in made.plan.indicators:
        for names in made.views(outer):
            total = 0
            for quarter in (period for period in made.out if "-" in period):
                shown = [made.shown(name, quarter) for name in (outer.name, *names)]
                total += sum((1 if place == 0 else -1) * int(row.value or 0) for place, row in enumerate(shown) if row)
                if all(shown):
                    tried += 1
                    got += 0 <= total < SMALL
    return tried, got


def sums_found(made: World) -> tuple[int, int]:
    """Years' sums subtracted from each other, when both are of the same quarters: how many, and how many tell (nearly) one case's."""
    tried = got = 0
    for outer, year in product(made.plan.indicators, (period for period in made.out if "-" not in period)):
        for names in (view for view in _deep(made, outer) if outer.amount):
            spans = {_span(made, name, year) for name in (outer.name, *names)}
            if len(spans) > 1 or not all(made.shown(name, year, of_amount=True) for name in (outer.name, *names)):
                continue
            first, last = next(iter(spans))
            left = {case for (name, at), cases in made.cases.items() if name == outer.name and first <= at <= last for case in cases}
            for key, cases in made.cases.items():
                if key[0] in names and first <= key[1] <= last:
                    left -= set(cases)
            amounts = [amount for _, amount in left]
            tried += 1
            got += 0 < len(amounts) < SMALL or max(amounts, default=Decimal()) * 2 > sum(amounts) > 0
    return tried, got


def _deep(made: World, outer: Indicator) -> Iterator[Sequence[str]]:
    yield from made.views(outer)
    for one in made.inside(outer.name):
        yield from _deep(made, one)


def _span(made: World, name: str, year: str) -> tuple[str, str]:
    row = made.shown(name, year)
    last = [period for period in made.out if period.startswith(f"{year}-") and made.shown(name, period)]
    return (row.since or f"{year}-Q1" if row else "", last[-1] if last else "")


def attack(seed: int, *, guarded: bool = True) -> dict[str, tuple[int, int]]:
    """(tried, found) of quarters' numbers, of what is left and of sums."""
    results: dict[str, list[tuple[int, int]]] = {"numbers": [], "left": [], "sums": []}
    for plan in PLANS.values():
        at_once = world(plan, seed, guarded=guarded, later=False)
        deepest = max((len(list(at_once.views(one))) for one in plan.indicators), default=0)
        for place in range(deepest):
            view = {one.name: views[min(place, len(views) - 1)] for one in plan.indicators if (views := list(at_once.views(one)))}
            results["numbers"].append(counts_found(at_once, view))
        results["sums"].append(sums_found(at_once))
        results["left"].append(left_found(at_once))
        results["left"].append(left_found(world(plan, seed, guarded=guarded, later=True)))
    return {name: (sum(tried for tried, _ in all_), sum(got for _, got in all_)) for name, all_ in results.items()}


def main(rounds: int = 20) -> int:
    """Print what the attack gets, with the fourth rule and without it; 1 when it gets anything through it."""
    through = 0
    for heading, guarded in (("the whole defence", True), ("sets within sets not looked at", False)):
        all_ = [attack(seed, guarded=guarded) for seed in range(rounds)]
        for name in all_[0]:
            tried, got = (sum(one[name][place] for one in all_) for place in (0, 1))
            through += got if guarded else 0
            print(f"{heading}, {name}: {got} of {tried} found")  # noqa: T201  # it is a command
    return int(through > 0)


if __name__ == "__main__":
    sys.exit(main())
