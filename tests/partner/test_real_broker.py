import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import confluent_kafka
import pytest
from jwcrypto import jwe, jwk, jws
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra import secrets, tls
from infra.folder import Folder
from infra.kafka import Kafka
from partner import broker, check
from partner.consumer import GROUP, Consumer, Counts, listen
from partner.envelope import Opened
from partner.inbox import Inbox
from partner.jose import Code
from partner.kit import Kit, load
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer
from services.sharing.sealing import Event, Keys, Receipt, Reply, SealedRecord, open_reply, seal_event
from tests.partner.builders import AGENCY_OF, a_content, a_folder, an_event

ROOT = Path(broker.__file__).parents[1]
DEADLINE_S = 60.0
IDLE_S = 0.5


class Kommun:
    """The kommun's side of the broker: the relay that writes, and sharing that reads the replies."""

    def __init__(self, kafka: Kafka) -> None:
        folder = kafka.folder
        self.kafka = kafka
        self.keys = Keys.load(secrets.signing_file(folder), secrets.encryption_file(folder), secrets.receivers_file(folder))
        self.producer = KafkaProducer(acks="all", **kafka.client("relay"))

    def send(self, event: Event, change: Callable[[SealedRecord], SealedRecord] = lambda record: record) -> Event:
        record = change(seal_event(event, a_content(event), self.keys))
        topic = f"los.share.{AGENCY_OF[event.receiver_kind]}.v1"
        self.producer.send(topic, key=record.key, value=record.value, headers=record.headers).get(DEADLINE_S)
        return event

    def replies_about(self, event: Event, count: int) -> list[Reply]:
        """The replies that answer an event, in order of arrival, as soon as there are so many."""
        agency = AGENCY_OF[event.receiver_kind]
        consumer = KafkaConsumer(
            f"los.reply.{agency}.v1",
            group_id=f"sharing.test.{uuid4()}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metadata_max_age_ms=broker.METADATA_MAX_AGE_MS,  # one that joins before it knows the topic finds it then
            **self.kafka.client("sharing"),
        )
        found: list[Reply] = []
        deadline = time.monotonic() + DEADLINE_S
        try:
            while len(found) < count:
                assert time.monotonic() < deadline, f"{len(found)} replies"
                for messages in consumer.poll(timeout_ms=200).values():
                    for one in messages:
                        reply = open_reply(one.topic, one.key, one.value, one.headers, self.keys, datetime.now(UTC))
                        if reply.body.about == event.disclosure_id:
                            found.append(reply)
        finally:
            consumer.close()
        return found


@pytest.fixture(scope="module")
def kommun(kafka: Kafka) -> Iterator[Kommun]:
    kommun = Kommun(kafka)
    yield kommun
    kommun.producer.close()


def kit_of(kommun: Kommun, agency: str) -> Kit:
    return load(kommun.kafka.folder.partners / agency)


def now_event(receiver_kind: str, **changes: Any) -> Event:  # noqa: ANN401 - any part of an event
    now = datetime.now(UTC)
    return an_event(receiver_kind=receiver_kind, time=now, recorded_time=now, expiry_time=now + timedelta(days=1), **changes)


def taken_in(kit: Kit, database: Path) -> Counts:
    """Run the reference partner until there is nothing more."""
    inbox = Inbox.open(database)
    try:
        receiver = Receiver(kit, inbox, ReferencePartner(kit, demo_answer(kit.agency)))
        return Consumer(kit, receiver, print).run(threading.Event(), IDLE_S)
    finally:
        inbox.close()


def kept(database: Path, event: Event) -> int:
    inbox = Inbox.open(database)
    (count,) = inbox.connection.execute("SELECT count(*) FROM record WHERE event_id = ?", (str(event.id),)).fetchone()
    inbox.close()
    return int(count)


def test_an_event_is_handled_and_its_receipt_comes_back(kommun: Kommun, tmp_path: Path) -> None:
    event = kommun.send(now_event("kronofogden"))

    counts = taken_in(kit_of(kommun, "kronofogden"), tmp_path / "inbox.db")

    assert counts.handled >= 1
    assert kept(tmp_path / "inbox.db", event) == 1
    (reply,) = kommun.replies_about(event, 1)
    assert isinstance(reply.body, Receipt)
    assert (reply.body.status, reply.agency, reply.key) == ("received", "kronofogden", event.key)


def test_what_has_been_committed_does_not_come_again(kommun: Kommun, tmp_path: Path) -> None:
    kommun.send(now_event("kronofogden"))
    kit = kit_of(kommun, "kronofogden")
    taken_in(kit, tmp_path / "inbox.db")

    assert taken_in(kit, tmp_path / "inbox.db") == Counts()


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from partner.consumer import Consumer
from partner.inbox import Inbox
from partner.kit import load
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer

def die(*_):
    if receiver.inbox.pending():  # an empty round before the event has come is no moment to die in
        os.kill(os.getpid(), signal.SIGKILL)

setattr({"Consumer": Consumer, "Inbox": Inbox}[sys.argv[3]], sys.argv[4], die)
kit = load(Path(sys.argv[1]))
receiver = Receiver(kit, Inbox.open(sys.argv[2]), ReferencePartner(kit, demo_answer(kit.agency)))
Consumer(kit, receiver, print).run(threading.Event(), 20)
"""


@pytest.mark.parametrize(
    ("owner", "moment", "times"),
    [("Consumer", "_commit", 1), ("Consumer", "_answer", 1), ("Inbox", "acknowledged", 2)],
    ids=["between its own commit and the offset", "between the offset and the answer", "between the answer and forgetting it"],
)
def test_a_partner_killed_has_one_effect_and_one_answer(kommun: Kommun, tmp_path: Path, owner: str, moment: str, times: int) -> None:
    folder, database = kommun.kafka.folder.partners / "forsakringskassan", tmp_path / "inbox.db"
    event = kommun.send(now_event("forsakringskassan"))

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(database), owner, moment],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert killed.returncode == -9, killed.stderr
    assert kept(database, event) == 1

    taken_in(load(folder), database)

    assert kept(database, event) == 1
    replies = kommun.replies_about(event, times)
    assert len({reply.id for reply in replies}) == 1


def test_an_event_sent_twice_by_the_relay_has_one_effect(kommun: Kommun, tmp_path: Path) -> None:
    event = now_event("kronofogden")
    kommun.send(event)
    kommun.send(event)

    counts = taken_in(kit_of(kommun, "kronofogden"), tmp_path / "inbox.db")

    assert counts.duplicates >= 1
    assert kept(tmp_path / "inbox.db", event) == 1


def test_a_poisoned_record_lets_the_next_one_through(kommun: Kommun, tmp_path: Path) -> None:
    key = uuid4()
    kommun.send(now_event("polismyndigheten", key=key), lambda record: replace(record, value=record.value + b" "))
    event = kommun.send(now_event("polismyndigheten", key=key, sequence=2))

    counts = taken_in(kit_of(kommun, "polisen"), tmp_path / "inbox.db")

    assert counts.refused >= 1
    assert kept(tmp_path / "inbox.db", event) == 1


def test_listening_shows_everything_from_the_beginning_every_time_and_commits_nothing(kommun: Kommun) -> None:
    kit = kit_of(kommun, "skatteverket")
    first = kommun.send(now_event("skatteverket-folkbokforing"))
    bad = kommun.send(now_event("skatteverket-beskattning"), lambda record: replace(record, headers=[*record.headers, ("x", b"")]))
    second = kommun.send(now_event("skatteverket-beskattning"))

    for _ in range(2):
        found = [outcome for _, outcome in listen(kit, threading.Event(), IDLE_S)]
        ids = {opened.event.id for opened in found if isinstance(opened, Opened)}
        assert {str(first.id), str(second.id)} <= ids
        assert str(bad.id) not in ids
        assert Code.HEADER_UNKNOWN in found

    consumer = KafkaConsumer(group_id=f"skatteverket.{GROUP}", **kommun.kafka.client("skatteverket"))
    partitions = [TopicPartition(kit.share_topic, number) for number in range(3)]
    assert [consumer.committed(partition) for partition in partitions] == [None, None, None]
    consumer.close()


def test_the_command_reads_with_an_empty_environment_and_a_copied_folder(kommun: Kommun, tmp_path: Path) -> None:
    event = kommun.send(now_event("skatteverket-folkbokforing"))
    shutil.copytree(kommun.kafka.folder.partners / "skatteverket", tmp_path / "kit")

    ran = command(tmp_path, "listen", "skatteverket", "--kit", "kit", "--until-idle", "0.5", "--json")

    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    (row,) = [row for row in rows if row["id"] == str(event.id)]
    assert row == {
        "id": str(event.id),
        "type": "se.los.folkbokforing_alert.shared.v1",
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "key": str(event.key),
        "sequence": 1,
        "aud": "skatteverket-folkbokforing",
        "disclosure_id": str(event.disclosure_id),
        "record_kind": "folkbokforing_alert",
        "ground": "fol-32c-2021",
        "purpose": "Utreda om folkbokföringen är rätt.",
        "secrecy": [],
        "fields": {"sender.authority": "Linköpings kommun"},
    }
    assert "Läser los.share.skatteverket.v1" in ran.stderr


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`los partner …` in `folder`, with no environment at all."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from partner import broker; broker.BOOTSTRAP_DEADLINE_MS = 4_000; "
        "from cli.partner import app; app()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env={}, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )


# --- a consumer that is not ours, and what the broker refuses ------------------------------------------------------


def plain_client(kit: Kit, **settings: str) -> dict[str, str]:
    return {
        "bootstrap.servers": kit.broker.bootstrap_servers,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": kit.broker.username,
        "sasl.password": kit.broker.password,
        "ssl.ca.location": kit.broker.ca_file,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": "false",
    } | settings


def first_error(kit: Kit, group: str, topic: str) -> str:
    """What the broker says to a plain consumer; never a record."""
    consumer = confluent_kafka.Consumer(plain_client(kit, **{"group.id": group}))
    consumer.subscribe([topic])
    deadline = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None:
                error = message.error()
                assert error is not None
                return str(error.name())
    finally:
        consumer.close()
    pytest.fail("the broker did not say anything")


def test_a_plain_consumer_reads_and_opens_with_the_agencys_rights(kommun: Kommun) -> None:
    event = kommun.send(now_event("polismyndigheten"))
    folder = kommun.kafka.folder.partners / "polisen"
    kit = kit_of(kommun, "polisen")
    theirs = {key["kid"]: jwk.JWK(**key) for key in json.loads((folder / "kommun.jwks").read_text())["keys"]}
    own = {key["kid"]: jwk.JWK(**key) for key in json.loads((folder / "private.jwks").read_text())["keys"]}
    consumer = confluent_kafka.Consumer(plain_client(kit, **{"group.id": f"polisen.{uuid4()}"}))
    consumer.subscribe([kit.share_topic])
    deadline = time.monotonic() + DEADLINE_S
    message = None
    while message is None or message.key() != str(event.key).encode():
        assert time.monotonic() < deadline
        message = consumer.poll(0.2)
    consumer.close()

    value, headers = message.value(), dict(message.headers() or ())
    assert isinstance(value, bytes)
    assert isinstance(headers["los-signature"], bytes)
    outside = json.loads(value)
    signature, box = jws.JWS(), jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
    signature.allowed_algs = ["ES256"]
    signature.deserialize(headers["los-signature"].decode())
    signature.verify(theirs[signature.jose_header["kid"]], detached_payload=value)
    box.deserialize(outside["data"])
    box.decrypt(own[box.jose_header["kid"]])

    assert UUID(outside["id"]) == event.id
    assert box.payload == a_content(event)


@pytest.mark.parametrize(
    "topic", ["los.share.kronofogden.v1", "los.share.skatteverket.v1", "los.reply.polisen.v1", "los.reply.kronofogden.v1"]
)
def test_the_broker_refuses_an_agency_every_other_topic(kommun: Kommun, topic: str) -> None:
    assert first_error(kit_of(kommun, "polisen"), f"polisen.{uuid4()}", topic) == "TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.parametrize("group", ["kronofogden.inbox", "sharing.replies", "annan"])
def test_the_broker_refuses_an_agency_every_other_group(kommun: Kommun, group: str) -> None:
    kit = kit_of(kommun, "polisen")

    assert first_error(kit, group, kit.share_topic) == "GROUP_AUTHORIZATION_FAILED"


@pytest.mark.parametrize("topic", ["los.share.polisen.v1", "los.share.kronofogden.v1", "los.reply.kronofogden.v1"])
def test_the_broker_lets_an_agency_write_nothing_but_its_own_replies(kommun: Kommun, topic: str) -> None:
    told: list[str] = []
    producer = confluent_kafka.Producer(
        {name: value for name, value in plain_client(kit_of(kommun, "polisen")).items() if name[:5] != "auto." and name[:7] != "enable."}
    )
    producer.produce(topic, b"x", on_delivery=lambda error, _: told.append(str(error and error.name())))
    producer.flush(DEADLINE_S)

    assert told == ["TOPIC_AUTHORIZATION_FAILED"]


# --- the conformance check, and plain words for what is wrong ------------------------------------------------------


@pytest.mark.parametrize("agency", ["skatteverket", "forsakringskassan", "kronofogden", "polisen"])
def test_every_agency_has_exactly_its_rights(kommun: Kommun, agency: str) -> None:
    assert [finding.text for finding in check.rights(kit_of(kommun, agency)) if not finding.right] == []


def test_a_right_too_few_or_too_many_is_found(kommun: Kommun) -> None:
    kit = kit_of(kommun, "polisen")
    turned = replace(kit, share_topic=kit.reply_topic, reply_topic=kit.share_topic, group_prefix="kronofogden.")

    wrong = [finding.text for finding in check.rights(turned) if not finding.right]

    assert wrong == [
        "los.reply.polisen.v1 får läsas.",
        "los.reply.polisen.v1 får inte skrivas.",
        "los.share.polisen.v1 får skrivas.",
        "los.share.polisen.v1 får inte läsas.",
        "En egen konsumentgrupp får användas.",
    ]


def test_a_wrong_password_is_called_a_wrong_password(kommun: Kommun, tmp_path: Path) -> None:
    shutil.copytree(kommun.kafka.folder.partners / "polisen", tmp_path / "kit")
    (tmp_path / "kit" / "password").write_text("fel")

    ran = command(tmp_path, "listen", "polisen", "--kit", "kit", "--until-idle", "0")

    assert ran.returncode == 3
    [said] = ran.stderr.splitlines()[1:]
    assert said.endswith(("Kafka godtar inte lösenordet för användaren polisen.", "godtar den inte lösenordet för användaren polisen."))


def test_a_certificate_of_somebody_else_is_called_that(kommun: Kommun, tmp_path: Path) -> None:
    shutil.copytree(kommun.kafka.folder.partners / "polisen", tmp_path / "kit")
    other = Folder(tmp_path / "other")
    tls.arrange(other)
    shutil.copyfile(other.tls / "ca.crt", tmp_path / "kit" / "ca.crt")

    ran = command(tmp_path, "listen", "polisen", "--kit", "kit", "--until-idle", "0")

    assert ran.returncode == 3
    assert "inte är utfärdat av den utfärdare som står i ca.crt" in ran.stderr


def test_a_topic_that_may_not_be_read_is_said_and_not_read_as_empty(kommun: Kommun) -> None:
    kit = replace(kit_of(kommun, "polisen"), share_topic="los.share.kronofogden.v1")

    with pytest.raises(broker.BrokerProblem, match=r"^Användaren polisen får inte läsa los\.share\.kronofogden\.v1 hos kommunen\.$"):
        next(listen(kit, threading.Event(), IDLE_S))


def test_answers_that_may_not_be_written_stop_the_partner_and_are_kept(kommun: Kommun, tmp_path: Path) -> None:
    kommun.send(now_event("polismyndigheten"))
    kit = replace(kit_of(kommun, "polisen"), reply_topic="los.reply.kronofogden.v1", group_prefix=f"polisen.{uuid4()}.")

    with pytest.raises(broker.BrokerProblem, match=r"^Svar väntar\. Användaren polisen får inte skriva los\.reply\.kronofogden\.v1 "):
        taken_in(kit, tmp_path / "inbox.db")

    inbox = Inbox.open(tmp_path / "inbox.db")
    assert inbox.pending() != []
    inbox.close()


def test_a_foreign_group_is_said(kommun: Kommun) -> None:
    kit = replace(kit_of(kommun, "polisen"), group_prefix="kronofogden.")

    with pytest.raises(broker.BrokerProblem, match="konsumentgrupp"):
        list(listen(kit, threading.Event(), IDLE_S))


def test_a_broker_that_is_away_is_said_with_its_address(tmp_path: Path) -> None:
    a_folder(tmp_path / "kit")

    ran = command(tmp_path, "listen", "skatteverket", "--kit", "kit", "--until-idle", "0", "--json")

    assert ran.returncode == 3
    assert ran.stdout == ""
    assert "Kommunens Kafka svarar inte på 127.0.0.1:1 " in ran.stderr


def test_an_agency_without_a_folder_is_a_wrong_use(tmp_path: Path) -> None:
    ran = command(tmp_path, "listen", "annan")

    assert ran.returncode == 2
    assert "Partnermappen .los/partners/annan kan inte användas" in ran.stderr


def test_a_folder_of_another_agency_is_a_wrong_use(tmp_path: Path) -> None:
    a_folder(tmp_path / "kit")

    ran = command(tmp_path, "run", "kronofogden", "--kit", "kit")

    assert ran.returncode == 2
    assert "tillhör skatteverket" in ran.stderr


@pytest.mark.parametrize("name", ["listen", "run", "check"])
def test_every_command_has_help(tmp_path: Path, name: str) -> None:
    assert "Partnermappen" in command(tmp_path, name, "--help").stdout
