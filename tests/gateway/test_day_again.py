"""A step of the day that is shown again after a session has ended, and one that is pressed on two pages."""

import re
from uuid import uuid4

import httpx2

from infra import stack
from tests.gateway import test_operations_pages as operations
from tests.gateway.browser import Browser
from tests.gateway.steps import form
from tests.gateway.test_nothing_is_lost import end_session
from tests.gateway.test_operations_pages import INSPECTOR, after_midnight, sent

objects, day = operations.objects, operations.day  # fixtures


def begun(browser: Browser, day: str) -> str:
    """The day has begun, by its lead; the path of its visit."""
    browser.sign_in(INSPECTOR)
    sent(browser, browser.see(f"{day}/dag"), f"{day}/dag/genomgang", {"risk_level": "low", "assembly_point": "Garaget"})
    page = sent(browser, browser.see(f"{day}/dag"), f"{day}/dag/start", {"clock": ""})
    (visit,) = set(re.findall(rf'href="({day}/besok/[0-9a-f-]+)"', page.text))
    return str(visit)


def test_a_form_that_was_kept_still_says_when_the_button_was_pressed(running: stack.Stack, browser: Browser, day: str) -> None:
    visit = begun(browser, day)
    page, pressed = browser.see(visit), after_midnight(1)
    end_session(running)
    sent(browser, page, f"{visit}/kom", {"clock": "", "pressed": pressed})
    page = sent(browser, browser.sign_in(INSPECTOR), f"{visit}/kom", {})
    assert form(page, f"{visit}/kom")["pressed"] == pressed
    assert "pressed" not in form(page, f"{visit}/klart")  # another button
    assert "kom 00:01" in sent(browser, page, f"{visit}/kom", {"clock": ""}).text


def test_a_step_that_is_pressed_on_two_pages_is_one_but_another_time_that_is_written_is_said(browser: Browser, day: str) -> None:
    visit = begun(browser, day)
    first = browser.see(visit)

    def press(page: httpx2.Response, step: str, minute: int, **written: str) -> httpx2.Response:
        return sent(browser, page, f"{visit}/{step}", {"request_id": str(uuid4()), "pressed": after_midnight(minute)} | written)

    for minute in (1, 2):
        page = press(first, "kom", minute)
        assert (page.status_code, page.url.path, "kom 00:01" in page.text) == (200, visit, True)
    other = press(first, "kom", 2, clock="00:02")
    assert (other.status_code, "redan börjat, vid en annan tid" in other.text) == (409, True)
    for minute in (3, 4):
        ended = press(page, "klart", minute, outcome="done", persons_checked_count="3")
        assert (ended.status_code, ended.url.path) == (200, f"{day}/dag")
    assert "slut 00:03" in browser.see(visit).text
    other = press(page, "klart", 4, outcome="done", persons_checked_count="4")
    assert (other.status_code, "med andra uppgifter" in other.text) == (409, True)
    stale = browser.see(f"{day}/dag")
    for again in ({}, {"request_id": str(uuid4())}):
        page = sent(browser, stale, f"{day}/dag/slut", {"clock": ""} | again)
        assert (page.status_code, page.url.path) == (200, f"{day}/dag")
