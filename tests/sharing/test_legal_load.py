"""A wrong, overlapping or incomplete set of law is refused, and the message says which file and which id."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from services.sharing.legal import LawError, Question, choose, load_law
from services.sharing.legal.load import FOLDER

LAW = load_law(FOLDER)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("legal_bases", "matrix"):
        shutil.copytree(FOLDER / part, tmp_path / part)
    return tmp_path


def replaced(folder: Path, file: str, old: str, new: str) -> None:
    path = next(folder.glob(f"*/{file}"))
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_unbroken_copy_is_the_law(copy: Path) -> None:
    assert load_law(copy).grounds == load_law(FOLDER).grounds


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("osl.toml", 'brake = "B7"', 'brake = "B99"', ("osl-10-2", "brake", "B99")),
        ("osl.toml", 'kind = "permission"', 'kind = "right"', ("osl-10-2", "kind")),
        ("osl.toml", 'kind = "permission"', 'kind = "permission"\ncolour = "red"', ("osl-10-2", "colour")),
        ("osl.toml", 'decision_by = "officer"', 'decision_by = "none"', ("osl-10-2", "decision_by", "none")),
        ("osl.toml", '"any-swedish-authority"', '"any-authority"', ("osl-10-2", "receivers", "any-authority")),
        ("osl.toml", '"kommunalt-bolag"', '"grannen"', ("osl-10-2", "sender_kinds", "grannen")),
        ("osl.toml", '["control_invitation"]', '["party_invitation"]', ("osl-10-2", "record_kinds", "party")),
        ("osl.toml", '"31:16"]', '"25:1"]', ("osl-10-2", "opens", "25:1")),
        ("osl.toml", '"control.reference"', '"control reference"', ("osl-10-2", "fields_allowed")),
        ("osl.toml", "verified = true\nverification", 'verified = "yes"\nverification', ("osl-10-2", "verified")),
        ("osl.toml", "effective_from = 2009-06-30", 'effective_from = "soon"', ("osl-10-2", "effective_from")),
        ("osl.toml", "effective_from = 2009-06-30", "", ("osl-10-2", "effective_from")),
        ("osl.toml", 'statute = "', "statute = ", ("osl.toml", "cannot be read")),
        ("osl.toml", 'id = "osl-10-2"', 'id = "fol-32c-2021"', ("osl.toml", "fol-32c-2021", "taken")),
        ("underrattelselagen.toml", "effective_to = 2023-12-31", "effective_to = 2024-01-01", ("-2020", "overlaps")),
        ("underrattelselagen.toml", "effective_to = 2025-12-31", "", ("underrattelselagen-2024", "overlaps")),
        ("underrattelselagen.toml", "effective_to = 2023-12-31", "effective_to = 2019-12-31", ("-2020", "before")),
        ("underrattelselagen.toml", 'supersedes = "underrattelselagen-2020"', 'supersedes = "x"', ("-2024", "missing")),
        ("underrattelselagen.toml", 'id = "underrattelselagen-2024"', 'id = "underrattelselagen-2020"', ("same id",)),
        ("flows.toml", 'grounds = ["bidragsbrott-6"]', 'grounds = ["bidragsbrott-7"]', ("report-pol", "bidragsbrott-7")),
        ("flows.toml", 'id = "inv-fk"', 'id = "inv-skv"', ("inv-skv", "taken")),
        ("flows.toml", 'goes = ["SUBJ", "PAY"]', 'goes = ["SUBJ", "WISH"]', ("pay-fk", "WISH")),
        ("flows.toml", 'goes = ["SUBJ", "PAY"]', 'goes = ["SUBJ", "PLAN"]', ("pay-fk", "PLAN")),
        ("flows.toml", '"payment.paid_amount", ', '"payment.observed_at", ', ("pay-fk", "payment.observed_at", "never")),
        ("flows.toml", 'writes = "W1"', 'writes = "W9"', ("alert-skv", "W9")),
        ("flows.toml", 'receivers = ["skatteverket-folkbokforing"]', 'receivers = ["csn"]', ("alert-skv", "csn")),
        ("flows.toml", 'record_kind = "police_report"', 'record_kind = "any"', ("report-pol", "any")),
        ("flows.toml", 'secrecy = ["17:1", ', 'secrecy = ["25:1", ', ("plan-skv", "25:1")),
        ("closed.toml", 'switch = "none"', 'switch = "open"', ("closed.toml", "switch")),
        ("closed.toml", 'id = "fl-8"', 'id = "osl-10-2"', ("closed.toml", "osl-10-2", "is a ground")),
        ("closed.toml", 'grounds = ["osl-10-27"]', 'grounds = ["osl-10-72"]', ("closed.toml", "osl-10-72")),
        ("flows.toml", 'serves = "register"', 'serves = "curiosity"', ("alert-skv", "curiosity")),
        ("flows.toml", 'decision_by = "manager"', 'decision_by = "none"', ("report-pol-other", "decision_by", "none")),
        ("flows.toml", 'switch = "off"', 'switch = "open"', ("flows.toml", "switch")),
        ("register.toml", "PAY = ", "PAYS = ", ("pay-fk", "goes", "PAY")),
        ("forvaltningslagen.toml", "shut_because = ", "# ", ("skatteverket-aterkoppling", "shut_because")),
        ("closed.toml", '["kronofogden"]', '["fogden"]', ("closed.toml", "fogden")),
        ("brakes.toml", 'id = "B1"', 'id = "B11"', ("fol-32c-2021", "brake", "B1")),
        ("brakes.toml", 'id = "W1"', 'id = "W11"', ("alert-skv", "W1")),
        ("senders.toml", 'code = "region"', 'code = "landsting"', ("underrattelselagen-2026", "region")),
        ("secrecy.toml", 'code = "26:1"', 'code = "26:2"', ("opens", "26:1")),
        ("messages.toml", "M1 = ", "M1 = 1 #", ("messages.toml", "M1")),
    ],
)
def test_a_broken_copy_is_refused_by_file_and_id(copy: Path, file: str, old: str, new: str, told: tuple[str, ...]) -> None:
    replaced(copy, file, old, new)
    with pytest.raises(LawError) as refusal:
        load_law(copy)
    for word in told:
        assert word in str(refusal.value)


SPOKEN_OF = {LAW.statutes[ground] for flow in LAW.flows.values() for ground in flow.grounds}


@pytest.mark.parametrize(
    "file",
    sorted(path.name for path in FOLDER.glob("matrix/*.toml"))
    + sorted(path.name for path in FOLDER.glob("legal_bases/*.toml") if any(f'"{name}"' in path.read_text("utf-8") for name in SPOKEN_OF)),
)
def test_an_incomplete_set_is_refused(copy: Path, file: str) -> None:
    next(copy.glob(f"*/{file}")).unlink()
    with pytest.raises(LawError, match=r"\.toml"):
        load_law(copy)


def test_no_grounds_at_all_is_no_law(copy: Path) -> None:
    for path in (copy / "legal_bases").glob("*.toml"):
        path.unlink()
    with pytest.raises(LawError, match="no grounds"):
        load_law(copy)


def test_the_digest_follows_the_content_and_nothing_else(copy: Path) -> None:
    before = load_law(FOLDER).grounds
    replaced(copy, "osl.toml", "# Engineering reference", "# A comment, and engineering reference")
    replaced(copy, "bidragsbrottslagen.toml", "report.amount", "report.sum")
    after = load_law(copy).grounds
    assert after["osl-10-2"].digest == before["osl-10-2"].digest
    assert after["bidragsbrott-6"].digest != before["bidragsbrott-6"].digest
    assert len({ground.digest for ground in before.values()}) == len(before)


REPORT = Question("police_report", frozenset({"socialnamnd"}), "polisen", date(2026, 11, 23))


def test_an_unverified_ground_opens_nothing(copy: Path) -> None:
    assert choose(load_law(copy), REPORT).allowed
    shut = 'verified = false\nshut_because = "Den är inte läst."\nverification'
    replaced(copy, "bidragsbrottslagen.toml", "verified = true\nverification", shut)
    answer = choose(load_law(copy), REPORT)
    assert not answer.allowed
    assert ("bidragsbrott-6", "unverified") in {(reason.ground, reason.code) for reason in answer.reasons}


def test_a_ground_that_people_carry_outside_opens_nothing(copy: Path) -> None:
    replaced(copy, "bidragsbrottslagen.toml", '"human_decision"', '"human_only_outside_platform"')
    answer = choose(load_law(copy), REPORT)
    assert not answer.allowed
    assert ("bidragsbrott-6", "automation") in {(reason.ground, reason.code) for reason in answer.reasons}


def test_open_facts_go_before_own_need_when_both_hold(copy: Path) -> None:
    replaced(copy, "flows.toml", 'secrecy = ["17:1", "17:2", "18:1", "30:27", "31:16"]\n', "")
    question = Question("control_invitation", frozenset({"kommun-namnd"}), "skatteverket", date(2026, 11, 23))
    answer = choose(load_law(copy), question)
    assert answer.flow == "inv-skv"
    assert ("osl-10-2", "outranked") in {(reason.ground, reason.code) for reason in answer.reasons}
