"""The hard stops (docs/law.md): those that the law as data and the contract show; and that the table of all of them is true."""

import itertools
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2
from los.registry.v1 import registry_pb2
from los.sharing.v1 import sharing_pb2

from services.kernel.cells import Fault, identity_number
from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.sharing.legal import Question, choose, law, minimise

ROOT = Path(__file__).resolve().parents[2]
LAW = law()
TODAY = date(2026, 11, 23)
IAF = frozenset({"kommun-namnd", "socialnamnd"})
FILES: tuple[FileDescriptor, ...] = (common_pb2.DESCRIPTOR, registry_pb2.DESCRIPTOR, controls_pb2.DESCRIPTOR, sharing_pb2.DESCRIPTOR)
STOPS = [f"hs-{number:02}" for number in range(1, 21)]


def table() -> dict[str, tuple[str, list[str], list[str]]]:
    """Stop -> what it says, the places, the tests, as docs/law.md has them."""
    rows = re.findall(r"^\| (hs-\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "law.md").read_text("utf-8"), re.MULTILINE)
    return {stop: (text, re.findall(r"`([^`]+)`", places), re.findall(r"`([^`]+)`", tests)) for stop, text, places, tests in rows}


TABLE = table()


def messages(file: FileDescriptor) -> Iterator[Descriptor]:
    waiting = list(file.message_types_by_name.values())
    while waiting:
        message = waiting.pop()
        waiting += message.nested_types
        yield message


def enums(file: FileDescriptor) -> Iterator[EnumDescriptor]:
    yield from file.enum_types_by_name.values()
    for message in messages(file):
        yield from message.enum_types


FIELDS = sorted({field.name for file in FILES for message in messages(file) for field in message.fields})


@pytest.mark.parametrize("stop", STOPS)
def test_every_hard_stop_is_in_the_table_with_a_place_and_a_test_that_exist(stop: str) -> None:
    text, places, tests = TABLE[stop]
    assert text.strip()
    for place in places:
        assert (ROOT / place).exists(), place
    for name in tests:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), name
    assert tests, stop


def test_the_table_has_no_other_row() -> None:
    assert list(TABLE) == STOPS


def test_no_machine_decides() -> None:  # hs-02
    assert set(LAW.decided_by) == {"sender", "officer", "officer+second", "manager", "named_unit"}
    for rule in LAW.rules:
        for route in itertools.chain(*rule.routes.values()):
            assert route.decision_by in LAW.decided_by
            assert LAW.writings[route.writes].points
            weighs = rule.ground.brake in {"B3", "B4", "B5", "B6", "B9", "B10"}
            assert route.decision_by in {"officer+second", "manager"} if weighs else True


@pytest.mark.parametrize(
    ("kind", "receiver"), [("suspected_payment", "kronofogden"), ("suspected_payment", "csn"), ("police_report", "ivo")]
)
def test_a_duty_that_fails_on_secrecy_is_not_replaced_by_a_permission(kind: str, receiver: str) -> None:  # hs-03
    body = "forsakringskassan" if receiver == "csn" else None
    answer = choose(LAW, Question(kind, IAF, receiver, TODAY, deciding_body=body))
    assert not answer.allowed
    assert answer.switch == "off"
    assert ("osl-10-15a-2025", "off") in {(reason.ground, reason.code) for reason in answer.reasons}


def test_a_control_ground_is_never_a_ground_to_share_on() -> None:  # hs-05
    assert {row.code for row in reference().control_grounds}.isdisjoint(LAW.grounds)


@pytest.mark.parametrize("opened", [frozenset[str](), LAW.openable], ids=["as it ships", "everything opened"])
def test_nothing_of_the_personal_file_goes_anywhere(opened: frozenset[str]) -> None:  # hs-06, hs-10, hs-13
    secret = dict.fromkeys(
        [
            *("social_file.journal_notes", "social_file.child_investigation", "social_file.anything", "subject.health_data"),
            *("children.any", "media.photo_or_video_of_person", "media.covert_observation", "selection.methods_models_risk_factors"),
            *("free_text.crime_allegation", "informant.identity", "police.intelligence", "subject.protected_address"),
        ],
        "x",
    )
    asked = itertools.product(LAW.record_kinds, (IAF, frozenset({"kommun-tillsynsnamnd"})), sorted(LAW.receivers["any"]), (False, True))
    for kind, senders, receiver, on_request in asked:
        answer = choose(LAW, Question(kind, senders, receiver, TODAY, on_request), opened)
        kept, left = minimise(answer, secret)
        assert kept == {}
        assert {row.code for row in left} == {"never"} or not answer.allowed


def test_a_payment_that_was_answered_carries_amounts_and_periods_and_no_reasons() -> None:  # hs-06
    answer = choose(LAW, Question("suspected_payment", IAF, "skatteverket", TODAY, on_request=True))
    assert {name for name in answer.fields if name.startswith("payment.")} == {
        *("payment.benefit_type", "payment.period_from", "payment.period_to", "payment.paid_amount"),
    }


def test_a_child_is_registered_nowhere() -> None:  # hs-09
    with pytest.raises(Fault, match="under_18"):
        identity_number("199411302392", date(2012, 11, 29))
    assert not [field for field in FIELDS if "child" in field]


@pytest.mark.parametrize("word", ["photo", "image", "video", "camera", "latitude", "longitude", "observation_log", "movement"])
def test_the_contract_has_no_word_for_watching_somebody(word: str) -> None:  # hs-10
    assert [field for field in FIELDS if word in field] == []


# How dangerous a day is for those who go there (workflows 4.2): of an operation, never of anybody.
STAFF_SAFETY = {"risk_level", "risk_measures", "risk_signed_by", "risk_signed_time"}


@pytest.mark.parametrize("word", ["health", "disab", "ethnic", "relig", "politic", "union", "sexual", "biometric", "score", "rank", "risk"])
def test_the_contract_has_no_word_to_search_or_rank_people_by(word: str) -> None:  # hs-11, hs-13
    assert [field for field in FIELDS if word in field and field not in STAFF_SAFETY] == []


def test_every_answer_has_one_receiver() -> None:  # hs-12
    kinds = {row.code for row in reference().receivers}
    for rule in LAW.rules:
        for (_, receiver), routes in rule.routes.items():
            assert receiver in kinds
            assert {route.receiver for route in routes} == {receiver}


@pytest.mark.parametrize("body", ["nav", "kela", "europol", "interpol", "olaf"])
def test_a_foreign_body_is_no_receiver(body: str) -> None:  # hs-15
    with pytest.raises(Invalid, match="receiver"):
        choose(LAW, Question("suspected_payment", frozenset({"kommun-namnd"}), body, TODAY))
    assert body not in {row.code for row in reference().receivers}


@pytest.mark.parametrize("word", ["GUILT", "FRAUD", "CRIMINAL", "CHEAT", "OFFENDER", "SUSPECT_"])
def test_no_state_says_anything_of_a_persons_guilt(word: str) -> None:  # hs-18
    assert [value.name for file in FILES for enum in enums(file) for value in enum.values if word in value.name] == []
