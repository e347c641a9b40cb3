"""A second engine: the same files compiled to Cedar policies, with none of ours in between, gives the same answers.

Each ground of each flow is one `permit`. Hierarchies (groups of receivers, wider sender kinds) are Cedar entities, and
steps 1 to 5 of sharing-matrix 1.3 are conditions; which ground goes before is the order of `precedence` alone.
"""

import json
import random
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import cedarpy
import pytest

from services.sharing.legal import Question, choose, law

ROOT = Path(__file__).resolve().parents[2]
SHARING = ROOT / "services" / "sharing"
COUNT = 10_000
AUTOMATED = ("human_decision", "may_send_after_field_check")
ORDER = (
    *("open_facts", "special_duty", "notify_duty", "narrow_request_duty", "request_duty", "general_duty"),
    *("own_need", "other_permission", "last"),
)
MEETS = {  # sharing-matrix 1.3 step 1, again
    "registered_person": '["", "personnummer"].contains(context.subject)',
    "coordination_number": 'context.subject == "samordningsnummer"',
    "individual": '["", "personnummer", "samordningsnummer"].contains(context.subject)',
    "receiver_pays": 'resource in Group::"pays"',
    "environment": 'context.matter == "environment"',
    "alcohol": 'context.matter == "alcohol"',
    "assistance": 'context.matter == "assistance"',
}


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


REFERENCE = read(ROOT / "services" / "kernel" / "reference" / "agencies.toml")
RECEIVERS = {row["code"]: row for row in REFERENCE["receiver"]}
SENDERS = {row["code"]: row for row in read(SHARING / "matrix" / "senders.toml")["sender"]}
STATE = {code: {"code": code, "implies": ["statlig-myndighet"]} for code, row in RECEIVERS.items() if row["group"] == "state"}
FLOWS = read(SHARING / "matrix" / "flows.toml")
GROUNDS = {row["id"]: row for path in (SHARING / "legal_bases").glob("*.toml") for row in read(path)["version"]}
SECRECY = [row["code"] for row in read(SHARING / "matrix" / "secrecy.toml")["class"]]


def words(values: Any) -> str:  # noqa: ANN401  # any list of words
    return json.dumps(sorted(values), ensure_ascii=False)


def groups_of(code: str) -> Iterator[str]:
    """The groups a receiver is in (sharing-matrix 1.1, and who pays or taxes)."""
    row = RECEIVERS[code]
    yield f"only-{code}"
    if row["group"] in {"state", "municipal", "region"}:
        yield "any-swedish-authority"
    if row["group"] == "state":
        yield "statlig-myndighet"
    if row.get("agency") == "skatteverket":
        yield "skatteverket"
    if row["group"] == "municipal":
        yield "municipal"
        if code.endswith("namnd"):
            yield "kommun-namnd"
    if "agency" not in row:
        yield "others"
    if row.get("decides") or code == "skatteverket-beskattning":
        yield "pays"


GROUPS = sorted({group for code in RECEIVERS for group in groups_of(code)})
ENTITIES = cedarpy.Entities.from_json_str(
    json.dumps(
        [{"uid": {"type": "Group", "id": group}, "attrs": {}, "parents": []} for group in GROUPS]
        + [
            {
                "uid": {"type": "Receiver", "id": code},
                "attrs": {},
                "parents": [{"type": "Group", "id": group} for group in groups_of(code)],
            }
            for code in RECEIVERS
        ]
    )
)


def reaches(codes: list[str]) -> str:
    listed = [code if code in GROUPS else f"only-{code}" for code in codes]
    return "(" + " || ".join(f'resource in Group::"{group}"' for group in listed if group in GROUPS) + ")"


def conditions(flow: dict[str, Any], ground: dict[str, Any]) -> Iterator[str]:
    """What has to be true, one condition each."""
    yield f"context.on >= {ground['effective_from'].toordinal()}"
    yield f"context.on <= {ground.get('effective_to', date.max).toordinal()}"
    yield f'context.kind == "{flow["record_kind"]}"'
    senders = list(ground["sender_kinds"])
    if "skatteverket" in senders:
        senders += [code for code, row in RECEIVERS.items() if row.get("agency") == "skatteverket"]
    yield f"{words(senders)}.containsAny(context.senders)"
    yield reaches(ground["receivers"])
    yield {"own_initiative": "!context.asked", "on_request": "context.asked", "both": "true"}[ground["initiative"]]
    yield f"{words(ground['opens'])}.containsAll(context.secrecy)"
    yield "true" if ground["verified"] else f'context.opened.contains("{ground["id"]}")'
    yield MEETS.get(ground.get("condition", ""), "true")
    if ground.get("deciding_body_only"):
        yield "!context.body_known || context.body_is_receiver"
    if "receivers" in flow:
        yield reaches(flow["receivers"])
    else:
        yield 'resource in Group::"others"'
        yield '!(resource in Group::"municipal" && ["kommun-namnd", "kommunalt-bolag"].containsAny(context.senders))'
    if "sender_kinds" in flow:
        yield f"{words(flow['sender_kinds'])}.containsAny(context.senders)"
    yield f"!{words(flow.get('not_sender_kinds', ['-']))}.containsAny(context.senders)"
    yield f"!{words(flow.get('not_subjects', ['-']))}.contains(context.subject)"
    if "secrecy" in flow:
        yield f"!context.secrecy.isEmpty() && {words(flow['secrecy'])}.containsAll(context.secrecy)"
    if flow.get("switch") == "off":
        yield f'context.opened.contains("{flow["id"]}")'


def policies() -> Iterator[tuple[str, str, str]]:
    """Flow, ground and policy, for each ground of each flow that could ever answer."""
    for flow in FLOWS["flow"]:
        own = tuple(FLOWS["record_kinds"][flow["record_kind"]]["own"])
        for ground in (GROUNDS[code] for code in flow["grounds"]):
            has_own_field = any(name.startswith(own) for name in ground["fields_allowed"])
            if ground["automation"] in AUTOMATED and has_own_field:
                body = " && ".join(f"({condition})" for condition in conditions(flow, ground))
                yield flow["id"], ground["id"], f'permit(principal, action == Action::"share", resource) when {{ {body} }};'


WRITTEN = list(policies())
NAMED = {f"policy{number}": (flow, ground) for number, (flow, ground, _) in enumerate(WRITTEN)}  # Cedar names them in their order
POLICIES = cedarpy.PolicySet.from_str("\n".join(text for _, _, text in WRITTEN))


def default_secrecy(question: Question) -> set[str]:
    if question.record_kind == "control_invitation":
        return set()
    return {SENDERS[code]["secrecy"] for code in question.sender_kinds if "secrecy" in SENDERS.get(code, {})}


def request(question: Question, opened: frozenset[str]) -> dict[str, Any]:
    known = {**STATE, **SENDERS}
    agency = next((row for row in REFERENCE["agency"] if row["code"] == question.receiver), None)
    first = next((code for code, row in RECEIVERS.items() if row.get("agency") == question.receiver), question.receiver)
    receiver = question.receiver if agency is None else agency["receivers"].get(question.record_kind, first)
    secrecy = default_secrecy(question) if question.secrecy is None else set(question.secrecy) - {"none"}
    return {
        "principal": 'Unit::"one"',
        "action": 'Action::"share"',
        "resource": f'Receiver::"{receiver}"',
        "context": {
            "on": question.on.toordinal(),
            "kind": question.record_kind,
            "senders": sorted({word for code in question.sender_kinds for word in (code, *known[code].get("implies", ()))}),
            "asked": question.on_request,
            "secrecy": sorted(secrecy),
            "subject": question.subject or "",
            "matter": question.matter or "",
            "body_known": question.deciding_body is not None,
            "body_is_receiver": question.deciding_body == receiver,
            "opened": sorted(opened),
        },
    }


def questions() -> Iterator[tuple[Question, frozenset[str]]]:
    """Half of them anything at all, half of them near a flow that exists; the same ones every time."""
    pick = random.Random(2008206)  # noqa: S311  # not a secret
    senders, receivers = [*SENDERS, *STATE], [*RECEIVERS, *(row["code"] for row in REFERENCE["agency"])]
    edges = [edge for row in GROUNDS.values() for edge in (row["effective_from"], row.get("effective_to")) if edge is not None]
    openable = [flow["id"] for flow in FLOWS["flow"] if flow.get("switch") == "off"]
    openable += [row["id"] for row in GROUNDS.values() if not row["verified"]]
    for number in range(COUNT):
        near = pick.choice(FLOWS["flow"]) if number % 2 else None
        ground = GROUNDS[pick.choice(near["grounds"])] if near else None
        kinds = near.get("sender_kinds", ground["sender_kinds"]) if near and ground else senders
        known = [code for code in kinds if code in senders]
        reached = [code for code in (near.get("receivers") or ground["receivers"]) if code in receivers] if near and ground else []
        day = pick.choice([ground["effective_from"], date(2026, 11, 23)] if ground else edges) + timedelta(days=pick.choice((-1, 0, 0, 1)))
        yield (
            Question(
                record_kind=near["record_kind"] if near else pick.choice(list(FLOWS["record_kinds"])),
                sender_kinds=frozenset(pick.sample(known or senders, k=min(len(known or senders), pick.choice((1, 1, 2))))),
                receiver=pick.choice(reached or receivers),
                on=day,
                on_request=pick.random() < 0.5,
                secrecy=pick.choice((None, None, frozenset({"none"}), frozenset(pick.sample(SECRECY, k=pick.choice((1, 1, 2)))))),
                subject=pick.choice((None, None, "personnummer", "samordningsnummer", "company", "nobody")),
                deciding_body=pick.choice((None, None, "", "forsakringskassan", "csn")),
                matter=pick.choice((None, None, "environment", "alcohol", "assistance")),
            ),
            frozenset(pick.sample(openable, k=pick.choice((0, 0, 3, len(openable))))),
        )


@pytest.fixture(scope="module")
def answers() -> list[tuple[Question, frozenset[str], set[tuple[str, str]]]]:
    """Every question, what is opened, and the flows and grounds that Cedar permits it on."""
    asked = list(questions())
    results = cedarpy.is_authorized_batch([request(*row) for row in asked], POLICIES, ENTITIES)
    assert [result.diagnostics.errors for result in results if result.diagnostics.errors] == []
    return [(*row, {NAMED[name] for name in result.diagnostics.reasons}) for row, result in zip(asked, results, strict=True)]


Answers = list[tuple[Question, frozenset[str], set[tuple[str, str]]]]


def test_both_engines_say_yes_and_no_to_the_same_questions_on_the_same_grounds(answers: Answers) -> None:
    assert len(answers) == COUNT
    for question, opened, permitted in answers:
        answer = choose(law(), question, opened)
        grounds = {reason.ground for reason in answer.reasons if reason.code in {"applies", "outranked"}}
        assert grounds == {ground for _, ground in permitted}, (question, opened)
        assert answer.allowed == bool(permitted)


def test_the_answer_is_a_permitted_flow_and_no_other_goes_before_it(answers: Answers) -> None:
    for question, opened, permitted in answers:
        answer = choose(law(), question, opened)
        if answer.ground is not None:
            assert (answer.flow, answer.ground.id) in permitted
            assert ORDER.index(GROUNDS[answer.ground.id]["precedence"]) == min(
                ORDER.index(GROUNDS[ground]["precedence"]) for _, ground in permitted
            )


def test_the_fields_are_those_of_the_flow_that_the_ground_allows(answers: Answers) -> None:
    flows = {flow["id"]: flow for flow in FLOWS["flow"]}
    for question, opened, _ in answers:
        answer = choose(law(), question, opened)
        if answer.ground is not None:
            needed = {name for part in ("ENV", *flows[answer.flow]["goes"]) for name in FLOWS["sets"][part]}
            allowed = {name for name in needed if any(fnmatch(name, pattern) for pattern in GROUNDS[answer.ground.id]["fields_allowed"])}
            assert set(answer.fields) <= allowed
            numbers = {"subject.personal_identity_number", "subject.coordination_number", *FLOWS["sets"]["SOLE_TRADER"]}
            assert allowed - set(answer.fields) <= numbers


def test_the_questions_are_worth_asking(answers: Answers) -> None:
    yes = [(question, permitted) for question, _, permitted in answers if permitted]
    assert len(yes) > COUNT // 10
    assert len({pair for _, permitted in yes for pair in permitted}) > len(WRITTEN) * 9 // 10
    assert any(len(permitted) > 1 for _, permitted in yes)
