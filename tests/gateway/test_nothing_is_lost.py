"""Two edit the same, somebody clicks twice or goes back, a session ends in mid-form: nothing written is lost, and nothing is done twice."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from uuid import uuid4

import grpc
import psycopg
import pytest
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1.registry_pb2_grpc import RegistryServiceStub

from infra import stack
from services.gateway.door import BROWSER_COOKIE, SESSION_COOKIE
from services.gateway.forms import NOT_ANSWERED, Sent, asked
from services.kernel.errors import Conflict, Invalid
from tests.gateway.browser import Browser
from tests.gateway.steps import begin, do, form, send
from tests.gateway.test_cases import ASSESSMENT, FLAG, SECOND
from tests.gateway.test_deciding import OFFICER
from tests.gateway.test_payment_steps import METHODS, TOLD, assessed, flagged

WORDS = "Hyresavin visar en lägre hyra än den som söktes."


@pytest.fixture
def colleague(address: str) -> Iterator[Browser]:
    """Another investigator of the same unit."""
    with Browser(address) as found:
        found.sign_in(SECOND)
        yield found


def end_session(running: stack.Stack) -> None:
    """Everybody has been away for more than a quarter of an hour."""
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute("UPDATE gateway.session SET seen_time = now() - interval '16 minutes'")


def kept(running: stack.Stack) -> list[bytes]:
    with psycopg.connect(running.postgres.url()) as tables:
        return [row[0] for row in tables.execute("SELECT content FROM gateway.kept_form").fetchall()]


def test_the_second_of_two_is_shown_what_the_first_changed_and_loses_nothing(browser: Browser, colleague: Browser) -> None:
    path = assessed(browser)
    action = f"{path}/bedomning"
    mine = browser.see(action)
    do(colleague, path, "utredning", **METHODS)

    written = ASSESSMENT | {"assessment": "ongoing", "reasons": WORDS}
    page = send(browser, mine, action, **written)

    assert page.status_code == 409
    assert "Någon annan har ändrat det här" in page.text
    rows = {row[0]: row[1:] for row in re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', page.text)}
    assert rows["Läge"] == ("Förhandsgranskning pågår.", "Utredning pågår.")
    assert rows["Hur det utreds"] == ("tomt", "genomgång av akten")
    assert rows["Senast ändrat av"][1] == "Farid Utredare"
    assert WORDS in page.text
    page = send(browser, page, action, **written)
    assert page.url.path == path
    assert WORDS in page.text
    assert "genomgång av akten" in page.text


def test_who_corrects_a_mistake_of_their_own_is_still_shown_what_a_colleague_has_changed(browser: Browser, colleague: Browser) -> None:
    path = assessed(browser)
    action = f"{path}/bedomning"
    mine = browser.see(action)
    do(colleague, path, "utredning", **METHODS)

    written = ASSESSMENT | {"assessment": "ongoing", "reasons": WORDS}
    wrong = send(browser, mine, action, **written | {"protection_check": ""})
    assert wrong.status_code == 400
    page = send(browser, wrong, action, **written)

    assert page.status_code == 409
    assert "Det här har ändrats sedan du öppnade sidan" in page.text
    assert '<th scope="row">Hur det utreds</th><td>tomt</td>' in page.text


def test_an_assessment_that_is_clicked_twice_is_one(running: stack.Stack, browser: Browser) -> None:
    path = flagged(browser)
    sent = form(browser.see(path), f"{path}/bedomning") | ASSESSMENT | {"reasons": WORDS}
    answers = [browser.ask("POST", f"{path}/bedomning", form=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303], answers[1].text
    with psycopg.connect(running.postgres.url()) as tables:
        query = "SELECT revision FROM registry.suspected_payment WHERE id = %s"
        assert tables.execute(query, [path.rpartition("/")[2]]).fetchall() == [(2,)]


def test_what_a_service_did_not_answer_is_sent_again_as_the_same_request() -> None:
    with grpc.insecure_channel("localhost:1") as nowhere:
        stub, sent = RegistryServiceStub(nowhere), Sent({"request_id": ["5e2d4f7a-8f2c-4a8e-9a7c-0d6f2f3f9b11"], "reasons": [WORDS]})
        with pytest.raises(Conflict) as caught:
            asked(lambda: stub.GetAlert(pb.GetAlertRequest(), timeout=10))
    again = sent.wrong(caught.value)
    assert (again.text("reasons"), again.request_id, again.message) == (WORDS, sent.request_id, NOT_ANSWERED)
    assert sent.wrong(Invalid("reasons: skriv varför.")).request_id != sent.request_id


def test_an_act_that_a_colleague_has_done_meanwhile_is_not_done_again_and_what_was_written_stays(
    browser: Browser, colleague: Browser
) -> None:
    path = assessed(browser)
    do(browser, path, "utredning", **METHODS)
    mine = begin(browser, path, "kommunicering", **TOLD | {"answer_due_date": "2031-01-31"})
    do(colleague, path, "kommunicering", **TOLD)

    page = send(browser, mine, f"{path}/kommunicering", confirmed="1")

    assert page.status_code == 409
    assert "Det går inte att göra i det läge" in page.text
    assert 'value="2031-01-31"' in page.text
    assert ">Spara</button>" not in page.text
    assert TOLD["answer_due_date"] in browser.see(path).text


def test_a_double_click_does_it_once(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    page, number = browser.see("/utbetalningar/ny"), f"IAF-{uuid4().hex[:8]}"
    sent = form(page, "/utbetalningar/ny") | FLAG | {"case_number": number}
    with ThreadPoolExecutor(4) as clicks:
        answers = list(clicks.map(lambda _: browser.ask("POST", "/utbetalningar/ny", form=sent), range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1


def test_who_goes_back_and_sends_something_else_is_told_and_keeps_it(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    page, number = browser.see("/utbetalningar/ny"), f"IAF-{uuid4().hex[:8]}"
    send(browser, page, "/utbetalningar/ny", **FLAG | {"case_number": number})
    again = send(browser, page, "/utbetalningar/ny", **FLAG | {"case_number": f"{number}-2"})
    assert again.status_code == 409
    assert "redan skickats en gång" in again.text
    assert f'value="{number}-2"' in again.text
    assert "Flaggat." in send(browser, again, "/utbetalningar/ny", **FLAG | {"case_number": f"{number}-2"}).text


def test_a_form_whose_session_ended_is_there_again_for_its_person_and_is_sent_once(running: stack.Stack, browser: Browser) -> None:
    path = flagged(browser)
    action = f"{path}/bedomning"
    mine = browser.see(path)
    end_session(running)

    page = send(browser, mine, action, **ASSESSMENT | {"reasons": WORDS})

    assert page.status_code == 401
    assert "Det du skrev är inte skickat, men det finns kvar." in page.text
    assert WORDS not in page.text
    assert all(WORDS.encode() not in content for content in kept(running))
    assert {name for _, name in browser.cookies} <= {SESSION_COOKIE, BROWSER_COOKIE}
    (address,) = re.findall(r'href="(/logga-in\?till=[^"]+)"', page.text)
    assert WORDS not in unescape(address)

    page = browser.sign_in(OFFICER, address)
    assert page.url.path == "/fortsatt"
    assert WORDS in unescape(page.text)
    shown = send(browser, page, action)
    assert "inte skickat än" in shown.text
    assert WORDS in shown.text
    assert 'value="preliminary_check" checked' in shown.text
    assert "Flaggat." in browser.see(path).text  # nothing is done by itself
    done = send(browser, shown, action, **ASSESSMENT | {"reasons": WORDS})
    assert "Förhandsgranskning pågår." in done.text
    assert WORDS in done.text


def test_what_somebody_wrote_is_shown_to_nobody_else(running: stack.Stack, browser: Browser) -> None:
    path = flagged(browser)
    mine = browser.see(path)
    end_session(running)
    send(browser, mine, f"{path}/bedomning", **ASSESSMENT | {"reasons": WORDS})
    page = browser.sign_in(SECOND)
    assert page.url.path == "/"
    assert WORDS not in browser.see("/fortsatt").text
    browser.sign_in(OFFICER)
    assert WORDS not in browser.see("/fortsatt").text  # another has been here: it is gone


def test_what_was_kept_too_long_ago_is_gone_and_so_is_what_nobody_wants(running: stack.Stack, browser: Browser) -> None:
    path = flagged(browser)
    for gone in ("time", "thrown away"):
        mine = browser.see(path)
        end_session(running)
        send(browser, mine, f"{path}/bedomning", **ASSESSMENT | {"reasons": WORDS})
        page = browser.sign_in(OFFICER)
        assert WORDS in unescape(page.text)
        if gone == "time":
            with psycopg.connect(running.postgres.url()) as tables:
                tables.execute("UPDATE gateway.kept_form SET kept_time = now() - interval '16 minutes'")
        else:
            send(browser, page, "/fortsatt")
        assert WORDS not in browser.see("/fortsatt").text


def test_a_form_left_open_in_another_tab_is_kept_when_its_person_has_signed_in_anew(running: stack.Stack, browser: Browser) -> None:
    path = flagged(browser)
    mine = browser.see(path)
    end_session(running)
    browser.sign_in(OFFICER)

    page = send(browser, mine, f"{path}/bedomning", **ASSESSMENT | {"reasons": WORDS})

    assert page.url.path == "/fortsatt"
    assert WORDS in unescape(page.text)
    assert "Flaggat." in browser.see(path).text
