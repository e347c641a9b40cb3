"""Suspected payments through the whole service."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound
from tests.registry.builders import (
    COORDINATION_PERSON,
    INVESTIGATOR,
    OFFICER,
    OTHER_PERSON,
    PERSON,
    VOF_INVESTIGATOR,
    a_check,
    a_payment,
    a_payment_assessment,
    a_report,
    an_assessment,
    other_benefit,
)
from tests.registry.conftest import Registry


def get(registry: Registry, payment_id: str) -> pb.GetSuspectedPaymentResponse:
    found = registry.call("GetSuspectedPayment", pb.GetSuspectedPaymentRequest(payment_id=payment_id), INVESTIGATOR)
    assert isinstance(found, pb.GetSuspectedPaymentResponse)
    return found


def flagged(registry: Registry, **more: object) -> str:
    return str(registry.call("RegisterSuspectedPayment", a_payment(**more), INVESTIGATOR).payment_id)


def assess(registry: Registry, payment_id: str, etag: str = "1", **more: Any) -> pb.AssessSuspectedPaymentResponse:  # noqa: ANN401
    answer = registry.call("AssessSuspectedPayment", a_payment_assessment(payment_id, etag, **more), INVESTIGATOR)
    assert isinstance(answer, pb.AssessSuspectedPaymentResponse)
    return answer


def fact(code: str) -> common_pb2.Circumstance:
    return common_pb2.Circumstance(code=code, from_date="2026-02-01", to_date="2026-09-30")


def test_a_flag_is_stored_sealed_and_read_back(registry: Registry) -> None:
    payment_id = flagged(registry)
    found = get(registry, payment_id)
    assert (found.state, found.unit, found.flag.suspected_amount_sek) == (pb.PAYMENT_STATE_FLAGGED, "IAF", "12500.50")
    assert (found.flag.other_benefit, found.flag.deciding_body) == ("bostadsbidrag", "forsakringskassan")
    stored = repr(registry.rows("SELECT * FROM suspected_payment, request, audit, history"))
    assert not any(personal in stored for personal in (PERSON, "12500", "IAF-2026-1", "bostadsbidrag", "housing_cost"))


def test_another_unit_sees_nothing_of_it(registry: Registry) -> None:
    payment_id = flagged(registry)
    with pytest.raises(NotFound):
        registry.call("GetSuspectedPayment", pb.GetSuspectedPaymentRequest(payment_id=payment_id), VOF_INVESTIGATOR)
    assert len(registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(), VOF_INVESTIGATOR).payments) == 0
    with pytest.raises(NotFound):
        registry.call("AssessSuspectedPayment", a_payment_assessment(payment_id), VOF_INVESTIGATOR)
    with pytest.raises(Invalid, match="owner_unit: förvaltningen finns inte"):
        registry.call("RegisterSuspectedPayment", a_payment(case_number="2"), VOF_INVESTIGATOR)
    with pytest.raises(Denied):
        registry.call("GetSuspectedPayment", pb.GetSuspectedPaymentRequest(payment_id=payment_id), OFFICER)


def test_the_same_case_is_registered_once(registry: Registry) -> None:
    flagged(registry)
    with pytest.raises(Conflict) as refused:
        flagged(registry, case_number="iaf-2026-1 ")
    assert refused.value.reason == ConflictReason.DUPLICATE


def test_facts_about_another_benefit_are_offered_to_the_body_that_decided_it(registry: Registry) -> None:
    payment_id = flagged(registry)
    answer = assess(registry, payment_id)
    assert (answer.state, list(answer.offered_to)) == (pb.PAYMENT_STATE_PRELIMINARY_CHECK, ["forsakringskassan"])
    registry.outbox.run_once()
    (offer,) = registry.sharing.of(payment_id)
    assert (list(offer.secrecy), list(offer.handled_by)) == (["26:1"], [INVESTIGATOR.person])
    told = offer.suspected_payment
    assert told.subject.personal_identity_number == PERSON
    assert (told.payment.benefit_type, told.payment.suspected_error_kind) == ("bostadsbidrag", "housing_cost")
    assert "ekonomiskt" not in str(offer)
    assert "12500" not in str(offer)
    history = get(registry, payment_id).history
    assert [step.to_state for step in history if not step.track] == ["flagged", "intake_review", "preliminary_check"]


def test_each_deciding_body_gets_its_own_benefit_and_polisen_a_reference(registry: Registry) -> None:
    payment_id = flagged(registry, causes=["oredovisad inkomst"])
    told = {"suspected_error_kind": "undeclared_income", "circumstances": [fact("undeclared_income")]}
    both = [other_benefit(**told), other_benefit(benefit_type="studiemedel", deciding_body="csn", **told)]
    answer = assess(registry, payment_id, other_benefits=both, crime_suspected=True)
    assert list(answer.offered_to) == ["forsakringskassan", "csn", "polismyndigheten"]
    registry.outbox.run_once()
    offers = {offer.receiver_kind: offer for offer in registry.sharing.of(payment_id)}
    assert offers["csn"].suspected_payment.payment.benefit_type == "studiemedel"
    assert offers["forsakringskassan"].suspected_payment.payment.benefit_type == "bostadsbidrag"
    assert offers["polismyndigheten"].HasField("police_report")
    assert offers["polismyndigheten"].subject_identity_number == PERSON  # for the right of access: sharing keeps an index of it
    offers["polismyndigheten"].ClearField("subject_identity_number")
    assert PERSON not in str(offers["polismyndigheten"])


@pytest.mark.parametrize(
    ("caller", "scheme", "decides"),
    [
        (INVESTIGATOR, "ekonomiskt bistånd", True),
        (INVESTIGATOR, "personlig assistans", False),
        (INVESTIGATOR, "bostadsanpassning", False),
        (VOF_INVESTIGATOR, "personlig assistans", True),
        (VOF_INVESTIGATOR, "ekonomiskt bistånd", False),
        (VOF_INVESTIGATOR, "hemtjänst", False),
    ],
)
def test_a_crime_is_reported_only_by_the_namnd_that_decided_the_payment(
    registry: Registry,
    caller: Caller,
    scheme: str,
    decides: bool,  # noqa: FBT001
) -> None:
    flag = a_payment(owner_unit=caller.unit, payment_scheme=scheme)
    payment_id = registry.call("RegisterSuspectedPayment", flag, caller).payment_id
    request = a_payment_assessment(payment_id, other_benefits=[], crime_suspected=True)
    if decides:
        assert list(registry.call("AssessSuspectedPayment", request, caller).offered_to) == ["polismyndigheten"]
    else:
        with pytest.raises(Invalid, match="crime_suspected: bidragsbrott anmäls av den nämnd som har beslutat"):
            registry.call("AssessSuspectedPayment", request, caller)


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("no_conflict_of_interest", {"no_conflict_of_interest": False}),
        ("own_error_ruled_out", {"own_error_ruled_out": False}),
        ("recipient_name", {"recipient_name": ""}),
        ("protection_check", {"protection_check": None}),
        ("protection_check", {"protection_check": a_check(age=timedelta(hours=25))}),
        ("other_benefits[0].deciding_body", {"other_benefits": [other_benefit(deciding_body="csn")]}),
        ("other_benefits[0].benefit_type", {"other_benefits": [other_benefit(benefit_type="guld")]}),
        (
            "other_benefits[0].benefit_type",
            {"other_benefits": [other_benefit(benefit_type="ekonomiskt_bistand", deciding_body="kommun-beslutande-namnd")]},
        ),
        ("other_benefits[0]", {"other_benefits": [other_benefit(benefit_type="sjukpenning")]}),
        ("other_benefits[0].suspected_error_kind", {"other_benefits": [other_benefit(suspected_error_kind="stay_abroad")]}),
        ("other_benefits[0].circumstances", {"other_benefits": [other_benefit(circumstances=[])]}),
        ("other_benefits[0]", {"other_benefits": [other_benefit(circumstances=[fact("authority_error")])]}),
        ("other_benefits[0].period_to", {"other_benefits": [other_benefit(period_to="2026-01")]}),
        ("other_benefits[0].observed_at", {"other_benefits": [other_benefit(observed_at="2026-11-24")]}),
        ("other_benefits", {"other_benefits": [other_benefit(), other_benefit()]}),
        ("assessment", {"assessment": pb.PAYMENT_ASSESSMENT_DISMISSED}),
    ],
)
def test_without_reason_to_assume_an_error_nothing_is_offered(registry: Registry, field: str, more: dict[str, Any]) -> None:
    payment_id = flagged(registry)
    with pytest.raises(Invalid) as refused:
        assess(registry, payment_id, **more)
    assert refused.value.message.startswith(f"{field}: ")
    assert get(registry, payment_id).state == pb.PAYMENT_STATE_FLAGGED
    assert registry.outbox.run_once() == 0


def test_the_kommuns_own_error_is_told_to_nobody(registry: Registry) -> None:
    payment_id = flagged(registry, causes=["fel boendekostnad", "myndighetens fel"])
    with pytest.raises(Invalid, match="eget fel"):
        assess(registry, payment_id)
    answer = assess(registry, payment_id, assessment=pb.PAYMENT_ASSESSMENT_AUTHORITY_ERROR, other_benefits=[])
    assert (answer.state, list(answer.offered_to)) == (pb.PAYMENT_STATE_AUTHORITY_ERROR, [])


def test_a_protected_person_is_stopped_at_the_door_with_no_draft(registry: Registry) -> None:
    request = a_payment(population_register_doubted=True)
    request.protection = common_pb2.PROTECTION_PROTECTED
    answer = registry.call("RegisterSuspectedPayment", request, INVESTIGATOR)
    assert (answer.state, answer.draft_alert_id) == (pb.PAYMENT_STATE_BLOCKED_PROTECTED, "")
    with pytest.raises(NotFound):
        get(registry, answer.payment_id)
    assert len(registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(), INVESTIGATOR).payments) == 0


def test_a_mark_of_protection_counts_even_when_the_payment_is_registered_already(registry: Registry) -> None:
    payment_id = flagged(registry, population_register_doubted=True)
    assess(registry, payment_id)
    registry.outbox.run_once()
    again = a_payment(population_register_doubted=True)
    again.protection = common_pb2.PROTECTION_PROTECTED
    for _ in range(2):
        with pytest.raises(Conflict) as told:
            registry.call("RegisterSuspectedPayment", again, INVESTIGATOR)
        assert told.value.reason == ConflictReason.DUPLICATE
        again.request_id = str(uuid4())
    with pytest.raises(NotFound):
        get(registry, payment_id)
    assert registry.rows("SELECT DISTINCT protection FROM suspected_payment UNION SELECT protection FROM alert") == [
        {"protection": "protected"}
    ]
    registry.outbox.run_once()
    assert [offer.WhichOneof("content") for offer in registry.sharing.of(payment_id)] == ["suspected_payment", "withdrawn"]
    assert registry.events().count("registry:suspected_payment:block/done") == 1


def test_a_doubt_about_the_register_makes_a_draft_alert_that_is_not_offered(registry: Registry) -> None:
    answer = registry.call("RegisterSuspectedPayment", a_payment(population_register_doubted=True), INVESTIGATOR)
    draft = registry.call("GetAlert", pb.GetAlertRequest(alert_id=answer.draft_alert_id), INVESTIGATOR)
    assert (draft.state, draft.unit) == (pb.ALERT_STATE_DRAFT, "IAF")
    assert draft.report == pb.AlertReport(contract_holder_id_number=PERSON)
    (row,) = registry.rows("SELECT payment_id FROM alert")
    assert str(row["payment_id"]) == answer.payment_id
    with pytest.raises(NotFound):
        registry.call("GetAlert", pb.GetAlertRequest(alert_id=answer.draft_alert_id), OFFICER)
    assert registry.outbox.run_once() == 0


def test_a_payment_found_protected_stops_the_alert_it_made_and_takes_its_offer_back(registry: Registry) -> None:
    protected = a_check(common_pb2.PROTECTION_PROTECTED)
    kept: list[str] = []
    cases = (COORDINATION_PERSON, None), (PERSON, pb.ALERT_ASSESSMENT_ASSUME_ERROR), (OTHER_PERSON, pb.ALERT_ASSESSMENT_NOT_ENOUGH)
    for case, (person, found) in enumerate(cases, 1):
        flag = a_payment(population_register_doubted=True, case_number=str(case), recipient_id_number=person)
        flagged = registry.call("RegisterSuspectedPayment", flag, INVESTIGATOR)
        draft = flagged.draft_alert_id
        kept.append(draft)
        if found is not None:
            report = a_report(landlord_org_number="", apartment_number=f"120{case}", contract_holder_id_number=person)
            completed = pb.RegisterAlertRequest(request_id=str(uuid4()), report=report, completes_alert_id=draft)
            registry.call("RegisterAlert", completed, INVESTIGATOR)
            registry.call("AssessAlert", an_assessment(draft, "2", assessment=found), INVESTIGATOR)
        registry.outbox.run_once()
        assess(registry, flagged.payment_id, protection_check=protected, other_benefits=[])
        registry.outbox.run_once()
        with pytest.raises(NotFound):
            registry.call("GetAlert", pb.GetAlertRequest(alert_id=draft), INVESTIGATOR)
    assert list(registry.call("ListAlerts", pb.ListAlertsRequest(), INVESTIGATOR).alerts) == []
    states = {str(row["id"]): (row["state"], row["protection"]) for row in registry.rows("SELECT * FROM alert")}
    assert [states[alert_id][0] for alert_id in kept] == ["blocked_protected", "blocked_protected", "no_action"]
    assert {protection for _, protection in states.values()} == {"protected"}
    assert [offer.WhichOneof("content") for offer in registry.sharing.of(kept[1])] == ["folkbokforing_alert", "withdrawn"]
    (last,) = registry.rows("SELECT to_state FROM history WHERE record_id = %s ORDER BY revision DESC LIMIT 1", kept[0])
    assert last["to_state"] == "blocked_protected"
    assert registry.events().count("registry:alert:block/done") == 3


def test_a_benefit_that_is_no_longer_claimed_is_taken_back_from_its_body_alone(registry: Registry) -> None:
    payment_id = flagged(registry, causes=["oredovisad inkomst"])
    told = {"suspected_error_kind": "undeclared_income", "circumstances": [fact("undeclared_income")]}
    both = [other_benefit(**told), other_benefit(benefit_type="studiemedel", deciding_body="csn", **told)]
    assess(registry, payment_id, other_benefits=both)
    registry.outbox.run_once()
    assess(registry, payment_id, "2", other_benefits=both[:1])
    registry.outbox.run_once()
    said = [(offer.receiver_kind, offer.WhichOneof("content"), offer.revision) for offer in registry.sharing.of(payment_id)]
    assert said[2:] == [("forsakringskassan", "suspected_payment", 3), ("csn", "withdrawn", 3)]


def test_a_withdrawal_that_waits_is_not_lost_when_the_case_goes_on(registry: Registry) -> None:
    payment_id = flagged(registry, causes=["oredovisad inkomst"])
    told = {"suspected_error_kind": "undeclared_income", "circumstances": [fact("undeclared_income")]}
    both = [other_benefit(**told), other_benefit(benefit_type="studiemedel", deciding_body="csn", **told)]
    assess(registry, payment_id, other_benefits=both)
    registry.outbox.run_once()
    assess(registry, payment_id, "2", other_benefits=both[:1])
    assess(registry, payment_id, "3", other_benefits=both[:1])
    registry.outbox.run_once()
    assert registry.sharing.of(payment_id)[-2].WhichOneof("content") == "withdrawn"


def test_a_withdrawn_payment_is_taken_back_everywhere(registry: Registry) -> None:
    payment_id = flagged(registry)
    assess(registry, payment_id)
    registry.outbox.run_once()
    request = pb.WithdrawSuspectedPaymentRequest(request_id=str(uuid4()), payment_id=payment_id, etag="2")
    assert registry.call("WithdrawSuspectedPayment", request, INVESTIGATOR).state == pb.PAYMENT_STATE_WITHDRAWN
    registry.outbox.run_once()
    assert registry.sharing.of(payment_id)[-1].withdrawn.record_kind == "suspected_payment"
    with pytest.raises(Conflict):
        assess(registry, payment_id, "3")
