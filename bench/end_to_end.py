"""`end_to_end`: from a decision's commit until the partner has opened it, against a bare commit, a bare send and a bare poll, added.

One at a time, twenty a second, so that it is the wait of one record that is measured. The figure is 1 / (the 99th percentile in seconds),
so that more is better as in the other benchmarks. Ours runs the relay as a process, and the partner's own code up to the opened record.
"""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench import sealed
from bench.harness import Result, alternate
from infra import stack
from partner import kit
from partner.consumer import listen
from partner.envelope import Opened
from services.kernel.config import load
from services.sharing.publisher import producer
from services.sharing.relay import RelayConfig

ROWS, WARM_ROWS = 300, 60
RATE = 20
DEADLINE_S = 30.0


def run() -> Result:
    """A PostgreSQL, a Kafka and a relay of their own, no services."""
    with tempfile.TemporaryDirectory(prefix="los-bench-") as name, stack.parts(Path(name)) as running:
        config = sealed.relay_config(running)
        with psycopg.connect(running.postgres.url(), options="-c search_path=sharing") as database:

            def ours() -> float:
                records = sealed.sealed(WARM_ROWS + ROWS, running)
                with _relay(config), _partner(running) as opened:
                    return _figure(records, lambda one: _ours(database, opened, one), database)

            def bare() -> float:
                records = sealed.sealed(WARM_ROWS + ROWS, running)
                with closing(producer(load(config, RelayConfig).kafka)) as sender, closing(_consumer(running)) as reader:
                    return _figure(records, lambda one: _bare(database, sender, reader, one), database)

            return alternate("end_to_end", ours, bare)


def _figure(records: list[sealed.Sealed], measure: Callable[[sealed.Sealed], float], database: psycopg.Connection[Any]) -> float:
    """1 / p99 of what `measure` says, in seconds, of each record but the first ones."""
    sealed.empty(database)
    database.commit()
    spent = []
    started = time.perf_counter()
    for number, one in enumerate(records):
        time.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        spent.append(measure(one))
    spent = spent[WARM_ROWS:]
    sys.stderr.write(f"  median {statistics.median(spent) * 1000:.1f} ms, p99 {_p99(spent) * 1000:.1f} ms\n")
    return 1 / _p99(spent)


def _p99(spent: list[float]) -> float:
    return statistics.quantiles(spent, n=100)[98]


def _ours(database: psycopg.Connection[Any], opened: "_Opened", one: sealed.Sealed) -> float:
    started = time.perf_counter()
    sealed.commit_one(database, one)
    return opened.when(str(one.key)) - started


def _bare(database: psycopg.Connection[Any], sender: KafkaProducer, reader: KafkaConsumer, one: sealed.Sealed) -> float:
    started = time.perf_counter()
    sealed.commit_one(database, one)
    sender.send(sealed.TOPIC, key=one.record.key, value=one.record.value, headers=one.record.headers)
    sender.flush()  # else it waits for more to come
    while not any(read.key == one.record.key for batch in reader.poll(timeout_ms=1000).values() for read in batch):
        if time.perf_counter() - started > DEADLINE_S:
            raise TimeoutError
    return time.perf_counter() - started


def _consumer(running: stack.Stack) -> KafkaConsumer:
    """At the topic's end, without a group."""
    reader = KafkaConsumer(enable_auto_commit=False, group_id=None, **running.kafka.client(sealed.AGENCY))
    places = [TopicPartition(sealed.TOPIC, number) for number in reader.partitions_for_topic(sealed.TOPIC)]
    reader.assign(places)
    reader.seek_to_end(*places)
    for place in places:
        reader.position(place)
    return reader


@contextmanager
def _relay(config: Path) -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-m", "services.sharing.relay", "--config", str(config)], stderr=subprocess.DEVNULL) as relay:
        try:
            yield
        finally:
            relay.terminate()


class _Opened:
    """When each record had been opened at the partner, by key."""

    def __init__(self) -> None:
        self._when: dict[str, float] = {}
        self._changed = threading.Condition()

    def note(self, key: str) -> None:
        now = time.perf_counter()
        with self._changed:
            self._when[key] = now
            self._changed.notify()

    def when(self, key: str) -> float:
        with self._changed:
            if not self._changed.wait_for(lambda: key in self._when, DEADLINE_S):
                raise TimeoutError
            return self._when[key]


@contextmanager
def _partner(running: stack.Stack) -> Iterator[_Opened]:
    """The agency reads and opens with its own kit and its own code."""
    own, opened, ended = kit.load(running.folder.partners / sealed.AGENCY), _Opened(), threading.Event()

    def read() -> None:
        for _, found in listen(own, ended):
            assert isinstance(found, Opened)  # noqa: S101  # nothing else lies there
            opened.note(found.event.key)

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield opened
    finally:
        ended.set()
        reading.join()
