"""From the broker into the partner's database and back: poll, look ahead, handle, commit the offset, send the answers.

The order is the promise: the effect and its answers are on disk before the offset moves, and an answer is forgotten
when the broker has it. A crash anywhere repeats a step that has no second effect.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from partner import broker
from partner.ahead import Ahead
from partner.envelope import Change, Event, Opened, Record, Withdrawal, open_record
from partner.inbox import DeadLetter
from partner.jose import EXPLANATIONS, Code, Refused
from partner.kit import Kit
from partner.polling import batches, partition_of, place, read_at
from partner.receiver import Receiver, Verdict, utc_now

GROUP = "inbox"
"""The consumer group, after the agency's prefix, that remembers how far the partner has come."""

_CLOSE_MS = 5_000

Say = Callable[[str], None]
"""Tells a person what is going on; never anything of a record."""


@dataclass(slots=True)
class Counts:
    """What a run came to. `withdrawn`: recalled or replaced before it was read. `gaps`: times that numbers of a key were missing."""

    handled: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    refused: int = 0
    gaps: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Withheld:
    """An event whose content may not be shown any longer, and why."""

    event: Event
    withdrawal: Withdrawal


@dataclass(slots=True)
class Consumer:
    """The loop of one agency. One thread; more of them, in one group, share the partitions."""

    kit: Kit
    receiver: Receiver
    say: Say
    counts: Counts = field(default_factory=Counts)
    _producer: KafkaProducer | None = None
    _gap: int = 0

    def run(self, stop: threading.Event, until_idle_s: float | None = None) -> Counts:
        """Work until `stop` is set, or nothing has come for `until_idle_s` and every answer is sent.

        Raises BrokerProblem, DatabaseProblem, DeadLettersFullError.
        """
        inbox = self.receiver.inbox
        self._gap = max((gap.number for gap in inbox.gaps()), default=0)
        ahead = Ahead(self.kit, self.receiver.clock)
        with_group = broker.consumer(self.kit, GROUP)
        try:
            for records in batches(self.kit, with_group, stop, until_idle_s, busy=lambda: bool(inbox.pending(1))):
                if not ahead.look(with_group, records, stop):
                    break
                for record in records:
                    self._count(record, self.receiver.receive(record, ahead.withdrawals))
                if records:
                    ahead.forget(records)
                    self._tell_gaps()
                    self._commit(with_group)
                self._answer()
        finally:
            with_group.close(timeout_ms=_CLOSE_MS)
            if self._producer is not None:
                self._producer.close(timeout=broker.SEND_DEADLINE_S)
        return self.counts

    def retry(self, letters: Sequence[DeadLetter], stop: threading.Event) -> Counts:
        """Read records that were set aside once more, from where they lie, and answer. Raises as `run`.

        What is refused again, and what Kafka no longer keeps, stays set aside.
        """
        ahead = Ahead(self.kit, self.receiver.clock)
        reader = broker.reader(self.kit)
        try:
            for letter in letters:
                record = read_at(reader, partition_of(letter), letter.offset, stop)
                if record is None:
                    self.say(f"{place(letter)}: finns inte längre hos kommunens Kafka.")
                elif ahead.look(reader, [record], stop):
                    verdict = self.receiver.receive(record, ahead.withdrawals, again=True)
                    self._count(record, verdict)
                    if isinstance(verdict, Verdict):
                        self.receiver.inbox.clear(letter)
            self._answer()
        except KafkaError as error:
            raise broker.problem(error, self.kit) from None
        finally:
            reader.close()
            self._discard_producer()
        return self.counts

    def _count(self, record: Record, verdict: Verdict | Code) -> None:
        if verdict is Verdict.HANDLED:
            self.counts.handled += 1
        elif verdict is Verdict.DUPLICATE:
            self.counts.duplicates += 1
        elif verdict is Verdict.WITHDRAWN:
            self.counts.withdrawn += 1
        else:
            self.counts.refused += 1
            self.say(f"{place(record)}: avvisat ({verdict.value}). {EXPLANATIONS[verdict]}")

    def _tell_gaps(self) -> None:
        for gap in self.receiver.inbox.gaps(after=self._gap):
            numbers = f"nummer {gap.first}" if gap.first == gap.last else f"nummer {gap.first}\N{EN DASH}{gap.last}"
            self.say(f"Ärende {gap.key}: {numbers} har inte kommit. Fråga kommunen om de är skickade.")
            self.counts.gaps += 1
            self._gap = gap.number

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
            self.say(f"Svar väntar. {broker.problem(error, self.kit)}")
            self._discard_producer()

    def _discard_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=0)


def listen(
    kit: Kit, stop: threading.Event, until_idle_s: float | None = None, clock: Callable[[], datetime] = utc_now
) -> Iterator[tuple[Record, Opened | Withheld | Code]]:
    """Everything on the agency's topic from its beginning: opened, or withheld, or with the code of its refusal.

    Reads in a group of its own, commits nothing, answers nothing. Raises BrokerProblem.
    """
    ahead = Ahead(kit, clock)
    consumer = broker.consumer(kit, f"listen.{uuid4()}")
    try:
        for records in batches(kit, consumer, stop, until_idle_s):
            if not ahead.look(consumer, records, stop):
                return
            for record in records:
                yield record, _shown(record, kit, clock(), ahead)
    finally:
        consumer.close(timeout_ms=_CLOSE_MS)


def _shown(record: Record, kit: Kit, now: datetime, ahead: Ahead) -> Opened | Withheld | Code:
    try:
        opened = open_record(record, kit, now)
    except Refused as refusal:
        return refusal.code
    withdrawal = ahead.withdrawals.get(opened.event.disclosure_id)
    if withdrawal and opened.event.change is not Change.RECALLED:
        return Withheld(opened.event, withdrawal)
    return opened
