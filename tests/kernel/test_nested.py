from decimal import Decimal
from pathlib import Path

import pytest

from services.kernel.statistics import REST, Happened, Kept, Plan, Quarter, Row, close, tallied
from services.registry.domain.statistics import plan
from tests.kernel.differencing import PLAN
from tests.kernel.nested import PLANS, attack, sums_found, world

REGISTRY = plan()


def _year(
    errors: list[int], recovered: int, paid: int, *, opened: int = 60, used: Plan = REGISTRY
) -> dict[str, tuple[str | None, str | None]]:
    """(count, sum) of a year in which all happened in the last quarter, the first so many of the cases."""
    counts = {"payments_opened": opened, "errors_found": len(errors), "recovery_decided": recovered, "paid_back": paid}
    happened = [Happened(name, amount=Decimal((errors + [0] * opened)[place])) for name, count in counts.items() for place in range(count)]
    _, _, rows = close(used, Kept(), tallied(used, happened, Quarter(2026, 4)), Quarter(2026, 4))
    wholes = [row for row in rows if not row.breakdown and row.indicator in counts]
    return {name: (wholes_of(wholes, name, of_amount=False), wholes_of(wholes, name, of_amount=True)) for name in counts}


def wholes_of(rows: list[Row], name: str, *, of_amount: bool) -> str | None:
    return next((row.value for row in rows if (row.indicator, row.of_amount) == (name, of_amount)), None)


def test_the_attack_that_knows_which_cases_are_among_which_finds_nothing() -> None:
    for seed in range(2):
        assert {got for _, got in attack(seed).values()} == {0}


def test_the_attack_finds_numbers_and_a_persons_amount_when_sets_within_sets_are_not_looked_at() -> None:
    found = attack(0, guarded=False)
    assert found["numbers"][1] > 0
    assert found["left"][1] > 0
    assert sum(sums_found(world(PLANS["registry"], seed, guarded=False, later=False))[1] for seed in range(10)) > 0


def test_six_recoveries_of_which_five_are_paid_do_not_tell_the_sixth() -> None:
    amounts = [11_554, 11_554, 11_554, 11_554, 11_554, 13_885, *[20_000] * 10]
    told = _year(amounts, 6, 5)
    assert told["recovery_decided"][0] == "6"
    assert told["paid_back"] == (None, None)


def test_sets_within_sets_are_told_when_what_is_left_is_enough() -> None:
    told = _year([10_000] * 30, 20, 10)
    assert told == {
        "payments_opened": ("60", None),
        "errors_found": ("30", "300000"),
        "recovery_decided": ("20", "200000"),
        "paid_back": ("10", "100000"),
    }


def test_a_sum_is_hidden_when_one_may_be_more_than_half_of_what_is_left_of_the_set_around_it() -> None:
    told = _year([10_000] * 25 + [150_000], 20, 10)
    assert told["errors_found"] == ("26", "400000")
    assert told["recovery_decided"] == ("20", None)


def test_what_is_not_told_of_a_set_within_another_is_carried_until_both_are() -> None:
    kept, out = Kept(), list[tuple[str | None, str]]()
    for number, (errors, recovered) in enumerate([(9, 7), (4, 0), (9, 5)], start=1):
        happened = [Happened("payments_opened")] * 20 + [Happened("errors_found")] * errors + [Happened("recovery_decided")] * recovered
        quarter = Quarter(2026, number)
        kept, rows, _ = close(REGISTRY, kept, tallied(REGISTRY, happened, quarter), quarter)
        out.append(next((row.value, row.since) for row in rows if row.indicator == "recovery_decided"))
    assert out == [(None, ""), (None, ""), ("12", "2026-Q1")]


def test_within_names_an_indicator_that_stands_earlier(tmp_path: Path) -> None:
    text = '[[breakdown]]\nname = "a"\nheading = "a"\nwords = [{ code = "b", word = "b" }]\n[[indicator]]\n'
    (tmp_path / "plan.toml").write_text(f'{text}name = "n"\nheading = "n"\nmethod = "n"\nwithin = "m"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="within"):
        Plan.read(tmp_path / "plan.toml")


def test_cases_under_a_code_that_leaves_the_plan_are_in_rest_of_the_year() -> None:
    before = [Happened("found", {"fault": "gone"})] * 9 + [Happened("found", {"fault": "0"})] * 9
    breakdown = PLAN.breakdowns["fault"]
    words = (type(breakdown.words[0])(code="gone", word=""), *breakdown.words)
    older = Plan(PLAN.indicators, {**PLAN.breakdowns, "fault": type(breakdown)(name="fault", heading="", words=words)})
    kept, _, _ = close(older, Kept(), tallied(older, before, Quarter(2026, 1)), Quarter(2026, 1))
    rows = list[Row]()
    for number in (2, 3, 4):
        after = [Happened("found", {"fault": "1"})] * 3
        kept, _, rows = close(PLAN, kept, tallied(PLAN, after, Quarter(2026, number)), Quarter(2026, number))
    found = {row.code: row.value for row in rows if row.indicator == "found" and row.breakdown}
    assert found == {"0": "9", "1": "6", REST: "9"}  # the last three are carried to the next year
