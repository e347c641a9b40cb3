"""How addresses are compared: the forms that people write of one place are one form, and two places never are."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.place import place

# Each row: ways to write one dwelling, flat 1201 in Exempelgatan 1 B.
SAME_DWELLING = [
    ("Exempelgatan 1 B", "582 22", "1201"),
    ("Exempelgatan 1B", "58222", "1201"),
    ("EXEMPELGATAN 1 b", "582 22", "1201"),
    ("  exempelgatan   1b ", "58222", "1201"),
    ("Exempelg. 1B", "58222", "1201"),
    ("Exempelgatan 1 B lgh 1201", "58222", ""),
    ("Exempelgatan 1B, lgh 1201", "58222", ""),
    ("Exempelgatan 1 B (lägenhet 1201)", "58222", ""),
    ("Exempelgatan 1B lgh 1201", "58222", "1201"),
    ("EXEMPELGATAN 1B, 2 tr", "58222", "1201"),
    ("Exempelgatan 1B vån 2", "58222", "1201"),
    ("c/o Demo, Exempelgatan 1B", "58222", "1201"),
]
SAME_STREET = [
    {"Östra vägen 3", "Ö. vägen 3", "ÖSTRA VÄGEN 3", "Östra v. 3"},
    {"Göran Dyks gata 51", "Göran Dyks g. 51", "göran dyks  gata 51"},
    {"Lambohovsvägen 5 C", "Lambohovsv. 5c", "Lambohovsväg. 5C"},
    {"S:t Larsgatan 3", "Sankt Larsgatan 3", "S:T LARSG. 3"},
    {"Storgatan 3", "Storg. 3", "STORGATAN 3"},
    {"Stora gatan 3", "Stora g. 3"},
    {"Exempelgränden 4", "Exempelgränd 4"},
    {"Skäggetorps centrum 68 A", "skäggetorps centrum 68a"},
    {"Berg 3", "BERG 3"},
    {"Bergatan 3", "Berg. 3"},
    {"Exempelgatan 1 uppg B", "Exempelgatan 1, uppgång B"},
    {"Exempelgatan 1"},
    {"Exempelgatan 1B"},
    {"Exempelgatan 11"},
    {"Exempelgatan 12-14", "EXEMPELGATAN 12-14"},
    {"Exempelgatan 12"},
    {"Exempelgatan 1 bakom kyrkan", "exempelgatan 1  bakom kyrkan"},
    {"Exempelgården"},
    {"Box 14"},
    {"17"},
]


@pytest.mark.parametrize(("address", "postal_code", "flat"), SAME_DWELLING)
def test_the_ways_to_write_one_dwelling_are_one_form(address: str, postal_code: str, flat: str) -> None:
    expected = place("Exempelgatan 1B", "58222", "Linköping", "1201")
    assert place(address, postal_code, "LINKÖPING", flat).dwelling == expected.dwelling != ""


@pytest.mark.parametrize("forms", SAME_STREET)
def test_the_ways_to_write_one_address_are_one_form(forms: set[str]) -> None:
    assert len({place(form, "58222", "Linköping").near for form in forms}) == 1


def test_no_two_addresses_of_the_table_are_one() -> None:
    for some, others in combinations(SAME_STREET, 2):
        assert not {place(form).near for form in some} & {place(form).near for form in others}, (some, others)


def test_an_entrance_is_no_letter() -> None:
    assert place("Exempelgatan 1 uppg B", "58222", "", "1201").dwelling != place("Exempelgatan 1B", "58222", "", "1201").dwelling


def test_a_flat_has_its_number_only_inside_its_entrance() -> None:
    one, other = (place(f"Exempelgatan 1{letter}", "58222", "Linköping", "1201", "LINKÖPING PROVET 1:2") for letter in "AB")
    assert one.dwelling != other.dwelling
    assert one.in_property == other.in_property != ""


def test_another_postal_code_is_another_dwelling_and_perhaps_the_same() -> None:
    one, other = (place("Exempelgatan 1", code, "Linköping", "1201") for code in ("58222", "58437"))
    assert one.dwelling != other.dwelling
    assert one.near == other.near


def test_two_numbers_of_a_flat_are_not_chosen_between() -> None:
    assert place("Exempelgatan 1B lgh 1202", "58222", "", "1201").dwelling != place("Exempelgatan 1B", "58222", "", "1201").dwelling


def test_without_a_flats_number_there_is_an_address_and_no_dwelling() -> None:
    one, other = place("Exempelgatan 1", "58222", "Linköping"), place("Exempelgatan 1, 2 tr", "58222", "Linköping")
    assert one.dwelling == other.dwelling == one.in_property == ""
    assert one.near != other.near


def test_nothing_said_is_compared_with_nothing() -> None:
    nothing = place("")
    assert (nothing.dwelling, nothing.near, nothing.in_property) == ("", "", "")


@pytest.mark.parametrize("text", ["LINKÖPING MÖNSTRET 1:37", "Mönstret 1:37", "kv. Mönstret 1 : 37", "Kvarteret mönstret 1:37"])
def test_a_property_is_the_same_with_and_without_the_kommuns_name(text: str) -> None:
    assert place("", "", "Linköping", "1201", text).property_designation == "mönstret 1:37"


@given(st.text(max_size=80), st.sampled_from(["", "1201"]))
def test_any_text_has_a_form_whatever_its_spaces(street: str, flat: str) -> None:
    assert place(f"  {street} ", "582 22", "Linköping", flat) == place(street, "58222", " linköping", flat)
