"""The whole service: PostgreSQL, gRPC, mTLS; only sharing is a fake."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from psycopg.types.json import Jsonb

from services.kernel.callers import Role
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, ConflictReason, Denied, Invalid, NotFound, Unavailable
from services.kernel.rpc import failure_of
from services.sharing.legal import law
from tests.controls.acts import (
    ACCEPTED,
    DECLINED,
    FK,
    KFM,
    KLF_PERSON,
    ON_SITE,
    PLANNING,
    POLICE,
    SECRETS,
    SKV,
    Operation,
    a_plan_request,
    an_id,
    deliver,
    register,
)
from tests.controls.builders import NOW, a_sole_trader
from tests.controls.conftest import PERSON, Controls


def test_an_operation_from_draft_to_the_plan_at_the_three_that_come(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV, FK, KFM, POLICE)
    deliver(controls)
    invitations = list(controls.sharing.taken.values())
    assert {(offer.record_id, offer.receiver_kind) for offer in invitations} == {(operation.id, kind) for kind in (SKV, FK, KFM, POLICE)}
    assert {offer.unit for offer in invitations} == {"MOS"}
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-kontrollbesok-personalliggare")
    operation.answer(KFM, ACCEPTED, ON_SITE, "kfm-forrattning")
    operation.answer(POLICE, ACCEPTED, ON_SITE, "polis")
    operation.answer(FK, ACCEPTED, PLANNING)
    operation.read()
    confirmed = operation.confirm()
    assert confirmed.state == pb.OPERATION_STATE_CONFIRMED
    assert list(confirmed.offered_to) == sorted([SKV, KFM, POLICE])
    deliver(controls)
    plans = [offer for offer in controls.sharing.taken.values() if offer.record_id != operation.id]
    assert {(offer.record_id, offer.receiver_kind) for offer in plans} == {
        (visit, kind) for visit in operation.visits for kind in (SKV, KFM, POLICE)
    }
    assert {tuple(offer.secrecy) for offer in plans} == {("17:1",)}
    operation.outcome(SKV, status=common_pb2.OUTCOME_STATUS_SENT)
    for visit in operation.visits:
        operation.outcome(SKV, visit, status=common_pb2.OUTCOME_STATUS_RECEIVED)
    seen = operation.participation(SKV)
    assert (seen.answer, seen.role, seen.control_ground_id) == (ACCEPTED, ON_SITE, "skv-kontrollbesok-personalliggare")
    assert (seen.invitation_status, seen.plan_status) == (common_pb2.OUTCOME_STATUS_RECEIVED, common_pb2.OUTCOME_STATUS_RECEIVED)
    assert operation.participation(FK).plan_status == common_pb2.OUTCOME_STATUS_UNSPECIFIED
    assert controls.rows("SELECT * FROM outbox") == []


def test_forsakringskassan_on_site_stays_unanswered_with_the_reason_and_gets_no_plan(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(FK)
    operation.answer(FK, ACCEPTED, ON_SITE, "polis")
    seen = operation.participation(FK)
    assert seen.answer == common_pb2.INVITATION_ANSWER_UNSPECIFIED
    assert seen.remark == law().messages["M16"].format(myndighet="Försäkringskassan")
    with pytest.raises(Conflict, match="override_reason"):
        operation.confirm()
    confirmed = operation.confirm("Försäkringskassan återkommer")
    assert list(confirmed.offered_to) == []
    assert "ingen inbjuden deltar på plats" in confirmed.message
    assert operation.read().override_reason == "Försäkringskassan återkommer"


def test_without_an_own_ground_the_operation_is_confirmed_and_the_answer_says_why_no_plan_goes(controls: Controls) -> None:
    operation = Operation(controls, own_control_ground_id="")
    operation.invite(KFM, SKV)
    operation.answer(KFM, ACCEPTED, ON_SITE, "kfm-forrattning")
    operation.answer(SKV, DECLINED)
    operation.read()
    confirmed = operation.confirm()
    assert confirmed.state == pb.OPERATION_STATE_CONFIRMED
    assert list(confirmed.offered_to) == []
    assert "ingen egen grund" in confirmed.message


def test_a_later_no_withdraws_the_plans_of_that_authority_only(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV, KFM)
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-revision")
    operation.answer(KFM, ACCEPTED, ON_SITE, "kfm-forrattning")
    operation.read()
    operation.confirm()
    deliver(controls)
    operation.answer(SKV, DECLINED)
    deliver(controls)
    for visit in operation.visits:
        assert controls.sharing.contents(visit, SKV) == ["control_invitation", "withdrawn"]
        assert controls.sharing.contents(visit, KFM) == ["control_invitation"]
    assert operation.participation(SKV).remark == "Planen är återkallad eftersom svaret ändrades."


def test_a_no_to_the_plan_recalls_it_and_an_earlier_yes_that_comes_after_changes_nothing(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-revision", occurred_time=timestamp(NOW))
    operation.read()
    operation.confirm()
    deliver(controls)
    operation.answer(SKV, DECLINED, record_id=operation.visits[0], occurred_time=timestamp(NOW + timedelta(minutes=2)))
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-revision", occurred_time=timestamp(NOW + timedelta(minutes=1)))
    deliver(controls)
    assert operation.participation(SKV).answer == DECLINED
    for visit in operation.visits:
        assert controls.sharing.contents(visit, SKV) == ["control_invitation", "withdrawn"]


def test_cancelling_withdraws_what_was_offered_and_later_answers_change_nothing(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    deliver(controls)
    assert operation.change("CancelOperation", pb.CancelOperationRequest()).state == pb.OPERATION_STATE_CANCELLED
    deliver(controls)
    assert controls.sharing.contents(operation.id, SKV) == ["control_invitation", "withdrawn"]
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-revision")
    assert operation.participation(SKV).answer == common_pb2.INVITATION_ANSWER_UNSPECIFIED
    assert operation.read().state == pb.OPERATION_STATE_CANCELLED


def test_an_invitation_cancelled_before_it_was_delivered_is_never_offered(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    operation.change("CancelOperation", pb.CancelOperationRequest())
    deliver(controls)
    assert controls.sharing.taken == {}
    assert controls.rows("SELECT * FROM outbox") == []


def test_the_plan_of_a_visit_to_an_enskild_firma_goes_to_nobody_and_the_coordinator_is_told(controls: Controls) -> None:
    operation = Operation(controls, objects=0)
    place = a_sole_trader().object
    operation.change(
        "AddVisit", pb.AddVisitRequest(object_id=register(controls, **{name: getattr(place, name) for name in place.__slots__}))
    )
    operation.invite(SKV, KFM)
    operation.answer(SKV, ACCEPTED, ON_SITE, "skv-revision")
    operation.answer(KFM, ACCEPTED, ON_SITE, "kfm-forrattning")
    operation.read()
    confirmed = operation.confirm()
    assert list(confirmed.offered_to) == []
    assert confirmed.message == "Planen för besök 1 lämnas inte till någon: utan ett bolag på platsen kan adressen vara någons hem."
    deliver(controls)
    assert [offer.receiver_kind for offer in controls.sharing.taken.values()] == [SKV, KFM]  # the open facts, and nothing more
    for word in ("Persson", "941130", "Hemgatan"):
        assert word not in str(controls.sharing.taken)


def test_an_answer_is_entered_by_hand_only_for_an_authority_without_a_channel(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite("arbetsmiljoverket", SKV)

    def by_hand(kind: str, ground: str) -> None:
        answered = common_pb2.AnsweredInvitation(answer=ACCEPTED, role=ON_SITE, control_ground_id=ground)
        request = pb.AnswerInvitationRequest(
            request_id=an_id(), operation_id=operation.id, receiver_kind=kind, answered_invitation=answered
        )
        controls.call("AnswerInvitation", request)

    with pytest.raises(Invalid, match="svarar själv"):
        by_hand(SKV, "skv-revision")
    with pytest.raises(Invalid, match=r"^control_ground_id: Arbetsmiljöverket kan inte delta på plats utan egen rättslig grund\."):
        by_hand("arbetsmiljoverket", "")
    by_hand("arbetsmiljoverket", "aml-tillsyn")
    assert operation.participation("arbetsmiljoverket").control_ground_id == "aml-tillsyn"
    assert operation.participation(SKV).answer == common_pb2.INVITATION_ANSWER_UNSPECIFIED
    with pytest.raises(NotFound):
        by_hand("migrationsverket", "")


def test_nobody_is_invited_before_there_is_an_object(controls: Controls) -> None:
    operation = Operation(controls, objects=0)
    with pytest.raises(Conflict, match="lägg till minst ett objekt"):
        operation.invite(SKV)
    assert controls.rows("SELECT * FROM outbox") == []


def test_a_change_from_an_older_view_is_refused(controls: Controls) -> None:
    operation = Operation(controls)
    older = operation.etag
    operation.invite(SKV)
    operation.etag = older
    with pytest.raises(Conflict) as refused:
        operation.invite(KFM)
    assert refused.value.reason == ConflictReason.ETAG


def test_of_many_changes_at_once_from_the_same_view_one_is_made(controls: Controls) -> None:
    operation = Operation(controls)

    def invite(kind: str) -> bool:
        request = pb.InviteAuthorityRequest(request_id=an_id(), operation_id=operation.id, etag=operation.etag, receiver_kind=kind)
        try:
            controls.call("InviteAuthority", request)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(invite, (SKV, FK, KFM, POLICE))) == 1
    assert len(operation.read().participations) == 1


def test_the_same_request_again_has_the_same_answer_and_one_effect(controls: Controls) -> None:
    planned = a_plan_request()
    first = controls.call("PlanOperation", planned)
    assert controls.call("PlanOperation", planned) == first
    with pytest.raises(Conflict) as refused:
        controls.call("PlanOperation", a_plan_request(request_id=planned.request_id, label="LOS-2026-08"))
    assert refused.value.reason == ConflictReason.REQUEST_REUSED
    visit = pb.AddVisitRequest(request_id=an_id(), operation_id=first.operation_id, etag=first.etag, object_id=register(controls))
    assert controls.call("AddVisit", visit) == controls.call("AddVisit", visit)
    assert len(controls.rows("SELECT * FROM visit")) == 1


def test_an_outcome_told_twice_counts_once(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    answered = common_pb2.AnsweredInvitation(answer=DECLINED)
    again: dict[str, Any] = {"request_id": an_id(), "disclosure_id": an_id(), "answered_invitation": answered}
    for _ in range(2):
        operation.outcome(SKV, **again)
    assert controls.rows("SELECT revision FROM operation") == [{"revision": 6}]


def test_another_units_operation_looks_the_same_as_one_that_is_not_there(controls: Controls) -> None:
    operation = Operation(controls)
    messages = set()
    for operation_id, caller in ((operation.id, KLF_PERSON), (an_id(), PERSON)):
        with pytest.raises(NotFound) as refused:
            controls.call("GetOperation", pb.GetOperationRequest(operation_id=operation_id), caller)
        messages.add(refused.value.message)
        cancel = pb.CancelOperationRequest(request_id=an_id(), operation_id=operation_id, etag=operation.etag)
        with pytest.raises(NotFound):
            controls.call("CancelOperation", cancel, caller)
    assert len(messages) == 1
    assert list(controls.call("ListOperations", pb.ListOperationsRequest(), KLF_PERSON).operations) == []
    assert [row.label for row in controls.call("ListOperations", pb.ListOperationsRequest()).operations] == ["LOS-2026-07"]


def test_only_a_coordinator_plans_and_only_sharing_tells_outcomes(controls: Controls) -> None:
    with pytest.raises(Denied):
        controls.call("PlanOperation", a_plan_request(), replace(PERSON, role=Role.FUT_INVESTIGATOR))
    outcome = common_pb2.RecordOutcome(request_id=an_id(), record_id=an_id())
    with pytest.raises(Denied):
        controls.call("RecordOutcome", pb.RecordOutcomeRequest(outcome=outcome))
    with pytest.raises(grpc.RpcError) as refused:
        controls.as_sharing.PlanOperation(a_plan_request(), timeout=10)
    assert isinstance(failure_of(refused.value), Denied)
    assert controls.events() == ["controls:PlanOperation/refused", "controls:RecordOutcome/refused", "controls:PlanOperation/refused"]


def test_an_outcome_of_something_never_offered_is_not_found(controls: Controls) -> None:
    operation = Operation(controls)
    with pytest.raises(NotFound):
        operation.outcome(SKV, status=common_pb2.OUTCOME_STATUS_SENT)


def test_the_plan_is_sealed_in_the_database_and_so_is_what_it_visits(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    tables = ("operation", "visit", "participation", "offer", "outbox", "audit", "history", "request")
    stored = {table: controls.rows(f"SELECT * FROM {table}") for table in tables}  # noqa: S608  # our own names
    text = json.dumps(stored, default=lambda value: value.decode("latin-1") if isinstance(value, bytes) else str(value))
    for secret in SECRETS:
        assert secret not in text
    objects = {str(row["id"]) for row in controls.rows("SELECT id FROM control_object")}
    assert not [found for found in objects if found in json.dumps([stored["visit"], stored["offer"], stored["outbox"]], default=str)]


def test_every_change_and_every_read_leaves_a_trace_in_the_order_it_happened(controls: Controls) -> None:
    operation = Operation(controls, objects=1)
    operation.invite(SKV)
    operation.read()
    controls.call("ListOperations", pb.ListOperationsRequest())
    operation.answer(SKV, DECLINED)
    with pytest.raises(NotFound):
        controls.call("GetOperation", pb.GetOperationRequest(operation_id=operation.id), KLF_PERSON)
    assert controls.events() == [
        "controls:operation:plan/done",
        "controls:object:register/done",
        "controls:visit:add/done",
        "controls:authority:invite/done",
        "controls:operation:read/done",
        "controls:operation:list/done",
        "controls:outcome:record/done",
        "controls:GetOperation/refused",
    ]


def test_an_offer_waits_while_sharing_is_away_and_is_made_once(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    controls.sharing.fail = Unavailable("borta")
    assert controls.outbox.run_once() == 0
    assert controls.sharing.taken == {}
    (row,) = controls.rows("SELECT attempts FROM outbox")
    assert row["attempts"] == 1


def test_an_offer_taken_before_its_row_was_deleted_is_not_made_twice_though_the_operation_changed(controls: Controls) -> None:
    operation = Operation(controls)
    operation.invite(SKV)
    (row,) = controls.rows("SELECT * FROM outbox")
    deliver(controls)
    again = "INSERT INTO outbox (event_id, key, bucket, kind, payload, next_time) VALUES (%s, %s, %s, %s, %s, now()) RETURNING seq"
    controls.rows(again, row["event_id"], row["key"], row["bucket"], row["kind"], Jsonb(row["payload"]))
    operation.invite(KFM)
    deliver(controls)
    assert controls.sharing.contents(operation.id, SKV) == ["control_invitation"]
    assert controls.sharing.contents(operation.id, KFM) == ["control_invitation"]
    assert controls.rows("SELECT * FROM outbox") == []
