"""What the contract says of an opened content: what may be handed out, and what is refused. Reads the schemas in contract/.

Within v1 the kommun may add fields, codes and grounds. So a code that is not known is handed out, a field that is not named never is, and
a ground that is not known is read as the others of its message.
"""

import json
import logging
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from partner.jose import Code, Refused

_FOLDER = Path(__file__).with_name("contract")
_LOG = logging.getLogger("partner.contract")
_TYPES: Mapping[str, type] = {"object": dict, "array": list, "string": str}


def conforming(content: Mapping[str, Any], event_type: str, receiver_kind: str) -> dict[str, Any]:
    """The content of an event of this type to this receiver kind, without what the contract does not name.

    Raises Refused: CONTRACT_MISMATCH when the receiver kind gets no such message, CONTENT_MALFORMED when something that is always there
    is missing or something has the wrong type or form.
    """
    grounds = _message(event_type, receiver_kind)
    try:
        schema = grounds.get(content["legal"]["basis_id"]) or grounds[""]
        kept: dict[str, Any] = _kept(content, schema, "")
    except (KeyError, TypeError, ValueError):
        raise Refused(Code.CONTENT_MALFORMED) from None
    return kept


def record_kinds(receiver_kind: str) -> tuple[str, ...]:
    """The record kinds that a receiver kind can get."""
    return tuple(name.split(".")[0] for name in _names() if name.endswith(f".{receiver_kind}.shared.json"))


def example(record_kind: str, receiver_kind: str, change: str, disclosure_id: str, ground: str | None = None) -> dict[str, Any]:
    """A content as it may look, about nobody, on this ground or the first one. Raises Refused (CONTRACT_MISMATCH), KeyError."""
    grounds = _message(f"se.los.{record_kind}.{change}.v1", receiver_kind)
    ground = ground or next(iter(grounds))
    made: dict[str, Any] = _example(grounds[ground])
    made["legal"]["basis_id"] = ground
    if made["fields"]:
        made["fields"]["legal.basis_id"] = ground
    return made | {"disclosure_id": disclosure_id, "secrecy": []}


def _kept(value: object, schema: Mapping[str, Any], place: str) -> Any:  # noqa: ANN401  # any JSON
    """The value without members that the schema does not name. Raises ValueError, KeyError: it is not of the schema."""
    if not isinstance(value, _TYPES[schema["type"]]):
        raise ValueError  # noqa: TRY004 - one kind of failure for every broken value
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0) or not re.compile(schema.get("pattern", ".*"), re.DOTALL).fullmatch(value):
            raise ValueError
        return value
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            raise ValueError
        return [_kept(item, schema["items"], place) for item in value]
    assert isinstance(value, dict)  # noqa: S101  # the third of the three types
    named = schema.get("properties", {})
    if any(name not in value for name in schema.get("required", ())):
        raise ValueError
    for name in value.keys() - named.keys():
        _say_once(f"{place}{name}")
    return {name: _kept(part, named[name], f"{place}{name}: ") for name, part in value.items() if name in named}


@cache
def _say_once(name: str) -> None:
    """Names of the kommun's own fields, never what they hold."""
    _LOG.warning("Uppgiften %s finns inte i kontraktet här och lämnas inte ut. Hämta ett nyare kontrakt av kommunen.", name)


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in (_FOLDER / "content").iterdir()))


@cache
def _message(event_type: str, receiver_kind: str) -> Mapping[str, Any]:
    """Ground -> schema, and under "" what the grounds have in common. Raises Refused."""
    _, _, record_kind, change, _ = event_type.split(".")
    name = f"{record_kind}.{receiver_kind}.{change}.json"
    if name not in _names():
        raise Refused(Code.CONTRACT_MISMATCH)
    variants: list[dict[str, Any]] = [_resolved(part, f"content/{name}") for part in _file(f"content/{name}")["oneOf"]]
    known = {ground: variant for variant in variants for ground in _words(variant["properties"]["legal"]["properties"]["basis_id"])}
    return known | {"": _common(variants)}


def _common(variants: list[dict[str, Any]]) -> dict[str, Any]:
    """Every field of the variants, and as always there only what is always there in all of them."""
    first = variants[0]
    fields = [variant["properties"]["fields"] for variant in variants]
    named = {name: schema for part in fields for name, schema in part.get("properties", {}).items()}
    always = set.intersection(*(set(part.get("required", ())) for part in fields))
    return first | {"properties": first["properties"] | {"fields": fields[0] | {"properties": named, "required": sorted(always)}}}


def _words(schema: Mapping[str, Any]) -> list[str]:
    return schema["enum"] if "enum" in schema else [schema["const"]]


def _example(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401  # any JSON
    if schema["type"] == "object":
        return {name: _example(part) for name, part in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        return schema.get("examples", [[_example(schema["items"])]])[0]
    return (schema.get("examples") or _words(schema if {"enum", "const"} & schema.keys() else {"const": "prov"}))[0]


@cache
def _file(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return read


def _resolved(part: Any, file: str) -> Any:  # noqa: ANN401  # any JSON
    """The part of a schema with what it refers to in place of the references."""
    if isinstance(part, list):
        return [_resolved(item, file) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" not in part:
        return {name: _resolved(value, file) for name, value in part.items()}
    path, _, pointer = part["$ref"].partition("#")
    target = file
    if path:
        target = path.removeprefix("../") if path.startswith("../") else str(PurePosixPath(file).with_name(path))
    found: Any = _file(target)
    for step in pointer.split("/")[1:]:
        found = found[step]
    return _resolved(found, target)
