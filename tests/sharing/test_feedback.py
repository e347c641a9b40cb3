"""What the agencies answer, on a real PostgreSQL: noted once, told on, and never able to stop the next one."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import confluent_kafka
import grpc
import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2, controls_pb2_grpc
from los.registry.v1 import registry_pb2, registry_pb2_grpc
from psycopg.rows import dict_row
from structlog.testing import capture_logs

from infra.kafka import Kafka as Broker
from infra.postgres import Postgres
from partner import feedback as partner
from partner.envelope import Event, Record, open_record
from partner.feedback import InvitationAnswer, Reply, Role
from services.kernel.clock import FixedClock
from services.kernel.config import DatabaseConfig, Kafka
from services.kernel.db import Database
from services.kernel.ids import new_id
from services.kernel.outbox import Outbox
from services.kernel.vault import Vault
from services.sharing.domain import Status
from services.sharing.feedback import Feedback, Tell
from services.sharing.store import Store
from tests.infra import outsiders
from tests.partner.builders import AGENCY_OF, NOW, a_record, a_world, an_event, forged

WORLD = a_world()
TOPICS = [kit.reply_topic for kit in WORLD.kits.values()]
WAIT_S = 30
ALERT = ("folkbokforing_alert", "skatteverket-folkbokforing")
PAYMENT = ("suspected_payment", "forsakringskassan")
INVITATION = ("control_invitation", "polismyndigheten")
YES = InvitationAnswer(Role.ON_SITE, "polis", "los@polisen.example")
NO = InvitationAnswer(None, None, "los@polisen.example")


@dataclass
class Sharing:
    """The reading of replies, and what an administrator sees of it."""

    feedback: Feedback
    database: Database
    store: Store
    admin_url: str
    offsets: int = 0

    def disclosed(self, kind: tuple[str, str]) -> Event:
        """Something that was sent, as the agency opened it."""
        record_kind, receiver_kind = kind
        event = an_event(record_kind=record_kind, receiver_kind=receiver_kind, disclosure_id=new_id())
        with self.database.transaction() as tx:
            texts = (
                "unit",
                "ground_id",
                "ground_digest",
                "decision_by",
                "payload_hash",
                "decided_by",
                "decided_role",
                "delegation_reference",
                "task",
                "flow",
            )
            self.store.add_disclosure(
                tx, event.disclosure_id, b"{}", b"{}", record_kind=record_kind, record_id=uuid4(), receiver_kind=receiver_kind,
                agency=AGENCY_OF[receiver_kind], key=event.key, offer_id=uuid4(), fields=[], secrecy=[], decided_time=NOW,
                **dict.fromkeys(texts, "x")
            )  # fmt: skip
            self.store.add_event(tx, event.disclosure_id, Status.DECIDED, NOW)
            self.store.add_sent_event(tx, event, "k")
        return open_record(a_record(event), WORLD.kits[AGENCY_OF[receiver_kind]], NOW).event

    def take(self, *replies: Reply) -> None:
        """Read these from their topics, each at a place of its own."""
        for reply in replies:
            self.offsets += 1
            self.feedback.take(Record(reply.topic, 0, self.offsets, reply.key, reply.value, reply.headers))

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.admin_url, row_factory=dict_row, options="-c search_path=sharing") as connection:
            return connection.execute(query).fetchall()

    def statuses(self) -> list[str]:
        """What has happened to disclosures after the decision, in order."""
        return [row["status"] for row in self.rows("SELECT status FROM disclosure_event WHERE status <> 'decided' ORDER BY id")]

    def refusals(self) -> list[str]:
        return [
            row["refused_code"] for row in self.rows("SELECT refused_code FROM reply WHERE type = 'refused' ORDER BY received_time, id")
        ]

    def promised(self) -> int:
        """How many outcomes wait to be told."""
        return len(self.rows("SELECT 1 FROM feedback"))

    def make(self, statement: str) -> None:
        """Change the database under the service."""
        with psycopg.connect(self.admin_url, options="-c search_path=sharing") as connection:
            connection.execute(statement)


@pytest.fixture
def sharing(postgres: Postgres, database: str) -> Iterator[Sharing]:
    folder = postgres.folder
    password_file = folder.password_file("postgres-sharing")
    config = DatabaseConfig(database_url=postgres.url("sharing", database), database_password_file=password_file)
    kafka = Kafka(bootstrap_servers="127.0.0.1:1", username="sharing", password_file=password_file, ca_file=folder.tls / "ca.crt")
    db, store = Database(config, "sharing"), Store(Vault("sharing", b"k" * 32, b"i" * 32))
    yield Sharing(Feedback(db, store, lambda: WORLD.keys, kafka, TOPICS, FixedClock(NOW)), db, store, postgres.url(database=database))
    db.close()


def a_receipt(event: Event, kind: tuple[str, str] = ALERT) -> Reply:
    return partner.receipt(WORLD.kits[AGENCY_OF[kind[1]]], event, kind[1], None, NOW)


def an_answer(event: Event, answer: InvitationAnswer, kind: tuple[str, str] = INVITATION, now: datetime = NOW) -> Reply:
    return partner.invitation_answer(WORLD.kits[AGENCY_OF[kind[1]]], event, kind[1], "LOS-2026-1", answer, now)


def test_a_receipt_read_twice_has_one_effect(sharing: Sharing) -> None:
    receipt = a_receipt(sharing.disclosed(ALERT))

    sharing.take(receipt, receipt)

    assert sharing.statuses() == ["received"]
    assert sharing.promised() == 1
    assert sharing.refusals() == []


def test_somebody_who_says_yes_then_no_then_yes_is_heard_three_times_and_each_retry_is_known(sharing: Sharing) -> None:
    event = sharing.disclosed(INVITATION)
    on_plan = InvitationAnswer(Role.PLANNING_ONLY, None, YES.function_mailbox)
    minds = [an_answer(event, answer, now=NOW + timedelta(seconds=at)) for at, answer in enumerate([YES, NO, YES, on_plan])]

    sharing.take(*(answer for mind in minds for answer in (mind, mind)))

    told = [
        row["answered"]["role"]
        for row in sharing.rows(
            "SELECT details -> 'answered_invitation' AS answered FROM disclosure_event WHERE status = 'received' ORDER BY occurred_time"
        )
    ]
    assert told == ["on_site", None, "on_site", "planning_only"]
    assert sharing.promised() == 4
    assert sharing.refusals() == []


def test_a_reply_about_what_another_agency_was_sent_is_refused(sharing: Sharing) -> None:
    event = sharing.disclosed(ALERT)

    sharing.take(a_receipt(event, PAYMENT))

    assert sharing.refusals() == ["DISCLOSURE_UNKNOWN"]
    assert sharing.statuses() == []
    assert sharing.promised() == 0


def test_an_answer_to_an_event_that_the_disclosure_never_had_is_refused(sharing: Sharing) -> None:
    event, other = sharing.disclosed(ALERT), sharing.disclosed(ALERT)

    sharing.take(a_receipt(replace(event, id=str(uuid4()))), a_receipt(replace(event, id=other.id)))

    assert sharing.refusals() == ["EVENT_UNKNOWN", "EVENT_UNKNOWN"]
    assert sharing.statuses() == []
    assert sharing.promised() == 0


@pytest.mark.parametrize("kind", [ALERT, PAYMENT])
def test_an_answer_to_an_invitation_about_something_else_is_refused(sharing: Sharing, kind: tuple[str, str]) -> None:
    sharing.take(an_answer(sharing.disclosed(kind), YES, kind))

    assert sharing.refusals() == ["NO_INVITATION"]
    assert sharing.statuses() == []
    assert sharing.promised() == 0


def test_a_refused_reply_read_twice_is_noted_once(sharing: Sharing) -> None:
    stranger = a_receipt(sharing.disclosed(ALERT), PAYMENT)

    for _ in range(2):
        sharing.feedback.take(Record(stranger.topic, 2, 7, stranger.key, stranger.value, stranger.headers))

    assert sharing.refusals() == ["DISCLOSURE_UNKNOWN"]


@pytest.mark.parametrize(
    ("inside", "outside", "code"),
    [
        ({}, {"data": "\ud800"}, "ENCRYPTION_FORM"),
        ({"function_mailbox": "los\0@polisen.example"}, {}, "CONTENT_MALFORMED"),
        ({"time": "0001-01-01T00:00:00+14:00"}, {}, "CONTENT_MALFORMED"),
        ({"time": "9999-12-31T23:59:59Z"}, {}, "TIME_MISMATCH"),
        ({}, {"time": "9999-12-31T23:59:59Z"}, "TIME_AHEAD"),
        ({}, {"expirytime": "0001-01-01T00:00:00Z"}, "EXPIRED"),
        ({}, {"expirytime": "9999-12-31T23:59:59-12:00"}, "EVENT_MALFORMED"),
    ],
)
def test_a_poisoned_reply_is_noted_and_the_next_one_is_taken(
    sharing: Sharing, inside: dict[str, Any], outside: dict[str, Any], code: str
) -> None:
    event = sharing.disclosed(INVITATION)

    sharing.take(forged(an_answer(event, NO), "polismyndigheten", inside, outside), an_answer(event, YES))

    assert sharing.refusals() == [code]
    assert sharing.statuses() == ["received"]
    assert sharing.promised() == 1


def test_a_reply_that_never_expires_is_taken(sharing: Sharing) -> None:
    event = sharing.disclosed(ALERT)

    sharing.take(forged(a_receipt(event), ALERT[1], outside={"expirytime": "9999-12-31T23:59:59Z"}))

    assert sharing.statuses() == ["received"]


def test_a_reply_that_breaks_in_a_way_nobody_thought_of_is_noted_and_the_next_one_is_taken(
    sharing: Sharing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = a_receipt(sharing.disclosed(ALERT)), a_receipt(sharing.disclosed(ALERT))
    monkeypatch.setattr("services.sharing.feedback.open_reply", lambda *_: 1 // 0)
    sharing.take(first)
    monkeypatch.undo()
    sharing.take(second)

    assert sharing.refusals() == ["UNREADABLE"]
    assert sharing.statuses() == ["received"]


def a_trigger(error_code: str) -> str:
    """Whatever happens to a disclosure is refused by the database with this SQLSTATE."""
    return f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{error_code}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON disclosure_event FOR EACH ROW EXECUTE FUNCTION refuse();
    """


def test_a_value_that_the_database_will_not_store_is_noted_and_leaves_nothing_behind(sharing: Sharing) -> None:
    receipt = a_receipt(sharing.disclosed(ALERT))
    sharing.make(a_trigger("22P05"))

    sharing.take(receipt)

    assert sharing.refusals() == ["UNREADABLE"]
    assert sharing.statuses() == []
    assert sharing.promised() == 0


@pytest.mark.parametrize("error_code", ["57P03", "53100", "25006", "40P01", "42501"])
def test_a_reply_waits_while_the_database_is_away_full_or_closed_to_us(sharing: Sharing, error_code: str) -> None:
    receipt = a_receipt(sharing.disclosed(ALERT))
    sharing.make(a_trigger(error_code))

    with pytest.raises(psycopg.Error):
        sharing.take(receipt)
    sharing.make("DROP TRIGGER refuse ON disclosure_event")
    sharing.take(receipt)

    assert sharing.refusals() == []
    assert sharing.statuses() == ["received"]


def as_agency(kafka: Broker, agency: str, **settings: str) -> confluent_kafka.Producer:
    """A producer that is not ours, with the agency's own rights."""
    return confluent_kafka.Producer(outsiders.settings(kafka, agency, **settings))


def broker_config(kafka: Broker) -> Kafka:
    return Kafka(
        bootstrap_servers=kafka.bootstrap_servers,
        username="sharing",
        password_file=kafka.folder.password_file("kafka-sharing"),
        ca_file=kafka.folder.tls / "ca.crt",
    )


def kept_as_sent(kafka: Broker, topic: str, *, compression: str) -> None:
    """Somebody has changed how the broker stores a topic."""
    with KafkaAdminClient(**kafka.client("admin")) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"compression.type": compression})])


def test_answers_are_read_whatever_compression_an_agency_sends_them_in(sharing: Sharing, kafka: Broker) -> None:
    feedback = Feedback(
        sharing.database, sharing.store, lambda: WORLD.keys, broker_config(kafka), ["los.reply.polisen.v1"], FixedClock(NOW)
    )
    sent = []
    for compression in ("gzip", "snappy", "lz4", "zstd"):
        # librdkafka keeps to a compression only where it makes a batch smaller, as it does with ten of these.
        producer = as_agency(kafka, "polisen", **{"compression.type": compression, "linger.ms": "500"})
        answers = [a_receipt(sharing.disclosed(INVITATION), INVITATION) for _ in range(10)]
        for answer in answers:
            producer.produce(answer.topic, answer.value, answer.key, headers=list(answer.headers), partition=0)
        assert producer.flush(WAIT_S) == 0
        sent += answers

    reading = threading.Thread(target=feedback.run)
    reading.start()
    try:
        until(lambda: len(sharing.statuses()) == len(sent))
    finally:
        feedback.stop()
        reading.join()


def test_a_batch_that_our_client_cannot_take_apart_stops_no_other_agencys_answers(sharing: Sharing, kafka: Broker) -> None:
    config = broker_config(kafka)
    feedback = Feedback(sharing.database, sharing.store, lambda: WORLD.keys, config, TOPICS, FixedClock(NOW))
    compressed, plain = as_agency(kafka, "kronofogden", **{"compression.type": "lz4"}), as_agency(kafka, "skatteverket")
    reading = threading.Thread(target=feedback.run)
    kept_as_sent(kafka, "los.reply.kronofogden.v1", compression="producer")
    for partition in range(3):
        compressed.produce("los.reply.kronofogden.v1", b"x" * 1000, partition=partition)
    assert compressed.flush(WAIT_S) == 0
    kept_as_sent(kafka, "los.reply.kronofogden.v1", compression="uncompressed")

    with capture_logs() as said:
        reading.start()
        try:
            for count in range(1, 4):
                receipt = a_receipt(sharing.disclosed(ALERT))
                plain.produce(receipt.topic, receipt.value, receipt.key, headers=list(receipt.headers))
                assert plain.flush(WAIT_S) == 0
                until(lambda count: len(sharing.statuses()) == count, count)
            until(lambda: any(line["event"] == "feedback_round_failed" for line in said))
        finally:
            feedback.stop()
            reading.join()

    assert {line.get("topic") for line in said if line["event"] == "feedback_round_failed"} == {"los.reply.kronofogden.v1"}


def until(true: Callable[..., bool], *words: object) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true(*words):
        assert time.monotonic() < deadline
        time.sleep(0.1)


# --- the word to the service that owns the record ------------------------------------------------------------------


@dataclass
class Owners(registry_pb2_grpc.RegistryServiceServicer, controls_pb2_grpc.ControlsServiceServicer):  # type: ignore[misc]  # both have statistics
    """Registry and controls, that keep what they are told and fail as they are told to."""

    told: list[common_pb2.RecordOutcome] = field(default_factory=list)
    refuse: Callable[[common_pb2.RecordOutcome], bool] = lambda _: False

    def RecordOutcome(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401, N802  # the door of both
        """Keep an outcome, or refuse it."""
        if self.refuse(request.outcome):
            context.abort(grpc.StatusCode.INTERNAL, "no")
        self.told.append(request.outcome)
        registry = isinstance(request, registry_pb2.RecordOutcomeRequest)
        return registry_pb2.RecordOutcomeResponse() if registry else controls_pb2.RecordOutcomeResponse()


@pytest.fixture
def owners() -> Owners:
    return Owners()  # type: ignore[abstract]  # sharing knows one door of theirs


@pytest.fixture
def telling(sharing: Sharing, owners: Owners) -> Iterator[Outbox]:
    server = grpc.server(ThreadPoolExecutor(2))
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(owners, server)
    controls_pb2_grpc.add_ControlsServiceServicer_to_server(owners, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        outbox = Outbox(sharing.database.conninfo, Tell(sharing.database, channel, channel).deliver, table="feedback")
        yield outbox
        outbox.close()
    server.stop(None).wait()


def test_an_outcome_is_told_to_the_service_that_owns_the_record(sharing: Sharing, owners: Owners, telling: Outbox) -> None:
    event = sharing.disclosed(ALERT)
    sharing.take(partner.outcome(WORLD.kits["skatteverket"], event, ALERT[1], partner.Outcome.ACTION, NOW))

    assert telling.run_once() == 1

    (told,) = owners.told
    assert (told.record_kind, told.receiver_kind, told.disclosure_id) == (*ALERT, event.disclosure_id)
    assert told.status == common_pb2.OUTCOME_STATUS_ACTION
    assert told.occurred_time.ToDatetime(NOW.tzinfo) == NOW
    assert sharing.promised() == 0


def test_an_answer_to_an_invitation_is_told_with_role_and_ground(sharing: Sharing, owners: Owners, telling: Outbox) -> None:
    sharing.take(an_answer(sharing.disclosed(INVITATION), YES))

    telling.run_once()

    answered = owners.told[0].answered_invitation
    assert answered.answer == common_pb2.INVITATION_ANSWER_ACCEPTED
    assert answered.role == common_pb2.PARTICIPATION_ROLE_ON_SITE
    assert (answered.control_ground_id, answered.function_mailbox) == ("polis", "los@polisen.example")


def test_one_record_that_cannot_be_told_holds_up_no_other(sharing: Sharing, owners: Owners, telling: Outbox) -> None:
    events = [sharing.disclosed(ALERT) for _ in range(3)]
    sharing.take(*(a_receipt(event) for event in events))
    sharing.make("UPDATE feedback SET payload = '{}' WHERE seq = (SELECT min(seq) FROM feedback)")
    owners.refuse = lambda outcome: outcome.disclosure_id == events[1].disclosure_id

    assert telling.run_once() == 1

    assert [UUID(told.disclosure_id) for told in owners.told] == [UUID(events[2].disclosure_id)]
    assert sharing.promised() == 2
