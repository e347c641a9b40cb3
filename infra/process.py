"""Child processes of the stack: started, found again after a crash, and stopped.

Every child holds a lock on `run/<name>.pid` for as long as it lives: the open file is inherited, and the kernel lets go of it when the
last process that has it is gone. A pid alone could be somebody else's by the time it is read; the lock cannot.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.folder import Folder
from infra.problem import StackProblem, from_os_error

POLL_S = 0.02
PATIENCE_S = 30.0
"""How long a part may take to stop by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and which signal asks it to stop in good order."""

    name: str
    words: Sequence[str]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGTERM
    setpriv: Sequence[str] = ()
    """Further words for setpriv (another user, capabilities)."""


class Child:
    """A process that has been started."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.command = command
        self.process = process
        self.log = log
        self.log_start = log_start

    @property
    def alive(self) -> bool:
        """Whether the process is still running."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask the process to stop, wait for it, and kill it when it has not stopped in 30 s."""
        if self.alive:
            self.process.send_signal(self.command.stop_signal)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(folder: Folder, command: Command) -> Child:
    """Start a child in a process group of its own, so that Ctrl-C reaches only the parent, which stops them in order.

    Where the system has setpriv the child is asked to stop when the thread that called this ends, also by kill -9: call from a
    thread that lives as long as the child should.

    Raises StackProblem when the program cannot be run.
    """
    log = folder.log(command.name)
    words = [*_setpriv(command), *command.words]
    try:
        handle = os.open(_pid_file(folder, command.name), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with log.open("ab") as output:
                start = output.tell()
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=command.environment,
                    cwd=folder.root,
                    pass_fds=(handle,),
                    process_group=0,
                )
            os.truncate(handle, 0)
            os.write(handle, str(process.pid).encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise from_os_error(error, f"att starta {command.name}") from error
    return Child(command, process, log, start)


def stop_left_over(folder: Folder, name: str, stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """Stop a child that a killed stack left running in this folder.

    Raises StackProblem when it does not stop.
    """
    try:
        handle = os.open(_pid_file(folder, name), os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        for order in (stop_signal, signal.SIGKILL):
            if _released(handle, 0):
                return
            text = os.pread(handle, 32, 0)
            if text.isdigit():
                os.kill(int(text), order)
            if _released(handle, PATIENCE_S):
                return
    except ProcessLookupError:
        if _released(handle, PATIENCE_S):
            return
    finally:
        os.close(handle)
    message = f"{name} från en tidigare körning av samma datamapp går inte att stoppa."
    raise StackProblem(message)


def _released(handle: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_S)
        else:
            return True


def _pid_file(folder: Folder, name: str) -> Path:
    return folder.run / f"{name}.pid"


def _setpriv(command: Command) -> list[str]:
    program = shutil.which("setpriv")
    if program is None:
        return []
    return [program, "--pdeathsig", command.stop_signal.name.removeprefix("SIG"), *command.setpriv, "--"]
