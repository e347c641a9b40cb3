"""One TOML file per process becomes one frozen model. Unknown keys are refused; secrets are files."""

import re
import ssl
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from services.kernel.errors import Invalid

COMMAND_LINE = "cli"
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|::1):\d{1,5}", re.ASCII)


class Model(BaseModel):
    """A frozen part of a configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(Model):
    """PEM files: the certificate authority both sides trust, and this process's own certificate and PKCS#8 key."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


class VaultFiles(Model):
    """Two files of 32 bytes each."""

    key_file: Path
    index_key_file: Path


class Callers(Model):
    """Whose signed caller assertions are taken: a JWK set, and the certificate names of those that may bring one."""

    jwks_file: Path
    services: frozenset[str]


class DatabaseConfig(Model):
    """Where a service keeps its records; the password is a file."""

    database_url: str
    database_password_file: Path
    environment: Literal["local", "production"] = "production"
    database_connections_max: int = 20
    metrics_listen: str | None = None

    @field_validator("metrics_listen")
    @classmethod
    def _nothing_in_the_clear_leaves_the_machine(cls, address: str | None) -> str | None:
        """Metrics have neither TLS nor a login: whoever collects them does it on this machine."""
        if address is not None and not LOOPBACK.fullmatch(address):
            raise ValueError
        return address


class ServiceConfig(DatabaseConfig):
    """What every gRPC service needs to know."""

    listen: str
    tls: Tls
    vault: VaultFiles
    callers: Callers
    peers: dict[str, str] = {}
    # More threads than this fight over Python's lock: eight answer a quarter more registrations a second than 32 (measured).
    workers_max: int = 8

    @field_validator("callers")
    @classmethod
    def _nobody_speaks_for_people_without_a_login(cls, callers: Callers, rest: ValidationInfo) -> Callers:
        """The command line names a person without asking who sits there; that is for a local stack (design 3)."""
        if rest.data.get("environment") != "local" and COMMAND_LINE in callers.services:
            raise ValueError
        return callers


class Kafka(Model):
    """The broker, over TLS with SCRAM-SHA-512; there is no other way."""

    bootstrap_servers: str
    username: str
    password_file: Path
    ca_file: Path

    def client(self) -> dict[str, Any]:
        """What a kafka-python client needs to log in. Raises OSError when a file is not there."""
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(self.ca_file)),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password_file.read_text(encoding="utf-8").strip(),
        }


M = TypeVar("M", bound=BaseModel)


def load(path: Path, model: type[M]) -> M:
    """Read a configuration file. Raises Invalid naming file and key, never a value."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{path.name}: filen går inte att läsa ({type(error).__name__}).") from error
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors(include_input=False))
        raise Invalid(f"{path.name}: {places}") from None
