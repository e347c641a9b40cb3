"""Words users write, and what they mean; which benefit is decided by whom; what a cause says of another benefit."""

import csv
from datetime import date
from pathlib import Path

import pytest

from services.kernel.reference import Word, Words, reference, sentence

SAMPLES = Path(__file__).parents[2] / "samples"
REFERENCE = reference()


def cells(file: str, encoding: str, column: str) -> set[str]:
    with (SAMPLES / file).open(encoding=encoding, newline="", errors="replace") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    texts = {part.strip() for row in rows for part in (row[column] or "").split(",")}
    return {text for text in texts if text}


@pytest.mark.parametrize(
    ("column", "words", "strange"),
    [
        ("Orsak", REFERENCE.causes, set()),
        ("Annan förmån", REFERENCE.benefits, set()),
        ("Impuls", REFERENCE.impulses, set()),
        ("Stödtyp", REFERENCE.schemes, set()),
        ("Förvaltning", REFERENCE.units, {"XYZ"}),
    ],
)
def test_every_word_of_the_payment_sample_is_known_but_the_wrong_ones(column: str, words: Words[Word], strange: set[str]) -> None:
    found = cells("iaf_utbetalningar.csv", "utf-8-sig", column)
    assert found
    assert {text for text in found if words.find(text) is None} == strange


def test_every_word_of_the_landlords_sample_is_known_but_the_wrong_one() -> None:
    observed = cells("fastighetsagare.csv", "cp1252", "Iakttagelse")
    assert {text for text in observed if REFERENCE.observations.find(text) is None} == {"ser skum ut"}
    sources = cells("fastighetsagare.csv", "cp1252", "Källa")
    assert all(REFERENCE.sources.find(text) is not None for text in sources)


def test_a_word_is_found_whatever_its_case_and_spacing() -> None:
    found = REFERENCE.benefits.find("  Äldreförsörjnings\u0308stöd ".replace("s\u0308", "s"))
    assert found is not None
    assert found.code == "aldreforsorjningsstod"
    assert REFERENCE.causes.find("FEL   hushåll") is REFERENCE.causes["household_wrong"]
    assert REFERENCE.causes.find("felhushåll") is None


@pytest.mark.parametrize(
    ("benefit", "body", "decides"),
    [
        ("bostadsbidrag", "forsakringskassan", True),
        ("bostadsbidrag", "csn", False),
        ("studiemedel", "csn", True),
        ("studiemedel", "forsakringskassan", False),
        ("aktivitetsstöd", "forsakringskassan", True),
        ("aktivitetsstöd", "arbetsformedlingen", False),
        ("bostadstillägg", "pensionsmyndigheten", True),
        ("bostadstillägg", "forsakringskassan", True),
        ("fritidskort", "e-halsomyndigheten", False),
        ("okänd förmån", "forsakringskassan", False),
    ],
)
def test_a_benefit_is_decided_by_its_own_body(benefit: str, body: str, *, decides: bool) -> None:
    assert REFERENCE.decides(benefit, body) is decides


@pytest.mark.parametrize("text", ["Skatteverket", "Kronofogden", "Polisen", "Utbetalningsmyndigheten", "Kalle Anka"])
def test_some_bodies_never_decide_a_benefit(text: str) -> None:
    assert REFERENCE.deciding_body(text) is None


@pytest.mark.parametrize(
    ("causes", "benefit", "opens"),
    [
        (["undeclared_income"], "bostadsbidrag", True),
        (["undeclared_income"], "barnbidrag", False),
        (["household_wrong"], "sjukpenning", False),
        (["household_wrong"], "underhallsstod", True),
        (["stay_abroad"], "barnbidrag", True),
        (["stay_abroad"], "studiemedel", False),
        (["double_benefit"], "sjukpenning", True),
        (["studies"], "aldreforsorjningsstod", False),
        (["studies", "undeclared_income"], "aldreforsorjningsstod", True),
        (["authority_error"], "bostadsbidrag", False),
        (["authority_error", "double_benefit"], "sjukpenning", False),
        (["other"], "bostadsbidrag", False),
        ([], "bostadsbidrag", False),
    ],
)
def test_a_cause_opens_the_question_of_some_benefits(causes: list[str], benefit: str, *, opens: bool) -> None:
    assert REFERENCE.question_is_open(causes, benefit) is opens


def test_a_sentence_tells_the_fact_and_its_days() -> None:
    told = sentence(REFERENCE.causes["stay_abroad"], date(2026, 4, 1), date(2026, 10, 31))
    assert told == "Personen har vistats utomlands från och med 2026-04-01 till och med 2026-10-31."
    assert sentence(REFERENCE.observations["apartment_empty"], None, None) == "Lägenheten har stått tom."


def test_no_sentence_tells_that_somebody_is_known_to_socialtjansten() -> None:
    for row in (*REFERENCE.causes, *REFERENCE.observations):
        text = (row.sentence or "").casefold()
        assert not any(word in text for word in ("bistånd", "social", "försörjningsstöd", "kommunen", "iaf"))


def test_what_is_weak_is_never_put_in_words() -> None:
    for row in REFERENCE.observations:
        assert row.weak == (row.sentence is None)
    with pytest.raises(ValueError, match="sublet_suspected"):
        sentence(REFERENCE.observations["sublet_suspected"], None, None)


def test_each_agency_is_reached_at_the_branch_the_record_is_for() -> None:
    reached = {
        (agency, kind): receiver.code
        for agency in ("skatteverket", "forsakringskassan", "kronofogden", "polisen")
        for kind in ("folkbokforing_alert", "suspected_payment", "control_invitation", "police_report")
        for receiver in [REFERENCE.receiver_of(agency, kind)]
        if receiver is not None
    }
    assert reached == {
        ("skatteverket", "folkbokforing_alert"): "skatteverket-folkbokforing",
        ("skatteverket", "suspected_payment"): "skatteverket-beskattning",
        ("skatteverket", "control_invitation"): "skatteverket-beskattning",
        ("skatteverket", "police_report"): "skatteverket-brottsbekampning",
        ("forsakringskassan", "suspected_payment"): "forsakringskassan",
        ("forsakringskassan", "control_invitation"): "forsakringskassan",
        ("kronofogden", "control_invitation"): "kronofogden",
        ("polisen", "control_invitation"): "polismyndigheten",
        ("polisen", "police_report"): "polismyndigheten",
    }


def test_socialtjanst_units_hold_no_invitation_and_their_records_are_secret() -> None:
    for code in ("IAF", "VOF"):
        unit = REFERENCE.units[code]
        assert "control_invitation" not in unit.holds
        assert {holding.secrecy for holding in unit.holds.values()} == {"26:1"}
        assert all("socialnamnd" in holding.sender_kinds for holding in unit.holds.values())
    assert REFERENCE.units["KLF"].holds["folkbokforing_alert"].secrecy == "none"
    assert REFERENCE.units["KLF"].holds["control_invitation"].plan_secrecy == "17:1"


def test_two_rows_may_not_claim_one_word() -> None:
    with pytest.raises(ValueError, match="already means first"):
        Words([Word(code="first", word="samma"), Word(code="second", word=" Samma ")])
