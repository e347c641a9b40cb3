"""The law is appended and never edited, and it says what the reference says."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from services.sharing.legal import Ground, law

LAW = law()
HERE = Path(__file__).parent
DIGESTS: dict[str, str] = tomllib.loads((HERE / "law_digests.toml").read_text(encoding="utf-8"))
INDEX: dict[str, dict[str, Any]] = tomllib.loads((HERE / "law_index.toml").read_text(encoding="utf-8"))
ENVELOPE = set(LAW.sets["ENV"])


@pytest.mark.parametrize("ground", LAW.grounds.values(), ids=LAW.grounds)
def test_no_version_is_edited_and_a_new_one_is_added_to_the_list_on_purpose(ground: Ground) -> None:
    assert DIGESTS.get(ground.id) == ground.digest, f'append a version, never edit one; a new one: {ground.id} = "{ground.digest}"'


def test_no_version_is_taken_away() -> None:
    assert set(DIGESTS) <= set(LAW.grounds)


def test_every_ground_of_the_reference_is_here() -> None:
    assert set(INDEX) <= set(LAW.grounds)
    assert len(INDEX) == 40


@pytest.mark.parametrize("name", INDEX)
def test_a_ground_says_what_the_reference_says(name: str) -> None:
    ground, said = LAW.grounds[name], INDEX[name]
    assert (ground.kind, ground.initiative, ground.automation) == (said["kind"], said["initiative"], said["automation"])
    assert (ground.effective_from, ground.effective_to) == (said["from"], said.get("to"))
    assert (ground.verified, ground.effective_from_verified) == (said["verified"], said["date_verified"])
    assert list(ground.sender_kinds) == said["senders"]
    assert list(ground.receivers) == said["receivers"]
    assert list(ground.record_kinds) == said["kinds"]
    assert [field for field in ground.fields_allowed if field not in ENVELOPE] == said["fields"]
    assert len(ground.fields_never) == said["never"]


def opening(code: str) -> set[str]:
    """The grounds that open a class."""
    return {ground.id for ground in LAW.grounds.values() if code in ground.opens}


REGISTER, NOTICE = {"fol-32c-2021", "samnr-4-1-2023"}, {"underrattelselagen-2020", "underrattelselagen-2024", "underrattelselagen-2026"}
RING = {"uppgiftsskyldighet-valfard-2024", "uppgiftsskyldighet-valfard-2025"}


@pytest.mark.parametrize(  # sharing-matrix 1.2, written again by hand
    ("code", "opened", "shut"),
    [
        ("17:1", {"osl-10-2", "osl-10-27", "uppgiftsskyldighet-brott-6-2025"}, {"osl-10-15a-2025", *RING, "los-inbjudan-oppna-uppgifter"}),
        ("18:1", {"osl-10-2", "osl-10-27", "uppgiftsskyldighet-brott-6-2025"}, {"osl-10-15a-2025", *RING, "los-inbjudan-oppna-uppgifter"}),
        (
            "17:2",
            {*REGISTER, *NOTICE, "sol-15-4-2025", "sol-12-7-2002", "sfb-110-31-2025", "bidragsbrott-6", "osl-10-2", "osl-10-27"},
            {"osl-10-15a-2025", *RING},
        ),
        (
            "26:1",
            {
                *(*REGISTER, *NOTICE, "bidragsbrott-6", "lss-15-10", "lss-15-11", "sol-15-4-2025", "sol-12-7-2002"),
                *("sfb-110-31-2025", "osl-10-15a-2025", "osl-10-2"),
            },
            {*RING, "uppgiftsskyldighet-brott-6-2025", "osl-10-27", "los-inbjudan-oppna-uppgifter"},
        ),
        (
            "30:27",
            {
                *(*REGISTER, *NOTICE, *RING, "uppgiftsskyldighet-brott-4-2025", "uppgiftsskyldighet-brott-5-2025"),
                *("uppgiftsskyldighet-brott-6-2025", "alkohollagen-9-8-kommun", "alkohollagen-9-8-polis-kfm-skv", "miljobalken-26-2"),
                *("osl-10-15a-2025", "osl-10-2", "osl-10-27"),
            },
            {"los-inbjudan-oppna-uppgifter", "sfb-110-31-2025", "bidragsbrott-6"},
        ),
    ],
)
def test_a_ground_opens_the_classes_that_the_matrix_says(code: str, opened: set[str], shut: set[str]) -> None:
    assert opened <= opening(code)
    assert opening(code).isdisjoint(shut)


@pytest.mark.parametrize("code", [row.code for row in LAW.secrecy_classes.values() if row.never])
def test_no_ground_opens_what_the_platform_never_sends(code: str) -> None:
    assert opening(code) == set()


BRAKES = {  # sharing-matrix 6.1
    "B1": REGISTER,
    "B2": NOTICE,
    "B3": RING,
    "B4": {"sfb-110-31-2025"},
    "B5": {"osl-10-15a-2025"},
    "B6": {"osl-10-27"},
    "B7": {"osl-10-2"},
    "B8": {"los-inbjudan-oppna-uppgifter"},
    "B9": {"uppgiftsskyldighet-brott-6-2025"},
    "B10": {"uppgiftsskyldighet-brott-4-2025"},
}


@pytest.mark.parametrize("brake", BRAKES)
def test_each_brake_stands_with_its_own_grounds_and_is_never_mixed(brake: str) -> None:
    kommun = {name for name in INDEX if LAW.grounds[name].brake == brake and "kommun-namnd" in LAW.grounds[name].sender_kinds}
    assert kommun == BRAKES[brake]
    assert LAW.brakes[brake].checklist


@pytest.mark.parametrize("duty", ["bidragsbrott-6", "miljobalken-26-2", "lss-15-10", "sol-15-4-2025", "alkohollagen-9-8-kommun"])
def test_a_duty_that_the_law_gives_no_brake_has_none(duty: str) -> None:
    assert LAW.grounds[duty].brake is None


def test_what_ships_shut_for_want_of_checking_says_so_in_swedish() -> None:
    shut = {ground.id: ground.shut_because for ground in LAW.grounds.values() if not ground.verified}
    assert set(shut) == {"fastighetsagare-frivillig-anmalan", "skatteverket-aterkoppling", "osl-10-23-2025", "osl-10-24-2025"}
    assert all(text.endswith(".") for text in shut.values())
