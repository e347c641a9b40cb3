"""The relay as a process, a broker that goes away, and what can be counted meanwhile."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from bench import sealed
from infra import stack
from infra.folder import write_toml
from infra.ports import claim
from services.kernel.config import load
from services.kernel.errors import Invalid
from services.kernel.outbox import LONGEST_WAIT_S, Outcome
from services.sharing.relay import RelayConfig
from services.sharing.sealing import SealedRecord

DEADLINE_S = 90.0
BACK_S = 30.0
TOO_LARGE = 2_000_000


@dataclass
class Relay:
    """A relay that runs, its outbox and its metrics."""

    running: stack.Stack
    address: str

    def promise(self, *keys: UUID, number: int, size: int = 0) -> None:
        """A message of each key."""
        records = [
            sealed.Sealed(key, SealedRecord(str(key).encode(), str(number).encode().zfill(size), [], "k", "s", None)) for key in keys
        ]
        with psycopg.connect(self.running.postgres.url(), options="-c search_path=sharing") as database:
            sealed.fill(database, records)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.running.postgres.url(), options="-c search_path=sharing") as database:
            return database.execute(query).fetchall() if query.startswith("SELECT") else [(database.execute(query).rowcount,)]

    def left(self) -> int:
        return int(self.rows("SELECT count(*) FROM outbox")[0][0])

    def metric(self, name: str, **labels: str) -> float:
        """As whoever collects them sees it; 0 for what is not there."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name]
        return next((one.value for one in samples if one.labels == {"outbox": "sharing.outbox"} | labels), 0.0)

    def on_the_topic(self, keys: list[UUID]) -> dict[UUID, list[int]]:
        """The numbers of each key, in the topic's order, those that came again left out."""
        found: dict[UUID, list[int]] = {key: [] for key in keys}
        reader = KafkaConsumer(enable_auto_commit=False, group_id=None, **self.running.kafka.client(sealed.AGENCY))
        try:
            places = [TopicPartition(sealed.TOPIC, number) for number in reader.partitions_for_topic(sealed.TOPIC)]
            reader.assign(places)
            ends = reader.end_offsets(places)
            reader.seek_to_beginning(*places)
            while any(reader.position(place) < end for place, end in ends.items()):
                for polled in reader.poll(timeout_ms=500).values():
                    for record in polled:
                        numbers = found.get(UUID(record.key.decode()), [])
                        if int(record.value) not in numbers:
                            numbers.append(int(record.value))
        finally:
            reader.close()
        return found


def eventually(what: str, done: Callable[[], bool], limit_s: float = DEADLINE_S) -> float:
    """How long it took."""
    started = time.monotonic()
    while not done():
        assert time.monotonic() - started < limit_s, what
        time.sleep(0.1)
    return time.monotonic() - started


@contextmanager
def a_relay(running: stack.Stack) -> Iterator[Relay]:
    path = sealed.relay_config(running)
    address = f"127.0.0.1:{claim(running.folder, ['relay_metrics'])['relay_metrics']}"
    path.write_text(f'metrics_listen = "{address}"\n{path.read_text()}')
    with (
        running.folder.log("relay").open("ab") as log,
        subprocess.Popen([sys.executable, "-m", "services.sharing.relay", "--config", str(path)], stderr=log) as process,
    ):
        try:
            eventually("the relay does not start", lambda: b'"started"' in running.folder.log("relay").read_bytes())
            yield Relay(running, address)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    with stack.parts(tmp_path_factory.mktemp("relay")) as running, a_relay(running) as made:
        yield made


def test_a_message_that_can_never_be_sent_stops_its_own_key_alone_and_shows(relay: Relay) -> None:
    poisoned, others = uuid4(), [uuid4() for _ in range(20)]
    relay.promise(poisoned, number=1, size=TOO_LARGE)
    relay.promise(poisoned, *others, number=2)

    eventually("the others wait", lambda: relay.left() == 2)
    eventually("it is not counted", lambda: relay.metric("los_outbox_rows_total", outcome=Outcome.REFUSED) >= 2)
    assert relay.on_the_topic([poisoned, *others]) == {poisoned: []} | {key: [2] for key in others}
    assert relay.rows("SELECT attempts > 0 FROM outbox ORDER BY seq") == [(True,), (False,)]
    assert relay.metric("los_outbox_blocked") == 0
    relay.rows("UPDATE outbox SET attempts = attempts + 8 WHERE attempts > 0")
    assert relay.metric("los_outbox_blocked") == 1
    assert b"MessageSizeTooLargeError" in relay.running.folder.log("relay").read_bytes()

    relay.rows("DELETE FROM outbox WHERE attempts > 0")  # as when somebody takes it back
    eventually("the next of its key does not go", lambda: relay.left() == 0)
    assert relay.on_the_topic([poisoned]) == {poisoned: [2]}


def test_while_the_broker_is_away_messages_wait_and_then_go_in_order_and_soon(relay: Relay) -> None:
    running, keys = relay.running, [uuid4() for _ in range(40)]
    relay.promise(*keys, number=0)
    eventually("nothing goes", lambda: relay.left() == 0)
    os.kill(running.pids["kafka"], signal.SIGKILL)
    for number in range(1, 5):
        relay.promise(*keys, number=number)

    eventually("nobody has noticed", lambda: relay.metric("los_outbox_rows_total", outcome=Outcome.AWAY) >= len(keys))
    assert relay.metric("los_outbox_depth") == 160
    assert relay.metric("los_outbox_oldest_seconds") > 1
    eventually("the loops have not come round", lambda: b"broker_away" in relay.running.folder.log("relay").read_bytes())
    [(longest_s, untried)] = relay.rows(
        "SELECT extract(epoch FROM max(next_time) - now())::float, count(*) FILTER (WHERE attempts = 0) FROM outbox"
    )
    assert longest_s <= 2  # not what an hour of failures would have made it
    assert untried == 120  # what nobody tried has not left, and can still be kept back

    broker = running.kafka.launch()
    try:
        running.kafka.wait(broker)
        assert eventually("the backlog does not drain", lambda: relay.left() == 0) < BACK_S
        assert relay.on_the_topic(keys) == {key: [0, 1, 2, 3, 4] for key in keys}
        assert b"Traceback" not in relay.running.folder.log("relay").read_bytes()
        assert relay.metric("los_outbox_depth") == 0
        assert relay.metric("los_outbox_oldest_seconds") == 0
        assert relay.metric("los_outbox_blocked") == 0
    finally:
        broker.stop()


def test_a_side_that_was_away_is_tried_again_within_a_minute() -> None:
    assert LONGEST_WAIT_S[Outcome.AWAY] <= 60


@pytest.mark.parametrize("address", ["0.0.0.0:9000", "10.0.0.1:9000", "127.0.0.1", "metrics.example:9000"])
def test_metrics_are_told_on_the_own_machine_alone(tmp_path: Path, address: str) -> None:
    path = tmp_path / "relay.toml"
    kafka = {"bootstrap_servers": "127.0.0.1:1", "username": "relay", "password_file": "p", "ca_file": "c"}
    document = {"database_url": "postgresql://x", "database_password_file": "p", "kafka": kafka}
    write_toml(path, document)
    assert load(path, RelayConfig).metrics_listen is None
    write_toml(path, document | {"metrics_listen": address})
    with pytest.raises(Invalid, match="metrics_listen"):
        load(path, RelayConfig)
