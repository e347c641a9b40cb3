"""The demo's OpenID provider: whoever opens it chooses among the people of people.toml. For one machine, never for production."""

import json
import os
import secrets as random
import sys
import time
import tomllib
from collections.abc import Mapping
from functools import partial

import psycopg

from infra.folder import Folder, write_once
from infra.ports import HOST, answers
from infra.postgres import Postgres
from infra.problem import StackProblem, from_log
from infra.process import Child, Command, launch

NAME = "provider"
KOMMUN_ORG_NUMBER = "2120000449"
"""Linköping, by Bolagsverket's public register."""

_AFFILIATION = "https://id.oidc.se/claim/orgAffiliation"
_CLIENT_ID = "los-gateway"
_START_DEADLINE_S = 60.0
_POLL_S = 0.1


class ProviderPart:
    """The provider as a part of the stack."""

    name = NAME

    def __init__(self, folder: Folder, port: int) -> None:
        self.folder = folder
        self.port = port

    def launch(self) -> Child:
        """Start it with the people as they stand in people.toml now."""
        words = [sys.executable, "-m", "oidc_provider_mock", "--host", HOST, "--port", str(self.port), "--no-refresh-token", "True"]
        for person in _rows(self.folder, "person"):
            claims = {"sub": f"{person['name']} ({person['id']})", _AFFILIATION: affiliation(person)}
            words += ["--user-claims", json.dumps(claims, ensure_ascii=False)]
        return launch(self.folder, Command(NAME, words, {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}))

    def wait(self, child: Child) -> None:
        """Wait until it answers. Raises StackProblem when it stops or does not."""
        deadline = time.monotonic() + _START_DEADLINE_S
        while not answers(self.port):
            if not child.alive or time.monotonic() >= deadline:
                raise from_log("Inloggningstjänsten", child.log, child.log_start)
            time.sleep(_POLL_S)


def settings(folder: Folder, port: int) -> dict[str, object]:
    """What the gateway's configuration says of the provider."""
    secret = folder.secrets / "provider-client.secret"
    write_once(secret, partial(random.token_urlsafe, 32))
    return {
        "issuer": f"http://localhost:{port}",
        "client_id": _CLIENT_ID,
        "client_authentication": "client_secret_basic",
        "client_secret_file": str(secret),
    }


def arrange_accounts(folder: Folder, postgres: Postgres) -> None:
    """Make the gateway's accounts those of people.toml; who is no longer there may no longer sign in. Raises StackProblem."""
    try:
        rows = [
            (row["id"], affiliation(row), row["name"], row["role"], row["unit"], row.get("organisation"), kind == "system")
            for kind in ("person", "system")
            for row in _rows(folder, kind)
        ]
    except (KeyError, TypeError):
        raise StackProblem("people.toml: en person eller ett system saknar id, name, role eller unit.") from None
    with psycopg.connect(postgres.url()) as database, database.cursor() as cursor:
        cursor.execute("SET search_path = gateway")
        cursor.execute("UPDATE account SET active = false")
        cursor.executemany(
            "INSERT INTO account (person, affiliation, name, role, unit, organisation, is_system, active)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, true)"
            " ON CONFLICT (person) DO UPDATE SET (affiliation, name, role, unit, organisation, is_system, active)"
            " = (excluded.affiliation, excluded.name, excluded.role, excluded.unit, excluded.organisation, excluded.is_system, true)",
            rows,
        )


def _rows(folder: Folder, kind: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = tomllib.loads(folder.people_file.read_text(encoding="utf-8")).get(kind, [])
    return rows


def affiliation(person: Mapping[str, str]) -> str:
    """Who a person, or a system, is to the gateway."""
    return f"{person['id']}@{person.get('organisation', KOMMUN_ORG_NUMBER).replace('-', '')}"
