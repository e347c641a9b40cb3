"""Alerts by the million: made by the registry's own code, row for row, and copied in.

A person is in three records and a house has twenty flats, however many records there are: that is how a kommun grows.
"""

import os
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from los.registry.v1 import registry_pb2 as pb
from psycopg import sql
from sqlalchemy import Insert, Table

from services.kernel.callers import Caller, Role
from services.kernel.clock import FixedClock
from services.kernel.db import DIALECT
from services.kernel.protection import Protection
from services.kernel.records import auditor
from services.kernel.vault import Vault
from services.registry.domain.alert import Report
from services.registry.service.registering import Registering
from services.registry.store import Alerts, Payments, tables

UNIT = "KLF"
OFFICER = Caller("cli", "klf-handlaggare-1", Role.ALERT_OFFICER, UNIT)
PEOPLE = [
    line
    for line in (Path(__file__).parents[1] / "samples" / "testpersonnummer.txt").read_text(encoding="ascii").split()
    if line.isdigit() and "1940" < line[:4] < "2000"
][:1000]
EACH = 3
"""Records of one person."""
BATCH = 20_000
KNOWN = 2_000
FLATS = 20
FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)


class Rows:
    """What a transaction would have sent, by table."""

    def __init__(self) -> None:
        self.by_table: dict[Table, list[Mapping[str, Any]]] = {}

    def insert(self, table: Table, **row: Any) -> None:  # noqa: ANN401  # as Transaction.insert
        """One row."""
        self.by_table.setdefault(table, []).append(row)

    def execute(self, statement: Insert) -> int:
        """An insert that would have told whether it was the first."""
        row = statement.compile(dialect=DIALECT).params
        self.insert(statement.table, **row)  # type: ignore[arg-type]  # no join
        return 1

    def queues(self, *_: object, **__: object) -> bool:
        """Each record is alone."""
        return False


class Apart(Vault):
    """Blind indexes of as many persons as there are records of, of published test numbers alone: a group is indexed too."""

    group = 0

    def index(self, kind: str, text: str) -> bytes:
        """As the vault's, of a person of this group."""
        return super().index(kind, f"{text}/{self.group}" if self.group and kind == "number" else text)


def report_message(place: str, person: str) -> pb.AlertReport:
    """One flat, as a request."""
    return pb.AlertReport(
        source_kind="own",
        property_designation=f"LINKÖPING NYA {place.replace('-', ':')}",
        street_address=f"Nygatan {place}",
        postal_code="58222",
        city="Linköping",
        apartment_number="1201",
        contract_holder_name="Alma Prov",
        contract_holder_id_number=person,
        observed_from="2026-10-01",
        observed_to="2026-11-01",
        observation_types=["apartment_empty"],
    )


def _report(number: int) -> Report:
    house = number // FLATS
    day = (FIRST_DAY + timedelta(days=number % 2000)).date()
    return Report(
        source_kind="own",
        property_designation=f"LINKÖPING PROVET {house}:1",
        street_address=f"Provgatan {house}",
        postal_code="58222",
        city="Linköping",
        apartment_number=f"1{number % FLATS + 1:03d}",
        contract_holder_name="Alma Prov",
        contract_holder_id_number=PEOPLE[number // EACH % len(PEOPLE)],
        observed_from=day,
        observed_to=day + timedelta(days=30),
        observation_types=("apartment_empty",),
    )


def fill(url: str, keys: tuple[Path, Path], size: int) -> list[str]:
    """Put `size` alerts of the unit in; ids of some. Several processes; then ANALYZE."""
    ids = in_parts(partial(_fill_part, url, keys), size)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # what the filling left to write is written now, not while the questions are asked
    return random.Random(size).sample(ids, min(KNOWN, len(ids)))  # noqa: S311


def in_parts(part: Callable[[int, int], list[str]], size: int) -> list[str]:
    """What all parts give; each from a number to another, in several processes where there are several parts."""
    ends = [(start, min(start + BATCH, size)) for start in range(0, size, BATCH)]
    if len(ends) == 1:
        return part(*ends[0])
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return [one for task in [pool.submit(part, *each) for each in ends] for one in task.result()]


def _fill_part(url: str, keys: tuple[Path, Path], start: int, end: int) -> list[str]:
    vault = Apart.from_files("registry", *keys)
    clock = FixedClock(FIRST_DAY + timedelta(seconds=start))
    registering = Registering(None, Alerts(vault), Payments(vault), auditor(tables.audit, clock), clock)  # type: ignore[arg-type]
    rows: Any = Rows()
    for number in range(start, end):
        vault.group = number // EACH // len(PEOPLE)
        clock.moment = FIRST_DAY + timedelta(seconds=number)
        registering.add_alert(rows, _report(number), Protection.UNKNOWN, OFFICER, needs_review=False)
    return copy(url, "registry", rows, tables.alert)


def copy(url: str, schema: str, rows: Rows, made: Table) -> list[str]:
    """Put all the rows in; the ids of those of one table."""
    if tables.subject in rows.by_table:
        persons: dict[bytes, Mapping[str, Any]] = {row["number"]: row for row in rows.by_table[tables.subject]}
        rows.by_table[tables.subject] = list(persons.values())
    with psycopg.connect(url, options=f"-c search_path={schema} -c synchronous_commit=off") as connection, connection.cursor() as cursor:
        for table, each in rows.by_table.items():
            _copy(cursor, table, each)
    return [str(row["id"]) for row in rows.by_table[made]]


def _copy(cursor: psycopg.Cursor[Any], table: Table, rows: list[Mapping[str, Any]]) -> None:
    """A person may have come with another part: persons go through a table of their own."""
    columns = list(rows[0])
    names, into = sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table.name)
    aside = sql.Identifier(f"new_{table.name}") if table is tables.subject else into
    if aside is not into:
        cursor.execute(sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(aside, names, into))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(aside, names)) as copy:
        for row in rows:
            copy.write_row([row[name] for name in columns])
    if aside is not into:
        cursor.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING").format(into, names, names, aside))
