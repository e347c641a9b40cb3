"""The stack started, killed and stopped for real. Our own services are played by tests/infra/fake_service.py."""

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra import stack
from infra.ports import HOST, is_free
from infra.services import Service
from infra.stack import Stack, StackProblem

TOPIC = "los.share.polisen.v1"
FAKES = (
    Service("registry", "tests.infra.fake_service", "registry"),
    Service("relay", "tests.infra.fake_service", "sharing", answers="nobody"),
)
UP = """
import sys
from pathlib import Path
from cli import up
from infra import stack
from tests.infra.test_stack import FAKES
stack.start.__defaults__ = (FAKES,)
sys.exit(up.up(Path(sys.argv[1])))
"""


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def remember(running: Stack, value: int) -> None:
    with psycopg.connect(running.postgres.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS registry.kept (x int)")
        connection.execute("INSERT INTO registry.kept VALUES (%s)", [value])
    producer = KafkaProducer(**running.kafka.client("relay"), acks="all")
    producer.send(TOPIC, value=str(value).encode(), partition=0).get(timeout=60)
    producer.close(timeout=5)


def remembered(running: Stack) -> tuple[list[int], list[int]]:
    with psycopg.connect(running.postgres.url()) as connection:
        rows = [row[0] for row in connection.execute("SELECT x FROM registry.kept ORDER BY x").fetchall()]
    consumer = KafkaConsumer(**running.kafka.client("polisen"), consumer_timeout_ms=60_000)
    partition = TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning()
    end = consumer.end_offsets([partition])[partition]
    records = [int(next(consumer).value) for _ in range(end)]
    consumer.close()
    return rows, records


def test_nothing_is_lost_when_the_parts_are_stopped_killed_and_moved_to_other_ports(tmp_path: Path) -> None:
    data = tmp_path / "mapp på svenska"
    with stack.parts(data) as running:
        remember(running, 1)
        first = running.addresses
        with pytest.raises(StackProblem, match=r"^Datamappen .* används redan av en annan `los up`\.$"):
            stack.parts(data)
    with stack.parts(data) as running:
        assert running.addresses == first
        remember(running, 2)
        for pid in running.pids.values():
            os.kill(pid, signal.SIGKILL)
    ports = [int(address.rpartition(":")[2]) for address in first.values()]
    sockets = [taken(port) for port in ports]
    with stack.parts(data) as running:
        assert not set(running.addresses.values()) & set(first.values())
        assert remembered(running) == ([1, 2], [1, 2])
    for process in sockets:
        process.kill()
        process.wait()


def taken(port: int) -> "subprocess.Popen[bytes]":
    """Somebody else's program on a port of ours."""
    program = f"import socket, time; s = socket.create_server(('{HOST}', {port})); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: not is_free(port))
    return process


def test_los_up_can_be_killed_and_started_again_and_stops_cleanly_when_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"

    def los_up() -> "subprocess.Popen[str]":
        return subprocess.Popen([sys.executable, "-c", UP, str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with los_up() as first:
        until(lambda: (data / "stack.toml").exists() or first.poll() is not None)
        assert first.poll() is None, first.communicate()
        with los_up() as second:
            _, said = second.communicate(timeout=120)
            assert second.returncode == 3
            assert said == f"Datamappen {data} används redan av en annan `los up`.\n"
        first.kill()
    with los_up() as third:
        written = first_lines_of(third, 4)
        addresses = tomllib.loads((data / "stack.toml").read_text())
        assert written[0] == f"los är igång i {data}"
        assert [line.split() for line in written[1:]] == [
            ["postgres", addresses["postgres"]],
            ["kafka", addresses["kafka"]],
            ["registry", addresses["services"]["registry"]],
        ]
        third.send_signal(signal.SIGTERM)
        _, said = third.communicate(timeout=120)
    assert third.returncode == 0, said
    assert said.endswith("Stoppar …\nAllt är stoppat.\n")
    assert not (data / "stack.toml").exists()
    assert all(is_free(port) for port in tomllib.loads((data / "ports.toml").read_text()).values())


def kill(running: Stack, name: str) -> None:
    before = running.pids[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: running.pids[name] != before)


def first_lines_of(process: "subprocess.Popen[str]", count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


def test_a_part_that_dies_is_started_again_and_a_service_that_cannot_start_stops_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told: list[str] = []
    with stack.start(data, told.append, FAKES) as running:
        config = tomllib.loads((data / "config" / "registry.toml").read_text())
        assert config["database_url"] == f"postgresql://registry@{running.addresses['postgres']}/los"
        for name in ("registry", "postgres"):
            kill(running, name)
            running.wait_for(name)
        assert any(line.startswith("registry stannade oväntat (kod -9) och startas om om 0.5 s.") for line in told)
        waiting = threading.Thread(target=running.wait)
        waiting.start()
    waiting.join()
    broken = Service("registry", "tests.infra.no_such_module", "registry")
    with pytest.raises(StackProblem, match=r"^Tjänsten registry kunde inte starta\. Loggen finns i .*registry\.log\.$"):
        stack.start(data, told.append, (broken,))
    assert all(is_free(port) for port in tomllib.loads((data / "ports.toml").read_text()).values())
