"""From the broker into the partner's database and back: poll, handle, commit the offset, send the answers.

The order is the promise: the effect and its answers are on disk before the offset moves, and an answer is forgotten
when the broker has it. A crash anywhere repeats a step that has no second effect.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from kafka import KafkaConsumer, KafkaProducer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from partner import broker
from partner.envelope import Opened, Record, open_record
from partner.jose import EXPLANATIONS, Code, Refused
from partner.kit import Kit
from partner.receiver import Receiver, Verdict, utc_now

GROUP = "inbox"
"""The consumer group, after the agency's prefix, that remembers how far the partner has come."""

_POLL_MS = 250
_POLL_RECORDS_MAX = 50
_CLOSE_MS = 5_000

Say = Callable[[str], None]
"""Tells a person what is going on; never anything of a record."""


@dataclass(slots=True)
class Counts:
    """What a run came to."""

    handled: int = 0
    duplicates: int = 0
    refused: int = 0
    answered: int = 0


@dataclass(slots=True)
class Consumer:
    """The loop of one agency. One thread; more of them, in one group, share the partitions."""

    kit: Kit
    receiver: Receiver
    say: Say
    counts: Counts = field(default_factory=Counts)
    _producer: KafkaProducer | None = None

    def run(self, stop: threading.Event, until_idle_s: float | None = None) -> Counts:
        """Work until `stop` is set or nothing has come for `until_idle_s`. Raises BrokerProblem, DeadLettersFullError."""
        with_group = broker.consumer(self.kit, GROUP)
        try:
            for records in batches(self.kit, with_group, stop, until_idle_s):
                for record in records:
                    self._count(record, self.receiver.receive(record))
                if records:
                    self._commit(with_group)
                self._answer()
        finally:
            with_group.close(timeout_ms=_CLOSE_MS)
            if self._producer is not None:
                self._producer.close(timeout=broker.SEND_DEADLINE_S)
        return self.counts

    def _count(self, record: Record, verdict: Verdict | Code) -> None:
        if verdict is Verdict.HANDLED:
            self.counts.handled += 1
        elif verdict is Verdict.DUPLICATE:
            self.counts.duplicates += 1
        else:
            self.counts.refused += 1
            self.say(f"{place(record)}: avvisat ({verdict.value}). {EXPLANATIONS[verdict]}")

    def _commit(self, consumer: KafkaConsumer) -> None:
        try:
            consumer.commit()
        except KafkaError as error:
            # Nothing is lost: the same records come again and are known. The next commit takes these along.
            self.say(f"Läget kunde inte sparas hos kommunens Kafka just nu ({type(error).__name__}).")

    def _answer(self) -> None:
        replies = self.receiver.inbox.pending()
        if not replies:
            return
        try:
            self._producer = self._producer or broker.producer(self.kit)
            sent = [(reply, self._producer.send(reply.topic, key=reply.key, value=reply.value, headers=reply.headers)) for reply in replies]
            for reply, future in sent:
                future.get(broker.SEND_DEADLINE_S)
                self.receiver.inbox.acknowledged(reply.id)
                self.counts.answered += 1
        except TopicAuthorizationFailedError:
            missing = f"Användaren {self.kit.broker.username} får inte skriva {self.kit.reply_topic} hos kommunen."
            raise broker.BrokerProblem(f"Svar väntar. {missing}") from None
        except broker.BrokerProblem as problem:
            self.say(f"Svar väntar. {problem}")
        except KafkaError as error:
            # The answers stay in the database. A producer that met a fatal error never sends again: make a new one.
            self.say(f"Svar väntar. {broker.explained(error, self.kit)}")
            self._discard_producer()

    def _discard_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=0)


def listen(
    kit: Kit, stop: threading.Event, until_idle_s: float | None = None, clock: Callable[[], datetime] = utc_now
) -> Iterator[tuple[Record, Opened | Code]]:
    """Everything on the agency's topic from its beginning, opened or with the code of its refusal.

    Reads in a group of its own, commits nothing, answers nothing. Raises BrokerProblem.
    """
    consumer = broker.consumer(kit, f"listen.{uuid4()}")
    try:
        for records in batches(kit, consumer, stop, until_idle_s):
            for record in records:
                try:
                    yield record, open_record(record, kit, clock())
                except Refused as refusal:
                    yield record, refusal.code
    finally:
        consumer.close(timeout_ms=_CLOSE_MS)


def batches(kit: Kit, consumer: KafkaConsumer, stop: threading.Event, until_idle_s: float | None) -> Iterator[list[Record]]:
    """Records as they come, in the order of each partition; an empty list when none came for a moment.

    Ends when `stop` is set, or when everything there is has been read and nothing more has come for `until_idle_s`.
    A broker that is away is waited for, but never taken for one that has nothing more. Raises BrokerProblem.
    """
    idle_since: float | None = None
    try:
        while not stop.is_set():
            records = _polled(consumer, stop)
            yield records
            if records or not consumer.assignment():
                idle_since = None
            elif idle_since is None:
                idle_since = time.monotonic()
            elif until_idle_s is not None and time.monotonic() - idle_since >= until_idle_s and _at_end(consumer):
                return
    except KafkaError as error:
        raise broker.BrokerProblem(broker.explained(error, kit)) from None


def place(record: Record) -> str:
    """Where a record lies, for a person."""
    return f"{record.topic}, partition {record.partition}, nummer {record.offset}"


def _polled(consumer: KafkaConsumer, stop: threading.Event) -> list[Record]:
    try:
        polled = consumer.poll(timeout_ms=_POLL_MS, max_records=_POLL_RECORDS_MAX)
    except KafkaError as error:
        if not error.retriable:
            raise
        stop.wait(_POLL_MS / 1000)
        return []
    return [_record(message) for messages in polled.values() for message in messages]


def _at_end(consumer: KafkaConsumer) -> bool:
    ends = consumer.end_offsets(consumer.assignment())
    return all(consumer.position(partition) >= end for partition, end in ends.items())


def _record(message: ConsumerRecord) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=message.headers,
    )
