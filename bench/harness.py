"""Alternating rounds of us and the bare limit, in one run, and their medians."""

import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

ROUNDS = 3


class Result(NamedTuple):
    """Operations per second; `ratio` is ours over bare."""

    name: str
    ours: float
    bare: float
    ratio: float


def alternate(name: str, ours: Callable[[], float], bare: Callable[[], float], rounds: int = ROUNDS) -> Result:
    """Ours, bare, ours, bare …; each gives operations per second. The medians and their ratio."""
    figures: dict[str, list[float]] = {"ours": [], "bare": []}
    for number in range(1, rounds + 1):
        for which, measure in (("ours", ours), ("bare", bare)):
            figures[which].append(measure())
            sys.stderr.write(f"{name}, varv {number} av {rounds}, {which}: {figures[which][-1]:.0f}/s\n")
    middle = {which: statistics.median(values) for which, values in figures.items()}
    return Result(name, round(middle["ours"], 1), round(middle["bare"], 1), round(middle["ours"] / middle["bare"], 3))
