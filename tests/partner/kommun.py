"""The kommun's side of a real broker, and a partner that takes in what comes."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType

from infra import secrets, topics
from infra.kafka import Kafka
from partner.consumer import Consumer, Counts
from partner.inbox import Inbox
from partner.kit import Kit, load
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer
from services.sharing.sealing import Event, Keys, Notice, NoticeWithdrawn, Reply, SealedRecord, open_reply, seal_event
from tests.partner.builders import AGENCY_OF, a_content, an_event

DEADLINE_S = 60.0
IDLE_S = 0.5


class Kommun:
    """The kommun's side of the broker: the relay that writes, and sharing that reads the replies."""

    def __init__(self, kafka: Kafka) -> None:
        folder = kafka.folder
        self.kafka = kafka
        self.keys = Keys.load(secrets.signing_file(folder), secrets.encryption_file(folder), secrets.receivers_file(folder))
        self.producer = KafkaProducer(acks="all", max_request_size=12 << 20, **kafka.client("relay"))
        self.begun = self._ends()

    def _ends(self) -> dict[TopicPartition, int]:
        """Where the replies are that come from now on: other tests have forged and compressed what lies before."""
        consumer = KafkaConsumer(group_id=None, **self.kafka.client("sharing"))
        found = [f"los.reply.{agency}.v1" for agency in sorted(set(AGENCY_OF.values()))]
        places = [TopicPartition(topic, number) for topic in found for number in consumer.partitions_for_topic(topic) or ()]
        ends: dict[TopicPartition, int] = consumer.end_offsets(places)
        consumer.close()
        return ends

    def send(
        self,
        event: Event,
        change: Callable[[SealedRecord], SealedRecord] = lambda record: record,
        content: bytes | None = None,
        topic: str | None = None,
    ) -> Event:
        record = change(seal_event(event, content or a_content(event), self.keys))
        topic = topic or f"los.share.{AGENCY_OF[event.receiver_kind]}.v1"
        self.producer.send(topic, key=record.key, value=record.value, headers=record.headers).get(DEADLINE_S)
        return event

    def replies_about(self, event: Event, count: int) -> list[Reply]:
        """The replies that answer an event, in order of arrival, as soon as there are so many."""
        topic = f"los.reply.{AGENCY_OF[event.receiver_kind]}.v1"
        # Without a group: one that joins before it knows the topic may wait for its partitions until long after the deadline.
        consumer = KafkaConsumer(group_id=None, enable_auto_commit=False, **self.kafka.client("sharing"))
        found: list[Reply] = []
        deadline = time.monotonic() + DEADLINE_S
        try:
            places = [place for place in self.begun if place.topic == topic]
            consumer.assign(places)
            for place in places:
                consumer.seek(place, self.begun[place])
            while len(found) < count:
                assert time.monotonic() < deadline, f"{len(found)} replies"
                for messages in consumer.poll(timeout_ms=200).values():
                    for one in messages:
                        reply = open_reply(one.topic, one.key, one.value, one.headers, self.keys, datetime.now(UTC))
                        if not isinstance(reply.body, Notice | NoticeWithdrawn) and reply.body.event_id == event.id:
                            found.append(reply)
        finally:
            consumer.close()
        return found


@pytest.fixture(scope="module")
def kommun(kafka: Kafka) -> Iterator[Kommun]:
    kommun = Kommun(kafka)
    yield kommun
    kommun.producer.close()


@pytest.fixture
def own_kit(kommun: Kommun) -> Iterator[Kit]:
    """The police's kit with a share topic of the test's own, of one partition and with room for 12 MiB, and a group of its own."""
    kit = kit_of(kommun, "polisen")
    name = f"los.share.t{uuid4().hex}.v1"
    with KafkaAdminClient(**kommun.kafka.client(topics.ADMIN)) as admin:
        settings = {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": str(12 << 20)}}
        admin.create_topics({name: settings}, wait_for_metadata=True)
        admin.create_acls([a_right("relay", ACLOperation.WRITE, name), a_right("polisen", ACLOperation.READ, name)])
        yield replace(kit, share_topic=name, group_prefix=f"polisen.{uuid4()}.")
        admin.delete_topics([name])


def a_right(user: str, operation: ACLOperation, topic: str) -> ACL:
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, topic))


def kit_of(kommun: Kommun, agency: str) -> Kit:
    return load(kommun.kafka.folder.partners / agency)


def now_event(receiver_kind: str, **changes: Any) -> Event:  # noqa: ANN401 - any part of an event
    now = datetime.now(UTC)
    return an_event(receiver_kind=receiver_kind, time=now, recorded_time=now, expiry_time=now + timedelta(days=1), **changes)


def taken_in(kit: Kit, database: Path | str) -> Counts:
    """Run the reference partner until there is nothing more."""
    inbox = Inbox.open(database)
    try:
        receiver = Receiver(kit, inbox, ReferencePartner(kit, demo_answer(kit.agency)))
        return Consumer(kit, receiver, print).run(threading.Event(), IDLE_S)
    finally:
        inbox.close()


def kept(database: Path | str, event: Event) -> int:
    inbox = Inbox.open(database)
    (count,) = inbox.database.execute("SELECT count(*) FROM record WHERE event_id = ?", (str(event.id),)).fetchone()
    inbox.close()
    return int(count)
