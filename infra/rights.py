"""What the broker has of users, topics, rights and quotas, and how it is made to agree with topics.toml.

Deny by default: what the file does not give is taken away, also what somebody else has given.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from infra import topics
from infra.problem import StackProblem
from infra.topics import ADMIN, CLUSTERS, PRINCIPALS, QUOTAS, TOPICS

_SCRAM = "SCRAM-SHA-512"
_DEADLINE_S = 60.0
_POLL_S = 0.05
_ANY_NAME = 2  # of DescribeClientQuotas: whatever has a name
EVERYTHING = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
"""A filter that every right passes."""
_OPERATIONS = {ACLOperation.READ: "läsa", ACLOperation.WRITE: "skriva", ACLOperation.DESCRIBE: "se"}

Password = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the broker has and should not, or should have and has not. The text is Swedish, one line."""

    what: Literal["user", "topic", "rights", "quota", "keys"]
    text: str


@dataclass(frozen=True, slots=True)
class State:
    """Users, topics with settings, rights and quotas: as they are, or as they should be."""

    users: frozenset[str]
    topics: Mapping[str, Mapping[str, str]]
    rights: frozenset[ACL]
    quotas: Mapping[str, Mapping[str, float]]

    @classmethod
    def wanted(cls, disabled: Collection[str] = (), cluster: str = "local") -> Self:
        """What topics.toml says; a disabled agency has its topics and nothing else."""
        copies = {"min.insync.replicas": str(CLUSTERS[cluster].min_insync_replicas)}
        return cls(
            users=frozenset(PRINCIPALS) - frozenset(disabled),
            topics={topic.name: topic.settings | copies for topic in TOPICS},
            rights=frozenset(topics.rights(disabled)),
            quotas={name: quota for name, quota in QUOTAS.items() if name not in disabled},
        )

    @classmethod
    def present(cls, admin: KafkaAdminClient) -> Self:
        """What the broker has, its superuser apart. Raises KafkaError."""
        existing = sorted(name for name in admin.list_topics() if not name.startswith("__"))
        found: dict[str, dict[str, str]] = {name: {} for name in existing}
        if existing:
            asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
            for configs in admin.describe_configs(asked, config_filter="all").values():
                for name, settings in configs.items():
                    found[name] = {key: str(setting["value"]) for key, setting in settings.items()}
        return cls(
            users=frozenset(admin.describe_user_scram_credentials()) - {ADMIN},
            topics=found,
            rights=frozenset(_rights_at(admin)),
            quotas=_quotas_at(admin),
        )

    def of(self, principal: str) -> Self:
        """The part that concerns one agency: its user, its two topics and all that anybody may do with them, its rights and its quota."""
        own = {f"los.{way}.{principal}.v1" for way in ("share", "reply")}
        return type(self)(
            users=self.users & {principal},
            topics={name: settings for name, settings in self.topics.items() if name in own},
            rights=frozenset(
                one for one in self.rights if one.principal == f"User:{principal}" or one.resource_pattern.resource_name in own
            ),
            quotas={name: quota for name, quota in self.quotas.items() if name == principal},
        )

    def lacks(self, wanted: Self) -> list[Difference]:
        """What has to be done to `self` so that it is `wanted`. Topics that nobody wants are left alone."""
        return list(self._lacks(wanted))

    def _lacks(self, wanted: Self) -> Iterator[Difference]:
        for name in sorted(wanted.users ^ self.users):
            yield Difference("user", f"användare {name}: {'läggs till' if name in wanted.users else 'tas bort'}")
        for name, settings in wanted.topics.items():
            if name not in self.topics:
                yield Difference("topic", f"ämne {name}: skapas")
                continue
            for key, value in settings.items():
                if self.topics[name].get(key) != value:
                    yield Difference("topic", f"ämne {name}: {key} {self.topics[name].get(key, 'saknas')} → {value}")
        for one in sorted(wanted.rights ^ self.rights, key=_sentence):
            yield Difference("rights", f"rättighet: {_sentence(one)}: {'läggs till' if one in wanted.rights else 'tas bort'}")
        for name in sorted({*wanted.quotas, *self.quotas}):
            before, after = self.quotas.get(name, {}), wanted.quotas.get(name, {})
            for key in sorted({*before, *after}):
                if before.get(key) != after.get(key):
                    yield Difference("quota", f"kvot {name}: {key} {_number(before.get(key))} → {_number(after.get(key))}")


def arrange(admin: KafkaAdminClient, password: Password, disabled: Collection[str] = (), cluster: str = "local") -> None:
    """Make everything at the broker what topics.toml says, and wait until it acts by it. Raises StackProblem, KafkaError."""
    wanted = State.wanted(disabled, cluster)
    agree(admin, State.present(admin), wanted, password, new_passwords=wanted.users, cluster=cluster)
    _until(lambda: not State.present(admin).lacks(wanted))


def arrange_agency(
    admin: KafkaAdminClient, name: str, password: Password, disabled: Collection[str], *, new_password: bool = False
) -> list[Difference]:
    """The same for one agency alone; what was done. Raises StackProblem, KafkaError."""
    present, wanted = State.present(admin).of(name), State.wanted(disabled).of(name)
    done = present.lacks(wanted)
    if done or new_password:
        agree(admin, present, wanted, password, new_passwords=wanted.users if new_password else wanted.users - present.users)
        _until(lambda: not State.present(admin).of(name).lacks(wanted))
    return done


def agree(
    admin: KafkaAdminClient, present: State, wanted: State, password: Password, new_passwords: Collection[str], cluster: str = "local"
) -> None:
    """Change `present` to `wanted`; what is taken away goes first. Raises StackProblem, KafkaError."""
    if present.rights - wanted.rights:
        admin.delete_acls([_filter(one) for one in present.rights - wanted.rights])
    users = [UserScramCredentialDeletion(name, _SCRAM) for name in present.users - wanted.users]
    users += [UserScramCredentialUpsertion(name, _SCRAM, password(name)) for name in sorted(new_passwords)]
    if users and any(admin.alter_user_scram_credentials(users).values()):
        message = "Kafka godtog inte användarnas lösenord."
        raise StackProblem(message)
    _agree_topics(admin, present, wanted, cluster)
    if wanted.rights - present.rights and admin.create_acls(list(wanted.rights - present.rights))["failed"]:
        message = "Kafka godtog inte rättigheterna i topics.toml."
        raise StackProblem(message)
    _agree_quotas(admin, present, wanted)


def _agree_topics(admin: KafkaAdminClient, present: State, wanted: State, cluster: str) -> None:
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    copies = CLUSTERS[cluster].replication_factor
    new = {
        name: {"num_partitions": partitions[name], "replication_factor": copies, "configs": dict(settings)}
        for name, settings in wanted.topics.items()
        if name not in present.topics
    }
    if new:
        admin.create_topics(new)
        admin.wait_for_topics(list(new), timeout_ms=int(_DEADLINE_S * 1000))
    other = [
        ConfigResource(ConfigResourceType.TOPIC, name, dict(settings))
        for name, settings in wanted.topics.items()
        if name in present.topics and any(present.topics[name].get(key) != value for key, value in settings.items())
    ]
    if other:
        admin.alter_configs(other)


def _agree_quotas(admin: KafkaAdminClient, present: State, wanted: State) -> None:
    entries = []
    for name in {*present.quotas, *wanted.quotas}:
        before, after = present.quotas.get(name, {}), wanted.quotas.get(name, {})
        operations = [(key, 0.0, True) for key in before.keys() - after.keys()]
        operations += [(key, value, False) for key, value in after.items() if before.get(key) != value]
        if operations:
            entries.append(([("user", name)], operations))
    if entries and any(entry.error_code for entry in _ask(admin, AlterClientQuotasRequest(entries=entries, validate_only=False)).entries):
        message = "Kafka godtog inte kvoterna i topics.toml."
        raise StackProblem(message)


def _quotas_at(admin: KafkaAdminClient) -> dict[str, dict[str, float]]:
    answer = _ask(admin, DescribeClientQuotasRequest(components=[("user", _ANY_NAME, None)], strict=True))
    return {entry.entity[0].entity_name: {value.key: value.value for value in entry.values} for entry in answer.entries or ()}


def _ask(admin: KafkaAdminClient, request: object) -> Any:  # noqa: ANN401  # kafka-python's answers
    """What kafka-python can say and has no method for."""
    manager = admin._manager  # noqa: SLF001
    return manager.run(manager.send, request)


def _rights_at(admin: KafkaAdminClient) -> list[ACL]:
    found: list[ACL] = admin.describe_acls(EVERYTHING)[0]
    return found


def _filter(acl: ACL) -> ACLFilter:
    pattern = acl.resource_pattern
    return ACLFilter(
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
        ResourcePatternFilter(pattern.resource_type, pattern.resource_name, pattern.pattern_type),
    )


def _sentence(acl: ACL) -> str:
    pattern = acl.resource_pattern
    operation = _OPERATIONS.get(acl.operation, acl.operation.name)
    where = "ämnet" if pattern.resource_type == ResourceType.TOPIC else pattern.resource_type.name
    if pattern.resource_type == ResourceType.GROUP:
        operation, where = "använda", "grupper som börjar med"
    verb = "får" if acl.permission_type == ACLPermissionType.ALLOW else "får inte"
    return f"{acl.principal.removeprefix('User:')} {verb} {operation} {where} {pattern.resource_name}"


def _number(value: float | None) -> str:
    return "saknas" if value is None else f"{value:g}" if value % 1 else str(int(value))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not done():
        if time.monotonic() >= deadline:
            message = "Kafka blev inte färdig med användare, ämnen, rättigheter och kvoter i tid."
            raise StackProblem(message)
        time.sleep(_POLL_S)
