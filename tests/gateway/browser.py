"""A browser without JavaScript: it keeps cookies, follows redirects when told to, and sends forms as a page's form would."""

import re
from collections.abc import Mapping
from html import unescape
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2

SEE_OTHER = {302, 303, 307}


class Browser:
    """One browser; httpx2 keeps no secure cookie for http://localhost, as browsers do."""

    def __init__(self, start: str) -> None:
        self.origin = f"{urlsplit(start).scheme}://{urlsplit(start).netloc}"
        self.cookies: dict[tuple[str, str], str] = {}
        self._client = httpx2.Client(timeout=20, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def ask(
        self, method: str, address: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """One request, redirects not followed. A header that is empty is not sent."""
        address = urljoin(self.origin, address)
        host = urlsplit(address).netloc
        sent = {name: value for (of, name), value in self.cookies.items() if of == host}
        words = {"cookie": "; ".join(f"{name}={value}" for name, value in sent.items())} if sent else {}
        if method == "POST":
            words |= {"origin": f"{urlsplit(address).scheme}://{host}", "sec-fetch-site": "same-origin"}
        response = self._client.request(method, address, data=dict(form) if form is not None else None, headers=_said(words, headers))
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.split(";", 1)[0]
            if "max-age=0" in line.lower():
                self.cookies.pop((host, name), None)
            else:
                self.cookies[host, name] = value
        return response

    def upload(
        self, address: str, form: Mapping[str, str], name: str, content: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Send a form with a file in its field `file`."""
        host = urlsplit(self.origin).netloc
        cookies = "; ".join(f"{key}={value}" for (of, key), value in self.cookies.items() if of == host)
        words = _said({"cookie": cookies, "origin": self.origin, "sec-fetch-site": "same-origin"}, headers)
        return self._client.post(urljoin(self.origin, address), data=dict(form), files={"file": (name, content)}, headers=words)

    def call(self, method: str, address: str, body: object, headers: Mapping[str, str]) -> httpx2.Response:
        """As a system asks: JSON, and no cookies."""
        return self._client.request(method, urljoin(self.origin, address), json=body, headers=dict(headers))

    def see(self, address: str) -> httpx2.Response:
        """A page, redirects followed."""
        return self.follow(self.ask("GET", address))

    def follow(self, response: httpx2.Response) -> httpx2.Response:
        """The page that a redirect leads to."""
        for _ in range(10):
            if response.status_code not in SEE_OTHER:
                return response
            response = self.ask("GET", urljoin(str(response.url), response.headers["location"]))
        raise AssertionError("too many redirects")

    def send(self, page: httpx2.Response, form: Mapping[str, str], action: str | None = None) -> httpx2.Response:
        """Send a form of this page, with its hidden fields, redirects not followed."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
        hidden = {name: unescape(value) for name, value in found}
        return self.ask("POST", urljoin(str(page.url), action or str(page.url)), form=hidden | dict(form))

    def sign_in(self, person: str, path: str = "/logga-in") -> httpx2.Response:
        """Choose a person at the demo's provider and come back; the page that follows."""
        chooser = self.see(path)
        (sub,) = {unescape(found) for found in re.findall(r'name="sub" value="([^"]+)"', chooser.text) if f"({person})" in unescape(found)}
        return self.follow(self.ask("POST", str(chooser.url), form={"sub": sub}))


def _said(words: Mapping[str, str], more: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in {**words, **(more or {})}.items() if value}
