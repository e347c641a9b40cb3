"""One registry on a PostgreSQL of its own, and a channel to it that speaks for a person."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from joserfc.jwk import ECKey

from infra import secrets
from infra.folder import Folder
from infra.kafka import Kafka
from infra.ports import claim
from infra.services import METRICS, SERVICES, ServicePart
from infra.stack import Stack
from services.kernel.callers import Caller
from services.kernel.config import Tls
from services.kernel.rpc import connect
from services.kernel.speaking import speaking_for

REGISTRY = next(service for service in SERVICES if service.name == "registry")


@contextmanager
def registry(running: Stack, caller: Caller) -> Iterator[grpc.Channel]:
    """A server process on the PostgreSQL that runs; what it would offer to sharing stays in its outbox."""
    ports = claim(running.folder, ["registry", f"registry{METRICS}"])
    nobody = {"sharing": ports["registry"]}
    part = ServicePart(REGISTRY, running.folder, ports | nobody, running.postgres, Kafka(running.folder, 0, 0))
    part.write_config()
    child = part.launch()
    try:
        part.wait(child)
        with _speaking(running.folder, part.address, caller) as channel:
            yield channel
    finally:
        child.stop()


@contextmanager
def _speaking(folder: Folder, address: str, caller: Caller) -> Iterator[grpc.Channel]:
    tls = Tls(ca_file=folder.tls / "ca.crt", certificate_file=folder.tls / "cli.crt", key_file=folder.tls / "cli.key")
    key = ECKey.import_key(json.loads(secrets.assertion_file(folder, "cli").read_text(encoding="ascii")))
    with connect(address, "registry", tls) as channel:
        yield speaking_for(channel, key, caller, "registry")
