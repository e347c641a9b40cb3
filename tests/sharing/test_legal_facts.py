"""What the law must show of socialtjänst, of Kronofogden and of föreningsbidrag, whatever else is changed."""

import itertools
from datetime import date, timedelta

import pytest

from services.kernel.reference import reference
from services.sharing.legal import Answer, Matter, Question, choose, law

LAW = law()
TODAY = date(2026, 11, 23)
IAF = frozenset({"kommun-namnd", "socialnamnd"})
RECEIVERS = sorted(set(LAW.receivers["any"].values()))
DAYS = sorted({day for rule in LAW.rules for day in (rule.first - timedelta(days=1), rule.first)} | {TODAY})
MATTERS: tuple[Matter | None, ...] = (None, "environment", "alcohol", "assistance")


HOLDERS = (IAF, frozenset({"kommun-lss-namnd", "socialnamnd"}), frozenset({"kommun-namnd"}))


def answers(opened: frozenset[str], receivers: list[str], days: list[date]) -> list[Answer]:
    """Everything that may go of data under 26:1, from IAF and from every other nämnd that holds such data."""
    return [
        answer
        for kind, senders, receiver, day, asked in itertools.product(LAW.record_kinds, HOLDERS, receivers, days, (False, True))
        for matter in MATTERS
        for answer in [choose(LAW, Question(kind, senders, receiver, day, asked, frozenset({"26:1"}), matter=matter), opened)]
        if answer.allowed
    ]


def test_socialtjanst_never_leaves_on_the_ring_on_crime_or_on_what_is_obvious() -> None:
    told = {answer.ground.id for answer in answers(LAW.openable, RECEIVERS, [date(2024, 7, 1), date(2025, 4, 1), TODAY]) if answer.ground}
    shut = {"uppgiftsskyldighet-valfard-2024", "uppgiftsskyldighet-valfard-2025", "uppgiftsskyldighet-brott-6-2025", "osl-10-27"}
    assert told.isdisjoint(shut)
    assert {"fol-32c-2021", "underrattelselagen-2026", "osl-10-15a-2025"} <= told


@pytest.mark.parametrize(
    ("kind", "receiver", "ground"),
    [
        ("folkbokforing_alert", "skatteverket", "fol-32c-2021"),
        ("suspected_payment", "forsakringskassan", "underrattelselagen-2026"),
        ("suspected_payment", "csn", "underrattelselagen-2026"),
    ],
)
def test_socialtjanst_leaves_as_an_alert_and_as_a_notice(kind: str, receiver: str, ground: str) -> None:
    answer = choose(LAW, Question(kind, IAF, receiver, TODAY))
    assert answer.secrecy == {"26:1"}
    assert (answer.ground and answer.ground.id, answer.switch, answer.decision_by) == (ground, "on", "officer+second")


@pytest.mark.parametrize("flow", ["pay-skv-15a", "pay-fk-15a", "pay-kfm-15a", "pay-pol-15a"])
def test_socialtjanst_leaves_on_10_15_a_only_where_a_jurist_has_opened_that_flow(flow: str) -> None:
    receiver = {"skv": "skatteverket", "fk": "forsakringskassan", "kfm": "kronofogden", "pol": "polisen"}[flow.split("-")[1]]
    question = Question("suspected_payment", IAF, receiver, TODAY, deciding_body="csn")
    if receiver == "polisen":
        question = Question("suspected_payment", IAF, reference().agencies["polisen"].receivers["control_invitation"], TODAY)
    assert choose(LAW, question).switch == "off"
    opened = choose(LAW, question, frozenset({flow}))
    assert (opened.flow, opened.decision_by, opened.brake, opened.writes) == (flow, "officer+second", "B5", "W4")
    others = frozenset({"pay-skv-15a", "pay-fk-15a", "pay-kfm-15a", "pay-pol-15a"}) - {flow}
    assert not choose(LAW, question, others).allowed


def names_a_person(answer: Answer) -> bool:
    return any(name.startswith(("subject.", "contact.", "dwelling.", "alert.", "payment.")) for name in answer.fields)


def test_kronofogden_gets_no_person_from_iaf_under_any_duty_on_any_day() -> None:
    for kind, day, asked, matter, secrecy in itertools.product(
        LAW.record_kinds, DAYS, (False, True), MATTERS, (None, frozenset[str](), frozenset({"26:1"}), frozenset({"17:1"}))
    ):
        answer = choose(LAW, Question(kind, IAF, "kronofogden", day, asked, secrecy, "personnummer", matter=matter))
        assert not answer.allowed


def test_kronofogden_gets_a_person_from_iaf_only_where_a_jurist_has_opened_10_15_a() -> None:
    question = Question("suspected_payment", IAF, "kronofogden", date(2025, 12, 1), subject="personnummer")
    assert choose(LAW, question).switch == "off"
    opened = choose(LAW, question, frozenset({"pay-kfm-15a"}))
    assert opened.ground is not None
    assert (opened.ground.id, opened.kind) == ("osl-10-15a-2025", "permission")
    assert names_a_person(opened)
    everything_else = LAW.openable - {"pay-kfm-15a"}
    assert not [answer for answer in answers(everything_else, ["kronofogden"], [TODAY]) if names_a_person(answer)]


def test_kronofogden_gets_no_person_from_anybody_in_the_kommun_as_the_platform_ships() -> None:
    for kind, senders, asked, subject, secrecy in itertools.product(
        LAW.record_kinds, LAW.sender_kinds, (False, True), (None, "personnummer", "company"), (None, frozenset[str](), frozenset({"17:1"}))
    ):
        answer = choose(LAW, Question(kind, frozenset({senders}), "kronofogden", TODAY, asked, secrecy, subject))  # type: ignore[arg-type]
        assert not names_a_person(answer)


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_foreningsbidrag_is_refused_under_the_act_on_notices(receiver: str) -> None:
    for day in (date(2020, 1, 1), date(2024, 1, 1), date(2026, 1, 1), TODAY):
        answer = choose(LAW, Question("foreningsbidrag_flag", frozenset({"kommun-namnd"}), receiver, day), LAW.openable)
        codes = {reason.ground: reason.code for reason in answer.reasons}
        for ground in ("underrattelselagen-2020", "underrattelselagen-2024", "underrattelselagen-2026"):
            assert codes[ground] in {"record_kind", "not_yet_in_force", "no_longer_in_force"}
