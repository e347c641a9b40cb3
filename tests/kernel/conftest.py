"""A service of the kernel's own parts, on real PostgreSQL and real gRPC over mTLS; its wire is sharing's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import grpc
import pytest
from joserfc.jwk import ECKey
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc

from infra import secrets
from infra.postgres import Postgres
from services.kernel.callers import Caller, Role, sign_assertion
from services.kernel.clock import FixedClock
from services.kernel.config import Callers, ServiceConfig, Tls, VaultFiles
from services.kernel.db import Database
from services.kernel.rpc import CALLER_HEADER, Rule, Server, connect, failure_of, people
from services.kernel.rpc import services as only
from services.kernel.vault import Vault

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PERSON = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
DESCRIPTOR = sharing_pb2.DESCRIPTOR.services_by_name["SharingService"]
RULES: dict[str, Rule] = {method.name: people(Role.FUT_INVESTIGATOR) for method in DESCRIPTOR.methods} | {"OfferRecord": only("registry")}


@pytest.fixture
def config(postgres: Postgres, database: str) -> ServiceConfig:
    """Sharing's configuration, on a database of the test's own."""
    folder = postgres.folder
    key_file, index_key_file = secrets.vault_files(folder, "sharing")
    return ServiceConfig(
        environment="local",
        listen="127.0.0.1:0",
        database_url=postgres.url("sharing", database),
        database_password_file=folder.password_file("postgres-sharing"),
        tls=tls(postgres, "sharing"),
        vault=VaultFiles(key_file=key_file, index_key_file=index_key_file),
        callers=Callers(jwks_file=secrets.callers_file(folder), services=frozenset({"cli"})),
    )


def tls(postgres: Postgres, name: str) -> Tls:
    """The files of a part."""
    folder = postgres.folder.tls
    return Tls(ca_file=folder / "ca.crt", certificate_file=folder / f"{name}.crt", key_file=folder / f"{name}.key")


@pytest.fixture
def db(config: ServiceConfig) -> Iterator[Database]:
    """Sharing's schema with all its tables."""
    opened = Database(config, "sharing")
    yield opened
    opened.close()


@pytest.fixture
def vault(config: ServiceConfig) -> Vault:
    """Sharing's keys."""
    return Vault.from_files("sharing", config.vault.key_file, config.vault.index_key_file)


@dataclass
class Servicer(sharing_pb2_grpc.SharingServiceServicer):
    """Answers with what the test says; remembers that it was asked."""

    answer: Callable[[Any], Any] = lambda _: sharing_pb2.ListGroundsResponse()
    asked: list[Any] = field(default_factory=list)

    def ListGrounds(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: ANN401, N802
        """A method for people."""
        self.asked.append(request)
        return self.answer(request)

    def OfferRecord(self, request: Any, _context: grpc.ServicerContext) -> Any:  # noqa: ANN401, N802
        """A method for services."""
        self.asked.append(request)
        return sharing_pb2.OfferRecordResponse()


@dataclass
class Service:
    """The running service, seen from outside."""

    servicer: Servicer
    refused: list[tuple[Caller, str, str, UUID | None]]
    clock: FixedClock
    key: ECKey
    postgres: Postgres
    address: str

    def call(self, method: str, request: Any, caller: Caller | None = PERSON, bearer: str = "cli", **options: Any) -> Any:  # noqa: ANN401
        """Call with the bearer's certificate and the caller's assertion; raises the planned failure."""
        token = options.pop("token", None) or (caller and sign_assertion(self.key, caller, "sharing", self.clock.now()))
        with connect(self.address, options.pop("expected", "sharing"), tls(self.postgres, bearer)) as channel:
            stub = sharing_pb2_grpc.SharingServiceStub(channel)
            try:
                return getattr(stub, method)(request, timeout=10, metadata=[(CALLER_HEADER, token)] if token else [])
            except grpc.RpcError as error:
                raise failure_of(error) from None


@pytest.fixture
def service(postgres: Postgres, config: ServiceConfig) -> Iterator[Service]:
    """A service whose every method but one is for an investigator."""
    clock, refused = FixedClock(NOW), list[tuple[Caller, str, str, UUID | None]]()

    def note(caller: Caller, method: str, reason: str, object_id: UUID | None) -> None:
        refused.append((caller, method, reason, object_id))

    server = Server("sharing", config, DESCRIPTOR, RULES, note, clock)
    servicer = Servicer()  # type: ignore[abstract]  # the other methods are not called
    sharing_pb2_grpc.add_SharingServiceServicer_to_server(servicer, server.grpc)
    key = ECKey.import_key(json.loads(secrets.assertion_file(postgres.folder, "cli").read_text(encoding="ascii")))
    try:
        yield Service(servicer, refused, clock, key, postgres, f"127.0.0.1:{server.start()}")
    finally:
        server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres, database: str) -> str:
    """The test's own database, as the administrator."""
    return postgres.url(database=database)
