"""The process `registry`: the servicer, and the offers to sharing. Wiring only."""

from collections.abc import Callable
from dataclasses import dataclass

from los.registry.v1 import registry_pb2, registry_pb2_grpc

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.config import ServiceConfig, load
from services.kernel.db import Database
from services.kernel.log import configure
from services.kernel.offering import Offering
from services.kernel.outbox import Outbox
from services.kernel.process import config_path, live
from services.kernel.records import Requests, auditor, refusals
from services.kernel.releases import Closing, Releases
from services.kernel.rpc import Server, connect
from services.kernel.vault import Vault
from services.registry.service.delivery import Offers
from services.registry.service.imports import Imports
from services.registry.service.registering import Registering
from services.registry.service.servicer import RULES, RegistryServicer
from services.registry.store import Alerts, Links, LookUps, Payments, RegistryFiles, Suppliers, tables
from services.registry.store.statistics import counting


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process runs; `stop` ends the server and gives connections back."""

    server: Server
    outbox: Outbox
    releases: Releases
    stop: Callable[[], None]


def build(config: ServiceConfig, clock: Clock) -> Parts:
    """The parts of the process, none of them started."""
    database = Database(config, "registry")
    vault = Vault.from_files("registry", config.vault.key_file, config.vault.index_key_file)
    alerts, payments = Alerts(vault), Payments(vault)
    audit = auditor(tables.audit, clock)
    registering = Registering(database, alerts, payments, audit, clock)
    files = RegistryFiles(vault)
    imports = Imports(database, alerts, payments, registering, files, audit, clock)
    requests = Requests(database, tables.request, vault, clock)
    stores = alerts, payments, Suppliers(vault), Links(), LookUps(vault), files
    releases = Releases(database, tables.statistics_release, vault, counting(alerts, payments), audit, clock)
    servicer = RegistryServicer(database, *stores, requests, registering, imports, releases, audit, clock)

    server = Server(
        "registry", config, registry_pb2.DESCRIPTOR.services_by_name["RegistryService"], RULES, refusals(database, audit, "registry"), clock
    )
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server.grpc)
    sharing = connect(config.peers["sharing"], "sharing", config.tls)

    def stop() -> None:
        server.stop()
        sharing.close()
        database.close()

    outbox = Outbox(database.conninfo, Offering(sharing, Offers(database, alerts, payments).request).deliver)
    return Parts(server, outbox, releases, stop)


def main() -> None:
    """Run until SIGTERM."""
    configure("registry")
    config = load(config_path("Registers alerts and suspected payments, and offers what has been assessed."), ServiceConfig)
    parts = build(config, Clock())
    metrics.serve(config.metrics_listen, [parts.outbox])
    live([parts.outbox, Closing(parts.releases)], parts.server.start, parts.stop)


if __name__ == "__main__":
    main()
