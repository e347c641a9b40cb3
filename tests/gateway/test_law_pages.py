"""The jurist's pages: the grounds as they are kept, a question about a made-up case, and a recorded decision in two steps."""

import re
from uuid import uuid4

import httpx2
import pytest

from services.sharing.legal import law
from tests.gateway.browser import Browser
from tests.gateway.steps import form

JURIST, OFFICER, LANDLORD = "klf-jurist-1", "klf-handlaggare-1", "hyresvard-1"
ALERT = {
    "record_kind": "folkbokforing_alert",
    "sender_kinds": "kommun-namnd",
    "receiver": "skatteverket-folkbokforing",
    "on": "2026-05-01",
}
FLOW = "/juridik/beslut/pay-kfm-15a"
DECISION = {"decision_reference": "KS 2026-12", "reason": "Prövat mot de fem ändamålen."}


def ask(browser: Browser, **more: str) -> httpx2.Response:
    return browser.see("/juridik/far-vi?" + "&".join(f"{name}={value}" for name, value in (ALERT | more).items()))


def cells(page: httpx2.Response, heading: str) -> list[str]:
    """What a row of the answer says, each day."""
    (row,) = re.findall(rf"<tr[^>]*><th scope=\"row\">{heading}.*?</tr>", page.text, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]


def test_the_jurist_begins_with_the_grounds_of_today_and_finds_those_of_a_kind_and_a_receiver(browser: Browser) -> None:
    page = browser.sign_in(JURIST)
    assert page.url.path == "/juridik"
    assert "underrattelselagen-2026" in page.text
    assert "underrattelselagen-2020" not in page.text
    assert 'aria-current="page"' in page.text
    every = browser.see("/juridik?on=")
    assert set(re.findall(r'href="/juridik/grunder/([^"]+)"', every.text)) == set(law().grounds)
    found = browser.see("/juridik?on=2026-05-01&record_kind=folkbokforing_alert&receiver=skatteverket-folkbokforing")
    assert "fol-32c-2021" in found.text
    assert "underrattelselagen-2026" not in found.text
    assert "Ingen grund passar" in browser.see("/juridik?on=1900-01-01").text
    wrong = browser.see("/juridik?on=2026-13-01&record_kind=suspected_payment")
    assert wrong.status_code == 400
    assert 'id="fel-on"' in wrong.text
    assert 'value="suspected_payment" selected' in wrong.text


def test_a_ground_shows_its_text_its_fields_its_brake_and_its_versions(browser: Browser) -> None:
    browser.sign_in(JURIST)
    page = browser.see("/juridik/grunder/underrattelselagen-2024")
    assert law().grounds["underrattelselagen-2024"].rule_sv in page.text
    for part in (
        "Ni ska underrätta den som beslutat förmånen.",
        "payment.benefit_type",
        "underrattelselagen-2020",
        "underrattelselagen-2026",
    ):
        assert part in page.text
    assert browser.see("/juridik/grunder/finns-inte").status_code == 404
    for ground in law().grounds:
        assert browser.see(f"/juridik/grunder/{ground}").status_code == 200


def test_a_question_is_answered_in_words(browser: Browser) -> None:
    browser.sign_in(JURIST)
    page = ask(browser)
    assert cells(page, "Svar") == ["Ja, uppgiften ska lämnas."]
    assert cells(page, "Skyldighet eller möjlighet") == ["Skyldighet"]
    assert "en kollega i samma nämnd" in cells(page, "Vem beslutar")[0]
    assert cells(page, "Fält: Lägenhetsnummer") == ["Lämnas"]
    refused = ask(browser, record_kind="suspected_payment", receiver="kronofogden", sender_kinds="socialnamnd")
    assert cells(refused, "Svar") == ["Nej. Det finns en möjlighet som juristen inte har öppnat."]
    assert "är inte öppnad i kommunen" in refused.text


def test_two_days_are_compared_and_what_differs_is_marked_in_words(browser: Browser) -> None:
    browser.sign_in(JURIST)
    page = ask(browser, on="2021-06-17", other_day="2021-06-18")
    assert cells(page, "Svar") == ["Nej. Uppgiften får inte lämnas.", "Ja, uppgiften ska lämnas."]
    assert cells(page, "Fält: Lägenhetsnummer") == ["Lämnas inte", "Lämnas"]
    assert "Skiljer</span>" in page.text
    assert "gäller först från och med 2021-06-18" in page.text
    assert "Ingenting skiljer" in ask(browser, other_day="2026-05-02").text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("record_kind", ""),
        ("record_kind", "x"),
        ("sender_kinds", ""),
        ("sender_kinds", "x"),
        ("receiver", ""),
        ("receiver", "x"),
        ("on", ""),
        ("on", "2026-02-30"),
        ("other_day", "x"),
        ("secrecy", "x"),
        ("subject", "x"),
        ("matter", "x"),
        ("secrecy", "17:1&secrecy=17:2&secrecy=18:1&secrecy=26:1&secrecy=30:27&secrecy=31:16"),
    ],
)
def test_what_is_wrong_with_a_question_is_said_at_its_field_and_the_rest_is_still_there(browser: Browser, field: str, value: str) -> None:
    browser.sign_in(JURIST)
    page = ask(browser, **{field: value})
    assert page.status_code == 400
    assert f'href="#{field}"' in page.text
    assert f'id="fel-{field}"' in page.text
    assert f'value="{ALERT["receiver" if field != "receiver" else "sender_kinds"]}" selected' in page.text


def test_a_flow_is_opened_and_closed_in_two_steps_and_the_decision_is_shown(browser: Browser) -> None:
    browser.sign_in(JURIST)
    for act, state in (("öppna", "Öppen"), ("stäng", "Stängd")):
        page = browser.see(FLOW)
        confirm = browser.ask("POST", FLOW, form=form(page, FLOW) | DECISION)
        assert confirm.status_code == 200
        assert f"Ja, {act}" in confirm.text
        (row,) = re.findall(r'id="rad-pay-kfm-15a".*?</tr>', browser.see("/juridik/beslut").text, re.DOTALL)
        assert f"<strong>{state}</strong>" not in row
        done = browser.follow(browser.ask("POST", FLOW, form=form(confirm, FLOW)))
        assert done.url.path == "/juridik/beslut"
        (row,) = re.findall(r'id="rad-pay-kfm-15a".*?</tr>', done.text, re.DOTALL)
        assert f"<strong>{state}</strong>" in row
        assert DECISION["reason"] in done.text
        assert "<td>Nora Jurist</td>" in done.text
    again = browser.ask("POST", FLOW, form=form(browser.see(FLOW), FLOW) | DECISION | {"open": "0", "confirmed": "1"})
    assert again.status_code == 409
    assert "redan stängt" in again.text
    assert DECISION["reason"] in again.text


@pytest.mark.parametrize(
    ("field", "value"), [("decision_reference", ""), ("decision_reference", "x" * 61), ("reason", ""), ("reason", "Om 198711062391.")]
)
def test_what_is_wrong_with_a_decision_is_said_and_what_was_written_is_still_there(browser: Browser, field: str, value: str) -> None:
    browser.sign_in(JURIST)
    sent = form(browser.see(FLOW), FLOW) | DECISION | {field: value, "confirmed": "1"}
    page = browser.ask("POST", FLOW, form=sent)
    assert page.status_code == 400
    assert f'id="fel-{field}"' in page.text
    assert (value if field != "reason" and value else DECISION["reason" if field != "reason" else "decision_reference"]) in page.text


def test_only_a_jurist_decides_and_a_landlord_sees_no_law(browser: Browser, address: str) -> None:
    browser.sign_in(OFFICER)
    listed = browser.see("/juridik/beslut")
    assert listed.status_code == 200
    assert FLOW not in listed.text
    assert browser.see(FLOW).status_code == 403
    assert browser.ask("POST", FLOW, form=DECISION | {"confirmed": "1", "request_id": str(uuid4())}).status_code == 403
    with Browser(address) as other:
        other.sign_in(LANDLORD)
        for path in ("/juridik", "/juridik/far-vi", "/juridik/beslut", "/juridik/grunder/fol-32c-2021"):
            assert other.see(path).status_code == 403


def test_no_decision_is_taken_without_the_form_of_this_session_or_for_what_cannot_be_opened(browser: Browser) -> None:
    browser.sign_in(JURIST)
    assert (
        browser.ask("POST", FLOW, form=DECISION | {"confirmed": "1", "request_id": str(uuid4()), "open": "1", "csrf": "x"}).status_code
        == 403
    )
    assert browser.see("/juridik/beslut/alert-skv").status_code == 404
