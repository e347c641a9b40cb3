"""A kommun's systems: an issuer with a key of its own, its access tokens, and the API beside the pages on the running stack."""

import json
import socket
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import httpx2
import psycopg
from joserfc import jwt
from joserfc.jwk import ECKey

from infra import stack
from infra.ports import HOST, answers
from services.gateway.app import GatewayConfig, Web, build
from services.gateway.calls import Calls
from services.kernel.clock import Clock
from services.kernel.db import Database

AUDIENCE = "urn:los:api"
SYSTEMS = {
    "alert_officer": "KLF",
    "case_officer": "IAF",
    "fut_investigator": "IAF",
    "los_coordinator": "KLF",
    "landlord_reporter": "hyresvard",
    "jurist": "KLF",
}


class Issuer:
    """An authorization server, as far as the API sees one: discovery and keys."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "issuer-1", "alg": "ES256", "use": "sig"})
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                keys = {"keys": [issuer.key.as_dict(private=False)]}
                found = keys if self.path == "/keys" else {"issuer": issuer.address, "jwks_uri": f"{issuer.address}/keys"}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as it is called there
                """Say nothing."""

        self._server = ThreadingHTTPServer((HOST, 0), Answers)
        self.address = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(
        self, system: str, *, key: ECKey | None = None, header: Mapping[str, str] | None = None, without: str = "", **claims: object
    ) -> str:
        """An access token (RFC 9068) for a system, or one that differs from it in what is named."""
        now = int(time.time())
        all_claims = {
            "iss": self.address,
            "aud": AUDIENCE,
            "sub": system,
            "client_id": system,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
            **claims,
        }
        all_claims.pop(without, None)
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "issuer-1", **(header or {})}, all_claims, key or self.key)


class System:
    """Asks as one system does."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = f"{url}/los/v1"
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """One request; a POST has a key of its own unless it is given."""
        own = {"idempotency-key": str(uuid4())} if method == "POST" else {}
        return httpx2.request(
            method, f"{self._url}{path}", json=body, headers=self._headers | own | dict(headers or {}), timeout=20, follow_redirects=False
        )


def a_port() -> int:
    """A free one."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def api_beside(running: stack.Stack, issuer: Issuer) -> Iterator[str]:
    """The gateway of the stack once more, with the API switched on; its address."""
    with psycopg.connect(running.postgres.url()) as tables:
        for role, unit in SYSTEMS.items():
            tables.execute(
                "INSERT INTO gateway.account (person, affiliation, name, role, unit, organisation, active)"
                " VALUES (%s, %s, %s, %s, %s, %s, true) ON CONFLICT DO NOTHING",
                (f"system-{role}", role, f"System {role}", role, unit, "559999-0180" if role == "landlord_reporter" else None),
            )
    url = f"http://{HOST}:{a_port()}"
    with gateway_beside(running, url, api={"issuer": issuer.address, "audience": AUDIENCE}):
        yield url


@contextmanager
def gateway_beside(running: stack.Stack, url: str, **changes: object) -> Iterator[None]:
    """The gateway of the stack once more, at another address and with other settings."""
    document = tomllib.loads((running.folder.config / "gateway.toml").read_text(encoding="utf-8"))
    config = GatewayConfig.model_validate(document | {"listen": url.removeprefix("http://"), "public_url": url} | changes)
    database = Database(config, "gateway")
    calls = Calls(config.peers, config.tls, config.assertion_key_file)
    web = Web(config, build(config, database, calls, Clock()))
    thread = threading.Thread(target=web.run, daemon=True)
    thread.start()
    try:
        while not answers(int(url.rpartition(":")[2])):
            thread.join(0.05)
            assert thread.is_alive()
        yield
    finally:
        web.stop()
        thread.join()
        calls.close()
        database.close()
