"""The lists of work: what is new, one's own, due; and what a landlord is not shown."""

from dataclasses import replace
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Invalid
from tests.registry import acts
from tests.registry.builders import INVESTIGATOR, LANDLORD, MANAGER, OFFICER, a_payment, a_registration, an_assessment
from tests.registry.conftest import Registry

COLLEAGUE = replace(INVESTIGATOR, person="iaf-utredare-9")


def payments(registry: Registry, work: "pb.WorkList.ValueType", asking: Caller = INVESTIGATOR, **page: Any) -> list[str]:  # noqa: ANN401
    asked = pb.ListSuspectedPaymentsRequest(list=work, page=common_pb2.Page(**page))
    return [row.payment_id for row in registry.call("ListSuspectedPayments", asked, asking).payments]


def flagged(registry: Registry, number: int) -> str:
    return str(registry.call("RegisterSuspectedPayment", a_payment(case_number=f"IAF-2026-{number}"), INVESTIGATOR).payment_id)


def test_a_row_is_told_from_the_others_by_what_names_nobody(registry: Registry) -> None:
    registry.call("RegisterSuspectedPayment", a_payment(case_number="IAF-2026-7"), INVESTIGATOR)
    registry.call("RegisterSuspectedPayment", a_payment(case_number="IAF 198711062391"), INVESTIGATOR)
    rows = registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(), INVESTIGATOR).payments
    assert [row.case_number for row in rows] == ["IAF-2026-7", ""]
    registry.call("RegisterAlert", a_registration(observation_types=["tom lägenhet"]), LANDLORD)
    for asking, seen in ((OFFICER, ["apartment_empty"]), (LANDLORD, [])):
        (row,) = registry.call("ListAlerts", pb.ListAlertsRequest(), asking).alerts
        assert list(row.observation_types) == seen


def test_what_nobody_has_handled_is_new_and_then_it_is_the_handler_s_own_until_it_is_closed(registry: Registry) -> None:
    first, second = flagged(registry, 1), flagged(registry, 2)
    assert payments(registry, pb.WORK_LIST_NEW) == [first, second]
    assert payments(registry, pb.WORK_LIST_MINE) == []
    registry.call("AssessSuspectedPayment", acts.assess(first, "1"), INVESTIGATOR)
    assert payments(registry, pb.WORK_LIST_NEW) == [second]
    assert (payments(registry, pb.WORK_LIST_MINE), payments(registry, pb.WORK_LIST_MINE, COLLEAGUE)) == ([first], [])
    registry.call("AssessSuspectedPayment", acts.assess(first, "2", assessment=pb.PAYMENT_ASSESSMENT_ONGOING), COLLEAGUE)
    assert (payments(registry, pb.WORK_LIST_MINE), payments(registry, pb.WORK_LIST_MINE, COLLEAGUE)) == ([], [first])
    registry.call("AssessSuspectedPayment", acts.assess(first, "3", assessment=pb.PAYMENT_ASSESSMENT_ONGOING), INVESTIGATOR)
    assert (payments(registry, pb.WORK_LIST_MINE), payments(registry, pb.WORK_LIST_MINE, COLLEAGUE)) == ([first], [])
    registry.call("AssessSuspectedPayment", acts.assess(first, "4", assessment=pb.PAYMENT_ASSESSMENT_DISMISSED), COLLEAGUE)
    assert payments(registry, pb.WORK_LIST_MINE, COLLEAGUE) == []


def test_a_duty_is_due_from_the_day_it_is_known_and_a_decision_when_the_time_to_answer_is_out(registry: Registry) -> None:
    duty, answer, waiting = flagged(registry, 1), flagged(registry, 2), flagged(registry, 3)
    for payment_id in (answer, duty, waiting):
        registry.call("AssessSuspectedPayment", acts.assess(payment_id, "1"), INVESTIGATOR)
    registry.call("OpenInvestigation", acts.open_investigation(answer, "2"), INVESTIGATOR)
    registry.call("RecordCommunication", acts.communicate(answer, "3"), INVESTIGATOR)
    registry.call("OpenInvestigation", acts.open_investigation(duty, "2"), INVESTIGATOR)
    ongoing = pb.PAYMENT_ASSESSMENT_ONGOING
    registry.call("AssessSuspectedPayment", acts.assess(duty, "3", assessment=ongoing, crime_suspected=True), INVESTIGATOR)
    rows = registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(list=pb.WORK_LIST_DUE), INVESTIGATOR).payments
    assert [(row.payment_id, row.due_date) for row in rows] == [(duty, "2026-11-23"), (answer, "2026-12-07")]
    assert [row.officer for row in rows] == [INVESTIGATOR.principal] * 2
    registry.call("RecordPoliceReport", acts.report_crime(duty, "4"), MANAGER)
    registry.call("DecidePayment", acts.decide(answer, "4"), MANAGER)
    assert payments(registry, pb.WORK_LIST_DUE) == []


def test_the_list_of_what_is_due_is_read_page_by_page_by_day(registry: Registry) -> None:
    days = ("2026-12-09", "2026-12-07", "2026-12-08", "2026-12-07")
    for number, day in enumerate(days):
        payment_id = flagged(registry, number)
        registry.call("AssessSuspectedPayment", acts.assess(payment_id, "1"), INVESTIGATOR)
        registry.call("OpenInvestigation", acts.open_investigation(payment_id, "2"), INVESTIGATOR)
        registry.call("RecordCommunication", acts.communicate(payment_id, "3", answer_due_date=day), INVESTIGATOR)
    seen: list[Any] = []
    token = ""
    while token or not seen:
        asked = pb.ListSuspectedPaymentsRequest(list=pb.WORK_LIST_DUE, page=common_pb2.Page(page_size=1, page_token=token))
        answer = registry.call("ListSuspectedPayments", asked, INVESTIGATOR)
        seen += answer.payments
        token = answer.next_page_token
    assert [row.due_date for row in seen] == sorted(days)
    assert len({row.payment_id for row in seen}) == len(days)
    for wrong in (seen[0].payment_id, "2026-12-07_x", "x"):
        with pytest.raises(Invalid, match="page_token"):
            payments(registry, pb.WORK_LIST_DUE, page_token=wrong)


def test_an_alert_is_due_from_when_an_error_is_assumed_until_skatteverket_is_told(registry: Registry) -> None:
    def due() -> list[tuple[str, str]]:
        asked = pb.ListAlertsRequest(list=pb.WORK_LIST_DUE)
        return [(row.alert_id, row.due_date) for row in registry.call("ListAlerts", asked, OFFICER).alerts]

    alert_id = registry.call("RegisterAlert", a_registration()).alert_id
    assert due() == []
    registry.call("AssessAlert", an_assessment(alert_id), OFFICER)
    assert due() == [(alert_id, "2026-11-23")]
    registry.tell(acts.an_outcome(alert_id, common_pb2.OUTCOME_STATUS_SENT))
    assert due() == []


def test_a_landlord_has_one_list_and_is_not_shown_who_handles_what_by_when(registry: Registry) -> None:
    alert_id = registry.call("RegisterAlert", a_registration()).alert_id
    registry.call("AssessAlert", an_assessment(alert_id), OFFICER)
    (row,) = registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD).alerts
    assert (row.officer, row.due_date) == ("", "")
    for work in (pb.WORK_LIST_NEW, pb.WORK_LIST_MINE, pb.WORK_LIST_DUE):
        with pytest.raises(Invalid, match="list"):
            registry.call("ListAlerts", pb.ListAlertsRequest(list=work), LANDLORD)
