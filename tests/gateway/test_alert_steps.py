"""An alert on the pages: completed, assessed, told, corrected or recalled, closed and withdrawn; each end with a yes before it."""

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

from cli.walk import wait_for
from services.gateway.alerts import STEPS
from services.kernel.clock import Clock
from services.registry.domain.alert_life import LIFE, Act
from services.registry.wire.alerts import STATES
from tests.gateway.browser import Browser
from tests.gateway.steps import begin, confirm, do, send
from tests.gateway.test_cases import flag
from tests.gateway.test_deciding import OFFICER, SEND, previewed, weighed
from tests.gateway.test_landlord import LANDLORD, reported

ALERT_OFFICER, APPROVER = "klf-handlaggare-1", "klf-beslutare-1"
PERSON = "198711062391"
TODAY = Clock().today()
ASSUMED = {
    "wrong_flat_checked": "1",
    "assessment": "assume_error",
    "suspected_error_kind": "not_living_at_registered_dwelling",
    "concerns_contract_holder": "1",
    "protection_check": "none",
    "reasons": "Hyresvärden har sett att lägenheten står tom.",
    "fact": "tenant_not_living_there",
    "fact_from": (TODAY - timedelta(days=10)).isoformat(),
}
REPORT = {
    "property_designation": "Linköping Exempel 1:1",
    "street_address": "Exempelgatan 1 B",
    "postal_code": "582 22",
    "city": "Linköping",
    "landlord_org_number": "559999-0180",
    "observation_types": "apartment_empty",
    "observed_from": (TODAY - timedelta(days=3)).isoformat(),
    "observed_to": (TODAY - timedelta(days=3)).isoformat(),
    "source_kind": "staff",
}


def newest(browser: Browser) -> str:
    """The path of the alert that came last, of those that nobody has handled."""
    page = browser.see("/arbete/folkbokforing/nya")
    while more := re.findall(r'href="([^"]+)">Visa fler', page.text):
        page = browser.see(unescape(more[0]))
    return str(re.findall(r'href="(/folkbokforing/[0-9a-f-]+)"', page.text)[-1])


def an_alert(browser: Browser) -> str:
    """A landlord's report; its path, to an officer who is signed in."""
    browser.sign_in(LANDLORD)
    flat = f"{1000 + uuid4().int % 8999}"
    assert "Mottagen" in reported(browser, apartment_number=flat, contract_holder_name="Demo Person", contract_holder_id_number=PERSON).text
    browser.sign_in(ALERT_OFFICER)
    return newest(browser)


def test_what_skatteverket_is_told_comes_back_on_the_case_is_recalled_and_the_case_closed(browser: Browser, address: str) -> None:
    path = an_alert(browser)
    page = do(browser, path, "bedomning", **ASSUMED)
    assert "Ett fel kan antas" in page.text
    wait_for("Erbjudandet", lambda: "/erbjudanden/" in browser.see(path).text)
    page = browser.see(path)
    assert "Skyldighet." in page.text[page.text.index('id="vantar"') : page.text.index('id="uppgifter"')]
    (offer,) = set(re.findall(r'href="(/erbjudanden/[0-9a-f-]+)"', page.text))
    page = weighed(browser, offer, previewed(browser, offer))
    refused = send(browser, page, "/beslut", decision="refuse", delegation="4.2")
    assert 'id="fel-reason"' in refused.text
    assert 'value="4.2"' in refused.text
    told = send(browser, refused, "/beslut", **SEND).url.path
    assert told.startswith("/utlamnanden/")
    with Browser(address) as approver:
        approver.sign_in(APPROVER)
        assert "Granska och godkänn" in approver.see(path).text
        send(approver, approver.see(told), f"{told}/godkannande", **SEND)
    wait_for("Underrättelsen", lambda: "Skatteverket har underrättats" in browser.see(path).text)
    assert "Vem ska, får och har fått veta" in browser.see(path).text

    action = f"{told}/aterkallelse"
    asked = send(browser, browser.see(told), action, recall="Fel lägenhet.", recall_delegation="4.2")
    assert "kan inte ångras" in asked.text
    assert "Fel lägenhet." in asked.text
    page = confirm(browser, asked)
    assert page.url.path == told
    assert "Återkallelse" in page.text

    page = begin(browser, path, "avslut")
    assert 'id="fel-skv_reference"' in confirm(browser, page).text
    page = do(browser, path, "avslut", skv_reference="SKV-1")
    assert "Avslutat." in page.text
    assert "SKV-1" in page.text


def test_a_draft_is_completed_and_then_assessed(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    flag(browser, population_register_doubted="1")
    path = newest(browser)
    assert f'href="{path}/komplettering"' in browser.see(path).text
    lacks = begin(browser, path, "komplettering", **REPORT | {"apartment_number": "1", "contract_holder_name": "Demo Person"})
    assert 'id="fel-apartment_number"' in lacks.text
    assert 'value="Exempelgatan 1 B"' in lacks.text
    page = send(
        browser,
        lacks,
        f"{path}/komplettering",
        **REPORT | {"apartment_number": f"{1000 + uuid4().int % 8999}", "contract_holder_id_number": PERSON},
    )
    assert "Väntar på bedömning." in page.text
    asked = begin(browser, path, "bedomning", **ASSUMED | {"assessment": "wrong_flat", "fact": "", "fact_from": ""})
    assert "kan inte öppnas igen" in asked.text
    assert "Avslutat utan åtgärd." in confirm(browser, asked).text


def test_an_alert_that_was_a_mistake_is_taken_back(browser: Browser) -> None:
    path = an_alert(browser)
    assert "kan inte öppnas igen" in begin(browser, path, "aterta").text
    assert "Väntar på bedömning." in browser.see(path).text
    assert "Återtaget." in do(browser, path, "aterta").text


def test_the_pages_table_of_acts_is_the_registrys_own() -> None:
    acts = {"bedomning": Act.ASSESS, "komplettering": Act.COMPLETE, "avslut": Act.CLOSE, "aterta": Act.WITHDRAW}
    for step in STEPS:
        rows = [row for row in LIFE.rows if row.act == acts[step.code]]
        assert step.roles == {role for row in rows for role in row.who}
        assert step.states == {STATES[row.before] for row in rows}
    assert set(acts) == {step.code for step in STEPS}
