"""The process `controls`: the servicer, and the offers to sharing. Wiring only."""

from collections.abc import Callable
from dataclasses import dataclass

from los.controls.v1 import controls_pb2, controls_pb2_grpc

from services.controls.service.delivery import Offers
from services.controls.service.imports import Imports
from services.controls.service.servicer import RULES, ControlsServicer
from services.controls.store import ControlsFiles, Findings, Objects, Operations, Tips, tables
from services.controls.store.statistics import counting
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


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process runs; `stop` ends the server and gives connections back."""

    server: Server
    outbox: Outbox
    releases: Releases
    stop: Callable[[], None]


def build(config: ServiceConfig, clock: Clock) -> Parts:
    """The parts of the process, none of them started."""
    database = Database(config, "controls")
    vault = Vault.from_files("controls", config.vault.key_file, config.vault.index_key_file)
    objects = Objects(vault)
    operations, findings, tips = Operations(vault, objects), Findings(vault), Tips(vault)
    audit = auditor(tables.audit, clock)
    files = ControlsFiles()
    imports = Imports(database, objects, files, audit, clock)
    releases = Releases(database, tables.statistics_release, vault, counting(operations), audit, clock)
    servicer = ControlsServicer(
        database,
        objects,
        operations,
        findings,
        tips,
        Requests(database, tables.request, vault, clock),
        imports,
        files,
        releases,
        audit,
        clock,
    )

    server = Server(
        "controls", config, controls_pb2.DESCRIPTOR.services_by_name["ControlsService"], RULES, refusals(database, audit, "controls"), clock
    )
    controls_pb2_grpc.add_ControlsServiceServicer_to_server(servicer, server.grpc)
    sharing = connect(config.peers["sharing"], "sharing", config.tls)

    def stop() -> None:
        server.stop()
        sharing.close()
        database.close()

    outbox = Outbox(database.conninfo, Offering(sharing, Offers(database, operations, findings).request).deliver)
    return Parts(server, outbox, releases, stop)


def main() -> None:
    """Run until SIGTERM."""
    configure("controls")
    config = load(config_path("Plans joint controls and invites authorities to them."), ServiceConfig)
    parts = build(config, Clock())
    metrics.serve(config.metrics_listen, [parts.outbox])
    live([parts.outbox, Closing(parts.releases)], parts.server.start, parts.stop)


if __name__ == "__main__":
    main()
