"""The säkerhetschef's pages: look-ups signed off in two steps, who told what, figures, and the public register."""

import re
from uuid import uuid4

import pytest
from los.registry.v1 import registry_pb2 as pb

from cli.client import Stack as Client
from infra import stack
from services.kernel.callers import Role
from services.kernel.errors import NotFound
from services.kernel.rpc import failure_of
from tests.gateway.browser import Browser
from tests.gateway.steps import confirm, form, send

SECURITY, CHIEF, ANALYST, OFFICER = "klf-sakerhetschef-1", "klf-sakerhetschef-2", "klf-analytiker-1", "iaf-utredare-1"
PERSON = "198711062391"


def look_up(running: stack.Stack) -> None:
    """A question without a case of one's own: refused, kept, to be reviewed."""
    client = Client(running.folder.root)
    with client.speaking_for(client.first(Role.FUT_INVESTIGATOR, "IAF")) as session:
        asked = pb.LookUpPersonRequest(
            request_id=str(uuid4()), record_kind="suspected_payment", record_id=str(uuid4()), purpose="same_person", id_number=PERSON
        )
        with pytest.raises(Exception) as refused:  # noqa: PT011  # gRPC's or ours
            session.registry.LookUpPerson(asked)
        assert isinstance(refused.value, NotFound) or isinstance(failure_of(refused.value), NotFound)  # type: ignore[arg-type]


def test_a_question_is_signed_off_in_two_steps_for_good(browser: Browser, running: stack.Stack) -> None:
    look_up(running)
    page = browser.sign_in(SECURITY)
    assert page.url.path == "/tillsyn/fragor"
    assert PERSON not in page.text
    actions = re.findall(r'action="(/tillsyn/fragor/[0-9a-f-]+)"', page.text)
    confirm = browser.ask("POST", actions[0], form=form(page, actions[0]) | {"judgement": "improper"})
    assert "kan inte ångras" in confirm.text
    assert actions[0] in browser.see("/tillsyn/fragor").text
    sent = form(confirm, actions[0])
    done = browser.follow(browser.ask("POST", actions[0], form=sent))
    assert actions[0] not in done.text
    reviewed = browser.see("/tillsyn/fragor?granskade=1")
    assert "Ska följas upp med personens chef (Rut Säkerhetschef" in reviewed.text
    again = browser.ask("POST", actions[0], form=sent | {"request_id": str(uuid4())})
    assert again.status_code == 409
    assert "redan granskat" in again.text


def test_a_sign_off_needs_an_answer_a_question_and_the_form_of_this_session(browser: Browser, running: stack.Stack) -> None:
    look_up(running)
    page = browser.sign_in(SECURITY)
    action = re.findall(r'action="(/tillsyn/fragor/[0-9a-f-]+)"', page.text)[0]
    sent = form(page, action)
    assert browser.ask("POST", action, form=sent).status_code == 400
    assert browser.ask("POST", action, form=sent | {"judgement": "proper", "csrf": "x"}).status_code == 403
    assert browser.ask("POST", f"/tillsyn/fragor/{uuid4()}", form=sent | {"judgement": "proper"}).status_code == 404


def test_who_told_what_is_shown_and_what_was_not_told_by_itself(browser: Browser) -> None:
    browser.sign_in(SECURITY)
    for path in ("/tillsyn/utlamnanden", "/tillsyn/utlamnanden?nekade=1"):
        page = browser.see(path)
        assert page.status_code == 200
        assert "Vem har lämnat vad" in page.text
    assert browser.see("/tillsyn/utlamnanden?efter=x").status_code == 400


def test_figures_are_for_those_who_read_aggregates_alone(browser: Browser, address: str) -> None:
    for person in (CHIEF, ANALYST):
        page = browser.sign_in(person)
        assert page.url.path == "/statistik"
        assert "finns ingen statistik" in page.text or '<th scope="row">' in page.text
        assert browser.see("/statistik?period=2031-Q1").status_code == 400
        assert browser.see("/tillsyn/fragor").status_code == 403
    with Browser(address) as other:
        other.sign_in(SECURITY)
        assert other.see("/statistik").status_code == 403


def test_an_officer_sees_nothing_of_oversight(browser: Browser) -> None:
    browser.sign_in(OFFICER)
    for path in ("/tillsyn/fragor", "/tillsyn/utlamnanden", "/statistik"):
        assert browser.see(path).status_code == 403


def test_the_register_is_there_for_anybody_and_says_only_what_is_open(browser: Browser) -> None:
    page = browser.see("/register")
    assert page.status_code == 200
    assert 'id="alert-skv"' in page.text
    assert 'id="pay-kfm-15a"' not in page.text
    assert "/register" in browser.see("/").text


def test_a_role_that_ends_is_said_with_its_decision_and_a_yes(browser: Browser) -> None:
    page = browser.sign_in(SECURITY)
    assert 'href="/tillsyn/roller"' in page.text
    change = {"person": "iaf-gammal-1", "role": "approver", "unit": "IAF", "holds": "ended", "decision_reference": "HR 2026-7"}
    form_page = browser.see("/tillsyn/roller")
    for field in change:
        wrong = send(browser, form_page, "/tillsyn/roller", **change | {field: ""})
        assert wrong.status_code == 400
        assert f'id="fel-{field}"' in wrong.text
    asked = send(browser, form_page, "/tillsyn/roller", **change)
    assert "kan inte ångras" in asked.text
    assert "Beslutsfattare" in asked.text
    assert "Ändringen gäller" in confirm(browser, asked).text
