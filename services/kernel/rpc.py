"""gRPC, the same for every service.

mTLS both ways with peers pinned by certificate name; each method says who may call it, and a method that does not say stops
start-up; authorise before validating (AIP-211); one place where a failure becomes a status with an ErrorInfo (AIP-193).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc
import protovalidate
import psycopg
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status
from psycopg_pool import PoolTimeout

from services.kernel.callers import Assertions, Caller, Role
from services.kernel.clock import Clock
from services.kernel.config import ServiceConfig, Tls
from services.kernel.errors import Conflict, ConflictReason, Denied, Failure, Invalid, NotFound, Unavailable
from services.kernel.ids import new_id
from services.kernel.log import log, place_of
from services.kernel.wellformed import require_well_formed, said

CALLER_HEADER = "los-caller"
DEADLINE_S = 5.0
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
STOP_GRACE_S = 5.0
DOMAIN = "los"

CODES: Mapping[type[Failure], int] = {
    Invalid: code_pb2.INVALID_ARGUMENT,
    NotFound: code_pb2.NOT_FOUND,
    Conflict: code_pb2.FAILED_PRECONDITION,
    Denied: code_pb2.PERMISSION_DENIED,
    Unavailable: code_pb2.UNAVAILABLE,
}
CONFLICT_CODES: Mapping[str, int] = {
    ConflictReason.ETAG: code_pb2.ABORTED,
    ConflictReason.DUPLICATE: code_pb2.ALREADY_EXISTS,
    ConflictReason.REQUEST_REUSED: code_pb2.ALREADY_EXISTS,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a method: persons in these roles, or these services for themselves."""

    roles: frozenset[Role] = field(default_factory=frozenset)
    services: frozenset[str] = field(default_factory=frozenset)


def people(*roles: Role) -> Rule:
    """Persons in one of these roles, brought by a service with a signed assertion."""
    return Rule(roles=frozenset(roles))


def services(*names: str) -> Rule:
    """These services, by their certificate alone."""
    return Rule(services=frozenset(names))


_caller: ContextVar[Caller] = ContextVar("caller")


def caller() -> Caller:
    """Who asks, in a servicer's method."""
    return _caller.get()


OnRefused = Callable[[Caller, str, str, UUID | None], None]
"""Notes in the audit that a call was refused: who asked, the method, the reason's code, the record it named. No row, no answer."""

Holds = Callable[[Caller], bool]
"""Whether the role that a person comes in still holds: asked once in each call, after the method's rule."""

REFUSALS = (Denied, NotFound, Conflict, Invalid)


class _Gate(grpc.ServerInterceptor):
    """Authorise, validate, run, and turn failures into statuses."""

    def __init__(
        self, service: str, config: ServiceConfig, rules: Mapping[str, Rule], on_refused: OnRefused, clock: Clock, holds: Holds
    ) -> None:
        self._service = service
        self._rules = rules
        self._bearers = config.callers.services
        self._assertions = Assertions.from_file(config.callers.jwks_file, service)
        self._on_refused = on_refused
        self._clock = clock
        self._holds = holds

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:  # noqa: ANN401  # grpc's types are loose
        handler = continuation(details)
        prefix, _, method = details.method.lstrip("/").partition("/")
        if handler is None or not prefix.startswith(f"{DOMAIN}."):
            return handler
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(method, handler.stream_stream), _reading(handler.request_deserializer), handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, handler.unary_unary), _reading(handler.request_deserializer), handler.response_serializer
        )

    def _unary(self, method: str, act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def handle(request: Message, context: grpc.ServicerContext) -> Any:  # noqa: ANN401
            try:
                self._enter(method, context)
                _check(request)
                return act(request, context)
            except Exception as error:  # noqa: BLE001  # every way out is a status
                self._fail(error, method, context, _object_of(request))

        return handle

    def _streaming(self, method: str, act: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def handle(requests: Iterator[Message], context: grpc.ServicerContext) -> Iterator[Any]:
            try:
                self._enter(method, context)
                yield from act(_checked(requests), context)
            except Exception as error:  # noqa: BLE001
                self._fail(error, method, context)

        return handle

    def _enter(self, method: str, context: grpc.ServicerContext) -> None:
        _caller.set(Caller("unknown"))
        bearer = _peer(context)
        _caller.set(Caller(bearer))
        rule = self._rules[method]
        if bearer in rule.services:
            return
        token = next((value for name, value in context.invocation_metadata() if name == CALLER_HEADER), None)
        if rule.roles and bearer in self._bearers and isinstance(token, str):
            asking = self._assertions.verify(token, bearer, self._clock.now())
            _caller.set(asking)
            if asking.role in rule.roles and self._holds(asking):
                return
        raise Denied(f"{method}: din roll får inte göra detta.")

    def _fail(self, error: Exception, method: str, context: grpc.ServicerContext, object_id: UUID | None = None) -> None:
        failure = self._planned(error, method)
        if isinstance(failure, REFUSALS):
            try:
                self._on_refused(_caller.get(), method, failure.reason, object_id)
            except Exception as broken:  # noqa: BLE001  # no audit row, no answer
                log.error("refusal_not_audited", method=method, error=type(broken).__name__)
                failure = Unavailable("Tjänsten svarar inte just nu. Försök igen om en stund.")
        context.abort_with_status(rpc_status.to_status(status_of(failure)))

    def _planned(self, error: Exception, method: str) -> Failure:
        if isinstance(error, Failure):
            return error
        if isinstance(error, (psycopg.OperationalError, PoolTimeout)):
            log.error("database_away", method=method, error=type(error).__name__)
            return Unavailable("Tjänsten svarar inte just nu. Försök igen om en stund.")
        incident = str(new_id())
        log.error("unplanned_error", method=method, incident=incident, error=type(error).__name__, place=place_of(error))
        return Failure(f"Något gick fel hos oss. Uppge nummer {incident} om du hör av dig.", reason="INTERNAL")


def status_of(failure: Failure) -> status_pb2.Status:
    """A failure as a google.rpc.Status with an ErrorInfo."""
    code = CONFLICT_CODES.get(failure.reason) if isinstance(failure, Conflict) else None
    if code is None:
        code = next((code for kind, code in CODES.items() if isinstance(failure, kind)), code_pb2.INTERNAL)
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=failure.reason, domain=DOMAIN))
    return status_pb2.Status(code=code, message=failure.message, details=[detail])


def _peer(context: grpc.ServicerContext) -> str:
    found = context.auth_context().get("x509_common_name", ())
    names = [found] if isinstance(found, bytes) else list(found)
    if len(names) != 1:
        raise Denied("certificate: anslutningen saknar ett giltigt certifikat.")
    return names[0].decode("ascii", "replace")


class _Unreadable:
    """Came instead of a message: bytes that are none. An error while reading would be INTERNAL, and nobody would have been authorised."""

    DESCRIPTOR = Empty.DESCRIPTOR


def _reading(deserialize: Callable[[bytes], Message]) -> Callable[[bytes], "Message | _Unreadable"]:
    def read(wire: bytes) -> Message | _Unreadable:
        try:
            return deserialize(wire)
        except DecodeError:
            return _Unreadable()

    return read


def _check(request: "Message | _Unreadable") -> None:
    if isinstance(request, _Unreadable):
        raise Invalid("request: frågan går inte att läsa.")
    require_well_formed(request)
    try:
        protovalidate.validate(request)
    except protovalidate.ValidationError as error:
        violation = error.violations[0]
        broken = violation.proto
        path = ".".join(element.field_name for element in broken.field.elements) if broken.field else ""
        raise Invalid(f"{path}: {said(broken.rule_id, violation.rule_value)}") from None


def _object_of(request: Message) -> UUID | None:
    """The record that a question names first: its field `…_id`."""
    for member in request.DESCRIPTOR.fields:
        if member.name.endswith("_id") and member.name not in {"request_id", "event_id"}:
            try:
                return UUID(getattr(request, member.name))
            except ValueError:
                continue
    return None


def _checked(requests: Iterator[Message]) -> Iterator[Message]:
    for request in requests:
        _check(request)
        yield request


class RuleMissingError(Exception):
    """A method of the service does not say who may call it, or a rule names no method."""


class Server:
    """A gRPC server for one service: mTLS, health, and reflection in a local environment."""

    def __init__(
        self,
        name: str,
        config: ServiceConfig,
        descriptor: ServiceDescriptor,
        rules: Mapping[str, Rule],
        on_refused: OnRefused,
        clock: Clock,
        holds: Holds = lambda _: True,
    ) -> None:
        """Raises RuleMissingError when `rules` are not exactly the service's methods."""
        wrong = {method.name for method in descriptor.methods} ^ set(rules)
        if wrong:
            raise RuleMissingError(f"{descriptor.full_name}: {', '.join(sorted(wrong))}")
        self._config = config
        self.grpc = grpc.server(
            ThreadPoolExecutor(config.workers_max, thread_name_prefix=name),
            interceptors=[_Gate(name, config, rules, on_refused, clock, holds)],
            options=[("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.so_reuseport", 0)],
        )
        self.health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.grpc)
        if config.environment == "local":
            reflection.enable_server_reflection((descriptor.full_name, reflection.SERVICE_NAME), self.grpc)

    def start(self) -> int:
        """Listen; the port. Raises Unavailable when the address cannot be had."""
        tls = self._config.tls
        credentials = grpc.ssl_server_credentials(
            [(tls.key_file.read_bytes(), tls.certificate_file.read_bytes())],
            root_certificates=tls.ca_file.read_bytes(),
            require_client_auth=True,
        )
        try:
            port = self.grpc.add_secure_port(self._config.listen, credentials)
        except RuntimeError as error:
            raise Unavailable(f"listen: adressen {self._config.listen} är upptagen.") from error
        self.grpc.start()
        self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        return port

    def stop(self) -> None:
        """Take no more calls, let those under way finish."""
        self.health.enter_graceful_shutdown()
        self.grpc.stop(STOP_GRACE_S).wait()


RETRIES = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


def connect(address: str, service: str, tls: Tls) -> grpc.Channel:
    """A channel to a service, whose certificate must carry its name. Calls are retried when it is away: all writes are idempotent."""
    credentials = grpc.ssl_channel_credentials(tls.ca_file.read_bytes(), tls.key_file.read_bytes(), tls.certificate_file.read_bytes())
    options = [
        ("grpc.ssl_target_name_override", service),
        ("grpc.default_authority", service),
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.service_config", RETRIES),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    return grpc.secure_channel(address, credentials, options=options)


def failure_of(error: grpc.RpcError) -> Failure:
    """The planned failure behind a call's error, on the calling side."""
    status = rpc_status.from_call(error)
    code = error.code()
    if status is None:
        if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
            return Unavailable("Tjänsten svarar inte.")
        return Failure(f"Tjänsten svarade med {code.name}.", reason=code.name)
    info = error_details_pb2.ErrorInfo()
    reason = info.reason if status.details and status.details[0].Unpack(info) else "INTERNAL"
    if reason in set(ConflictReason):
        return Conflict(status.message, reason=ConflictReason(reason))
    kinds = {number: kind for kind, number in CODES.items()}
    kind = kinds.get(status.code)
    if kind is NotFound:
        return NotFound(status.message)
    return kind(status.message) if kind else Failure(status.message, reason=reason)
