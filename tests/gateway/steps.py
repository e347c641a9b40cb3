"""Acts on a case as a person does them: open the page of an act, fill it in, say yes to what cannot be undone."""

import re
from html import unescape

import httpx2

from tests.gateway.browser import Browser


def form(page: httpx2.Response, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    (found,) = re.findall(rf'<form method="post" action="{re.escape(action)}">(.*?)</form>', page.text, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([\w.]+)" value="([^"]*)">', found)
    return {name: unescape(value) for name, value in hidden}


def send(browser: Browser, page: httpx2.Response, action: str, **written: str) -> httpx2.Response:
    """Send the form of a page as it stands with this written in it."""
    return browser.follow(browser.ask("POST", action, form=form(page, action) | written))


def begin(browser: Browser, path: str, act: str, **written: str) -> httpx2.Response:
    """Open the page of an act and send its form; what follows, which may be a question to confirm."""
    action = f"{path}/{act}"
    return send(browser, browser.see(action), action, **written)


def confirm(browser: Browser, page: httpx2.Response, **more: str) -> httpx2.Response:
    """Say yes."""
    (action,) = re.findall(r'<form method="post" action="(/[^"]+/\w+)">', page.text.partition("<main")[2])
    return send(browser, page, action, **{"confirmed": "1"} | more)


def do(browser: Browser, path: str, act: str, **written: str) -> httpx2.Response:
    """An act, with the yes that it may ask for."""
    page = begin(browser, path, act, **written)
    return confirm(browser, page) if 'name="confirmed"' in page.text else page
