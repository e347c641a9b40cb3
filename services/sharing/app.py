"""The process `sharing`: the servicer, the word back to registry and controls, and the answers of the agencies. Wiring only."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc

from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.config import Kafka, Model, ServiceConfig, load
from services.kernel.db import Database
from services.kernel.log import configure
from services.kernel.outbox import Outbox
from services.kernel.process import config_path, live
from services.kernel.records import Requests, auditor, refusals
from services.kernel.reference import reference
from services.kernel.releases import Closing, Releases
from services.kernel.rpc import Server, connect
from services.kernel.vault import Vault
from services.sharing.decisions import Decisions
from services.sharing.feedback import Feedback, Tell
from services.sharing.legal import law
from services.sharing.renewal import Renewal
from services.sharing.sealing import KeysOnFile
from services.sharing.service.roles import roles
from services.sharing.service.servicer import RULES, SharingServicer
from services.sharing.service.statistics import plan
from services.sharing.store import Store, tables
from services.sharing.store.statistics import counting


class KeyFiles(Model):
    """The kommun's private keys and the receivers' public ones, as JWK sets. They are read again when they change."""

    signing_file: Path
    encryption_file: Path
    receivers_file: Path


class SharingConfig(ServiceConfig):
    """Sharing's configuration file."""

    kafka: Kafka
    keys: KeyFiles
    kommun_code: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process runs; `stop` ends the server and gives connections back."""

    server: Server
    feedback: Feedback
    telling: Outbox
    renewal: Renewal
    releases: Releases
    stop: Callable[[], None]


def build(config: SharingConfig, clock: Clock) -> Parts:
    """The parts of the process, none of them started."""
    database = Database(config, "sharing")
    vault = Vault.from_files("sharing", config.vault.key_file, config.vault.index_key_file)
    keys = KeysOnFile(config.keys.signing_file, config.keys.encryption_file, config.keys.receivers_file)
    store = Store(vault)
    audit = auditor(tables.audit, clock)
    decisions = Decisions(law(), keys, store, clock, config.kommun_code)
    releases = Releases(
        database, tables.statistics_release, vault, counting(plan(law().flows.values(), law().grounds.values())), audit, clock
    )
    servicer = SharingServicer(database, store, decisions, Requests(database, tables.request, vault, clock), releases, audit, clock)

    descriptor = sharing_pb2.DESCRIPTOR.services_by_name["SharingService"]
    server = Server("sharing", config, descriptor, RULES, refusals(database, audit, "sharing"), clock, roles(database, store))
    sharing_pb2_grpc.add_SharingServiceServicer_to_server(servicer, server.grpc)
    channels = [connect(config.peers[name], name, config.tls) for name in ("registry", "controls")]
    topics = [f"los.reply.{agency.code}.v1" for agency in reference().agencies]

    def stop() -> None:
        server.stop()
        for channel in channels:
            channel.close()
        database.close()

    return Parts(
        server,
        Feedback(database, store, keys, config.kafka, topics, clock),
        Outbox(database.conninfo, Tell(database, *channels).deliver, table="feedback"),
        Renewal(database, store, keys, clock),
        releases,
        stop,
    )


def main() -> None:
    """Run until SIGTERM."""
    configure("sharing")
    config = load(config_path("Decides what may leave the kommun, and hears what came back."), SharingConfig)
    parts = build(config, Clock())
    metrics.serve(config.metrics_listen, [parts.telling])
    live([parts.feedback, parts.telling, parts.renewal, Closing(parts.releases)], parts.server.start, parts.stop)


if __name__ == "__main__":
    main()
