"""Topics, principals, rights and quotas at the broker: topics.toml is the truth; `infra.rights` makes the broker agree.

Every reader may use consumer groups whose name begins with the reader's own name and a dot.
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

ADMIN = "admin"
"""The broker's superuser; its password never leaves this machine."""

_FILE = Path(__file__).with_name("topics.toml")
_DAY_MS = 24 * 60 * 60 * 1000


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
    max_message_bytes: int
    compression: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        """The topic's configuration at the broker. Only closed segments are deleted, so one is closed every day."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_days * _DAY_MS),
            "segment.ms": str(_DAY_MS),
            "max.message.bytes": str(self.max_message_bytes),
            "compression.type": self.compression,
        }


@dataclass(frozen=True, slots=True)
class Cluster:
    """How many copies of a record a cluster keeps, and how many must be there before a record is acknowledged."""

    replication_factor: int
    min_insync_replicas: int


_DOCUMENT = tomllib.loads(_FILE.read_text(encoding="utf-8"))
AGENCIES = tuple(Agency(one["name"], tuple(one["receiver_kinds"])) for one in _DOCUMENT["agency"])
TOPICS = tuple(Topic(**{**one, "writers": tuple(one["writers"]), "readers": tuple(one["readers"])}) for one in _DOCUMENT["topic"])
CLUSTERS: Mapping[str, Cluster] = {name: Cluster(**one) for name, one in _DOCUMENT["cluster"].items()}
QUOTAS: Mapping[str, Mapping[str, float]] = {
    name: {key: float(value) for key, value in one.items() if key != "principals"}
    for one in _DOCUMENT["quota"]
    for name in one["principals"]
}
"""What a principal may use of the broker: bytes a second each way, and per cent of a thread."""
PRINCIPALS = tuple(sorted({name for topic in TOPICS for name in (*topic.writers, *topic.readers)}))
"""Everybody who has a right at the broker, apart from the superuser."""


def group_prefix(principal: str) -> str:
    """What the names of a principal's consumer groups begin with."""
    return f"{principal}."


def rights(without: Collection[str] = ()) -> set[ACL]:
    """The rights that topics.toml gives, save to the principals `without`."""
    wanted = set()
    for topic in TOPICS:
        pattern = ResourcePattern(ResourceType.TOPIC, topic.name)
        for name in set(topic.writers) - set(without):  # the right to write includes an idempotent producer
            wanted |= {_allow(name, operation, pattern) for operation in (ACLOperation.WRITE, ACLOperation.DESCRIBE)}
        for name in set(topic.readers) - set(without):
            wanted |= {_allow(name, operation, pattern) for operation in (ACLOperation.READ, ACLOperation.DESCRIBE)}
            groups = ResourcePattern(ResourceType.GROUP, group_prefix(name), ACLResourcePatternType.PREFIXED)
            wanted.add(_allow(name, ACLOperation.READ, groups))
    return wanted


def _allow(principal: str, operation: ACLOperation, pattern: ResourcePattern) -> ACL:
    return ACL(f"User:{principal}", "*", operation, ACLPermissionType.ALLOW, pattern)
