"""One browser and one world for all tests of the pages; what is missing on the machine is said in one line."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from infra import stack
from tests.web import judges, world
from tests.web.profiles import PROFILES, As, somebody
from tests.web.visits import SCREENS, Visits, a_browser, clean


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    """A stack of its own: pages are seen as the demo's people have left them, and not as other tests have."""
    with stack.start(tmp_path_factory.mktemp("web") / "data", print) as found:
        yield found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    with a_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def visits(chromium: Browser, running: stack.Stack) -> Visits:
    """Every page, visited when it is first asked about."""
    axe = judges.axe()
    clean(SCREENS)
    address = running.services["gateway"].url
    return Visits(chromium, address, world.build(running, address), axe)


@pytest.fixture(params=PROFILES, ids=str)
def at(request: pytest.FixtureRequest, chromium: Browser, visits: Visits) -> Iterator[As]:
    """Whoever is named, at a browser of their own: a test that asks for this is done in every profile."""
    with ExitStack() as open_now:
        yield lambda person: open_now.enter_context(somebody(chromium, visits, person, request.param))
