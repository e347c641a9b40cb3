"""What a landlord sees of a report and may do with it: never anything that tells what the kommun has found."""

from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.errors import Conflict, NotFound
from services.registry.domain.alert import State
from services.registry.domain.alert_life import LIFE
from tests.registry.builders import LANDLORD, OFFICER, OTHER_PERSON, a_check, an_assessment
from tests.registry.conftest import Registry
from tests.registry.test_alert_service import an_outcome, assessed, get, registered

PROTECTED = a_check(common_pb2.PROTECTION_PROTECTED)


def test_a_landlord_cannot_tell_whether_the_report_went_on(registry: Registry) -> None:
    moved, untouched = registered(registry), registered(registry, apartment_number="1202")
    registry.call("AssessAlert", an_assessment(moved), OFFICER)
    seen = []
    for alert_id in (moved, untouched):
        found = get(registry, alert_id, LANDLORD)
        found.alert_id = ""
        seen.append(found)
    assert seen[0] == seen[1]
    rows = registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD).alerts
    assert {(row.state, row.etag, row.needs_review) for row in rows} == {(pb.ALERT_STATE_SUBMITTED, seen[0].etag, False)}
    assert not seen[0].HasField("report")
    asked = pb.ListAlertsRequest(states=[pb.ALERT_STATE_ASSESSED])
    assert len(registry.call("ListAlerts", asked, LANDLORD).alerts) == 0


def test_a_landlord_cannot_tell_that_something_was_corrected_or_recalled(registry: Registry) -> None:
    alert_id, disclosure_id = assessed(registry), str(uuid4())
    registry.tell(an_outcome(alert_id, common_pb2.OUTCOME_STATUS_RECEIVED, disclosure_id))
    before = get(registry, alert_id, LANDLORD)
    listed = registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD)
    for status in common_pb2.OutcomeStatus.values()[1:]:
        registry.tell(an_outcome(alert_id, status, disclosure_id))
        assert get(registry, alert_id, LANDLORD) == before
        assert registry.call("ListAlerts", pb.ListAlertsRequest(), LANDLORD) == listed
    assert get(registry, alert_id).shared_with[0].status == common_pb2.OUTCOME_STATUS_RECALLED
    assert before.shared_with == before.history == []


def test_a_landlord_sees_what_was_sent_last_first(registry: Registry) -> None:
    sent = [registered(registry, apartment_number=f"120{number}") for number in range(3)]
    seen: list[str] = []
    token = ""
    for _ in sent:
        answer = registry.call("ListAlerts", pb.ListAlertsRequest(page=common_pb2.Page(page_size=1, page_token=token)), LANDLORD)
        seen, token = [*seen, *(row.alert_id for row in answer.alerts)], answer.next_page_token
    assert (seen, token) == (sent[::-1], "")


def taken_back(registry: Registry, alert_id: str) -> pb.WithdrawAlertResponse:
    """Taken back by its landlord; the answer without the id."""
    etag = get(registry, alert_id, LANDLORD).etag
    answer = registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=alert_id, etag=etag))
    assert isinstance(answer, pb.WithdrawAlertResponse)
    answer.alert_id = ""
    return answer


def test_a_landlord_may_take_back_what_the_kommun_has_found_nothing_about(registry: Registry) -> None:
    untouched, sent_back = registered(registry), registered(registry, apartment_number="1202")
    registry.call("AssessAlert", an_assessment(sent_back, assessment=pb.ALERT_ASSESSMENT_NEEDS_COMPLETION), OFFICER)
    for alert_id in (untouched, sent_back):
        assert taken_back(registry, alert_id).state == pb.ALERT_STATE_NO_ACTION
        assert get(registry, alert_id).state == pb.ALERT_STATE_WITHDRAWN


def test_what_the_kommun_assumes_is_not_undone_by_the_landlord(registry: Registry) -> None:
    alert_id = assessed(registry)
    registry.outbox.run_once()
    before = get(registry, alert_id)
    taken_back(registry, alert_id)
    assert get(registry, alert_id) == before
    assert registry.outbox.run_once() == 0
    assert [offer.WhichOneof("content") for offer in registry.sharing.of(alert_id)] == ["folkbokforing_alert"]


def test_a_protected_person_stays_hidden_whatever_the_landlord_does(registry: Registry) -> None:
    alert_id = registered(registry)
    registry.call("AssessAlert", an_assessment(alert_id, protection_check=PROTECTED), OFFICER)
    taken_back(registry, alert_id)
    with pytest.raises(NotFound):
        get(registry, alert_id)
    assert len(registry.call("ListAlerts", pb.ListAlertsRequest(), OFFICER).alerts) == 0
    assert [row["state"] for row in registry.rows("SELECT state FROM alert")] == ["blocked_protected"]
    assert LIFE.next[State.BLOCKED_PROTECTED] == frozenset()


def test_no_answer_tells_a_landlord_whether_what_was_taken_back_was_kept(registry: Registry) -> None:
    untouched, assumed = (registered(registry, apartment_number=number) for number in ("1201", "1202"))
    protected = registered(registry, contract_holder_id_number=OTHER_PERSON)
    registry.call("AssessAlert", an_assessment(assumed), OFFICER)
    registry.call("AssessAlert", an_assessment(protected, protection_check=PROTECTED), OFFICER)
    seen = []
    for alert_id in (untouched, assumed, protected):
        answer = taken_back(registry, alert_id)
        found = get(registry, alert_id, LANDLORD)
        found.alert_id = ""
        with pytest.raises(Conflict) as again:
            taken_back(registry, alert_id)
        seen.append((answer, found, again.value.reason, again.value.message))
    assert seen[0] == seen[1] == seen[2]
    for states, count in (([], 3), ([pb.ALERT_STATE_NO_ACTION], 3), ([pb.ALERT_STATE_SUBMITTED], 0)):
        rows = registry.call("ListAlerts", pb.ListAlertsRequest(states=states), LANDLORD).alerts
        assert [(row.state, row.etag) for row in rows] == [(pb.ALERT_STATE_NO_ACTION, seen[0][1].etag)] * count
    assert registry.rows("SELECT id FROM audit WHERE event = 'registry:alert:withdraw' AND details ->> 'state' = 'assessed'")
