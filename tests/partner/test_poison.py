"""What must not stop a partition, on the real broker; and what must stop the partner, with words for why."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import confluent_kafka
import pytest
from kafka import KafkaProducer
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePatternFilter,
    ResourceType,
)

from infra import topics
from partner import broker, inbox, jose, polling
from partner.consumer import Consumer, Counts
from partner.database import Database, DatabaseProblem
from partner.envelope import CONTENT_TYPE, Opened
from partner.feedback import Reply
from partner.inbox import DeadLettersFullError, Inbox
from partner.jose import Code
from partner.kit import Kit
from partner.receiver import Receiver
from partner.reference import ReferencePartner, demo_answer
from services.sharing.sealing import Event, Receipt, SealedRecord, seal_event
from tests.infra import outsiders
from tests.partner.builders import a_content
from tests.partner.kommun import DEADLINE_S, IDLE_S, Kommun, now_event

CANARY = "Kanarie Fågelsson"
KIND = "polismyndigheten"


class NotUtf8(str):
    """A header name that is not text; kafka-python sends what `encode` gives."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def sealed(kommun: Kommun, event: Event, fields: dict[str, str | list[str]] | None = None) -> SealedRecord:
    return seal_event(event, a_content(event, fields), kommun.keys)


def signed(kommun: Kommun, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> dict[str, Any]:
    named = [("content-type", CONTENT_TYPE), ("los-signature", jose.sign(value, kommun.keys.signer(datetime.now(UTC)).jwk))]
    return {"value": value, "headers": [*named, *headers]}


def with_inside(kommun: Kommun, content: bytes) -> dict[str, Any]:
    """A well-sealed and signed event with anything inside."""
    record = sealed(kommun, now_event(KIND))
    outside = json.loads(record.value)
    outside["data"] = jose.encrypt(content, kommun.keys.receiver_key(KIND, datetime.now(UTC)).jwk)
    return {"key": record.key} | signed(kommun, json.dumps(outside).encode())


def poisons(kommun: Kommun) -> list[tuple[Code, dict[str, Any]]]:
    deep, wrong = b'{"a":' + b"[" * 100_000, {"subject.full_name": CANARY, "subject": {"name": CANARY}}
    whole = sealed(kommun, now_event(KIND), {"subject.full_name": CANARY})
    content = json.loads(a_content(now_event(KIND))) | {"fields": wrong}
    return [
        (Code.HEADER_MISSING, {"value": b"\xff\x00" + CANARY.encode()}),
        (Code.TOO_LARGE, signed(kommun, CANARY.encode() + b"x" * (10 << 20))),
        (Code.CONTENT_MALFORMED, with_inside(kommun, json.dumps(content).encode())),
        (Code.TOO_LARGE, signed(kommun, deep)),
        (Code.EVENT_MALFORMED, signed(kommun, deep[:80_000])),
        (Code.CONTENT_MALFORMED, with_inside(kommun, deep[:45_000])),
        (Code.SIGNATURE_INVALID, {"key": whole.key, "value": None, "headers": whole.headers}),
        (Code.HEADER_UNKNOWN, {"value": whole.value, "headers": [*whole.headers, *((f"x-{at}", CANARY.encode()) for at in range(1000))]}),
        (Code.RECORD_UNREADABLE, {"value": whole.value, "headers": [*whole.headers, (NotUtf8("x"), CANARY.encode())]}),
    ]


def send(kommun: Kommun, kit: Kit, **record: Any) -> int:  # noqa: ANN401 - what a producer takes
    return int(kommun.producer.send(kit.share_topic, **record).get(DEADLINE_S).offset)


def send_good(kommun: Kommun, kit: Kit) -> Event:
    event = now_event(KIND)
    record = sealed(kommun, event)
    send(kommun, kit, key=record.key, value=record.value, headers=record.headers)
    return event


def send_packed(kommun: Kommun, kit: Kit, method: str, value: bytes) -> None:
    """Through a client that has every compression, which also must gain by it to use it."""
    producer = confluent_kafka.Producer(outsiders.settings(kommun.kafka, "relay", **{"compression.type": method}))
    producer.produce(kit.share_topic, value)
    assert producer.flush(DEADLINE_S) == 0


def run(kit: Kit, database: str, told: list[str], handler: inbox.Handler | None = None) -> Counts:
    own = Inbox.open(database)
    try:
        receiver = Receiver(kit, own, handler or ReferencePartner(kit, demo_answer("polisen")))
        return Consumer(kit, receiver, told.append).run(threading.Event(), IDLE_S)
    finally:
        own.close()


def letters(database: str) -> list[tuple[int, Code]]:
    own = Inbox.open(database)
    found = [(letter.offset, letter.code) for letter in own.dead_letters()]
    own.close()
    return found


def everything(database: str) -> str:
    own, tables = Inbox.open(database), ("dead_letter", "record", "gap")
    found = "".join(repr(own.database.execute(f"SELECT * FROM {table}").fetchall()) for table in tables)  # noqa: S608 - three fixed names
    own.close()
    return found


def test_every_poison_is_set_aside_with_its_place_and_the_partition_goes_on(
    kommun: Kommun, own_kit: Kit, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    expected: list[tuple[int, Code]] = []
    good: list[Event] = []
    for code, record in poisons(kommun):
        expected.append((send(kommun, own_kit, **record), code))
        good.append(send_good(kommun, own_kit))
    for method in ("zstd", "lz4", "snappy"):
        expected.append((expected[-1][0] + 2, Code.COMPRESSION_MISSING))
        send_packed(kommun, own_kit, method, CANARY.encode() * 100)
        good.append(send_good(kommun, own_kit))
    send_packed(kommun, own_kit, "gzip", CANARY.encode() * 100)  # this one is read, and is no event
    expected.append((expected[-1][0] + 2, Code.HEADER_MISSING))
    told: list[str] = []

    counts = run(own_kit, address, told)

    assert letters(address) == expected
    assert (counts.handled, counts.refused) == (len(good), len(expected))
    assert [line.split(": ")[1].split(" ")[0] for line in told if "avvisat" in line] == ["avvisat"] * len(expected)
    assert any("packat med en metod som saknas här" in line for line in told)
    assert CANARY not in "".join(told) + caplog.text + everything(address)
    assert run(own_kit, address, []) == Counts()


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # nothing here is the database's
def test_too_many_stop_the_partner_and_it_goes_on_when_somebody_has_looked(
    kommun: Kommun, own_kit: Kit, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "DEAD_LETTERS_MAX", 2)
    monkeypatch.setattr(polling, "POLL_RECORDS_MAX", 1)  # a round must be smaller than the limit, as 50 is smaller than 100
    for _ in range(3):
        send(kommun, own_kit, value=b"x")
    event = send_good(kommun, own_kit)

    for _ in range(2):
        with pytest.raises(DeadLettersFullError):
            run(own_kit, address, [])
    own = Inbox.open(address)
    for letter in own.dead_letters():
        own.clear(letter)
    own.close()

    run(own_kit, address, [])

    assert letters(address) == [(2, Code.HEADER_MISSING)]
    assert str(event.id) in everything(address)


def test_what_was_set_aside_can_be_read_again_from_where_it_lies(kommun: Kommun, own_kit: Kit, address: str) -> None:
    well = False
    partner = ReferencePartner(own_kit, demo_answer("polisen"))

    def ill(tx: Database, opened: Opened, now: datetime) -> Sequence[Reply]:
        if not well:
            raise RuntimeError
        return partner(tx, opened, now)

    send(kommun, own_kit, value=b"x")
    event = send_good(kommun, own_kit)
    run(own_kit, address, [], ill)
    assert letters(address) == [(0, Code.HEADER_MISSING), (1, Code.HANDLER_FAILED)]

    well = True
    own, told = Inbox.open(address), cast("list[str]", [])
    gone = replace(own.dead_letters()[0], offset=99)
    counts = Consumer(own_kit, Receiver(own_kit, own, ill), told.append).retry([*own.dead_letters(), gone], threading.Event())
    own.close()

    assert (counts.handled, counts.refused, counts.answered) == (1, 1, 1)
    assert letters(address) == [(0, Code.HEADER_MISSING)]
    assert str(event.id) in everything(address)
    assert told[-1].endswith("finns inte längre hos kommunens Kafka.")
    assert [reply.body.status for reply in kommun.replies_about(event, 2) if isinstance(reply.body, Receipt)] == ["refused", "received"]


# --- what stops the partner, and what does not let it end ----------------------------------------------------------


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # nothing here is the database's
def test_a_right_that_is_taken_away_while_we_run_is_said(
    kommun: Kommun, own_kit: Kit, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "RIGHTS_EVERY_S", 1.0)
    send_good(kommun, own_kit)
    taken = threading.Event()

    def take_away(*_: object) -> Sequence[Reply]:
        resource = ResourcePatternFilter(ResourceType.TOPIC, own_kit.share_topic, ACLResourcePatternType.LITERAL)
        with KafkaAdminClient(**kommun.kafka.client(topics.ADMIN)) as admin:
            admin.delete_acls([ACLFilter("User:polisen", "*", ACLOperation.READ, ACLPermissionType.ALLOW, resource)])
        taken.set()
        return []

    own = Inbox.open(address)
    began = time.monotonic()
    with pytest.raises(broker.BrokerProblem, match=r"får inte läsa|saknar rätt till ett ämne"):
        Consumer(own_kit, Receiver(own_kit, own, take_away), print).run(threading.Event())
    own.close()

    assert taken.is_set()
    assert time.monotonic() - began < DEADLINE_S


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)  # nothing here is the database's
def test_a_partner_does_not_end_while_an_answer_waits(kommun: Kommun, own_kit: Kit, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    producer: Callable[[Kit], KafkaProducer] = broker.producer
    away_until = time.monotonic() + 4 * IDLE_S + 2

    def sometimes(kit: Kit) -> KafkaProducer:
        if time.monotonic() < away_until:
            raise broker.BrokerAway("Kommunens Kafka svarar inte.")
        return producer(kit)

    monkeypatch.setattr(broker, "producer", sometimes)
    send_good(kommun, own_kit)
    told: list[str] = []

    assert run(own_kit, address, told).answered == 1
    assert "Svar väntar. Kommunens Kafka svarar inte." in told
    own = Inbox.open(address)
    assert own.pending() == []
    own.close()


def test_a_database_that_is_not_there_is_said_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseProblem, match="svarar inte") as problem:
        Inbox.open("postgresql://polisen:hemligt@127.0.0.1:1/inbox")
    assert "hemligt" not in str(problem.value)
    with pytest.raises(DatabaseProblem):
        Inbox.open(tmp_path / "no" / "folder.db")
