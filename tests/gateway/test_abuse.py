"""Abuse of the door, each a sentence: forged forms, borrowed sessions, other hosts and methods, too much, and what is nobody's business.

Stored scripts and formulas are in test_injection.py, who may open what in test_doors.py.
"""

import re
import socket
from collections.abc import Callable
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx2
import psycopg
import pytest

from infra import stack
from services.gateway.door import BROWSER_COOKIE, SESSION_COOKIE
from services.gateway.web import BODY_BYTES_MAX, LIST_PATHS
from services.kernel.callers import Caller, Role
from tests.gateway.browser import Browser
from tests.gateway.doors import Door, Visitor, someone, table

OFFICER = "iaf-utredare-1"
PAGES = [door for door in table() if not door.is_rest]
FORMS = [door for door in PAGES if door.method == "POST"]
SHOWN = [door for door in PAGES if door.method == "GET" and not door.path.startswith(("/static", "/logga-in"))]
QUERY = ("efter", "lage", "stadsdel", "typ", "tips", "period", "on", "other_day", "record_kind", "sender_kinds", "receiver", "nekade")
ELSEWHERE = {
    "another origin": {"origin": "https://example.com"},
    "no origin that it would name": {"origin": "null"},
    "another site": {"sec-fetch-site": "cross-site"},
    "a site beside us": {"sec-fetch-site": "same-site"},
    "nothing said of where it came from": {"origin": "", "sec-fetch-site": ""},
}
Ask = Callable[[Caller | None], Visitor]


def at_home(door: Door) -> Caller:
    """Somebody whom the door answers."""
    return someone(min(door.roles or set(Role)), door.unit)


@pytest.mark.parametrize("door", FORMS, ids=str)
def test_a_form_without_the_sessions_own_word_is_refused(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody, colleague = visitor(at_home(door)), visitor(someone(Role.JURIST, "MOS"))
    assert somebody.open(door, known, csrf="").status_code in {400, 403}
    for word in ("x", colleague.csrf):
        assert somebody.open(door, known, csrf=word).status_code == 403, word


@pytest.mark.parametrize("door", FORMS, ids=str)
def test_a_form_that_came_from_elsewhere_is_refused_though_it_has_the_word(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody = visitor(at_home(door))
    for name, headers in ELSEWHERE.items():
        assert somebody.open(door, known, headers=headers).status_code == 403, name


@pytest.mark.parametrize("door", FORMS, ids=str)
def test_a_form_that_is_too_large_or_does_not_say_how_large_it_is_is_refused_unread(
    door: Door, visitor: Ask, known: dict[str, str]
) -> None:
    somebody = visitor(at_home(door))
    size = 10_000_000 + 2 * BODY_BYTES_MAX if door.path in LIST_PATHS else BODY_BYTES_MAX + 1
    said = {"content-length": str(size)}
    for headers in (said, {"transfer-encoding": "chunked"}):
        answer = _raw(somebody, f"POST {door.address(known)} HTTP/1.1", headers)
        assert answer.startswith("HTTP/1.1 413"), (headers, answer)


@pytest.mark.parametrize("door", [door for door in FORMS if door.form], ids=str)
def test_what_no_person_writes_is_answered_calmly(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody = visitor(at_home(door))
    for word in ("\0", "x" * 5000, "' OR 1=1 --", "\u202e\ud7ff\ufffe", "-1", "9" * 400, "2026-02-30"):
        answer = somebody.open(door, known, headers={}, **dict.fromkeys(door.form, word))
        assert answer.status_code in {200, 303, 400, 404, 409}, (word, answer.text)


@pytest.mark.parametrize("door", SHOWN, ids=str)
def test_an_address_with_nonsense_behind_it_is_answered_calmly(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody = visitor(at_home(door))
    for word in ("%00", "%FF", "x" * 3000, quote("' OR 1=1 --"), "-1", "9" * 40, "2026-02-30", quote("../../etc/passwd")):
        address = f"{door.address(known)}?{'&'.join(f'{name}={word}' for name in QUERY)}"
        assert somebody.browser.ask("GET", address).status_code in {200, 303, 400, 404}, word


@pytest.mark.parametrize("door", PAGES, ids=str)
def test_a_page_knows_no_other_method_and_lets_nobody_pretend_one(door: Door, visitor: Ask, known: dict[str, str]) -> None:
    somebody, address = visitor(at_home(door)), door.address(known)
    there = {each.method for each in PAGES if each.path == door.path}
    for method in {"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "GET"} - there:
        form = {"csrf": somebody.csrf}
        answer = somebody.browser.ask(
            method, address, form=form if method not in {"GET", "TRACE"} else None, headers=_same_origin(somebody)
        )
        assert answer.status_code in {400, 404, 405, 413}, method
    if there == {"POST"}:
        pretended = {"x-http-method-override": "POST", "x-method-override": "POST", "x-http-method": "POST"}
        assert somebody.browser.ask("GET", f"{address}?_method=POST&csrf={somebody.csrf}", headers=pretended).status_code == 404


@pytest.mark.parametrize("headers", [{"host": "example.com"}, {"host": "localhost"}, {"host": "example.com:80"}], ids=str)
def test_another_host_is_answered_nothing_and_named_nowhere(api: str, headers: dict[str, str]) -> None:
    for path in ("/", "/logga-in", "/static/los.css", "/register", "/los/v1/api-info", "/finns-inte"):
        answer = httpx2.get(api + path, headers=headers)
        assert answer.status_code == 400, path
        assert "example.com" not in answer.text + str(answer.headers), path


def test_what_a_proxy_would_say_has_no_effect(visitor: Ask, api: str) -> None:
    said = {
        "x-forwarded-host": "example.com",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "10.0.0.1",
        "forwarded": "host=example.com;proto=https",
        "x-original-url": "/juridik",
        "x-rewrite-url": "/juridik",
    }
    somebody = visitor(someone(Role.FUT_INVESTIGATOR, "IAF"))

    plain, pretended = somebody.browser.ask("GET", "/tillganglighet"), somebody.browser.ask("GET", "/tillganglighet", headers=said)
    begun = httpx2.get(f"{api}/logga-in", headers=said)

    assert plain.text == pretended.text
    assert "example.com" not in begun.headers["location"]


def test_nobody_says_in_a_header_who_they_are(visitor: Ask) -> None:
    said = {
        "x-user": "klf-jurist-1",
        "x-remote-user": "klf-jurist-1",
        "x-role": "jurist",
        "x-unit": "KLF",
        "los-caller": "klf-jurist-1",
        "baggage": "role=jurist,unit=KLF",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
    for who, status in ((None, 401), (someone(Role.CASE_OFFICER, "IAF"), 403)):
        assert visitor(who).browser.ask("GET", "/juridik", headers=said).status_code == status


def test_a_session_is_in_its_cookie_and_nowhere_else(visitor: Ask, api: str) -> None:
    session = visitor(someone(Role.JURIST, "KLF")).session
    for headers in ({"authorization": f"Bearer {session}"}, {"cookie": f"los={session}"}, {"x-session": session}):
        assert httpx2.get(f"{api}/juridik?{SESSION_COOKIE}={session}", headers=headers).status_code == 401, headers
    assert httpx2.get(f"{api}/juridik", headers={"cookie": f"{SESSION_COOKIE}={session}"}).status_code == 200


def test_a_session_that_somebody_else_chose_is_not_the_one_that_one_gets(browser: Browser) -> None:
    chosen, host = "a" * 43, browser.origin.split("//")[1]
    browser.cookies[host, SESSION_COOKIE] = chosen

    assert "Mitt arbete" in browser.sign_in(OFFICER).text
    assert browser.cookies[host, SESSION_COOKIE] != chosen
    browser.cookies[host, SESSION_COOKIE] = chosen
    assert "Mitt arbete" not in browser.see("/").text


def test_the_sessions_cookie_is_for_this_host_alone_and_no_script_reads_it(browser: Browser) -> None:
    chooser = browser.see("/logga-in")
    back = browser.ask("POST", str(chooser.url), form={"sub": f"Elsa Utredare ({OFFICER})"})
    lines = browser.ask("GET", back.headers["location"]).headers.get_list("set-cookie")

    (session,) = [line for line in lines if line.startswith(f"{SESSION_COOKIE}=")]
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} == set(session.split("; ")[1:])
    assert any(line.startswith(f"{BROWSER_COOKIE}=") and "Max-Age=0" in line for line in lines)


@pytest.mark.parametrize(
    "wanted",
    [
        "https://example.com/",
        "//example.com",
        "///example.com",
        "/\\example.com",
        "\\/example.com",
        "/\t/example.com",
        "/\n//example.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "example.com",
        "@example.com",
        "http:example.com",
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(browser: Browser, running: stack.Stack, wanted: str) -> None:
    browser.ask("GET", f"/logga-in?till={quote(wanted, safe='')}")

    with psycopg.connect(running.postgres.url()) as tables:
        kept = tables.execute("SELECT next_path FROM gateway.sign_in ORDER BY started_time DESC LIMIT 1").fetchone()
    assert kept == ("/",)


def test_whoever_is_asked_to_sign_in_is_led_to_our_own_page_whatever_the_address_was(browser: Browser) -> None:
    page = browser.ask("GET", "/utbetalningar/ny?till=https://example.com&next=//example.com")

    assert page.status_code == 401
    assert re.findall(r'href="(/logga-in[^"]*)"', page.text) == ["/logga-in?till=/utbetalningar/ny"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web.py",
        "/static/..%2fweb.py",
        "/static/%2e%2e/web.py",
        "/static/..%5cweb.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
    ],
)
def test_no_file_is_served_from_beside_the_static_ones(visitor: Ask, path: str) -> None:
    answer = _raw(visitor(None), f"GET {path} HTTP/1.1", {})

    assert re.match(r"HTTP/1\.1 40[04]", answer), answer
    assert "import" not in answer
    assert "root:" not in answer


def test_more_than_what_is_asked_for_changes_nothing_of_who_has_the_record(visitor: Ask) -> None:
    number = f"IAF-{uuid4().hex[:8]}"
    flag = {
        "case_number": number,
        "payment_scheme": "ekonomiskt_bistand",
        "causes": "housing_cost",
        "period_from": "2026-01",
        "period_to": "2026-06",
        "impulse_source": "public",
        "recipient_id_number": "198711062391",
    }
    more = {
        "owner_unit": "KLF",
        "unit": "KLF",
        "state": "PAYMENT_STATE_CLOSED",
        "registered_by": "x",
        "protected": "none",
        "payment_id": "x",
    }
    somebody = visitor(someone(Role.FUT_INVESTIGATOR, "IAF"))
    form = {"csrf": somebody.csrf, "request_id": str(uuid4())} | flag | more

    made = somebody.browser.ask("POST", "/utbetalningar/ny", form=form)

    assert made.status_code == 303
    assert "Flaggat." in somebody.browser.ask("GET", made.headers["location"]).text
    assert visitor(someone(Role.FUT_INVESTIGATOR, "KLF")).browser.ask("GET", made.headers["location"]).status_code == 404


def test_a_form_with_thousands_of_fields_is_refused(visitor: Ask) -> None:
    somebody = visitor(someone(Role.FUT_INVESTIGATOR, "IAF"))
    form = {"csrf": somebody.csrf} | {f"f{number}": "" for number in range(5000)}

    assert somebody.browser.ask("POST", "/utbetalningar/ny", form=form).status_code == 400


def test_a_list_that_is_no_list_is_refused_and_harms_nothing(visitor: Ask) -> None:
    somebody = visitor(someone(Role.LANDLORD_REPORTER, "KLF"))
    form = {"csrf": somebody.csrf, "declared": "1"}
    for name, content in (("x.csv", b""), ("../../x.xlsx", b"PK\3\4"), ("x.svg", b"<svg onload='x'/>"), ("x.ods", b"\0" * 1000)):
        assert somebody.browser.upload("/anmalan/lista", form, name, content).status_code == 400, name


def _same_origin(visitor: Visitor) -> dict[str, str]:
    return {"origin": visitor.browser.origin, "sec-fetch-site": "same-origin"}


def _raw(visitor: Visitor, first: str, headers: dict[str, str]) -> str:
    """A request as it stands, which no client mends; what comes back first."""
    host = urlsplit(visitor.browser.origin)
    words = {"Host": host.netloc, "Connection": "close", "Content-Type": "application/x-www-form-urlencoded"} | _same_origin(visitor)
    words |= {"Cookie": f"{SESSION_COOKIE}={visitor.session}"} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in words.items())
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=20) as line:
        line.sendall(f"{first}\r\n{lines}\r\n".encode())
        return line.recv(64_000).decode(errors="replace")
