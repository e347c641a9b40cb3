"""The services as one person may use them: every call carries the gateway's signed word of who asks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey
from los.controls.v1.controls_pb2_grpc import ControlsServiceStub
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from services.kernel.callers import Caller
from services.kernel.config import Tls
from services.kernel.rpc import connect
from services.kernel.speaking import speaking_for

NAMES = ("registry", "controls", "sharing")


@dataclass(frozen=True, slots=True)
class Services:
    """Stubs that speak for one person."""

    registry: RegistryServiceStub
    controls: ControlsServiceStub
    sharing: SharingServiceStub


class Calls:
    """One channel to each service, with the gateway's own certificate."""

    def __init__(self, peers: Mapping[str, str], tls: Tls, assertion_key_file: Path) -> None:
        """`peers` are the services' addresses by name."""
        self._key = ECKey.import_key(json.loads(assertion_key_file.read_text(encoding="ascii")))
        self._channels = {name: connect(peers[name], name, tls) for name in NAMES}

    def speaking_for(self, caller: Caller) -> Services:
        """The services for this person. The person's role is read anew for each request, so this is made anew too."""
        channels = {name: speaking_for(channel, self._key, caller, name) for name, channel in self._channels.items()}
        return Services(
            RegistryServiceStub(channels["registry"]), ControlsServiceStub(channels["controls"]), SharingServiceStub(channels["sharing"])
        )

    @property
    def public(self) -> SharingServiceStub:
        """Sharing as the gateway itself may use it, for anybody: the public register."""
        return SharingServiceStub(self._channels["sharing"])

    def close(self) -> None:
        """Let the connections go."""
        for channel in self._channels.values():
            channel.close()
