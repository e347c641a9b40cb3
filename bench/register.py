"""`register`: RegisterAlert over gRPC, durable, against a servicer without TLS and one autocommit INSERT.

One server process each, 16 callers in two processes, the same requests.
"""

import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

import psycopg

from bench.harness import Result, alternate
from infra import stack

CALLERS = 2
SECONDS = "5"


def run() -> Result:
    """A whole stack of its own; the bare server writes to the same PostgreSQL."""
    numbers = count()
    with tempfile.TemporaryDirectory(prefix="los-bench-") as folder, stack.start(Path(folder), lambda _: None) as running:
        url = running.postgres.url()
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("CREATE TABLE bare (id uuid PRIMARY KEY, body bytea NOT NULL)")
        server = subprocess.Popen([sys.executable, "-m", "bench.bare_registry", url], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None  # noqa: S101  # it is a pipe
            port = server.stdout.readline().strip()
            return alternate("register", lambda: _round(["ours", folder], numbers), lambda: _round(["bare", f"127.0.0.1:{port}"], numbers))
        finally:
            server.terminate()
            server.wait()


def _round(target: list[str], numbers: "count[int]") -> float:
    words = [sys.executable, "-m", "bench.callers", *target, SECONDS]
    callers = [subprocess.Popen([*words, str(next(numbers))], stdout=subprocess.PIPE, text=True) for _ in range(CALLERS)]
    return sum(float(caller.communicate()[0]) for caller in callers)
