"""What is found wrong after it was told, and what the agency says of it: corrections, receipts, outcomes, silence."""

import json
from datetime import UTC, timedelta
from uuid import uuid4

import pytest
from los.sharing.v1 import sharing_pb2 as pb

from partner import feedback as partner
from partner.jose import Code
from services.kernel.errors import Conflict
from tests.sharing.acts import (
    CORRECTED,
    INVESTIGATOR,
    SHARED,
    WORD,
    a_duty_without_a_channel,
    carried_out,
    content,
    correct,
    obligations,
    recall,
    row_of,
    sent,
)
from tests.sharing.conftest import RECEIVER, SECOND, Agency, Sharing

WAIT_S = 30


def silent(sharing: Sharing) -> list[pb.DisclosureRow]:
    return list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest(silent=True)).disclosures)


# correction ---------------------------------------------------------------------------------------------------------


def test_what_is_found_wrong_before_it_has_left_never_leaves(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    answer = correct(sharing, disclosure_id)
    assert answer.state == pb.DISCLOSURE_STATE_VOID
    assert answer.message.startswith(f"Uppgiften lämnas inte. {WORD} har inte fått något.")
    assert sharing.relay.run_once() == 0
    right = sharing.decided(record_id, 2, flat="1202")
    sharing.relay.run_once()
    [record] = sharing.records(right)
    event = json.loads(record.value or b"")
    assert (event["type"], event["sequence"]) == (SHARED, "1")  # a number that never left is given back
    assert "replaces" not in content(sharing, record)


def test_a_correction_is_owed_until_it_is_offered_decided_sent_and_confirmed(sharing: Sharing, agency: Agency) -> None:
    record_id = uuid4()
    wrong = sent(sharing, record_id)
    answer = correct(sharing, wrong)
    assert answer.state == pb.DISCLOSURE_STATE_CORRECTION_DUE
    assert answer.message.startswith(f"Rättelse ska lämnas till {WORD}.")
    states = [[row.state for row in obligations(sharing)]]
    shown = sharing.preview(sharing.offer(record_id, 2, flat="1202").offer_id)
    assert json.loads(shown.payload)["replaces"] == [wrong]
    right = sharing.decide(shown).disclosure_id
    sharing.approve(right, shown.payload_hash)
    states.append([row.state for row in obligations(sharing)])
    sharing.relay.run_once()
    states.append([row.state for row in obligations(sharing)])
    [record] = sharing.records(right)
    assert json.loads(record.value or b"")["type"] == CORRECTED
    assert content(sharing, record) == json.loads(shown.payload)
    agency.confirm(right)
    states.append([row.state for row in obligations(sharing)])
    assert states == [
        [pb.DISCLOSURE_STATE_CORRECTION_DUE],
        [pb.DISCLOSURE_STATE_CORRECTION_DUE],
        [pb.DISCLOSURE_STATE_CORRECTED],
        [],
    ]
    assert (sharing.status(wrong), sharing.status(right)) == ("correction_confirmed", "received")


def test_a_refused_correction_is_owed_and_the_next_one_takes_the_place_of_all_before(sharing: Sharing, agency: Agency) -> None:
    record_id = uuid4()
    first = sent(sharing, record_id)
    second = sharing.decided(record_id, 2, flat="1202")
    sharing.relay.run_once()
    agency.confirm(second, refused=Code.HANDLER_FAILED)
    [row] = obligations(sharing)
    assert (row.disclosure_id, row.state) == (first, pb.DISCLOSURE_STATE_CORRECTION_REFUSED)
    assert "(skäl: handler_failed)" in row.obligation
    third = sharing.decided(record_id, 3, flat="1203")
    sharing.relay.run_once()
    [record] = sharing.records(third)
    assert content(sharing, record)["replaces"] == [first]
    agency.confirm(third)
    assert obligations(sharing) == []


def test_a_second_correction_replaces_the_first_and_what_it_replaced(sharing: Sharing, agency: Agency) -> None:
    record_id = uuid4()
    told = [sent(sharing, record_id)]
    for revision in (2, 3):
        told.append(sharing.decided(record_id, revision, flat=f"120{revision}"))
        sharing.relay.run_once()
    [record] = sharing.records(told[2])
    assert content(sharing, record)["replaces"] == sorted(told[:2])
    agency.confirm(told[1])  # late
    assert [row.disclosure_id for row in obligations(sharing)] == [told[1]]
    agency.confirm(told[2])
    assert obligations(sharing) == []


def test_a_correction_that_somebody_recalls_the_original_of_meanwhile_must_be_looked_at_again(sharing: Sharing) -> None:
    record_id = uuid4()
    wrong = sent(sharing, record_id)
    shown = sharing.preview(sharing.offer(record_id, 2, flat="1202").offer_id)
    recall(sharing, wrong)
    with pytest.raises(Conflict, match="ändrats sedan du såg det"):
        sharing.decide(shown)


def test_a_correction_carried_out_without_a_channel_is_no_longer_owed(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    assert correct(sharing, disclosure_id, INVESTIGATOR).state == pb.DISCLOSURE_STATE_CORRECTION_DUE
    done = sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    assert done.state == pb.DISCLOSURE_STATE_CORRECTION_CONFIRMED


# receipts, outcomes and silence -------------------------------------------------------------------------------------


def test_each_word_of_the_agency_has_its_own_time_and_the_time_we_read_it(sharing: Sharing, agency: Agency) -> None:
    disclosure_id = sent(sharing)
    agency.confirm(disclosure_id)
    event, kit = agency.opened(disclosure_id), sharing.kit("skatteverket")
    now = sharing.clock.now()
    for hours, outcome in enumerate(partner.Outcome, 1):
        sharing.clock.moment = now + timedelta(hours=hours)
        agency.take(partner.outcome(kit, event, RECEIVER, outcome, sharing.clock.now() - timedelta(minutes=5)))
    events = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).events
    said = [event for event in events if event.HasField("received_time")]
    assert [event.status for event in said] == ["received", *partner.Outcome]
    apart = [event.received_time.ToDatetime(UTC) - event.occurred_time.ToDatetime(UTC) for event in said]
    assert apart == [timedelta(), *[timedelta(minutes=5)] * len(partner.Outcome)]
    assert [event.status for event in events if not event.HasField("received_time")] == ["awaiting_approval", "decided", "sent"]
    assert row_of(sharing, disclosure_id, SECOND).state == pb.DISCLOSURE_STATE_CLOSED


def test_an_agency_that_has_said_nothing_for_three_days_is_silent_until_it_answers(sharing: Sharing, agency: Agency) -> None:
    disclosure_id = sent(sharing)
    assert silent(sharing) == []
    sharing.change("UPDATE disclosure_event SET occurred_time = occurred_time - interval '4 days' WHERE status = 'sent'")
    [row] = silent(sharing)
    assert (row.disclosure_id, row.silent_days) == (disclosure_id, 4)
    assert row.reminder.startswith(f"{WORD} har inte bekräftat att uppgiften kom fram. Den skickades för 4 dagar sedan.")
    agency.confirm(disclosure_id)
    assert silent(sharing) == []
    assert row_of(sharing, disclosure_id, SECOND).reminder == ""
