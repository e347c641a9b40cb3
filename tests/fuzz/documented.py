"""What docs/interfaces.md says: who may call a method, and which statuses it may answer with."""

import re
from pathlib import Path

import grpc

TEXT = (Path(__file__).parents[2] / "docs" / "interfaces.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", re.MULTILINE)
_STATUS = re.compile(
    r"^\| ([^|]+) \| ((?:[A-Z_]+(?:, )?)+) \| [^|]+ \| (any|those that write|those that name something|the transport) \|$", re.MULTILINE
)


def callers() -> dict[str, set[str]]:
    """Roles by method, and services for what services say to each other; by the service's section."""
    found: dict[str, set[str]] = {}
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE):
        service = re.match(r"`los\.(\w+)\.v1\.", section)
        if service is not None:
            for name, who in _ROW.findall(section):
                found[f"{service[1]}/{name}"] = set(re.findall(r"\w+", who.removeprefix("the service").replace(" or ", " ")))
    return found


def statuses() -> dict[str, set[grpc.StatusCode]]:
    """Which statuses which methods may answer with, beside OK."""
    found: dict[str, set[grpc.StatusCode]] = {}
    for _, names, where in _STATUS.findall(TEXT):
        found.setdefault(where, set()).update(grpc.StatusCode[name] for name in names.split(", "))
    return found
