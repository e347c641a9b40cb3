"""The local stack as a whole: everything started in order, watched, and stopped in reverse order.

with stack.start(Path(".los"), print) as running:
running.wait()

with stack.parts(tmp_path, kafka=False) as running:     # PostgreSQL alone, with roles, schemas and tables
running.postgres.url("registry")
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psycopg

from infra import database, provider, secrets, tls
from infra.folder import Folder, write, write_toml
from infra.kafka import Kafka
from infra.ports import HOST, claim
from infra.postgres import Postgres
from infra.problem import StackProblem, from_os_error
from infra.process import Child, stop_left_over
from infra.services import METRICS, SERVED, SERVICES, Service, ServicePart

__all__ = ["Log", "Stack", "StackProblem", "parts", "start"]

Log = Callable[[str], None]

_PEOPLE = Path(__file__).with_name("people.toml")
_WATCH_S = 0.2
_BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_HEALTHY_AFTER_S = 60.0
"""A part that has run this long starts again at the shortest wait."""


class Part(Protocol):
    """Something that runs as a process of its own."""

    name: str

    def launch(self) -> Child:
        """Start it."""

    def wait(self, child: Child) -> None:
        """Wait until it is ready."""


@dataclass(slots=True)
class _Watched:
    part: Part
    child: Child
    started: float
    deaths: int = 0
    restart_at: float | None = None


class Stack:
    """A running stack, or parts of one. Made by `start` and `parts`; stops on leaving its `with`."""

    def __init__(self, data: Path, log: Log, *, with_postgres: bool, with_kafka: bool, services: Sequence[Service]) -> None:
        self.folder = Folder(data)
        self._log = log
        self._lock = self._take_lock()
        self._watched: dict[str, _Watched] = {}
        self._closing = threading.Event()
        # Children are asked to stop when the thread that started them ends: this one lives as long as they do.
        self._launcher = ThreadPoolExecutor(1, "launcher")
        self._watcher: threading.Thread | None = None
        self._postgres: Postgres | None = None
        self._kafka: Kafka | None = None
        self.services: dict[str, ServicePart] = {}
        try:
            self._start(with_postgres=with_postgres, with_kafka=with_kafka, services=services)
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise from_os_error(error, f"att skriva i datamappen {self.folder.root}") from error
            if isinstance(error, psycopg.Error):
                message = f"Databasen gick inte att förbereda ({type(error).__name__}). Loggen finns i {self.folder.logs}."
                raise StackProblem(message) from error
            raise

    @property
    def postgres(self) -> Postgres:
        """The database server."""
        assert self._postgres is not None, "started without PostgreSQL"  # noqa: S101  # only a bug can break this
        return self._postgres

    @property
    def kafka(self) -> Kafka:
        """The broker."""
        assert self._kafka is not None, "started without Kafka"  # noqa: S101  # the same
        return self._kafka

    @property
    def addresses(self) -> dict[str, str]:
        """Where each part answers, by name."""
        found = {}
        if self._postgres is not None:
            found["postgres"] = f"{HOST}:{self._postgres.port}"
        if self._kafka is not None:
            found["kafka"] = self._kafka.bootstrap_servers
        return found | {name: part.url for name, part in self.services.items() if part.service.listens}

    @property
    def pids(self) -> dict[str, int]:
        """The process of each part, by name."""
        return {name: watched.child.process.pid for name, watched in self._watched.items()}

    def wait_for(self, name: str) -> None:
        """Wait until the part, as it runs now, is ready. Raises StackProblem when it stops or does not answer."""
        watched = self._watched[name]
        watched.part.wait(watched.child)

    def wait(self) -> None:
        """Wait until somebody calls `stop`, or a signal's handler raises."""
        self._closing.wait()

    def stop(self) -> None:
        """Stop everything in reverse order. May be called again."""
        self._closing.set()
        if self._watcher is not None:
            self._watcher.join()
        self._launcher.submit(bool).result()  # a start that was under way is now on the list
        self.folder.stack_file.unlink(missing_ok=True)
        for watched in reversed(self._watched.values()):
            watched.child.stop()
        self._watched.clear()
        self._launcher.shutdown()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _take_lock(self) -> int | None:
        handle = os.open(self.folder.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it when we die, however we die
        except BlockingIOError:
            os.close(handle)
            message = f"Datamappen {self.folder.root} används redan av en annan `los up`."
            raise StackProblem(message) from None
        return handle

    def _start(self, *, with_postgres: bool, with_kafka: bool, services: Sequence[Service]) -> None:
        folder = self.folder
        folder.stack_file.unlink(missing_ok=True)
        for name in (*(service.name for service in reversed(SERVICES)), provider.NAME):
            stop_left_over(folder, name)
        Kafka.stop_left_over(folder)
        Postgres.stop_left_over(folder)
        tls.arrange(folder)
        secrets.arrange(folder)
        if not folder.people_file.exists():
            write(folder.people_file, _PEOPLE.read_bytes())
        self._start_servers(with_postgres=with_postgres, with_kafka=with_kafka)
        if services:
            self._start_services(services)

    def _start_servers(self, *, with_postgres: bool, with_kafka: bool) -> None:
        with ThreadPoolExecutor(2) as pool:
            preparing = []
            if with_kafka:
                ports = claim(self.folder, ["kafka", "kafka_controller"])
                self._kafka = Kafka(self.folder, ports["kafka"], ports["kafka_controller"])
                self._kafka.fetch(self._log)
            if with_postgres:
                self._postgres = Postgres(self.folder, claim(self.folder, ["postgres"])["postgres"])
                preparing.append(pool.submit(self._postgres.prepare))
            if self._kafka is not None:
                preparing.append(pool.submit(self._kafka.prepare))
            servers = [server for server in (self._postgres, self._kafka) if server is not None]
            if servers:
                self._log(f"Startar {' och '.join(server.title for server in servers)} …")
            for task in preparing:
                task.result()
            for server in servers:
                self._launch(server)
            waiting = [pool.submit(server.wait, self._watched[server.name].child) for server in servers]
            for task in waiting:
                task.result()
            if self._postgres is not None:
                database.arrange(self._postgres)
                database.migrate(self._postgres)
            if self._kafka is not None:
                secrets.arrange_partners(self.folder, self._kafka.bootstrap_servers)

    def _start_services(self, services: Sequence[Service]) -> None:
        self._log("Startar tjänsterna …")
        names = [service.name for service in services if service.listens]
        names += [service.name + METRICS for service in services if service.measured]
        if "gateway" in names:
            names.append(provider.NAME)
        ports = claim(self.folder, names)
        if provider.NAME in ports:
            provider.arrange_accounts(self.folder, self.postgres)
            identity = provider.ProviderPart(self.folder, ports[provider.NAME])
            self._launch(identity)
            identity.wait(self._watched[provider.NAME].child)
        for service in services:
            part = ServicePart(service, self.folder, ports, self.postgres, self.kafka)
            part.write_config()
            self.services[service.name] = part
        for part in self.services.values():
            self._launch(part)
        for part in self.services.values():
            part.wait(self._watched[part.name].child)
        self._watcher = threading.Thread(target=self._watch, name="watcher")
        self._watcher.start()
        self._write_addresses()

    def _write_addresses(self) -> None:
        folder = self.folder
        addresses = self.addresses
        write_toml(
            folder.stack_file,
            {
                "environment": "local",
                "kommun_code": secrets.KOMMUN_CODE,
                "postgres": addresses.pop("postgres"),
                "kafka": addresses.pop("kafka"),
                "services": {name: address for name, address in addresses.items() if name in SERVED},
                "gateway": addresses.get("gateway", ""),
                "metrics": {name: part.metrics_address for name, part in self.services.items() if part.service.measured},
                "client": {
                    "ca_file": str(folder.tls / "ca.crt"),
                    "certificate_file": str(folder.tls / "cli.crt"),
                    "key_file": str(folder.tls / "cli.key"),
                    "assertion_key_file": str(secrets.assertion_file(folder, "cli")),
                },
            },
        )

    def _launch(self, part: Part) -> None:
        def launch() -> None:
            self._watched[part.name] = _Watched(part, part.launch(), time.monotonic())

        self._launcher.submit(launch).result()

    def _watch(self) -> None:
        while not self._closing.wait(_WATCH_S):
            for watched in self._watched.values():
                try:
                    self._look_after(watched)
                except (StackProblem, OSError) as problem:
                    self._log(f"{watched.part.name}: {problem}")
                    _wait_longer(watched)

    def _look_after(self, watched: _Watched) -> None:
        if watched.restart_at is not None:
            if time.monotonic() >= watched.restart_at:
                stop_left_over(self.folder, watched.part.name)
                watched.child = self._launcher.submit(watched.part.launch).result()
                watched.started, watched.restart_at = time.monotonic(), None
        elif not watched.child.alive:
            if time.monotonic() - watched.started > _HEALTHY_AFTER_S:
                watched.deaths = 0
            wait_s = _wait_longer(watched)
            self._log(
                f"{watched.part.name} stannade oväntat (kod {watched.child.process.returncode}) och startas om"
                f" om {wait_s:g} s. Loggen finns i {watched.child.log}."
            )


def start(data: Path, log: Log, services: Sequence[Service] = SERVICES) -> Stack:
    """Start PostgreSQL, Kafka and the services, and write stack.toml when all of them answer.

    Raises StackProblem when something is missing, taken or full, or when another stack runs in the folder.
    """
    return Stack(data, log, with_postgres=True, with_kafka=True, services=services)


def parts(data: Path, *, postgres: bool = True, kafka: bool = True, log: Log = lambda _: None) -> AbstractContextManager[Stack]:
    """Start PostgreSQL (with roles, schemas, tables) and Kafka (with topics and rights), or one of them, and no services.

    Nothing is watched: what is killed stays dead. Raises StackProblem.
    """
    return Stack(data, log, with_postgres=postgres, with_kafka=kafka, services=())


def _wait_longer(watched: _Watched) -> float:
    wait_s = _BACKOFF_S[min(watched.deaths, len(_BACKOFF_S) - 1)]
    watched.deaths += 1
    watched.restart_at = time.monotonic() + wait_s
    return wait_s
