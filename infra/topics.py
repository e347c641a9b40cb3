"""Topics, principals and rights at the broker: topics.toml is the truth, and the broker is made to agree at every start.

Every reader may use consumer groups whose name begins with the reader's own name and a dot.
"""

import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialUpsertion,
)

from infra.problem import StackProblem

ADMIN = "admin"
"""The broker's superuser; its password never leaves this machine."""

_FILE = Path(__file__).with_name("topics.toml")
_SCRAM = "SCRAM-SHA-512"
_DAY_MS = 24 * 60 * 60 * 1000
_DEADLINE_S = 60.0
_POLL_S = 0.05
EVERYTHING = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
"""A filter that every right passes."""


@dataclass(frozen=True, slots=True)
class Agency:
    """An authority with a topic of its own each way; a receiver kind has a key pair of its own."""

    name: str
    receiver_kinds: tuple[str, ...]

    @property
    def share_topic(self) -> str:
        """From the kommun to the agency."""
        return f"los.share.{self.name}.v1"

    @property
    def reply_topic(self) -> str:
        """From the agency to the kommun."""
        return f"los.reply.{self.name}.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and the principals that may write to it and read from it."""

    name: str
    partitions: int
    retention_days: int
    writers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        """The topic's configuration at the broker. Only closed segments are deleted, so one is closed every day."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_days * _DAY_MS),
            "segment.ms": str(_DAY_MS),
        }


_DOCUMENT = tomllib.loads(_FILE.read_text(encoding="utf-8"))
AGENCIES = tuple(Agency(one["name"], tuple(one["receiver_kinds"])) for one in _DOCUMENT["agency"])
TOPICS = tuple(
    Topic(one["name"], one["partitions"], one["retention_days"], tuple(one["writers"]), tuple(one["readers"])) for one in _DOCUMENT["topic"]
)
PRINCIPALS = tuple(sorted({name for topic in TOPICS for name in (*topic.writers, *topic.readers)}))
"""Everybody who has a right at the broker, apart from the superuser."""


def group_prefix(principal: str) -> str:
    """What the names of a principal's consumer groups begin with."""
    return f"{principal}."


def rights() -> set[ACL]:
    """The rights that topics.toml gives."""
    wanted = set()
    for topic in TOPICS:
        pattern = ResourcePattern(ResourceType.TOPIC, topic.name)
        for name in topic.writers:  # the right to write includes an idempotent producer
            wanted |= {_allow(name, operation, pattern) for operation in (ACLOperation.WRITE, ACLOperation.DESCRIBE)}
        for name in topic.readers:
            wanted |= {_allow(name, operation, pattern) for operation in (ACLOperation.READ, ACLOperation.DESCRIBE)}
            groups = ResourcePattern(ResourceType.GROUP, group_prefix(name), ACLResourcePatternType.PREFIXED)
            wanted.add(_allow(name, ACLOperation.READ, groups))
    return wanted


def arrange(admin: KafkaAdminClient, password: Callable[[str], str]) -> None:
    """Make users, topics and rights at the broker what they should be, and wait until it acts by them.

    Raises StackProblem when the broker refuses.
    """
    refusals = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, _SCRAM, password(name)) for name in PRINCIPALS])
    if any(refusals.values()):
        message = "Kafka godtog inte användarnas lösenord."
        raise StackProblem(message)
    existing = set(admin.list_topics())
    new = {
        topic.name: {"num_partitions": topic.partitions, "replication_factor": 1, "configs": topic.settings}
        for topic in TOPICS
        if topic.name not in existing
    }
    if new:
        admin.create_topics(new)
    known = [topic for topic in TOPICS if topic.name in existing]
    if known:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, one.name, one.settings) for one in known])
    wanted = rights()
    present = set(_rights_at(admin))
    if wanted - present and admin.create_acls(list(wanted - present))["failed"]:
        message = "Kafka godtog inte rättigheterna i topics.toml."
        raise StackProblem(message)
    if present - wanted:
        admin.delete_acls([_filter(one) for one in present - wanted])
    admin.wait_for_topics([topic.name for topic in TOPICS], timeout_ms=int(_DEADLINE_S * 1000))
    _until(lambda: set(_rights_at(admin)) == wanted)
    _until(lambda: set(PRINCIPALS) <= set(admin.describe_user_scram_credentials()))


def _allow(principal: str, operation: ACLOperation, pattern: ResourcePattern) -> ACL:
    return ACL(f"User:{principal}", "*", operation, ACLPermissionType.ALLOW, pattern)


def _filter(acl: ACL) -> ACLFilter:
    pattern = acl.resource_pattern
    return ACLFilter(
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
        ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type),
    )


def _rights_at(admin: KafkaAdminClient) -> list[ACL]:
    found: list[ACL] = admin.describe_acls(EVERYTHING)[0]
    return found


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not done():
        if time.monotonic() >= deadline:
            message = "Kafka blev inte färdig med användare och rättigheter i tid."
            raise StackProblem(message)
        time.sleep(_POLL_S)
