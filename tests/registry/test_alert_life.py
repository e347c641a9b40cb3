"""An alert from its assessment to its end, and what its landlord is shown, through the whole service."""

from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from tests.registry.acts import an_outcome
from tests.registry.builders import INVESTIGATOR, LANDLORD, NOW, OFFICER, a_payment, a_registration, a_report, an_assessment
from tests.registry.conftest import Registry
from tests.registry.test_alert_service import assessed, get, registered


def close(registry: Registry, alert_id: str, reference: str = "", caller: Caller = OFFICER) -> pb.CloseAlertResponse:
    etag = get(registry, alert_id).etag
    request = pb.CloseAlertRequest(request_id=str(uuid4()), alert_id=alert_id, etag=etag, skv_reference=reference)
    answer = registry.call("CloseAlert", request, caller)
    assert isinstance(answer, pb.CloseAlertResponse)
    return answer


def states(registry: Registry, alert_id: str) -> list[str]:
    return [step.to_state for step in get(registry, alert_id).history if not step.track]


def test_skatteverkets_words_take_an_alert_to_its_end_in_whatever_order_they_come(registry: Registry) -> None:
    for number, words in enumerate(([1, 2, 4, 7], [2, 1, 7, 4], [7], [9, 2, 5, 6, 7])):  # sent, received, opened, closed; carried out, ...
        alert_id, disclosure_id = assessed(registry, apartment_number=f"120{number}"), str(uuid4())
        for status in words:
            registry.tell(an_outcome(alert_id, common_pb2.OutcomeStatus.ValueType(status), disclosure_id=disclosure_id))
        found = get(registry, alert_id)
        assert (found.state, found.purge_date) == (pb.ALERT_STATE_CLOSED, "2027-11-23")
        assert states(registry, alert_id)[2:] == ["assessed", "notice_sent", "acknowledged", "investigation_open", "closed"]


def test_an_officer_closes_what_skatteverket_has_answered_another_way(registry: Registry) -> None:
    alert_id = assessed(registry)
    with pytest.raises(Conflict):
        close(registry, alert_id, "SKV 1")  # no notice has gone
    registry.tell(an_outcome(alert_id, common_pb2.OUTCOME_STATUS_SENT))
    with pytest.raises(Invalid, match="skv_reference: "):
        close(registry, alert_id)
    with pytest.raises(Denied):
        close(registry, alert_id, "SKV 1", LANDLORD)
    assert close(registry, alert_id, "SKV 1").state == pb.ALERT_STATE_CLOSED
    assert get(registry, alert_id).skv_reference == "SKV 1"
    assert states(registry, alert_id)[-3:] == ["notice_sent", "acknowledged", "closed"]
    assert "SKV 1" not in repr(registry.rows("SELECT * FROM alert, audit, history"))
    registry.outbox.run_once()
    assert [offer.WhichOneof("content") for offer in registry.sharing.of(alert_id)] == ["folkbokforing_alert"]  # what was told stays told


def test_what_was_received_over_the_bus_is_closed_without_a_reference(registry: Registry) -> None:
    alert_id = assessed(registry)
    registry.tell(an_outcome(alert_id, common_pb2.OUTCOME_STATUS_RECEIVED))
    assert close(registry, alert_id).state == pb.ALERT_STATE_CLOSED
    stale = pb.CloseAlertRequest(request_id=str(uuid4()), alert_id=alert_id, etag="1")
    with pytest.raises(Conflict) as refused:
        registry.call("CloseAlert", stale, OFFICER)
    assert refused.value.reason == ConflictReason.ETAG


def test_whatever_is_found_the_wrong_flat_is_asked_about_first(registry: Registry) -> None:
    alert_id = registered(registry)
    for found in (pb.ALERT_ASSESSMENT_ASSUME_ERROR, pb.ALERT_ASSESSMENT_NOT_ENOUGH, pb.ALERT_ASSESSMENT_TENANCY_ONLY):
        with pytest.raises(Invalid, match="wrong_flat_checked"):
            registry.call("AssessAlert", an_assessment(alert_id, assessment=found, wrong_flat_checked=False), OFFICER)
    registry.call("AssessAlert", an_assessment(alert_id, assessment=pb.ALERT_ASSESSMENT_WRONG_FLAT), OFFICER)
    assert states(registry, alert_id)[-3:] == ["screened", "assessed", "no_action"]
    assert get(registry, alert_id).reasons == "Jämfört med folkbokföringen."


def test_a_matter_of_the_tenancy_goes_back_to_the_landlord_and_to_nobody_else(registry: Registry) -> None:
    alert_id = registered(registry)
    request = an_assessment(alert_id, assessment=pb.ALERT_ASSESSMENT_TENANCY_ONLY)
    answer = registry.call("AssessAlert", request, OFFICER)
    assert (answer.state, list(answer.offered_to)) == (pb.ALERT_STATE_REFERRED_TO_LANDLORD, [])
    assert get(registry, alert_id, LANDLORD).state == pb.ALERT_STATE_NO_ACTION


def test_an_alert_is_linked_to_a_payment_of_the_own_unit_that_the_officer_may_see(registry: Registry) -> None:
    payment_id = registry.call("RegisterSuspectedPayment", a_payment(), INVESTIGATOR).payment_id
    made = pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_report(landlord_org_number=""))
    own = registry.call("RegisterAlert", made, INVESTIGATOR).alert_id
    link: dict[str, Any] = {"assessment": pb.ALERT_ASSESSMENT_PAYMENT_CASE}
    with pytest.raises(Invalid, match="payment_id: "):
        registry.call("AssessAlert", an_assessment(own, **link), INVESTIGATOR)
    with pytest.raises(NotFound):
        registry.call("AssessAlert", an_assessment(own, payment_id=str(uuid4()), **link), INVESTIGATOR)
    with pytest.raises(NotFound):
        registry.call("AssessAlert", an_assessment(registered(registry), payment_id=payment_id, **link), OFFICER)
    answer = registry.call("AssessAlert", an_assessment(own, payment_id=payment_id, **link), INVESTIGATOR)
    assert answer.state == pb.ALERT_STATE_LINKED_TO_PAYMENT_CASE
    assert get(registry, own, INVESTIGATOR).payment_id == payment_id
    assert registry.outbox.run_once() == 0


def test_an_alert_that_a_payment_made_is_linked_to_no_other(registry: Registry) -> None:
    made = registry.call("RegisterSuspectedPayment", a_payment(population_register_doubted=True), INVESTIGATOR)
    other = registry.call("RegisterSuspectedPayment", a_payment(case_number="2"), INVESTIGATOR).payment_id
    completed = pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_report(landlord_org_number=""))
    completed.completes_alert_id = made.draft_alert_id
    registry.call("RegisterAlert", completed, INVESTIGATOR)
    link: dict[str, Any] = {"etag": "2", "assessment": pb.ALERT_ASSESSMENT_PAYMENT_CASE}
    with pytest.raises(Invalid, match="payment_id: anmälan hör redan till"):
        registry.call("AssessAlert", an_assessment(made.draft_alert_id, payment_id=other, **link), INVESTIGATOR)
    answer = registry.call("AssessAlert", an_assessment(made.draft_alert_id, payment_id=made.payment_id, **link), INVESTIGATOR)
    assert answer.state == pb.ALERT_STATE_LINKED_TO_PAYMENT_CASE


def test_the_landlord_has_had_an_answer_when_it_was_first_shown_as_closed_and_the_case_is_as_it_was(registry: Registry) -> None:
    open_, closed, listed = (registered(registry, apartment_number=number) for number in ("1201", "1202", "1203"))
    for alert_id in (closed, listed):
        registry.call("AssessAlert", an_assessment(alert_id, assessment=pb.ALERT_ASSESSMENT_NOT_ENOUGH), OFFICER)
    before = get(registry, closed)
    for alert_id in (open_, closed):
        get(registry, alert_id, LANDLORD)
    found = get(registry, closed)
    assert (found.feedback_time, found.etag) == (timestamp(NOW), before.etag)
    assert [(step.track, step.from_state, step.to_state) for step in found.history if step.track] == [("feedback", "none", "given")]
    assert not get(registry, open_).HasField("feedback_time")
    assert not get(registry, listed).HasField("feedback_time")
    registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD)
    get(registry, listed, LANDLORD)
    assert [step.to_state for step in get(registry, listed).history if step.track] == ["given"]
    assert not get(registry, open_).HasField("feedback_time")


def test_an_alert_has_no_answer_before_its_landlord_has_looked(registry: Registry) -> None:
    alert_id = registry.call("RegisterAlert", a_registration()).alert_id
    registry.call("AssessAlert", an_assessment(alert_id, assessment=pb.ALERT_ASSESSMENT_NOT_ENOUGH), OFFICER)
    registry.call("ListAlerts", pb.ListAlertsRequest(), OFFICER)
    assert not get(registry, alert_id).HasField("feedback_time")
