from decimal import Decimal
from itertools import product
from typing import Literal
from unittest.mock import patch

import pytest

from services.kernel import statistics
from services.kernel.statistics import REST, SMALL, Happened, Kept, Quarter, Row, close, hidden, tallied
from tests.kernel import differencing
from tests.kernel.differencing import PLAN, attack, by_the_rule

ROWS = ("a", "b", REST)


def _years(*quarters: list[Happened], start: int = 2026) -> dict[str, list[Row]]:
    """What is published when this happened in quarters that follow each other."""
    kept, out, quarter = Kept(), dict[str, list[Row]](), Quarter(start, 1)
    for happened in quarters:
        kept, rows, of_year = close(PLAN, kept, tallied(PLAN, happened, quarter), quarter)
        out[str(quarter)] = rows
        if of_year:
            out[str(quarter.year)] = of_year
        quarter = quarter.next
    return out


def _reported(number: int) -> list[Happened]:
    return [Happened("reported")] * number


def _wholes(out: dict[str, list[Row]], indicator: str = "reported") -> dict[str, tuple[str | None, str]]:
    return {
        period: next((row.value, row.since) for row in rows if row.indicator == indicator and not row.breakdown and not row.of_amount)
        for period, rows in out.items()
    }


def test_the_attack_finds_no_hidden_number() -> None:
    results = [attack(seed) for seed in range(30)]
    assert sum(number for number, _ in results) > 1000
    assert sum(got for _, got in results) == 0


def test_the_attack_finds_hidden_numbers_when_only_the_small_ones_are_hidden() -> None:
    with patch.object(statistics, "hidden", differencing.small_alone):
        assert sum(attack(seed)[1] for seed in range(10)) > 0


def test_the_attack_finds_hidden_numbers_when_small_quarters_are_not_put_together() -> None:
    with patch.object(differencing, "close", differencing.at_once):
        assert sum(attack(seed, lumped=False)[1] for seed in range(10)) > 0


def test_who_knows_the_rule_still_does_not_know_which_number_from_nought_to_four() -> None:
    hidden_ones = 0
    for values in product(range(9), repeat=3):
        cells = dict(zip(ROWS, values, strict=True))
        if sum(values) < SMALL or not hidden(cells):
            continue
        out = {code: None if code in hidden(cells) else str(value) for code, value in cells.items()}
        for code, could_be in by_the_rule(ROWS, out, sum(values)).items():
            hidden_ones += 1
            assert cells[code] in could_be
            assert len(could_be) >= SMALL, (cells, code, could_be)
    assert hidden_ones > 1000


def test_nothing_is_hidden_when_nothing_is_small_and_no_small_number_is_shown_alone() -> None:
    assert hidden({"a": 5, "b": 9, REST: 7}) == frozenset()
    assert hidden({"a": 4, "b": 9, REST: 7}) == {"a", REST}
    assert hidden({"a": 9, "b": 0, REST: 0}) == {"a", "b", REST}


def test_a_quarter_with_few_is_counted_with_the_next_one_and_the_year_is_what_was_shown_in_it() -> None:
    out = _wholes(_years(_reported(2), _reported(0), _reported(3), _reported(7), _reported(1), _reported(4)))
    assert out == {
        "2026-Q1": (None, ""),
        "2026-Q2": (None, ""),
        "2026-Q3": ("5", "2026-Q1"),
        "2026-Q4": ("7", ""),
        "2026": ("12", ""),
        "2027-Q1": (None, ""),
        "2027-Q2": ("5", "2027-Q1"),
    }


def test_that_a_quarter_had_none_at_all_is_hidden_as_well() -> None:
    few, none = (_wholes(_years(_reported(first), _reported(9 - first))) for first in (3, 0))
    assert few == none == {"2026-Q1": (None, ""), "2026-Q2": ("9", "2026-Q1")}


def test_what_is_left_at_the_end_of_a_year_is_counted_in_the_next_and_the_reader_is_told_so() -> None:
    quarters = [_reported(9), _reported(9), _reported(9), _reported(2)]
    out = _wholes(_years(*quarters, _reported(8), _reported(6), _reported(6), _reported(6)))
    assert (out["2026"], out["2026-Q4"]) == (("27", ""), (None, ""))
    assert (out["2027-Q1"], out["2027"]) == (("10", "2026-Q4"), ("28", "2026-Q4"))


def test_quarters_follow_swedish_days() -> None:
    assert str(Quarter.of(Quarter(2026, 4).start)) == "2026-Q4"
    assert Quarter(2026, 1).start.isoformat() == "2026-01-01T00:00:00+01:00"
    assert Quarter(2026, 4).next == Quarter(2027, 1)


@pytest.mark.parametrize(
    ("amounts", "shown_as", "value"),
    [
        ([100, 100, 100, 100, 100], "sum", "500"),
        ([100, 100, 100, 100], "sum", None),
        ([1, 1, 1, 1, 1000], "sum", None),
        ([1, 2, 3, 4, 5], "mean", "3.0"),
        ([1, 2, 3, 4], "mean", None),
    ],
)
def test_an_amount_is_shown_when_five_have_one_and_none_is_most_of_it(
    amounts: list[int], shown_as: Literal["sum", "mean"], value: str | None
) -> None:
    plan = statistics.Plan(
        (statistics.Indicator(name="n", heading="", method="", amount=statistics.Amount(heading="", unit="kr", shown_as=shown_as)),), {}
    )
    happened = [Happened("n", amount=Decimal(one)) for one in amounts] + [Happened("n")] * 3
    kept, rows = Kept(), list[Row]()
    for number in range(1, 5):
        kept, _, rows = close(plan, kept, tallied(plan, happened if number == 1 else [], Quarter(2026, number)), Quarter(2026, number))
    assert [(row.of_amount, row.value) for row in rows] == [(False, str(len(happened))), (True, value)]
