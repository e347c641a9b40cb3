"""Somebody at a browser, whose every interaction is counted: each thing clicked, each choice made, each field filled is one."""

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

    def link(self, name: str, within: str = "main") -> None:
        """Follow a link."""
        self._go(self.sheet.locator(within).get_by_role("link", name=name).first)

    def button(self, name: str, within: str = "main") -> None:
        """Press a button that sends a form."""
        self._go(self.sheet.locator(within).get_by_role("button", name=name).first)

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
        self.sheet.evaluate("scrollTo(0, 0)")
        for _ in range(REACH_MAX):
            if thing.evaluate("thing => thing === document.activeElement"):
                return
            self.sheet.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {thing}")

    def _press(self, thing: Locator) -> None:
        self.count += 1
        self._reach(thing)
        self.sheet.keyboard.press("Space" if thing.get_attribute("type") in {"checkbox", "radio"} else "Enter")

    def _write(self, field: Locator, text: str) -> None:
        self._reach(field)
        is_day = field.get_attribute("type") == "date"  # a headless Chromium asks for the month first, whatever it is told
        self.sheet.keyboard.type(f"{text[5:7]}{text[8:]}{text[:4]}" if is_day else text)
