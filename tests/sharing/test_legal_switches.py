"""What ships shut, what a jurist can open, and what nobody can; and an old decision judged again."""

import dataclasses
import itertools
from datetime import date, timedelta

import pytest

from services.sharing.legal import Law, Question, choose, law

LAW = law()
TODAY = date(2026, 11, 23)
OFF = sorted(flow.id for flow in LAW.flows.values() if flow.switch == "off")
EVERYTHING = LAW.openable
ALIKE = {"csn", "ivo", "tullverket", "kustbevakningen", "bolagsverket", "kriminalvarden", "folkhalsomyndigheten", "e-halsomyndigheten"}
SENDERS = [frozenset({code}) for code in LAW.sender_kinds if code not in ALIKE] + [frozenset({"kommun-namnd", "socialnamnd"})]
RECEIVERS = sorted(row for row in LAW.receivers["any"])
IAF = frozenset({"kommun-namnd", "socialnamnd"})


def questions(on: date = TODAY) -> list[Question]:
    """Every dry question of a day: kinds, senders, receivers, asked and unasked, open and secret."""
    return [
        Question(kind, senders, receiver, on, asked, secrecy)
        for kind, senders, receiver, asked, secrecy in itertools.product(
            LAW.record_kinds, SENDERS, RECEIVERS, (False, True), (None, frozenset({"17:1"}))
        )
    ]


ALL = questions()


def test_what_can_be_opened_is_what_ships_off_and_what_is_not_verified() -> None:
    unverified = {ground.id for ground in LAW.grounds.values() if not ground.verified}
    assert set(OFF) | unverified == EVERYTHING


@pytest.mark.parametrize("flow", OFF)
def test_a_flow_that_ships_off_is_named_and_never_the_answer_until_a_jurist_opens_it(flow: str) -> None:
    needed = frozenset({flow, *LAW.flows[flow].grounds})
    reached = {key for rule in LAW.rules for key, routes in rule.routes.items() for route in routes if route.flow == flow}
    near = [question for question in ALL if (question.record_kind, question.receiver) in reached]
    changed = [question for question in near if choose(LAW, question).reasons != choose(LAW, question, needed).reasons]
    assert changed
    for question in changed:
        shut, opened = choose(LAW, question), choose(LAW, question, needed)
        codes = {reason.code for reason in shut.reasons if reason.ground in needed}
        assert codes & {"off", "unverified"}
        assert shut.flow != flow
        assert (opened.flow, opened.switch) == ((shut.flow, shut.switch) if shut.allowed else (flow, "on"))


def test_opening_everything_gives_permissions_and_takes_nothing_away() -> None:
    for question in ALL:
        shut, opened = choose(LAW, question), choose(LAW, question, EVERYTHING)
        if shut.allowed and shut.kind == "duty":
            assert (opened.flow, opened.fields) == (shut.flow, shut.fields)
        elif opened.allowed and not shut.allowed:
            assert opened.kind == "permission"
            assert opened.decision_by in {"officer", "officer+second", "manager"}


def test_what_does_not_exist_cannot_be_opened_whatever_is_opened() -> None:
    opened = EVERYTHING | set(LAW.flows) | set(LAW.grounds) | set(LAW.not_a_basis)
    for question in ALL:
        if choose(LAW, question).switch == "none" and not choose(LAW, question, EVERYTHING).allowed:
            assert not choose(LAW, question, opened).allowed, question


def test_socialtjanst_tells_the_rest_of_the_kommun_nothing_whatever_is_opened() -> None:
    inside = ("kommun-namnd", "kommun-tillsynsnamnd", "kommunalt-bolag", "socialnamnd", "kommun-lss-namnd")
    for kind, receiver, asked in itertools.product(LAW.record_kinds, inside, (False, True)):
        assert not choose(LAW, Question(kind, IAF, receiver, TODAY, asked), EVERYTHING).allowed


def test_a_question_is_put_again_with_the_same_answer() -> None:
    again = law.__wrapped__()
    for question in ALL[::7]:
        before, after = choose(LAW, question), choose(again, question)
        assert before.reasons == after.reasons
        assert (before.fields, before.ground and before.ground.digest) == (after.fields, after.ground and after.ground.digest)


def as_it_was(day: date) -> Law:
    """The law without every version that came after this day."""
    return dataclasses.replace(LAW, rules=tuple(rule for rule in LAW.rules if rule.first <= day))


@pytest.mark.parametrize("day", sorted({ground.effective_from for ground in LAW.grounds.values() if ground.effective_from.year > 2019}))
def test_an_old_decision_comes_out_the_same_when_later_law_has_been_appended(day: date) -> None:
    for eve in (day - timedelta(days=1), day):
        old = as_it_was(eve)
        for question in questions(eve)[::11]:
            then, now = choose(old, question), choose(LAW, question)
            assert (then.flow, then.fields, then.switch) == (now.flow, now.fields, now.switch)
            assert (then.ground and then.ground.digest) == (now.ground and now.ground.digest)
