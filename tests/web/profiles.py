"""The ways in which somebody may meet the pages: how wide, with JavaScript or without, with a mouse or by keyboard alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from playwright.sync_api import Browser, ConsoleMessage

from tests.web.hand import Hand, Keys
from tests.web.visits import HEIGHT, WIDTHS, Visits, a_context


class Profile(NamedTuple):
    """One of them."""

    width: int
    script: bool
    hand: type[Hand]

    def __str__(self) -> str:
        return f"{self.width}{'' if self.script else '-no-js'}{'-keys' if self.hand is Keys else ''}"


PROFILES = (
    *(Profile(width, script, Hand) for width in WIDTHS for script in (True, False)),
    Profile(WIDTHS[-1], script=True, hand=Keys),
    Profile(WIDTHS[0], script=False, hand=Keys),
)
As = Callable[[str], Hand]
"""Who is named, at a browser of their own."""


@contextmanager
def somebody(browser: Browser, visits: Visits, person: str, profile: Profile) -> Iterator[Hand]:
    """Somebody who has signed in, on their start page; the console must stay empty."""
    context = a_context(
        browser,
        visits.address,
        storage_state=visits.context(person).storage_state(),
        java_script_enabled=profile.script,
        viewport={"width": profile.width, "height": HEIGHT},
    )
    sheet = context.new_page()
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    sheet.on("console", heard)
    sheet.on("pageerror", lambda error: said.append(str(error)))
    hand = profile.hand(sheet)
    hand.start()
    yield hand
    context.close()
    assert not said, said
