"""The officer's journey on the pages: from what waits to what was sent, with a colleague, without JavaScript."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx2
import psycopg
import pytest

from cli.client import Stack as Client
from cli.import_file import KINDS, import_file
from cli.walk import Walk, wait_for
from infra import stack
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from tests.gateway.browser import Browser
from tests.gateway.steps import form

SAMPLES = Path(stack.__file__).parents[1] / "samples"
OFFICER, COLLEAGUE, OTHER_UNIT = "iaf-utredare-1", "iaf-beslutare-1", "klf-handlaggare-1"
SEND = {"decision": "send", "delegation": "4.2"}


@pytest.fixture(scope="module", autouse=True)
def flagged(running: stack.Stack) -> None:
    """IAF's payments, registered and assessed: what may be told waits at IAF."""
    client = Client(running.folder.root)
    with client.speaking_for(KINDS["payments"].default_person(client)) as session:
        list(import_file(session, KINDS["payments"], SAMPLES / "iaf_utbetalningar.csv"))
    with client.speaking_for(client.first(Role.FUT_INVESTIGATOR, "IAF")) as session:
        Walk({(Role.FUT_INVESTIGATOR, "IAF"): session}, print).assess_payments()
        wait_for("Erbjudandena", lambda: len(Walk.offers(session)) > 5)


def links(page: httpx2.Response, folder: str) -> list[str]:
    return re.findall(rf'href="(/{folder}/[0-9a-f-]+)"', page.text)


def previewed(browser: Browser, offer: str) -> httpx2.Response:
    page = browser.see(offer)
    return browser.ask("POST", offer, form=form(page, offer))


def weighed(browser: Browser, offer: str, page: httpx2.Response) -> httpx2.Response:
    points = re.findall(r'<textarea[^>]* name="(point\.\w+)"', page.text)
    return browser.ask("POST", offer, form=form(page, offer) | dict.fromkeys(points, "Nej, kontrollerat i akten."))


def waiting(browser: Browser, receiver: str = "Försäkringskassan") -> str:
    """An offer that waits for the officer, to a receiver with a channel."""
    page = browser.see("/")
    rows = re.findall(r'href="(/erbjudanden/[0-9a-f-]+)".*?</tr>', page.text, re.DOTALL)
    texts = re.findall(r'<tr>\s*<th scope="row"><a class="ds-link" href="/erbjudanden/.*?</tr>', page.text, re.DOTALL)
    return [str(row) for row, text in zip(rows, texts, strict=True) if receiver in text][-1]  # the oldest are other tests'


def test_from_what_waits_to_what_is_sent_with_a_colleague(browser: Browser, address: str) -> None:
    start = browser.sign_in(OFFICER)
    which = r"<strong>IAF-2026-\d+</strong>, inkom [^.]+\. Ni ska underrätta"
    assert re.search(rf"</td>\s*<td[^>]*>\s*{which}", start.text)
    offer = waiting(browser)
    page = previewed(browser, offer)
    assert "Det här skickas till Försäkringskassan, ord för ord." in page.text
    assert "Personnummer" in page.text
    assert 'value="send"' not in page.text  # nothing is decided before it is weighed
    page = weighed(browser, offer, page)
    assert 'value="send"' in page.text

    decided = browser.follow(browser.ask("POST", "/beslut", form=form(page, "/beslut") | SEND))
    assert "Väntar på en kollegas godkännande" in decided.text
    assert "/godkannande" not in decided.text  # two pairs of eyes are two persons
    assert "<dt>Särskilda skäl: nej, eller ja och vilka?</dt><dd>Nej, kontrollerat i akten.</dd>" in decided.text

    with Browser(address) as other:
        colleague = other.sign_in(COLLEAGUE)
        path = decided.url.path
        assert path in links(colleague, "utlamnanden")
        seen = other.see(path)
        action = f"{path}/godkannande"
        lacks = other.ask("POST", action, form=form(seen, action) | SEND | {"delegation": ""})
        assert lacks.status_code == 400
        assert 'id="fel-delegation"' in lacks.text
        approved = other.follow(other.ask("POST", action, form=form(seen, action) | SEND))
    assert "Godkänn" not in approved.text
    assert "(Greta Beslutsfattare)" in approved.text
    assert re.search(r"Beslutat\. Är på väg|Skickat\.|tagit emot", approved.text)
    assert offer not in links(browser.see("/"), "erbjudanden")


def test_who_has_handled_the_case_is_told_so_and_is_not_asked_to_approve(browser: Browser, address: str, running: stack.Stack) -> None:
    browser.sign_in(OFFICER)
    offer = waiting(browser)
    path = browser.follow(
        browser.ask("POST", "/beslut", form=form(weighed(browser, offer, previewed(browser, offer)), "/beslut") | SEND)
    ).url.path
    with psycopg.connect(running.postgres.url()) as database:
        database.execute("UPDATE sharing.offer SET handled_by = handled_by || %s WHERE id = %s", ([COLLEAGUE], offer.rpartition("/")[2]))
    with Browser(address) as other:
        start = other.sign_in(COLLEAGUE)
        approve = start.text[start.text.index('id="godkanna"') : start.text.index('id="vantar"')]
        assert path not in approve
        assert path in start.text
        page = other.see(path)
    assert "En kollega som inte har handlagt ärendet måste godkänna." in page.text
    assert f"{path}/godkannande" not in page.text


def test_what_is_missing_is_said_first_and_beside_each_field(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    offer = waiting(browser)
    page = previewed(browser, offer)

    page = browser.ask("POST", offer, form=form(page, offer))

    assert page.text.index("Du kan inte besluta än") < page.text.index("<h1")
    for code in re.findall(r'href="#point-(\w+)"', page.text):
        assert f'id="point-{code}"' in page.text
        assert f'aria-describedby="fel-{code}"' in page.text


def test_a_preview_sent_twice_is_the_same_preview_and_a_decision_sent_twice_is_one(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    offer = waiting(browser)
    first = previewed(browser, offer)
    page = weighed(browser, offer, first)
    sent = form(page, "/beslut") | {"decision": "refuse", "delegation": "4.2", "reason": "Redan känt hos mottagaren."}

    once, twice = browser.ask("POST", "/beslut", form=sent), browser.ask("POST", "/beslut", form=sent)

    assert once.status_code == twice.status_code == 303
    assert once.headers["location"] == twice.headers["location"]
    assert "Redan känt hos mottagaren." in browser.see(once.headers["location"]).text


def test_what_is_done_another_way_is_written_down_by_a_person(browser: Browser, address: str) -> None:
    browser.sign_in(OFFICER)
    offer = waiting(browser, "Pensionsmyndigheten")
    page = weighed(browser, offer, previewed(browser, offer))
    path = browser.follow(browser.ask("POST", "/beslut", form=form(page, "/beslut") | SEND)).url.path
    with Browser(address) as other:
        other.sign_in(COLLEAGUE)
        action = f"{path}/godkannande"
        other.ask("POST", action, form=form(other.see(path), action) | SEND)

    page, action = browser.see(path), f"{path}/utfort"
    assert "det går inte att skicka härifrån" in page.text
    said = {"way": "Brev", "recipient": "Pensionsmyndighetens kontrollenhet", "when": "2026-01-01T08:00", "reference": "A-1"}
    too_early = browser.ask("POST", action, form=form(page, action) | said)
    assert too_early.status_code == 400
    assert "före beslutet" in too_early.text
    unreadable = browser.ask("POST", action, form=form(browser.see(path), action) | said | {"when": "0001-01-01T00:00"})
    assert unreadable.status_code == 400
    assert 'id="fel-when"' in unreadable.text
    assert 'value="Pensionsmyndighetens kontrollenhet"' in unreadable.text
    soon = datetime.now(STOCKHOLM) + timedelta(minutes=1)
    done = browser.follow(browser.ask("POST", action, form=form(browser.see(path), action) | said | {"when": f"{soon:%Y-%m-%dT%H:%M}"}))
    assert f"<br>{soon:%Y-%m-%d %H:%M}<br>Brev<br>Pensionsmyndighetens kontrollenhet<br>A-1</li>" in done.text


@pytest.mark.parametrize("folder", ["erbjudanden", "utlamnanden"])
def test_another_units_case_looks_as_one_that_does_not_exist(browser: Browser, address: str, folder: str) -> None:
    browser.sign_in(OFFICER)
    if folder == "erbjudanden":
        path = waiting(browser)
    else:
        page = weighed(browser, waiting(browser), previewed(browser, waiting(browser)))
        path = browser.follow(browser.ask("POST", "/beslut", form=form(page, "/beslut") | SEND)).url.path
    with Browser(address) as other:
        signed_in = other.sign_in(OTHER_UNIT)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', signed_in.text)[0]
        answers = []
        for wanted in (path, f"/{folder}/{uuid4()}"):
            method, words = ("POST", {"csrf": csrf, "request_id": str(uuid4())}) if folder == "erbjudanden" else ("GET", None)
            answers.append(other.ask(method, wanted, form=words))

    theirs, absent = answers
    assert theirs.status_code == absent.status_code == 404
    assert theirs.text.replace(path, "") == absent.text.replace(str(absent.url.path), "")


@pytest.mark.parametrize("path", ["/erbjudanden/x", "/utlamnanden/1"])
def test_an_address_that_cannot_be_is_not_there(browser: Browser, path: str) -> None:
    browser.sign_in(OFFICER)

    assert browser.see(path).status_code == 404


@pytest.mark.parametrize("path", ["/erbjudanden/{}", "/utlamnanden/{}"])
def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(browser: Browser, path: str) -> None:
    wanted = path.format(uuid4())

    page = browser.see(wanted)

    assert page.status_code == 401
    assert f'href="/logga-in?till={wanted}"' in page.text
