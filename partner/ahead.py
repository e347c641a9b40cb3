"""What is withdrawn further on in the topic than a reader has come, so that a partner who was away hands none of it out.

A recall and a correction lie on the Kafka key, and so in the partition, of what they withdraw. Before a record is
handed out, its partition has been read to the end of what was there when the record came. Only ids are kept.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from partner import broker
from partner.envelope import Record, Withdrawal, withdrawals_in
from partner.kit import Kit
from partner.polling import partition_of, polled

RETRY_S = 1.0
"""So long a broker that is away is left alone before it is asked again."""


@dataclass(slots=True)
class Ahead:
    """What has been found, and how far each partition has been looked through: from (inclusive), to (exclusive)."""

    kit: Kit
    clock: Callable[[], datetime]
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    _places: dict[str, tuple[TopicPartition, int]] = field(default_factory=dict)
    _looked: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)

    def look(self, consumer: KafkaConsumer, records: Sequence[Record], stop: threading.Event) -> bool:
        """Look from what has just been polled to the end of its partitions; False when stopped before that. Raises BrokerProblem.

        A partition that has nothing more than what was polled, as it is when the partner keeps up, is not asked for again.
        """
        behind: list[TopicPartition] = []
        for partition, own in _by_partition(records).items():
            first, last = own[0].offset, own[-1].offset
            start, end = self._looked.get(partition, (first, first))
            if not start <= first <= end:
                # Set back, or taken over from somebody else in the group: what lies between has not been looked through.
                start = end = first
            for record in own:
                if record.offset >= end:
                    self._note(record)
            end = max(end, last + 1)
            self._looked[partition] = start, end
            if end < (consumer.highwater(partition) or end + 1):
                behind.append(partition)
        while behind and not stop.is_set():
            try:
                return self._read(consumer.end_offsets(behind), stop)
            except broker.BrokerAway:
                stop.wait(RETRY_S)
            except KafkaError as error:
                if not error.retriable:
                    raise broker.problem(error, self.kit) from None
                stop.wait(RETRY_S)
        return not behind

    def forget(self, records: Sequence[Record]) -> None:
        """What has been handled is in the database and needs no place here."""
        done = {partition: own[-1].offset for partition, own in _by_partition(records).items()}
        for disclosure_id, (partition, offset) in list(self._places.items()):
            if offset <= done.get(partition, -1):
                del self._places[disclosure_id], self.withdrawals[disclosure_id]

    def _read(self, ends: Mapping[TopicPartition, int], stop: threading.Event) -> bool:
        ends = {partition: end for partition, end in ends.items() if end > self._looked[partition][1]}
        if not ends:
            return True
        reader = broker.reader(self.kit)
        try:
            reader.assign(list(ends))
            for partition in ends:
                reader.seek(partition, self._looked[partition][1])
            while any(reader.position(partition) < end for partition, end in ends.items()):
                if stop.is_set():
                    return False
                for record in polled(reader, stop):
                    self._note(record)
        finally:
            reader.close()
        for partition, end in ends.items():
            self._looked[partition] = self._looked[partition][0], end
        return True

    def _note(self, record: Record) -> None:
        for withdrawal in withdrawals_in(record, self.kit, self.clock()):
            self.withdrawals[withdrawal.disclosure_id] = withdrawal
            self._places[withdrawal.disclosure_id] = partition_of(record), record.offset


def _by_partition(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    found: dict[TopicPartition, list[Record]] = {}
    for record in records:
        found.setdefault(partition_of(record), []).append(record)
    return found
