"""Calls as everybody and nobody, and what must hold of each answer and of all of them together."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import grpc
import psycopg
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psycopg import sql

from cli.client import Stack as Client
from infra.folder import Folder
from infra.postgres import Postgres
from services.kernel.callers import Caller, Role, sign_assertion
from services.kernel.clock import Clock
from services.kernel.config import Tls
from services.kernel.rpc import CALLER_HEADER, connect
from tests.fuzz import documented
from tests.fuzz.drawing import CANARY, NUMBERS, Plan
from tests.fuzz.pool import Pool
from tests.fuzz.reflected import Method, methods_of

SERVED = ("registry", "controls", "sharing")
PATIENCE_S = 30.0
"""A call that has no answer by then hangs: the machine may be slow, but not that slow."""
REFUSED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
}


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the certificate on the connection, and the assertion beside it."""

    service: str
    person: str | None = None
    token: str = "good"
    """Or: none, garbage, old, for another service."""


@dataclass
class Everything:
    """All methods of all services of a running stack, and the books that are kept of asking them."""

    folder: Folder
    postgres: Postgres
    client: Client
    pool: Pool = field(default_factory=Pool)
    codes: Counter[str] = field(default_factory=Counter)
    by_method: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    """Refusals of what came with the command line's certificate, by service: each has its row in the audit."""
    acts: dict[str, set[tuple[str, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open = ExitStack()
        self._channels: dict[tuple[str, str], grpc.Channel] = {}
        self._tokens: dict[tuple[str, str, str], tuple[Any, str]] = {}
        self._who = documented.callers()
        self._statuses = documented.statuses()
        self._clock = Clock()
        self._before: dict[str, tuple[int, set[tuple[str, str, str]]]] = {}
        self._log_ends = dict.fromkeys((*SERVED, "relay"), 0)
        self.methods = [method for name in SERVED for method in methods_of(name, self.channel("cli", name))]

    def close(self) -> None:
        """Close every channel."""
        self._open.close()

    def channel(self, bearer: str, service: str) -> grpc.Channel:
        """A connection with this service's certificate."""
        key = (bearer, service)
        if key not in self._channels:
            tls = self.folder.tls
            files = Tls(ca_file=tls / "ca.crt", certificate_file=tls / f"{bearer}.crt", key_file=tls / f"{bearer}.key")
            self._channels[key] = self._open.enter_context(connect(self.client.addresses[service], service, files))
        return self._channels[key]

    def askers(self, method: Method) -> list[Asking]:
        """Those who may call it, twice as often as everybody else."""
        may = self._who[f"{method.service}/{method.name}"]
        people = list(self.client.people.values())
        allowed = [Asking("cli", one.id) for one in people if one.role in may] + [Asking(name) for name in may & set(SERVED)]
        others = [Asking("cli", one.id) for one in people if one.role not in may]
        others += [Asking("cli"), *(Asking("cli", people[0].id, how) for how in ("garbage", "old", "another"))]
        others += [Asking(name) for name in (*SERVED, "gateway") if name not in may]
        return allowed * (1 + 3 * len(others) // max(1, len(allowed))) + others

    def ask(self, method: Method, asking: Asking, plans: Sequence[Plan]) -> None:
        """One call, with one request or a stream of them; what is wrong with its answer is noted."""
        requests = [plan.message(method.request, self.pool) for plan in plans]
        if method.streaming:
            requests = [*self.pool.stream(method.name, plans[0].seed if plans else 0), *requests]
        channel = self.channel(asking.service, method.service)
        metadata = self._metadata(asking, method.service)
        answers: list[Message] = []
        code, words = grpc.StatusCode.OK, ""
        try:
            if method.streaming:
                call: Any = channel.stream_stream(method.path, response_deserializer=method.answer.FromString)
                answers.extend(call(iter(requests), timeout=PATIENCE_S, metadata=metadata))
            else:
                one: Any = channel.unary_unary(method.path, response_deserializer=method.answer.FromString)
                answers.append(one(requests[0], timeout=PATIENCE_S, metadata=metadata))
        except grpc.RpcError as error:
            code = error.code()
            words = f"{error.details()} {error.trailing_metadata()}"
        self._note(method, asking, code)
        told = " ".join([words, *(answer.row.message for answer in answers if method.streaming)])  # type: ignore[attr-defined]
        wrong = self._wrong(method, asking, code, told)
        if wrong:
            seen = self._readable(method, requests[0]) if requests else ""
            self.wrong.setdefault(f"{method.service}/{method.name}: {wrong}", f"{asking} {list(plans)[:3]} {words[:300]}\n{seen[:1500]}")
        if code is grpc.StatusCode.OK:
            self._took(method, asking, requests, answers)

    def _note(self, method: Method, asking: Asking, code: grpc.StatusCode) -> None:
        self.codes[code.name] += 1
        self.by_method.setdefault(f"{method.service}/{method.name}", Counter())[code.name] += 1
        if code in REFUSED and asking.service == "cli":
            self.refused[method.service] += 1

    def _wrong(self, method: Method, asking: Asking, code: grpc.StatusCode, told: str) -> str:
        may = self._who[f"{method.service}/{method.name}"]
        allowed = self._statuses["any"] | self._statuses["the transport"] | {grpc.StatusCode.OK}
        allowed |= self._statuses["those that write"] if method.writes else set()
        allowed |= self._statuses["those that name something"] if _names_something(method) else set()
        if code not in allowed:
            return f"{code.name} is not documented"
        if code is grpc.StatusCode.UNAVAILABLE:
            return "UNAVAILABLE, though no part is away"
        person = self.client.people.get(asking.person or "")
        is_allowed = asking.token == "good" and (str(person.role) in may if person else asking.service in may)
        if not is_allowed and code not in {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED}:
            return f"{code.name} to one who may not ask"
        if any(secret in told for secret in _secrets()):
            return f"{code.name} tells what is personal"
        return ""

    def _took(self, method: Method, asking: Asking, requests: Iterable[bytes], answers: Iterable[Message]) -> None:
        if method.streaming:
            answers = list(answers)[:5]
            self.pool.learn_stream(method.name, list(requests)[:20])
        for answer in answers:
            self.pool.learn(answer)
        for wire in requests if not method.streaming else ():
            request = GetMessageClass(method.request)()
            request.ParseFromString(wire)
            request.DiscardUnknownFields()
            self.pool.learn(request)
            number = getattr(request, "request_id", "")
            if number and asking.service == "cli" and not getattr(request, "dry_run", False):
                self.acts.setdefault(method.service, set()).add((asking.person or "", method.name, str(UUID(number))))

    def _readable(self, method: Method, wire: bytes) -> str:
        request = GetMessageClass(method.request)()
        try:
            request.ParseFromString(wire)
        except DecodeError:
            return wire[:200].hex()
        return str(request)

    def _metadata(self, asking: Asking, audience: str) -> list[tuple[str, str]]:
        if asking.person is None:
            return []
        key, now = (asking.person, asking.token, audience), self._clock.now()
        made, token = self._tokens.get(key, (None, ""))
        if made is None or now - made > timedelta(seconds=20):
            made, token = now, self._token(asking, audience)
            self._tokens[key] = made, token
        return [(CALLER_HEADER, token)]

    def _token(self, asking: Asking, audience: str) -> str:
        if asking.token == "garbage":
            return "eyJhbGciOiJub25lIn0..aGVq"
        person = self.client.person(asking.person or "")
        caller = Caller("cli", person.id, Role(person.role), person.unit, person.organisation)
        other = SERVED[(SERVED.index(audience) + 1) % len(SERVED)]
        now = self._clock.now() - timedelta(minutes=10 if asking.token == "old" else 0)
        return sign_assertion(self.client.key, caller, other if asking.token == "another" else audience, now)

    # afterwards ---------------------------------------------------------------------------------------------------

    def is_healthy(self) -> bool:
        """Whether every service says that it serves."""
        stubs = (health_pb2_grpc.HealthStub(self.channel("cli", name)) for name in SERVED)
        asked = health_pb2.HealthCheckRequest()
        return all(stub.Check(asked, timeout=PATIENCE_S).status == health_pb2.HealthCheckResponse.SERVING for stub in stubs)

    def logged(self) -> Iterator[dict[str, Any]]:
        """What the services have written since last time; a line that is no JSON comes as `{"raw": …}`."""
        for name, end in self._log_ends.items():
            with self.folder.log(name).open("rb") as log:
                log.seek(end)
                text = log.read()
            self._log_ends[name] = end + len(text)
            for line in text.decode("utf-8", "replace").splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    yield {"raw": line}

    def bad_lines(self) -> list[str]:
        """Lines of the logs that hold what is personal, or tell of what nobody planned."""
        lines = [(json.dumps(entry, ensure_ascii=False), entry) for entry in self.logged()]
        unplanned = {"unplanned_error", "refusal_not_audited", "database_away"}
        secrets = _secrets()
        return [
            line for line, entry in lines if "raw" in entry or entry.get("event") in unplanned or any(secret in line for secret in secrets)
        ]

    def count_from_here(self) -> None:
        """What was there before the first question does not count."""
        self._before = {name: (self._refused_rows(name), self._remembered(name)) for name in SERVED}

    def unaudited(self) -> dict[str, tuple[int, int]]:
        """Refusals counted here and in the audit, where they differ."""
        found = {name: (self.refused[name], self._refused_rows(name) - self._before[name][0]) for name in SERVED}
        return {name: counts for name, counts in found.items() if counts[0] != counts[1]}

    def half_done(self) -> set[tuple[str, str, str]]:
        """Acts that were answered and are not remembered, and those that are remembered and were not answered."""
        found: set[tuple[str, str, str]] = set()
        for name in SERVED:
            before, now, answered = self._before[name][1], self._remembered(name), self.acts.get(name, set())
            found |= (answered - now) | (now - before - answered)
        return found

    def _refused_rows(self, name: str) -> int:
        rows = self._read("SELECT count(*) FROM {}.audit WHERE outcome = 'refused' AND service = 'cli'", name)
        return int(rows[0][0])

    def _remembered(self, name: str) -> set[tuple[str, str, str]]:
        rows = self._read(
            "SELECT principal, method, request_id::text FROM {}.request WHERE principal = ANY(%s)", name, list(self.client.people)
        )
        return {(row[0], row[1], row[2]) for row in rows}

    def _read(self, query: LiteralString, schema: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url()) as connection:
            return connection.execute(sql.SQL(query).format(sql.Identifier(schema)), parameters).fetchall()


def _names_something(method: Method) -> bool:
    def names(kind: Any, depth: int) -> Iterator[str]:  # noqa: ANN401
        for one in kind.fields:
            yield one.name
            if one.message_type is not None and depth:
                yield from names(one.message_type, depth - 1)

    return any(name.endswith(("_id", "_ids")) and name != "request_id" for name in names(method.request, 2))


def _secrets() -> tuple[str, ...]:
    return (
        CANARY,
        CANARY.encode("unicode_escape").decode(),
        *NUMBERS,
        *(f"{one[2:8]}-{one[8:]}" for one in NUMBERS),
        *(one[2:] for one in NUMBERS),
    )
