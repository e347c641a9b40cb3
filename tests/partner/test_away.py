"""Recall and correction on the real broker: at once for a partner that is there, and in time for one that was away."""

import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest
from kafka import KafkaConsumer

from partner import ahead, broker, polling
from partner.consumer import Consumer, Withheld, listen
from partner.database import Database
from partner.envelope import Opened
from partner.feedback import Reply
from partner.inbox import Inbox, RecalledError
from partner.kit import Kit
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer
from services.sharing.sealing import Event, Receipt
from tests.partner.builders import a_content
from tests.partner.kommun import DEADLINE_S, IDLE_S, Kommun, kit_of, now_event

AGENCY, KIND = "kronofogden", "kronofogden"


def recalled(kommun: Kommun, original: Event, sequence: int = 2) -> Event:
    event = replace(now_event(KIND), key=original.key, disclosure_id=original.disclosure_id, change="recalled", sequence=sequence)
    return kommun.send(event, content=a_content(event, {}))


def corrected(kommun: Kommun, original: Event, sequence: int = 2) -> Event:
    event = replace(now_event(KIND), key=original.key, change="corrected", sequence=sequence)
    content = json.loads(a_content(event)) | {"replaces": [str(original.disclosure_id)]}
    return kommun.send(event, content=json.dumps(content).encode())


def taken(kommun: Kommun, address: str, events: Sequence[Event]) -> list[str]:
    """Run a partner, in a group that is new, until all is read: what its handler was given of these events."""
    kit = replace(kit_of(kommun, AGENCY), group_prefix=f"{AGENCY}.{uuid4()}.")
    given: list[str] = []
    partner = ReferencePartner(kit, demo_answer(AGENCY))

    def handler(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        given.append(opened.event.id)
        return partner(tx, opened, now)

    inbox = Inbox.open(address)
    try:
        Consumer(kit, Receiver(kit, inbox, handler), print).run(threading.Event(), IDLE_S)
    finally:
        inbox.close()
    return [one for one in given if one in {str(event.id) for event in events}]


def test_a_partner_that_was_away_gets_both_and_hands_out_nothing(kommun: Kommun, address: str) -> None:
    original, other = kommun.send(now_event(KIND)), kommun.send(now_event(KIND))
    for _ in range(polling.POLL_RECORDS_MAX + 10):  # the recall is not in the same round
        kommun.send(now_event(KIND))
    recall = recalled(kommun, original)

    given = taken(kommun, address, [original, other, recall])

    assert sorted(given) == sorted([str(other.id), str(recall.id)])
    inbox = Inbox.open(address)
    with pytest.raises(RecalledError):
        inbox.read(str(original.disclosure_id))
    assert inbox.read(str(other.disclosure_id)).event_id == str(other.id)
    inbox.close()
    for event in (original, recall):
        (reply,) = kommun.replies_about(event, 1)
        assert isinstance(reply.body, Receipt)
        assert reply.body.status == "received"


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # nothing here is the database's
def test_a_recall_in_the_same_round_is_in_time_and_so_is_a_correction(kommun: Kommun, address: str) -> None:
    first, second = kommun.send(now_event(KIND)), kommun.send(now_event(KIND))
    recall, correction = recalled(kommun, first), corrected(kommun, second)

    given = taken(kommun, address, [first, second, recall, correction])

    assert sorted(given) == sorted([str(recall.id), str(correction.id)])


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # nothing here is the database's
def test_a_broker_that_is_away_while_we_look_ahead_is_waited_for(kommun: Kommun, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tries, reader = [0], broker.reader

    def sometimes(kit: Kit) -> KafkaConsumer:
        tries[0] += 1
        if tries[0] <= 2:
            raise broker.BrokerAway
        return reader(kit)

    monkeypatch.setattr(broker, "reader", sometimes)
    monkeypatch.setattr(ahead, "RETRY_S", 0.05)
    original = kommun.send(now_event(KIND))
    for _ in range(polling.POLL_RECORDS_MAX + 10):
        kommun.send(now_event(KIND))
    recall = recalled(kommun, original)

    assert taken(kommun, address, [original, recall]) == [str(recall.id)]
    assert tries[0] > 2


def test_two_partners_in_one_group_hand_out_nothing_withdrawn_and_nothing_twice(kommun: Kommun, address: str) -> None:
    original = kommun.send(now_event(KIND))
    kit = replace(kit_of(kommun, AGENCY), group_prefix=f"{AGENCY}.{uuid4()}.")
    stop, more = threading.Event(), threading.Event()
    given: list[str] = []

    def handler(_: Database, opened: Opened, __: datetime) -> Sequence[Reply]:
        given.append(opened.event.id)
        more.set()
        return []

    def run(database: str) -> None:
        inbox = Inbox.open(database)
        Consumer(kit, Receiver(kit, inbox, handler), print).run(stop)
        inbox.close()

    recall = recalled(kommun, original)
    both = [threading.Thread(target=run, args=(address,)) for _ in range(2)]
    for one in both:
        one.start()
    deadline = time.monotonic() + DEADLINE_S
    while str(recall.id) not in given and time.monotonic() < deadline:
        more.wait(1)
        more.clear()
    stop.set()
    for one in both:
        one.join(DEADLINE_S)

    assert str(recall.id) in given
    assert str(original.id) not in given
    assert given.count(str(recall.id)) == 1


def is_recalled(inbox: Inbox, event: Event) -> bool:
    try:
        inbox.read(str(event.disclosure_id))
    except RecalledError:
        return True
    return False


def test_from_the_decision_to_the_refusal_is_one_message(
    kommun: Kommun, own_kit: Kit, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = now_event("polismyndigheten")
    recall = replace(event, id=uuid4(), change="recalled", sequence=2)
    looks: list[Kit] = []
    reader = broker.reader

    def counted(kit: Kit) -> KafkaConsumer:
        looks.append(kit)
        return reader(kit)

    monkeypatch.setattr(broker, "reader", counted)
    stop, ready = threading.Event(), threading.Event()
    kommun.send(event, topic=own_kit.share_topic)

    def run() -> None:
        inbox = Inbox.open(address)
        Consumer(own_kit, Receiver(own_kit, inbox, ReferencePartner(own_kit, demo_answer("polisen"))), print).run(stop)
        inbox.close()

    reading = Inbox.open(address)
    partner = threading.Thread(target=run)
    partner.start()
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not ready.is_set():
            assert time.monotonic() < deadline
            with suppress(KeyError):
                reading.read(str(event.disclosure_id))
                ready.set()
        looks.clear()
        began = time.monotonic()
        kommun.send(recall, content=a_content(recall, {}), topic=own_kit.share_topic)
        sent = time.monotonic()
        while not is_recalled(reading, event):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        refused = time.monotonic()
    finally:
        stop.set()
        partner.join(DEADLINE_S)
        reading.close()

    print(f"sent in {sent - began:.3f} s, refused {refused - sent:.3f} s after that")  # noqa: T201 - shown with -rP
    assert refused - began < 5
    assert looks == []  # a partner that keeps up reads nothing twice


def test_listening_does_not_show_what_has_been_withdrawn(kommun: Kommun) -> None:
    first, second = kommun.send(now_event(KIND)), kommun.send(now_event(KIND))
    recall, correction = recalled(kommun, first), corrected(kommun, second)

    found = [outcome for _, outcome in listen(kit_of(kommun, AGENCY), threading.Event(), IDLE_S)]

    withheld = {one.event.id: one.withdrawal for one in found if isinstance(one, Withheld)}
    assert withheld[str(first.id)].replaced_by is None
    assert withheld[str(second.id)].replaced_by == str(correction.disclosure_id)
    assert {str(recall.id), str(correction.id)} <= {one.event.id for one in found if isinstance(one, Opened)}
