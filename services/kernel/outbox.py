"""The loop that keeps the outbox's promises.

Rows are divided into 64 buckets by key; a process holds a bucket by an advisory lock of its own connection, so several copies can run
and order still holds per key. A row is deleted only after the other side accepted it. A row that fails waits 1 s, then twice
as long each time up to an hour; later rows of the same key wait behind it.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from services.kernel.log import log, place_of
from services.kernel.records import BUCKETS

BATCH_MAX = 500
IDLE_WAIT_S = 0.1
BROKEN_WAIT_S = 1.0
DELAY_MAX_S = 3600

# An attempt is counted before it is made: a row that was never tried has not left.
CLAIM = """
WITH due AS (
    SELECT o.seq FROM {table} o
    WHERE o.bucket = ANY(%(buckets)s) AND o.next_time <= now() AND NOT EXISTS (
        SELECT 1 FROM {table} e WHERE e.key = o.key AND e.seq < o.seq AND e.next_time > now())
    ORDER BY o.seq LIMIT %(limit)s)
UPDATE {table} o SET attempts = attempts + 1 FROM due WHERE o.seq = due.seq RETURNING o.*
"""
LOCK = """
SELECT b FROM generate_series(0, %(last)s) b
WHERE NOT b = ANY(%(held)s) AND pg_try_advisory_lock(hashtext(current_schema() || '.{table}'), b)
"""
DELETE = "DELETE FROM {table} WHERE seq = ANY(%(rows)s)"
DELAY = """
UPDATE {table} SET next_time = now() + make_interval(secs => least(%(longest)s, power(2, least(attempts - 1, 20))))
WHERE seq = ANY(%(rows)s)
"""

Deliver = Callable[[Sequence[Any]], Iterable[int]]


class Outbox:
    """Claims rows, hands them to `deliver`, deletes those whose `seq` it gives back, delays the rest.

    `deliver` gets rows in order and gives back the `seq` of those that were accepted; of a key, it stops at the first that was not.
    """

    def __init__(self, conninfo: str, deliver: Deliver, table: str = "outbox", batch_max: int = BATCH_MAX) -> None:
        """It connects at the first round."""
        self._lock, self._claim, self._delete, self._delay = (sql.format(table=table) for sql in (LOCK, CLAIM, DELETE, DELAY))
        self._conninfo = conninfo
        self._deliver = deliver
        self._batch_max = batch_max
        self._connection: psycopg.Connection[Any] | None = None
        self._buckets: list[int] = []
        self._stop = threading.Event()

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._conninfo, autocommit=True, row_factory=namedtuple_row)
            self._buckets = []
        if len(self._buckets) < BUCKETS:
            held = {"last": BUCKETS - 1, "held": self._buckets}
            self._buckets += [row.b for row in self._connection.execute(self._lock, held)]
        return self._connection

    def run_once(self) -> int:
        """One round; how many rows were accepted."""
        connection = self._open()
        claimed = connection.execute(self._claim, {"buckets": self._buckets, "limit": self._batch_max}).fetchall()
        rows = sorted(claimed, key=lambda row: row.seq)
        if not rows:
            return 0
        accepted = list(self._deliver(rows))
        connection.execute(self._delete, {"rows": accepted})
        failed = first_failed(rows, set(accepted))
        if failed:
            connection.execute(self._delay, {"rows": failed, "longest": DELAY_MAX_S})
            log.warning("outbox_rows_wait", count=len(failed))
        return len(accepted)

    def run(self) -> None:
        """Rounds until stopped. A database that is away is waited for."""
        while not self._stop.is_set():
            try:
                done = self.run_once()
            except Exception as error:  # noqa: BLE001  # the promise outlives any single failure
                log.error("outbox_round_failed", error=type(error).__name__, place=place_of(error))
                self.close()
                self._stop.wait(BROKEN_WAIT_S)
                continue
            if not done:
                self._stop.wait(IDLE_WAIT_S)
        self.close()

    def stop(self) -> None:
        """End after the round that is under way."""
        self._stop.set()

    def close(self) -> None:
        """Give back the connection, and with it the buckets."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def first_failed(rows: Sequence[Any], accepted: set[int]) -> list[int]:
    """The first row of each key that was not accepted: the ones that hold up their key."""
    first: dict[object, int] = {}
    for row in rows:
        if row.seq not in accepted:
            first.setdefault(row.key, row.seq)
    return list(first.values())
