"""`los legal`: the contract of design 3."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.legal import app
from services.sharing.legal import law

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
    assert {row["id"] for row in rows} == {
        "bidragsbrott-6",
        "fol-32c-2021",
        "los-inbjudan-oppna-uppgifter",
        "osl-10-2",
        "samnr-4-1-2023",
        "underrattelselagen-2020",
    }
    assert {row["id"]: row["digest"] for row in rows}["osl-10-2"] == law().grounds["osl-10-2"].digest
    assert len(json.loads(run("grounds", "--json").stdout)) == len(law().grounds)
    assert "gäller från och med 2020-01-01 till och med 2023-12-31" in run("grounds").stdout


def test_a_version_that_has_ended_is_not_among_the_grounds_of_the_day_after() -> None:
    ids = {row["id"] for row in json.loads(run("grounds", "--on", "2024-01-01", "--json").stdout)}
    assert {name for name in ids if name.startswith("underrattelselagen")} == {"underrattelselagen-2024"}
