"""`los legal`: the contract of design 3."""

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.legal import app
from services.sharing.legal import Ground, law
from services.sharing.legal.data import NotABasis

ALERT = (
    "--record-kind", "folkbokforing_alert", "--sender-kind", "kommun-namnd", "--receiver", "skatteverket",
)  # fmt: skip


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def explained(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("explain", *arguments, "--json").stdout)
    return answer


def test_a_yes_exits_zero_and_says_everything_in_json() -> None:
    result = run("explain", *ALERT, "--on", "2021-06-18", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert list(answer) == ["allowed", "ground", "kind", "switch", "decision_by", "fields", "reasons"]
    assert (answer["allowed"], answer["ground"], answer["kind"]) == (True, "fol-32c-2021", "duty")
    assert (answer["switch"], answer["decision_by"]) == ("on", "officer+second")
    assert "dwelling.apartment_number" in answer["fields"]
    assert all(set(reason) == {"ground", "step", "code", "text"} for reason in answer["reasons"])


def test_a_no_exits_one_and_has_no_ground() -> None:
    result = run("explain", *ALERT, "--on", "2021-06-17", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (answer["allowed"], answer["ground"], answer["kind"]) == (False, None, None)
    assert (answer["switch"], answer["decision_by"], answer["fields"]) == ("none", None, [])


@pytest.mark.parametrize(
    ("option", "word", "listed"),
    [
        ("--record-kind", "grocery_list", "folkbokforing_alert"),
        ("--sender-kind", "grannen", "socialnamnd"),
        ("--receiver", "nsa", "forsakringskassan"),
        ("--secrecy", "99:1", "26:1"),
        ("--subject", "katt", "samordningsnummer"),
        ("--matter", "kärlek", "alcohol"),
        ("--on", "i förrgår", "2026-11-23"),
    ],
)
def test_an_unknown_word_is_wrong_use_and_the_list_is_shown(option: str, word: str, listed: str) -> None:
    words = {
        "--record-kind": "folkbokforing_alert",
        "--sender-kind": "kommun-namnd",
        "--receiver": "skatteverket",
        "--on": "2026-11-23",
    } | {option: word}
    result = run("explain", *(part for pair in words.items() for part in pair), "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"{option}: ")
    assert listed in result.stderr


def test_subject_request_and_secrecy_are_heard() -> None:
    assert explained(*ALERT, "--on", "2026-11-23", "--subject", "samordningsnummer")["ground"] == "samnr-4-1-2023"
    assert explained(*ALERT, "--on", "2026-11-23", "--on-request")["allowed"] is False
    assert explained(*ALERT, "--on", "2026-11-23", "--secrecy", "26:1")["allowed"] is True
    assert explained(*ALERT, "--on", "2026-11-23", "--secrecy", "21:3")["allowed"] is False


@pytest.mark.parametrize("kind", sorted(law().record_kinds))
def test_every_record_kind_is_answered(kind: str) -> None:
    result = run("explain", "--record-kind", kind, "--sender-kind", "socialnamnd", "--receiver", "kronofogden",
                 "--on", "2026-11-23", "--json")  # fmt: skip
    assert result.exit_code == 1
    assert json.loads(result.stdout)["allowed"] is False


def test_people_are_answered_in_swedish() -> None:
    yes = run("explain", *ALERT, "--on", "2026-11-23")
    assert yes.stdout.startswith("JA. 32 c § folkbokföringslagen")
    assert "särskilda skäl" in yes.stdout
    no = run("explain", *ALERT, "--on", "2020-01-01")
    assert no.stdout.startswith("NEJ. ")
    assert "gäller först från och med 2021-06-18" in no.stdout


def test_the_grounds_of_a_day_are_those_in_force_that_day() -> None:
    rows = json.loads(run("grounds", "--on", "2023-12-31", "--json").stdout)
    day = date(2023, 12, 31)
    in_force = {ground.id for ground in law().grounds.values() if ground.effective_from <= day <= (ground.effective_to or day)}
    assert {row["id"] for row in rows} == in_force
    assert {"fol-32c-2021", "underrattelselagen-2020", "osl-10-2", "sol-12-7-2002"} <= in_force
    assert {row["id"]: row["digest"] for row in rows}["osl-10-2"] == law().grounds["osl-10-2"].digest
    assert len(json.loads(run("grounds", "--json").stdout)) == len(law().grounds)
    assert "gäller från och med 2020-01-01 till och med 2023-12-31" in run("grounds").stdout


def test_a_version_that_has_ended_is_not_among_the_grounds_of_the_day_after() -> None:
    ids = {row["id"] for row in json.loads(run("grounds", "--on", "2024-01-01", "--json").stdout)}
    assert {name for name in ids if name.startswith("underrattelselagen")} == {"underrattelselagen-2024"}


def asked_of(ground: Ground) -> list[str]:
    """The arguments of a question that fits the ground: its own first words, on the first day."""
    words = ["--record-kind", ground.record_kinds[0].replace("any", "suspected_payment"), "--sender-kind", ground.sender_kinds[0]]
    pays = ground.condition == "receiver_pays"
    receiver = next((code for code in ground.receivers if code in law().receivers["any"] and not pays), "csn")
    matter = ground.condition if ground.condition in {"environment", "alcohol", "assistance"} else None
    words += ["--receiver", receiver, "--on", ground.effective_from.isoformat(), "--secrecy", "none"]
    words += ["--subject", "samordningsnummer"] if ground.condition == "coordination_number" else []
    words += ["--matter", matter] if matter else []
    return words + (["--on-request"] if ground.initiative == "on_request" else [])


@pytest.mark.parametrize("ground", law().grounds.values(), ids=law().grounds)
def test_every_ground_is_explained_and_one_that_is_not_verified_says_that_it_is_shut_and_why(ground: Ground) -> None:
    answer = explained(*asked_of(ground))
    said = {reason["ground"]: reason for reason in reversed(answer["reasons"]) if reason["step"] < 6}[ground.id]
    assert said["text"].startswith(ground.citation)
    if ground.verified:
        assert said["code"] not in {"unverified", "not_yet_in_force", "sender", "receiver", "asked", "not_asked", "condition"}
    else:
        assert said["code"] == "unverified"
        assert "avstängd" in said["text"]
        assert ground.shut_because in said["text"]


def test_a_question_that_says_nothing_of_the_matter_names_the_grounds_that_ask_for_it() -> None:
    finding = ("--record-kind", "control_finding", "--sender-kind", "kommun-tillsynsnamnd", "--receiver", "polisen", "--on", "2026-11-23")
    codes = {reason["ground"]: reason["code"] for reason in explained(*finding)["reasons"]}
    assert codes["miljobalken-26-2"] == "condition"
    assert explained(*finding, "--matter", "environment")["ground"] == "miljobalken-26-2"
    assert explained(*finding, "--matter", "alcohol", "--on-request")["ground"] == "alkohollagen-9-8-kommun"


def test_a_duty_that_a_person_carries_outside_is_a_yes_with_that_reason() -> None:
    question = ("--record-kind", "person_contact_detail", "--sender-kind", "kommun-namnd", "--receiver", "polisen", "--on-request")
    result = run("explain", *question, "--on", "2026-11-23", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (answer["allowed"], answer["switch"], answer["decision_by"]) == (True, "outside", "officer+second")
    assert answer["reasons"][-1]["code"] == "outside"
    assert "utanför plattformen" in run("explain", *question, "--on", "2026-11-23").stdout


def test_a_permission_that_ships_off_is_among_the_reasons_and_never_the_answer() -> None:
    question = ("--record-kind", "suspected_payment", "--sender-kind", "socialnamnd", "--receiver", "kronofogden", "--on", "2026-11-23")
    answer = explained(*question)
    assert (answer["allowed"], answer["ground"], answer["switch"]) == (False, None, "off")
    assert ("osl-10-15a-2025", "off") in {(reason["ground"], reason["code"]) for reason in answer["reasons"]}


@pytest.mark.parametrize("near", law().not_a_basis.values(), ids=law().not_a_basis)
def test_what_looks_like_a_ground_and_is_none_is_listed_and_said_where_a_question_near_it_is_refused(near: NotABasis) -> None:
    assert near.id not in law().grounds
    assert f"{near.id}: {near.citation}. {near.why}" in run("grounds").stdout
    receivers = near.receivers or ("kronofogden", "skatteverket-brottsbekampning")
    answers = [
        explained("--record-kind", kind, "--sender-kind", "socialnamnd", "--receiver", receiver, "--on", "2026-11-23")
        for kind in near.record_kinds
        for receiver in receivers
    ]
    refused = [answer for answer in answers if not answer["allowed"]]
    assert refused
    for answer in refused:
        assert near.why in {reason["code"]: reason["text"] for reason in answer["reasons"]}[near.id]
        assert answer["ground"] != near.id


def test_there_are_nine_of_them() -> None:
    assert len(law().not_a_basis) == 9
