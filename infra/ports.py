"""Ports of the stack: free ones at first start, remembered, changed when somebody else has taken them."""

import secrets
import socket
import tomllib
from collections.abc import Sequence

from infra.folder import Folder, write_toml
from infra.problem import StackProblem

HOST = "127.0.0.1"
# Below the range that Linux and macOS hand out to outgoing connections, so that no such connection takes one of ours.
_FIRST, _LAST = 20_000, 32_000
_TRIES = 200


def claim(folder: Folder, names: Sequence[str]) -> dict[str, int]:
    """A free port for each name: the remembered one if it is still free, else another. Remembers the answer.

    Raises StackProblem when no free port is found.
    """
    remembered: dict[str, int] = {}
    if folder.ports_file.exists():
        remembered = tomllib.loads(folder.ports_file.read_text(encoding="utf-8"))
    ports = dict(remembered)
    for name in names:
        others = {port for other, port in ports.items() if other != name}
        port = ports.get(name)
        if port is None or port in others or not is_free(port):
            ports[name] = _another(others)
    if ports != remembered:
        write_toml(folder.ports_file, ports)
    return {name: ports[name] for name in names}


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the own machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's rest is no hindrance
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether a server takes connections on this port of the own machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _another(taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if port not in taken and is_free(port):
            return port
    message = f"Ingen ledig port hittades mellan {_FIRST} och {_LAST}."
    raise StackProblem(message)
