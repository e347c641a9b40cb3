"""Sends what stands in the outbox: `python -m bench.sender ours|bare CONFIG` prints rows per second, start-up not counted.

Says `redo` when it is warm; ours then waits for the word that the rows are being committed, bare reads them all beforehand.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client import REGISTRY
from psycopg.rows import namedtuple_row

from services.kernel.config import load
from services.kernel.db import conninfo
from services.sharing.publisher import producer
from services.sharing.relay import RelayConfig, loops

WARM_ROWS = 200
ROWS = 12_000
LOOK_S = 0.002


def main() -> None:
    """Some rows to warm up, then all the others."""
    config = load(Path(sys.argv[2]), RelayConfig)
    print(_ours(config) if sys.argv[1] == "ours" else _bare(config))


def _ours(config: RelayConfig) -> float:
    sending = loops(config)
    threads = [threading.Thread(target=one.run) for one in sending]
    for thread in threads:
        thread.start()
    _until(WARM_ROWS)
    while len({len(one.outbox.buckets) for one in sending}) > 1:  # until they share the buckets evenly
        time.sleep(LOOK_S)
    print("redo", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    _until(WARM_ROWS + ROWS)
    spent = time.perf_counter() - started
    for one in sending:
        one.stop()
    for thread in threads:
        thread.join()
    return ROWS / spent


def _until(rows: int) -> None:
    """Wait until so many rows are done: acknowledged, noted and gone from the outbox."""
    while (REGISTRY.get_sample_value("los_outbox_rows_total", {"outbox": "sharing.outbox", "outcome": "done"}) or 0) < rows:
        time.sleep(LOOK_S)


def _bare(config: RelayConfig) -> float:
    kafka = producer(config.kafka)
    with psycopg.connect(conninfo(config, "sharing"), row_factory=namedtuple_row) as database:
        query = "SELECT topic, record_key, value, headers FROM message"
        _send(kafka, database.execute(query).fetchall())
        print("redo", flush=True)
        sys.stdin.readline()
        database.rollback()
        while len(rows := database.execute(query).fetchall()) < WARM_ROWS + ROWS:
            database.rollback()
    started = time.perf_counter()
    _send(kafka, rows[WARM_ROWS:])
    spent = time.perf_counter() - started
    kafka.close()
    return ROWS / spent


def _send(kafka: Any, rows: list[Any]) -> None:  # noqa: ANN401  # kafka-python has no types
    futures = [
        kafka.send(row.topic, key=row.record_key, value=row.value, headers=[(name, value.encode()) for name, value in row.headers])
        for row in rows
    ]
    kafka.flush()
    for future in futures:
        future.get(timeout=0)


if __name__ == "__main__":
    main()
