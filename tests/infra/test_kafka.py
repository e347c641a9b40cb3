import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError, KafkaTimeoutError, TopicAuthorizationFailedError

from infra import kafka as broker
from infra import rights, topics
from infra.folder import Folder
from infra.kafka import Kafka
from infra.ports import HOST
from infra.problem import StackProblem

SHARE = "los.share.skatteverket.v1"
REPLY = "los.reply.skatteverket.v1"
PARTITIONS = [TopicPartition(SHARE, number) for number in range(3)]


def send(kafka: Kafka, user: str, topic: str, key: bytes) -> None:
    producer = KafkaProducer(**kafka.client(user), acks="all", enable_idempotence=True, max_block_ms=60_000)
    try:
        producer.send(topic, key=key, value=b"sealed").get(timeout=60)
    finally:
        producer.close(timeout=5)


def consumer(kafka: Kafka, user: str, group: str | None = None, patience_ms: int = 60_000) -> KafkaConsumer:
    settings = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False, "consumer_timeout_ms": patience_ms}
    return KafkaConsumer(metadata_max_age_ms=5000, **kafka.client(user), **settings)


def keys(messages: Iterator[Any], until: bytes) -> set[bytes]:
    found = set()
    for message in messages:
        found.add(message.key)
        if message.key == until:
            break
    return found


@pytest.fixture
def key() -> bytes:
    return str(uuid4()).encode()


def test_the_relay_writes_once_and_the_agency_reads_it_in_a_group_of_its_own(kafka: Kafka, key: bytes) -> None:
    send(kafka, "relay", SHARE, key)
    reader = consumer(kafka, "skatteverket", group="skatteverket.test-own")
    reader.subscribe([SHARE])
    assert key in keys(reader, key)
    reader.commit()
    reader.close()


def test_sharing_reads_what_the_agency_answers(kafka: Kafka, key: bytes) -> None:
    send(kafka, "skatteverket", REPLY, key)
    reader = consumer(kafka, "sharing", group="sharing.test-replies")
    reader.subscribe([REPLY])
    assert key in keys(reader, key)
    reader.close()


def test_nobody_else_reads_an_agencys_topic(kafka: Kafka, key: bytes) -> None:
    send(kafka, "relay", SHARE, key)

    def reads(user: str, patience_ms: int) -> bool:
        reader = consumer(kafka, user, patience_ms=patience_ms)
        reader.assign(PARTITIONS)
        try:
            return key in keys(reader, key)  # who may not even see the topic gets nothing, and no error either
        except TopicAuthorizationFailedError:
            return False
        finally:
            reader.close()

    others = ["forsakringskassan", "kronofogden", "polisen", "relay", "sharing"]
    assert reads("skatteverket", 60_000)
    with ThreadPoolExecutor() as pool:
        assert not any(pool.map(lambda user: reads(user, 3_000), others))


def test_an_agency_does_not_even_see_that_others_have_topics(kafka: Kafka) -> None:
    reader = consumer(kafka, "kronofogden")
    assert reader.topics() == {"los.share.kronofogden.v1", "los.reply.kronofogden.v1"}
    reader.close()


def test_an_agency_cannot_join_another_agencys_group(kafka: Kafka) -> None:
    reader = consumer(kafka, "skatteverket", group="kronofogden.main")
    reader.subscribe([SHARE])
    with pytest.raises(GroupAuthorizationFailedError):
        next(reader)
    reader.close()


@pytest.mark.parametrize(
    ("user", "topic"),
    [("skatteverket", SHARE), ("skatteverket", "los.reply.kronofogden.v1"), ("relay", REPLY), ("sharing", SHARE)],
)
def test_nobody_writes_to_a_topic_that_is_not_theirs_to_write_to(kafka: Kafka, key: bytes, user: str, topic: str) -> None:
    with pytest.raises(KafkaError):
        send(kafka, user, topic, key)


def test_a_wrong_password_is_refused(kafka: Kafka) -> None:
    settings = {**kafka.client("skatteverket"), "sasl_plain_password": "wrong"}
    with pytest.raises(KafkaError):
        KafkaAdminClient(**settings, bootstrap_timeout_ms=1_500)


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT", "SSL"])
def test_without_tls_or_without_a_password_nobody_comes_in(kafka: Kafka, protocol: str) -> None:
    settings = {**kafka.client("skatteverket"), "security_protocol": protocol}
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(**settings, bootstrap_timeout_ms=1_500)


def test_the_controller_talks_only_to_those_with_a_certificate_of_this_folder(kafka: Kafka) -> None:
    stranger = ssl.create_default_context(cafile=str(kafka.folder.tls / "ca.crt"))
    with (
        socket.create_connection((HOST, kafka.controller_port), timeout=5) as plain,
        stranger.wrap_socket(plain, server_hostname="localhost") as secure,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        secure.recv(1)


def test_topics_are_what_the_file_says(kafka: Kafka) -> None:
    with KafkaAdminClient(**kafka.client(topics.ADMIN)) as admin:
        found = {topic["name"]: topic for topic in admin.describe_topics([topic.name for topic in topics.TOPICS])}
        configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, SHARE)])
    for topic in topics.TOPICS:
        assert len(found[topic.name]["partitions"]) == topic.partitions
    assert "1209600000" in str(configs)


def test_arranging_again_changes_nothing_and_takes_away_rights_that_the_file_does_not_give(kafka: Kafka) -> None:
    extra = next(iter(topics.rights()))
    extra = type(extra)("User:stranger", extra.host, extra.operation, extra.permission_type, extra.resource_pattern)
    with KafkaAdminClient(**kafka.client(topics.ADMIN)) as admin:
        admin.create_acls([extra])
        rights.arrange(admin, lambda name: kafka.folder.password(f"kafka-{name}"))
        principals = {right.principal for right in admin.describe_acls(rights.EVERYTHING)[0]}
    assert principals == {f"User:{name}" for name in topics.PRINCIPALS}


def test_the_superusers_password_is_in_no_file_that_others_may_read(kafka: Kafka) -> None:
    password = kafka.folder.password("kafka-admin").encode()
    files = [path for path in kafka.folder.root.rglob("*") if path.is_file() and "data" not in path.parts]
    holders = {path for path in files if password in path.read_bytes()}
    assert {path.name for path in holders} == {"kafka-admin.password", "server.properties"}
    assert {path.stat().st_mode & 0o077 for path in holders} == {0}


def test_java_that_cannot_start_is_told_in_a_sentence(tmp_path: Path, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path / "data")
    for name in ("kafka-admin.password",):
        (folder.secrets / name).write_bytes((kafka.folder.secrets / name).read_bytes())
    monkeypatch.setattr(broker, "JAVA", tmp_path / "no-java")
    with pytest.raises(StackProblem, match=r"^Det gick inte att skapa Kafkas lagring i .*: en fil eller ett program saknas\.$"):
        Kafka(folder, 1, 2).prepare()
