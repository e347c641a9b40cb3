from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import stack
from tests.gateway.browser import Browser
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
