"""The contract before judges from outside: is it AsyncAPI, is it JSON Schema 2020-12, and does it mean what we think it means?"""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner import feedback, jose
from partner.contract import conforming, example
from partner.envelope import verified_event
from partner.feedback import InvitationAnswer, Outcome, Reply, Role
from services.kernel.errors import Invalid
from services.kernel.reference import reference
from services.sharing.contract import Contract
from services.sharing.legal import law
from services.sharing.sealing import RECALLED_PURPOSE
from tests.judges.node import CONTRACT, Judge, require_node
from tests.partner.builders import NOW, a_record, a_world, an_event
from tests.sharing.test_inbound import a_notice

WORLD = a_world()
OURS = Contract(law())
MESSAGES = [
    (kind, receiver, change, ground)
    for (kind, receiver), changes in OURS.types.items()
    for change, grounds in changes.items()
    for ground in grounds
]


def a_content(kind: str, receiver: str, change: str, ground: str) -> dict[str, Any]:
    content = example(kind, receiver, change, str(uuid4()), ground)
    return content | {"replaces": [str(uuid4())]} if change == "corrected" else content


def test_the_official_parser_has_nothing_to_say_of_the_document(judge: Judge) -> None:
    said = judge.ask("asyncapi")
    agencies = [agency.code for agency in reference().agencies]
    assert said["problems"] == []
    assert sorted(said["channels"]) == sorted(f"los.{way}.{agency}.v1" for agency in agencies for way in ("share", "reply"))
    assert sorted(said["operations"]) == sorted([
        *(f"receive read-{agency}" for agency in agencies), *(f"send answer-{agency}" for agency in agencies)
    ])  # fmt: skip
    assert said["messages"] >= 3 * len(OURS.types)


def test_a_document_that_is_not_asyncapi_is_found(judge: Judge, tmp_path: Path) -> None:
    assert judge.ask("asyncapi")["problems"] == []
    folder = shutil.copytree(CONTRACT, tmp_path / "contract")
    text = (folder / "asyncapi.json").read_text(encoding="utf-8").replace('"action": "receive"', '"action": "eat"')
    (folder / "asyncapi.json").write_text(text, encoding="utf-8")
    other = Judge(require_node(), folder)
    try:
        assert other.ask("asyncapi")["problems"] != []
    finally:
        other.close()


def test_every_schema_is_json_schema_2020_12(judge: Judge) -> None:
    said = judge.ask("schemas")
    assert said["problems"] == []
    assert said["count"] == len([path for path in CONTRACT.rglob("*.json") if path.name not in {"asyncapi.json", "released.json"}])


@pytest.mark.parametrize(("kind", "receiver", "change", "ground"), MESSAGES)
def test_an_example_of_every_message_on_every_ground_conforms(judge: Judge, kind: str, receiver: str, change: Any, ground: str) -> None:  # noqa: ANN401  # one of three words
    content = a_content(kind, receiver, change, ground)
    assert judge.problems(f"content/{kind}.{receiver}.{change}.json", content) == []
    OURS.require(kind, receiver, change, json.dumps(content).encode())
    assert conforming(content, f"se.los.{kind}.{change}.v1", receiver) == content
    assert content["purpose"] == RECALLED_PURPOSE or change != "recalled"


ALTERED: list[Any] = ["", "x", 7, None, [], ["x"], [7], {}, {"x": "y"}, "2026-12-01T23:00+01:00", "2026-13", "\n2026-12-01\n"]


@given(st.data())
def test_the_judge_and_our_models_agree_on_what_conforms(judge: Judge, data: st.DataObject) -> None:
    kind, receiver, change, ground = data.draw(st.sampled_from(MESSAGES))
    content = a_content(kind, receiver, change, ground)
    part = data.draw(st.sampled_from([content, content["legal"], content["fields"]]))
    name = data.draw(st.sampled_from([*part, "fields.x", "payment.paid_amount", "subject.full_name"]))
    if data.draw(st.booleans()) and name in part:
        del part[name]
    else:
        part[name] = data.draw(st.sampled_from(ALTERED))
    conforms = judge.problems(f"content/{kind}.{receiver}.{change}.json", content) == []
    assert is_taken(kind, receiver, change, content) == conforms
    if conforms:
        assert conforming(content, f"se.los.{kind}.{change}.v1", receiver) == content


def is_taken(kind: str, receiver: str, change: Any, content: dict[str, Any]) -> bool:  # noqa: ANN401  # one of three words
    try:
        OURS.require(kind, receiver, change, json.dumps(content).encode())
    except Invalid:
        return False
    return True


def answers() -> list[Reply]:
    kit, kind = WORLD.kits["polisen"], "polismyndigheten"
    event = verified_event(a_record(an_event(receiver_kind=kind, record_kind="control_invitation")), kit, NOW)
    yes, no = InvitationAnswer(Role.ON_SITE, "polis", "los@polisen.example"), InvitationAnswer(None, None, "los@polisen.example")
    return [
        feedback.receipt(kit, event, kind, None, NOW),
        feedback.receipt(kit, event, kind, jose.Code.EXPIRED, NOW),
        *(feedback.outcome(kit, event, kind, status, NOW) for status in Outcome),
        *(feedback.invitation_answer(kit, event, kind, "LOS-2026-7", answer, NOW) for answer in (yes, no)),
        feedback.notice(kit, kind, a_notice(), NOW),
        feedback.notice_withdrawn(kit, kind, uuid4(), NOW),
    ]


@pytest.mark.parametrize("reply", answers(), ids=map(str, range(len(answers()))))
def test_what_a_partner_answers_conforms_outside_and_inside(judge: Judge, reply: Reply) -> None:
    event = json.loads(reply.value)
    inside = json.loads(jose.decrypt(event["data"], WORLD.keys.encryption[0].jwk))
    assert judge.problems("reply-event.json", event) == []
    assert judge.problems(f"replies/{event['type']}.json", inside) == []
    assert judge.problems(f"replies/{event['type']}.json", inside | {"more": "x"}) != []
    assert judge.problems("headers.json", {name: value.decode() for name, value in reply.headers}) == []


def test_a_refusal_without_a_reason_does_not_conform(judge: Judge) -> None:
    body = {"aud": "kommun", "disclosure_id": str(uuid4()), "event_id": str(uuid4()), "receiver_kind": "x", "time": "2026-11-24T09:30:00Z"}
    assert judge.problems("replies/se.los.receipt.v1.json", body | {"status": "received"}) == []
    assert judge.problems("replies/se.los.receipt.v1.json", body | {"status": "refused"}) != []
    assert judge.problems("replies/se.los.receipt.v1.json", body | {"status": "received", "reason": "expired"}) != []


def test_another_sdk_reads_our_event_and_refuses_what_is_no_cloudevent(judge: Judge) -> None:
    record = a_record(an_event())
    attributes = json.loads(record.value or b"")
    read = judge.event(record.key, record.value, record.headers)
    assert read["problems"] == []
    assert read["event"] | {"time": attributes["time"]} == attributes
    for changes in ({"source": None}, {"type": None}, {"time": "never"}, {"Upper": "x"}):
        other = {name: value for name, value in (attributes | changes).items() if value is not None}
        assert judge.event(record.key, json.dumps(other).encode(), record.headers)["problems"] != [], changes
