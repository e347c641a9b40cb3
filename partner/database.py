"""The partner's own database, SQLite or PostgreSQL, behind the few calls that the inbox and a handler need.

SQL is written once, with `?` for a value; what the two spell or do differently is here and nowhere else.
"""

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

LOCK_TIMEOUT_S = 30
_POLL_S = 0.02
_WRITERS = 0x6C6F73
"""The advisory lock of PostgreSQL that lets one transaction write at a time, as SQLite does by itself."""


class DatabaseProblem(Exception):
    """The database cannot be used. The text is Swedish and never anything of a record."""


class Database(ABC):
    """A connection. `connection` is the driver's own, for a handler with SQL of its own."""

    connection: Any
    words: Mapping[str, str]
    """How the types of the inbox's tables are spelt."""
    driver: Any
    """The driver's module, with the exceptions of PEP 249."""

    def execute(self, sql: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - a cursor of either driver
        """Run one statement: `?` for a value, no other `?` or `%`. Raises DatabaseProblem, or what the driver says of the statement."""
        try:
            return self._run(sql, values)
        except self.driver.Error as error:
            raise self._told(error) from None

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """All or nothing; one at a time in the whole database. Raises DatabaseProblem."""
        try:
            with self._one_at_a_time():
                yield self
        except self.driver.Error as error:
            raise self._told(error) from None

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    @abstractmethod
    def wipe(self) -> None:
        """Leave no trace in the files of what has been deleted, where that is ours to do."""

    @abstractmethod
    def _run(self, sql: str, values: Sequence[object]) -> Any:  # noqa: ANN401 - as above
        """Run one statement."""

    @abstractmethod
    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """A transaction that no other writer can be in the middle of."""

    def _told(self, error: Exception) -> Exception:
        """What is wrong with the database itself stops the partner; what is wrong with a statement is its author's."""
        driver = self.driver
        if isinstance(error, (driver.OperationalError, driver.InterfaceError)) or type(error) is driver.DatabaseError:
            return DatabaseProblem(f"Partnerns databas går inte att använda ({type(error).__name__}).")
        return error


class Sqlite(Database):
    """One file, or `:memory:`. The file can be read by its owner alone: it holds what was sent, opened."""

    words: Mapping[str, str] = {"integer": "INTEGER", "bytes": "BLOB", "number": "INTEGER PRIMARY KEY AUTOINCREMENT", "strict": "STRICT"}
    driver = sqlite3

    def __init__(self, file: Path | str) -> None:
        try:
            if file != ":memory:":
                Path(file).touch(mode=0o600)
            self.connection = sqlite3.connect(file, isolation_level=None, timeout=LOCK_TIMEOUT_S)
            _write_ahead(self.connection)
            for setting in ("synchronous = FULL", "secure_delete = ON"):
                self.connection.execute(f"PRAGMA {setting}")
        except (OSError, sqlite3.Error) as error:
            raise DatabaseProblem(f"Partnerns databas går inte att använda ({type(error).__name__}).") from None

    def wipe(self) -> None:
        """Deleted pages are overwritten (`secure_delete`); here the log that still holds them is emptied too."""
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _run(self, sql: str, values: Sequence[object]) -> Any:  # noqa: ANN401 - as above
        return self.connection.execute(sql, values)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. SQLite does not itself wait for another process that does so in the same moment."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


class Postgresql(Database):
    """A PostgreSQL address."""

    words: Mapping[str, str] = {
        "integer": "BIGINT",
        "bytes": "BYTEA",
        "number": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "strict": "",
    }

    def __init__(self, address: str) -> None:
        try:
            import psycopg  # noqa: PLC0415 - only a partner that has PostgreSQL needs it
        except ImportError:
            raise DatabaseProblem("Paketet psycopg saknas. Det behövs för att använda PostgreSQL: pip install 'psycopg[binary]'.") from None
        self.driver = psycopg
        try:
            self.connection = psycopg.connect(address, autocommit=True, connect_timeout=10, application_name="los partner")
        except psycopg.Error as error:
            raise DatabaseProblem(_unreachable(str(error))) from None

    def wipe(self) -> None:
        """Nothing: what has been deleted is overwritten when the database vacuums, and that is its owner's to arrange."""

    def _run(self, sql: str, values: Sequence[object]) -> Any:  # noqa: ANN401 - psycopg is not imported here
        return self.connection.execute(sql.replace("?", "%s"), values)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with self.connection.transaction():
            self.connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
            yield


def _unreachable(text: str) -> str:
    """The driver's text may hold a part of a mistyped address, and so of the password: it is understood, not repeated."""
    if "authentication failed" in text:
        return "Partnerns PostgreSQL godtar inte användaren eller lösenordet."
    if "does not exist" in text:
        return "Partnerns PostgreSQL har ingen sådan databas eller användare."
    if "permission denied" in text:
        return "Användaren får inte öppna databasen i partnerns PostgreSQL."
    return "Partnerns PostgreSQL svarar inte på den adress som är angiven."


def connect(address: Path | str) -> Database:
    """`postgresql://…`, a file, or `:memory:`. Raises DatabaseProblem."""
    if isinstance(address, str) and address.startswith(("postgresql://", "postgres://")):
        return Postgresql(address)
    return Sqlite(address)
