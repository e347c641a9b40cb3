"""`relay`: rows sealed beforehand, until the broker has acknowledged them and the outbox is empty, against a bare producer.

Both with the relay's own principal over TLS and SCRAM, idempotent, acks=all, the same settings and bytes, each in a process of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from bench import sealed
from bench.harness import Result, alternate
from bench.sender import ROWS, WARM_ROWS
from infra import stack


def run() -> Result:
    """A PostgreSQL and a Kafka of their own, no services."""
    with tempfile.TemporaryDirectory(prefix="los-bench-") as name, stack.parts(Path(name)) as running:
        config = sealed.relay_config(running)
        records = sealed.sealed(WARM_ROWS + ROWS, running)
        url = running.postgres.url()
        return alternate("relay", lambda: _round("ours", config, url, records), lambda: _round("bare", config, url, records))


def _round(which: str, config: Path, url: str, records: list[sealed.Sealed]) -> float:
    """The same rows again: a few to warm up, and all the others when the sender is ready."""
    with psycopg.connect(url, options="-c search_path=sharing") as database:
        sealed.empty(database)
        sealed.fill(database, records[:WARM_ROWS])
        database.commit()
        words = [sys.executable, "-m", "bench.sender", which, str(config)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdin is not None  # noqa: S101  # both are pipes
            assert sender.stdout is not None  # noqa: S101
            if sender.stdout.readline():
                sealed.fill(database, records[WARM_ROWS:])
                database.execute("ANALYZE outbox, message, disclosure")
                sender.stdin.write("\n")
                sender.stdin.flush()
                database.commit()
            return float(sender.stdout.readline())
