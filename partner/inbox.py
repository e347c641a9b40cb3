"""What the partner's own database remembers: what is handled, withdrawn, to be answered, missing, and what could not be handled.

One transaction holds the memory of the event, its effect and its answers, so that a crash at any moment leaves either
all of them or none; the Kafka offset comes after. The same SQL serves SQLite and PostgreSQL.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from partner.database import Database, connect
from partner.envelope import Change, Event, Opened, Record, Withdrawal
from partner.feedback import Reply
from partner.jose import EXPLANATIONS, Code, Refused

DEAD_LETTERS_MAX = 100
"""More than this means a fault of ours or of the kommun's: better to stop than to let everything pass."""

_TABLES = (
    """handled (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence {integer} NOT NULL,
    handled_time TEXT NOT NULL,
    PRIMARY KEY (source, id))""",
    """record (
    event_id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    key TEXT NOT NULL,
    sequence {integer} NOT NULL,
    disclosure_id TEXT NOT NULL,
    receiver_kind TEXT NOT NULL,
    record_kind TEXT NOT NULL,
    ground_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    secrecy TEXT NOT NULL,
    fields TEXT NOT NULL,
    received_time TEXT NOT NULL)""",
    """withdrawn (
    disclosure_id TEXT PRIMARY KEY,
    replaced_by TEXT,
    event_id TEXT NOT NULL,
    withdrawn_time TEXT NOT NULL)""",
    """reply (
    number {number},
    id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL,
    key {bytes} NOT NULL,
    value {bytes} NOT NULL,
    signature {bytes} NOT NULL)""",
    """gap (
    number {number},
    key TEXT NOT NULL,
    first {integer} NOT NULL,
    last {integer} NOT NULL,
    noted_time TEXT NOT NULL)""",
    """dead_letter (
    number {number},
    topic TEXT NOT NULL,
    partition {integer} NOT NULL,
    "offset" {integer} NOT NULL,
    code TEXT NOT NULL,
    key TEXT,
    sequence {integer},
    refused_time TEXT NOT NULL,
    UNIQUE (topic, partition, "offset"))""",
)
_INDEXES = (
    "handled_in_order ON handled (source, key, sequence)",
    "record_of_disclosure ON record (disclosure_id)",
)

Handler = Callable[[Database, Opened, datetime], Sequence[Reply]]
"""What the partner does with an event, inside the transaction that remembers it; gives the answers to send, besides the receipt."""


class DeadLettersFullError(Exception):
    """There is no more room for records that could not be handled; a person has to look."""


class RecalledError(Exception):
    """What is asked for may not be used any longer. The text is Swedish, for a person; `replaced_by` a corrected disclosure, if any."""

    def __init__(self, withdrawal: Withdrawal) -> None:
        by = f" Den rättade uppgiften är {withdrawal.replaced_by}." if withdrawal.replaced_by else ""
        super().__init__(f"{EXPLANATIONS[withdrawal.code]}{by}")
        self.disclosure_id = withdrawal.disclosure_id
        self.replaced_by = withdrawal.replaced_by


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as `store` kept it."""

    event_id: str
    type: str
    key: str
    sequence: int
    disclosure_id: str
    receiver_kind: str
    record_kind: str
    ground_id: str
    purpose: str
    secrecy: tuple[str, ...]
    fields: Mapping[str, str | list[str]]
    received_time: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a key, `first` to `last`, that never came before a later one did."""

    number: int
    key: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Where a record lies that was refused, and why."""

    topic: str
    partition: int
    offset: int
    code: Code
    refused_time: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """One database; a connection per process."""

    database: Database

    @classmethod
    def open(cls, address: Path | str) -> "Inbox":
        """Open or create: `postgresql://…`, a file, or `:memory:`. Raises DatabaseProblem."""
        database = connect(address)
        with database.transaction() as tx:
            for table in _TABLES:
                tx.execute(f"CREATE TABLE IF NOT EXISTS {table.format(**tx.words)} {tx.words['strict']}")
            for index in _INDEXES:
                tx.execute(f"CREATE INDEX IF NOT EXISTS {index}")
        return cls(database)

    def receive(
        self,
        opened: Opened,
        receipt: Reply,
        handler: Handler,
        now: datetime,
        *,
        withheld: bool = False,
        again: bool = False,
    ) -> bool:
        """Handle an event once; False when it already was. Raises Refused, DatabaseProblem.

        Refused: a later one of its key has been handled, or what it holds has been recalled or replaced. `withheld`: that
        it will be, further on in the topic: the handler does not get its content. `again`: a record set aside, read once more.
        """
        with self.database.transaction() as tx:
            if not self._remembered(tx, opened.event, now):
                return False
            if opened.event.change is not Change.RECALLED:
                standing = self.withdrawal(opened.event.disclosure_id)
                if standing:
                    raise Refused(standing.code)
            if not again:
                self._in_order(tx, opened.event, now)
            _withdraw(tx, opened.withdrawals, opened.event, now)
            _put(tx, [receipt])
            if not withheld:
                _put(tx, handler(tx, opened, now))
            elif opened.replaces:
                # The handler has the originals, perhaps, and must know; of the correction itself it gets nothing.
                _put(tx, handler(tx, replace(opened, fields={}), now))
        if opened.withdrawals:
            self.database.wipe()
        return True

    def knows(self, event: Event) -> bool:
        """Whether the event has been handled."""
        found = self.database.execute("SELECT 1 FROM handled WHERE source = ? AND id = ?", (event.source, event.id))
        return found.fetchone() is not None

    def read(self, disclosure_id: str) -> Kept:
        """What is kept of a disclosure. Raises RecalledError, and KeyError when there never was anything."""
        row = self.database.execute("SELECT * FROM record WHERE disclosure_id = ? ORDER BY sequence DESC", (disclosure_id,)).fetchone()
        # After the reading: a recall that came in between is not missed.
        withdrawal = self.withdrawal(disclosure_id)
        if withdrawal:
            raise RecalledError(withdrawal)
        if row is None:
            raise KeyError(disclosure_id)
        plain: tuple[str, str, str, int, str, str, str, str, str] = row[:9]
        secrecy, fields, received_time = row[9:]
        return Kept(
            *plain, secrecy=tuple(json.loads(secrecy)), fields=json.loads(fields), received_time=datetime.fromisoformat(received_time)
        )

    def withdrawal(self, disclosure_id: str) -> Withdrawal | None:
        """Whether the content of a disclosure has been recalled or replaced."""
        row = self.database.execute("SELECT replaced_by FROM withdrawn WHERE disclosure_id = ?", (disclosure_id,)).fetchone()
        return Withdrawal(disclosure_id, row[0]) if row else None

    def set_aside(self, record: Record, refusal: Refused, opened: Opened | None, now: datetime, replies: Sequence[Reply]) -> None:
        """Remember where a refused record lies in the topic, and its answer. Raises DeadLettersFullError, DatabaseProblem.

        The record itself stays in Kafka, sealed, as long as the topic keeps it. What it withdraws is withdrawn all the same.
        """
        event = refusal.event
        withdrawals = opened.withdrawals if opened else event.recalls if event else ()
        with self.database.transaction() as tx:
            (others,) = tx.execute(
                'SELECT count(*) FROM dead_letter WHERE NOT (topic = ? AND partition = ? AND "offset" = ?)', _place(record)
            ).fetchone()
            if others >= DEAD_LETTERS_MAX:
                raise DeadLettersFullError
            if event:
                _withdraw(tx, withdrawals, event, now)
            tx.execute(
                'INSERT INTO dead_letter (topic, partition, "offset", code, key, sequence, refused_time) VALUES (?, ?, ?, ?, ?, ?, ?) '
                'ON CONFLICT (topic, partition, "offset") DO UPDATE SET code = excluded.code, refused_time = excluded.refused_time',
                (*_place(record), refusal.code.value, event and event.key, event and event.sequence, now.isoformat()),
            )
            _put(tx, replies)
        if withdrawals:
            self.database.wipe()

    def dead_letters(self) -> list[DeadLetter]:
        """What was refused, in that order."""
        rows = self.database.execute('SELECT topic, partition, "offset", code, refused_time FROM dead_letter ORDER BY number')
        return [DeadLetter(topic, part, offset, Code(code), datetime.fromisoformat(time)) for topic, part, offset, code, time in rows]

    def clear(self, letter: DeadLetter) -> None:
        """Forget a refused record."""
        self.database.execute('DELETE FROM dead_letter WHERE topic = ? AND partition = ? AND "offset" = ?', _place(letter))

    def gaps(self, after: int = 0) -> list[Gap]:
        """Numbers that never came, noted after the gap of this number."""
        rows = self.database.execute("SELECT number, key, first, last FROM gap WHERE number > ? ORDER BY number", (after,))
        return [Gap(*row) for row in rows]

    def pending(self, count_max: int = 100) -> list[Reply]:
        """Answers that the broker has not acknowledged yet, oldest first."""
        rows = self.database.execute("SELECT id, topic, key, value, signature FROM reply ORDER BY number LIMIT ?", (count_max,))
        return [Reply(*row) for row in rows]

    def acknowledged(self, reply_id: str) -> None:
        """The broker has the answer: forget it."""
        self.database.execute("DELETE FROM reply WHERE id = ?", (reply_id,))

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    @staticmethod
    def _remembered(tx: Database, event: Event, now: datetime) -> bool:
        added = tx.execute(
            "INSERT INTO handled VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (event.source, event.id, event.key, event.sequence, now.isoformat()),
        )
        return bool(added.rowcount == 1)

    @staticmethod
    def _in_order(tx: Database, event: Event, now: datetime) -> None:
        """Refuse what comes after a later one of its key; note the numbers that are missing before it, save those set aside."""
        (latest,) = tx.execute(
            "SELECT coalesce(max(sequence), 0) FROM handled WHERE source = ? AND key = ? AND id <> ?", (event.source, event.key, event.id)
        ).fetchone()
        if event.sequence <= latest:
            raise Refused(Code.SEQUENCE_REPLAYED)
        (aside,) = tx.execute(
            "SELECT count(DISTINCT sequence) FROM dead_letter WHERE key = ? AND sequence > ? AND sequence < ?",
            (event.key, latest, event.sequence),
        ).fetchone()
        if event.sequence - latest - 1 > aside:
            tx.execute(
                "INSERT INTO gap (key, first, last, noted_time) VALUES (?, ?, ?, ?)",
                (event.key, latest + 1, event.sequence - 1, now.isoformat()),
            )


def store(tx: Database, opened: Opened, now: datetime) -> None:
    """Keep an opened record; what the reference partner does with all that have content."""
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


def _withdraw(tx: Database, withdrawals: Sequence[Withdrawal], event: Event, now: datetime) -> None:
    """Delete the content and remember that it may not come back; recalled is more than replaced and stays so."""
    for withdrawal in withdrawals:
        tx.execute("DELETE FROM record WHERE disclosure_id = ?", (withdrawal.disclosure_id,))
        on_conflict = "NOTHING" if withdrawal.replaced_by else "UPDATE SET replaced_by = NULL, event_id = excluded.event_id"
        tx.execute(
            f"INSERT INTO withdrawn VALUES (?, ?, ?, ?) ON CONFLICT (disclosure_id) DO {on_conflict}",  # noqa: S608 - two fixed words
            (withdrawal.disclosure_id, withdrawal.replaced_by, event.id, now.isoformat()),
        )


def _put(tx: Database, replies: Sequence[Reply]) -> None:
    for reply in replies:
        tx.execute(
            "INSERT INTO reply (id, topic, key, value, signature) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (reply.id, reply.topic, reply.key, reply.value, reply.signature),
        )


def _place(record: Record | DeadLetter) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
