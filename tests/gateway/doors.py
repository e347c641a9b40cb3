"""Every door of the gateway: the app's own routes, the table of who may open what, and who asks in the tests."""

import json
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import httpx2
import psycopg
from google.protobuf.json_format import MessageToDict
from starlette.routing import BaseRoute

from infra import stack
from services.gateway.door import SESSION_COOKIE
from services.gateway.rest.document import PREFIX
from services.gateway.rest.table import OPERATIONS
from services.gateway.store import hashed
from services.gateway.web import LIST_PATHS
from services.kernel.callers import Caller, Role
from tests.gateway.browser import Browser
from tests.gateway.published import YEAR, publish
from tests.gateway.systems import Issuer

TABLE = Path(__file__).parents[2] / "docs" / "pages-and-roles.toml"
REST_NAMES = {
    "alerts": "alert_id",
    "suspected-payments": "payment_id",
    "control-objects": "object_id",
    "operations": "operation_id",
    "imports": "import_id",
    "object-imports": "object_import_id",
    "supplier-checks": "check_id",
    "tips": "tip_id",
    "disclosures": "disclosure_id",
    "inbound-notices": "inbound_id",
    "grounds": "ground_id",
}
UNITS = {
    "alert_id": "KLF",
    "payment_id": "IAF",
    "offer_id": "IAF",
    "preview_id": "IAF",
    "disclosure_id": "IAF",
    "tip_id": "MOS",
    "operation_id": "MOS",
    "look_up_id": "KLF",
    "import_id": "KLF",
    "object_import_id": "MOS",
    "inbound_id": "IAF",
    "check_id": "VSS",
}
"""The unit that has the record which the tests make."""
OWN = frozenset({"offer_id", "preview_id", "disclosure_id", "import_id"})
"""Records of which some roles have none but their own, made in own_records.py; the unit where the role has them:"""
OWN_UNITS: Mapping[Role, str] = {Role.ALERT_OFFICER: "KLF", Role.LOS_COORDINATOR: "MOS", Role.INSPECTOR: "MOS"}
WORDS = {
    "path": "los.css",
    "checklist": "mos-bygglov",
    "number": "1",
    "act": "aterrapporterad",
    "name": "pay-kfm-15a",
    "kind": "xlsx",
    "period": str(YEAR),
}
"""What an address has of other words than ids."""
LANDLORD, OTHER_LANDLORD = "559999-0180", "559999-0016"
HOME, AWAY = "KLF", "IAF"
STALE = "0"


def routes(app: Any) -> set[str]:  # noqa: ANN401  # an ASGI app
    """Every `METHOD /path` that the app answers."""
    return {door for route in app.routes for door in _doors(route, "")}


def _doors(route: BaseRoute, prefix: str) -> Iterator[str]:
    path = prefix + getattr(route, "path", "")
    inner: Any = getattr(route, "original_router", None) or getattr(route, "app", None)
    if getattr(route, "methods", None):
        folder = path.removeprefix(f"{PREFIX}/").partition("/")[0]
        named = path.replace("{id}", f"{{{REST_NAMES.get(folder, 'period')}}}") if path.startswith(PREFIX) else path
        yield from (f"{method} {named}" for method in route.methods if method != "HEAD")  # type: ignore[attr-defined]
    elif hasattr(inner, "routes"):
        for each in inner.routes:
            yield from _doors(each, path)
    else:
        yield f"GET {path}/{{path}}"


@dataclass(frozen=True, slots=True)
class Door:
    """A row of the table."""

    method: str
    path: str
    roles: frozenset[Role]
    unseen: frozenset[Role]
    form: Mapping[str, Any]
    is_open: bool = False
    kommun: bool = False
    blind: bool = False
    alone: bool = False
    of: str = ""
    kin: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_rest(self) -> bool:
        return self.path.startswith(PREFIX)

    @property
    def records(self) -> set[str]:
        """The records that the address and the form name."""
        return (self.in_address | set(re.findall(r"\{(\w+)\}", json.dumps(dict(self.form))))) - set(WORDS)

    @property
    def in_address(self) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", self.path))

    @property
    def unit(self) -> str:
        """Who has the record."""
        return self.of or next((UNITS[name] for name in sorted(self.records) if name in UNITS), HOME)

    def at(self, role: Role) -> str:
        """The unit where somebody in a role has the record."""
        return OWN_UNITS.get(role, self.unit) if self.records & OWN else self.unit

    def address(self, records: Mapping[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: quote(str({**WORDS, **records}[found[1]]), safe=""), self.path)

    def sent(self, records: Mapping[str, str]) -> dict[str, Any]:
        known = {**WORDS, **records}
        return {name: value.format_map(known) if isinstance(value, str) else value for name, value in self.form.items()}


def table() -> list[Door]:
    """The rows of docs/pages-and-roles.toml."""
    found = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    groups: dict[str, list[str]] = found.pop("groups")

    def roles(words: list[str]) -> frozenset[Role]:
        return frozenset(Role(each) for word in words for each in groups.get(word, [word]))

    doors = []
    for key, row in found.items():
        method, _, path = key.partition(" ")
        who, unseen, is_open = roles(row.pop("roles", [])), roles(row.pop("unseen", [])), row.pop("open", False)
        kin = row.pop("as", "")
        doors.append(Door(method, path, who, unseen, row.pop("form", {}), is_open=is_open, kin=kin, **row))
    return doors


def someone(role: Role, unit: str) -> Caller:
    """The person of a role in a unit; the landlords have organisations instead."""
    if role is Role.LANDLORD_REPORTER:
        return Caller("gateway", f"{role}-{unit}", role, "hyresvard", OTHER_LANDLORD if unit == AWAY else LANDLORD)
    return Caller("gateway", f"{role}-{unit}", role, unit)


def elsewhere(door: Door, role: Role) -> str:
    """A unit that has nothing to do with the record."""
    return AWAY if door.at(role) == HOME or role is Role.LANDLORD_REPORTER else HOME


def own(records: Mapping[str, str], *whose: str) -> dict[str, str]:
    """The words for records, where one of these has its own of the kind with that."""
    return {name: next((records[f"{who}:{name}"] for who in whose if f"{who}:{name}" in records), value) for name, value in records.items()}


EVERYBODY = [someone(role, unit) for role in Role for unit in ("KLF", "IAF", "MOS", "SF", "VSS")]


def enrol(running: stack.Stack) -> None:
    """Accounts of the kommun's table for everybody; nobody of them is at the provider. And there is something for all to read."""
    publish(running)
    with psycopg.connect(running.postgres.url()) as tables:
        tables.cursor().executemany(
            "INSERT INTO gateway.account (person, affiliation, name, role, unit, organisation, active)"
            " VALUES (%s, %s, %s, %s, %s, %s, true) ON CONFLICT DO NOTHING",
            [(who.person, who.person, f"Prov {who.role}", who.role, who.unit, who.organisation) for who in EVERYBODY],
        )


class Visitor:
    """Asks as one person does, with a session and with a system's token; `who` None: nobody."""

    def __init__(self, url: str, who: Caller | None, access: Callable[[], str]) -> None:
        self.who, self.browser, self.csrf, self.session = who, Browser(url), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._access = access
        self._host = url.split("//")[1]

    def arrive(self) -> None:
        """With the session's cookie, also after having signed out."""
        if self.who is not None:
            self.browser.cookies[self._host, SESSION_COOKIE] = self.session

    def open(self, door: Door, records: Mapping[str, str], *, headers: Mapping[str, str] | None = None, **more: str) -> httpx2.Response:
        """One request as the door's own form, with `more` in it, or a system would send it."""
        records = own(records, *([self.who.role] if self.who and self.who.role else []), door.kin)
        address = door.address(records)
        if door.is_rest:
            return self._call(door, address)
        if door.method == "GET":
            return self.browser.ask("GET", address, headers=headers)
        form = {"csrf": self.csrf, "request_id": str(uuid4()), "etag": STALE} | door.sent(records) | more
        if door.path in LIST_PATHS:
            return self.browser.upload(address, form, "lista.csv", b"", headers)
        return self.browser.ask("POST", address, form=form, headers=headers)

    def _call(self, door: Door, address: str) -> httpx2.Response:
        operation = next((each for each in OPERATIONS if _is(each, door)), None)
        headers = {"authorization": f"Bearer {self._access()}"} if self.who else {}
        body = None
        if operation is not None and operation.is_write:
            headers |= {"idempotency-key": str(uuid4())} if door.method == "POST" else {}
            headers |= {"if-match": f'"{STALE}"'} if operation.needs_etag else {}
            body = MessageToDict(operation.asked) if operation.asked is not None else None
        return self.browser.call(door.method, address, body, headers)


class Crowd:
    """One visitor for each person, as they come."""

    def __init__(self, running: stack.Stack, url: str, issuer: Issuer) -> None:
        self._running, self._url, self._issuer = running, url, issuer
        self._visitors: dict[Caller | None, Visitor] = {}

    def one(self, who: Caller | None) -> Visitor:
        """Somebody who is signed in; None: nobody."""
        if who not in self._visitors:
            person = (who.person if who else None) or ""
            self._visitors[who] = Visitor(self._url, who, lambda: self._issuer.token(person))
            self.sign_in(self._visitors[who])
        return self._visitors[who]

    def sign_in(self, *those: Visitor) -> None:
        """Those, or all who are here, have a session that has just begun."""
        found = [each for each in those or self._visitors.values() if each.who is not None]
        with psycopg.connect(self._running.postgres.url()) as tables:
            tables.cursor().executemany(
                "INSERT INTO gateway.session (token, person, csrf, created_time, seen_time) VALUES (%s, %s, %s, now(), now())"
                " ON CONFLICT (token) DO UPDATE SET created_time = now(), seen_time = now()",
                [(hashed(each.session), each.who.person, each.csrf) for each in found if each.who is not None],
            )
        for each in found:
            each.arrive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for each in self._visitors.values():
            each.browser.__exit__(kind, error, trace)


def _is(operation: Any, door: Door) -> bool:  # noqa: ANN401  # an Operation
    pattern = re.sub(r"\{\w+\}", "{id}", door.path.removeprefix(PREFIX))
    return bool(operation.http == door.method and operation.path == pattern)
