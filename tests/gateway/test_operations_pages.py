"""The coordinator's journey on the pages, from a tip to a confirmed operation, and the day on a phone; without JavaScript."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from los.controls.v1 import findings_pb2
from openpyxl import load_workbook

from cli.client import Stack as Client
from cli.import_file import KINDS, import_file
from infra import stack
from services.kernel.clock import STOCKHOLM
from tests.gateway.browser import Browser
from tests.gateway.steps import form

SAMPLES = Path(stack.__file__).parents[1] / "samples"
KLF, MOS, INSPECTOR, OTHER_INSPECTOR = "klf-samordnare-1", "mos-samordnare-1", "mos-inspektor-1", "sf-inspektor-1"
RECEIVER = "klf-sakerhetssamordnare-1"
YESTERDAY = (datetime.now(STOCKHOLM) - timedelta(days=1)).date().isoformat()
DECIDED = str(findings_pb2.MEASURE_STATE_DECIDED)
TODAY = datetime.now(STOCKHOLM).date().isoformat()
SAW = "Sängar i lagret bakom köket, sedda två kvällar i rad."
TIP = {
    "source_type": "own_inspector",
    "received_day": YESTERDAY,
    "received_clock": "08:15",
    "suspicion_types": "illegal_lodging",
    "summary": SAW,
    "object_type": "restaurang",
    "street_address": "Provgatan 7",
    "postal_code": "582 22",
    "city": "Linköping",
    "district": "Provstaden",
}
PLAN = {
    "purpose": "Sund konkurrens",
    "day": (datetime.now(STOCKHOLM) + timedelta(days=20)).date().isoformat(),
    "starts": "18:00",
    "ends": "23:00",
    "assembly_point": "Stadshusets garage",
}


@pytest.fixture(scope="module", autouse=True)
def objects(running: stack.Stack) -> None:
    """The kommun's list of businesses."""
    client = Client(running.folder.root)
    with client.speaking_for(KINDS["objects"].default_person(client)) as session:
        list(import_file(session, KINDS["objects"], SAMPLES / "los_objekt.csv"))


def label() -> str:
    return f"LOS-2026-{uuid4().int % 10000}"


def sent(browser: Browser, page: httpx2.Response, action: str, words: Mapping[str, str], **more: str) -> httpx2.Response:
    return browser.follow(browser.ask("POST", action, form=form(page, action) | dict(words) | more))


def planned(browser: Browser, **more: str) -> httpx2.Response:
    return sent(browser, browser.see("/insatser/ny"), "/insatser/ny", PLAN | {"label": label()}, **more)


def added(browser: Browser, path: str, query: str = "") -> httpx2.Response:
    """The first object of the list that is not in the plan."""
    action = f"{path}/objekt"
    page = browser.see(f"{action}{query}")
    found = next(text for text in re.findall(rf'<form method="post" action="{action}">.*?</form>', page.text, re.DOTALL))
    hidden = {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found)}
    return browser.follow(browser.ask("POST", action, form=hidden))


def invited(browser: Browser, path: str, party: str) -> httpx2.Response:
    return sent(browser, browser.see(path), f"{path}/inbjudan", {"receiver_kind": party})


def test_a_tip_becomes_a_confirmed_operation(browser: Browser) -> None:
    browser.sign_in(RECEIVER)
    receipt = sent(browser, browser.see("/tips/nytt"), "/tips/nytt", TIP)
    assert "Tipset är registrerat" in receipt.text
    assert browser.see("/tips").status_code == 403

    start = browser.sign_in(KLF)
    tip = re.findall(r'href="(/tips/[0-9a-f-]{36})"', start.text)[0]
    page = browser.see(tip)
    assert SAW in page.text
    assert SAW not in start.text
    page = sent(browser, page, f"{tip}/bedomning", {"reliability": "probable", "relevance": "high", "control_ground_ids": "pbl-tillsyn"})
    assert "Bedömt. Väntar på beslut." in page.text
    assert all(re.search(rf'value="{value}" checked', page.text) for value in ("probable", "high", "pbl-tillsyn"))
    page = sent(browser, page, f"{tip}/beslut", {"decision": "prioritise", "reason": "serious_harm"})
    assert "Ange när ni rådfrågade Polisens samordnare." in page.text
    decision = {"decision": "prioritise", "reason": "serious_harm", "police_consulted_day": TODAY, "police_consulted_clock": "00:00"}
    page = sent(browser, page, f"{tip}/beslut", decision)
    assert "Prioriterat." in page.text
    assert 'href="/insatser/ny"' in page.text

    path = planned(browser).url.path
    assert "Utkast." in browser.see(path).text
    listed = browser.see(f"{path}/objekt?stadsdel=provstaden&tips=1")
    assert "Provgatan 7" in listed.text
    assert "tips från myndighet eller egen inspektör" in listed.text
    again = added(browser, path, "?stadsdel=Provstaden&tips=1")
    assert again.url.path == f"{path}/objekt"
    assert "1 objekt är med." in again.text
    assert "Inplanerat i en insats." in browser.see(tip).text

    invited(browser, path, "arbetsmiljoverket")
    page = invited(browser, path, "skatteverket-beskattning")
    assert "Planerad." in page.text
    assert "Har inte svarat: " in page.text
    page = sent(browser, page, f"{path}/svar", {"party": "arbetsmiljoverket", "answer": "accepted", "role": "on_site"})
    assert page.status_code == 400
    assert 'id="fel-control_ground_id"' in page.text
    assert "ändra rollen till planering" in page.text
    answer = {"party": "arbetsmiljoverket", "answer": "accepted", "role": "on_site", "control_ground_id": "aml-tillsyn"}
    page = sent(browser, page, f"{path}/svar", answer)
    assert "På plats, med egen grund" in page.text
    page = sent(browser, page, f"{path}/bekraftelse", {"override_reason": ""})
    assert page.status_code == 409
    assert "alla inbjudna har inte svarat" in page.text.lower()
    page = sent(browser, page, f"{path}/bekraftelse", {"override_reason": "Skatteverket svarar inte i tid."})
    assert "Bekräftad." in page.text
    assert "Skatteverket svarar inte i tid." in page.text
    start = browser.see("/")
    assert path in start.text[start.text.index('id="insatser"') : start.text.index('id="tips"')]
    calendar = browser.see(f"{path}/kalender")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "Provgatan" not in calendar.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("label", ""), ("label", "x"), ("purpose", ""), ("day", "x"), ("starts", ""), ("day", "2020-01-01"), ("field_lead", "system-klf")],
)
def test_what_is_wrong_with_a_plan_is_said_at_its_field_and_nothing_is_lost(browser: Browser, field: str, value: str) -> None:
    browser.sign_in(KLF)
    page = planned(browser, **{field: value})
    assert page.status_code == 400
    told = "starts" if value.startswith("2020") else field
    assert f'href="#{told}"' in page.text
    assert f'id="fel-{told}"' in page.text
    assert 'value="Stadshusets garage"' in page.text


def test_the_second_of_two_coordinators_sees_what_the_first_wrote_beside_the_own_words(browser: Browser, address: str) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    action, mine = f"{path}/plan", browser.see(f"{path}/plan")
    with Browser(address) as other:
        other.sign_in(MOS)
        sent(other, other.see(action), action, PLAN | {"assembly_point": "Brandstationen"})
    page = sent(browser, mine, action, PLAN | {"purpose": "Säker arbetsmiljö"})
    assert page.status_code == 409
    assert "Någon annan har ändrat det här" in page.text
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>', page.text)
    assert rows == [("Samlingsplats", "Stadshusets garage", "Brandstationen", "Stadshusets garage")]
    assert 'value="Säker arbetsmiljö"' in page.text
    page = sent(browser, page, action, PLAN | {"purpose": "Säker arbetsmiljö", "assembly_point": "Brandstationen"})
    assert page.url.path == path
    assert "Säker arbetsmiljö" in page.text
    assert "Brandstationen" in page.text


def test_whoever_goes_back_and_sends_a_form_anew_is_told_and_loses_nothing(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    action, page = f"{path}/plan", browser.see(f"{path}/plan")
    sent(browser, page, action, PLAN | {"purpose": "Det första"})
    again = sent(browser, page, action, PLAN | {"purpose": "Det andra"})
    assert again.status_code == 409
    assert "redan skickats en gång" in again.text
    assert 'value="Det andra"' in again.text
    assert "Det andra" in sent(browser, again, action, PLAN | {"purpose": "Det andra"}).text


def test_a_plan_sent_twice_is_one_operation(browser: Browser) -> None:
    browser.sign_in(MOS)
    words = form(browser.see("/insatser/ny"), "/insatser/ny") | PLAN | {"label": label()}
    first, again = (browser.follow(browser.ask("POST", "/insatser/ny", form=words)) for _ in range(2))
    assert first.url.path == again.url.path


def test_all_that_a_tip_lacks_is_said_at_once(browser: Browser) -> None:
    browser.sign_in(MOS)
    page = sent(browser, browser.see("/tips/nytt"), "/tips/nytt", {})
    assert page.status_code == 400
    lacking = ("source_type", "suspicion_types", "summary", "object_type", "street_address", "postal_code", "city", "district")
    assert [name for name in lacking if f'id="fel-{name}"' not in page.text] == []


def test_an_operation_is_called_off_after_a_warning(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    page = browser.see(f"{path}/stopp")
    assert "kan inte ångras" in page.text
    assert sent(browser, page, f"{path}/stopp", {}).status_code == 400
    assert "Inställd." in sent(browser, page, f"{path}/stopp", {"stop": "cancel"}).text


def test_a_route_is_suggested_and_decided_and_what_does_not_fit_is_explained(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser, own_control_ground_id="pbl-tillsyn").url.path
    for _ in range(2):
        added(browser, path)
    page = sent(browser, browser.see(f"{path}/rutt"), f"{path}/rutt", {"people_1": ""})
    assert page.status_code == 400
    page = sent(browser, page, f"{path}/rutt", {"people_1": "2", "needs_2": "MOS", "minutes_1": "30"})
    assert "Förslag" in page.text
    assert "Får inte plats" in page.text  # nobody of crew 1 is from MOS
    page = sent(browser, page, f"{path}/rutt", {"people_1": "2", "has_1": "MOS", "needs_2": "MOS", "minutes_1": "30"})
    assert "Får inte plats" not in page.text
    hidden = re.findall(r'name="planned" value="([^"]+)"', page.text)
    words: dict[str, list[str] | str] = {**form(page, f"{path}/rutt/beslut"), "planned": hidden}
    page = browser.follow(browser.ask("POST", f"{path}/rutt/beslut", form=words))  # type: ignore[arg-type]  # a field twice
    assert page.url.path == path
    assert page.text.count("Lag 1") == 2


@pytest.fixture
def day(browser: Browser) -> str:
    """An operation of today, with a visit, an invitation and an inspector who leads it; its path."""
    starts = datetime.now(STOCKHOLM) + timedelta(minutes=2)
    if starts.date().isoformat() != TODAY:
        pytest.skip("an operation of today cannot be planned in the last minutes of the day")
    browser.sign_in(MOS)
    today = {"day": TODAY, "starts": f"{starts:%H:%M}", "ends": f"{starts - timedelta(minutes=5):%H:%M}"}
    path = planned(browser, **today, own_control_ground_id="pbl-tillsyn", field_lead=INSPECTOR).url.path
    added(browser, path)
    invited(browser, path, "SF")
    page = sent(browser, browser.see(path), f"{path}/bekraftelse", {"override_reason": "SF svarar på plats."})
    assert "Bekräftad." in page.text
    return path


def after_midnight(minute: int) -> str:
    """So many minutes into today, as a script writes it."""
    return datetime.now(STOCKHOLM).replace(hour=0, minute=minute, second=0, microsecond=0).isoformat()


def reported(browser: Browser, page: httpx2.Response, day: str) -> None:
    """The report of the operation is two files in one click each, and says no more than the coordinator may know."""
    paper, book = (browser.see(one) for one in re.findall(rf'href="({day}/rapport[^"]+)"', page.text))
    assert paper.content.startswith(b"%PDF-")
    _, visits, parties, measures = load_workbook(BytesIO(book.content)).worksheets
    assert [(row[0], row[4], row[5]) for row in visits.iter_rows(min_row=2, values_only=True)] == [(1, "Klart, åtgärder följs", 3)]
    told = {row[0]: row[1:] for row in parties.iter_rows(min_row=2, values_only=True)}
    assert told["Miljö- och samhällsbyggnadsförvaltningen"] == ("–", "Samordnar", "Lämnad", "otillåtet boende", 1)
    assert next(measures.iter_rows(min_row=2, max_col=3, values_only=True))[1:] == ("föreläggande", "beslutad")
    assert told["SF"] == ("Har inte svarat", "–", "–", "–", "–")
    cells = [str(cell) for sheet in load_workbook(BytesIO(book.content)) for row in sheet.iter_rows(values_only=True) for cell in row]
    assert [cell for cell in cells if "Två sängar" in cell or INSPECTOR in cell] == []


def decide(browser: Browser, follow: str) -> None:
    """A measure that was begun is decided: not without the day."""
    decided = {"state": DECIDED, "decided_date": "", "tells_coordinator": "1"}
    wrong = browser.send(browser.see(follow), decided, follow)
    assert wrong.status_code in {400, 409}
    page = sent(browser, browser.see(follow), follow, decided | {"decided_date": TODAY, "diary_no": "MOS-2026-7"})
    assert "beslutad" in page.text
    assert "Laga kraft" in browser.see(follow).text


def test_those_who_may_lead_are_people_and_a_moved_day_says_that_all_are_asked_again(browser: Browser) -> None:
    browser.sign_in(MOS)
    page = browser.see("/insatser/ny")
    leads = re.findall(r'<option value="([^"]+)"', page.text[page.text.index('id="field_lead"') :])
    assert MOS in leads
    assert "system-mos" not in leads
    path = planned(browser, own_control_ground_id="pbl-tillsyn").url.path
    added(browser, path)
    assert "eller fråga igen" not in invited(browser, path, "SF").text
    later = PLAN | {"day": (datetime.now(STOCKHOLM) + timedelta(days=27)).date().isoformat()}
    assert "eller fråga igen" in sent(browser, browser.see(f"{path}/plan"), f"{path}/plan", later).text


def test_the_day_goes_from_briefing_to_report_on_a_phone(browser: Browser, day: str) -> None:
    start = browser.sign_in(INSPECTOR)
    assert f'href="{day}/dag"' in start.text
    page = browser.see(f"{day}/dag")
    page = sent(browser, page, f"{day}/dag/genomgang", {"risk_level": "medium", "risk_measures": "", "assembly_point": ""})
    assert page.status_code == 400
    assert all(f'id="fel-{field}"' in page.text for field in ("risk_measures", "assembly_point"))
    page = sent(browser, page, f"{day}/dag/genomgang", {"risk_level": "low", "assembly_point": "Garaget"})
    assert "Riskerna är genomgångna." in page.text
    page = sent(browser, page, f"{day}/dag/start", {"clock": ""})
    assert "Pågår." in page.text
    (visit,) = set(re.findall(rf'<li value="1"><a class="ds-link" href="({day}/besok/[0-9a-f-]+)"', page.text))
    page = browser.see(visit)
    assert "/iakttagelse/" not in page.text
    arrival = form(page, f"{visit}/kom") | {"clock": "", "pressed": "nyss"}
    assert 'id="fel-clock"' in browser.ask("POST", f"{visit}/kom", form=arrival).text
    arrival |= {"request_id": str(uuid4()), "pressed": after_midnight(1)}  # sent when there was a connection again
    first, again = (browser.follow(browser.ask("POST", f"{visit}/kom", form=arrival)) for _ in range(2))
    assert re.findall(r"kom \d\d:\d\d", first.text) == re.findall(r"kom \d\d:\d\d", again.text) == ["kom 00:01"]

    line = re.findall(rf'href="({visit}/iakttagelse/mos-bygglov/1)"', again.text)[0]
    page = sent(browser, browser.see(line), line, {"is_deficiency": "yes", "text": "Två sängar i lagret."})
    assert page.status_code == 400
    assert "Två sängar i lagret." in page.text
    seen = form(page, line) | {"is_deficiency": "yes", "severity": "serious", "text": "Två sängar i lagret."}
    for _ in range(2):
        page = browser.follow(browser.ask("POST", line, form=seen))
    assert page.text.count("Två sängar i lagret.") == 1
    observation = re.findall(rf'action="({visit}/iakttagelser/[0-9a-f-]+)"', page.text)[0]
    page = sent(browser, page, observation, {"tell": "nothing"})
    assert "Bestämt: ingen annan får veta" in page.text
    measure = f"{visit}/atgard"
    page = sent(browser, browser.see(measure), measure, {"measure_type": "forelaggande", "state": "initiated", "tells_coordinator": "1"})
    assert "Åtgärd: " in page.text
    (follow,) = re.findall(rf'href="({visit}/atgarder/[0-9a-f-]+)"', page.text)
    decide(browser, follow)

    assert page.text.index('id="antecknat"') < page.text.index("Kan inte ångras")
    page = sent(browser, page, f"{visit}/klart", {"outcome": "done", "persons_checked_count": "3"})
    assert page.url.path == f"{day}/dag"
    assert "Klart" in page.text
    page = sent(browser, page, f"{day}/dag/slut", {"clock": ""})
    assert "Genomförd." in page.text
    page = sent(browser, page, f"{day}/dag/aterrapport", {"areas": "illegal_lodging"})
    assert "Ni har lämnat den." in page.text

    browser.sign_in(MOS)
    assert "Två sängar i lagret." not in browser.see(day).text
    board = browser.see("/efterarbete")
    assert day in board.text
    assert "Lämnad" in board.text
    page = sent(browser, browser.see(day), f"{day}/efter/aterrapporterad", {})
    assert "Återrapporterad." in page.text
    reported(browser, page, day)


def test_an_invited_unit_answers_for_itself_and_learns_where_only_after_a_yes(browser: Browser, day: str) -> None:
    start = browser.sign_in(OTHER_INSPECTOR)
    path = day.replace("insatser", "inbjudningar")
    assert f'href="{path}"' in start.text
    assert browser.see(f"{day}/dag").status_code == 404
    page = browser.see(path)
    page = sent(browser, page, path, {"answer": "accepted", "role": "on_site", "control_ground_id": "alkohollagen-tillsyn"})
    assert f'href="{day}/dag"' in page.text
    page = browser.see(f"{day}/dag")
    assert page.status_code == 200
    assert "dag/genomgang" not in page.text  # another leads the day


def test_another_s_operation_looks_like_one_that_is_not_there(browser: Browser, day: str) -> None:
    browser.sign_in(KLF)
    for path in ("", "/plan", "/objekt", "/rutt", "/stopp", "/dag", "/kalender", "/karta", "/rapport.pdf", f"/besok/{uuid4()}"):
        theirs, absent = browser.see(day + path), browser.see(f"/insatser/{uuid4()}{path}")
        assert theirs.status_code == absent.status_code == 404
        assert theirs.text == absent.text


@pytest.mark.parametrize("path", ["/insatser/ny", "/tips", "/tips/nytt", "/efterarbete", "/insatser/00000000-0000-7000-8000-000000000000"])
def test_the_pages_are_for_those_who_work_with_operations(browser: Browser, path: str) -> None:
    browser.sign_in("iaf-utredare-1")
    assert browser.see(path).status_code == 403
