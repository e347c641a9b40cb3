"""The legal cases: the law, as written, comes out. A jurist reads the TOML; nobody needs to read this."""

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.sharing.legal import Ground, Question, choose, law

LAW = law()
CASES: dict[str, dict[str, Any]] = {
    f"{file.stem}: {case['name']}": case
    for file in sorted((Path(__file__).parent / "legal_cases").glob("*.toml"))
    for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
}
WORDS = {
    *("name", "on", "record_kind", "senders", "receiver", "on_request", "secrecy", "subject", "matter", "deciding_body", "opened"),
    *("ground", "flow", "switch", "channel", "decides", "fields", "refused_by", "reason", "not_a_basis", "hard_stop"),
}
NEVER_ANSWERS = {rule.ground.id for rule in LAW.rules if not rule.routes}
DAY = timedelta(days=1)


def question_of(case: dict[str, Any]) -> Question:
    return Question(
        record_kind=case["record_kind"],
        sender_kinds=frozenset(case["senders"]),
        receiver=case["receiver"],
        on=case["on"],
        on_request=case.get("on_request", False),
        secrecy=frozenset(case["secrecy"]) if "secrecy" in case else None,
        subject=case.get("subject"),
        deciding_body=case.get("deciding_body"),
        matter=case.get("matter"),
    )


def told_of(case: dict[str, Any]) -> dict[str, str]:
    """Ground -> code, of the grounds that the case says did not answer."""
    return dict(case.get("refused_by", {}) | case.get("reason", {}))


def days_on_which(ground: str, *codes: str) -> set[date]:
    return {case["on"] for case in CASES.values() if told_of(case).get(ground) in codes}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_law_comes_out_as_written(case: dict[str, Any]) -> None:
    assert set(case) <= WORDS
    answer = choose(LAW, question_of(case), frozenset(case.get("opened", ())))
    codes = {reason.ground: reason.code for reason in answer.reasons if reason.step < 6}
    assert {ground: codes[ground] for ground in told_of(case)} == told_of(case)
    assert case.get("not_a_basis") in {None, *(reason.code for reason in answer.reasons)}
    assert answer.allowed == ("ground" in case)
    assert answer.switch == case.get("switch", answer.switch if "refused_by" in case else "on")
    if answer.ground is None:
        assert answer.fields == ()
        return
    assert (answer.ground.id, answer.flow) == (case["ground"], case["flow"])
    assert answer.channel == case.get("channel", True)
    assert answer.decision_by == case.get("decides", answer.decision_by)
    assert list(answer.fields) == case.get("fields", list(answer.fields))


@pytest.mark.parametrize("ground", LAW.grounds.values(), ids=LAW.grounds)
def test_every_ground_has_a_case_on_each_side_of_its_dates(ground: Ground) -> None:
    holds = {case["on"] for case in CASES.values() if case.get("ground") == ground.id}
    holds |= days_on_which(ground.id, "unverified", "automation", "no_own_field", "no_flow", "outranked")
    assert ground.effective_from in holds
    assert ground.effective_from - DAY in days_on_which(ground.id, "not_yet_in_force")
    if ground.effective_to is not None:
        assert ground.effective_to in holds
        assert ground.effective_to + DAY in days_on_which(ground.id, "no_longer_in_force")


@pytest.mark.parametrize("ground", LAW.grounds.values(), ids=LAW.grounds)
def test_every_ground_is_refused_in_a_case_of_a_day_when_it_is_in_force(ground: Ground) -> None:
    codes = {told_of(case)[ground.id] for case in CASES.values() if ground.id in told_of(case)}
    assert codes - {"not_yet_in_force", "no_longer_in_force", "applies", "outranked"}


@pytest.mark.parametrize("ground", sorted(set(LAW.grounds) - NEVER_ANSWERS))
def test_every_ground_that_has_a_flow_answers_in_a_case_or_is_outranked_once_opened(ground: str) -> None:
    answers = any(case.get("ground") == ground for case in CASES.values())
    outranked = any("opened" in case and told_of(case).get(ground) == "outranked" for case in CASES.values())
    assert answers or outranked


def test_a_ground_that_never_answers_is_one_of_these() -> None:
    assert {
        *("osl-12-2-samtycke", "osl-10-2a-2023"),  # consent, and a rule on operation
        *("sol-15-7-2025", "sol-19-1-2026", "osl-10-18a-2025", "osl-10-23-2025"),  # a person, outside the platform
        *("fof-11-skatteverket", "samverkan-org-brott-2016", "um-2023-455-3", "uppgiftsskyldighet-brott-5-2025"),  # another's own decision
        *("fol-32-forelaggande", "fastighetsagare-frivillig-anmalan", "skatteverket-aterkoppling"),  # a landlord, or a status
    } == NEVER_ANSWERS


CHANGES: dict[str, set[str]] = {  # legal-bases 9: every date on which the law of this platform changed -> grounds that begin or end there
    "2016-08-15": {"samverkan-org-brott-2016"},
    "2018-05-25": {"fastighetsagare-frivillig-anmalan"},
    "2018-07-01": {"los-inbjudan-oppna-uppgifter", "skatteverket-aterkoppling"},
    "2020-01-01": {"underrattelselagen-2020", "bidragsbrott-6"},
    "2021-06-18": {"fol-32c-2021"},
    "2022-09-01": set(),
    "2023-07-01": {"osl-10-2a-2023"},
    "2023-09-01": {"samnr-4-1-2023", "fof-11-skatteverket"},
    "2024-01-01": {"underrattelselagen-2024", "um-2023-455-3"},
    "2024-07-01": {"uppgiftsskyldighet-valfard-2024", "arbetsliv-2024-307-4"},
    "2025-04-01": {
        *("uppgiftsskyldighet-brott-4-2025", "uppgiftsskyldighet-brott-5-2025", "uppgiftsskyldighet-brott-6-2025"),
        *("osl-10-18a-2025", "osl-10-23-2025", "osl-10-24-2025"),
    },
    "2025-07-01": {"sol-15-4-2025", "sol-15-7-2025", "sol-15-10-2025", "sol-15-11-2025"},
    "2025-09-08": {"uppgiftsskyldighet-valfard-2025"},
    "2025-12-01": {"osl-10-15a-2025", "sol-15-12-2025", "sfb-110-31-2025"},
    "2026-01-01": {"underrattelselagen-2026", "sol-19-1-2026"},
}


@pytest.mark.parametrize("day", CHANGES)
def test_each_change_of_the_law_has_a_case_the_day_before_and_the_day_itself(day: str) -> None:
    on = date.fromisoformat(day)
    begin = {ground.id for ground in LAW.grounds.values() if ground.effective_from == on}
    assert CHANGES[day] <= begin
    days = {case["on"] for case in CASES.values()}
    assert {on - DAY, on} <= days


def test_everything_that_looks_like_a_ground_and_is_none_has_a_case() -> None:
    assert {case.get("not_a_basis") for case in CASES.values()} - {None} == set(LAW.not_a_basis)


def test_every_hard_stop_has_a_case_or_names_the_test_that_shows_it() -> None:
    elsewhere = tomllib.loads((Path(__file__).parent / "legal_cases" / "hard_stops.toml").read_text(encoding="utf-8"))["elsewhere"]
    asked = [case["hard_stop"] for case in CASES.values() if "hard_stop" in case]
    assert sorted([*asked, *(row["hard_stop"] for row in elsewhere)]) == [f"hs-{number:02}" for number in range(1, 21)]
    for row in elsewhere:
        file, _, test = row["shown_by"].partition("::")
        assert f"def {test}(" in (Path(__file__).parents[2] / file).read_text(encoding="utf-8")
