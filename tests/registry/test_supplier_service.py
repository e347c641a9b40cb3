"""Checks of suppliers through the whole service."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.errors import Denied, Invalid, NotFound
from tests.registry.builders import BUYER, CASE_OFFICER, INVESTIGATOR, PERSON
from tests.registry.conftest import Registry


def a_check(**more: Any) -> pb.RegisterSupplierCheckRequest:  # noqa: ANN401
    values: dict[str, Any] = {
        "org_number": "559999-0008",
        "checked_date": "2026-11-20",
        "phase": pb.SUPPLIER_PHASE_DURING,
        "f_tax": True,
        "vat": False,
        "kfm_debt_sek": "12 500",
        "representatives_count": 2,
        "beneficial_owner_checked": True,
        "warning_flags": ["representatives_changed"],
        "result": pb.SUPPLIER_RESULT_WATCH,
        "next_check_date": "2027-02-20",
    }
    return pb.RegisterSupplierCheckRequest(request_id=str(uuid4()), check=pb.SupplierCheck(**values | more))


def registered(registry: Registry, **more: Any) -> str:  # noqa: ANN401
    return str(registry.call("RegisterSupplierCheck", a_check(**more), BUYER).check_id)


def test_a_check_is_stored_sealed_and_read_back_by_the_unit_that_made_it(registry: Registry) -> None:
    request = a_check()
    made = registry.call("RegisterSupplierCheck", request, BUYER)
    assert registry.call("RegisterSupplierCheck", request, BUYER) == made
    found = registry.call("GetSupplierCheck", pb.GetSupplierCheckRequest(check_id=made.check_id), BUYER)
    request.check.org_number, request.check.kfm_debt_sek = "5599990008", "12500.00"
    assert (found.unit, found.check) == ("VSS", request.check)
    assert not found.check.HasField("ivo_permit")
    stored = repr(registry.rows("SELECT * FROM supplier_check, request, audit"))
    assert not any(secret in stored for secret in ("5599990008", "12500", "representatives_changed"))
    assert registry.events() == ["registry:supplier_check:register/done", "registry:supplier_check:read/done"]


def test_checks_are_listed_by_supplier_and_by_the_day_to_look_again(registry: Registry) -> None:
    early, late = registered(registry), registered(registry, org_number="559999-0016", next_check_date="2027-05-20")
    denied = registered(registry, result=pb.SUPPLIER_RESULT_DENY, next_check_date="")

    def listed(**more: Any) -> list[str]:  # noqa: ANN401
        return [row.check_id for row in registry.call("ListSupplierChecks", pb.ListSupplierChecksRequest(**more), BUYER).checks]

    assert listed() == [early, late, denied]
    assert listed(org_number="16 559999 0008") == [early, denied]
    assert listed(due_date="2027-02-20") == [early]
    first = registry.call("ListSupplierChecks", pb.ListSupplierChecksRequest(page=common_pb2.Page(page_size=2)), BUYER)
    assert listed(page=common_pb2.Page(page_token=first.next_page_token)) == [denied]


def test_a_check_that_cannot_be_so_is_refused_at_its_field(registry: Registry) -> None:
    wrong: dict[str, Any] = {
        "org_number": "559999-0009",
        "checked_date": "2026-11-24",
        "tax_debt_sek": "-1",
        "warning_flags": ["gut feeling"],
        "next_check_date": "2026-11-20",
    }
    for field, value in (*wrong.items(), ("next_check_date", "")):
        with pytest.raises(Invalid) as refused:
            registered(registry, **{field: value})
        assert refused.value.message.startswith(f"{field}: ")
        assert registry.rows("SELECT id FROM supplier_check") == []


def test_an_owners_number_is_as_secret_as_a_persons(registry: Registry) -> None:
    registered(registry, org_number=PERSON[2:])
    assert PERSON[2:] not in repr(registry.rows("SELECT * FROM supplier_check, request, audit"))


def test_only_the_unit_that_buys_reaches_its_checks(registry: Registry) -> None:
    check_id = registered(registry)
    for who in (CASE_OFFICER, INVESTIGATOR):
        with pytest.raises(Denied):
            registry.call("GetSupplierCheck", pb.GetSupplierCheckRequest(check_id=check_id), who)
    with pytest.raises(Denied):
        registry.call("RegisterSupplierCheck", a_check(), replace(BUYER, unit="KOF"))
    with pytest.raises(NotFound):
        registry.call("GetSupplierCheck", pb.GetSupplierCheckRequest(check_id=str(uuid4())), BUYER)
