"""Who kills, who dies and comes back, and how long one waits for it."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

from infra import stack

DRAIN_S = 900
PAUSE_S = 0.2


class Partner:
    """An agency's reference partner, started again whenever it dies."""

    def __init__(self, folder: Path, agency: str, module: str, environment: dict[str, str]) -> None:
        self.kit = folder / "partners" / agency
        self._words = [sys.executable, "-m", module, "partner", "run", agency, "--kit", str(self.kit)]
        self._environment = environment
        self._closing = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _run(self) -> None:
        with (self.kit / "partner.log").open("ab") as log:
            while not self._closing.is_set():
                self._child = subprocess.Popen(self._words, env=self._environment, stdout=log, stderr=log)
                while self._child.poll() is None and not self._closing.wait(PAUSE_S):
                    pass
            if self._child is not None:
                self._child.terminate()
                self._child.wait(20)

    def effects(self) -> list[tuple[str, str]]:
        """(disclosure, event) of every record in the partner's own database."""
        with closing(sqlite3.connect(self.kit / "inbox.db")) as database:
            return database.execute("SELECT disclosure_id, event_id FROM record").fetchall()


def eventually(what: str, done: Callable[[], bool], limit_s: float = DRAIN_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(PAUSE_S)


class Killer:
    """Kills one part after another, in random order, each as often as the others, until it is told to stop."""

    def __init__(
        self,
        running: stack.Stack,
        victims: Sequence[str],
        seed: int,
        partner: Partner | None = None,
        pause_s: tuple[float, float] = (2, 5),
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._running = running
        self._victims = victims
        self._partner = partner
        self._pause_s = pause_s
        self._chance = random.Random(seed)  # noqa: S311  # which part dies next
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        left: list[str] = []
        while not self._ended.wait(self._chance.uniform(*self._pause_s)):
            left = left or self._chance.sample(self._victims, len(self._victims))
            victim = left.pop()
            try:
                if victim == "partner" and self._partner is not None:
                    self._partner.kill()
                else:
                    os.kill(self._running.pids[victim], signal.SIGKILL)
            except ProcessLookupError:  # it is still away since the last time
                continue
            self.kills[victim] += 1
