"""The jars of the Kafka broker: fetched once by kafka.lock.toml, kept in the user's cache, checked at every start."""

import fcntl
import hashlib
import os
import ssl
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.problem import StackProblem, from_os_error

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK_FILE = Path(__file__).with_name("kafka.lock.toml")
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
_AT_ONCE = 6
_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of the lock file; `sha256` is in hex."""

    group: str
    artifact: str
    version: str
    bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name in the cache. The group is part of it: two groups may have an artifact of the same name."""
        return f"{self.group}.{self.artifact}-{self.version}.jar"


def locked() -> list[Jar]:
    """The jars of the committed lock file."""
    return [Jar(**jar) for jar in tomllib.loads(LOCK_FILE.read_text(encoding="utf-8"))["jar"]]


def cache_folder() -> Path:
    """Where this user's downloads are kept, shared by all data folders: `$XDG_CACHE_HOME/los`, else `~/.cache/los`."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "los"


def fetch(
    log: Callable[[str], None], cache: Path | None = None, jars: Sequence[Jar] | None = None, repository: str = MAVEN_CENTRAL
) -> list[Path]:
    """The paths of all jars, every one with the right SHA-256. Fetches what is missing and what has been altered.

    Safe with several processes at once: one fetches, the others wait.
    Raises StackProblem when a jar cannot be fetched or is not the one that was locked.
    """
    folder = (cache or cache_folder()) / "jars"
    wanted = locked() if jars is None else jars
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / ".lock"):
            missing = [jar for jar in wanted if not _is_right(folder / jar.file_name, jar)]
            if missing:
                _fetch_all(missing, folder, repository, log)
    except OSError as error:
        raise from_os_error(error, f"att spara Kafkas filer i {folder}") from error
    return [folder / jar.file_name for jar in wanted]


def _fetch_all(missing: Sequence[Jar], folder: Path, repository: str, log: Callable[[str], None]) -> None:
    megabytes = sum(jar.bytes for jar in missing) / 1e6
    log(f"Hämtar Kafka: {len(missing)} filer, {megabytes:.0f} MB. Görs bara första gången.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at import it warns about folders that we do not use
        # Not at the top: it brings a whole HTTP client, needed only the first time.
        from jgo.maven import MavenContext  # noqa: PLC0415
    with tempfile.TemporaryDirectory(dir=folder) as scratch, ThreadPoolExecutor(_AT_ONCE) as pool:
        if system := ssl.get_default_verify_paths().cafile:  # what the machine trusts, also where a network has an authority of its own
            os.environ.setdefault("REQUESTS_CA_BUNDLE", system)
        context = MavenContext(repo_cache=Path(scratch), remote_repos={"central": repository}, timeout=_TIMEOUT_S)
        tasks = [pool.submit(_fetch_one, jar, folder, context) for jar in missing]
        try:
            for done, task in enumerate(as_completed(tasks), start=1):
                task.result()
                if done % 10 == 0 or done == len(tasks):
                    log(f"  {done} av {len(tasks)} filer hämtade")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(jar: Jar, folder: Path, context: "MavenContext") -> None:
    try:
        path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's; the HTTP client's errors have no number
            raise
        message = f"Det gick inte att hämta {jar.artifact} {jar.version}: kontrollera nätet och kör kommandot igen."
        raise StackProblem(message) from error
    if not _is_right(path, jar):
        message = f"Det som hämtades som {jar.artifact} {jar.version} är inte rätt fil (fel kontrollsumma)."
        raise StackProblem(message)
    path.replace(folder / jar.file_name)


def _is_right(path: Path, jar: Jar) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, or the process dies
        yield
