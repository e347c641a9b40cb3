"""The registrator's pages: gallring in three steps, what is kept from it, and what is told of a person."""

import re
from uuid import uuid4

import httpx2
import psycopg
import pytest

from infra import stack
from tests.gateway import records
from tests.gateway.browser import Browser

REGISTRAR, OTHER_REGISTRAR = "iaf-registrator-1", "klf-registrator-1"
PAID, NOTIFIED = "198810162399", "198711062391"
HOLD = {"hold_reason": "dispute", "diary_no": "IAF 2026-88"}


@pytest.fixture
def told(running: stack.Stack) -> str:
    """A disclosure of IAF's that nobody has anything left to do about: it was decided that it is not sent."""
    with records.speaking(running) as services:
        return records.refused(services)


def age(running: stack.Stack, disclosure_id: str) -> None:
    """Nothing has happened to it for longer than it is kept."""
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute(
            "UPDATE sharing.disclosure_event SET occurred_time = now() - interval '61 months' WHERE disclosure_id = %s", [disclosure_id]
        )


def extract(browser: Browser, *numbers: str, request_no: str = "IAF 2026-77") -> httpx2.Response:
    return browser.send(browser.see("/registerutdrag"), {"numbers": "\n".join(numbers), "request_no": request_no})


def keep(browser: Browser, disclosure_id: str, **more: str) -> httpx2.Response:
    page = browser.see(f"/gallring/undantag?nummer={disclosure_id}")
    return browser.follow(browser.send(page, {"disclosure_id": disclosure_id} | HOLD | more, "/gallring/undantag"))


def counted(browser: Browser) -> httpx2.Response:
    return browser.send(browser.see("/gallring"), {}, "/gallring/rakning")


def hidden(page: httpx2.Response) -> dict[str, str]:
    """What a form carries unseen."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


def due(page: httpx2.Response) -> tuple[int, int]:
    """How many disclosures of payments would go, and how many stay though their day has come."""
    found = re.findall(r"Misstänkt felaktig utbetalning</th><td>(\d+)</td><td>(\d+)</td><td>60 månader", page.text)
    return next(((int(going), int(staying)) for going, staying in found), (0, 0))


def test_what_is_due_is_counted_then_named_in_a_decision_then_confirmed_and_gone(browser: Browser, running: stack.Stack, told: str) -> None:
    assert browser.sign_in(REGISTRAR).url.path == "/gallring"
    age(running, told)
    page = counted(browser)
    number, _ = due(page)
    assert number >= 1

    wrong = browser.send(page, {}, "/gallring")
    assert wrong.status_code == 400
    assert 'id="fel-erasure_decision"' in wrong.text
    question = browser.send(page, {"erasure_decision": "IAF 2026-90"}, "/gallring")
    assert "kan inte ångras" in question.text
    again = browser.send(question, {"confirmed": "no"})
    assert 'value="IAF 2026-90"' in again.text
    assert told in extract(browser, PAID).text

    sent = hidden(question)
    done = browser.ask("POST", "/gallring", form=sent | {"confirmed": "1"})
    assert "Gallrat enligt IAF 2026-90" in done.text
    assert f"<td>{number}</td>" in done.text
    assert f"<td>{number}</td>" in browser.ask("POST", "/gallring", form=sent | {"confirmed": "1"}).text  # sent twice: the same answer
    assert told not in extract(browser, PAID).text
    assert "Inget kan gallras i dag" in counted(browser).text
    late = browser.ask("POST", "/gallring", form={name: value for name, value in sent.items() if name != "confirmed"})
    assert late.status_code == 409
    gone = keep(browser, told)
    assert gone.status_code == 409
    assert "redan gallrad" in gone.text


def test_gallring_that_is_not_answered_in_time_is_asked_again_as_the_same_request(
    browser: Browser, running: stack.Stack, told: str
) -> None:
    browser.sign_in(REGISTRAR)
    age(running, told)
    question = browser.send(counted(browser), {"erasure_decision": "IAF 2026-91"}, "/gallring")
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute("SELECT 1 FROM sharing.disclosure WHERE id = %s FOR UPDATE", [told])
        late = browser.send(question, {"confirmed": "1"})
    assert late.status_code == 409
    assert "Tjänsten svarade inte" in late.text
    assert hidden(late)["request_id"] == hidden(question)["request_id"]
    assert "Gallrat enligt IAF 2026-91" in browser.send(late, {"confirmed": "1"}).text
    assert told not in extract(browser, PAID).text


def test_what_is_kept_stays_until_it_is_let_go_each_time_with_a_diary_number(browser: Browser, running: stack.Stack, told: str) -> None:
    browser.sign_in(REGISTRAR)
    assert f'href="/gallring/undantag?nummer={told}"' in extract(browser, PAID).text
    for field in ("hold_reason", "diary_no"):
        wrong = keep(browser, told, **{field: ""})
        assert wrong.status_code == 400
        assert f'id="fel-{field}"' in wrong.text
    assert 'id="fel-diary_no"' in keep(browser, told, diary_no=NOTIFIED).text
    assert 'id="fel-disclosure_id"' in keep(browser, "x").text
    kept = keep(browser, f"https://los.example/utlamnanden/{told}")
    assert "Ärendet prövas av domstol eller annan myndighet. IAF 2026-88" in kept.text
    assert f'href="/gallring/undantag/{told}"' in extract(browser, PAID).text

    going, staying = due(counted(browser))
    age(running, told)
    assert due(counted(browser)) == (going, staying + 1)
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute("UPDATE sharing.hold SET person = %s WHERE disclosure_id = %s", [OTHER_REGISTRAR, told])
    page = browser.see(f"/gallring/undantag/{told}")
    assert all("Olle Registrator" in each.text for each in (page, browser.see("/gallring/undantag")))  # who has moved on is still named
    assert browser.send(page, {"diary_no": ""}).status_code == 400
    assert told not in browser.follow(browser.send(page, {"diary_no": "IAF 2026-89"})).text
    assert due(counted(browser)) == (going + 1, staying)
    assert browser.see(f"/gallring/undantag/{told}").status_code == 404


def test_what_is_another_namnds_to_keep_looks_as_what_is_not_there(browser: Browser, told: str) -> None:
    browser.sign_in(OTHER_REGISTRAR)
    answers = [keep(browser, each) for each in (told, str(uuid4()))]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert all("Numret finns inte hos din förvaltning." in answer.text for answer in answers)
    assert all('value="IAF 2026-88"' in answer.text for answer in answers)  # what was written is not lost
    assert told not in extract(browser, PAID).text


def test_a_person_is_told_what_was_shared_and_what_has_to_be_tested_first(
    browser: Browser, running: stack.Stack, known: dict[str, str]
) -> None:
    browser.sign_in(REGISTRAR)
    for numbers, request_no, field in (((), "IAF 2026-77", "numbers"), (("1",), "IAF 2026-77", "numbers"), ((PAID,), "", "request_no")):
        wrong = extract(browser, *numbers, request_no=request_no)
        assert wrong.status_code == 400
        assert f'id="fel-{field}"' in wrong.text
    assert 'id="fel-request_no"' in extract(browser, PAID, request_no=NOTIFIED).text

    page = extract(browser, PAID, NOTIFIED)
    assert page.status_code == 200
    assert page.url.query == b""
    given, _, tested = page.text.partition('<section class="los-not-printed" aria-labelledby="prova">')
    assert known["disclosure_id"] in given
    assert "2008:206" in given
    assert "bostadsbidrag" in given
    assert known["inbound_id"] not in given
    assert known["inbound_id"] in tested
    assert "Pröva innan den lämnas" in tested
    assert "FK-2026/4711" not in page.text  # what an agency has said is tested by a person first
    with psycopg.connect(running.postgres.url()) as tables:
        last = tables.execute(
            "SELECT person, details FROM sharing.audit WHERE event = 'sharing:disclosure:about' ORDER BY id DESC LIMIT 1"
        ).fetchone()
    assert last is not None
    assert last[0] == REGISTRAR
    assert last[1]["case_number"] == "IAF 2026-77"
    nothing = extract(browser, "193805259169").text
    assert "Det finns inget att lämna ut." in nothing
    assert "Inget behöver prövas." in nothing
    assert all("den funktion som hanterar skyddade personuppgifter" in each for each in (page.text, nothing))
