"""What is taken back or found wrong after it may have left: said to the receiver, and owed until the receiver has confirmed that event."""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import confluent_kafka
import psycopg
import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from partner.jose import Code
from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, timestamp
from services.kernel.errors import Conflict, Invalid, NotFound
from services.sharing.publisher import Publisher
from tests.infra import outsiders
from tests.sharing.acts import (
    INVESTIGATOR,
    REASON,
    RECALLED,
    SHARED,
    WORD,
    a_duty_without_a_channel,
    about,
    carried_out,
    content,
    correct,
    obligations,
    recall,
    row_of,
    sent,
)
from tests.sharing.builders import PERSON
from tests.sharing.conftest import OFFICER, SECOND, Agency, Sharing

WAIT_S = 30


def tasks(sharing: Sharing) -> list[pb.DisclosureRow]:
    return list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest(open_tasks=True)).disclosures)


# recall -------------------------------------------------------------------------------------------------------------


def test_what_has_not_left_when_it_is_recalled_never_leaves_and_gives_its_number_back(sharing: Sharing) -> None:
    record_id = uuid4()
    disclosure_id = sharing.decided(record_id)
    answer = recall(sharing, disclosure_id)
    assert (answer.state, answer.message) == (
        pb.DISCLOSURE_STATE_VOID,
        f"Återkallat innan det skickades. {WORD} har inte fått något.",
    )
    assert sharing.relay.run_once() == 0
    assert sharing.on_the_topic(disclosure_id) == []
    assert obligations(sharing) == []
    again = sharing.decided(record_id, 2, flat="1202")
    sharing.relay.run_once()
    assert [json.loads(record.value or b"")["sequence"] for record in sharing.records(again)] == ["1"]


def test_a_recall_says_nothing_but_that_and_lasts_ten_years(sharing: Sharing) -> None:
    disclosure_id = sent(sharing)
    answer = recall(sharing, disclosure_id)
    assert answer.state == pb.DISCLOSURE_STATE_RECALL_DECIDED
    assert answer.message == f"Återkallat. Beskedet till {WORD} om att inte använda uppgiften är på väg."
    sharing.relay.run_once()
    original, recalled = sharing.records(disclosure_id)
    first, second = json.loads(original.value or b""), json.loads(recalled.value or b"")
    assert (first["type"], second["type"]) == (SHARED, RECALLED)
    assert (first["sequence"], second["sequence"]) == ("1", "2")
    assert (second["correlationid"], second["partitionkey"]) == (disclosure_id, first["partitionkey"])
    assert first["id"] != second["id"]
    assert datetime.fromisoformat(second["expirytime"]) > datetime.now(UTC) + timedelta(days=3650)
    told, taken_back = content(sharing, original), content(sharing, recalled)
    assert taken_back == told | {
        "fields": {},
        "purpose": "Uppgiften är återkallad. Använd den inte och lämna den inte vidare.",
    }
    assert PERSON in str(told)


def test_a_recall_is_owed_until_the_receiver_has_confirmed_that_very_event(sharing: Sharing, agency: Agency) -> None:
    disclosure_id = sent(sharing)
    recall(sharing, disclosure_id)
    sharing.relay.run_once()
    sharing.change("UPDATE disclosure_event SET occurred_time = occurred_time - interval '3 days' WHERE status LIKE 'recall%%'")
    [row] = obligations(sharing)
    assert (row.disclosure_id, row.state, row.obligation_days) == (disclosure_id, pb.DISCLOSURE_STATE_RECALLED, 3)
    assert row.obligation.startswith(f"Återkallat. {WORD} har fått besked om att inte använda uppgiften. Väntar på bekräftelse sedan ")
    assert row.obligation.endswith(" Öppet i 3 dagar.")
    agency.confirm(disclosure_id, 0)  # it confirms the original, which it read first
    assert [row.state for row in obligations(sharing)] == [pb.DISCLOSURE_STATE_RECALLED]
    agency.confirm(disclosure_id, 1)
    assert obligations(sharing) == []
    assert row_of(sharing, disclosure_id, SECOND).state == pb.DISCLOSURE_STATE_RECALL_CONFIRMED


def test_a_receiver_that_refuses_a_recall_is_still_owed_one_and_a_person_tells_it(sharing: Sharing, agency: Agency) -> None:
    disclosure_id = sent(sharing)
    recall(sharing, disclosure_id)
    sharing.relay.run_once()
    agency.confirm(disclosure_id, refused=Code.HANDLER_FAILED)
    [row] = tasks(sharing)
    assert row.state == pb.DISCLOSURE_STATE_RECALL_REFUSED
    assert row.task == row.obligation
    assert row.task.startswith(f"{WORD} tog inte emot återkallelsen (skäl: handler_failed). Säg till på annat sätt")
    done = sharing.call("RecordCarriedOut", carried_out(disclosure_id, recipient="Skatteverket"))
    assert done.state == pb.DISCLOSURE_STATE_RECALL_CONFIRMED
    assert obligations(sharing) == tasks(sharing) == []


def test_a_recall_goes_when_the_ground_has_ended_and_the_check_is_old(sharing: Sharing) -> None:
    disclosure_id = sent(sharing)
    recall(sharing, disclosure_id)
    assert [tuple(row) for row in sharing.rows("SELECT ground_last_date, protection_valid_until FROM message")] == [(None, None)]
    sharing.relay.run_once()
    assert sharing.on_the_topic(disclosure_id) == [SHARED, RECALLED]


def test_the_recall_of_a_person_found_protected_goes_by_itself_and_no_officer_sees_it(sharing: Sharing, agency: Agency) -> None:
    record_id = uuid4()
    disclosure_id = sent(sharing, record_id)
    check = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED, checked_time=timestamp(Clock().now()))
    sharing.offer(record_id, 2, protection_check=check)
    sharing.relay.run_once()
    assert sharing.on_the_topic(disclosure_id) == [SHARED, RECALLED]
    with pytest.raises(NotFound):
        recall(sharing, disclosure_id)
    assert obligations(sharing) == []
    agency.confirm(disclosure_id)
    assert sharing.status(disclosure_id) == "recall_confirmed"
    assert about(sharing) == []  # nor does a registrator


def test_what_may_have_left_before_it_lapsed_is_an_officers_to_recall(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.change("UPDATE outbox SET attempts = 1")
    sharing.change("UPDATE message SET protection_valid_until = now() - interval '1 second'")
    sharing.relay.run_once()
    [row] = obligations(sharing)
    assert row.state == pb.DISCLOSURE_STATE_RECALL_DUE
    assert recall(sharing, disclosure_id).state == pb.DISCLOSURE_STATE_RECALL_DECIDED
    sharing.relay.run_once()
    [record] = sharing.records(disclosure_id)
    assert json.loads(record.value or b"")["sequence"] == "2"  # the first may be there


def test_a_recall_without_a_channel_is_a_persons_to_tell(sharing: Sharing) -> None:
    disclosure_id = a_duty_without_a_channel(sharing)
    sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    answer = recall(sharing, disclosure_id, INVESTIGATOR)
    assert answer.state == pb.DISCLOSURE_STATE_RECALL_DUE
    assert answer.message.startswith("Uppgiften gäller inte längre. Säg till CSN")
    assert row_of(sharing, disclosure_id, INVESTIGATOR).task_open
    done = sharing.call("RecordCarriedOut", carried_out(disclosure_id), INVESTIGATOR)
    assert done.state == pb.DISCLOSURE_STATE_RECALL_CONFIRMED
    assert not row_of(sharing, disclosure_id, INVESTIGATOR).task_open


def test_who_may_recall_is_who_may_decide_and_why_is_written(sharing: Sharing) -> None:
    disclosure_id = sent(sharing)
    with pytest.raises(Conflict, match="roll beslutar inte"):
        recall(sharing, disclosure_id, SECOND)
    with pytest.raises(NotFound):
        recall(sharing, disclosure_id, INVESTIGATOR)
    with pytest.raises(Invalid, match=r"^reason: "):
        recall(sharing, disclosure_id, reason="  ")
    recall(sharing, disclosure_id)
    with pytest.raises(Conflict, match="inget att återkalla"):
        recall(sharing, disclosure_id)
    with pytest.raises(Conflict, match="inget att rätta"):
        correct(sharing, disclosure_id)
    events = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).events
    [said] = [event for event in events if event.status == "recall_decided"]
    assert (said.note, said.person) == (REASON, OFFICER.person)
    assert REASON not in str(sharing.every_row())
    audited = sharing.rows("SELECT person FROM audit WHERE event = 'sharing:disclosure:recall_decided' AND object_id = %s", disclosure_id)
    assert [row.person for row in audited] == [OFFICER.person]


def test_what_is_owed_is_not_erased(sharing: Sharing) -> None:
    disclosure_id = sent(sharing)
    recall(sharing, disclosure_id)
    sharing.relay.run_once()
    sharing.change("UPDATE disclosure_event SET occurred_time = now() - interval '20 months'")
    archive = Caller("cli", "klf-registrator-1", Role.RECORDS_OFFICER, "KLF")
    request = pb.EraseDisclosuresRequest(request_id=str(uuid4()), erasure_decision="GB 2026-4")
    assert [(row.disclosures, row.kept) for row in sharing.call("EraseDisclosures", request, archive).rows] == [(0, 1)]


# the race with the relay --------------------------------------------------------------------------------------------


def test_what_a_relay_has_claimed_is_never_said_to_have_stayed(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    disclosure_id = sharing.decided(uuid4())
    deliver = sharing.relay._deliver  # noqa: SLF001  # between its claim and its sending there is no other door

    def recalled_first(rows: Sequence[Any]) -> Any:  # noqa: ANN401  # as the outbox wants
        monkeypatch.undo()
        assert recall(sharing, disclosure_id).state == pb.DISCLOSURE_STATE_RECALL_DECIDED  # the attempt was counted: who knows?
        return deliver(rows)

    monkeypatch.setattr(sharing.relay, "_deliver", recalled_first)
    sharing.relay.run_once()
    sharing.relay.run_once()
    assert sharing.on_the_topic(disclosure_id)[-1] == RECALLED
    assert sharing.status(disclosure_id) == "recalled"


def test_what_is_recalled_after_a_relay_has_read_it_is_followed_by_its_recall(sharing: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    disclosure_id = sharing.decided(uuid4())
    send = Publisher.send

    def recalled_first(*what: Any) -> Any:  # noqa: ANN401  # as send
        monkeypatch.undo()
        recall(sharing, disclosure_id)
        return send(*what)

    monkeypatch.setattr(Publisher, "send", staticmethod(recalled_first))
    sharing.relay.run_once()
    sharing.relay.run_once()
    assert sharing.on_the_topic(disclosure_id) == [SHARED, RECALLED]
    assert sharing.status(disclosure_id) == "recalled"


def test_a_relay_that_comes_while_it_is_being_recalled_waits_and_finds_nothing(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(sharing.own_url) as recalling, ThreadPoolExecutor(1) as relay:
        recalling.execute("DELETE FROM outbox")  # as keep_back does; the transaction is still open
        claimed = relay.submit(sharing.relay.run_once)
        deadline = time.monotonic() + WAIT_S
        while not sharing.rows(waits):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        recalling.commit()
        assert claimed.result(WAIT_S) == 0
    assert sharing.on_the_topic(disclosure_id) == []


# the whole way ------------------------------------------------------------------------------------------------------


def test_a_recall_goes_out_over_the_broker_and_the_agencys_answer_closes_it(sharing: Sharing, agency: Agency) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    recall(sharing, disclosure_id)  # the agency is away: it has read nothing yet
    sharing.relay.run_once()
    assert sharing.on_the_topic(disclosure_id) == [SHARED, RECALLED]
    producer = confluent_kafka.Producer(outsiders.settings(sharing.kafka, "skatteverket"))
    reading = threading.Thread(target=agency.feedback.run)
    reading.start()
    try:
        for number in (0, 1):
            reply = agency.receipt(disclosure_id, number)
            producer.produce(reply.topic, reply.value, reply.key, headers=list(reply.headers))
        assert producer.flush(WAIT_S) == 0
        deadline = time.monotonic() + WAIT_S
        while obligations(sharing):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        agency.feedback.stop()
        reading.join()
    events = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id)).events
    assert {event.status for event in events} >= {"sent", "received", "recall_decided", "recalled", "recall_confirmed"}
