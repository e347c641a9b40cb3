"""The partner's own database: what is handled, what is to be answered, what could not be handled.

SQLite from the standard library. One transaction holds the memory of the event, its effect and its answers, so that
a crash at any moment leaves either all of them or none; the Kafka offset comes after.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from partner.envelope import Event, Opened, Record
from partner.feedback import Reply
from partner.jose import Code, Refused

DEAD_LETTERS_MAX = 100
"""More than this means a fault of ours or of the kommun's: better to stop than to let everything pass."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS handled (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    handled_time TEXT NOT NULL,
    PRIMARY KEY (source, id)
) STRICT;
CREATE INDEX IF NOT EXISTS handled_in_order ON handled (source, key, sequence);
CREATE TABLE IF NOT EXISTS record (
    event_id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    disclosure_id TEXT NOT NULL,
    receiver_kind TEXT NOT NULL,
    record_kind TEXT NOT NULL,
    ground_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    secrecy TEXT NOT NULL,
    fields TEXT NOT NULL,
    received_time TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS reply (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS dead_letter (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    code TEXT NOT NULL,
    refused_time TEXT NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
) STRICT;
"""

Handler = Callable[[sqlite3.Connection, Opened, datetime], Sequence[Reply]]
"""What the partner does with an event, inside the transaction that remembers it; gives the answers to send."""


class DeadLettersFullError(Exception):
    """There is no more room for records that could not be handled; a person has to look."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """One SQLite file; a connection per process."""

    connection: sqlite3.Connection

    @classmethod
    def open(cls, file: Path | str) -> "Inbox":
        """Open or create the database. Its files can be read by the owner alone: they hold what was sent, opened."""
        if file != ":memory:":
            Path(file).touch(mode=0o600)
        connection = sqlite3.connect(file, isolation_level=None, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        return cls(connection)

    def receive(self, opened: Opened, now: datetime, handler: Handler) -> bool:
        """Handle an event once; False when it already was. Raises Refused when a later one of its key has been."""
        event = opened.event
        with self._transaction() as tx:
            if self.knows(event):
                return False
            (latest,) = tx.execute("SELECT max(sequence) FROM handled WHERE source = ? AND key = ?", (event.source, event.key)).fetchone()
            if latest is not None and event.sequence <= latest:
                raise Refused(Code.SEQUENCE_REPLAYED)
            tx.execute(
                "INSERT INTO handled VALUES (?, ?, ?, ?, ?)",
                (event.source, event.id, event.key, event.sequence, now.isoformat()),
            )
            _put(tx, handler(tx, opened, now))
        return True

    def knows(self, event: Event) -> bool:
        """Whether the event has been handled."""
        found = self.connection.execute("SELECT 1 FROM handled WHERE source = ? AND id = ?", (event.source, event.id))
        return found.fetchone() is not None

    def set_aside(self, record: Record, code: Code, now: datetime, replies: Sequence[Reply]) -> None:
        """Remember where a refused record lies in the topic, and its answer. Raises DeadLettersFullError.

        The record itself stays in Kafka, sealed, as long as the topic keeps it.
        """
        with self._transaction() as tx:
            (count,) = tx.execute("SELECT count(*) FROM dead_letter").fetchone()
            if count >= DEAD_LETTERS_MAX:
                raise DeadLettersFullError
            tx.execute(
                "INSERT OR IGNORE INTO dead_letter VALUES (?, ?, ?, ?, ?)",
                (record.topic, record.partition, record.offset, code.value, now.isoformat()),
            )
            _put(tx, replies)

    def pending(self, count_max: int = 100) -> list[Reply]:
        """Answers that the broker has not acknowledged yet, oldest first."""
        rows = self.connection.execute("SELECT id, topic, key, value, signature FROM reply ORDER BY rowid LIMIT ?", (count_max,))
        return [Reply(*row) for row in rows]

    def acknowledged(self, reply_id: str) -> None:
        """The broker has the answer: forget it."""
        self.connection.execute("DELETE FROM reply WHERE id = ?", (reply_id,))

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def store(tx: sqlite3.Connection, opened: Opened, now: datetime) -> None:
    """Keep an opened record; what the reference partner does with all of them."""
    event = opened.event
    tx.execute(
        "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.id,
            event.type,
            event.key,
            event.sequence,
            event.disclosure_id,
            opened.receiver_kind,
            opened.record_kind,
            opened.ground_id,
            opened.purpose,
            json.dumps(opened.secrecy, ensure_ascii=False),
            json.dumps(opened.fields, ensure_ascii=False, sort_keys=True),
            now.isoformat(),
        ),
    )


def _put(tx: sqlite3.Connection, replies: Sequence[Reply]) -> None:
    for reply in replies:
        tx.execute(
            "INSERT OR IGNORE INTO reply VALUES (?, ?, ?, ?, ?)",
            (reply.id, reply.topic, reply.key, reply.value, reply.signature),
        )
