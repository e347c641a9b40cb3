"""Programs from outside that a test asks. Where one is missing the test says so in one line and is skipped; in CI (CI=true) it fails."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALL_S = 400


def unasked(why: str) -> BaseException:
    """What a test ends with when there is nobody to ask."""
    return pytest.fail.Exception(why) if os.environ.get("CI") == "true" else pytest.skip.Exception(why)


def require(*names: str) -> str:
    """The path of the first of these programs; all of them have to be there."""
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing or found[0] is None:
        raise unasked(f"{', '.join(missing)} is missing: its judges have not been asked.")
    return found[0]


def built(name: str, sources: Sequence[Path], build: Callable[[Path], Sequence[Sequence[str]]]) -> Path:
    """A folder under .venv in which `build(folder)`'s commands have been run since the sources changed; one process at a time."""
    folder = ROOT / ".venv" / "built" / name
    folder.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = folder / "stamp"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != wanted:
            for path in sources:
                shutil.copy(path, folder / path.name)
            for command in build(folder):
                done = subprocess.run(command, cwd=folder, check=False, timeout=INSTALL_S, stdin=subprocess.DEVNULL)
                if done.returncode != 0:
                    raise unasked(f"{command[0]} could not build {name}.")
            stamp.write_text(wanted, encoding="ascii")
    return folder
