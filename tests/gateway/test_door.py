"""Signing in and out, with the whole stack and the demo's provider."""

from typing import LiteralString
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from infra import stack
from services.gateway.door import BROWSER_COOKIE, SESSION_COOKIE
from services.gateway.web import CSP, own_path
from tests.gateway.browser import Browser

OFFICER = "iaf-utredare-1"


def rows(running: stack.Stack, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(running.postgres.url()) as database:
        return database.execute(query).fetchall()


def change(running: stack.Stack, statement: LiteralString, *values: object) -> None:
    with psycopg.connect(running.postgres.url()) as database:
        database.execute(statement, values)


def test_a_person_signs_in_and_sees_their_own_work(browser: Browser) -> None:
    page = browser.sign_in(OFFICER)

    assert page.status_code == 200
    assert "<h1" in page.text
    assert "Mitt arbete" in page.text
    assert "Elsa Utredare" in page.text


def test_a_stranger_is_told_what_los_is_and_sees_nothing_else(browser: Browser) -> None:
    page = browser.see("/")

    assert page.status_code == 200
    assert "Logga in" in page.text
    assert "Mitt arbete" not in page.text


def test_every_answer_carries_the_same_protection(browser: Browser) -> None:
    for path in ("/", "/finns-inte", "/static/theme.css", "/logga-in/svar?code=x&state=y"):
        answer = browser.ask("GET", path)
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.ask("GET", "/").headers["cache-control"] == "no-store"


def test_the_session_cookie_is_for_this_host_alone_and_no_script_reads_it(browser: Browser) -> None:
    chooser = browser.ask("GET", "/logga-in")
    cookie = chooser.headers["set-cookie"]

    assert cookie.startswith(f"{BROWSER_COOKIE}=")
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie


def test_the_sign_in_has_pkce_and_a_nonce(browser: Browser) -> None:
    asked = parse_qs(urlsplit(browser.ask("GET", "/logga-in").headers["location"]).query)

    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["nonce"][0]
    assert asked["state"][0]


def test_another_browser_cannot_finish_a_sign_in(browser: Browser, address: str) -> None:
    chooser = browser.see("/logga-in")
    answer = browser.ask("POST", str(chooser.url), form={"sub": "Elsa Utredare (iaf-utredare-1)"})

    with Browser(address) as other:
        page = other.see(answer.headers["location"])

    assert page.status_code == 403
    assert (other.origin.split("//")[1], SESSION_COOKIE) not in other.cookies


def test_a_sign_in_is_finished_once(browser: Browser) -> None:
    chooser = browser.see("/logga-in")
    answer = browser.ask("POST", str(chooser.url), form={"sub": "Elsa Utredare (iaf-utredare-1)"})
    before = dict(browser.cookies)
    assert browser.ask("GET", answer.headers["location"]).status_code == 303
    browser.cookies = before

    assert browser.ask("GET", answer.headers["location"]).status_code == 403


def test_somebody_whom_the_kommun_does_not_know_is_not_let_in(browser: Browser, running: stack.Stack) -> None:
    chooser = browser.see("/logga-in")

    page = browser.follow(browser.ask("POST", str(chooser.url), form={"sub": "okand"}))

    assert page.status_code == 403
    assert rows(running, "SELECT outcome, person FROM gateway.audit ORDER BY id DESC LIMIT 1") == [("refused", None)]


def test_each_sign_in_is_a_new_session_and_the_old_one_ends(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    first = dict(browser.cookies)
    browser.sign_in(OFFICER)
    assert browser.cookies != first

    browser.cookies = first
    assert "Mitt arbete" not in browser.see("/").text


def test_signing_out_ends_the_session_also_for_whoever_kept_the_cookie(browser: Browser) -> None:
    page = browser.sign_in(OFFICER)
    kept = dict(browser.cookies)

    assert browser.send(page, {}, "/logga-ut").status_code == 303
    browser.cookies = kept

    assert "Mitt arbete" not in browser.see("/").text


@pytest.mark.parametrize("csrf", ["", "fel"])
def test_a_form_from_another_session_is_refused(browser: Browser, csrf: str) -> None:
    browser.sign_in(OFFICER)

    assert browser.ask("POST", "/logga-ut", form={"csrf": csrf}).status_code == 403
    assert "Mitt arbete" in browser.see("/").text


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://example.com"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}, {"host": "example.com"}],
    ids=["another origin", "another site", "no origin", "another host"],
)
def test_a_form_that_comes_from_elsewhere_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    page = browser.sign_in(OFFICER)
    csrf = page.text.split('name="csrf" value="')[1].split('"')[0]

    assert browser.ask("POST", "/logga-ut", form={"csrf": csrf}, headers=headers).status_code in {400, 403}
    assert "Mitt arbete" in browser.see("/").text


@pytest.mark.parametrize("seconds", [15 * 60 + 1, 0])
def test_a_session_ends_after_a_quarter_of_an_hour_without_use(browser: Browser, running: stack.Stack, seconds: int) -> None:
    browser.sign_in(OFFICER)
    change(running, "UPDATE gateway.session SET seen_time = now() - make_interval(secs => %s)", seconds)

    assert ("Mitt arbete" in browser.see("/").text) == (seconds == 0)


def test_a_session_ends_after_eight_hours_whatever_happens_in_it(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(OFFICER)
    change(running, "UPDATE gateway.session SET created_time = now() - interval '8 hours 1 second'")

    assert "Mitt arbete" not in browser.see("/").text


def test_whoever_loses_the_account_is_out_at_the_next_request(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(OFFICER)
    change(running, "UPDATE gateway.account SET active = false WHERE person = %s", OFFICER)
    try:
        assert "Mitt arbete" not in browser.see("/").text
    finally:
        change(running, "UPDATE gateway.account SET active = true")


def test_the_role_is_read_anew_for_each_request(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(OFFICER)
    change(running, "UPDATE gateway.account SET role = 'jurist' WHERE person = %s", OFFICER)
    try:
        assert "Mitt arbete" not in browser.see("/").text
    finally:
        change(running, "UPDATE gateway.account SET role = 'fut_investigator' WHERE person = %s", OFFICER)


def test_no_secret_of_a_browser_is_stored_as_it_is(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(OFFICER)
    token = next(value for (_, name), value in browser.cookies.items() if name == SESSION_COOKIE)

    assert token not in str(rows(running, "SELECT * FROM gateway.session"))


@pytest.mark.parametrize(
    "path", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)", "\\\\example.com", "/\nx", ""]
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    assert own_path(path) == "/"


def test_after_signing_in_one_comes_to_the_page_that_was_asked_for(browser: Browser) -> None:
    assert browser.sign_in(OFFICER, "/logga-in?till=/tillganglighet").url.path == "/tillganglighet"


def test_what_is_not_there_looks_as_what_one_may_not_see(browser: Browser) -> None:
    page = browser.see("/finns-inte")

    assert page.status_code == 404
    assert "Ärendet finns inte, eller så har du inte tillgång till det." in page.text
