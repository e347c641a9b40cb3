"""The loop that keeps the outbox's promises.

Rows are divided into 64 buckets by key. A loop holds a bucket by an advisory lock of its own connection, and no more of them than its
part: loops side by side, in one process or in many, share the buckets. Of a key only the oldest row is ever under way, so that its order
holds whatever fails. A row is deleted only after the other side accepted it.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from math import ceil
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from services.kernel import metrics
from services.kernel.log import log, place_of
from services.kernel.records import BUCKETS

BATCH_MAX = 500
IDLE_WAIT_S = 0.5
BROKEN_WAIT_S = 1.0
SHARE_EVERY_S = 0.5


class Outcome(StrEnum):
    """What became of a row that was handed over."""

    DONE = "done"  # the other side has it
    AWAY = "away"  # the other side cannot be reached, which is no fault of the row
    REFUSED = "refused"  # the row failed, and holds up its own key and no other


# A row waits 1 s, then twice as long each time. What only waited for the other side goes soon after that is back.
LONGEST_WAIT_S = {Outcome.AWAY: 60, Outcome.REFUSED: 3600}

Deliver = Callable[[Sequence[Any]], Iterable[tuple[int, Outcome]]]

# An attempt is counted before it is made: a row that was never tried has not left.
CLAIM = """
WITH due AS (
    SELECT o.seq FROM {table} o
    WHERE o.bucket = ANY(%(buckets)s) AND o.next_time <= now()
        AND NOT EXISTS (SELECT 1 FROM {table} e WHERE e.key = o.key AND e.seq < o.seq)
    ORDER BY o.seq LIMIT %(limit)s),
claimed AS (
    UPDATE {table} o SET attempts = attempts + 1 FROM due WHERE o.seq = due.seq RETURNING o.*)
SELECT {columns} FROM claimed {join} ORDER BY claimed.seq
"""
PART = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = current_setting('application_name')
"""
LOCK = """
SELECT b FROM generate_series(0, {last}) b
WHERE NOT b = ANY(%(held)s) AND pg_try_advisory_lock(hashtext(current_schema() || '.{table}'), b) LIMIT %(more)s
"""
UNLOCK = "SELECT pg_advisory_unlock(hashtext(current_schema() || '.{table}'), b) FROM unnest(%(over)s::int[]) b"
DELETE = "DELETE FROM {table} WHERE seq = ANY(%(rows)s)"
DELAY = """
UPDATE {table} SET next_time = now() + make_interval(secs => least(%(longest)s, power(2, least(attempts - 1, 20))))
WHERE seq = ANY(%(rows)s)
"""
# A server that vanished without a word is found out, and its buckets are free, within half a minute.
KEEPALIVE = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"


class Outbox:
    """Claims rows, hands them to `deliver`, deletes those that are done and delays the others.

    `deliver` gets at most one row of each key, in order, and gives back the `seq` and the outcome of each. `columns` and `join` say what it
    reads of the claimed rows (`claimed`), in the same statement. While `ready` says no, nothing is claimed.
    """

    def __init__(
        self,
        conninfo: str,
        deliver: Deliver,
        table: str = "outbox",
        columns: str = "claimed.*",
        join: str = "",
        ready: Callable[[], bool] = lambda: True,
        batch_max: int = BATCH_MAX,
    ) -> None:
        """It connects at the first round."""
        self.table = table
        self.schema = psycopg.conninfo.conninfo_to_dict(conninfo)["application_name"]
        self.conninfo = psycopg.conninfo.make_conninfo(conninfo, application_name=f"los-outbox.{self.schema}.{table}")
        self._claim = CLAIM.format(table=table, columns=columns, join=join)
        self._lock, self._unlock, self._delete, self._delay = (
            sql.format(table=table, last=BUCKETS - 1) for sql in (LOCK, UNLOCK, DELETE, DELAY)
        )
        self._deliver = deliver
        self._ready = ready
        self._batch_max = batch_max
        self._connection: psycopg.Connection[Any] | None = None
        self._shared = 0.0
        self._stop = threading.Event()
        self.buckets: list[int] = []

    @property
    def name(self) -> str:
        """`<schema>.<table>`."""
        return f"{self.schema}.{self.table}"

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.conninfo, autocommit=True, row_factory=namedtuple_row)
            self._connection.execute(KEEPALIVE)
            self._connection.execute(f'LISTEN "{self.name}"')
            self.buckets, self._shared = [], 0.0
        if time.monotonic() - self._shared >= SHARE_EVERY_S:
            self._share(self._connection)
            self._shared = time.monotonic()
        return self._connection

    def _share(self, connection: psycopg.Connection[Any]) -> None:
        """Give back the buckets that are over, or take free ones up to our part. Nothing is under way: it is called between two rounds."""
        [loops] = connection.execute(PART).fetchone() or [1]
        part = ceil(BUCKETS / max(loops, 1))
        self.buckets, over = self.buckets[:part], self.buckets[part:]
        if over:
            connection.execute(self._unlock, {"over": over})
        if len(self.buckets) < part:
            wanted = {"held": self.buckets, "more": part - len(self.buckets)}
            self.buckets += [row.b for row in connection.execute(self._lock, wanted)]

    def run_once(self) -> int:
        """Rounds until nothing more can be done now; how many rows are done."""
        total = 0
        while not self._stop.is_set() and (done := self._round()):
            total += done
        return total

    def _round(self) -> int:
        connection = self._open()
        if not self.buckets or not self._ready():
            return 0
        rows = connection.cursor(binary=True).execute(self._claim, {"buckets": self.buckets, "limit": self._batch_max}).fetchall()
        if not rows:
            return 0
        outcomes = dict.fromkeys((row.seq for row in rows), Outcome.REFUSED) | dict(self._deliver(rows))
        found = {outcome: [seq for seq, one in outcomes.items() if one is outcome] for outcome in Outcome}
        if found[Outcome.DONE]:
            connection.execute(self._delete, {"rows": found[Outcome.DONE]})
        for outcome, longest in LONGEST_WAIT_S.items():
            if found[outcome]:
                connection.execute(self._delay, {"rows": found[outcome], "longest": longest})
                log.warning("outbox_rows_wait", count=len(found[outcome]), reason=outcome)
        for outcome, those in found.items():
            metrics.ROWS.labels(self.name, outcome).inc(len(those))
        return len(found[Outcome.DONE])

    def run(self) -> None:
        """Rounds until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                if not self.run_once():
                    self._wait()
            except Exception as error:  # noqa: BLE001  # the promise outlives any single failure
                log.error("outbox_round_failed", error=type(error).__name__, place=place_of(error))
                self.close()
                self._stop.wait(BROKEN_WAIT_S)
        self.close()

    def _wait(self) -> None:
        """Until something new is promised (the tables' trigger says so), or for a moment: what was delayed falls due unsaid."""
        assert self._connection is not None  # noqa: S101  # a round has just used it
        for _ in self._connection.notifies(timeout=IDLE_WAIT_S, stop_after=1):
            pass

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stop.set()

    def close(self) -> None:
        """Give back the connection, and with it the buckets."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
