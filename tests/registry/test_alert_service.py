"""Alerts through the whole service: PostgreSQL, gRPC, mTLS; only sharing is a fake."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound, Unavailable
from tests.registry.builders import (
    COORDINATION_PERSON,
    COORDINATOR,
    INVESTIGATOR,
    LANDLORD,
    MOS_OFFICER,
    NOW,
    OFFICER,
    OTHER_LANDLORD,
    PERSON,
    a_check,
    a_registration,
    a_report,
    an_assessment,
)
from tests.registry.conftest import Registry

PROTECTED = common_pb2.PROTECTION_PROTECTED


def get(registry: Registry, alert_id: str, caller: Caller = OFFICER) -> pb.GetAlertResponse:
    found = registry.call("GetAlert", pb.GetAlertRequest(alert_id=alert_id), caller)
    assert isinstance(found, pb.GetAlertResponse)
    return found


def registered(registry: Registry, **more: object) -> str:
    return str(registry.call("RegisterAlert", a_registration(**more)).alert_id)


def assessed(registry: Registry, **more: object) -> str:
    alert_id = registered(registry, **more)
    registry.call("AssessAlert", an_assessment(alert_id), OFFICER)
    return alert_id


def test_a_landlords_report_belongs_to_klf_and_is_stored_sealed(registry: Registry) -> None:
    answer = registry.call("RegisterAlert", a_registration())
    assert answer.state == pb.ALERT_STATE_SUBMITTED
    found = get(registry, answer.alert_id)
    assert (found.unit, found.state) == ("KLF", pb.ALERT_STATE_SCREENED)
    assert found.report.contract_holder_id_number == PERSON
    assert found.report.city == "Linköping"
    assert list(found.report.observation_types) == ["tenant_not_living_there", "sublet_suspected"]
    stored = repr(registry.rows("SELECT * FROM alert, request, audit, history"))
    for personal in (PERSON, PERSON[2:], "Demo", "Exempelgatan", "5599990180"):
        assert personal not in stored


def test_the_same_request_again_has_the_same_answer_and_one_effect(registry: Registry) -> None:
    request = a_registration()
    assert registry.call("RegisterAlert", request) == registry.call("RegisterAlert", request)
    assert len(registry.rows("SELECT id FROM alert")) == 1
    request.report.apartment_number = "1202"
    with pytest.raises(Conflict) as refused:
        registry.call("RegisterAlert", request)
    assert refused.value.reason == ConflictReason.REQUEST_REUSED


def test_the_same_report_in_other_spelling_is_a_duplicate(registry: Registry) -> None:
    registered(registry, street_address="Lambohovsleden 56 c")
    with pytest.raises(Conflict) as refused:
        registered(registry, street_address="LAMBOHOVSLEDEN\u00a056C", postal_code="58 2 22", city="LINKÖPING ")
    assert refused.value.reason == ConflictReason.DUPLICATE
    assert len(registry.rows("SELECT id FROM alert")) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contract_holder_id_number", "19881016-2398"),
        ("observed_to", "2026-11-24"),
        ("landlord_org_number", "559999-0017"),
        ("apartment_number", "vån 2"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(registry: Registry, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        registered(registry, **{field: value})
    assert refused.value.message.startswith(f"{field}: ")
    assert value not in refused.value.message
    assert registry.rows("SELECT id FROM alert") == []


def test_absent_and_not_yours_look_the_same(registry: Registry) -> None:
    alert_id = registered(registry)
    said = []
    for asked, caller in [(alert_id, MOS_OFFICER), (alert_id, OTHER_LANDLORD), (alert_id, INVESTIGATOR), (str(uuid4()), OFFICER)]:
        for method, request in [
            ("GetAlert", pb.GetAlertRequest(alert_id=asked)),
            ("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=asked, etag="1")),
        ]:
            with pytest.raises(NotFound) as refused:
                registry.call(method, request, caller)
            said.append(refused.value.message)
    assert len(set(said)) == 1
    assert registry.events().count("registry:GetAlert/refused") == 4
    assert len(registry.call("ListAlerts", pb.ListAlertsRequest(), MOS_OFFICER).alerts) == 0


def test_a_role_that_may_never_call_is_denied(registry: Registry) -> None:
    with pytest.raises(Denied):
        registry.call("RegisterAlert", a_registration(), COORDINATOR)
    with pytest.raises(Denied):
        registry.call("AssessAlert", an_assessment(registered(registry)), LANDLORD)


def test_an_assumed_error_is_offered_to_skatteverket_with_the_least(registry: Registry) -> None:
    alert_id = registered(registry)
    answer = registry.call("AssessAlert", an_assessment(alert_id), OFFICER)
    assert (answer.state, list(answer.offered_to)) == (pb.ALERT_STATE_ASSESSED, ["skatteverket-folkbokforing"])
    assert registry.outbox.run_once() == 1
    (offer,) = registry.sharing.of(alert_id)
    assert (offer.unit, list(offer.secrecy), list(offer.handled_by)) == ("KLF", [], [OFFICER.person])
    told = offer.folkbokforing_alert
    assert told.subject.personal_identity_number == PERSON
    assert told.dwelling.street_address == "Exempelgatan 1, 582 22 Linköping"
    assert [fact.code for fact in told.alert.circumstances] == ["tenant_not_living_there"]  # the weak one stays
    assert told.alert.source_kind == "landlord"
    assert "5599990180" not in str(offer)
    assert registry.outbox.run_once() == 0


def test_a_samordningsnummer_goes_as_one(registry: Registry) -> None:
    alert_id = assessed(registry, contract_holder_id_number=COORDINATION_PERSON)
    registry.outbox.run_once()
    subject = registry.sharing.of(alert_id)[0].folkbokforing_alert.subject
    assert subject.coordination_number == COORDINATION_PERSON
    assert not subject.HasField("personal_identity_number")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("wrong_flat_checked", {"wrong_flat_checked": False}),
        ("suspected_error_kind", {"suspected_error_kind": "rymd"}),
        ("concerns_contract_holder", {"concerns_contract_holder": False}),
        ("protection_check", {"protection_check": None}),
        ("protection_check", {"protection_check": a_check(age=timedelta(hours=24, seconds=1))}),
        ("protection_check", {"protection_check": a_check(age=timedelta(minutes=-10))}),
        ("reasons", {"reasons": " "}),
        ("own_facts", {"own_facts": [common_pb2.Circumstance(code="sublet_suspected", from_date="2026-11-01")]}),
        ("own_facts[0]", {"own_facts": [common_pb2.Circumstance(code="apartment_empty", from_date="2026-11-24")]}),
    ],
)
def test_without_what_the_law_needs_nothing_is_offered(registry: Registry, field: str, more: dict[str, Any]) -> None:
    alert_id = registered(registry)
    with pytest.raises(Invalid) as refused:
        registry.call("AssessAlert", an_assessment(alert_id, **more), OFFICER)
    assert refused.value.message.startswith(f"{field}: ")
    assert registry.outbox.run_once() == 0
    assert get(registry, alert_id).state == pb.ALERT_STATE_SCREENED
    assert "registry:AssessAlert/refused" in registry.events()


def test_weak_signs_alone_are_never_sent(registry: Registry) -> None:
    alert_id = registered(registry, observation_types=["ingen elförbrukning", "misstänkt andrahand"])
    with pytest.raises(Invalid, match="own_facts"):
        registry.call("AssessAlert", an_assessment(alert_id), OFFICER)


def test_a_neighbours_word_needs_the_officers_own_dated_fact_and_only_that_goes(registry: Registry) -> None:
    alert_id = registered(registry, source_kind="granne")
    assert get(registry, alert_id).needs_review
    with pytest.raises(Invalid, match="own_facts"):
        registry.call("AssessAlert", an_assessment(alert_id), OFFICER)
    own = [
        common_pb2.Circumstance(code="apartment_empty", from_date="2026-11-20", to_date="2026-11-20"),
        common_pb2.Circumstance(code="tenant_not_living_there", from_date="2026-11-12", to_date="2026-11-19"),
    ]
    registry.call("AssessAlert", an_assessment(alert_id, own_facts=own), OFFICER)
    registry.outbox.run_once()
    facts = registry.sharing.of(alert_id)[0].folkbokforing_alert.alert
    assert (list(facts.circumstances), facts.source_kind) == (own, "kommun")
    assert (facts.observed_from, facts.observed_to) == ("2026-11-12", "2026-11-20")


def test_a_fact_that_still_goes_on_has_no_last_day(registry: Registry) -> None:
    own = common_pb2.Circumstance(code="apartment_empty", from_date="2026-11-20")
    alert_id = registered(registry)
    registry.call("AssessAlert", an_assessment(alert_id, own_facts=[own]), OFFICER)
    registry.outbox.run_once()
    facts = registry.sharing.of(alert_id)[0].folkbokforing_alert.alert
    assert facts.observed_from == "2026-09-24"
    assert not facts.HasField("observed_to")


def test_a_protected_person_stops_everything_and_disappears(registry: Registry) -> None:
    alert_id = registered(registry)
    answer = registry.call("AssessAlert", an_assessment(alert_id, protection_check=a_check(PROTECTED)), OFFICER)
    assert (answer.state, list(answer.offered_to)) == (pb.ALERT_STATE_BLOCKED_PROTECTED, [])
    assert registry.outbox.run_once() == 0
    with pytest.raises(NotFound):
        get(registry, alert_id)
    assert len(registry.call("ListAlerts", pb.ListAlertsRequest(), OFFICER).alerts) == 0
    # To the landlord nothing has happened: a disappearance would tell.
    assert get(registry, alert_id, LANDLORD).state == pb.ALERT_STATE_SUBMITTED
    assert len(registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD).alerts) == 1


def test_a_protection_found_after_the_offer_takes_the_offer_back(registry: Registry) -> None:
    alert_id = assessed(registry)
    registry.outbox.run_once()
    registry.call("AssessAlert", an_assessment(alert_id, "2", protection_check=a_check(PROTECTED)), OFFICER)
    registry.outbox.run_once()
    assert [offer.WhichOneof("content") for offer in registry.sharing.of(alert_id)] == ["folkbokforing_alert", "withdrawn"]


def test_an_alert_that_has_changed_since_it_was_read_is_left_alone(registry: Registry) -> None:
    alert_id = assessed(registry)
    with pytest.raises(Conflict) as refused:
        registry.call("AssessAlert", an_assessment(alert_id, "1"), OFFICER)
    assert refused.value.reason == ConflictReason.ETAG


def test_a_later_assessment_replaces_an_offer_that_has_not_gone(registry: Registry) -> None:
    registry.sharing.fail = Unavailable("borta")
    alert_id = assessed(registry)
    registry.call("AssessAlert", an_assessment(alert_id, "2"), OFFICER)
    assert registry.outbox.run_once() == 1  # the first is out of date and asks nothing any more
    registry.sharing.fail = None
    with_delay_gone(registry)
    assert registry.outbox.run_once() == 1
    assert [offer.revision for offer in registry.sharing.of(alert_id)] == [3]


def test_an_offer_taken_back_stays_back_whatever_happens_after(registry: Registry) -> None:
    alert_id = assessed(registry)
    registry.outbox.run_once()
    registry.call("AssessAlert", an_assessment(alert_id, "2", assessment=pb.ALERT_ASSESSMENT_NEEDS_COMPLETION), OFFICER)
    registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=alert_id, etag="3"), OFFICER)
    registry.outbox.run_once()
    assert registry.sharing.of(alert_id)[-1].WhichOneof("content") == "withdrawn"


def test_what_is_sent_back_is_completed_by_an_officer_and_never_by_the_landlord(registry: Registry) -> None:
    alert_id = registered(registry)
    registry.call("AssessAlert", an_assessment(alert_id, assessment=pb.ALERT_ASSESSMENT_NEEDS_COMPLETION), OFFICER)
    request = pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_report(apartment_number="1301"), completes_alert_id=alert_id)
    with pytest.raises(NotFound):
        registry.call("RegisterAlert", request, LANDLORD)
    assert registry.call("RegisterAlert", request, OFFICER).state == pb.ALERT_STATE_SCREENED
    found = get(registry, alert_id)
    assert found.report.apartment_number == "1301"
    assert [step.to_state for step in found.history][-2:] == ["submitted", "screened"]
    assert found.history[0].to_state == "submitted"


def an_outcome(alert_id: str, status: "common_pb2.OutcomeStatus.ValueType", disclosure_id: str) -> pb.RecordOutcomeRequest:
    return pb.RecordOutcomeRequest(
        outcome=common_pb2.RecordOutcome(
            request_id=str(uuid4()),
            record_kind="folkbokforing_alert",
            record_id=alert_id,
            receiver_kind="skatteverket-folkbokforing",
            disclosure_id=disclosure_id,
            status=status,
            occurred_time=timestamp(NOW),
        )
    )


def test_what_comes_back_is_seen_on_the_record_and_moves_it(registry: Registry) -> None:
    alert_id, disclosure_id = assessed(registry), str(uuid4())
    for status, state in [
        (common_pb2.OUTCOME_STATUS_SENT, pb.ALERT_STATE_NOTICE_SENT),
        (common_pb2.OUTCOME_STATUS_RECEIVED, pb.ALERT_STATE_ACKNOWLEDGED),
    ]:
        request = an_outcome(alert_id, status, disclosure_id)
        assert registry.tell(request) == registry.tell(request)
        found = get(registry, alert_id)
        assert found.state == state
        assert [(row.receiver_kind, row.status) for row in found.shared_with] == [("skatteverket-folkbokforing", status)]
    with pytest.raises(Denied):
        registry.call("RecordOutcome", an_outcome(alert_id, common_pb2.OUTCOME_STATUS_SENT, disclosure_id), OFFICER)
    with pytest.raises(NotFound):
        registry.tell(an_outcome(str(uuid4()), common_pb2.OUTCOME_STATUS_SENT, disclosure_id))


def test_a_list_is_read_page_by_page(registry: Registry) -> None:
    made = [registered(registry, apartment_number=f"12{number:02}") for number in range(5)]
    seen, token = [], ""
    while True:
        page = common_pb2.Page(page_size=2, page_token=token)
        answer = registry.call("ListAlerts", pb.ListAlertsRequest(page=page), OFFICER)
        seen += [row.alert_id for row in answer.alerts]
        token = answer.next_page_token
        if not token:
            break
    assert seen == made
    for wrong in (common_pb2.Page(page_size=-1), common_pb2.Page(page_token="x")):
        with pytest.raises(Invalid):
            registry.call("ListAlerts", pb.ListAlertsRequest(page=wrong), OFFICER)


def test_every_read_of_an_alert_leaves_a_trace(registry: Registry) -> None:
    get(registry, registered(registry))
    assert registry.events() == ["registry:alert:register/done", "registry:alert:read/done"]


def test_no_failure_tells_anything_personal(registry: Registry) -> None:
    said = []
    for more in ({"contract_holder_id_number": f"{PERSON}x"}, {"city": "\x07Demoby"}, {"observation_types": ["Demo Person såg"]}):
        with pytest.raises(Failure) as refused:
            registered(registry, **more)
        said.append(refused.value.message)
    assert not any(word in text for text in said for word in (PERSON, "Demo"))


def with_delay_gone(registry: Registry) -> None:
    """Rows that wait after a failure are due now."""
    with psycopg.connect(registry.database_url, options="-c search_path=registry") as connection:
        connection.execute("UPDATE outbox SET next_time = now() - interval '1 second'")
