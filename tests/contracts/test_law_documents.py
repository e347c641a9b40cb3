"""What is made from the law is fresh, and says everything that could be sent."""

import itertools
import random
from datetime import date, timedelta

from services.sharing.legal import Question, choose, law
from services.sharing.legal.documents import FOLDER, documents
from services.sharing.legal.matrix import alike_receivers, alike_senders, cells
from services.sharing.legal.register import Entry, register

LAW = law()
DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)
ENTRIES = {entry.id: entry for entry in register(LAW)}
KOMMUN = [frozenset({code}) for code, implied in LAW.implied.items() if implied & {"kommun-namnd", "kommunalt-bolag"}]


def test_what_is_made_from_the_law_is_fresh() -> None:
    stale = [name for name, text in documents(LAW).items() if (FOLDER / name).read_text(encoding="utf-8") != text]
    assert stale == [], "python -m services.sharing.legal.documents"


def missing(entries: dict[str, Entry], opened: frozenset[str]) -> list[Question]:
    """The questions of the kommun that may go though the register does not say so."""
    return [
        question
        for kind, senders, receiver, asked, secrecy, matter, subject in itertools.product(
            LAW.record_kinds,
            KOMMUN,
            sorted(set(LAW.receivers["any"].values())),
            (False, True),
            (None, frozenset({"17:1"})),
            (None, "environment", "alcohol", "assistance"),
            (None, "samordningsnummer"),
        )
        for question in [Question(kind, senders, receiver, TODAY, asked, secrecy, subject, matter=matter)]  # type: ignore[arg-type]
        for answer in [choose(LAW, question, opened)]
        if answer.ground is not None and not is_in(entries, question, answer.flow or "", answer.ground.id, answer.fields)
    ]


def is_in(entries: dict[str, Entry], question: Question, flow: str, ground: str, fields: tuple[str, ...]) -> bool:
    entry = entries.get(flow)
    return (
        entry is not None
        and entry.record_kind == question.record_kind
        and question.receiver in entry.receivers
        and question.sender_kinds <= set(entry.senders)
        and ground in {power.ground for power in entry.power}
        and set(fields) <= set(entry.fields)
    )


def test_nothing_can_be_sent_that_is_not_in_the_register() -> None:
    assert missing(ENTRIES, frozenset()) == []


def test_a_flow_taken_out_of_the_register_is_missed() -> None:
    assert missing({name: entry for name, entry in ENTRIES.items() if name != "pay-fk"}, frozenset()) != []


def test_what_a_jurist_opens_comes_into_the_register_and_what_ships_off_is_not_in_it() -> None:
    opened = LAW.openable
    assert missing({entry.id: entry for entry in register(LAW, opened)}, opened) == []
    assert {flow.id for flow in LAW.flows.values() if flow.switch == "off"}.isdisjoint(ENTRIES)


def test_the_register_says_every_public_fact_of_every_flow() -> None:
    for entry in ENTRIES.values():
        for fact in (entry.name, entry.purpose, entry.benefit, entry.power, entry.data, entry.senders, entry.receivers):
            assert fact
        assert entry.method
        assert entry.retention
        assert entry.review
        assert date.fromisoformat(entry.start) <= TODAY


def test_the_table_says_what_the_engine_says_on_each_side_of_every_date() -> None:
    pick = random.Random(4)  # noqa: S311  # the same questions every time
    senders, receivers = alike_senders(LAW), alike_receivers(LAW)
    classes = ["none", *(code for code, row in LAW.secrecy_classes.items() if not row.never)]
    edges = sorted({edge for rule in LAW.rules for edge in (rule.first, rule.last) if edge != date.max})
    days = [day for edge in edges for day in (edge - DAY, edge, edge + DAY)]
    for _ in range(3000):
        kind, secrecy, asked = pick.choice(list(LAW.record_kinds)), pick.choice(classes), pick.random() < 0.5
        sender, receiver = pick.choice(list(senders.values())), pick.choice(list(receivers.values()))
        day = pick.choice(days)
        question = Question(kind, frozenset({pick.choice(sender)}), pick.choice(receiver), day, asked, frozenset({secrecy}))
        answer = choose(LAW, question)
        found = cells(LAW, kind, sender[0], receiver[0])
        holds = [
            row for way, rows in found.items() for row in rows if way == ("", asked, secrecy) and row.first <= day <= (row.last or day)
        ]
        told = [row.answer for row in holds]
        if answer.allowed:
            assert f": {answer.ground.id}, {answer.flow}, {answer.decision_by}" in told[0]  # type: ignore[union-attr]
        else:
            assert [text.partition(":")[0] for text in told] == ([answer.switch] if answer.switch == "off" else [])


def test_one_flow_is_decided_by_the_same_kind_of_person_on_every_ground() -> None:
    decided: dict[str, set[str]] = {}
    for rule in LAW.rules:
        for route in itertools.chain(*rule.routes.values()):
            decided.setdefault(route.flow, set()).add(route.decision_by)
    assert {flow: who for flow, who in decided.items() if len(who) > 1} == {}
