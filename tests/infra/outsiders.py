"""Clients that are not ours (librdkafka, which names every refusal), each with one principal's own password."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType

from infra.kafka import Kafka

WAIT_S = 30
OPERATIONS = ("alter", "alter_configs", "create", "delete", "describe", "describe_configs", "read", "write")
REFUSED = "TOPIC_AUTHORIZATION_FAILED"


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
    described = {topic: seen(admin, topic) for topic in topics}
    found = {
        "describe": described,
        "create": answers(admin.create_topics([NewTopic(topic, 1, 1) for topic in topics], validate_only=True)),
        "alter": answers(admin.create_partitions([NewPartitions(topic, 9) for topic in topics], validate_only=True)),
        "describe_configs": answers(admin.describe_configs(resources)),
        "alter_configs": answers(admin.incremental_alter_configs(changed, validate_only=True)),
        "delete": answers(admin.delete_topics(list(topics))),
        # Who may not even learn where a topic lies cannot read it: the right to read includes that one.
        "read": described | read(kafka, user, [topic for topic, answer in described.items() if answer == ""]),
        "write": written(kafka, user, topics),
    }
    return {(topic, operation): answer for operation, by_topic in found.items() for topic, answer in by_topic.items()}


def seen(admin: AdminClient, topic: str) -> str:
    error = admin.list_topics(topic, timeout=WAIT_S).topics[topic].error
    return "" if error is None else str(error.name())


def read(kafka: Kafka, user: str, topics: Sequence[str], group: str | None = None) -> dict[str, str]:
    """Read each topic to its end: nothing, or what the broker says instead."""
    more = {
        "group.id": group or f"{user}.tried",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    consumer = confluent_kafka.Consumer(settings(kafka, user, **more))
    consumer.assign([TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING) for topic in topics])
    found: dict[str, str] = {}
    deadline = time.monotonic() + WAIT_S
    while len(found) < len(topics):
        assert time.monotonic() < deadline, found
        message = consumer.poll(1)
        error = message.error() if message is not None else None
        if message is not None and error is not None and message.topic() is not None:
            found[message.topic()] = "" if error.code() == KafkaError._PARTITION_EOF else str(error.name())  # noqa: SLF001
    consumer.close()
    return found


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
