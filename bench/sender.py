"""Sends what stands in the outbox: `python -m bench.sender ours|bare CONFIG` prints rows per second, start-up not counted."""

import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from services.kernel.config import load
from services.kernel.db import conninfo
from services.kernel.outbox import Outbox
from services.sharing.publisher import Publisher, producer
from services.sharing.relay import RelayConfig

WARM_ROWS = 100


def main() -> None:
    """Some rows to warm up, then all the others."""
    config = load(Path(sys.argv[2]), RelayConfig)
    print(_ours(config) if sys.argv[1] == "ours" else _bare(config))


def _ours(config: RelayConfig) -> float:
    address = conninfo(config, "sharing")
    publisher = Publisher(address, config.kafka)
    warm = Outbox(address, publisher.deliver, batch_max=WARM_ROWS)
    warm.run_once()
    warm.close()
    outbox = Outbox(address, publisher.deliver)
    sent, started = 0, time.perf_counter()
    while done := outbox.run_once():
        sent += done
    spent = time.perf_counter() - started
    outbox.close()
    publisher.close()
    return sent / spent


def _bare(config: RelayConfig) -> float:
    with psycopg.connect(conninfo(config, "sharing"), row_factory=namedtuple_row) as database:
        rows = database.execute("SELECT topic, record_key, value, headers FROM message").fetchall()
    kafka = producer(config.kafka)
    for row in rows[:WARM_ROWS]:
        _send(kafka, row)
    kafka.flush()
    started = time.perf_counter()
    futures = [_send(kafka, row) for row in rows[WARM_ROWS:]]
    kafka.flush()
    for future in futures:
        future.get(timeout=0)
    spent = time.perf_counter() - started
    kafka.close()
    return (len(rows) - WARM_ROWS) / spent


def _send(kafka: Any, row: Any) -> Any:  # noqa: ANN401  # kafka-python has no types
    return kafka.send(row.topic, key=row.record_key, value=row.value, headers=[(name, value.encode()) for name, value in row.headers])


if __name__ == "__main__":
    main()
