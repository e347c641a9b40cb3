"""A suspected payment on the pages from the flag to the recovery: who does what, in which order, and what stands in the way."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cli.walk import wait_for
from services.gateway import told
from services.gateway.payment_steps import STEPS
from services.kernel.callers import Role
from services.kernel.clock import Clock
from services.registry.domain.payment import Police, State
from services.registry.domain.payment_life import LIFE, REPORTS, Act
from services.registry.wire.payments import POLICE_TRACK, STATES
from services.sharing import domain as sharing
from tests.gateway.browser import Browser
from tests.gateway.steps import begin, confirm, do
from tests.gateway.test_cases import OTHER, SECOND, assess, flag
from tests.gateway.test_deciding import COLLEAGUE, OFFICER

MANAGER = "iaf-chef-1"
PROTECTED = "198406232390"  # whoever is found to be protected is so in every case of theirs
TODAY = Clock().today()
METHODS = {"methods": "file_review", "no_conflict_of_interest": "1", "documents": "DOK-1\nDOK-2"}
TOLD = {"communicated_date": TODAY.isoformat(), "answer_due_date": (TODAY + timedelta(days=14)).isoformat()}
DECIDED = {
    "outcome": "error_recovery",
    "answer_received": "1",
    "fault": "applicant",
    "confirmed_amount_sek": "12 000",
    "delegation_reference": "4.2",
}
RECOVERY = {"grounds": "sol-2025-33-1", "amount_sek": "12000", "decided_date": TODAY.isoformat(), "delegation_reference": "4.3"}
FILED = {"step": "filed", "filed_date": TODAY.isoformat(), "sent_how": "Polisens e-tjänst", "voluntary_correction_considered": "1"}


@pytest.fixture
def manager(address: str) -> Iterator[Browser]:
    """The enhetschef, in a browser of their own."""
    with Browser(address) as found:
        found.sign_in(MANAGER)
        yield found


def flagged(browser: Browser, **more: str) -> str:
    """A new case of somebody else's flag; its path, to an investigator who is signed in."""
    browser.sign_in(SECOND)
    path = flag(browser, **more).url.path
    browser.sign_in(OFFICER)
    return path


def assessed(browser: Browser, **more: str) -> str:
    path = flagged(browser)
    page = assess(browser, browser.see(path), **more)
    assert "Förhandsgranskning pågår." in page.text
    return path


def communicated(browser: Browser, **more: str) -> str:
    path = assessed(browser, **more)
    do(browser, path, "utredning", **METHODS)
    page = do(browser, path, "kommunicering", **TOLD)
    assert "får svara" in page.text
    return path


def waits(text: str) -> str:
    """What waits for whoever looks."""
    return text[text.index('id="vantar"') : text.index('id="uppgifter"')]


def test_from_the_flag_to_the_recovery_each_says_what_is_next(browser: Browser, manager: Browser) -> None:
    path = assessed(browser, crime_suspected="1", **OTHER)
    page = browser.see(path)
    assert "Skyldighet." in waits(page.text)
    assert f'href="{path}/utredning"' in waits(page.text)
    assert "Väntar på enhetschef" in waits(page.text)

    assert "genomgång av akten" in do(browser, path, "utredning", **METHODS).text
    assert "DOK-1, DOK-2" in browser.see(path).text
    asked = begin(browser, path, "kommunicering", **TOLD)
    assert "kan inte ändras" in asked.text
    assert "Utredning pågår." in browser.see(path).text  # nothing is done before the yes
    assert "får svara" in confirm(browser, asked).text
    assert "Inget väntar på dig" in waits(browser.see(path).text) or "Försäkringskassan" in waits(browser.see(path).text)

    page = manager.see(path)
    assert "6 § bidragsbrottslagen" in waits(page.text)
    assert f'href="{path}/polisanmalan"' in waits(page.text)
    assert "Polisens e-tjänst" in do(manager, path, "polisanmalan", **FILED).text
    assert f'href="{path}/beslut"' in waits(manager.see(path).text)
    assert "återkrav ska beslutas" in do(manager, path, "beslut", **DECIDED).text
    page = manager.see(f"{path}/aterkrav")
    assert "33 kap. 1 § socialtjänstlagen (2025:400)" in page.text
    assert re.search(r'value="12\s000 kr"', page.text)
    page = do(manager, path, "aterkrav", **RECOVERY)
    assert "Återkrav beslutat." in page.text
    assert "33 kap. 1 §" in page.text

    assert "Återbetalt." in do(browser, path, "betalning", outcome="paid").text
    page = begin(browser, path, "avslut")
    assert "kan inte öppnas igen" in page.text
    page = confirm(browser, page)
    assert "Avslutat." in page.text
    assert "Du kan också" not in page.text
    assert "Får gallras" in page.text


def test_only_lawful_ways_are_taken_and_each_refusal_is_at_its_field(browser: Browser) -> None:
    path = assessed(browser)
    for written, field in (
        ({"methods": ""}, "methods"),
        ({"methods": "register_lookup"}, "ground_register_lookup"),
        ({"methods": "announced_home_visit"}, "consent_announced_home_visit"),
        ({"no_conflict_of_interest": ""}, "no_conflict_of_interest"),
    ):
        page = begin(browser, path, "utredning", **METHODS | written)
        assert page.status_code == 400
        assert f'id="fel-{field}"' in page.text
        assert "DOK-1" in page.text


def test_the_person_is_heard_and_the_decision_complete_before_it_is_taken(browser: Browser, manager: Browser) -> None:
    path = communicated(browser)
    for field, wrong in (
        ("answer_received", {"answer_received": ""}),
        ("outcome", {"outcome": ""}),
        ("fault", {"fault": ""}),
        ("confirmed_amount_sek", {"confirmed_amount_sek": ""}),
        ("confirmed_amount_sek", {"confirmed_amount_sek": "mycket"}),
        ("prevented_months", {"prevented_amount_sek": "100"}),
        ("prevented_months", {"prevented_months": "många"}),
        ("delegation_reference", {"delegation_reference": ""}),
    ):
        page = do(manager, path, "beslut", **DECIDED | wrong)
        assert page.status_code in {400, 409}
        assert f'id="fel-{field}"' in page.text
        assert ('value="4.2"' in page.text) == (field != "delegation_reference")
    page = do(manager, path, "beslut", **DECIDED | {"fault": "", "confirmed_amount_sek": "", "delegation_reference": ""})
    assert all(f'id="fel-{field}"' in page.text for field in ("fault", "confirmed_amount_sek", "delegation_reference"))  # all at once
    back = confirm(manager, begin(manager, path, "beslut", **DECIDED), confirmed="no")
    assert back.status_code == 200
    assert 'value="12 000"' in back.text
    assert "får svara" in manager.see(path).text


def test_an_act_is_shown_to_who_may_do_it_and_no_one_else(browser: Browser, address: str) -> None:
    path = communicated(browser)
    assert browser.see(f"{path}/beslut").status_code == 403
    with Browser(address) as other:
        other.sign_in(COLLEAGUE)
        page = other.see(path)
        assert "Inget väntar på dig" in waits(page.text)
        assert "Du kan också" not in page.text
        assert other.see(f"{path}/utredning").status_code == 403


def test_why_nobody_else_is_told_is_said_of_each_in_plain_words(browser: Browser) -> None:
    path = assessed(browser, **OTHER)
    wait_for("Erbjudandet", lambda: "/erbjudanden/" in browser.see(path).text)
    text = browser.see(f"{path}/andra").text
    assert "Kronofogden" in text
    assert "En fordran drivs in på vanligt sätt." in text
    assert "Misstänkt brott anmäls som polisanmälan" in text
    assert "Försäkringskassan" not in text  # the case names it, with its own ground


def test_a_protected_person_is_confirmed_and_the_case_is_gone(browser: Browser) -> None:
    path = flagged(browser, recipient_id_number=PROTECTED)
    asked = assess(browser, browser.see(path), protection_check="protected")
    assert "kan inte ångras" in asked.text
    assert "Ärendet är stoppat" in confirm(browser, asked).text
    assert browser.see(path).status_code == 404


def test_a_flag_that_was_a_mistake_is_taken_back(browser: Browser) -> None:
    path = flagged(browser)
    assert "Återtaget." in do(browser, path, "aterta").text


def test_our_own_error_is_put_right_and_closed(browser: Browser) -> None:
    path = flagged(browser)
    assess(browser, browser.see(path), assessment="authority_error", own_error_ruled_out="")
    assert "rättat" in do(browser, path, "rattelse", corrected_date=TODAY.isoformat()).text
    assert "Avslutat." in do(browser, path, "avslut").text


def test_a_new_assessment_begins_with_what_the_last_one_said_of_others(browser: Browser) -> None:
    path = assessed(browser, **OTHER)
    page = browser.see(f"{path}/bedomning")
    assert 'value="Demo Person"' in page.text
    assert '<option value="bostadsbidrag:forsakringskassan" selected>' in page.text
    assert 'name="benefit_2"' in page.text
    action = f"{path}/bedomning"
    kept = {
        "assessment": "ongoing",
        "own_error_ruled_out": "1",
        "no_conflict_of_interest": "1",
        "protection_check": "none",
        "reasons": "Mer.",
    }
    more = {"benefit_2": "studiemedel:csn"}
    page = begin(browser, path, "bedomning", **kept | OTHER | more)
    assert page.status_code == 400
    assert 'id="fel-period_from_2"' in page.text
    assert action in page.text


def test_the_pages_table_of_acts_is_the_registrys_own() -> None:
    acts = {
        "bedomning": Act.ASSESS,
        "utredning": Act.OPEN_INVESTIGATION,
        "kommunicering": Act.COMMUNICATE,
        "beslut": Act.DECIDE,
        "aterkrav": Act.DECIDE_RECOVERY,
        "betalning": Act.RECORD_RECOVERY,
        "rattelse": Act.CORRECT,
        "avslut": Act.CLOSE,
        "aterta": Act.WITHDRAW,
    }
    for step in STEPS:
        if step.code == "polisanmalan":
            assert step.roles == REPORTS.who(Act.REPORT_CRIME)
            assert {row.before for row in REPORTS.rows if row.act == Act.REPORT_CRIME} == set(Police) - {Police.NONE, Police.CLOSED}
            continue
        rows = [row for row in LIFE.rows if row.act == acts[step.code]]
        assert step.roles == {role for row in rows for role in row.who}
        assert step.states == {STATES[row.before] for row in rows}
    assert {*acts, "polisanmalan"} == {step.code for step in STEPS}
    assert sharing.DECIDERS == told.DECIDERS
    assert set(STATES) == set(State)
    assert set(POLICE_TRACK) == set(Police)
    assert Role.FUT_MANAGER not in next(step for step in STEPS if step.code == "bedomning").roles
