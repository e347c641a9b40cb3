"""The OpenAPI document, made from the table of operations and the contract (`python -m services.gateway.rest.document` prints it)."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from pydantic.json_schema import models_json_schema

from services.gateway.rest import shapes
from services.gateway.rest.operations import Operation
from services.gateway.rest.problems import MEDIA_TYPE, TITLES
from services.gateway.rest.table import OPERATIONS
from services.gateway.words import ROLES
from services.kernel.pages import PAGE_SIZE, PAGE_SIZE_MAX

PREFIX = "/los/v1"
VERSION = "1.0.0"
RELEASED = "2026-11-25"
EXAMPLE_URL = "https://los.example.se"
JSON = "application/json"
SCHEMAS = "#/components/schemas/"
DESCRIPTION = """\
Gränssnittet är till för kommunens egna system. Ett system anmäler, flaggar, registrerar och läser det som dess roll och enhet får se.
Att bedöma och att besluta om utlämnande är en persons sak och görs inte här.

* **Åtkomst**: ett åtkomstbevis (JWT enligt RFC 9068) från kommunens utfärdare, i `Authorization: Bearer`. Roll och enhet står i kommunens
  egen tabell, aldrig i beviset.
* **En gång**: varje POST har en `Idempotency-Key`. Samma nyckel och samma innehåll ger samma svar och en enda verkan.
* **Ändringar** vilar på det som lästs: `If-Match` med den `ETag` som svaret hade.
* **Listor** kommer i sidor: `limit` och `offset`, där `offset` är `nextOffset` från förra sidan.
* **Det som inte finns och det som inte är ditt** ser likadant ut: 404.
* **Utfasning**: en version fasas ut tidigast tolv månader efter att nästa har släppts. Svaren har då huvudena `Deprecation` (RFC 9745) och
  `Sunset` (RFC 8594), och `apiStatus` i `/api-info` är `deprecated`. Nya fält i svar kan komma inom en version.

In English: this API is for the municipality's own systems. A system reports, flags, registers and reads what its role and unit may
see; assessing and deciding are for people. A version is deprecated with the headers `Deprecation` and `Sunset`, at least twelve months
before it ends.
"""
LIMITATIONS = "En begäran får vara högst 64 kB. En sida har högst 100 rader. Listor visar det som finns när sidan läses."
SERVICE_LEVEL = {
    "availability": "Samma som kommunens övriga drift; inget utlovas utöver den.",
    "responseTime": "95 av 100 svar inom 300 ms.",
    "support": "Kommunens förvaltning av los, vardagar.",
}
PROBLEM = {
    "type": "object",
    "description": "Vad som gick fel (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "reason"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "En mening på svenska, utan personuppgifter."},
        "instance": {"type": "string", "format": "uri"},
        "reason": {"type": "string", "description": "En kod för program."},
        "field": {"type": "string", "description": "Det fält eller huvud som det gäller."},
    },
    "additionalProperties": False,
}
INFO_FIELDS = ("apiName", "apiVersion", "apiReleased", "apiDocumentation", "apiStatus")
TRACE_HEADER = {"description": "Spårningens led hos oss (W3C Trace Context).", "schema": {"type": "string"}}
ALWAYS = (400, 406, 500)


def api_info(public_url: str) -> dict[str, str]:
    """What the API says of itself."""
    return {
        "apiName": "los",
        "apiVersion": VERSION,
        "apiReleased": RELEASED,
        "apiDocumentation": f"{public_url}{PREFIX}/openapi",
        "apiStatus": "active",
    }


def document(public_url: str = EXAMPLE_URL) -> dict[str, Any]:
    """The whole document, for the address that systems know the API by."""
    paths: dict[str, dict[str, Any]] = {"/api-info": {"get": _about(public_url)}}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.http.lower()] = _operation(each)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "los",
            "summary": "Lokal operativ samverkan: gränssnitt för kommunens system",
            "version": VERSION,
            "description": DESCRIPTION,
            "contact": {"name": "Kommunens förvaltning av los", "url": public_url, "email": "los@example.se"},
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "x-sla": SERVICE_LEVEL,
            "x-limitations": LIMITATIONS,
        },
        "externalDocs": {"description": "Detta dokument", "url": f"{public_url}{PREFIX}/openapi"},
        "servers": [{"url": f"{public_url}{PREFIX}"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, "ApiInfo": _info_schema(), **_schemas()},
            "responses": {str(status): _problem(status) for status in TITLES if status != 405},  # noqa: PLR2004  # of no operation
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Åtkomstbevis enligt RFC 9068, utfärdat för detta API.",
                }
            },
        },
    }


def text(public_url: str = EXAMPLE_URL) -> str:
    """The document as it is committed."""
    return json.dumps(document(public_url), ensure_ascii=False, indent=1) + "\n"


def _schemas() -> dict[str, Any]:
    wanted = [shape for each in OPERATIONS for shape in (_asked(each), _told(each)) if shape is not None]
    found = models_json_schema(
        [(shape, "validation") for shape in wanted], ref_template=SCHEMAS + "{model}", schema_generator=shapes.Schemas
    )
    return dict(sorted(found[1]["$defs"].items()))


def _asked(operation: Operation) -> type[shapes.Shape] | None:
    return shapes.asked_shape(operation.body, operation.not_in_body) if operation.body is not None else None


def _told(operation: Operation) -> type[shapes.Shape]:
    rows = operation.rows
    return shapes.told_shape(operation.answer) if rows is None else shapes.list_shape(rows)


def _about(public_url: str) -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": f"{SCHEMAS}ApiInfo"}, "examples": {"svar": {"value": api_info(public_url)}}}}
    return {
        "operationId": "GetApiInfo",
        "tags": ["api-info"],
        "summary": "Om gränssnittet",
        "description": "Namn, version, när den släpptes, var dokumentationen finns och om den används eller fasas ut. Öppen för alla.",
        "security": [],
        "parameters": [_traceparent()],
        "responses": {"200": _answer("Om gränssnittet.", content), **{str(status): _refused(status) for status in (400, 406, 500)}},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    who = ", ".join(sorted(ROLES[role].lower() for role in operation.roles))
    made: dict[str, Any] = {
        "operationId": operation.called,
        "tags": [operation.path.split("/")[1]],
        "summary": operation.summary,
        "description": f"{operation.summary}. {f'Roller: {who}.' if who else 'Öppen för alla.'}",
        "parameters": list(_parameters(operation)),
        "responses": {str(status): each for status, each in _responses(operation)},
    }
    if operation.is_public:
        made["security"] = []
    shape = _asked(operation)
    if shape is not None:
        example = MessageToDict(operation.asked) if operation.asked is not None else {}
        content = {JSON: {"schema": {"$ref": SCHEMAS + shape.__name__}, "examples": {"begäran": {"value": example}}}}
        made["requestBody"] = {"required": True, "description": "Begäran som JSON i UTF-8.", "content": content}
    return made


def _responses(operation: Operation) -> Iterator[tuple[int, dict[str, Any]]]:
    headers: dict[str, Any] = {}
    if "etag" in operation.answer.fields_by_name:
        headers["ETag"] = {"description": "Vad nästa ändring vilar på.", "schema": {"type": "string"}}
    if operation.creates:
        headers["Location"] = {"description": "Där det som registrerades finns.", "schema": {"type": "string"}}
    content = {JSON: {"schema": {"$ref": SCHEMAS + _told(operation).__name__}, "examples": {"svar": {"value": example(operation)}}}}
    done = _answer("Registrerat." if operation.creates else "Svaret.", content, headers)
    links = _links(operation)
    if links and (operation.creates or operation.http == "GET") and not operation.is_list:
        done["links"] = links
    yield 201 if operation.creates else 200, done
    wrong = {*ALWAYS, 503} | (set() if operation.is_public else {401, 403}) | ({409} if operation.may_wait else set())
    if operation.id_field or any(field.name.endswith("_id") for field in operation.filters):
        wrong |= {404}
    if operation.is_write:
        wrong |= {404, 409, 413, 422}
    if operation.body is not None:
        wrong |= {415}
    if operation.needs_etag:
        wrong |= {412, 428}
    for status in sorted(wrong):
        yield status, _refused(status)


def _links(source: Operation) -> dict[str, Any]:
    """What can be done with that which was just made or read."""
    answer = source.answer
    record, path = f"$response.body#/{answer.fields[0].json_name}", source.path.removesuffix("/{id}")
    found: dict[str, Any] = {}
    for each in OPERATIONS:
        if each is not source and each.path.startswith(f"{path}/{{id}}"):
            parameters = {"path.id": record}
            if each.needs_etag and "etag" in answer.fields_by_name:
                parameters["header.If-Match"] = "$response.header.ETag"
            found[each.called] = {"operationId": each.called, "parameters": parameters}
    return found


def example(operation: Operation) -> dict[str, Any]:
    """The example of an answer."""
    told: dict[str, Any] = shapes.told(operation.content(operation.told)) if operation.told is not None else {}
    rows = operation.rows
    return told if rows is None else {"items": told[rows.json_name], "nextOffset": "019ac2f0-5b7e-7c3a-9d55-0f6f0a4c1e21"}


def _answer(words: str, content: dict[str, Any], headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"description": words, "headers": {"traceparent": TRACE_HEADER, **(headers or {})}, "content": content}


def _refused(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{status}"}


def _problem(status: int) -> dict[str, Any]:
    value = {
        "type": "urn:los:problem:invalid",
        "title": TITLES[status],
        "status": status,
        "detail": "Ange ett datum som inte ligger i framtiden.",
        "instance": "urn:los:trace:4bf92f3577b34da6a3ce929d0e0e4736",
        "reason": "INVALID",
    }
    headers: dict[str, Any] = {}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = {"description": "Vilket bevis som behövs (RFC 6750).", "schema": {"type": "string"}}
    if status == 503:  # noqa: PLR2004
        headers["Retry-After"] = {"description": "Sekunder.", "schema": {"type": "string"}}
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}Problem"}, "examples": {"problem": {"value": value}}}}
    return _answer(f"{TITLES[status]}.", content, headers)


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.id_field:
        yield _parameter("id", "path", "Vilken det gäller.", {"type": "string", "pattern": operation.id_pattern}, required=True)
    if operation.is_list:
        bounds = {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAX, "default": PAGE_SIZE}
        yield _parameter("limit", "query", "Högst så många rader.", bounds)
        yield _parameter("offset", "query", "`nextOffset` från förra sidan.", {"type": "string", "minLength": 1})
    for field in operation.filters:
        yield _parameter(field.json_name, "query", "Bara de rader som stämmer.", _filter(operation, field))
    if operation.is_write and operation.http == "POST":
        words = "En egen nyckel för varje sak som ska göras; samma nyckel ger samma svar."
        yield _parameter("Idempotency-Key", "header", words, {"type": "string", "pattern": "^[!-~]{1,255}$"}, required=True)
    if operation.needs_etag:
        words = "Den ETag som lästes."
        yield _parameter("If-Match", "header", words, {"type": "string", "pattern": '^"[!#-~]{1,100}"$'}, required=True)
    yield _traceparent()


def _filter(operation: Operation, field: FieldDescriptor) -> dict[str, Any]:
    shape = shapes.asked_shape(operation.call.input_type, operation.not_in_body)
    found: dict[str, Any] = shape.model_json_schema(schema_generator=shapes.Schemas)["properties"][field.json_name]
    return found


def _traceparent() -> dict[str, Any]:
    words = "Spårningen som anropet hör till (W3C Trace Context). En som inte går att läsa ersätts."
    return _parameter("traceparent", "header", words, {"type": "string"})


def _parameter(name: str, place: str, words: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "description": words, "required": required, "schema": schema}


def _info_schema() -> dict[str, Any]:
    fields: dict[str, Any] = {name: {"type": "string"} for name in INFO_FIELDS}
    fields["apiReleased"]["format"] = "date"
    fields["apiStatus"]["enum"] = ["active", "deprecated"]
    return {"type": "object", "required": list(INFO_FIELDS), "properties": fields, "additionalProperties": False}


if __name__ == "__main__":
    sys.stdout.write(text())
