"""How a process of los lives: read its configuration, run its loops and its server, stop cleanly on SIGTERM and Ctrl-C."""

import argparse
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from services.kernel.log import log


class Loop(Protocol):
    """Something that runs in a thread of its own until stopped."""

    def run(self) -> None:
        """Run until stop()."""

    def stop(self) -> None:
        """Ask it to end."""


def config_path(description: str) -> Path:
    """The `--config FILE` of the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True, help="TOML file of this process")
    path: Path = parser.parse_args().config
    return path


def live(loops: Sequence[Loop], start: Callable[[], object], stop: Callable[[], None]) -> None:
    """Start, run the loops, wait for SIGTERM or SIGINT, stop everything."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    threads = [threading.Thread(target=loop.run, name=type(loop).__name__) for loop in loops]
    start()
    for thread in threads:
        thread.start()
    log.info("started")
    ended.wait()
    for loop in loops:
        loop.stop()
    stop()
    for thread in threads:
        thread.join()
    log.info("stopped")
