"""Sharing on a real PostgreSQL and real gRPC over mTLS, and its relay against the real broker; the other two services are away."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import psycopg
import pytest
from joserfc.jwk import ECKey
from kafka import KafkaConsumer, TopicPartition
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1 import sharing_pb2_grpc
from psycopg.rows import namedtuple_row

from infra import secrets
from infra.kafka import Kafka
from infra.postgres import Postgres
from partner import feedback as partner
from partner.envelope import Event, Record, open_record
from partner.feedback import Reply
from partner.jose import Code
from partner.kit import Kit, load
from services.kernel.callers import Caller, Role, sign_assertion
from services.kernel.clock import Clock, FixedClock, timestamp
from services.kernel.config import Callers, DatabaseConfig, Tls, VaultFiles
from services.kernel.config import Kafka as KafkaConfig
from services.kernel.db import Database, conninfo
from services.kernel.outbox import Outbox
from services.kernel.releases import Releases
from services.kernel.rpc import CALLER_HEADER, connect, failure_of
from services.sharing.app import KeyFiles, SharingConfig, build
from services.sharing.feedback import Feedback
from services.sharing.publisher import Sending
from services.sharing.renewal import Renewal
from services.sharing.sealing import KeysOnFile
from services.sharing.store import Store
from tests.sharing.builders import PERSON

OFFICER = Caller("cli", "klf-handlaggare-1", Role.ALERT_OFFICER, "KLF")
SECOND = Caller("cli", "klf-beslutare-1", Role.APPROVER, "KLF")
RECEIVER = "skatteverket-folkbokforing"
TOPIC = "los.share.skatteverket.v1"
WRITTEN = ("register_datum", "facts", "apartment_number_checked", "special_reasons", "protection_checked")
AWAY = "127.0.0.1:1"


@dataclass
class Sharing:
    """The running service, seen from outside; the relay sends when it is told to."""

    stub: sharing_pb2_grpc.SharingServiceStub
    as_registry: sharing_pb2_grpc.SharingServiceStub
    as_controls: sharing_pb2_grpc.SharingServiceStub
    as_gateway: sharing_pb2_grpc.SharingServiceStub
    relay: Outbox
    feedback: Feedback
    kafka: Kafka
    clock: FixedClock
    key: ECKey
    database_url: str
    own_url: str
    keys: KeyFiles
    renewal: Renewal
    releases: Releases

    def call(self, method: str, request: Any, person: Caller = OFFICER) -> Any:  # noqa: ANN401  # any answer
        """Call as a person; raises the planned failure."""
        token = sign_assertion(self.key, person, "sharing", self.clock.now())
        try:
            return getattr(self.stub, method)(request, timeout=10, metadata=[(CALLER_HEADER, token)])
        except grpc.RpcError as error:
            raise failure_of(error) from None

    def offer(self, record_id: UUID, revision: int = 1, **changes: Any) -> pb.OfferRecordResponse:  # noqa: ANN401  # any part
        """The registry offers an alert about a person whose protection was just checked."""
        check = self.checked(changes.pop("checked", None))
        content = common_pb2.FolkbokforingAlert(
            subject=common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON),
            dwelling=common_pb2.Dwelling(street_address="Exempelgatan 1", apartment_number=changes.pop("flat", "1201")),
            alert=common_pb2.AlertFacts(
                suspected_error_kind="not_living_at_registered_dwelling",
                observed_from="2026-10-01",
                source_kind="landlord",
                circumstances=[common_pb2.Circumstance(code="apartment_empty", from_date="2026-10-01")],
            ),
        )
        request = pb.OfferRecordRequest(
            event_id=str(uuid4()), record_id=str(record_id), revision=revision, receiver_kind=RECEIVER, unit="KLF",
            protection_check=check, handled_by=["klf-handlaggare-1"], folkbokforing_alert=content,
        )  # fmt: skip
        for name, value in changes.items():
            field = getattr(request, name)
            field.CopyFrom(value)
        return self.take(request)

    def checked(self, when: datetime | None = None) -> common_pb2.ProtectionCheck:
        """Somebody has looked, now or at another time, and the person is not protected."""
        return common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_NONE, checked_time=timestamp(when or self.clock.now()))

    def withdraw(self, record_id: UUID, revision: int = 2) -> pb.OfferRecordResponse:
        """The registry takes a record back."""
        request = pb.OfferRecordRequest(
            event_id=str(uuid4()), record_id=str(record_id), revision=revision, receiver_kind=RECEIVER, unit="KLF",
            withdrawn=pb.Withdrawn(record_kind="folkbokforing_alert"),
        )  # fmt: skip
        return self.take(request)

    def take(self, request: pb.OfferRecordRequest, *, as_controls: bool = False) -> pb.OfferRecordResponse:
        """OfferRecord, as the registry or as controls; raises the planned failure."""
        owner = self.as_controls if as_controls else self.as_registry
        try:
            answer: pb.OfferRecordResponse = owner.OfferRecord(request, timeout=10)
        except grpc.RpcError as error:
            raise failure_of(error) from None
        return answer

    def preview(
        self, offer_id: str, person: Caller = OFFICER, points: tuple[str, ...] = WRITTEN, request_id: str | None = None
    ) -> pb.PreviewDisclosureResponse:
        """The officer writes every point and looks."""
        written = [pb.WrittenPoint(point=point, text="Ja.") for point in points]
        request = pb.PreviewDisclosureRequest(request_id=request_id or str(uuid4()), offer_id=offer_id, written=written)
        shown: pb.PreviewDisclosureResponse = self.call("PreviewDisclosure", request, person)
        return shown

    def decide(
        self,
        shown: pb.PreviewDisclosureResponse,
        decision: pb.Decision.ValueType = pb.DECISION_SEND,
        reason: str = "",
        person: Caller = OFFICER,
    ) -> pb.DecideDisclosureResponse:
        """The officer decides on what was shown."""
        request = pb.DecideDisclosureRequest(
            request_id=str(uuid4()), preview_id=shown.preview_id, payload_hash=shown.payload_hash, decision=decision, reason=reason,
            delegation_reference="4.2",
        )  # fmt: skip
        decided: pb.DecideDisclosureResponse = self.call("DecideDisclosure", request, person)
        return decided

    def approve(self, disclosure_id: str, payload_hash: str, person: Caller = SECOND) -> pb.ApproveDisclosureResponse:
        """A colleague goes through the same bytes."""
        request = pb.ApproveDisclosureRequest(
            request_id=str(uuid4()), disclosure_id=disclosure_id, payload_hash=payload_hash, decision=pb.DECISION_SEND,
            delegation_reference="4.3",
        )  # fmt: skip
        approved: pb.ApproveDisclosureResponse = self.call("ApproveDisclosure", request, person)
        return approved

    def decided(self, record_id: UUID, revision: int = 1, **changes: Any) -> str:  # noqa: ANN401  # parts of the offer
        """A disclosure that two persons have decided on; the relay has not sent it yet."""
        shown = self.preview(self.offer(record_id, revision, **changes).offer_id)
        disclosure_id: str = self.decide(shown).disclosure_id
        self.approve(disclosure_id, shown.payload_hash)
        return disclosure_id

    def status(self, disclosure_id: str) -> str:
        """The latest word on a disclosure."""
        [row] = self.rows("SELECT status FROM disclosure_event WHERE disclosure_id = %s ORDER BY rank DESC LIMIT 1", disclosure_id)
        return str(row.status)

    def rows(self, query: str, *values: object) -> list[Any]:
        """What an administrator sees in the schema."""
        with psycopg.connect(self.database_url, row_factory=namedtuple_row, options="-c search_path=sharing") as connection:
            return connection.execute(query, values).fetchall()

    def every_row(self) -> list[Any]:
        """Every row of every table of the schema."""
        tables = self.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'sharing'")
        return [self.rows(f'SELECT * FROM "{table.table_name}"') for table in tables]  # noqa: S608  # the names are the schema's own

    def change(self, query: str, *values: object) -> None:
        """What time, or a crash, does to the rows."""
        with psycopg.connect(self.database_url, options="-c search_path=sharing") as connection:
            connection.execute(query, values)

    def records(self, disclosure_id: str, agency: str = "skatteverket") -> list[Record]:
        """What lies on an agency's topic about a disclosure, read with that agency's own rights."""
        topic = f"los.share.{agency}.v1"
        consumer = KafkaConsumer(enable_auto_commit=False, group_id=None, **self.kafka.client(agency))
        try:
            places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            consumer.seek_to_beginning(*places)
            found: list[Record] = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for polled in consumer.poll(timeout_ms=500).values():
                    found += [Record(one.topic, one.partition, one.offset, one.key, one.value, one.headers) for one in polled]
        finally:
            consumer.close()
        return [record for record in found if disclosure_id.encode() in (record.value or b"")]  # others write here too

    def on_the_topic(self, disclosure_id: str) -> list[str]:
        """The types of the events about a disclosure that lie on Skatteverket's topic."""
        return [json.loads(record.value or b"")["type"] for record in self.records(disclosure_id)]

    def hear(self, *replies: Reply) -> None:
        """Sharing reads these from their topics, each at a place of its own."""
        for offset, reply in enumerate(replies, len(self.rows("SELECT 1 FROM reply"))):
            self.feedback.take(Record(reply.topic, 0, offset, reply.key, reply.value, reply.headers))

    def kit(self, agency: str) -> Kit:
        """All that an agency has."""
        return load(self.kafka.folder.partners / agency)


@pytest.fixture
def sharing(postgres: Postgres, database: str, kafka: Kafka, tmp_path: Path) -> Iterator[Sharing]:
    """The service on a database of the test's own and with key files of its own, and a relay."""
    folder = postgres.folder
    made = (secrets.signing_file(kafka.folder), secrets.encryption_file(kafka.folder), secrets.receivers_file(kafka.folder))
    signing_file, encryption_file, receivers_file = (Path(shutil.copy2(path, tmp_path)) for path in made)
    keys = KeyFiles(signing_file=signing_file, encryption_file=encryption_file, receivers_file=receivers_file)
    key_file, index_key_file = secrets.vault_files(folder, "sharing")

    def tls(name: str) -> Tls:
        return Tls(ca_file=folder.tls / "ca.crt", certificate_file=folder.tls / f"{name}.crt", key_file=folder.tls / f"{name}.key")

    def broker(principal: str) -> KafkaConfig:
        return KafkaConfig(
            bootstrap_servers=kafka.bootstrap_servers,
            username=principal,
            password_file=kafka.folder.password_file(f"kafka-{principal}"),
            ca_file=kafka.folder.tls / "ca.crt",
        )

    config = SharingConfig(
        environment="local",
        listen="127.0.0.1:0",
        database_url=postgres.url("sharing", database),
        database_password_file=folder.password_file("postgres-sharing"),
        tls=tls("sharing"),
        vault=VaultFiles(key_file=key_file, index_key_file=index_key_file),
        callers=Callers(jwks_file=secrets.callers_file(folder), services=frozenset({"cli"})),
        peers={"registry": AWAY, "controls": AWAY},
        kafka=broker("sharing"),
        keys=keys,
        kommun_code="0580",
    )
    clock = FixedClock(Clock().now())  # the database judges by its own, so a test that moves this one sends nothing
    parts = build(config, clock)
    address = f"127.0.0.1:{parts.server.start()}"
    channels = [connect(address, "sharing", tls(name)) for name in ("cli", "registry", "controls", "gateway")]
    stub, as_registry, as_controls, as_gateway = (sharing_pb2_grpc.SharingServiceStub(channel) for channel in channels)
    sending = Sending(conninfo(config, "sharing"), broker("relay"))
    key = ECKey.import_key(json.loads(secrets.assertion_file(folder, "cli").read_text(encoding="ascii")))
    try:
        yield Sharing(
            stub, as_registry, as_controls, as_gateway, sending.outbox, parts.feedback, kafka, clock, key, postgres.url(database=database),
            conninfo(config, "sharing"), keys, parts.renewal, parts.releases,
        )  # fmt: skip
    finally:
        sending.outbox.close()
        sending.publisher.close()
        for channel in channels:
            channel.close()
        parts.stop()


@dataclass
class Agency:
    """Skatteverket, as far as it answers; and the kommun's reading of it."""

    sharing: Sharing
    feedback: Feedback
    offsets: int = 0

    def opened(self, disclosure_id: str, number: int = -1) -> Event:
        """An event about a disclosure, as the agency opens it."""
        return open_record(self.sharing.records(disclosure_id)[number], self.sharing.kit("skatteverket"), datetime.now(UTC)).event

    def receipt(self, disclosure_id: str, number: int = -1, refused: Code | None = None) -> Reply:
        """Of one of the events about a disclosure, the latest one unless another is named."""
        event = self.opened(disclosure_id, number)
        return partner.receipt(self.sharing.kit("skatteverket"), event, RECEIVER, refused, self.sharing.clock.now())

    def take(self, *replies: Reply) -> None:
        """The kommun reads these."""
        for reply in replies:
            self.offsets += 1
            self.feedback.take(Record(reply.topic, 0, self.offsets, reply.key, reply.value, reply.headers))

    def confirm(self, disclosure_id: str, number: int = -1, refused: Code | None = None) -> None:
        self.take(self.receipt(disclosure_id, number, refused))


@pytest.fixture
def agency(sharing: Sharing, postgres: Postgres, database: str) -> Iterator[Agency]:
    folder, keys = postgres.folder, sharing.kafka.folder
    config = DatabaseConfig(database_url=postgres.url("sharing", database), database_password_file=folder.password_file("postgres-sharing"))
    broker = KafkaConfig(
        bootstrap_servers=sharing.kafka.bootstrap_servers,
        username="sharing",
        password_file=keys.password_file("kafka-sharing"),
        ca_file=keys.tls / "ca.crt",
    )
    db = Database(config, "sharing")
    opening = KeysOnFile(secrets.signing_file(keys), secrets.encryption_file(keys), secrets.receivers_file(keys))
    store = Store(None)  # type: ignore[arg-type]  # answers hold nothing that is sealed
    yield Agency(sharing, Feedback(db, store, opening, broker, ["los.reply.skatteverket.v1"], sharing.clock))
    db.close()
