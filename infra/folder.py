"""The data folder (design 3): where everything of one stack lies, and how its files are written."""

import json
import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.problem import from_os_error

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


class Folder:
    """The paths of one data folder. Making one creates the folders, all 0700.

    Raises StackProblem when a folder cannot be made.
    """

    def __init__(self, data: Path) -> None:
        self.root = data.absolute()
        self.config = self.root / "config"
        self.secrets = self.root / "secrets"
        self.tls = self.root / "tls"
        self.postgres = self.root / "pg"
        self.kafka = self.root / "kafka"
        self.partners = self.root / "partners"
        self.run = self.root / "run"
        self.logs = self.root / "logs"
        self.stack_file = self.root / "stack.toml"
        self.ports_file = self.root / "ports.toml"
        self.people_file = self.root / "people.toml"
        self.disabled_file = self.root / "disabled.toml"
        self.lock_file = self.root / "lock"
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (
                self.root,
                self.config,
                self.secrets,
                self.tls,
                self.kafka,
                self.partners,
                self.run,
                self.logs,
            ):
                private_folder(folder)
        except OSError as error:
            raise from_os_error(error, f"att skapa datamappen {self.root}") from error

    def password_file(self, account: str) -> Path:
        """Where the password of an account such as `postgres-registry` or `kafka-relay` lies."""
        return self.secrets / f"{account}.password"

    def password(self, account: str) -> str:
        """The password of an account; infra.secrets has made it."""
        return self.password_file(account).read_text(encoding="ascii")

    def disabled(self) -> frozenset[str]:
        """The agencies that have been shut out, and stay so at the next start."""
        if not self.disabled_file.exists():
            return frozenset()
        return frozenset(tomllib.loads(self.disabled_file.read_text(encoding="utf-8"))["agencies"])

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.logs / f"{part}.log"


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may open."""
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def write(path: Path, content: str | bytes) -> None:
    """Write a whole file, 0600, at once: a reader or a crash sees the old content or the new, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_once(path: Path, make: Callable[[], str]) -> str:
    """The text of `path`, which is made the first time and never overwritten."""
    if not path.exists():
        write(path, make())
    return path.read_text(encoding="utf-8")


def write_toml(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document of texts, numbers, lists of texts and one level of tables as TOML.

    A text is written as JSON writes it, which TOML reads the same way (both escape with a backslash).
    """
    tables = {name: value for name, value in document.items() if isinstance(value, Mapping)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in document.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    text = "\n".join(lines).lstrip("\n") + "\n"
    tomllib.loads(text)
    write(path, text)
