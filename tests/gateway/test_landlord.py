"""The landlord's journey on the pages, without JavaScript."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psycopg
import pytest

from infra import stack
from tests.gateway.browser import Browser

SAMPLES = Path(stack.__file__).parents[1] / "samples"
LANDLORD, OFFICER = "hyresvard-1", "iaf-utredare-1"
DAY = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
REPORT = {
    "property_designation": "Linköping Exempel 1:1",
    "street_address": "Exempelgatan 1 B",
    "postal_code": "582 22",
    "city": "Linköping",
    "observation_types": "apartment_empty",
    "observed_from": DAY,
    "observed_to": DAY,
    "source_kind": "staff",
    "declared": "1",
}


def hidden(page: httpx2.Response, action: str) -> dict[str, str]:
    (form,) = re.findall(rf'<form method="post" action="{action}"[^>]*>(.*?)</form>', page.text, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def reported(browser: Browser, **changes: str) -> httpx2.Response:
    page = browser.see("/anmalan")
    number = re.findall(r'name="landlord_org_number" value="([^"]+)"', page.text)[0]
    return browser.ask("POST", "/anmalan", form=hidden(page, "/anmalan") | {"landlord_org_number": number} | REPORT | changes)


def test_a_flat_is_reported_and_shows_as_received_and_nothing_else(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    page = reported(browser, apartment_number="1101")

    assert "Mottagen" in page.text
    start = browser.see("/")
    states = set(re.findall(r"<td>(\D+?)</td>", start.text))
    assert "Mottagen" in states
    assert states <= {"Mottagen", "Avslutad hos kommunen"}
    assert "Exempelgatan" not in start.text


def test_the_way_to_skatteverket_stands_first(browser: Browser) -> None:
    start = browser.sign_in(LANDLORD)

    assert start.text.index("Jag anmäler själv till Skatteverket") < start.text.index("Anmäl en lägenhet till kommunen")


def test_the_form_asks_for_no_free_text_and_offers_no_weak_sign(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    page = browser.see("/anmalan")

    assert "<textarea" not in page.text
    assert "rent_paid_by_third_party" not in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("observed_to", "2999-01-01"), ("apartment_number", "12"), ("postal_code", "x"), ("contract_holder_id_number", "1"), ("declared", "")],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(browser: Browser, field: str, value: str) -> None:
    browser.sign_in(LANDLORD)

    page = reported(browser, **{field: value})

    assert page.status_code == 400
    assert f'href="#{field}"' in page.text
    assert f'id="fel-{field}"' in page.text
    assert page.text.index("Rätta det här") < page.text.index("<h1")
    assert 'value="Exempelgatan 1 B"' in page.text
    assert re.search(r'value="apartment_empty" checked', page.text)


def test_one_day_is_enough(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    assert reported(browser, apartment_number="1104", observed_to="").status_code == 200


def test_everything_that_is_missing_is_said_at_once(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    page = reported(browser, city="", source_kind="", declared="")

    assert re.findall(r'<li><a class="ds-link" href="#(\w+)">', page.text) == ["city", "source_kind", "declared"]
    assert all(f'id="fel-{field}"' in page.text for field in ("city", "source_kind", "declared"))


def test_a_form_sent_twice_is_one_report(browser: Browser) -> None:
    browser.sign_in(LANDLORD)
    page = browser.see("/anmalan")
    number = re.findall(r'name="landlord_org_number" value="([^"]+)"', page.text)[0]
    form = hidden(page, "/anmalan") | {"landlord_org_number": number, "apartment_number": "1102"} | REPORT
    before = browser.see("/").text.count("<td>Mottagen</td>")

    answers = [browser.ask("POST", "/anmalan", form=form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert browser.see("/").text.count("<td>Mottagen</td>") == before + 1


def test_who_goes_back_and_reports_the_next_flat_with_the_same_form_is_told_that_it_is_not_sent(browser: Browser) -> None:
    browser.sign_in(LANDLORD)
    page = browser.see("/anmalan")
    number = re.findall(r'name="landlord_org_number" value="([^"]+)"', page.text)[0]
    form = hidden(page, "/anmalan") | {"landlord_org_number": number} | REPORT
    assert browser.ask("POST", "/anmalan", form=form | {"apartment_number": "1103"}).status_code == 200

    page = browser.ask("POST", "/anmalan", form=form | {"apartment_number": "1104"})

    assert page.status_code == 409
    assert "redan skickats en gång" in page.text
    assert 'value="1104"' in page.text
    again = browser.ask(
        "POST", "/anmalan", form=hidden(page, "/anmalan") | {"landlord_org_number": number} | REPORT | {"apartment_number": "1104"}
    )
    assert "Mottagen" in again.text


def test_a_report_whose_session_ended_is_there_again_after_signing_in(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(LANDLORD)
    page = browser.see("/anmalan")
    number = re.findall(r'name="landlord_org_number" value="([^"]+)"', page.text)[0]
    form = hidden(page, "/anmalan") | {"landlord_org_number": number, "apartment_number": "1105"} | REPORT
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute("UPDATE gateway.session SET seen_time = now() - interval '16 minutes'")

    assert browser.ask("POST", "/anmalan", form=form).status_code == 401
    page = browser.sign_in(LANDLORD)

    assert page.url.path == "/fortsatt"
    assert "1105" in page.text


def sent_list(browser: Browser, name: str, content: bytes, declared: str = "1") -> httpx2.Response:
    words = hidden(browser.see("/anmalan/lista"), "/anmalan/lista")
    return browser.upload("/anmalan/lista", words | {"declared": declared}, name, content)


def test_a_list_gets_an_answer_for_each_row(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    page = sent_list(browser, "lista.csv", (SAMPLES / "fastighetsagare.csv").read_bytes())

    assert page.status_code == 200
    assert re.search(r"\d+ rader? lästes: \d+ mottagna, \d+ fanns redan, \d+ kunde inte registreras", page.text)
    assert re.search(r"Rad \d+, kolumn", page.text)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"a,b\n1,2\n"], ids=["empty", "a picture", "other columns"])
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(browser: Browser, content: bytes) -> None:
    browser.sign_in(LANDLORD)

    page = sent_list(browser, "lista.csv", content)

    assert page.status_code == 400
    assert "Listan är inte inläst" in page.text


def test_a_list_without_the_declaration_is_not_read(browser: Browser) -> None:
    browser.sign_in(LANDLORD)

    page = sent_list(browser, "lista.csv", (SAMPLES / "fastighetsagare.csv").read_bytes(), declared="")

    assert page.status_code == 400
    assert "Kryssa i försäkran" in page.text


@pytest.mark.parametrize("path", ["/anmalan", "/anmalan/lista"])
def test_the_pages_are_for_landlords_alone(browser: Browser, path: str) -> None:
    browser.sign_in(OFFICER)

    assert browser.see(path).status_code == 403


def test_what_was_sent_last_stands_first_and_the_older_is_a_page_away(browser: Browser) -> None:
    browser.sign_in(LANDLORD)
    sent_list(browser, "lista.csv", (SAMPLES / "fastighetsagare.csv").read_bytes())
    reported(browser, apartment_number="1103")

    times = re.findall(r"<tr><td>([\d :-]+)</td>", browser.see("/").text)
    (older,) = re.findall(r'href="(/\?efter=[^"]+)">Visa äldre', browser.see("/").text)

    assert times == sorted(times, reverse=True)
    assert re.findall(r"<tr><td>([\d :-]+)</td>", browser.see(older).text)[0] <= times[-1]
    assert "Visa de senaste" in browser.see(older).text
