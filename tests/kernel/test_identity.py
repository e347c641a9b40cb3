"""Numbers of persons and organisations. Test numbers are those that Skatteverket publishes."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.errors import Invalid
from services.kernel.identity import IdentityNumber, OrgNumber, holds_identity_number

TODAY = date(2026, 11, 23)
SAMPLES = Path(__file__).parents[2] / "samples"
PUBLISHED = [line for line in (SAMPLES / "testpersonnummer.txt").read_text(encoding="ascii").split("\n") if line[:1].isdigit()]


@pytest.mark.parametrize(
    "text",
    ["199411302392", "19941130-2392", "941130-2392", "9411302392", " 941130 - 2392 ", "19941130\u20132392", "941130\u00a02392"],
)
def test_every_form_that_people_write_is_the_same_number(text: str) -> None:
    assert IdentityNumber.parse(text, TODAY).digits == "199411302392"


@pytest.mark.parametrize("text", ["", "1830729-2386", "abc", "19941130-23922", "19941130239", "１９９４１１３０２３９２", "19941130/2392"])
def test_what_is_not_ten_or_twelve_digits_is_told_by_form(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        IdentityNumber.parse(text, TODAY)
    assert refused.value.reason == "IDENTITY_NUMBER_FORM"


@pytest.mark.parametrize("text", ["19941130-2393", "19941330-2392", "19940230-2392", "19941130-0002"])
def test_a_wrong_check_digit_or_day_is_told_and_never_repeated(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        IdentityNumber.parse(text, TODAY)
    assert refused.value.reason == "IDENTITY_NUMBER"
    assert text not in str(refused.value)
    assert refused.value.__suppress_context__


def test_all_published_numbers_are_valid_and_keep_their_digits() -> None:
    born = [IdentityNumber.parse(text, TODAY) for text in PUBLISHED]
    assert [number.digits for number in born] == PUBLISHED
    assert {number.is_coordination for number in born} == {False}


def test_a_samordningsnummer_is_known_by_its_day() -> None:
    number = IdentityNumber.parse("310481-9093", TODAY)
    assert (number.is_coordination, number.birth_date) == (True, date(1931, 4, 21))


def test_a_plus_sign_means_a_hundred_years_or_more() -> None:
    digits = next(text for text in PUBLISHED if text.startswith("1931"))
    later = date(2031, 12, 31)
    assert IdentityNumber.parse(f"{digits[2:8]}+{digits[8:]}", later).digits == digits


def test_nobody_is_born_in_the_future() -> None:
    digits = next(text for text in PUBLISHED if text.startswith("2008"))
    with pytest.raises(Invalid):
        IdentityNumber.parse(digits, date(2007, 12, 31))


@pytest.mark.parametrize(("day", "adult"), [(date(2012, 11, 29), False), (date(2012, 11, 30), True)])
def test_a_person_is_adult_from_the_eighteenth_birthday(day: date, adult: bool) -> None:  # noqa: FBT001
    assert IdentityNumber.parse("199411302392", date(2026, 1, 1)).is_adult(day) is adult


def test_a_repr_says_nothing() -> None:
    assert "1994" not in repr(IdentityNumber.parse("199411302392", TODAY))
    assert "559999" not in repr(OrgNumber.parse("559999-0180"))


@pytest.mark.parametrize("text", ["559999-0180", "5599990180", "16559999-0180", "559999 \u2013 0180"])
def test_an_organisations_number_in_every_form(text: str) -> None:
    number = OrgNumber.parse(text)
    assert (str(number), number.digits, number.is_personal) == ("559999-0180", "5599990180", False)


def test_an_enskild_firma_has_its_owners_number() -> None:
    number = OrgNumber.parse("19941130-2392")
    assert (number.digits, number.is_personal) == ("9411302392", True)


@pytest.mark.parametrize("text", ["", "559999-0183", "559999", "org", "559999-0180-1"])
def test_a_wrong_organisation_number_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        OrgNumber.parse(text)
    assert refused.value.reason == "ORG_NUMBER"


@given(st.text())
def test_no_text_makes_the_readers_fall(text: str) -> None:
    for read in (lambda: IdentityNumber.parse(text, TODAY), lambda: OrgNumber.parse(text)):
        try:
            read()
        except Invalid:
            continue
    holds_identity_number(text, TODAY)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Grannen, 820614-2393, säger", True),
        ("se 198206142393.", True),
        ("ring 013-206000 efter 820614", False),
        ("objekt 820614-2394", False),
        ("", False),
    ],
)
def test_a_number_in_the_middle_of_a_note_is_found(text: str, held: bool) -> None:  # noqa: FBT001
    assert holds_identity_number(text, TODAY) is held
