"""The officer's journey on the pages: flag a payment, find it among one's work, assess it; and what others see of it."""

import re
from html import unescape
from uuid import uuid4

import httpx2
import pytest

from tests.gateway.browser import Browser
from tests.gateway.steps import form
from tests.gateway.test_deciding import COLLEAGUE, OFFICER, OTHER_UNIT

SECOND = "iaf-utredare-2"  # nobody examines what they have flagged themselves

PERSON = "198711062391"
FLAG = {
    "payment_scheme": "ekonomiskt_bistand",
    "causes": "housing_cost",
    "period_from": "2026-01",
    "period_to": "2026-06",
    "suspected_amount_sek": "12 500,50",
    "impulse_source": "public",
    "recipient_id_number": PERSON,
}
ASSESSMENT = {
    "assessment": "preliminary_check",
    "own_error_ruled_out": "1",
    "no_conflict_of_interest": "1",
    "protection_check": "none",
    "reasons": "Hyresavin i akten är lägre än det som har begärts.",
}
OTHER = {
    "recipient_name": "Demo Person",
    "benefit": "bostadsbidrag:forsakringskassan",
    "suspected_error_kind": "housing_cost",
    "circumstance": "housing_cost",
    "circumstance_from": "2026-01-01",
    "period_from": "2026-01",
    "period_to": "2026-06",
    "observed_at": "2026-07-01",
}


def listed(browser: Browser, name: str) -> str:
    """Every page of one of the officer's lists of payments."""
    page = browser.see(f"/arbete/utbetalningar/{name}")
    text = page.text
    while more := re.findall(r'href="([^"]+)">Visa fler', page.text):
        page = browser.see(unescape(more[0]))
        text += page.text
    return text


def flag(browser: Browser, **more: str) -> httpx2.Response:
    page = browser.see("/utbetalningar/ny")
    sent = form(page, "/utbetalningar/ny") | FLAG | {"case_number": f"IAF-{uuid4().hex[:8]}"} | more
    return browser.follow(browser.ask("POST", "/utbetalningar/ny", form=sent))


def assess(browser: Browser, page: httpx2.Response, **more: str) -> httpx2.Response:
    action = f"{page.url.path}/bedomning"
    return browser.follow(browser.ask("POST", action, form=form(page, action) | ASSESSMENT | more))


def test_a_flag_needs_no_free_text_and_what_is_assessed_may_be_told(browser: Browser) -> None:
    browser.sign_in(SECOND)
    assert "<textarea" not in browser.see("/utbetalningar/ny").text
    page = flag(browser, impulse_source="own_officer")
    assert "Flaggat. Väntar på en utredare." in page.text
    assert "fel boendekostnad" in page.text
    path = page.url.path
    refused = assess(browser, page, **OTHER)
    assert refused.status_code == 409
    assert 'id="fel-no_conflict_of_interest"' in refused.text
    assert ASSESSMENT["reasons"] in refused.text
    browser.sign_in(OFFICER)
    page = browser.see(path)
    assert path in listed(browser, "nya")
    assert PERSON not in browser.see("/").text
    page = assess(browser, page, **OTHER)
    assert "Förhandsgranskning pågår." in page.text
    assert "Underrättelse ska lämnas" in page.text
    assert path in listed(browser, "mina")
    assert path in listed(browser, "tid")


@pytest.mark.parametrize(
    ("field", "value"),
    [("recipient_id_number", "1"), ("period_to", "2025-12"), ("suspected_amount_sek", "mycket"), ("payment_scheme", ""), ("causes", "")],
)
def test_what_is_wrong_with_a_flag_is_said_at_its_field_and_nothing_is_lost(browser: Browser, field: str, value: str) -> None:
    browser.sign_in(OFFICER)
    page = flag(browser, **{field: value})
    assert page.status_code == 400
    assert f'href="#{field}"' in page.text
    assert f'id="fel-{field}"' in page.text
    assert 'value="2026-01"' in page.text
    assert page.text.index("Rätta det här") < page.text.index("<h1")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("protection_check", {"protection_check": ""}),
        ("no_conflict_of_interest", {"no_conflict_of_interest": ""}),
        ("reasons", {"reasons": ""}),
        ("assessment", {"assessment": "x"}),
        ("observed_at", OTHER | {"observed_at": "2999-01-01"}),
        ("circumstance", OTHER | {"circumstance": ""}),
        ("circumstance_from", OTHER | {"circumstance_from": ""}),
        ("period_from", OTHER | {"period_from": ""}),
        ("suspected_error_kind", OTHER | {"suspected_error_kind": "studies"}),
    ],
)
def test_what_is_wrong_with_an_assessment_is_said_and_what_was_written_is_still_there(
    browser: Browser, field: str, more: dict[str, str]
) -> None:
    browser.sign_in(SECOND)
    path = flag(browser).url.path
    browser.sign_in(OFFICER)
    page = assess(browser, browser.see(path), **more)
    assert page.status_code == 400
    assert f'id="fel-{field}"' in page.text
    if field != "reasons":
        assert ASSESSMENT["reasons"] in page.text


def test_a_case_is_another_unit_s_like_one_that_is_not_there(browser: Browser, address: str) -> None:
    browser.sign_in(OFFICER)
    path = flag(browser).url.path
    with Browser(address) as other:
        other.sign_in(OTHER_UNIT)
        (theirs, absent) = (other.see(path), other.see(f"/utbetalningar/{uuid4()}"))
    assert theirs.status_code == absent.status_code
    assert theirs.text == absent.text
    assert theirs.status_code in {403, 404}


def test_who_approves_reads_the_case_and_has_no_form(browser: Browser, address: str) -> None:
    browser.sign_in(OFFICER)
    path = flag(browser).url.path
    with Browser(address) as other:
        other.sign_in(COLLEAGUE)
        page = other.see(path)
        assert page.status_code == 200
        assert "bedomning" not in page.text
        assert other.see("/utbetalningar/ny").status_code == 403


def test_the_same_form_sent_twice_flags_once(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    page = browser.see("/utbetalningar/ny")
    sent = form(page, "/utbetalningar/ny") | FLAG | {"case_number": f"IAF-{uuid4().hex[:8]}"}
    first, again = (browser.follow(browser.ask("POST", "/utbetalningar/ny", form=sent)) for _ in range(2))
    assert first.url.path == again.url.path
    assert re.fullmatch(r"/utbetalningar/[0-9a-f-]+", first.url.path)
