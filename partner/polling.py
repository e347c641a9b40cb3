"""Records as the broker delivers them, also those that kafka-python cannot read."""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, UnsupportedCodecError

from partner import broker
from partner.envelope import Record
from partner.inbox import DeadLetter
from partner.jose import Code
from partner.kit import Kit

POLL_MS = 250
POLL_RECORDS_MAX = 50
RIGHTS_EVERY_S = 30.0
"""So often a consumer that gets nothing asks whether it still may read."""

Placed = Record | DeadLetter


def batches(
    kit: Kit, consumer: KafkaConsumer, stop: threading.Event, until_idle_s: float | None, busy: Callable[[], bool] = lambda: False
) -> Iterator[list[Record]]:
    """Records as they come, in the order of each partition; an empty list when none came for a moment.

    Ends when `stop` is set, or when everything there is has been read, nobody is `busy` and nothing more has come for
    `until_idle_s`. A broker that is away is waited for, but never taken for one that has nothing more. Raises BrokerProblem.
    """
    idle_since: float | None = None
    asked = time.monotonic()
    try:
        while not stop.is_set():
            records = polled(consumer, stop)
            yield records
            now = time.monotonic()
            if records:
                asked = now
            elif now - asked >= RIGHTS_EVERY_S:
                # A right that is taken away while we run shows as a topic with nothing in it.
                _ask_again(kit)
                asked = now
            if records or not consumer.assignment() or busy():
                idle_since = None
            elif idle_since is None:
                idle_since = now
            elif until_idle_s is not None and now - idle_since >= until_idle_s and _at_end(consumer):
                return
    except KafkaError as error:
        raise broker.problem(error, kit) from None


def polled(consumer: KafkaConsumer, stop: threading.Event) -> list[Record]:
    """What has come. A record that cannot be read has its place and a fault. Raises KafkaError when waiting does not help."""
    try:
        found = consumer.poll(timeout_ms=POLL_MS, max_records=POLL_RECORDS_MAX)
    except Exception as error:
        # kafka-python meets a batch that it cannot unpack with whatever its libraries raise, says nothing of where, and
        # at the next poll turns around in that batch for ever: unless it is told to go on after it.
        stuck = _unread(error)
        if stuck is not None:
            partition, offset = stuck
            consumer.seek(partition, offset + 1)
            code = Code.COMPRESSION_MISSING if isinstance(error, UnsupportedCodecError) else Code.RECORD_UNREADABLE
            return [Record(partition.topic, partition.partition, offset, None, None, (), code)]
        if not isinstance(error, KafkaError) or not error.retriable:
            raise
        stop.wait(POLL_MS / 1000)
        return []
    return [_record(message) for messages in found.values() for message in messages]


def read_at(reader: KafkaConsumer, partition: TopicPartition, offset: int, stop: threading.Event) -> Record | None:
    """The record of one place, with a `reader` in no group; None when Kafka does not keep it. Raises KafkaError."""
    reader.assign([partition])
    first, end = reader.beginning_offsets([partition])[partition], reader.end_offsets([partition])[partition]
    if not first <= offset < end:
        return None
    reader.seek(partition, offset)
    while not stop.is_set():
        for record in polled(reader, stop):
            return record if record.offset == offset else None
    return None


def partition_of(record: Placed) -> TopicPartition:
    """The partition that a record lies in."""
    return TopicPartition(record.topic, record.partition)


def place(record: Placed) -> str:
    """Where a record lies, for a person."""
    return f"{record.topic}, partition {record.partition}, nummer {record.offset}"


def _unread(error: Exception) -> tuple[TopicPartition, int] | None:
    """The place that kafka-python was at when it could not unpack a batch: only the frames of the failure know it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == "_unpack_records":
            part = frame.f_locals["self"]
            return part.topic_partition, max(part.fetch_offset, part.next_fetch_offset)
    return None


def _ask_again(kit: Kit) -> None:
    with suppress(broker.BrokerAway):
        broker.require_reading(kit)


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
