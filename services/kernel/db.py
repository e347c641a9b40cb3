"""PostgreSQL: one pool, one kind of transaction.

Statements are SQLAlchemy Core. Reads and conditional changes run at once; other writes are queued and leave together with the
COMMIT: in one psycopg pipeline, or as one statement where a transaction only adds rows (measured, see docs/adr/0002).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from alembic import command, context
from alembic.config import Config as AlembicConfig
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool
from sqlalchemy import ClauseElement, Executable, Table, create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import make_url

from services.kernel.config import DatabaseConfig

DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
WAIT_FOR_CONNECTION_S = 4.0
OWNER = "los_owner"
# From so many rows on, those of a table are copied in together.
COPY_FROM = 50
P = ParamSpec("P")
T = TypeVar("T")

Row = Any  # a psycopg named tuple: the columns are the names of the select


def compiled(statement: Executable) -> tuple[str, Mapping[str, Any]]:
    """A statement as text and parameters for psycopg."""
    assert isinstance(statement, ClauseElement)  # noqa: S101  # only a bug can break this
    result = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    return str(result), result.params


Shape = tuple[str, ...]
Placed = tuple[tuple[str, str], ...]  # column, and the name of its value; no name: NULL
_COLUMN = re.compile(r"%\((\w+)\)s")


@lru_cache(maxsize=256)
def _insert(table: Table, columns: Shape) -> str:
    """`again` in a table's info is what becomes of a row that is there already: an ON CONFLICT clause."""
    return f"{table.insert().compile(dialect=DIALECT, column_keys=list(columns))} {table.info.get('again', '')}"


@lru_cache(maxsize=256)
def _inserts(rows: tuple[tuple[Table, Placed], ...]) -> str | None:
    """Several rows as one statement; None when that would lose their order."""
    numbered = [table for table, _ in rows if any(column.identity for column in table.columns)]
    if len(numbered) > 1:  # PostgreSQL runs the parts of a WITH in an order of its own
        return None
    *parts, last = (_placed(_insert(table, tuple(name for name, _ in placed)), dict(placed)) for table, placed in rows)
    return f"WITH {', '.join(f'r{place} AS ({part})' for place, part in enumerate(parts))} {last}" if parts else last


def _placed(statement: str, names: Mapping[str, str]) -> str:
    return _COLUMN.sub(lambda column: f"%({name})s" if (name := names[column[1]]) else "NULL", statement)


def _together(rows: Sequence[tuple[Table, Mapping[str, Any]]]) -> tuple[str | None, Mapping[str, Any]]:
    """Rows as one statement, a value that several columns share given once: psycopg reads a statement of more than 50 anew each time."""
    names: dict[int, str] = {}
    values: dict[str, Any] = {}
    shapes = []
    for table, row in rows:
        placed = []
        for column, value in row.items():
            name = "" if value is None else names.setdefault(id(value), f"p{len(names)}")
            placed.append((column, name))
            if name:
                values[name] = value
        shapes.append((table, tuple(placed)))
    return _inserts(tuple(shapes)), values


class Transaction:
    """What can be done between opening and leaving a transaction."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Made by Database.transaction(); the connection commits each statement until `_begin`."""
        self._connection = connection
        self._begun = False
        self._rows: list[tuple[Table, Mapping[str, Any]]] = []  # while nothing but rows is queued
        self._queue: list[tuple[str, Mapping[str, Any]]] = []
        self._since = 0  # the first row of the record at hand

    def read(self, statement: Executable) -> list[Row]:
        """All rows of a select, now."""
        self._begin()
        return self._connection.execute(*compiled(statement)).fetchall()

    def one(self, statement: Executable) -> Row | None:
        """The first row of a select, now, or None."""
        self._begin()
        return self._connection.execute(*compiled(statement)).fetchone()

    def execute(self, statement: Executable) -> int:
        """Run a change now; how many rows it touched. For changes whose count decides what follows."""
        self.flush()
        self._begin()
        return self._connection.execute(*compiled(statement)).rowcount

    def insert(self, table: Table, **row: object) -> None:
        """Queue one new row. A value for a JSONB column is wrapped in psycopg's Jsonb."""
        self._queue.append((_insert(table, tuple(row)), row))
        self._rows.append((table, row))

    def queues(self, table: Table, **values: object) -> bool:
        """Whether a row with these values is queued: one statement cannot meet its own row again."""
        return any(other is table and values.items() <= row.items() for other, row in self._rows[self._since :])

    def apart(self, act: "Callable[Concatenate[Transaction, P], T]", *words: P.args, **more: P.kwargs) -> T:
        """Do something that knows nothing of what was queued before: one record of many."""
        self._since = len(self._rows)
        return act(self, *words, **more)

    def write(self, statement: Executable) -> None:
        """Queue a change."""
        self._queue.append(compiled(statement))

    def flush(self) -> None:
        """Send what is queued, without committing."""
        self._copy()
        if self._queue:
            with self._connection.pipeline():
                self._send()

    def commit(self) -> None:
        """Send what is queued and the COMMIT in one round trip. Raises what any of the statements raised."""
        self._copy()
        if not self._begun and self._queue and len(self._rows) == len(self._queue):
            statement, parameters = _together(self._rows)
            if statement is not None:
                self._connection.execute(statement, parameters)
                return
        if self._begun or self._queue:
            with self._connection.pipeline():
                self._send()
                self._connection.execute("COMMIT")

    def undo(self) -> None:
        """Send what is queued, so that it is judged, and leave no trace of it. Raises what any of the statements raised."""
        self._begin()
        self.flush()
        self._connection.execute("ROLLBACK")

    def _copy(self) -> None:
        """Where nothing but many rows are queued, send those that cannot be there already; the others stay in the queue."""
        if len(self._queue) != len(self._rows) or len(self._rows) < COPY_FROM:
            return
        self._begin()
        by_shape: dict[tuple[Table, Shape], list[Mapping[str, Any]]] = {}
        for table, row in self._rows:
            by_shape.setdefault((table, tuple(row)), []).append(row)
        self._rows, self._queue, self._since = [], [], 0
        with self._connection.cursor() as cursor:
            for (table, columns), rows in by_shape.items():
                if "again" in table.info:
                    self._queue += [(_insert(table, columns), row) for row in rows]
                    continue
                with cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(tuple(row.values()))

    def _begin(self) -> None:
        if not self._begun:
            self._connection.execute("BEGIN")
            self._begun = True

    def _send(self) -> None:
        self._begin()
        queue, self._queue, self._rows, self._since = self._queue, [], [], 0
        for sql, parameters in queue:
            self._connection.execute(sql, parameters)


class Database:
    """The schema of one service, reached with that service's own role."""

    def __init__(self, config: DatabaseConfig, schema: str) -> None:
        """Open the pool; it connects in the background and again after the database has been away."""
        self.conninfo = conninfo(config, schema)
        self.schema = schema
        self._pool = ConnectionPool(
            self.conninfo,
            min_size=2,
            max_size=config.database_connections_max,
            timeout=WAIT_FOR_CONNECTION_S,
            kwargs={"row_factory": namedtuple_row, "autocommit": True},
            open=True,
        )

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[Transaction]:
        """Commits on leaving, rolls back on any exception, or when nothing is to be kept. No network call belongs inside."""
        with self._pool.connection() as connection:
            transaction = Transaction(connection)
            yield transaction
            if keep:
                transaction.commit()
            else:
                transaction.undo()

    def close(self) -> None:
        """Give the connections back."""
        self._pool.close()


def conninfo(config: DatabaseConfig, schema: str) -> str:
    """The connection string of a service: its schema, its password, its time limits."""
    options = f"-c search_path={schema} -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    password = config.database_password_file.read_text(encoding="utf-8").strip()
    return psycopg.conninfo.make_conninfo(
        config.database_url, password=password, options=options, application_name=schema, connect_timeout=3
    )


def migrate(database_url: str, service: str) -> None:
    """Bring a service's schema to its newest form. `database_url` is an administrator's; the tables get `los_owner`.

    Migrations are in services/<service>/migrations/versions, numbered, one head.
    """
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / service / "migrations"))
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"SET ROLE {OWNER}"))
        connection.execute(text(f"SET search_path = {service}"))
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        config.attributes["connection"] = connection
        config.attributes["service"] = service
        command.upgrade(config, "head")
    engine.dispose()


def run_migrations() -> None:
    """What each service's migrations/env.py calls: run in the transaction that `migrate` opened."""
    attributes = context.config.attributes
    context.configure(connection=attributes["connection"], version_table_schema=attributes["service"])
    with context.begin_transaction():
        context.run_migrations()
