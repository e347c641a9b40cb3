"""Who may do what at the real broker, each operation really tried with a client that is not ours, against a table written by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import confluent_kafka
import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, ResourceType
from confluent_kafka.admin import ConfigResource as OutsidersResource
from kafka import TopicPartition as KafkaPlace
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    UserScramCredentialUpsertion,
)
from kafka.admin import ResourceType as KafkaResource
from kafka.errors import ClusterAuthorizationFailedError, GroupAuthorizationFailedError, TopicAuthorizationFailedError
from kafka.structs import OffsetAndMetadata

from infra import rights, topics
from infra.kafka import Kafka
from partner.jose import VALUE_BYTES_MAX
from tests.infra.outsiders import OPERATIONS, WAIT_S, answers, said, settings, tried, written

SHARE, REPLY = "los.share.skatteverket.v1", "los.reply.skatteverket.v1"
ALLOWED = """
relay              los.share.skatteverket.v1         describe write
relay              los.share.forsakringskassan.v1    describe write
relay              los.share.kronofogden.v1          describe write
relay              los.share.polisen.v1              describe write
sharing            los.reply.skatteverket.v1         describe read
sharing            los.reply.forsakringskassan.v1    describe read
sharing            los.reply.kronofogden.v1          describe read
sharing            los.reply.polisen.v1              describe read
skatteverket       los.share.skatteverket.v1         describe read
skatteverket       los.reply.skatteverket.v1         describe write
forsakringskassan  los.share.forsakringskassan.v1    describe read
forsakringskassan  los.reply.forsakringskassan.v1    describe write
kronofogden        los.share.kronofogden.v1          describe read
kronofogden        los.reply.kronofogden.v1          describe write
polisen            los.share.polisen.v1              describe read
polisen            los.reply.polisen.v1              describe write
sandboxkommun      los.share.sandbox.v1              describe write
sandboxkommun      los.reply.sandbox.v1              describe read
sandbox            los.share.sandbox.v1              describe read
sandbox            los.reply.sandbox.v1              describe write
"""
"""Principal, topic, and all that it may do with it. What is not here is refused."""
TABLE = {(words[0], words[1]): set(words[2:]) for words in map(str.split, ALLOWED.strip().splitlines())}
AGENCIES = ("skatteverket", "forsakringskassan", "kronofogden", "polisen")
ALL_PRINCIPALS = ("relay", "sharing", "sandboxkommun", "sandbox", *AGENCIES)
ALL_TOPICS = tuple(f"los.{way}.{name}.v1" for way in ("share", "reply") for name in (*AGENCIES, "sandbox"))
NOT_REFUSED = {"create": "TOPIC_ALREADY_EXISTS"}


def test_for_each_principal_and_topic_the_allowed_operations_are_exactly_those_of_the_table(own_kafka: Kafka) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(ALL_PRINCIPALS, pool.map(lambda user: tried(own_kafka, user, ALL_TOPICS), ALL_PRINCIPALS), strict=True))

    may = {
        (user, topic): {operation for operation in OPERATIONS if found[user][topic, operation] == ""}
        for user in ALL_PRINCIPALS
        for topic in ALL_TOPICS
    }
    assert may == {pair: TABLE.get(pair, set()) for pair in may}
    refusals = {answer for answered in found.values() for answer in answered.values()} - {""}
    assert refusals <= {"TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"}
    assert len(may) * len(OPERATIONS) == 640


def test_the_table_names_everybody_and_every_topic(own_kafka: Kafka) -> None:
    assert {user for user, _ in TABLE} == set(ALL_PRINCIPALS) == set(topics.PRINCIPALS)
    assert {topic for _, topic in TABLE} == set(ALL_TOPICS) == {topic.name for topic in topics.TOPICS}
    with KafkaAdminClient(**own_kafka.client(topics.ADMIN)) as admin:
        assert set(rights.State.present(admin).topics) == set(ALL_TOPICS)


def test_an_administrator_is_asked_the_same_and_refused_nothing(own_kafka: Kafka) -> None:
    """What the table's test calls a refusal is one: the same acts go through for who may do them."""
    admin = AdminClient(settings(own_kafka, "admin"))
    assert answers(admin.create_topics([NewTopic(SHARE, 1, 1)], validate_only=True)) == {SHARE: "TOPIC_ALREADY_EXISTS"}
    assert answers(admin.describe_configs([OutsidersResource(ResourceType.TOPIC, SHARE)])) == {SHARE: ""}
    assert written(own_kafka, "admin", [SHARE, REPLY]) == {SHARE: "", REPLY: ""}


@pytest.mark.parametrize("user", ALL_PRINCIPALS)
def test_a_list_of_topics_holds_only_ones_own(own_kafka: Kafka, user: str) -> None:
    listed = set(AdminClient(settings(own_kafka, user)).list_topics(timeout=WAIT_S).topics)
    assert listed == {topic for one, topic in TABLE if one == user}


def group_acts(admin: KafkaAdminClient, group: str, topic: str) -> list[Callable[[], object]]:
    """What somebody may try with a group: read how far it has come, move it, see who is in it, delete it."""
    return [
        lambda: admin.list_group_offsets([group]),
        lambda: admin.alter_group_offsets(group, {KafkaPlace(topic, 0): OffsetAndMetadata(7, "", -1)}),
        lambda: admin.describe_groups([group]),
        lambda: admin.delete_groups([group]),
    ]


def test_a_group_of_another_agency_can_not_be_joined_read_moved_or_deleted(own_kafka: Kafka) -> None:
    group, place = "kronofogden.main", TopicPartition("los.share.kronofogden.v1", 0, 0)
    own = confluent_kafka.Consumer(settings(own_kafka, "kronofogden", **{"group.id": group}))
    own.commit(offsets=[place], asynchronous=False)
    own.close()

    thief = confluent_kafka.Consumer(settings(own_kafka, "skatteverket", **{"group.id": group}))
    thief.subscribe([SHARE])
    joined = thief.poll(WAIT_S)
    assert joined is not None
    error = joined.error()
    assert error is not None
    assert error.name() == "GROUP_AUTHORIZATION_FAILED"
    thief.close()

    with KafkaAdminClient(**own_kafka.client("skatteverket")) as admin:
        for act in group_acts(admin, group, place.topic):
            with pytest.raises(GroupAuthorizationFailedError):
                act()
        assert [one for one in admin.list_groups() if not str(one["group_id"]).startswith("skatteverket.")] == []

    with KafkaAdminClient(**own_kafka.client(topics.ADMIN)) as admin:
        kept = admin.list_group_offsets([group])[group]
    assert {(one.topic, one.partition): said_of.offset for one, said_of in kept.items()} == {(place.topic, 0): 0}


@pytest.mark.parametrize("group", ["skatteverket", "skatteverketx", "x.skatteverket.", "sharing.feedback"])
def test_a_group_must_begin_with_ones_own_name_and_a_dot(own_kafka: Kafka, group: str) -> None:
    with KafkaAdminClient(**own_kafka.client("skatteverket")) as admin:
        for act in group_acts(admin, group, SHARE):
            with pytest.raises(GroupAuthorizationFailedError):
                act()


@pytest.mark.parametrize("user", ["relay", "sharing", "skatteverket", "sandboxkommun"])
def test_nobody_may_use_a_transactional_id(own_kafka: Kafka, user: str) -> None:
    producer = confluent_kafka.Producer(settings(own_kafka, user, **{"transactional.id": f"{user}.1"}))
    assert said(lambda: producer.init_transactions(WAIT_S)) == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


def test_who_may_write_may_write_idempotently_and_who_may_not_may_not(own_kafka: Kafka) -> None:
    idempotent = {"enable.idempotence": True}
    assert written(own_kafka, "relay", [SHARE], **idempotent) == {SHARE: ""}
    assert written(own_kafka, "skatteverket", [REPLY], **idempotent) == {REPLY: ""}
    # Sharing writes to no topic at all, so the broker does not even give it an id to write with.
    producer = confluent_kafka.Producer(settings(own_kafka, "sharing", **idempotent))
    producer.produce("los.reply.polisen.v1", b"tried")
    with pytest.raises(KafkaException, match="CLUSTER_AUTHORIZATION_FAILED"):
        producer.flush(5)


@pytest.mark.parametrize("user", ALL_PRINCIPALS)
def test_no_principal_may_do_anything_with_the_cluster(own_kafka: Kafka, user: str) -> None:
    """Rights, passwords, settings of the broker, new topics: each is tried, each is refused, and all is as it was."""
    right = ACL("User:polisen", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(KafkaResource.TOPIC, SHARE))
    password = UserScramCredentialUpsertion("kronofogden", "SCRAM-SHA-512", "taken")
    broker = ConfigResource(ConfigResourceType.BROKER, "1")
    with KafkaAdminClient(**own_kafka.client(topics.ADMIN)) as admin:
        before = rights.State.present(admin)
    with KafkaAdminClient(**own_kafka.client(user)) as admin:
        assert admin.create_acls([right]) == {"succeeded": [], "failed": [ClusterAuthorizationFailedError]}
        assert [(found, error) for _, found, error in admin.delete_acls([rights.EVERYTHING])] == [([], ClusterAuthorizationFailedError)]
        with pytest.raises(ClusterAuthorizationFailedError):
            admin.describe_acls(rights.EVERYTHING)
        assert admin.alter_user_scram_credentials([password])["kronofogden"]
        with pytest.raises(ClusterAuthorizationFailedError):
            admin.describe_user_scram_credentials(["kronofogden"])
        assert admin.describe_configs([broker]) == {"broker": {"1": {}}}
        with pytest.raises(TopicAuthorizationFailedError):
            admin.create_topics({"los.share.new.v1": {"num_partitions": 1, "replication_factor": 1}})
    with KafkaAdminClient(**own_kafka.client(topics.ADMIN)) as admin:
        assert rights.State.present(admin) == before
    assert AdminClient(settings(own_kafka, "kronofogden")).list_topics(timeout=WAIT_S).topics


@pytest.mark.parametrize(
    ("user", "more"),
    [
        ("skatteverket", {"sasl.password": "wrong"}),
        ("skatteverket", {"sasl.username": "stranger"}),
        ("skatteverket", {"sasl.username": "broker"}),
        ("skatteverket", {"sasl.username": "ANONYMOUS"}),
        ("skatteverket", {"sasl.username": "admin"}),
        ("skatteverket", {"sasl.mechanism": "PLAIN"}),
        ("skatteverket", {"sasl.mechanism": "SCRAM-SHA-256"}),
        ("skatteverket", {"security.protocol": "SSL"}),
        ("skatteverket", {"security.protocol": "PLAINTEXT"}),
        ("skatteverket", {"security.protocol": "SASL_PLAINTEXT"}),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_who_is_not_a_known_principal_with_its_password_over_tls_does_not_come_in(
    own_kafka: Kafka, user: str, more: dict[str, str]
) -> None:
    with pytest.raises(KafkaException):
        AdminClient(settings(own_kafka, user, **more)).list_topics(timeout=1.5)


def test_the_broker_has_the_quotas_sizes_and_copies_of_the_file(own_kafka: Kafka) -> None:
    with KafkaAdminClient(**own_kafka.client(topics.ADMIN)) as admin:
        present = rights.State.present(admin)
    assert present.quotas == topics.QUOTAS
    assert set(topics.QUOTAS) == set(ALL_PRINCIPALS)
    for topic in topics.TOPICS:
        assert present.topics[topic.name]["compression.type"] == "uncompressed"
        assert int(present.topics[topic.name]["max.message.bytes"]) == topic.max_message_bytes > 128 * 1024 + VALUE_BYTES_MAX
        assert present.topics[topic.name]["min.insync.replicas"] == "1"
    production = topics.CLUSTERS["production"]
    assert 1 < production.min_insync_replicas < production.replication_factor


def test_a_record_that_is_too_large_is_refused_by_the_broker_and_not_kept(own_kafka: Kafka) -> None:
    found: list[str] = []
    before = ends(own_kafka)
    producer = confluent_kafka.Producer(settings(own_kafka, "skatteverket", **{"message.max.bytes": 20_000_000}))
    producer.produce(REPLY, b"x" * 10 * 1024 * 1024, on_delivery=lambda error, _: found.append("" if error is None else error.name()))
    producer.flush(WAIT_S)
    assert found == ["MSG_SIZE_TOO_LARGE"]
    assert ends(own_kafka) == before


def ends(kafka: Kafka) -> list[int]:
    """How many records there have been on each partition of the reply topic."""
    reader = confluent_kafka.Consumer(settings(kafka, "sharing", **{"group.id": "sharing.ends"}))
    found = [reader.get_watermark_offsets(TopicPartition(REPLY, number), timeout=WAIT_S)[1] for number in range(3)]
    reader.close()
    return found
