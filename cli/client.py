"""How a command speaks to the services of a local stack: its own certificate, and a signed assertion of whom it speaks for.

The command line is a client as the gateway is one. It works only where `environment = "local"` (design 3).
"""

import json
import tomllib
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import typer
from joserfc.jwk import ECKey
from los.controls.v1.controls_pb2_grpc import ControlsServiceStub
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from cli.common import part_down
from services.kernel.callers import Caller, Role
from services.kernel.config import Tls
from services.kernel.rpc import connect
from services.kernel.speaking import speaking_for


class Person(NamedTuple):
    """One of the people of people.toml."""

    id: str
    name: str
    role: Role
    unit: str
    organisation: str | None = None


class Stack:
    """The addresses and keys of a running stack, and its people."""

    def __init__(self, data: Path) -> None:
        """Ends the command with 3 when no stack runs in `data`."""
        try:
            found = tomllib.loads((data / "stack.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            part_down(f"Ingen stack är igång i {data}. Starta den med: los up --data {data}")
        if found.get("environment") != "local":
            part_down("Kommandoraden talar bara med en lokal stack.")
        self.addresses: dict[str, str] = found["services"]
        self.gateway: str = found["gateway"]
        client = found["client"]
        self.tls = Tls(ca_file=client["ca_file"], certificate_file=client["certificate_file"], key_file=client["key_file"])
        self.key = ECKey.import_key(json.loads(Path(client["assertion_key_file"]).read_text(encoding="ascii")))
        rows = tomllib.loads((data / "people.toml").read_text(encoding="utf-8"))
        self.people = {
            row["id"]: Person(row["id"], row["name"], Role(row["role"]), row["unit"], row.get("organisation")) for row in rows["person"]
        }
        self.systems: dict[str, dict[str, str]] = {row["id"]: row for row in rows.get("system", [])}

    def person(self, person_id: str) -> Person:
        """Someone of people.toml. Raises typer.BadParameter."""
        if person_id not in self.people:
            raise typer.BadParameter(f"--as: personen finns inte. Välj någon av: {', '.join(self.people)}.")
        return self.people[person_id]

    def first(self, role: Role, unit: str | None = None) -> Person:
        """The first person with a role, in a unit where one is named."""
        return next(person for person in self.people.values() if person.role is role and unit in {None, person.unit})

    def speaking_for(self, person: Person) -> "Session":
        """A session as this person."""
        return Session(self, person)


class Session:
    """Stubs of the three services that carry one person's assertion. Calls have a deadline."""

    def __init__(self, stack: Stack, person: Person) -> None:
        """Channels are made now and connect at the first call."""
        self.person = person
        self._channels = {
            name: connect(address, name, stack.tls)
            for name, address in stack.addresses.items()
            if name in {"registry", "controls", "sharing"}
        }
        caller = Caller("cli", person.id, person.role, person.unit, person.organisation)
        signed = {name: speaking_for(channel, stack.key, caller, name) for name, channel in self._channels.items()}
        self.registry = RegistryServiceStub(signed["registry"])
        self.controls = ControlsServiceStub(signed["controls"])
        self.sharing = SharingServiceStub(signed["sharing"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for channel in self._channels.values():
            channel.close()
