import hashlib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from infra import jars
from infra.jars import Jar
from infra.problem import StackProblem

CONTENT = b"the content of a jar"
JAR = Jar("org.example", "some-part", "1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Repository(ThreadingHTTPServer):
    """A Maven repository that answers every jar with the same bytes and counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.announced = len(CONTENT)
        self.asked: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        if not self.path.endswith(".jar"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def repository() -> Iterator[Repository]:
    with Repository() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(tmp_path: Path, repository: Repository) -> Callable[[], list[Path]]:
    return lambda: jars.fetch(lambda _: None, tmp_path, [JAR], repository.url)


def asked_for_jars(repository: Repository) -> int:
    return sum(count for path, count in repository.asked.items() if path.endswith(".jar"))


def test_the_lock_names_one_version_of_every_jar_and_its_checksum() -> None:
    locked = jars.locked()
    assert len({(jar.group, jar.artifact) for jar in locked}) == len(locked)
    assert all(len(jar.sha256) == 64 for jar in locked)
    assert {jar.version for jar in locked if jar.artifact in {"kafka_2.13", "kafka-clients", "kafka-tools"}} == {"4.3.1"}


def test_a_jar_is_fetched_once_and_kept(fetch: Callable[[], list[Path]], repository: Repository) -> None:
    assert [path.read_bytes() for path in fetch()] == [CONTENT]
    assert [path.read_bytes() for path in fetch()] == [CONTENT]
    assert asked_for_jars(repository) == 1


def test_an_altered_jar_is_fetched_again(fetch: Callable[[], list[Path]], repository: Repository) -> None:
    (path,) = fetch()
    path.write_bytes(CONTENT + b", altered")
    assert [path.read_bytes() for path in fetch()] == [CONTENT]
    assert asked_for_jars(repository) == 2


def test_two_starts_at_once_fetch_a_jar_once(fetch: Callable[[], list[Path]], repository: Repository) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = [task.result() for task in [pool.submit(fetch), pool.submit(fetch)]]
    assert paths[0] == paths[1]
    assert asked_for_jars(repository) == 1


def test_a_jar_that_is_not_the_locked_one_is_refused_and_not_kept(
    fetch: Callable[[], list[Path]], repository: Repository, tmp_path: Path
) -> None:
    repository.content = b"something else, same"
    with pytest.raises(StackProblem, match=r"^Det som hämtades som some-part 1\.0 är inte rätt fil"):
        fetch()
    assert not list(tmp_path.rglob("*.jar"))


def test_a_download_that_breaks_off_is_told_in_a_sentence_and_the_next_try_succeeds(
    fetch: Callable[[], list[Path]], repository: Repository
) -> None:
    repository.announced = len(CONTENT) + 1000
    with pytest.raises(StackProblem, match=r"^Det gick inte att hämta some-part 1\.0: kontrollera nätet"):
        fetch()
    repository.announced = len(CONTENT)
    assert [path.read_bytes() for path in fetch()] == [CONTENT]


def test_no_network_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and never listening
        with pytest.raises(StackProblem, match=r"^Det gick inte att hämta some-part 1\.0: kontrollera nätet"):
            jars.fetch(lambda _: None, tmp_path, [JAR], f"http://127.0.0.1:{nobody.getsockname()[1]}")


def test_progress_is_told_only_when_something_is_fetched(tmp_path: Path, repository: Repository) -> None:
    told: list[str] = []
    jars.fetch(told.append, tmp_path, [JAR], repository.url)
    assert told == ["Hämtar Kafka: 1 filer, 0 MB. Görs bara första gången.", "  1 av 1 filer hämtade"]
    told.clear()
    jars.fetch(told.append, tmp_path, [JAR], repository.url)
    assert told == []


def test_a_cache_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackProblem, match=r"^Det gick inte att spara Kafkas filer i .*: en fil ligger där mappen ska vara\.$"):
        jars.fetch(lambda _: None, tmp_path / "file", [JAR])
