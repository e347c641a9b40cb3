"""The JSON Schemas (2020-12) of the contract, by file name. What the models say, without copies: a field stands once, in fields.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from services.kernel.reference import reference
from services.sharing.contract.content import Contract, Key, Variant
from services.sharing.contract.fields import OPEN_FACTS, TEXT, TYPES, UUID_TEXT
from services.sharing.legal import Law
from services.sharing.sealing import BODIES, Change
from services.sharing.sealing.attributes import Headers, ReplyAttributes, ShareAttributes

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = "/los/contract/v1/"
CHANGED: Mapping[Change, tuple[str, str]] = {
    "shared": ("Shared", "lämnas"),
    "corrected": ("Corrects what was shared before, and takes its place", "rättas"),
    "recalled": ("Recalls what was shared: it must not be used any more", "återkallas"),
}
_FIRST, _LAST = ("description", "type", "required", "additionalProperties"), ("if", "then", "else")
DATA = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){4}$",
    "description": "Compact JWE, ECDH-ES+A256KW and A256GCM, to the key that kid names; inside is JSON (cty application/json)",
}
ANSWERS = BODIES
"""The body of each type of answer."""
PARTS: Mapping[str, Schema] = {
    "disclosure_id": {"description": "The id of this disclosure, as in correlationid"} | TypeAdapter(UUID_TEXT).json_schema(),
    "purpose": {"description": "Why it is told, in Swedish"} | TypeAdapter(TEXT).json_schema(),
    "citation": {"description": "The provision, in Swedish"} | TypeAdapter(TEXT).json_schema(),
    "sfs": {"description": "The act in Svensk författningssamling that gave the provision this wording"} | TypeAdapter(TEXT).json_schema(),
}
"""What every content says in the same words."""


def schemas(rules: Law, contract: Contract) -> Iterator[tuple[str, Schema]]:
    """File name and schema, in a stable order."""
    yield "fields.json", _file("fields.json", "Varje uppgift som kan lämnas", "Every field that can be told", {"$defs": _definitions()})
    yield "parts.json", _file("parts.json", "Det som varje innehåll har", "What every content has", {"$defs": dict(PARTS)})
    yield "headers.json", _file("headers.json", "Meddelandehuvuden", said(TypeAdapter(Headers)), _closed(TypeAdapter(Headers)))
    for name, swedish, model in (
        ("share-event.json", "Det som syns av en händelse från kommunen", ShareAttributes),
        ("reply-event.json", "Det som syns av ett svar till kommunen", ReplyAttributes),
    ):
        schema = _closed(TypeAdapter(model))
        schema["properties"]["data"] = DATA
        schema["required"] = list(schema["properties"])
        yield name, _file(name, swedish, said(TypeAdapter(model)), schema)
    for key, rows in contract.variants.items():
        for change, models in contract.types[key].items():
            name = content_name(key, change)
            kind, receiver = rules.record_kinds[key[0]].word, reference().receivers[key[1]].word
            english, swedish = CHANGED[change]
            parts = {"recalled": _recalled(models[rows[0].name])} if change == "recalled" else {}
            parts = parts or {variant.name: _variant(key, variant, models[variant.name], change) for variant in rows}
            body = {"oneOf": [{"$ref": f"#/$defs/{part}"} for part in parts], "$defs": parts}
            yield name, _file(name, f"{receiver}: {kind} som {swedish}", f"{english}. What is inside the encryption.", body)
    for type_, body_type in ANSWERS.items():
        name = reply_name(type_)
        yield name, _file(name, type_, said(body_type), _closed(body_type))


def content_name(key: Key, change: Change) -> str:
    """The file of the content of one message."""
    return f"content/{key[0]}.{key[1]}.{change}.json"


def reply_name(type_: str) -> str:
    """The file of the body of one kind of answer."""
    return f"replies/{type_}.json"


def _file(name: str, swedish: str, english: str, body: Schema) -> Schema:
    return {"$schema": DIALECT, "$id": ROOT + name, "title": swedish, "description": english} | body


def _definitions() -> Schema:
    return {name: field.schema for name, field in TYPES.items()} | {f"{name}.day": field.schema for name, field in OPEN_FACTS.items()}


def _variant(key: Key, variant: Variant, model: type[BaseModel], change: Change) -> Schema:
    """One variant. The fields of a correction are those of what is shared, word for word."""
    schema = _content(model)
    if change == "corrected":
        schema["properties"]["fields"] = {"$ref": f"{content_name(key, 'shared').split('/')[1]}#/$defs/{variant.name}/properties/fields"}
    else:
        fields = schema["properties"]["fields"]["properties"]
        for name, field in variant.fields.items():
            if name != "legal.basis_id":
                assert fields[name] == _plain(field.schema), name  # noqa: S101  # the file and the model are one
                fields[name] = {"$ref": f"../fields.json#/$defs/{name if field is TYPES[name] else f'{name}.day'}"}
    shut = " Ships off: nothing goes on these grounds until a jurist of the kommun has opened it." if variant.switch == "off" else ""
    return {"description": f"Flow {', '.join(variant.flows)}.{shut}"} | schema


def _recalled(model: type[BaseModel]) -> Schema:
    return {"description": "Nothing of what was told; the purpose says what to do"} | _content(model)


def _content(model: type[BaseModel]) -> Schema:
    """A closed content, with a reference for each part that is the same in all."""
    schema = _closed(TypeAdapter(model))
    for properties in (schema["properties"], schema["properties"]["legal"]["properties"]):
        for name, part in PARTS.items():
            if properties.get(name) == _plain(part):
                properties[name] = {"$ref": f"../parts.json#/$defs/{name}"}
    return schema


def said(type_: TypeAdapter[Any]) -> str:
    """What a model, or each of several, says of itself."""
    schema = type_.json_schema()
    alternatives = schema.get("$defs", {}) if "anyOf" in schema else {}
    parts = [schema, *(alternatives[part["$ref"].removeprefix("#/$defs/")] for part in schema.get("anyOf", ()))]
    return " ".join(part["description"] for part in parts if "description" in part)


def _closed(type_: TypeAdapter[Any]) -> Schema:
    """A model's schema with its parts in place, and without what pydantic says of names and defaults."""
    schema = type_.json_schema(by_alias=True)
    parts = schema.pop("$defs", {})
    return {name: value for name, value in _tidy(schema, parts).items() if name != "description"}


def _plain(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if name not in {"title", "description", "examples"}}


def _tidy(schema: Schema, parts: Schema) -> Schema:
    if "$ref" in schema:
        return _tidy(parts[schema["$ref"].removeprefix("#/$defs/")], parts)
    tidy: Schema = {}
    for name in (*_FIRST, *(name for name in schema if name not in {*_FIRST, *_LAST, "title", "default"}), *_LAST):
        value = schema.get(name)
        if name == "properties" and value is not None:
            tidy[name] = {member: _tidy(part, parts) for member, part in value.items()}
        elif name == "anyOf" and value is not None:
            tidy[name] = [_tidy(part, parts) for part in value]
        elif name == "items" and value is not None:
            tidy[name] = _tidy(value, parts)
        elif name in schema:
            tidy[name] = value
    return tidy
