import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, timestamp
from services.kernel.errors import Conflict, NotFound
from tests.sharing.acts import CORRECTED, RECALLED, SHARED
from tests.sharing.builders import PERSON
from tests.sharing.conftest import OFFICER, SECOND, Sharing


def sent(sharing: Sharing) -> int:
    """One round of the relay."""
    return sharing.relay.run_once()


def waiting(sharing: Sharing) -> tuple[int, int]:
    """What the relay has left: rows of the outbox, sealed messages."""
    [row] = sharing.rows("SELECT (SELECT count(*) FROM outbox) AS rows, (SELECT count(*) FROM message) AS messages")
    return row.rows, row.messages


def owner_is_told(sharing: Sharing) -> list[str]:
    """The statuses that the record's owner is promised to hear, in order."""
    query = (
        """SELECT e.status FROM feedback f JOIN disclosure_event e ON e.id = (f.payload ->> 'disclosure_event_id')::uuid ORDER BY f.seq"""
    )
    return [row.status for row in sharing.rows(query)]


# the way out --------------------------------------------------------------------------------------------------------


def test_what_two_persons_have_decided_is_sent_once_and_the_owner_is_told(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    assert sent(sharing) == 1
    assert sharing.on_the_topic(disclosure_id) == [SHARED]
    assert sharing.status(disclosure_id) == "sent"
    assert waiting(sharing) == (0, 0)
    assert owner_is_told(sharing) == ["sent"]


def test_a_record_withdrawn_before_the_relay_has_tried_never_leaves(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    assert sharing.withdraw(record_id).state == pb.OFFER_STATE_WITHDRAWN
    assert sent(sharing) == 0
    assert sharing.on_the_topic(disclosure_id) == []
    assert sharing.status(disclosure_id) == "void"
    assert waiting(sharing) == (0, 0)
    assert owner_is_told(sharing) == ["void"]


def test_a_person_found_protected_after_the_decision_stops_what_has_not_left(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    check = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED, checked_time=timestamp(Clock().now()))
    assert sharing.offer(record_id, 2, protection_check=check).state == pb.OFFER_STATE_STOPPED
    assert sent(sharing) == 0
    assert sharing.on_the_topic(disclosure_id) == []
    assert sharing.status(disclosure_id) == "void"


def test_a_record_withdrawn_after_it_was_sent_is_recalled_at_once(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sent(sharing)
    sharing.withdraw(record_id)
    assert sharing.status(disclosure_id) == "recall_decided"
    sent(sharing)
    assert sharing.on_the_topic(disclosure_id) == [SHARED, RECALLED]
    assert sharing.status(disclosure_id) == "recalled"
    assert owner_is_told(sharing) == ["sent", "recall_decided", "recalled"]


def test_a_record_withdrawn_while_nobody_knows_if_it_left_is_kept_back_and_recalled(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sharing.change("UPDATE outbox SET attempts = 1")  # the relay died between the broker's word and its own note
    sharing.withdraw(record_id)
    assert sharing.status(disclosure_id) == "recall_decided"
    assert sent(sharing) == 1
    assert sharing.on_the_topic(disclosure_id) == [RECALLED]
    assert waiting(sharing) == (0, 0)


def test_a_record_changed_before_it_left_takes_the_place_of_the_old_one(sharing: Sharing) -> None:
    record_id = uuid4()
    old = sharing.decided(record_id)
    new = sharing.decided(record_id, 2, flat="1202")
    assert sent(sharing) == 1
    assert (sharing.on_the_topic(old), sharing.on_the_topic(new)) == ([], [SHARED])
    assert (sharing.status(old), sharing.status(new)) == ("void", "sent")


def test_a_record_changed_after_it_was_sent_is_sent_as_a_correction(sharing: Sharing) -> None:
    record_id = uuid4()
    old = sharing.decided(record_id)
    sent(sharing)
    offer = sharing.offer(record_id, 2, flat="1202")
    assert sharing.status(old) == "correction_due"
    shown = sharing.preview(offer.offer_id)
    new = sharing.decide(shown).disclosure_id
    sharing.approve(new, shown.payload_hash)
    assert sharing.status(old) == "correction_due"  # decided is not told
    sent(sharing)
    assert sharing.on_the_topic(new) == [CORRECTED]
    assert sharing.status(old) == "corrected"
    assert owner_is_told(sharing) == ["sent", "correction_due", "sent", "corrected"]


def test_a_correction_that_never_left_is_still_owed_and_the_next_one_is_a_correction_too(sharing: Sharing) -> None:
    record_id = uuid4()
    first = sharing.decided(record_id)
    sent(sharing)
    second = sharing.decided(record_id, 2, flat="1202")
    third = sharing.decided(record_id, 3, flat="1203")
    assert (sharing.status(first), sharing.status(second)) == ("correction_due", "void")
    sent(sharing)
    assert sharing.on_the_topic(third) == [CORRECTED]
    assert sharing.status(first) == "corrected"


def test_what_was_sent_is_recalled_even_when_a_correction_was_waiting(sharing: Sharing) -> None:
    record_id = uuid4()
    first = sharing.decided(record_id)
    sent(sharing)
    sharing.offer(record_id, 2, flat="1202")
    sharing.withdraw(record_id, 3)
    assert sharing.status(first) == "recall_decided"


def test_a_new_check_of_protection_keeps_a_waiting_message_alive(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sharing.change("UPDATE message SET protection_valid_until = now() - interval '1 second'")
    assert sharing.offer(record_id, 2).state == pb.OFFER_STATE_DECIDED
    sent(sharing)
    assert sharing.on_the_topic(disclosure_id) == [SHARED]


def test_a_record_assessed_again_with_the_same_facts_is_not_told_twice(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    sent(sharing)
    assert sharing.offer(record_id, 2).state == pb.OFFER_STATE_DECIDED
    assert sharing.status(disclosure_id) == "sent"
    assert sharing.rows("SELECT state FROM offer WHERE state = 'waiting'") == []


@pytest.mark.parametrize(
    "lapse",
    [
        "UPDATE message SET protection_valid_until = now() - interval '1 second'",
        "UPDATE message SET ground_last_date = (now() AT TIME ZONE 'Europe/Stockholm')::date - 1",
    ],
    ids=["the register check is older than a day", "the ground has ended"],
)
def test_what_may_no_longer_go_lapses_and_holds_nothing_up(sharing: Sharing, lapse: str) -> None:
    record_id = uuid4()
    lapsed = sharing.decided(record_id)
    sharing.change(lapse)
    other = sharing.decided(uuid4())
    sent(sharing)
    assert (sharing.on_the_topic(lapsed), sharing.on_the_topic(other)) == ([], [SHARED])
    assert (sharing.status(lapsed), sharing.status(other)) == ("void", "sent")
    assert waiting(sharing) == (0, 0)
    again = sharing.decided(record_id, 2)  # a person has looked again
    sent(sharing)
    [record] = sharing.records(again)
    event = json.loads(record.value or b"")
    assert (event["type"], event["sequence"]) == (SHARED, "1")  # what lapsed gave its number back


@pytest.mark.parametrize(
    "bound",
    [
        "UPDATE message SET protection_valid_until = now() + interval '1 minute'",
        "UPDATE message SET ground_last_date = (now() AT TIME ZONE 'Europe/Stockholm')::date",
    ],
    ids=["the register check is good for another minute", "it is the last day of the ground"],
)
def test_what_still_may_go_goes(sharing: Sharing, bound: str) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.change(bound)
    sent(sharing)
    assert sharing.on_the_topic(disclosure_id) == [SHARED]


def test_what_lapses_after_an_attempt_may_have_left_and_is_recalled(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.change("UPDATE outbox SET attempts = 1")
    sharing.change("UPDATE message SET protection_valid_until = now() - interval '1 second'")
    sent(sharing)
    assert sharing.status(disclosure_id) == "recall_due"
    assert sharing.on_the_topic(disclosure_id) == []


def test_a_row_whose_message_was_noted_as_sent_before_a_crash_is_cleared_away(sharing: Sharing) -> None:
    sharing.decided(uuid4())
    sharing.change("DELETE FROM message")
    assert sent(sharing) == 1
    assert waiting(sharing) == (0, 0)


def test_what_was_sent_before_events_were_remembered_keeps_its_number_and_what_waits_its_name(sharing: Sharing) -> None:
    record_id = uuid4()
    sharing.decided(record_id)
    sent(sharing)
    sharing.decided(record_id, 2, flat="1202")
    query = "SELECT disclosure_id, change, key, sequence, kid FROM sent_event ORDER BY sequence"
    before, waits = sharing.rows(query), sharing.rows("SELECT event_id FROM message")
    sharing.change("DELETE FROM sent_event")
    sharing.change(import_module("services.sharing.migrations.versions.0006_sent_events").EARLIER)
    assert sharing.rows(query) == before
    assert [row.change for row in before] == ["shared", "corrected"]
    assert sharing.rows("SELECT event_id FROM sent_event WHERE sequence = 2") == waits


# decisions ----------------------------------------------------------------------------------------------------------


def test_a_check_that_ages_between_the_two_persons_stops_it(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    decided = sharing.decide(shown)
    sharing.change("UPDATE offer SET checked_time = now() - interval '25 hours'")
    with pytest.raises(Conflict, match="protection_check"):
        sharing.approve(decided.disclosure_id, shown.payload_hash)
    assert waiting(sharing) == (0, 0)


def test_a_check_that_is_too_old_keeps_the_offer_and_says_why(sharing: Sharing) -> None:
    offer = sharing.offer(uuid4(), checked=Clock().now() - timedelta(hours=25))
    assert offer.state == pb.OFFER_STATE_WAITING
    with pytest.raises(Conflict, match="äldre än 24 timmar"):
        sharing.preview(offer.offer_id)


def test_a_refusal_needs_no_fresh_check(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    sharing.change("UPDATE offer SET checked_time = now() - interval '25 hours'")
    assert sharing.decide(shown, pb.DECISION_REFUSE, "Särskilda skäl.").state == pb.DISCLOSURE_STATE_REFUSED


def test_a_decision_made_on_the_last_day_of_a_law_is_not_approved_under_the_next(sharing: Sharing) -> None:
    investigator = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
    sharing.clock.moment = datetime(2025, 12, 31, 20, 0, tzinfo=UTC)
    payment = common_pb2.SuspectedPayment(
        subject=common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON),
        payment=common_pb2.PaymentFacts(benefit_type="bostadsbidrag", deciding_body="forsakringskassan", period_from="2025-02"),
    )
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="forsakringskassan", unit="IAF", secrecy=["26:1"],
        suspected_payment=payment, protection_check=sharing.checked(),
    )  # fmt: skip
    written = ("benefit", "circumstances", "own_error", "special_reasons")
    shown = sharing.preview(sharing.take(request).offer_id, person=investigator, points=written)
    assert shown.ground_id == "underrattelselagen-2024"
    decided = sharing.decide(shown, person=investigator)
    sharing.clock.advance(timedelta(hours=5))
    with pytest.raises(Conflict, match="ändrats"):
        sharing.approve(decided.disclosure_id, shown.payload_hash, Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF"))


def test_somebody_who_has_handled_the_case_is_no_second_person(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    sharing.change("UPDATE offer SET handled_by = '{klf-handlaggare-1,klf-beslutare-1}'")
    decided = sharing.decide(shown)
    with pytest.raises(Conflict, match="kollega") as refused:
        sharing.approve(decided.disclosure_id, shown.payload_hash)
    colleague = Caller("cli", "klf-beslutare-2", Role.APPROVER, "KLF")
    for person, bar in ((OFFICER, refused.value.message), (SECOND, refused.value.message), (colleague, "")):
        (listed,) = sharing.call("ListDisclosures", pb.ListDisclosuresRequest(), person).disclosures
        shown_now = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=decided.disclosure_id), person).disclosure
        assert (listed.approval_bar, shown_now.approval_bar) == (bar, bar)


def test_what_was_written_before_a_decision_is_read_with_its_questions(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    decided = sharing.decide(shown)
    found = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=decided.disclosure_id))
    questions = {point.code: point.text for point in found.points}
    assert questions == {point.code: point.text for point in shown.points}
    assert set(questions) == {one.point for one in found.written} != set()


def test_a_preview_is_gone_after_a_day_and_after_the_decision(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    sharing.change("UPDATE preview SET expire_time = now() - interval '1 day'")
    with pytest.raises(Conflict, match="ändrats"):
        sharing.decide(shown)
    again = sharing.preview(sharing.offer(uuid4()).offer_id)
    assert [str(row.id) for row in sharing.rows("SELECT id FROM preview")] == [again.preview_id]
    sharing.decide(again)
    assert sharing.rows("SELECT id FROM preview") == []


def test_an_offer_of_a_protected_person_is_in_no_list(sharing: Sharing) -> None:
    check = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED, checked_time=timestamp(Clock().now()))
    offer = sharing.offer(uuid4(), protection_check=check)
    assert offer.state == pb.OFFER_STATE_STOPPED
    assert list(sharing.call("ListOffers", pb.ListOffersRequest()).offers) == []
    with pytest.raises(NotFound):
        sharing.preview(offer.offer_id)


# traces -------------------------------------------------------------------------------------------------------------


def test_every_reading_of_a_preview_leaves_a_row(sharing: Sharing) -> None:
    offer_id, request_id = sharing.offer(uuid4()).offer_id, str(uuid4())
    for _ in range(2):
        sharing.preview(offer_id, request_id=request_id)
    [row] = sharing.rows("SELECT count(*) AS n FROM audit WHERE event = 'sharing:disclosure:preview' AND object_id = %s", offer_id)
    assert row.n == 2


def test_every_refusal_leaves_a_row_that_names_what_was_asked_about(sharing: Sharing) -> None:
    shown = sharing.preview(sharing.offer(uuid4()).offer_id)
    decided = sharing.decide(shown)
    with pytest.raises(Conflict):
        sharing.approve(decided.disclosure_id, shown.payload_hash, OFFICER)
    absent = str(uuid4())
    with pytest.raises(NotFound):
        sharing.preview(absent)
    query = "SELECT event, object_id, person, details ->> 'reason' AS reason FROM audit WHERE outcome = 'refused' ORDER BY id"
    assert [(row.event, str(row.object_id), row.person, row.reason) for row in sharing.rows(query)] == [
        ("sharing:ApproveDisclosure", decided.disclosure_id, OFFICER.person, "STATE"),
        ("sharing:PreviewDisclosure", absent, OFFICER.person, "NOT_FOUND"),
    ]


def test_another_unit_finds_nothing_to_take_back(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    other = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
    with pytest.raises(NotFound):
        sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), other)
