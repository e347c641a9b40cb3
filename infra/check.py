"""`make check`: everything that is judged without running the product. Runs offline, all of it, and ends with what failed."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
TYPED = ("services", "partner", "infra", "cli", "bench", "tests")


def main() -> int:
    """Run the checks; how many failed, at most 1."""
    checks: list[tuple[str, Sequence[str]]] = [
        ("ruff", [_tool("ruff"), "check", "."]),
        ("format", [_tool("ruff"), "format", "--check", "."]),
        ("types", [_tool("mypy"), *TYPED]),
        ("imports", [_tool("lint-imports"), "--no-logo"]),
        ("dependencies", [_tool("deptry"), "."]),
        ("proto", [_tool("buf"), "lint", "proto"]),
        ("proto since the last release", [_tool("buf"), "breaking", "proto", "--against", "proto/released.binpb"]),
        ("contract with the agencies since the last release", [sys.executable, "-m", "services.sharing.contract", "check"]),
        ("contracts", [sys.executable, "-m", "pytest", "-q", "tests/contracts"]),
    ]
    failed = [name for name, command in checks if not _passes(name, command)]
    _say(f"{len(checks)} checks, failed: {', '.join(failed) or 'none'}")
    return min(len(failed), 1)


def _tool(name: str) -> str:
    return str(BIN / name)


def _passes(name: str, command: Sequence[str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    passes = done.returncode == 0
    if not passes:
        sys.stdout.write(done.stdout + done.stderr)
    _say(f"{name}: {'ok' if passes else 'FAILED'} ({time.monotonic() - started:.0f} s)")
    return passes


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
