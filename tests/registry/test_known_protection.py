"""What the unit knows of a person's protection holds for all that it has about them, through the whole service (design 8)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Invalid, NotFound
from services.registry.domain import payment
from tests.registry import test_import_service as samples
from tests.registry.builders import (
    INVESTIGATOR,
    LANDLORD,
    MOS_OFFICER,
    OFFICER,
    OTHER_PERSON,
    a_check,
    a_payment,
    a_payment_assessment,
    a_registration,
    an_assessment,
)
from tests.registry.conftest import Registry
from tests.registry.test_hints import hints
from tests.registry.test_link_service import NO_PROTECTION, PROTECTED, flagged, reported

NOT_ENOUGH = pb.ALERT_ASSESSMENT_NOT_ENOUGH


def listed(registry: Registry, caller: Caller = OFFICER) -> list[str]:
    return [row.alert_id for row in registry.call("ListAlerts", pb.ListAlertsRequest(), caller).alerts]


def known(registry: Registry) -> list[str]:
    return [row["protection"] for row in registry.rows("SELECT protection FROM subject ORDER BY id")]


def found_protected(registry: Registry, alert_id: str, caller: Caller = OFFICER) -> None:
    registry.call("AssessAlert", an_assessment(alert_id, protection_check=a_check(PROTECTED)), caller)


def test_protection_found_in_one_case_stops_all_that_the_unit_has_about_the_person(registry: Registry) -> None:
    one, other, neighbour = reported(registry), reported(registry, observed_to="2026-10-07"), reported(registry, person=OTHER_PERSON)
    elsewhere = reported(registry, MOS_OFFICER)
    registry.call("AssessAlert", an_assessment(other), OFFICER)
    found_protected(registry, one)
    assert listed(registry) == [neighbour]
    with pytest.raises(NotFound):
        registry.call("GetAlert", pb.GetAlertRequest(alert_id=other), OFFICER)
    assert listed(registry, MOS_OFFICER) == [elsewhere]
    states = registry.rows("SELECT id, state FROM alert WHERE protection = 'protected' ORDER BY id")
    assert [(str(row["id"]), row["state"]) for row in states] == [(one, "blocked_protected"), (other, "blocked_protected")]
    assert registry.rows("SELECT count(*) FROM outbox WHERE key = %s AND kind = 'withdraw'", other) == [{"count": 1}]
    assert registry.events().count("registry:alert:block/done") == 1


def test_it_stops_alerts_and_payments_alike_whichever_says_so(registry: Registry) -> None:
    flag, other = flagged(registry), flagged(registry, population_register_doubted=True)
    report = reported(registry, INVESTIGATOR)
    request = a_payment_assessment(flag, other_benefits=[], protection_check=a_check(PROTECTED))
    registry.call("AssessSuspectedPayment", request, INVESTIGATOR)
    assert listed(registry, INVESTIGATOR) == []
    assert registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(), INVESTIGATOR).payments == []
    assert known(registry) == ["protected"]
    blocked = registry.rows("SELECT id FROM alert UNION SELECT id FROM suspected_payment WHERE state = 'blocked_protected'")
    assert {flag, other, report} < {str(row["id"]) for row in blocked}


@pytest.mark.parametrize("told", [NO_PROTECTION, common_pb2.PROTECTION_UNSPECIFIED])
def test_a_new_report_about_a_person_known_as_protected_is_stopped_at_once(registry: Registry, told: Any) -> None:  # noqa: ANN401
    found_protected(registry, reported(registry))
    request = a_registration(observed_to="2026-10-07")
    request.protection = told
    made = registry.call("RegisterAlert", request, OFFICER)
    assert made.state == pb.ALERT_STATE_BLOCKED_PROTECTED
    assert registry.call("RegisterAlert", request, OFFICER) == made
    by_landlord = registry.call("RegisterAlert", a_registration(observed_to="2026-10-08"), LANDLORD)
    assert by_landlord.state == pb.ALERT_STATE_SUBMITTED
    assert listed(registry) == []
    assert known(registry) == ["protected"]
    assert registry.rows("SELECT DISTINCT state FROM alert") == [{"state": "blocked_protected"}]


def test_neither_a_payment_nor_a_file_nor_a_completed_draft_brings_a_protected_person_back(registry: Registry) -> None:
    draft = registry.call(
        "RegisterSuspectedPayment", a_payment(population_register_doubted=True, recipient_id_number=OTHER_PERSON), INVESTIGATOR
    ).draft_alert_id
    found_protected(registry, reported(registry, INVESTIGATOR), INVESTIGATOR)
    request = a_payment(case_number="IAF-2026-7", population_register_doubted=True)
    request.protection = NO_PROTECTION
    made = registry.call("RegisterSuspectedPayment", request, INVESTIGATOR)
    assert (made.state, made.draft_alert_id) == (pb.PAYMENT_STATE_BLOCKED_PROTECTED, "")
    completed = pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_registration(observed_to="2026-10-09").report)
    completed.completes_alert_id = draft
    assert registry.call("RegisterAlert", completed, INVESTIGATOR).state == pb.ALERT_STATE_BLOCKED_PROTECTED


def test_a_row_of_a_file_about_a_person_known_as_protected_is_read_in_and_stopped(registry: Registry) -> None:
    sample = samples.sample("iaf_utbetalningar.csv", payment.TABLE.headings)
    same = [row for row in sample.rows if row[0] in {15, 32}]  # one recipient, in two forms
    first, second = (replace(sample, rows=(row,)) for row in same)
    (made,) = samples.payments(registry, first)
    request = a_payment_assessment(made.record_id, other_benefits=[], protection_check=a_check(PROTECTED))
    registry.call("AssessSuspectedPayment", request, INVESTIGATOR)
    (stopped,) = samples.payments(registry, second)
    assert stopped.result == made.result
    assert registry.rows("SELECT state FROM suspected_payment WHERE id = %s", stopped.record_id) == [{"state": "blocked_protected"}]
    assert registry.rows("SELECT id FROM alert") == []


def test_only_a_fresh_look_says_that_a_person_is_not_protected(registry: Registry) -> None:
    one = reported(registry)
    for check in (a_check(age=timedelta(days=900)), common_pb2.ProtectionCheck(result=NO_PROTECTION)):
        with pytest.raises(Invalid, match=r"^protection_check:"):
            registry.call("AssessAlert", an_assessment(one, assessment=NOT_ENOUGH, protection_check=check), OFFICER)
    flag = flagged(registry)
    old = a_payment_assessment(flag, other_benefits=[], protection_check=a_check(age=timedelta(days=900)))
    with pytest.raises(Invalid, match=r"^protection_check:"):
        registry.call("AssessSuspectedPayment", old, INVESTIGATOR)


def test_an_earlier_look_does_not_replace_a_later_one_nor_does_one_that_found_nothing_out(registry: Registry) -> None:
    one, other, third = (reported(registry, observed_to=f"2026-10-0{day}") for day in (6, 7, 8))
    registry.call("AssessAlert", an_assessment(one), OFFICER)
    later = registry.rows("SELECT checked_time FROM subject")
    registry.call("AssessAlert", an_assessment(other, protection_check=a_check(age=timedelta(hours=2))), OFFICER)
    unknown = a_check(common_pb2.PROTECTION_UNSPECIFIED)
    registry.call("AssessAlert", an_assessment(third, assessment=NOT_ENOUGH, protection_check=unknown), OFFICER)
    assert registry.rows("SELECT checked_time FROM subject") == later != [{"checked_time": None}]
    assert known(registry) == ["none"]


def test_a_report_s_word_that_nobody_is_protected_gives_no_hint(registry: Registry) -> None:
    flag = flagged(registry)
    said = a_registration()
    said.protection = NO_PROTECTION
    made = registry.call("RegisterAlert", said, OFFICER)
    assert hints(registry, flag) == []
    registry.call("AssessAlert", an_assessment(made.alert_id), OFFICER)
    assert hints(registry, flag) != []
