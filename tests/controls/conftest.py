"""Controls on a real PostgreSQL and real gRPC over mTLS; sharing's door is a fake that keeps what it is offered."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc
import psycopg
import pytest
from joserfc.jwk import ECKey
from los.controls.v1 import controls_pb2_grpc
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc
from psycopg.rows import dict_row

from infra import secrets
from infra.postgres import Postgres
from services.controls.app import build
from services.kernel.callers import Caller, Role, sign_assertion
from services.kernel.clock import FixedClock
from services.kernel.config import Callers, ServiceConfig, Tls, VaultFiles
from services.kernel.errors import Conflict, ConflictReason, Failure, NotFound
from services.kernel.outbox import Outbox
from services.kernel.releases import Releases
from services.kernel.rpc import CALLER_HEADER, Server, connect, failure_of, people
from services.kernel.rpc import services as only
from tests.sharing.conftest import sharing

__all__ = ["sharing"]  # the real one, for what controls offers and what becomes of it there

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PERSON = Caller("cli", "mos-samordnare-1", Role.LOS_COORDINATOR, "MOS")


@dataclass
class FakeSharing(sharing_pb2_grpc.SharingServiceServicer):
    """Sharing's door: an event once, the same event with another body refused, a withdrawal of the unknown refused."""

    taken: dict[str, sharing_pb2.OfferRecordRequest] = field(default_factory=dict)
    fail: Failure | None = None

    def OfferRecord(self, request: sharing_pb2.OfferRecordRequest, _context: grpc.ServicerContext) -> sharing_pb2.OfferRecordResponse:  # noqa: N802
        """Take an offer, or raise the failure that is set."""
        if self.fail is not None:
            raise self.fail
        before = self.taken.get(request.event_id)
        if before is not None and before != request:
            raise Conflict("event_id: använt.", reason=ConflictReason.REQUEST_REUSED)
        if request.HasField("withdrawn") and not self.contents(request.record_id, request.receiver_kind):
            raise NotFound
        self.taken[request.event_id] = request
        return sharing_pb2.OfferRecordResponse()

    def contents(self, record_id: str, receiver_kind: str) -> list[str | None]:
        """What was offered of a record to a receiver, in order."""
        mine = (request for request in self.taken.values() if (request.record_id, request.receiver_kind) == (record_id, receiver_kind))
        return [request.WhichOneof("content") for request in mine]


@dataclass
class Controls:
    """The running service, seen from outside."""

    stub: controls_pb2_grpc.ControlsServiceStub
    as_sharing: controls_pb2_grpc.ControlsServiceStub
    sharing: FakeSharing
    outbox: Outbox
    clock: FixedClock
    key: ECKey
    database_url: str
    releases: Releases

    def call(self, method: str, request: Any, caller: Caller = PERSON) -> Any:  # noqa: ANN401
        """Call as a person; raises the planned failure."""
        metadata = [(CALLER_HEADER, sign_assertion(self.key, caller, "controls", self.clock.now()))]
        try:
            return getattr(self.stub, method)(request, timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            raise failure_of(error) from None

    def start_import(self, requests: Iterable[Any]) -> Iterator[Any]:
        """Begin an import as a person; the answers as they come."""
        metadata = ((CALLER_HEADER, sign_assertion(self.key, PERSON, "controls", self.clock.now())),)
        answers: Iterator[Any] = self.stub.ImportObjects(iter(requests), timeout=30, metadata=metadata)
        return answers

    def stream(self, requests: Iterable[Any]) -> list[Any]:
        """Import as a person; raises the planned failure."""
        try:
            return list(self.start_import(requests))
        except grpc.RpcError as error:
            raise failure_of(error) from None

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What an administrator sees in the schema."""
        with psycopg.connect(self.database_url, row_factory=dict_row, options="-c search_path=controls") as connection:
            return connection.execute(query, values).fetchall()

    def events(self) -> list[str]:
        """What the audit log says, in order."""
        return [f"{row['event']}/{row['outcome']}" for row in self.rows("SELECT event, outcome FROM audit ORDER BY id")]


@pytest.fixture
def controls(postgres: Postgres, database: str) -> Iterator[Controls]:
    """The service on a database of the test's own."""
    folder = postgres.folder

    def config(name: str, peers: dict[str, str]) -> ServiceConfig:
        key_file, index_key_file = secrets.vault_files(folder, name)
        return ServiceConfig(
            environment="local",
            listen="127.0.0.1:0",
            database_url=postgres.url(name, database),
            database_password_file=folder.password_file(f"postgres-{name}"),
            tls=tls(name),
            vault=VaultFiles(key_file=key_file, index_key_file=index_key_file),
            callers=Callers(jwks_file=secrets.callers_file(folder), services=frozenset({"cli"})),
            peers=peers,
        )

    def tls(name: str) -> Tls:
        return Tls(ca_file=folder.tls / "ca.crt", certificate_file=folder.tls / f"{name}.crt", key_file=folder.tls / f"{name}.key")

    clock = FixedClock(NOW)
    fake = FakeSharing()  # type: ignore[abstract]  # controls knows one door of sharing's
    descriptor = sharing_pb2.DESCRIPTOR.services_by_name["SharingService"]
    rules = {method.name: people() for method in descriptor.methods} | {"OfferRecord": only("controls")}
    door = Server("sharing", config("sharing", {}), descriptor, rules, lambda *_: None, clock)
    sharing_pb2_grpc.add_SharingServiceServicer_to_server(fake, door.grpc)
    parts = build(config("controls", {"sharing": f"127.0.0.1:{door.start()}"}), clock)
    address = f"127.0.0.1:{parts.server.start()}"
    channels = [connect(address, "controls", tls(name)) for name in ("cli", "sharing")]
    stub, as_sharing = (controls_pb2_grpc.ControlsServiceStub(channel) for channel in channels)
    key = ECKey.import_key(json.loads(secrets.assertion_file(folder, "cli").read_text(encoding="ascii")))
    try:
        yield Controls(stub, as_sharing, fake, parts.outbox, clock, key, postgres.url(database=database), parts.releases)
    finally:
        for channel in channels:
            channel.close()
        parts.outbox.close()
        parts.stop()
        door.stop()
