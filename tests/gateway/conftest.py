from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra import stack
from services.kernel.callers import Caller
from tests.gateway import own_records, records
from tests.gateway.browser import Browser
from tests.gateway.doors import Crowd, Visitor, enrol
from tests.gateway.systems import Issuer, api_beside


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """Everything, with the gateway and the demo's provider."""
    with stack.start(Path(tmp_path_factory.mktemp("gateway")) / "data", print) as found:
        yield found


@pytest.fixture
def address(running: stack.Stack) -> str:
    return running.services["gateway"].url


@pytest.fixture
def browser(address: str) -> Iterator[Browser]:
    with Browser(address) as found:
        yield found


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    """Who gives the kommun's systems their access tokens."""
    found = Issuer()
    yield found
    found.close()


@pytest.fixture(scope="session")
def api(running: stack.Stack, issuer: Issuer) -> Iterator[str]:
    """The address of a gateway that has the API."""
    with api_beside(running, issuer) as url:
        yield url


@pytest.fixture(scope="session")
def known(running: stack.Stack) -> dict[str, str]:
    """One record of each kind, by the word that stands for it in an address."""
    with records.speaking(running) as services:
        return records.records(services) | own_records.own_records(running, services)


@pytest.fixture(scope="session")
def crowd(running: stack.Stack, api: str, issuer: Issuer) -> Iterator[Crowd]:
    """Everybody who has asked for something."""
    enrol(running)
    with Crowd(running, api, issuer) as found:
        yield found


@pytest.fixture
def visitor(crowd: Crowd) -> Callable[[Caller | None], Visitor]:
    """Somebody who is signed in, or nobody."""
    crowd.sign_in()  # another test may have let all sessions end
    return crowd.one
