"""A unit that buys for the kommun checks its suppliers on the pages; nobody else has them, and no supplier is named in a list."""

from datetime import timedelta

from services.kernel.clock import Clock
from tests.gateway.browser import Browser
from tests.gateway.steps import send

BUYER, OFFICER = "vss-handlaggare-1", "iaf-handlaggare-1"
ORG_NUMBER = "559999-0008"
TODAY = Clock().today()
CHECK = {
    "org_number": ORG_NUMBER,
    "phase": "before",
    "f_tax": "yes",
    "vat": "no",
    "kfm_debt_sek": "1 500",
    "representatives_count": "2",
    "warning_flags": "employer_fees_missing",
    "result": "watch",
    "next_check_date": (TODAY + timedelta(days=90)).isoformat(),
}


def check(browser: Browser, **more: str) -> tuple[int, str, str]:
    page = send(browser, browser.see("/leverantorer/ny"), "/leverantorer/ny", **{"checked_date": TODAY.isoformat()} | CHECK | more)
    return page.status_code, page.url.path, page.text


def test_a_supplier_is_checked_and_looked_at_again_in_time(browser: Browser) -> None:
    start = browser.sign_in(BUYER)
    assert 'href="/leverantorer"' in start.text
    status, path, text = check(browser)
    assert status == 200
    assert "1\xa0500 kr" in text
    assert text.count("Inte kontrollerat") == 2
    found = browser.see("/leverantorer")
    assert path in found.text
    assert "Följ upp" in found.text
    assert ORG_NUMBER[:6] not in found.text


def test_what_is_wrong_with_a_check_is_said_at_its_field_and_nothing_is_lost(browser: Browser) -> None:
    browser.sign_in(BUYER)
    for field, value in (
        ("org_number", "1"),
        ("phase", ""),
        ("result", ""),
        ("next_check_date", ""),
        ("kfm_debt_sek", "mycket"),
        ("representatives_count", "många"),
    ):
        status, _, text = check(browser, **{field: value})
        assert status == 400, field
        assert f'id="fel-{field}"' in text
        assert ("1 500" in text) == (field != "kfm_debt_sek")


def test_who_buys_nothing_has_no_such_page(browser: Browser) -> None:
    start = browser.sign_in(OFFICER)
    assert "leverantorer" not in start.text
    assert browser.see("/leverantorer").status_code == 403
