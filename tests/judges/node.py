"""Judges from outside that run on Node: `judge` asks them. Their packages are locked in package-lock.json and lie under .venv."""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = ROOT / ".venv" / "judges"
CONTRACT = ROOT / "partner" / "contract"
_INSTALL_S = 240


def require_node() -> str:
    """The program `node`. Skips the test where Node is missing, but in CI (CI=true) that is a failure."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node
    raise _unasked("Node (node, npm) is missing")


def _unasked(why: str) -> BaseException:
    """What a test ends with when there is no judge to ask: a skip, but in CI (CI=true) a failure."""
    text = f"{why}: the judges from outside have not been asked."
    return pytest.fail.Exception(text) if os.environ.get("CI") == "true" else pytest.skip.Exception(text)


def installed() -> Path:
    """The folder with the locked packages, installed when the lock has changed; one process at a time."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = PACKAGES / "stamp"
    PACKAGES.mkdir(parents=True, exist_ok=True)
    with (PACKAGES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, PACKAGES / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            done = subprocess.run(command, cwd=PACKAGES, check=False, timeout=_INSTALL_S, stdin=subprocess.DEVNULL)  # from PATH, as node
            if done.returncode != 0:
                raise _unasked("npm could not install the packages of tests/judges")
            stamp.write_text(wanted, encoding="ascii")
        shutil.copy(HERE / "judge.mjs", PACKAGES / "judge.mjs")
    return PACKAGES


class Judge:
    """A running judge.mjs. `ask` gives its answer, and `problems` in it are none or the reason."""

    def __init__(self, node: str, contract: Path = CONTRACT) -> None:
        """Start it on the schemas of a contract folder."""
        self._process = subprocess.Popen(
            [node, str(installed() / "judge.mjs"), str(contract)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, ask: str, **question: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
        """One question."""
        _pipe(self._process.stdin).write(json.dumps({"ask": ask} | question) + "\n")
        _pipe(self._process.stdin).flush()
        answer: dict[str, Any] = json.loads(_pipe(self._process.stdout).readline())
        return answer

    def problems(self, schema: str, value: object) -> list[str]:
        """What Ajv has against a value; none when it conforms to this file of the contract."""
        found: list[str] = self.ask("conforms", schema=schema, value=value)["problems"]
        return found

    def event(self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
        """A record as the CloudEvents SDK reads it, strictly: its `problems`, or the `event`."""
        said = {name: text.decode("ascii") for name, text in headers}
        return self.ask("event", value=base64.b64encode(value or b"").decode("ascii"), headers=said, key=(key or b"").decode("ascii"))

    def close(self) -> None:
        """Stop it."""
        with self._process:
            _pipe(self._process.stdin).close()
            self._process.wait(timeout=10)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """The judges, started once for each test process."""
    running = Judge(require_node())
    yield running
    running.close()
