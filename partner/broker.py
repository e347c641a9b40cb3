"""The kommun's broker seen from a partner: clients with TLS and SCRAM, and plain words for what is wrong.

kafka-python says `Unable to bootstrap` for a wrong password, and gives nothing and raises nothing for a topic one may
not read; here both are found out and said.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)
from kafka.net.compat import KafkaNetClient

from partner.kit import Kit

BOOTSTRAP_DEADLINE_MS = 10_000
SEND_DEADLINE_S = 20.0
SESSION_TIMEOUT_MS = 6_000
"""How long a partner that died keeps its partitions; the shortest that a broker allows unless told otherwise."""
METADATA_MAX_AGE_MS = 5_000
"""A consumer that has joined its group without knowing the topic finds its partitions after so long."""
_RETRY_S = 0.2
_HUNG_UP = "socket disconnected"
"""What kafka-python says when a broker hangs up before its refusal of a password was read, as happens where time is short."""

Client = TypeVar("Client")


class BrokerProblem(Exception):
    """The broker cannot be reached, or does not give the partner its rights. The text is Swedish, for a person."""


class BrokerAway(BrokerProblem):
    """The broker does not answer now; it may later."""


def consumer(kit: Kit, group: str) -> KafkaConsumer:
    """A consumer of the agency's own topic from its beginning, that commits when told to. Raises BrokerProblem.

    `group` is added to the prefix that the broker lets the agency use.
    """
    require_reading(kit)
    client = _connected(
        kit,
        lambda settings: KafkaConsumer(
            group_id=kit.group_prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 3,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            **settings,
        ),
    )
    try:
        # kafka-python joins a group whether or not it knows the topic yet, and then has nothing to read.
        client.partitions_for_topic(kit.share_topic)
    except KafkaError as error:
        client.close()
        raise problem(error, kit) from None
    client.subscribe([kit.share_topic])
    return client


def reader(kit: Kit) -> KafkaConsumer:
    """A consumer in no group, for reading places by their number. Raises BrokerProblem."""
    return _connected(
        kit, lambda settings: KafkaConsumer(group_id=None, enable_auto_commit=False, auto_offset_reset="earliest", **settings)
    )


def require_reading(kit: Kit) -> None:
    """Raises BrokerProblem when the broker does not let the agency read its own topic: kafka-python itself would be silent."""
    if "READ" not in topic_rights(kit, [kit.share_topic])[kit.share_topic]:
        raise BrokerProblem(f"Användaren {kit.broker.username} får inte läsa {kit.share_topic} hos kommunen.")


def producer(kit: Kit) -> KafkaProducer:
    """An idempotent producer that waits for all replicas. Raises BrokerProblem."""
    return _connected(
        kit,
        lambda settings: KafkaProducer(acks="all", enable_idempotence=True, max_block_ms=int(SEND_DEADLINE_S * 1000), **settings),
    )


def topics(kit: Kit) -> set[str]:
    """The topics that the broker lets the agency see. Raises BrokerProblem."""
    return _asked(kit, lambda admin: set(admin.list_topics()))


def topic_rights(kit: Kit, names: list[str]) -> dict[str, set[str]]:
    """What the agency may do with each topic, such as READ; nothing, for a topic hidden from it. Raises BrokerProblem."""
    found = _asked(kit, lambda admin: admin.describe_topics(names))
    return {topic["name"]: set(topic["authorized_operations"] or ()) for topic in found}


def committed(kit: Kit) -> list[dict[int, int]]:
    """How far each of the agency's consumer groups has come on its own topic: partition -> offset. Raises BrokerProblem."""

    def ask(admin: KafkaAdminClient) -> list[dict[int, int]]:
        groups = [group["group_id"] for group in admin.list_groups() if group["group_id"].startswith(kit.group_prefix)]
        found = admin.list_group_offsets(groups) if groups else {}
        return [
            {place.partition: one.offset for place, one in offsets.items() if place.topic == kit.share_topic} for offsets in found.values()
        ]

    return _asked(kit, ask)


def may_use_group(kit: Kit, group: str) -> bool:
    """Whether the broker lets the agency use a consumer group of this full name. Raises BrokerProblem."""

    def ask(admin: KafkaAdminClient) -> bool:
        deadline = time.monotonic() + SEND_DEADLINE_S
        while True:
            try:
                admin.list_group_offsets([group])
            except GroupAuthorizationFailedError:
                return False
            except KafkaError as error:
                # A broker where nobody has used a group yet needs a moment to get ready for groups.
                if not error.retriable or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return True

    return _asked(kit, ask)


def problem(error: Exception, kit: Kit) -> BrokerProblem:
    """A failure of the client in words for a person; never anything of a record."""
    text, user = str(error), kit.broker.username
    if isinstance(error, SaslAuthenticationFailedError):
        return BrokerProblem(f"Kommunens Kafka godtar inte lösenordet för användaren {user}.")
    if isinstance(error, TopicAuthorizationFailedError):
        return BrokerProblem(f"Användaren {user} saknar rätt till ett ämne (topic) hos kommunen.")
    if isinstance(error, GroupAuthorizationFailedError):
        return BrokerProblem(f"Användaren {user} saknar rätt till konsumentgruppen, som ska börja med sitt eget namn.")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return BrokerProblem("Kommunens Kafka visar ett certifikat som inte är utfärdat av den utfärdare som står i ca.crt.")
    if text.endswith(_HUNG_UP):
        return BrokerAway(f"Kommunens Kafka lägger på utan att svara: troligen godtar den inte lösenordet för användaren {user}.")
    return BrokerAway(f"Kommunens Kafka svarar inte på {kit.broker.bootstrap_servers} ({type(error).__name__}).")


def _asked(kit: Kit, question: Callable[[KafkaAdminClient], Client]) -> Client:
    admin = _connected(kit, lambda settings: KafkaAdminClient(**settings))
    try:
        return question(admin)
    except KafkaError as error:
        raise problem(error, kit) from None
    finally:
        admin.close()


def _connected(kit: Kit, make: Callable[[dict[str, Any]], Client]) -> Client:
    reason, made = _Reason(), _Made()
    logger = logging.getLogger("kafka.net.manager")
    logger.addHandler(reason)
    try:
        return make(_settings(kit) | {"kafka_client": made})
    except KafkaError as error:
        made.stop()
        raise problem(reason.error or error, kit) from None
    finally:
        logger.removeHandler(reason)


def _settings(kit: Kit) -> dict[str, Any]:
    return {
        "bootstrap_servers": kit.broker.bootstrap_servers,
        "bootstrap_timeout_ms": BOOTSTRAP_DEADLINE_MS,
        "security_protocol": "SASL_SSL",
        "ssl_cafile": kit.broker.ca_file,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": kit.broker.username,
        "sasl_plain_password": kit.broker.password,
    }


class _Reason(logging.Handler):
    """Keeps the failure behind `Unable to bootstrap`, which kafka-python tells its log alone.

    That is the first one, or a later one that says more: a broker that does not accept a password sometimes hangs up
    before it has said so.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.error: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look for an exception among the words of a log message."""
        words = record.args if isinstance(record.args, tuple) else ()
        for error in (word for word in words if isinstance(word, Exception)):
            if self.error is None or isinstance(error, SaslAuthenticationFailedError):
                self.error = error


class _Made:
    """Keeps hold of the network thread that kafka-python leaves running when its client could not be made."""

    def __init__(self) -> None:
        self._client: KafkaNetClient | None = None

    def __call__(self, **settings: Any) -> KafkaNetClient:  # noqa: ANN401 - what kafka-python hands over
        self._client = KafkaNetClient(**settings)
        return self._client

    def stop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client._net.stop()  # noqa: SLF001 - there is no public way
