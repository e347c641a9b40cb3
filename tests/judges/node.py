"""Judges from outside that run on Node: `judge` asks them. Their packages are locked in package-lock.json and lie under .venv."""

import base64
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from tests.programs import ROOT, built, require

HERE = Path(__file__).parent
CONTRACT = ROOT / "partner" / "contract"


def require_node() -> str:
    """The program `node`, with npm beside it."""
    return require("node", "npm")


def installed() -> Path:
    """The folder with the judge and its locked packages."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    return built("judges", [HERE / name for name in ("package.json", "package-lock.json", "judge.mjs")], lambda _: [command])


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
