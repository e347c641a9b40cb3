import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra import process
from infra.folder import Folder
from infra.ports import HOST
from infra.problem import StackProblem, from_log, from_os_error
from infra.process import Command, launch, stop_left_over

SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"]
# Starts a child in the folder and is killed before it can stop it; without setpriv, as on a system that has none.
PARENT = """
import os, signal, sys
from pathlib import Path
from infra.folder import Folder
from infra.process import Command, launch
child = launch(Folder(Path(sys.argv[1])), Command("part", sys.argv[2:], {}))
print(child.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


def until_ready(folder: Folder) -> None:
    deadline = time.monotonic() + 30
    while b"ready" not in folder.log("part").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def orphan(folder: Folder, words: list[str]) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PARENT, str(folder.root), *words], capture_output=True, env={"PATH": ""}, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    until_ready(folder)
    return int(done.stdout)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False


def test_what_a_killed_parent_left_running_is_found_and_stopped(folder: Folder) -> None:
    pid = orphan(folder, SLEEPER)
    assert not is_gone(pid)
    stop_left_over(folder, "part")
    assert is_gone(pid)


def test_a_left_over_that_does_not_listen_is_killed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE_S", 0.5)
    pid = orphan(folder, STUBBORN)
    stop_left_over(folder, "part")
    assert is_gone(pid)


def test_a_process_that_only_has_the_same_number_is_left_alone(folder: Folder) -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL) as somebody:
        (folder.run / "part.pid").write_text(str(somebody.pid))
        stop_left_over(folder, "part")
        assert somebody.poll() is None
        somebody.kill()


def test_a_child_that_does_not_stop_when_asked_is_killed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE_S", 0.5)
    child = launch(folder, Command("part", STUBBORN, {}))
    until_ready(folder)
    child.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_a_program_that_is_not_there_is_told_in_a_sentence(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StackProblem, match=r"^Det gick inte att starta part: en fil eller ett program saknas\.$"):
        launch(folder, Command("part", ["/no/such/program"], {}))


@pytest.mark.parametrize(
    ("number", "cause"),
    [(errno.ENOSPC, "disken är full"), (errno.EACCES, "rättighet saknas"), (errno.EROFS, "disken går bara att läsa")],
)
def test_the_systems_error_becomes_a_sentence(number: int, cause: str) -> None:
    assert str(from_os_error(OSError(number, "x"), "att skriva i /d")) == f"Det gick inte att skriva i /d: {cause}."


def test_the_cause_is_read_from_what_the_part_wrote_since_it_started(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text(f"could not bind {HOST}: Address already in use\n")
    start = log.stat().st_size
    with log.open("a") as file:
        file.write("could not write: No space left on device\n")
    assert str(from_log("Kafka", log, start)) == f"Kafka kunde inte starta: disken är full. Loggen finns i {log}."
