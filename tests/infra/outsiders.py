"""Clients that are not ours (librdkafka, which names every refusal), each with one principal's own password."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType
from kafka.admin import KafkaAdminClient
from kafka.protocol.consumer import FetchRequest

from infra.kafka import Kafka

WAIT_S = 30
OPERATIONS = ("alter", "alter_configs", "create", "delete", "describe", "describe_configs", "read", "write")
# By the protocol's numbers; 1 is that the first record of a topic has been deleted, which who may not read is not told.
_FETCH_CODES = {0: "", 1: "", 29: "TOPIC_AUTHORIZATION_FAILED", 31: "CLUSTER_AUTHORIZATION_FAILED"}


def settings(kafka: Kafka, user: str, **more: object) -> dict[str, Any]:
    """How to log in as a principal."""
    return {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": kafka.folder.password(f"kafka-{user}"),
        "ssl.ca.location": str(kafka.folder.tls / "ca.crt"),
        "log_level": 0,
    } | more


def said(act: Callable[[], object]) -> str:
    """What the broker says to an act: the name of its refusal, or nothing."""
    try:
        act()
    except KafkaException as error:
        return str(error.args[0].name())
    return ""


def answers(futures: dict[Any, Future[Any]]) -> dict[str, str]:
    """The same, for each of several that were asked at once."""
    return {getattr(thing, "name", thing): said(partial(future.result, WAIT_S)) for thing, future in futures.items()}


def tried(kafka: Kafka, user: str, topics: Sequence[str]) -> dict[tuple[str, str], str]:
    """Every operation on every topic, really tried as `user`: what the broker says to each."""
    admin = AdminClient(settings(kafka, user))
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    changed = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)],
        )
        for topic in topics
    ]
    fetched = read(kafka, user, topics)
    found = {
        "describe": {topic: seen(admin, topic) for topic in topics},
        "create": answers(admin.create_topics([NewTopic(topic, 1, 1) for topic in topics], validate_only=True)),
        "alter": answers(admin.create_partitions([NewPartitions(topic, 9) for topic in topics], validate_only=True)),
        "describe_configs": answers(admin.describe_configs(resources)),
        "alter_configs": answers(admin.incremental_alter_configs(changed, validate_only=True)),
        "delete": answers(admin.delete_topics(list(topics))),
        "read": fetched,
        "write": written(kafka, user, topics),
    }
    return {(topic, operation): answer for operation, by_topic in found.items() for topic, answer in by_topic.items()}


def seen(admin: AdminClient, topic: str) -> str:
    error = admin.list_topics(topic, timeout=WAIT_S).topics[topic].error
    return "" if error is None else str(error.name())


def read(kafka: Kafka, user: str, topics: Sequence[str]) -> dict[str, str]:
    """Fetch from each topic without asking for anything first: nothing, or what the broker says instead.

    librdkafka does not even try where it may not see the topic, so this is the bare request of the protocol.
    """
    places = [(topic, [(0, -1, 0, -1, -1, 1024)]) for topic in topics]  # partition, epoch, offset, epoch, start, bytes
    request = FetchRequest(
        max_version=12,  # the last that names topics
        replica_id=-1,
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1024,
        isolation_level=0,
        session_id=0,
        session_epoch=-1,
        topics=places,
        forgotten_topics_data=[],
        rack_id="",
    )
    with KafkaAdminClient(**kafka.client(user)) as client:
        answer = client._manager.run(client._manager.send, request)  # noqa: SLF001 - there is no public way
    codes = {one.topic: one.partitions[0].error_code for one in answer.responses}
    return {topic: _FETCH_CODES[code] for topic, code in codes.items()}


def written(kafka: Kafka, user: str, topics: Sequence[str], **more: object) -> dict[str, str]:
    """Write one record to each topic: nothing, or what the broker says instead."""
    producer = confluent_kafka.Producer(settings(kafka, user, **more))
    found: dict[str, str] = {}
    for topic in topics:
        # The broker is asked about each topic by itself: one refusal tells nothing of the next.
        report = lambda error, _, topic=topic: found.update({topic: "" if error is None else error.name()})  # noqa: E731
        # What the client has been refused once it refuses itself.
        found[topic] = said(partial(producer.produce, topic, b"tried", b"tried", partition=0, on_delivery=report))
        producer.flush(WAIT_S)
    return found
