"""Somebody at a browser, whose every interaction is counted: each thing clicked, each choice made, each field filled is one."""

from datetime import date, time

from playwright.sync_api import Locator, Page

REACH_MAX = 120


class Hand:
    """Uses a page as a person with a mouse does, by what things are called there."""

    def __init__(self, sheet: Page) -> None:
        self.sheet = sheet
        self.count = 0

    def start(self) -> None:
        """See the start page, and count from there."""
        self.sheet.goto("/")
        self.count = 0

    def link(self, name: str = "", within: str = "main") -> None:
        """Follow a link; without a name the first one there."""
        self._go(self.sheet.locator(within).get_by_role("link", name=name or None).first)

    def button(self, name: str, within: str = "main") -> None:
        """Press a button that sends a form."""
        self._go(self.sheet.locator(within).get_by_role("button", name=name).first)

    def again(self) -> None:
        """Load the page again: one key."""
        self.count += 1
        self.sheet.reload()

    def unfold(self, name: str) -> None:
        """Open what is folded."""
        self._press(self.sheet.get_by_text(name, exact=True))

    def write(self, label: str, text: str) -> None:
        """Fill in a field."""
        self.count += 1
        self._write(self.sheet.get_by_label(label).first, text)

    def choose(self, label: str, word: str) -> None:
        """Choose in a list."""
        self.count += 1
        self._choose(self.sheet.get_by_label(label).first, word)

    def tick(self, label: str) -> None:
        """Tick a box or one of several answers."""
        self._press(self.sheet.get_by_label(label).first)

    def sees(self, text: str) -> None:
        """Something that the page says."""
        self.sheet.get_by_text(text).first.wait_for()

    def has(self, button: str) -> bool:
        """Whether the page has such a button."""
        return self.sheet.get_by_role("button", name=button).count() > 0

    def _go(self, thing: Locator) -> None:
        """To the next page; also where a script puts the answer in this one's place."""
        self.sheet.evaluate("document.body.dataset.before = 1")
        self._press(thing)
        self.sheet.locator("body:not([data-before])").wait_for(state="attached")
        self.sheet.wait_for_load_state("load")

    def _press(self, thing: Locator) -> None:
        self.count += 1
        thing.click()

    def _write(self, field: Locator, text: str) -> None:
        field.fill(text)

    def _choose(self, field: Locator, word: str) -> None:
        field.select_option(label=word)


class Keys(Hand):
    """The same by keyboard alone: Tab until it is reached, then type."""

    def _reach(self, thing: Locator) -> None:
        """Of several answers to one question Tab reaches one; arrows lead to the others."""
        for _ in range(REACH_MAX):
            if thing.evaluate("""thing => { const here = document.activeElement;
                return here === thing || (thing.type === "radio" && here.type === "radio" && here.name === thing.name); }"""):
                return
            self.sheet.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {thing}")

    def _press(self, thing: Locator) -> None:
        self.count += 1
        self._reach(thing)
        kind = thing.get_attribute("type")
        self.sheet.keyboard.press("Space" if kind in {"checkbox", "radio"} else "Enter")
        if kind == "radio":
            self._arrow_down("thing => thing.checked", thing)

    def _write(self, field: Locator, text: str) -> None:
        self._reach(field)
        self.sheet.keyboard.press("ControlOrMeta+A")
        kind = field.get_attribute("type")
        if kind == "month":
            self.sheet.keyboard.type(text[5:])
            self.sheet.keyboard.press("ArrowRight")
        self.sheet.keyboard.type(_typed(kind, text))
        assert field.input_value() == text, field

    def _choose(self, field: Locator, word: str) -> None:
        self._reach(field)
        self.sheet.keyboard.press("Home")
        self._arrow_down("(field, word) => field.selectedOptions[0].label === word", field, word)

    def _arrow_down(self, until: str, thing: Locator, word: str = "") -> None:
        for _ in range(REACH_MAX):
            if thing.evaluate(until, word):
                return
            self.sheet.keyboard.press("ArrowDown")
        raise AssertionError(f"no arrow leads to {word or thing}")


def _typed(kind: str | None, text: str) -> str:
    """What is typed: a headless Chromium asks for days and clocks as in America, whatever it is told, and for a month before its year."""
    match kind:
        case "date":
            return f"{date.fromisoformat(text):%m%d%Y}"
        case "month":
            return text[:4]
        case "time":
            return f"{time.fromisoformat(text):%I%M%p}"
        case _:
            return text
