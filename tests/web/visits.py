"""One visit to each page with a real browser: what it is made of, what the console says, how it looks at three widths."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, ViewportSize, sync_playwright

from tests.programs import ROOT, require
from tests.web.catalogue import State
from tests.web.world import World

SCREENS = ROOT / "build" / "screens"
WIDTHS = (320, 768, 1440)
HEIGHT = 900
WAIT_MS = 15_000
AWAY_MAX_S = 300
# What of a page is about colours; the rest of axe's rules say the same in every scheme.
COLOUR_RULES = ("color-contrast", "link-in-text-block")
SCHEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced": {"color_scheme": "dark", "forced_colors": "active"},
}
# Places on the map lie where they are, also when they are near each other; the list beside it has each too (WCAG 2.5.8, equivalent).
AXE = """async rules => (await axe.run(document, rules)).violations.map(rule => ({ ...rule, nodes: rule.nodes.filter(
  node => rule.id !== "target-size" || !document.querySelector(node.target[0]).matches(".los-marker")) }))"""
EVERYTHING = {"rules": {"target-size": {"enabled": True}}}
# Each thing that the keyboard reaches, in the page's order: whether something around it shows that it has the focus.
FOCUS = """() => {
  const reached = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter(thing => !thing.disabled && thing.checkVisibility() && !thing.matches(".ds-skip-link"));
  const look = thing => { const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(thing);
    return (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none"; };
  const shows = thing => look(thing) || (thing.closest(".ds-field") && look(thing.closest(".ds-field")));
  return reached.filter(thing => { thing.focus(); return document.activeElement !== thing || !shows(thing); })
    .map(thing => thing.outerHTML.slice(0, 120));
}"""
SHAPE = """() => {
  const folded = [...document.querySelectorAll("details:not([open])")];
  const foreign = [...document.querySelectorAll("[lang]:not(html), pre, code")];
  folded.forEach(part => part.open = true);
  foreign.forEach(part => part.hidden = true);
  const shape = {
    lang: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    landmarks: ["header", "main", "footer"].map(name => document.querySelectorAll(`body > ${name}`).length),
    jumps: document.querySelectorAll("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").length,
    text: [document.title, document.body.innerText, ...[...document.querySelectorAll("option")].map(option => option.text),
      ...[...document.querySelectorAll("[aria-label]")].map(named => named.ariaLabel)].join("\\n"),
  };
  folded.forEach(part => part.open = false);
  foreign.forEach(part => part.hidden = false);
  return shape;
}"""
# What a first visit brings over the wire, compressed as it was; also that which this browser already had.
WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def browser_path() -> str:
    """A Chromium that is on the machine; none is fetched."""
    found = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
    return found or require("chromium")


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A running Chromium."""
    path = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


def a_context(browser: Browser, address: str, **more: Any) -> BrowserContext:  # noqa: ANN401  # what Playwright takes
    """A browser of somebody's own."""
    context = browser.new_context(base_url=address, locale="sv-SE", **more)
    context.set_default_timeout(WAIT_MS)
    return context


def sign_in(sheet: Page, person: str) -> None:
    """Choose a person at the demo's provider, as a visitor does."""
    outside = re.compile("^https://")  # the provider's page asks for a style sheet of somebody else's
    sheet.route(outside, lambda route: route.abort())
    sheet.goto("/logga-in")
    sheet.get_by_role("button", name=f"({person})").click()
    sheet.wait_for_url(re.compile("^(?!.*oauth2)"))
    sheet.unroute(outside)


@dataclass
class Visit:
    """What was found on a page in one state."""

    status: int
    html: str
    shape: dict[str, Any]
    bytes: int = 0
    console: list[str] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    unseen_focus: list[str] = field(default_factory=list)
    first_focus: str = ""
    too_wide: dict[int, int] = field(default_factory=dict)


class Visits:
    """Visits each page once, however many ask about it."""

    def __init__(self, browser: Browser, address: str, world: World, axe: str) -> None:
        self._browser = browser
        self.address = address
        self._world = world
        self._axe = axe
        self._contexts: dict[str, BrowserContext] = {}
        self._seen_time: dict[str, float] = {}
        self._made: dict[str, Visit] = {}
        SCREENS.mkdir(parents=True, exist_ok=True)

    def path(self, state: State) -> str:
        """Where a state is, or begins."""
        return state.address.format(**self._world)

    def of(self, state: State) -> Visit:
        """The visit to a state."""
        if state.name not in self._made:
            self._made[state.name] = self._visit(state)
        return self._made[state.name]

    def context(self, person: str) -> BrowserContext:
        """A browser in which this person has signed in, anew when they have been away for so long that the session may have ended."""
        if time.monotonic() - self._seen_time.get(person, time.monotonic()) > AWAY_MAX_S:
            self._contexts.pop(person).close()
        self._seen_time[person] = time.monotonic()
        if person not in self._contexts:
            self._contexts[person] = a_context(self._browser, self.address)
            if person:
                sheet = self._contexts[person].new_page()
                sign_in(sheet, person)
                sheet.close()
        return self._contexts[person]

    def cookie(self, person: str) -> str:
        """What a browser sends in which this person has signed in; empty for nobody."""
        return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in self.context(person).cookies(self.address))

    def _visit(self, state: State) -> Visit:
        sheet = self.context(state.person).new_page()
        try:
            said, loaded = _listen(sheet)
            found = self._seen(sheet, state, loaded)
            self._judge(sheet, found)
            _look(sheet, state, found)
            found.bytes = sheet.evaluate(WEIGHT)
            found.console = [text for text in said if f"status of {state.status}" not in text]
            return found
        finally:
            sheet.close()

    def _seen(self, sheet: Page, state: State, loaded: list[Response]) -> Visit:
        sheet.set_viewport_size(_size(WIDTHS[-1]))
        sheet.goto(self.path(state), wait_until="load")
        if state.steps is not None:
            state.steps(sheet)
        return Visit(loaded[-1].status, loaded[-1].text(), sheet.evaluate(SHAPE))

    def _judge(self, sheet: Page, found: Visit) -> None:
        sheet.keyboard.press("Tab")
        found.first_focus = sheet.evaluate("document.activeElement.getAttribute('href') || document.activeElement.outerHTML")
        found.unseen_focus = sheet.evaluate(FOCUS)
        sheet.evaluate(self._axe)
        for scheme, media in SCHEMES.items():
            sheet.emulate_media(**media)
            rules = EVERYTHING if scheme == "light" else {"runOnly": {"type": "rule", "values": list(COLOUR_RULES)}}
            found.violations[scheme] = [
                f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in sheet.evaluate(AXE, rules) for node in rule["nodes"]
            ]


def _listen(sheet: Page) -> tuple[list[str], list[Response]]:
    """What the console says, and the pages that came, while the sheet is open."""
    said: list[str] = []
    loaded: list[Response] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    def came(response: Response) -> None:
        if (response.request.is_navigation_request() or response.request.resource_type == "fetch") and response.status not in {
            302,
            303,
            307,
        }:
            loaded.append(response)

    sheet.on("console", heard)
    sheet.on("pageerror", lambda error: said.append(str(error)))
    sheet.on("response", came)
    return said, loaded


def _look(sheet: Page, state: State, found: Visit) -> None:
    """Pictures at each width, and the widest in dark; how far a page reaches beyond its edge."""
    sheet.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    picture = partial(sheet.screenshot, full_page=True, animations="disabled")
    sheet.emulate_media(**SCHEMES["dark"])
    picture(path=SCREENS / f"{state.name}-dark.png")
    sheet.emulate_media(**SCHEMES["light"])
    for width in WIDTHS:
        sheet.set_viewport_size(_size(width))
        found.too_wide[width] = sheet.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        picture(path=SCREENS / f"{state.name}-{width}.png")


def _size(width: int) -> ViewportSize:
    return {"width": width, "height": HEIGHT}


def clean(folder: Path) -> None:
    """Nothing of an earlier round."""
    shutil.rmtree(folder, ignore_errors=True)
