from datetime import date, timedelta

import pytest

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict
from services.kernel.protection import Protection
from services.kernel.reference import reference
from services.sharing.domain import (
    CodedFact,
    OfferState,
    Status,
    is_protected,
    rendered,
    require_decider,
    require_second_person,
    require_step,
    require_unprotected,
)
from tests.sharing.builders import NOW, an_offer


@pytest.mark.parametrize("protection", [Protection.UNKNOWN, Protection.PROTECTED])
def test_unknown_and_protected_go_no_further(protection: Protection) -> None:
    offer = an_offer(protection=protection)
    assert is_protected(offer)
    with pytest.raises(Conflict, match="protection_check"):
        require_unprotected(offer, NOW)


def test_a_register_check_is_valid_for_a_day_and_not_a_moment_longer() -> None:
    require_unprotected(an_offer(), NOW + timedelta(hours=24))
    with pytest.raises(Conflict, match="protection_check"):
        require_unprotected(an_offer(), NOW + timedelta(hours=24, milliseconds=1))


def test_a_register_check_from_the_future_is_no_check() -> None:
    with pytest.raises(Conflict, match="protection_check"):
        require_unprotected(an_offer(checked_time=NOW + timedelta(minutes=6)), NOW)


def test_a_record_without_a_time_of_its_check_goes_no_further() -> None:
    assert is_protected(an_offer(checked_time=None))


def test_an_invitation_names_nobody_and_needs_no_register_check() -> None:
    offer = an_offer(record_kind="control_invitation", protection=Protection.UNKNOWN, checked_time=None)
    assert not is_protected(offer)
    require_unprotected(offer, NOW)


def test_the_person_who_decided_cannot_be_the_second_person() -> None:
    with pytest.raises(Conflict):
        require_second_person(Caller("cli", "a", Role.APPROVER, "KLF"), "suspected_payment", "a", frozenset())


def test_a_person_who_has_handled_the_case_cannot_be_the_second_person() -> None:
    with pytest.raises(Conflict):
        require_second_person(Caller("cli", "b", Role.APPROVER, "KLF"), "suspected_payment", "a", frozenset({"b"}))


def test_a_colleague_who_has_not_handled_the_case_is_a_second_person() -> None:
    require_second_person(Caller("cli", "c", Role.APPROVER, "KLF"), "suspected_payment", "a", frozenset({"b"}))


def test_only_the_manager_decides_on_a_police_report() -> None:
    require_decider(Caller("cli", "m", Role.FUT_MANAGER, "IAF"), "police_report")
    with pytest.raises(Conflict):
        require_decider(Caller("cli", "u", Role.FUT_INVESTIGATOR, "IAF"), "police_report")


def test_coded_facts_become_swedish_sentences_with_their_days() -> None:
    fields = {"alert.circumstances": [CodedFact("apartment_empty", date(2026, 10, 1), date(2026, 11, 1))]}
    text = " ".join(rendered("folkbokforing_alert", fields, reference())["alert.circumstances"])
    assert "2026-10-01" in text
    assert "2026-11-01" in text
    assert "apartment_empty" not in text


def test_a_weak_observation_is_never_told() -> None:
    fields = {"alert.circumstances": [CodedFact("no_electricity_use", date(2026, 10, 1), None)]}
    with pytest.raises(ValueError, match="never told"):
        rendered("folkbokforing_alert", fields, reference())


def test_what_is_decided_may_only_be_taken_back_and_what_is_ended_stays_so() -> None:
    require_step("decided", OfferState.WITHDRAWN)
    for before in ("refused", "withdrawn", "replaced", "stopped", "no_ground"):
        for after in OfferState:
            with pytest.raises(Conflict):
                require_step(before, after)
    with pytest.raises(Conflict):
        require_step("decided", OfferState.WAITING)


def test_a_receipt_counts_as_further_along_than_having_been_sent() -> None:
    assert Status.RECEIVED.rank > Status.SENT.rank > Status.DECIDED.rank
