"""A question of work reads a few rows, however many there are: counted in the plan as it was carried out, not timed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import ARRAY, BigInteger, Boolean, Integer, LargeBinary, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from bench.filling import OFFICER, PEOPLE, UNIT, fill
from infra import secrets
from infra.postgres import Postgres
from services.kernel.db import Row, Transaction, compiled
from services.kernel.vault import Vault
from services.registry.domain import alert as alerts
from services.registry.store import Alerts, Links, LookUps, Work
from services.sharing.store import Store, tables

ALERTS = 5_000
ROWS = 50_000
"""Of sharing's tables: as many that reading all of a table is no bargain."""
READ_MAX = 400
"""Rows of any one table that a question may read: a page is 21, with what belongs to each."""
KINDS = frozenset({"folkbokforing_alert"})


class Counting(Transaction):
    """Carries each question out under EXPLAIN first, and keeps how many rows of which table it read."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self._plain = connection
        self.read_rows: dict[str, int] = {}

    def read(self, statement: Any) -> list[Row]:  # noqa: ANN401
        self._count(statement)
        return super().read(statement)

    def one(self, statement: Any) -> Row | None:  # noqa: ANN401
        self._count(statement)
        return super().one(statement)

    def _count(self, statement: Any) -> None:  # noqa: ANN401
        text, parameters = compiled(statement)
        row = self._plain.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", parameters).fetchone()
        assert row is not None
        for table, rows in _scans(row[0][0]["Plan"]):
            self.read_rows[table] = max(self.read_rows.get(table, 0), rows)


def _scans(plan: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if "Relation Name" in plan:
        each = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        yield plan["Relation Name"], round(each * plan["Actual Loops"])
    for inner in plan.get("Plans", ()):
        yield from _scans(inner)


def _filler(column: Any) -> str:  # noqa: ANN401  # a column of any type
    kinds = ((Uuid, "uuidv7()"), (ARRAY, "'{}'"), (JSONB, "'{}'"), (Boolean, "false"), (LargeBinary, "decode(md5(n::text), 'hex')"))
    numbers = ((SmallInteger, "1"), (BigInteger, "n"), (Integer, "n"), (Text, "'x'"))
    return next((text for kind, text in (*kinds, *numbers) if isinstance(column.type, kind)), "now()")


def put(connection: psycopg.Connection[Any], table: Table, **columns: str) -> None:
    """Many rows of a table; `columns` are SQL over the row's number n."""
    filled = {column.name: columns.get(column.name) or _filler(column) for column in table.columns if not column.identity}
    connection.execute(
        f"INSERT INTO {table.name} ({', '.join(filled)}) SELECT {', '.join(filled.values())} FROM generate_series(1, {ROWS}) n"  # noqa: S608
    )


@pytest.fixture(scope="module")
def filled(postgres: Postgres) -> Iterator[str]:
    """A database with many alerts of one unit, and many offers, disclosures and notices of it."""
    name = "growth_of_tables"
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE los")
        fill(postgres.url(database=name), secrets.vault_files(postgres.folder, "registry"), ALERTS)
        with psycopg.connect(postgres.url(database=name), options="-c search_path=sharing", autocommit=True) as sharing:
            some = {"record_kind": "'folkbokforing_alert'", "unit": f"'{UNIT}'"}
            put(sharing, tables.offer, **some, record_id=_id(1), state="'decided'", protection="'none'", revision="1")
            put(sharing, tables.disclosure, **some, id=_id(2), record_id=_id(1), replaces="'{}'")
            put(sharing, tables.disclosure_event, disclosure_id=_id(2), status="'sent'")
            put(sharing, tables.reply, disclosure_id=_id(2))
            put(sharing, tables.inbound, unit=f"'{UNIT}'", state="'acknowledged'", protection="'none'")
            put(sharing, tables.role_change, person="'person-' || n", role="'approver'", unit=f"'{UNIT}'")
            sharing.execute("VACUUM ANALYZE")
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _id(kind: int) -> str:
    return f"('0000000{kind}-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"


SOME_ID = UUID("00000002-0000-4000-8000-000000002500")


def registry_questions(vault: Vault, an_id: UUID) -> dict[str, Callable[[Counting], object]]:
    store, every = Alerts(vault), list(alerts.State)
    return {
        "a page": lambda tx: store.page(tx, OFFICER, every, Work.ALL, None, 21),
        "a later page": lambda tx: store.page(tx, OFFICER, every, Work.ALL, an_id, 21),
        "a state that few have": lambda tx: store.page(tx, OFFICER, [alerts.State.NEEDS_COMPLETION], Work.ALL, None, 21),
        "what is new": lambda tx: store.page(tx, OFFICER, every, Work.NEW, None, 21),
        "one's own": lambda tx: store.page(tx, OFFICER, every, Work.MINE, None, 21),
        "what is due": lambda tx: store.page(tx, OFFICER, every, Work.DUE, None, 21),
        "one": lambda tx: store.seen(tx, an_id, OFFICER),
        "links": lambda tx: Links().page(tx, cast("Row", Links().of(tx, an_id)), [alerts.RECORD_KIND], None, 21),
        "a person": lambda tx: LookUps(vault).records(tx, UNIT, PEOPLE[5], [alerts.RECORD_KIND]),
        "questions of today": lambda tx: LookUps(vault).since(tx, "somebody", datetime(2026, 1, 1, tzinfo=UTC)),
    }


def sharing_questions(store: Store) -> dict[str, Callable[[Counting], object]]:
    return {
        "the tray": lambda tx: store.offers(tx, UNIT, KINDS, [], None, 21),
        "what waits in the tray": lambda tx: store.offers(tx, UNIT, KINDS, ["waiting"], None, 21),
        "disclosures": lambda tx: store.disclosures(tx, UNIT, KINDS, [], None, 21),
        "one": lambda tx: store.disclosure_of_unit(tx, SOME_ID, UNIT),
        "its events": lambda tx: store.events(tx, SOME_ID),
        "the inbox": lambda tx: store.inbox(tx, UNIT, [], None, 21),
        "what is new in the inbox": lambda tx: store.inbox(tx, UNIT, ["new"], None, 21),
        "whether a role has ended": lambda tx: store.has_ended(tx, "person-7", "approver", UNIT),
        "what was told about a person": lambda tx: store.inbound_about(tx, [b"x" * 16], UNIT),
    }


def ask(url: str, schema: str, question: Callable[[Counting], object]) -> dict[str, int]:
    options = f"-c search_path={schema}"
    with psycopg.connect(url, autocommit=True, row_factory=namedtuple_row, options=options) as connection:
        tx = Counting(connection)
        question(tx)
        return tx.read_rows


def test_a_question_to_the_registry_reads_a_few_rows_of_many(postgres: Postgres, filled: str) -> None:
    url = postgres.url(database=filled)
    vault = Vault.from_files("registry", *secrets.vault_files(postgres.folder, "registry"))
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT id FROM registry.alert ORDER BY id OFFSET 2500 LIMIT 1").fetchone()
    assert row is not None
    found = {name: ask(url, "registry", question) for name, question in registry_questions(vault, row[0]).items()}
    assert all(found.values())
    assert {name: read for name, read in found.items() if max(read.values()) > READ_MAX} == {}


def test_a_question_to_sharing_reads_a_few_rows_of_many(postgres: Postgres, filled: str) -> None:
    store = Store(Vault.from_files("sharing", *secrets.vault_files(postgres.folder, "sharing")))
    url = postgres.url(database=filled)
    found = {name: ask(url, "sharing", question) for name, question in sharing_questions(store).items()}
    assert all(found.values())
    assert {name: read for name, read in found.items() if max(read.values()) > READ_MAX} == {}
