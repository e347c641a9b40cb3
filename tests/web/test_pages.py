"""Every page and state in a real browser, and what judges from outside say of it."""

import re
import tomllib
from pathlib import Path

import pytest
from playwright.sync_api import Page

from services.gateway.web import CSP
from tests.gateway.doors import TABLE
from tests.web import judges
from tests.web.catalogue import NO_PAGES, STATES, State
from tests.web.visits import SCREENS, WIDTHS, Visits

BYTES_MAX = 200_000
MAP_BYTES_MAX = 450_000  # OpenLayers, when somebody asks for the map; the list beside it needs none
OTHERS = ("/los/", "/static/")  # for systems, and what pages are made of
EVERY_STATE = pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])


def test_every_page_of_the_gateway_is_visited(visits: Visits) -> None:
    """The table of addresses is held against the gateway itself by tests/gateway/test_doors.py."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    wanted = {path for method, _, path in (row.partition(" ") for row in table) if method == "GET" and not path.startswith(OTHERS)}
    shown = {visits.path(state).partition("?")[0] for state in STATES}
    seen = shown & wanted
    seen |= {row for row in wanted for path in shown - wanted if re.fullmatch(re.sub(r"{\w+}", "[^/]+", row), path)}
    assert wanted - seen == set(NO_PAGES)


def test_the_pages_are_one_workers(request: pytest.FixtureRequest) -> None:
    """Where workers share the tests: a second stack and a second look at each page would go unnoticed."""
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@pages")


@EVERY_STATE
def test_nothing_can_be_said_against_a_page(visits: Visits, state: State) -> None:
    found = visits.of(state)
    assert found.status == state.status
    assert found.console == []
    assert found.violations == {"light": [], "dark": [], "forced": []}
    assert found.shape["lang"] == "sv"
    assert found.shape["title"].endswith(" – los")
    assert found.shape["headings"] == 1
    assert found.shape["landmarks"] == [1, 1, 1]
    assert {width: found.too_wide[width] for width in WIDTHS if found.too_wide[width] > 0} == {}
    assert 0 < found.bytes <= (MAP_BYTES_MAX if "karta" in state.name else BYTES_MAX)


@EVERY_STATE
def test_a_page_is_reached_with_the_keyboard_in_its_own_order_and_shows_where_one_is(visits: Visits, state: State) -> None:
    found = visits.of(state)
    if state.steps is None:  # an answer may begin at what is to be put right
        assert found.first_focus == "#innehall"
    assert found.shape["jumps"] == 0
    assert found.unseen_focus == []


def test_every_page_is_valid_html(visits: Visits, tmp_path: Path) -> None:
    assert judges.invalid({state.name: visits.of(state).html for state in STATES}, tmp_path) == []


def test_the_words_of_the_pages_are_spelt_as_in_swedish(visits: Visits) -> None:
    assert judges.misspelt({state.name: visits.of(state).shape["text"] for state in STATES}) == {}


def test_there_is_a_picture_of_every_page_at_every_width(visits: Visits) -> None:
    for state in STATES:
        visits.of(state)
    wanted = {f"{state.name}-{look}.png" for state in STATES for look in (*WIDTHS, "dark")}
    assert {path.name for path in SCREENS.iterdir()} == wanted


def test_the_skip_link_leads_past_the_head_of_the_page(visits: Visits) -> None:
    sheet = visits.context("").new_page()
    sheet.goto("/")
    sheet.keyboard.press("Tab")
    assert sheet.locator(".ds-skip-link").bounding_box() is not None
    sheet.keyboard.press("Enter")
    sheet.keyboard.press("Tab")
    assert sheet.evaluate("document.activeElement.closest('main') !== null")
    sheet.close()


def test_a_page_that_is_wrong_in_every_way_is_found_to_be(visits: Visits, tmp_path: Path) -> None:
    """The judges judge."""

    def open_it(sheet: Page) -> None:
        sheet.route(
            "**/fel",
            lambda route: route.fulfill(body=WRONG, content_type="text/html; charset=utf-8", headers={"content-security-policy": CSP}),
        )
        sheet.goto("/fel")

    found = visits.of(State("wrong", "", "/", open_it))
    for picture in SCREENS.glob("wrong-*.png"):
        picture.unlink()
    assert any("Content Security Policy" in text for text in found.console)
    assert any("image-alt" in text for text in found.violations["light"])
    assert any("color-contrast" in text for text in found.violations["dark"])
    assert found.too_wide[320] > 0
    assert found.first_focus != "#innehall"
    assert (found.shape["lang"], found.shape["headings"], found.shape["jumps"]) == ("", 2, 1)
    assert judges.invalid({"wrong": found.html}, tmp_path) != []
    assert set(judges.misspelt({"wrong": found.shape["text"]})) == {"Felstavatt"}


WRONG = """<!doctype html><title>Fel</title><h1>Felstavatt</h1><h1>Felaktigt</h1><script>0</script><img src="/static/los.svg" width="2000">
<link rel="stylesheet" href="/static/los.css"><a href="/" tabindex="2"><font color="#777" style="background: #888">Gå vidare</font></a>"""
