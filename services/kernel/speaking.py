"""Calls that carry a signed caller assertion: how the gateway and the command line speak for a person."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from joserfc.jwk import ECKey

from services.kernel.callers import LIFETIME_MAX, Caller, sign_assertion
from services.kernel.clock import Clock
from services.kernel.rpc import CALLER_HEADER, DEADLINE_S

if TYPE_CHECKING:
    from datetime import datetime


def speaking_for(channel: grpc.Channel, key: ECKey, caller: Caller, audience: str) -> grpc.Channel:
    """The channel to the service `audience`, with `caller`'s assertion signed by `key` on each call, and a deadline."""
    return grpc.intercept_channel(channel, _Assert(key, caller, audience))


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


class _Assert(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Puts the assertion and a deadline on each call; a token is used for half its life."""

    def __init__(self, key: ECKey, caller: Caller, audience: str) -> None:
        self._key = key
        self._caller = caller
        self._audience = audience
        self._clock = Clock()
        self._token = ""
        self._signed: datetime | None = None

    def _with_caller(self, details: Any, deadline: float | None) -> _Details:  # noqa: ANN401  # grpc's types are loose
        now = self._clock.now()
        if self._signed is None or now - self._signed > LIFETIME_MAX / 2:
            self._token, self._signed = sign_assertion(self._key, self._caller, self._audience, now), now
        metadata = [*(details.metadata or ()), (CALLER_HEADER, self._token)]
        timeout = details.timeout if details.timeout is not None else deadline
        return _Details(details.method, timeout, metadata, details.credentials, details.wait_for_ready, details.compression)

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return continuation(self._with_caller(client_call_details, DEADLINE_S), request)

    def intercept_stream_stream(self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any) -> Any:  # noqa: ANN401
        return continuation(self._with_caller(client_call_details, None), request_iterator)
