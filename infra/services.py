"""Our own processes: which they are, the configuration each one gets, and how to tell that it is ready."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from infra import provider, secrets, systems
from infra.folder import Folder, write_toml
from infra.kafka import Kafka
from infra.ports import HOST, answers
from infra.postgres import DATABASE, Postgres
from infra.problem import StackProblem, from_log
from infra.process import Child, Command, launch

START_DEADLINE_S = 90.0
_POLL_S = 0.1
_STARTED = b'"event": "started"'
_CHECK_DEADLINE_S = 2.0
METRICS = "_metrics"
"""After a service's name: the port where it says what can be counted of it."""


@dataclass(frozen=True, slots=True)
class Service:
    """A process of ours, its module, and the database role it logs in as."""

    name: str
    module: str
    role: str
    answers: Literal["grpc", "http", "nobody"] = "grpc"
    """What it speaks; one that answers nobody says in its log that it has started."""

    @property
    def measured(self) -> bool:
        """Whether it tells its metrics: those that have an outbox do."""
        return self.answers != "http"

    @property
    def listens(self) -> bool:
        """Whether it has a port."""
        return self.answers != "nobody"


SERVICES = (
    Service("registry", "services.registry.app", "registry"),
    Service("controls", "services.controls.app", "controls"),
    Service("sharing", "services.sharing.app", "sharing"),
    Service("relay", "services.sharing.relay", "sharing", answers="nobody"),
    Service("gateway", "services.gateway.app", "gateway", answers="http"),
)
SERVED = ("registry", "controls", "sharing")
"""Those who answer other services and the gateway."""


class ServicePart:
    """One of our processes in one data folder."""

    def __init__(self, service: Service, folder: Folder, ports: Mapping[str, int], postgres: Postgres, kafka: Kafka) -> None:
        self.name = service.name
        self.service = service
        self.folder = folder
        self.ports = ports
        self._postgres = postgres
        self._kafka = kafka
        self._config = folder.config / f"{service.name}.toml"

    def write_config(self) -> None:
        """Write `config/<name>.toml`. Paths are absolute; the folder may have moved since last time."""
        service, folder = self.service, self.folder
        document: dict[str, Any] = {
            "database_url": f"postgresql://{service.role}@{HOST}:{self._postgres.port}/{DATABASE}",
            "database_password_file": str(folder.password_file(f"postgres-{service.role}")),
        }
        if service.measured:
            document["metrics_listen"] = self.metrics_address
        tls = {
            "ca_file": str(folder.tls / "ca.crt"),
            "certificate_file": str(folder.tls / f"{service.name}.crt"),
            "key_file": str(folder.tls / f"{service.name}.key"),
        }
        if service.answers == "grpc":
            key, index_key = secrets.vault_files(folder, service.name)
            document |= {
                "environment": "local",
                "listen": self.address,
                "tls": tls,
                "vault": {"key_file": str(key), "index_key_file": str(index_key)},
                "callers": {"jwks_file": str(secrets.callers_file(folder)), "services": ["cli", "gateway"]},
                "peers": self._peers,
            }
        if service.answers == "http":
            document |= {
                "environment": "local",
                "listen": self.address,
                "public_url": self.url,
                "tls": tls,
                "assertion_key_file": str(secrets.assertion_file(folder, service.name)),
                "peers": self._peers,
                "provider": provider.settings(folder, self.ports[provider.NAME]),
                "api": systems.settings(folder),
            }
        if service.role == "sharing":
            document["kafka"] = {
                "bootstrap_servers": self._kafka.bootstrap_servers,
                "username": service.name,
                "password_file": str(folder.password_file(f"kafka-{service.name}")),
                "ca_file": str(folder.tls / "ca.crt"),
            }
        if service.name == "sharing":
            document["kommun_code"] = secrets.KOMMUN_CODE
            document["keys"] = {
                "signing_file": str(secrets.signing_file(folder)),
                "encryption_file": str(secrets.encryption_file(folder)),
                "receivers_file": str(secrets.receivers_file(folder)),
            }
        write_toml(self._config, document)

    @property
    def _peers(self) -> dict[str, str]:
        return {name: f"{HOST}:{port}" for name, port in self.ports.items() if name in SERVED}

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"{HOST}:{self.ports[self.name]}"

    @property
    def metrics_address(self) -> str:
        """Where it answers `GET /metrics`."""
        return f"{HOST}:{self.ports[self.name + METRICS]}"

    @property
    def url(self) -> str:
        """What to give to whoever wants to reach it: a browser has to know the pages by this name."""
        return f"http://localhost:{self.ports[self.name]}" if self.service.answers == "http" else self.address

    def launch(self) -> Child:
        """Start the process; `wait` tells when it is ready."""
        words = [sys.executable, "-m", self.service.module, "--config", str(self._config)]
        # The configuration file is all a service knows: the user's own LOS_ variables are for the command line.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOS_")}
        return launch(self.folder, Command(self.name, words, environment | {"PYTHONUNBUFFERED": "1"}))

    def wait(self, child: Child) -> None:
        """Wait until the service says that it serves. Raises StackProblem when it stops or does not answer."""
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._is_ready(child):
            if not child.alive:
                raise from_log(f"Tjänsten {self.name}", child.log, child.log_start)
            if time.monotonic() >= deadline:
                message = f"Tjänsten {self.name} svarar inte efter {START_DEADLINE_S:.0f} sekunder. Loggen finns i {child.log}."
                raise StackProblem(message)
            time.sleep(_POLL_S)

    def _is_ready(self, child: Child) -> bool:
        if not self.service.listens:
            with child.log.open("rb") as log:
                log.seek(child.log_start)
                return _STARTED in log.read()
        if self.service.answers == "http":
            return answers(self.ports[self.name])
        tls = self.folder.tls
        credentials = grpc.ssl_channel_credentials(
            (tls / "ca.crt").read_bytes(), (tls / "cli.key").read_bytes(), (tls / "cli.crt").read_bytes()
        )
        with grpc.secure_channel(self.address, credentials) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_CHECK_DEADLINE_S)
            except grpc.RpcError:
                return False
        serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
        return serving
