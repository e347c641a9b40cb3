"""Published statistics of a service: closed periods, each counted once and then never again; and how they are told.

A release is appended and never changed, whatever becomes of the records: the same question has the same answer. What has to be carried
to the next period is sealed beside it. Corrections of a closed period are not published: the next counts what happened in it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from los.common.v1 import common_pb2
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout
from pydantic import TypeAdapter
from sqlalchemy import Column, LargeBinary, MetaData, Select, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.callers import Caller
from services.kernel.clock import Clock, timestamp
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict
from services.kernel.ids import new_id
from services.kernel.log import log
from services.kernel.records import INSTANT, Audit
from services.kernel.statistics import Happened, Kept, Plan, Quarter, Row, close, tallied
from services.kernel.vault import Vault

CLOSE_EVERY_S = 3600.0
UNDER_WAY = timedelta(hours=1)
"""How long after a quarter it is counted: longer than any transaction that wrote down a moment in it can be under way."""
AT_ONCE = 500
"""Records read in one statement: memory is bounded, and no statement grows with the quarter beyond its index."""
KEPT = TypeAdapter(Kept)
ROWS = TypeAdapter(list[Row])
FIRST = """
CREATE TABLE statistics_release (
    id uuid PRIMARY KEY, period text NOT NULL UNIQUE, closed_time timestamptz NOT NULL, rows jsonb NOT NULL, data_key bytea, kept bytea);
GRANT SELECT, INSERT ON statistics_release TO {role};
"""


def release_table(metadata: MetaData) -> Table:
    """What was published, and sealed beside it what is carried on (only in a quarter's row). INSERT and SELECT only."""
    return Table(
        "statistics_release",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("period", Text, nullable=False, unique=True),
        Column("closed_time", INSTANT, nullable=False),
        Column("rows", JSONB, nullable=False),
        Column("data_key", LargeBinary),
        Column("kept", LargeBinary),
    )


@dataclass(frozen=True, slots=True)
class Counting:
    """How a service counts: everything that happened from an instant to another, and when the first thing did (None: nothing yet)."""

    plan: Plan
    happened: Callable[[Transaction, datetime, datetime], Iterable[Happened]]
    first_time: Callable[[Transaction], datetime | None]


def in_pages(tx: Transaction, among: Select[Any], column: Column[UUID]) -> Iterator[list[UUID]]:
    """The different ids that a select of one column finds, AT_ONCE at a time."""
    page: list[UUID] = []
    while not page or len(page) == AT_ONCE:
        rest = among.where(column > page[-1]) if page else among
        page = [row[0] for row in tx.read(rest.distinct().order_by(column).limit(AT_ONCE))]
        if not page:
            return
        yield page


class Releases:
    """Closes the periods of one service, and reads what was published."""

    def __init__(self, database: Database, table: Table, vault: Vault, counting: Counting, audit: Audit, clock: Clock) -> None:
        """`table` is the service's release table."""
        self._database = database
        self._table = table
        self._vault = vault
        self._counting = counting
        self._audit = audit
        self._clock = clock

    def close_due(self) -> int:
        """Close every quarter that is over, the oldest first; how many. Of two that close at once one finds that it is done."""
        number = 0
        try:
            while self._close_next():
                number += 1
        except UniqueViolation:
            pass
        return number

    def _close_next(self) -> bool:
        columns, now = self._table.c, self._clock.now()
        with self._database.transaction() as tx:
            before = tx.one(select(self._table).where(columns.kept.is_not(None)).order_by(columns.period.desc()).limit(1))
            first = self._counting.first_time(tx) if before is None else None
            if before is None and first is None:
                return False
            quarter = _parsed(before.period).next if before is not None else Quarter.of(first or now)
            if now < quarter.next.start + UNDER_WAY:
                return False
            kept = Kept()
            if before is not None:
                key = self._vault.open_key(before.id, before.data_key)
                kept = KEPT.validate_json(key.open(self._table.name, "kept", before.kept))
            counted = tallied(self._counting.plan, self._counting.happened(tx, quarter.start, quarter.next.start), quarter)
            kept, rows, of_year = close(self._counting.plan, kept, counted, quarter)
            self._add(tx, str(quarter), rows, now, kept)
            if of_year:
                self._add(tx, str(quarter.year), of_year, now, None)
            self._audit(tx, f"{self._database.schema}:statistics:close", Caller(self._database.schema), period=str(quarter))
        return True

    def _add(self, tx: Transaction, period: str, rows: list[Row], now: datetime, kept: Kept | None) -> None:
        release_id, sealed = new_id(), {}
        if kept is not None:
            key = self._vault.new_key(release_id)
            sealed = {"data_key": key.wrapped, "kept": key.seal(self._table.name, "kept", KEPT.dump_json(kept))}
        published = Jsonb(ROWS.dump_python(rows, mode="json"))
        tx.insert(self._table, id=release_id, period=period, closed_time=now, rows=published, **sealed)

    def read(self, asking: Caller, period: str) -> common_pb2.Statistics:
        """What was published of a period. Raises Conflict when it is not over, or nothing is counted for it."""
        with self._database.transaction() as tx:
            row = tx.one(select(self._table).where(self._table.c.period == period))
            if row is None:
                raise Conflict(
                    "period: det finns ingen statistik för perioden. Den räknas när kvartalet är slut, och året efter det sista."
                )
            self._audit(tx, f"{self._database.schema}:statistics:read", asking, period=period)
        rows = ROWS.validate_python(row.rows)
        return common_pb2.Statistics(period=row.period, closed_time=timestamp(row.closed_time), tables=_tables(self._counting.plan, rows))


def _parsed(period: str) -> Quarter:
    year, _, number = period.partition("-Q")
    return Quarter(int(year), int(number))


def _tables(plan: Plan, rows: list[Row]) -> Iterable[common_pb2.StatisticsTable]:
    """The rows with their Swedish words, as they are today; the numbers are as they were."""
    for indicator in plan.indicators:
        mine = [row for row in rows if row.indicator == indicator.name]
        if not mine:
            continue
        table = common_pb2.StatisticsTable(name=indicator.name, heading=indicator.heading, method=indicator.method)
        for row in mine:
            breakdown = plan.breakdowns.get(row.breakdown)
            words = {one.code: one.word for one in breakdown.words} if breakdown else {}
            amount = indicator.amount if row.of_amount else None
            table.rows.add(
                breakdown=row.breakdown,
                breakdown_heading=breakdown.heading if breakdown else "",
                code=row.code,
                word=words.get(row.code, row.code),
                unit=amount.unit if amount else "antal",
                heading=amount.heading if amount else indicator.heading,
                value=row.value,
                since=row.since,
            )
        yield table


class Closing:
    """The loop that closes periods: at start, and then every hour."""

    def __init__(self, releases: Releases) -> None:
        """Of one service."""
        self._releases = releases
        self._stopped = threading.Event()

    def run(self) -> None:
        """Until stop(). A database that is away is asked again the next hour."""
        while True:
            try:
                closed = self._releases.close_due()
                if closed:
                    log.info("statistics_closed", quarters=closed)
            except (psycopg.Error, PoolTimeout) as error:
                log.error("statistics_not_closed", error=type(error).__name__)
            if self._stopped.wait(CLOSE_EVERY_S):
                return

    def stop(self) -> None:
        """Ask it to end."""
        self._stopped.set()
