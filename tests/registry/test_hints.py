"""The hint towards the unit with socialtjänst, and that nothing goes the other way (sharing-matrix 5.8), through the whole service."""

from uuid import uuid4

import pytest
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import NotFound
from services.registry.domain import alert, payment
from tests.registry.builders import (
    CASE_OFFICER,
    INVESTIGATOR,
    MOS_OFFICER,
    OFFICER,
    OTHER_PERSON,
    VOF_INVESTIGATOR,
    a_check,
    a_payment,
    a_payment_assessment,
    a_registration,
    an_assessment,
)
from tests.registry.conftest import Registry
from tests.registry.test_link_service import IAF_OFFICER, PROTECTED, asked, flagged, reported
from tests.registry.test_supplier_service import registered as supplier_checked


def hints(registry: Registry, record_id: str, caller: Caller = INVESTIGATOR, kind: str = payment.RECORD_KIND) -> list[str]:
    return [hint.explanation for hint in asked(registry, kind, record_id, caller).hints]


def looked_at(registry: Registry) -> str:
    """A payment whose investigator has found no protection in the register."""
    flag = flagged(registry)
    registry.call("AssessSuspectedPayment", a_payment_assessment(flag, other_benefits=[]), INVESTIGATOR)
    return flag


def test_the_unit_with_socialtjanst_is_told_whom_to_ask_and_nothing_more(registry: Registry) -> None:
    flag = looked_at(registry)
    assert hints(registry, flag) == []
    reported(registry)
    reported(registry, MOS_OFFICER, observed_to="2026-10-07")
    answer = asked(registry, payment.RECORD_KIND, flag, INVESTIGATOR)
    assert [hint.explanation for hint in answer.hints] == [
        f"{unit} kan ha något som rör samma person eller företag. Fråga dem." for unit in ("KLF", "MOS")
    ]
    assert list(answer.links) == []
    assert {name.name for hint in answer.hints for name, _ in hint.ListFields()} == {"unit", "evidence", "explanation"}


def test_a_payment_is_also_about_the_dwelling_of_the_alert_that_it_made(registry: Registry) -> None:
    flag = a_payment(population_register_doubted=True)
    made = registry.call("RegisterSuspectedPayment", flag, INVESTIGATOR)
    other = reported(registry, person=OTHER_PERSON)
    report = a_registration().report
    completed = pb.RegisterAlertRequest(request_id=str(uuid4()), report=report, completes_alert_id=made.draft_alert_id)
    registry.call("RegisterAlert", completed, INVESTIGATOR)
    assert hints(registry, made.payment_id) == []  # nobody has looked whether the other person is protected
    registry.call("AssessAlert", an_assessment(other), OFFICER)
    expected = ["KLF kan ha något som rör samma bostad. Fråga dem."]
    assert hints(registry, made.payment_id) == hints(registry, made.draft_alert_id, kind=alert.RECORD_KIND) == expected


@pytest.mark.parametrize("caller", [OFFICER, MOS_OFFICER])
def test_what_is_known_at_socialtjanst_changes_nothing_for_anybody_else(registry: Registry, caller: Caller) -> None:
    def all_that_is_told(day: str) -> list[bytes]:
        request = a_registration(observed_to=day)
        made = registry.call("RegisterAlert", request, caller)
        read = registry.call("GetAlert", pb.GetAlertRequest(alert_id=made.alert_id), caller)
        told = asked(registry, alert.RECORD_KIND, made.alert_id, caller)
        gone = registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=made.alert_id, etag="1"), caller)
        said = []
        for message in (made, read, told, gone):
            plain = message.SerializeToString(deterministic=True)
            said.append(plain.replace(made.alert_id.encode(), b"id").replace(day.encode(), b"day"))
        return said

    without = all_that_is_told("2026-10-06")
    for unit in (INVESTIGATOR, VOF_INVESTIGATOR):
        flag = flagged(registry, unit, population_register_doubted=True)
        registry.call("AssessSuspectedPayment", a_payment_assessment(flag, other_benefits=[]), unit)
        reported(registry, Caller("cli", f"{unit.unit}-2", Role.ALERT_OFFICER, unit.unit))
    assert all_that_is_told("2026-10-07") == without


def test_units_with_socialtjanst_tell_each_other_nothing(registry: Registry) -> None:
    one, other = flagged(registry), flagged(registry, VOF_INVESTIGATOR)
    assert hints(registry, one) == hints(registry, other, VOF_INVESTIGATOR) == []


def test_a_check_of_a_supplier_points_at_nobody(registry: Registry) -> None:
    supplier_checked(registry)
    flag = flagged(registry)
    with pytest.raises(NotFound):
        asked(registry, payment.RECORD_KIND, flag, CASE_OFFICER)
    assert hints(registry, flag) == []


def test_a_protected_person_at_either_unit_gives_no_hint(registry: Registry) -> None:
    flag, other = looked_at(registry), reported(registry)
    assert hints(registry, flag) != []
    registry.call("AssessAlert", an_assessment(other, protection_check=a_check(PROTECTED)), OFFICER)
    assert hints(registry, flag) == []
    reported(registry, observed_to="2026-10-07")
    assert hints(registry, flag) == []


def test_weak_evidence_is_no_hint(registry: Registry) -> None:
    one = reported(registry, IAF_OFFICER)
    other = reported(registry, person=OTHER_PERSON, postal_code="584 37")
    registry.call("AssessAlert", an_assessment(other), OFFICER)
    assert hints(registry, one, IAF_OFFICER, alert.RECORD_KIND) == []
