"""The API under `/los/v1`: who asks, what is asked, the service's answer. Authorise first, then judge what was sent (AIP-211)."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway import store
from services.gateway.calls import Calls
from services.gateway.files import UNDO_S
from services.gateway.rest import shapes
from services.gateway.rest.document import PREFIX, api_info, document
from services.gateway.rest.operations import SERVICE_NAMES, Operation
from services.gateway.rest.problems import Problem, camel, of_failure
from services.gateway.rest.table import OPERATIONS
from services.gateway.rest.tokens import Tokens
from services.kernel.callers import Caller, Role
from services.kernel.db import Database
from services.kernel.errors import Denied, Failure, Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.log import log, place_of
from services.kernel.pages import PAGE_SIZE, PAGE_SIZE_MAX
from services.kernel.records import Audit
from services.kernel.rpc import DEADLINE_S, failure_of

GATEWAY = "gateway"
BODY_BYTES_MAX = 64 * 1024
KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
ETAG = re.compile(r'"([!#-~]{1,100})"', re.ASCII)
TRACE = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})", re.ASCII)
JSON_TYPE = "application/json"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    headers: Mapping[str, str]
    path: str
    record: str
    query: list[tuple[str, str]]
    body: bytes
    trace: str


class Api:
    """Answers systems."""

    def __init__(self, database: Database, tokens: Tokens, calls: Calls, audit: Audit, public_url: str) -> None:
        """Passed in; the gateway's app.py builds them."""
        self._database = database
        self._tokens = tokens
        self._calls = calls
        self._audit = audit
        self._public_url = public_url

    def app(self) -> Starlette:
        """What is mounted beside the pages."""
        by_path: dict[str, dict[str, Operation]] = {}
        for each in OPERATIONS:
            by_path.setdefault(each.path, {})[each.http] = each
        routes = [Route(path, self._endpoint(methods), methods=list(methods)) for path, methods in by_path.items()]
        info, whole = api_info(self._public_url), document(self._public_url)
        routes += [
            Route("/api-info", self._framed(_open_to_all(info)), methods=["GET"]),
            Route("/openapi", self._framed(_open_to_all(whole)), methods=["GET"]),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: self._framed(_no_such)})
        app.router.redirect_slashes = False
        return app

    def _endpoint(self, methods: Mapping[str, Operation]) -> Callable[..., Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            operation = methods["GET" if request.method == "HEAD" else request.method]
            asked = Asked(
                request.headers,
                request.url.path,
                request.path_params.get("id", ""),
                request.query_params.multi_items(),
                await _read(request),
                request.state.trace,
            )
            return await run_in_threadpool(self._answer, operation, asked)

        return self._framed(answer)

    def _framed(self, act: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """Every answer has the same headers, and what goes wrong becomes a problem."""

        async def framed(request: Request, *error: Exception) -> Response:
            trace = _trace(request.headers.get("traceparent", ""))
            request.state.trace = trace
            instance = f"urn:los:trace:{trace.split('-')[1]}"
            try:
                self._check_head(request.headers)
                response: Response = await act(request, *error)
            except Problem as problem:
                response = problem.answer(instance)
            except Failure as failure:
                response = of_failure(failure).answer(instance)
            except Exception as bug:  # noqa: BLE001  # every way out is an answer
                incident = str(new_id())
                log.error("unplanned_error", incident=incident, error=type(bug).__name__, place=place_of(bug))
                words = f"Något gick fel hos oss. Uppge nummer {incident} om du hör av dig."
                response = Problem(500, words, reason="INTERNAL").answer(instance)
            for name, value in {**HEADERS, "traceparent": trace}.items():
                response.headers[name] = value
            if self._public_url.startswith("https:"):
                response.headers["Strict-Transport-Security"] = "max-age=63072000"
            return response

        return framed

    def _check_head(self, headers: Mapping[str, str]) -> None:
        if headers.get("host") != urlsplit(self._public_url).netloc:
            raise Invalid("Okänd värd.")
        kinds = {each.partition(";")[0].strip().lower() for each in headers.get("accept", "").split(",")}
        if not kinds & {"", JSON_TYPE, "application/*", "*/*", "application/problem+json"}:
            raise Problem(406, "Be om application/json.", reason="NOT_ACCEPTABLE")

    def _answer(self, operation: Operation, asked: Asked) -> Response:
        if operation.is_public:
            return self._told_to_anybody(operation, asked)
        caller = self._enter(asked.headers.get("authorization", ""))
        if caller.role not in operation.roles:
            with self._database.transaction() as tx:
                self._audit(tx, f"gateway:{operation.call.name}", caller, outcome="refused", reason=Denied.reason)
            raise Denied("Systemets roll får inte göra detta.")
        wanted = self._wanted(operation, asked, caller)
        services = self._calls.speaking_for(caller)
        stub = getattr(services, SERVICE_NAMES[operation.call.containing_service.full_name])
        try:
            timeout = UNDO_S if operation.call.name == "UndoImport" else None
            answer: Message = getattr(stub, operation.call.name)(wanted, metadata=(("traceparent", asked.trace),), timeout=timeout)
        except grpc.RpcError as refused:
            raise of_failure(failure_of(refused), operation.call.input_type) from None
        return _told(operation, answer)

    def _told_to_anybody(self, operation: Operation, asked: Asked) -> Response:
        """What the gateway itself may read, for whoever asks."""
        if asked.query or asked.body:
            raise Invalid("Begäran får inte ha några parametrar eller något innehåll.")
        call = getattr(self._calls.public, operation.call.name)
        try:
            return _told(operation, call(operation.request(), metadata=(("traceparent", asked.trace),), timeout=DEADLINE_S))
        except grpc.RpcError as refused:
            raise of_failure(failure_of(refused)) from None

    def _enter(self, authorization: str) -> Caller:
        """Who asks, by our own table. Raises Problem 401, the same whatever is wrong with the token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, "Skicka ett åtkomstbevis.", reason="UNAUTHENTICATED", headers={"WWW-Authenticate": "Bearer"})
        reason = "token_refused"
        try:
            subject = self._tokens.subject(token.strip())
            with self._database.transaction() as tx:
                account = store.account_of(tx, subject)
            if account is not None:
                return Caller(GATEWAY, account.person, Role(account.role), account.unit, account.organisation)
            reason = "no_account"
        except Denied:
            pass
        with self._database.transaction() as tx:
            self._audit(tx, "gateway:api:enter", Caller(GATEWAY), outcome="refused", reason=reason)
        raise Problem(
            401,
            "Åtkomstbeviset gäller inte här.",
            reason="UNAUTHENTICATED",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    def _wanted(self, operation: Operation, asked: Asked, caller: Caller) -> Message:
        """The contract's request. Raises Problem, Invalid or NotFound."""
        values: dict[str, Any] = {camel(name): word for name, word in operation.fixed.items()}
        if operation.id_field:
            if re.fullmatch(operation.id_pattern, asked.record, re.ASCII) is None:
                raise NotFound
            values |= _nested(camel(operation.id_field).split("."), asked.record)
        if asked.query and not operation.is_list:
            raise Invalid("Adressen får inte ha några parametrar.")
        if operation.needs_etag:
            values["etag"] = _etag(asked.headers.get("if-match"))
        if operation.is_write:
            values["requestId"] = str(_request_id(operation, asked, caller))
        if operation.body is not None:
            values |= self._body(operation, asked)
        elif asked.body:
            raise Invalid("Begäran ska inte ha något innehåll.")
        if operation.is_list:
            values |= _query(operation, asked.query)
        return ParseDict(values, operation.request())

    def _body(self, operation: Operation, asked: Asked) -> dict[str, Any]:
        kind, _, parameter = asked.headers.get("content-type", "").partition(";")
        charset = parameter.replace(" ", "").replace('"', "").lower()
        if kind.strip().lower() != JSON_TYPE or charset not in {"", "charset=utf-8"}:
            raise Problem(415, "Skicka innehållet som application/json i UTF-8.", reason="MEDIA_TYPE")
        return shapes.checked(shapes.asked_shape(operation.call.input_type, operation.not_in_body), asked.body)


def _nested(names: list[str], value: str) -> dict[str, Any]:
    """A value at the end of a way of names."""
    return {names[0]: _nested(names[1:], value) if names[1:] else value}


async def _read(request: Request) -> bytes:
    """The body, as long as it is small."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > BODY_BYTES_MAX:
            raise Problem(413, "Innehållet är större än 64 kB.", reason="TOO_LARGE", headers={"Connection": "close"})
    return found


def _trace(given: str) -> str:
    """The caller's trace with a step of ours (W3C Trace Context), or a new one. It gives nobody any right."""
    found = TRACE.fullmatch(given)
    trace, flags = (found[1], found[2]) if found else (secrets.token_hex(16), "00")
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def _request_id(operation: Operation, asked: Asked, caller: Caller) -> UUID:
    """One and the same for the same request (design 14). A PUT rests on its If-Match and is the same when its body is."""
    key = asked.headers.get("idempotency-key", "")
    if operation.http == "POST":
        if not KEY.fullmatch(key):
            raise Problem(
                400, "Ange en nyckel på 1–255 tecken, en egen för varje sak som ska göras.", reason="INVALID", field="Idempotency-Key"
            )
    else:
        key = f"{asked.headers.get('if-match')} {asked.body.hex()}"
    return uuid5(NAMESPACE_URL, f"{caller.principal}\n{operation.http}\n{asked.path}\n{key}")


def _etag(given: str | None) -> str:
    if given is None:
        raise Problem(428, "Ange den ETag som du läste.", reason="ETAG_MISSING", field="If-Match")
    found = ETAG.fullmatch(given)
    if found is None:
        raise Problem(400, "Ange en enda ETag, som den stod i svaret.", reason="INVALID", field="If-Match")
    return found[1]


def _query(operation: Operation, given: list[tuple[str, str]]) -> dict[str, Any]:
    """Which page, and which rows."""
    said: dict[str, list[str]] = {}
    for name, value in given:
        said.setdefault(name, []).append(value)
    page: dict[str, Any] = {"pageSize": _limit(said.pop("limit", [str(PAGE_SIZE)]))}
    if "offset" in said:
        page["pageToken"] = _once("offset", said.pop("offset"))
    values: dict[str, Any] = {}
    for field in operation.filters:
        words = said.pop(field.json_name, None)
        if words is not None:
            values[field.json_name] = words if field.is_repeated else _filter(field, _once(field.json_name, words))
    if said:
        raise Invalid("En av parametrarna finns inte i gränssnittet.")
    return shapes.checked(shapes.asked_shape(operation.call.input_type, operation.not_in_body), values) | {"page": page}


def _once(name: str, words: list[str]) -> str:
    if len(words) != 1 or not words[0] or "\0" in words[0]:
        raise Invalid(f"{name}: ange ett enda värde.")
    return words[0]


def _limit(words: list[str]) -> int:
    word = _once("limit", words)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", word, re.ASCII) or int(word) > PAGE_SIZE_MAX:
        raise Invalid("limit: ange ett heltal mellan 1 och 100.")
    return int(word)


def _filter(field: FieldDescriptor, word: str) -> str | bool:
    if field.type != field.TYPE_BOOL:
        return word
    if word not in {"true", "false"}:
        raise Invalid(f"{field.json_name}: ange true eller false.")
    return word == "true"


def _told(operation: Operation, answer: Message) -> Response:
    told = operation.content(answer)
    content, headers = shapes.told(told), {}
    rows = operation.rows
    if rows is not None:
        page: dict[str, Any] = {"items": content[rows.json_name]}
        if answer.next_page_token:  # type: ignore[attr-defined]  # every list of the contract has it
            page["nextOffset"] = answer.next_page_token  # type: ignore[attr-defined]
        return _json(page)
    if "etag" in told.DESCRIPTOR.fields_by_name:
        headers["ETag"] = f'"{told.etag}"'  # type: ignore[attr-defined]
    if operation.creates:
        headers["Location"] = f"{PREFIX}{operation.path}/{getattr(answer, operation.creates)}"
    return _json(content, 201 if operation.creates else 200, headers)


def _json(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(content, status, headers)


def _open_to_all(content: Mapping[str, Any]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if request.query_params:
            raise Invalid("Adressen får inte ha några parametrar.")
        return _json(content)

    return answer


async def _no_such(request: Request, error: HTTPException) -> Response:
    """A path or a method that is not there."""
    del request
    if error.status_code == 405:  # noqa: PLR2004  # the one that names the methods there are
        raise Problem(405, "Använd en av metoderna i Allow.", reason="METHOD", headers=error.headers)
    raise NotFound("Adressen finns inte.")
