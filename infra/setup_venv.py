"""Make `.venv` with what is locked: `python3 infra/setup_venv.py local` for the product and the local stack, `dev` for tests too.

Runs on a bare Python, so only the standard library. Run again it does nothing until a lock or pyproject.toml changes.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON_MIN = (3, 11)
# dev holds everything in local, in the same versions (a test compares the two locks).
INCLUDES = {"local": ("local",), "dev": ("dev", "local")}
_TELL_EVERY = 10
_SIZE = re.compile(r"Downloading .*\(([\d.]+) (bytes|kB|MB|GB)\)")
_UNITS_MB = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


class SetupProblem(Exception):
    """What is wrong, in one Swedish sentence."""


def main() -> int:
    """Set up what the command line asks for. 0 done, 2 wrong use, 3 something is missing."""
    if sys.version_info < PYTHON_MIN:  # this file keeps to words that Python 3.6 reads, so that it can say this
        tell("los kräver Python {}.{} eller nyare; det här är {}.{}.".format(*PYTHON_MIN, *sys.version_info))
        return 3
    if len(sys.argv) != 2 or sys.argv[1] not in INCLUDES:  # noqa: PLR2004  # the program and one word
        tell(f"Skriv: {Path(sys.argv[0]).name} {' | '.join(INCLUDES)}")
        return 2
    try:
        set_up(sys.argv[1])
    except SetupProblem as problem:
        tell(str(problem))
        return 3
    except OSError as error:
        tell(f"Det gick inte att skriva i {VENV}: {error.strerror}.")
        return 3
    except KeyboardInterrupt:
        tell("Avbrutet. Kör samma kommando igen: det som är klart görs inte om.")
        return 3
    return 0


def set_up(extra: str) -> None:
    """Install the lock of `extra` and los itself, unless it is done. Raises SetupProblem."""
    if stamp(extra).is_file() and stamp(extra).read_text(encoding="ascii") == wanted(extra):
        return
    started = time.monotonic()
    python = VENV / "bin" / "python"
    if not (VENV / "pyvenv.cfg").is_file() or not works(python):
        tell("Skapar .venv …")
        try:
            venv.create(VENV, clear=True, symlinks=True, with_pip=True)
        except subprocess.CalledProcessError:
            raise SetupProblem("Python kan inte skapa .venv: modulen ensurepip saknas (paketet python3-venv i Debian).") from None
    for done in INCLUDES["dev"]:
        stamp(done).unlink(missing_ok=True)
    lock = ROOT / "requirements" / f"{extra}.txt"
    downloaded_mb = install(python, ["--require-hashes", "--requirement", str(lock)], packages(lock))
    install(python, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)], 0)
    for done in INCLUDES[extra]:
        stamp(done).write_text(wanted(done), encoding="ascii")
    tell(f"Klart: {packages(lock)} paket på plats, {downloaded_mb:.0f} MB hämtade, {time.monotonic() - started:.0f} s.")


def stamp(extra: str) -> Path:
    """The file that tells which lock is installed."""
    return VENV / f"{extra}.stamp"


def wanted(extra: str) -> str:
    """What the stamp says when everything is as it should be."""
    files = (ROOT / "requirements" / f"{extra}.txt", ROOT / "pyproject.toml")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def works(python: Path) -> bool:
    """Whether this interpreter starts and is new enough: the one it links to may have been removed or replaced."""
    question = f"import pip, sys; sys.exit(sys.version_info < {PYTHON_MIN})"
    try:
        return subprocess.run([python, "-c", question], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def packages(lock: Path) -> int:
    """How many packages a lock names."""
    return sum("==" in line for line in lock.read_text(encoding="ascii").splitlines())


def install(python: Path, words: "list[str]", count: int) -> float:
    """Run pip, tell how far it has come, and give the megabytes downloaded. Raises SetupProblem."""
    command = [str(python), "-m", "pip", "install", "--progress-bar", "off", "--no-color", "--disable-pip-version-check", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if count:
        tell(f"Hämtar och installerar {count} paket …")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None  # noqa: S101  # asked for above
    collected, downloaded_mb, errors = 0, 0.0, []
    for line in process.stdout:
        if line.startswith("Collecting "):
            collected += 1
            if collected % _TELL_EVERY == 0:
                tell(f"  {collected} av {count}")
        elif count and line.startswith("Installing collected packages"):
            tell("  packar upp …")
        elif line.startswith("ERROR: "):
            errors.append(line[len("ERROR: ") :].strip())
        for number, unit in _SIZE.findall(line):
            downloaded_mb += float(number) * _UNITS_MB[unit]
    if process.wait():
        said = f" pip sade: {errors[0]}" if errors else ""
        raise SetupProblem(f"Paketen gick inte att hämta eller installera; kontrollera nätet och kör samma kommando igen.{said}")
    return downloaded_mb


def tell(text: str) -> None:
    """Tell the user what is going on, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
