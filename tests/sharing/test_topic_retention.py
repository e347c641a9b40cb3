"""What has been sent cannot be read from the topic once its retention has run: not by a consumer, not in the broker's own files."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from infra.kafka import Kafka
from infra.topics import ADMIN, TOPICS
from tests.sharing.conftest import TOPIC, Sharing

DEADLINE_S = 120.0
USUAL = {"segment.ms": "604800000", "file.delete.delay.ms": "60000"} | next(one.settings for one in TOPICS if one.name == TOPIC)
SHORT = {"retention.ms": "1000", "segment.ms": "1000", "file.delete.delay.ms": "1000"}


@contextmanager
def short_retention(kafka: Kafka) -> Iterator[None]:
    """The topic forgets after a second, and then is as it was."""
    admin = KafkaAdminClient(**kafka.client(ADMIN))
    try:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, configs=SHORT)])
        try:
            yield
        finally:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC, configs=USUAL)])
    finally:
        admin.close()


def segments(kafka: Kafka) -> list[Path]:
    """The broker's files of the topic."""
    return sorted((kafka.folder.kafka / "data").glob(f"{TOPIC}-*/*.log"))


def dumped(kafka: Kafka) -> str:
    """All records of those files, as Kafka's own tool reads them."""
    text = ""
    for file in segments(kafka):
        text += subprocess.run(
            kafka.tool("org.apache.kafka.tools.DumpLogSegments", ["--print-data-log", "--files", str(file)]),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


def eventually(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_after_its_retention_an_event_is_in_no_answer_and_in_no_file_of_the_broker(sharing: Sharing) -> None:
    disclosure_id = sharing.decided(uuid4())
    sharing.relay.run_once()
    assert len(sharing.on_the_topic(disclosure_id)) == 1
    assert disclosure_id in dumped(sharing.kafka)
    with short_retention(sharing.kafka):
        eventually(lambda: sharing.on_the_topic(disclosure_id) == [])
        eventually(lambda: all(disclosure_id.encode() not in file.read_bytes() for file in segments(sharing.kafka)))
        assert disclosure_id not in dumped(sharing.kafka)
