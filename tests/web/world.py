"""What there is to see: a case, an operation, a tip in each of its states, made on the pages as people make them."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as sharing

from cli.client import Stack as Client
from cli.import_file import KINDS, import_file
from cli.walk import wait_for
from infra import stack
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from tests.gateway.browser import Browser
from tests.gateway.published import publish
from tests.gateway.steps import confirm, do, form
from tests.gateway.test_cases import OTHER, PERSON, assess, flag
from tests.gateway.test_deciding import COLLEAGUE, OFFICER, SEND, links, previewed, weighed
from tests.gateway.test_files import objects
from tests.gateway.test_files import sent as sent_file
from tests.gateway.test_landlord import LANDLORD, reported
from tests.gateway.test_operations_pages import INSPECTOR, MOS, TIP, TODAY, added, invited, planned, sent
from tests.gateway.test_oversight import look_up
from tests.gateway.test_payment_steps import DECIDED, MANAGER, METHODS, RECOVERY, TOLD
from tests.gateway.test_suppliers import BUYER, check

SAMPLES = Path(stack.__file__).parents[1] / "samples"
SECOND, ALERT_OFFICER, REGISTRAR = "iaf-utredare-2", "klf-handlaggare-1", "iaf-registrator-1"
ABROAD = {"benefit": "bostadstillagg:pensionsmyndigheten"}
LINE = "iakttagelse/mos-bygglov/1"
ALERT_ASSESSMENT = {
    "wrong_flat_checked": "1",
    "assessment": "assume_error",
    "suspected_error_kind": "not_living_at_registered_dwelling",
    "concerns_contract_holder": "1",
    "protection_check": "none",
    "reasons": "Hyresvärdens daterade iakttagelser jämförda med folkbokföringen.",
}
World = dict[str, str]
"""Addresses by name."""


def build(running: stack.Stack, address: str) -> World:
    """Everything there is to see. Takes some seconds."""
    client = Client(running.folder.root)
    with client.speaking_for(KINDS["objects"].default_person(client)) as session:
        list(import_file(session, KINDS["objects"], SAMPLES / "los_objekt.csv"))
    look_up(running)
    publish(running)
    with Browser(address) as browser:
        return (
            _cases(browser, client)
            | _steps(browser)
            | _files(browser)
            | _supplier(browser)
            | _alerts(browser)
            | _tips(browser)
            | _operations(browser)
            | _archive(browser, client, running)
        )


def _cases(browser: Browser, client: Client) -> World:
    browser.sign_in(SECOND)
    benefit = {"benefit": "bostadsbidrag:forsakringskassan"}
    flagged, assessed, closed, done, abroad = (flag(browser, **benefit).url.path for _ in range(5))
    browser.sign_in(OFFICER)
    confirm(browser, assess(browser, browser.see(closed), assessment="dismissed"))
    for path, more in ((assessed, {}), (done, {}), (abroad, ABROAD)):
        assess(browser, browser.see(path), **OTHER | more)
    offers = offers_of(client, assessed, done, abroad)
    waiting, elsewhere = (_decided(browser, offers[path]) for path in (done, abroad))
    browser.sign_in(COLLEAGUE)
    action = f"{elsewhere}/godkannande"
    browser.ask("POST", action, form=form(browser.see(elsewhere), action) | SEND)
    cases = {"payment_flagged": flagged, "payment_assessed": assessed, "payment_dismissed": closed}
    return cases | {"offer": offers[assessed], "waiting": waiting, "elsewhere": elsewhere}


def _steps(browser: Browser) -> World:
    """A payment at each step from the assessment to the end."""
    browser.sign_in(SECOND)
    names = ("own_error", "crime", "investigated", "communicated", "to_recover", "recovered")
    world = {name: flag(browser).url.path for name in names}
    browser.sign_in(OFFICER)
    more = {"own_error": {"assessment": "authority_error", "own_error_ruled_out": ""}, "crime": {"crime_suspected": "1"}}
    for name, path in world.items():
        assess(browser, browser.see(path), **more.get(name, {}))
    for name in names[2:]:
        do(browser, world[name], "utredning", **METHODS)
    for name in names[3:]:
        do(browser, world[name], "kommunicering", **TOLD)
    browser.sign_in(MANAGER)
    for name in names[4:]:
        do(browser, world[name], "beslut", **DECIDED)
    do(browser, world["recovered"], "aterkrav", **RECOVERY)
    return world


def _files(browser: Browser) -> World:
    browser.sign_in(MOS)
    sent_file(browser, "objekt.csv", objects("Filvägen 11", "Filvägen 12"))
    return {"undo": re.findall(r'href="(/filer/[^"]+/angra)"', browser.see("/filer").text)[-1]}


def _supplier(browser: Browser) -> World:
    browser.sign_in(BUYER)
    return {"supplier": check(browser)[1]}


def offers_of(client: Client, *cases: str) -> dict[str, str]:
    """The offer that has come of each case."""
    found: dict[str, str] = {}

    def have_come() -> bool:
        wanted = sharing.ListOffersRequest(page=common_pb2.Page(page_size=100), states=[sharing.OFFER_STATE_WAITING])
        rows = {row.record_id: row.offer_id for row in session.sharing.ListOffers(wanted).offers}
        found.update({case: f"/erbjudanden/{rows[case.rpartition('/')[2]]}" for case in cases if case.rpartition("/")[2] in rows})
        return len(found) == len(cases)

    with client.speaking_for(client.first(Role.FUT_INVESTIGATOR, "IAF")) as session:
        wait_for("Erbjudandena", have_come)
    return found


def _decided(browser: Browser, offer: str, **more: str) -> str:
    page = weighed(browser, offer, previewed(browser, offer))
    return browser.follow(browser.ask("POST", "/beslut", form=form(page, "/beslut") | SEND | more)).url.path


def _archive(browser: Browser, client: Client, running: stack.Stack) -> World:
    """Three disclosures of long ago, that were never sent: one is kept from gallring."""
    browser.sign_in(SECOND)
    cases = [flag(browser, benefit="bostadsbidrag:forsakringskassan").url.path for _ in range(3)]
    browser.sign_in(OFFICER)
    for path in cases:
        assess(browser, browser.see(path), **OTHER)
    offers = offers_of(client, *cases)
    told = [_decided(browser, offers[path], decision="refuse", reason="Prövat.").rpartition("/")[2] for path in cases]
    with psycopg.connect(running.postgres.url()) as tables:
        tables.execute(
            "UPDATE sharing.disclosure_event SET occurred_time = now() - interval '61 months' WHERE disclosure_id = ANY(%s::uuid[])", [told]
        )
    browser.sign_in(REGISTRAR)
    page = browser.see("/gallring/undantag")
    browser.send(page, {"disclosure_id": told[0], "hold_reason": "supervision", "diary_no": "IAF 2026-88"})
    return {"held": f"/gallring/undantag/{told[0]}"}


def _alerts(browser: Browser) -> World:
    before = links(browser.sign_in(ALERT_OFFICER), "folkbokforing")
    browser.sign_in(LANDLORD)
    for flat in ("1301", "1302", "1303"):
        holder = {"contract_holder_name": "Demo Person", "contract_holder_id_number": PERSON}
        assert "Mottagen" in reported(browser, apartment_number=flat, **holder).text
    page = browser.sign_in(ALERT_OFFICER)
    alert, assessed, incomplete = (path for path in links(page, "folkbokforing") if path not in before)
    action = f"{assessed}/bedomning"
    page = browser.ask("POST", action, form=form(browser.see(assessed), action) | ALERT_ASSESSMENT)
    assert page.status_code == 303, page.text
    assess(browser, browser.see(incomplete), **(ALERT_ASSESSMENT | {"assessment": "needs_completion"}))
    return {"alert": alert, "alert_assessed": assessed, "alert_incomplete": incomplete}


def _tips(browser: Browser) -> World:
    browser.sign_in(MOS)
    received, assessed, decided = (
        sent(browser, browser.see("/tips/nytt"), "/tips/nytt", TIP, street_address=f"Provgatan {number}").url.path
        for number in (11, 12, 13)
    )
    judged = {"reliability": "probable", "relevance": "high", "control_ground_ids": "pbl-tillsyn"}
    for path in (assessed, decided):
        sent(browser, browser.see(path), f"{path}/bedomning", judged)
    parked = {"decision": "prioritise", "reason": "serious_harm", "police_consulted_day": TODAY, "police_consulted_clock": "00:00"}
    sent(browser, browser.see(decided), f"{decided}/beslut", parked)
    return {"tip": received, "tip_assessed": assessed, "tip_decided": decided}


def _operations(browser: Browser) -> World:
    browser.sign_in(MOS)
    draft = planned(browser).url.path
    invites = planned(browser, own_control_ground_id="pbl-tillsyn").url.path
    for _ in range(2):
        added(browser, invites)
    for party in ("SF", "skatteverket-beskattning", "arbetsmiljoverket"):
        invited(browser, invites, party)
    world = {"draft": draft, "invites": invites, "invitation": invites.replace("insatser", "inbjudningar")}
    confirmed, briefed, on_site, over, reported_on = (_today(browser) for _ in range(5))
    browser.sign_in(INSPECTOR)
    for path in (briefed, on_site, over, reported_on):
        sent(browser, browser.see(f"{path}/dag"), f"{path}/dag/genomgang", {"risk_level": "low", "assembly_point": "Garaget"})
    for path in (on_site, over, reported_on):
        page = sent(browser, browser.see(f"{path}/dag"), f"{path}/dag/start", {"clock": ""})
        visit = re.findall(rf'href="({path}/besok/[0-9a-f-]+)"', page.text)[0]
        sent(browser, browser.see(visit), f"{visit}/kom", {"clock": ""})
        line = f"{visit}/{LINE}"
        sent(browser, browser.see(line), line, {"is_deficiency": "yes", "severity": "serious", "text": "Två sängar i lagret."})
        measure = f"{visit}/atgard"
        page = sent(
            browser, browser.see(measure), measure, {"measure_type": "forelaggande", "state": "initiated", "tells_coordinator": "1"}
        )
        if path == on_site:
            world |= {"visit": visit, "measure": re.findall(rf'href="({visit}/atgarder/[0-9a-f-]+)"', page.text)[0]}
            continue
        sent(browser, browser.see(visit), f"{visit}/klart", {"outcome": "done", "persons_checked_count": "3"})
        page = sent(browser, browser.see(f"{path}/dag"), f"{path}/dag/slut", {"clock": ""})
        if path == reported_on:
            sent(browser, page, f"{path}/dag/aterrapport", {"areas": "illegal_lodging"})
    browser.sign_in(MOS)
    for act in ("aterrapporterad",):
        sent(browser, browser.see(reported_on), f"{reported_on}/efter/{act}", {})
    return world | {"confirmed": confirmed, "briefed": briefed, "on_site": on_site, "over": over, "reported": reported_on}


def _today(browser: Browser) -> str:
    """A confirmed operation of today, that an inspector leads."""
    starts = datetime.now(STOCKHOLM) + timedelta(minutes=2)
    if starts.date().isoformat() != TODAY:
        pytest.skip("an operation of today cannot be planned in the last minutes of the day")
    today = {"day": TODAY, "starts": f"{starts:%H:%M}", "ends": f"{starts - timedelta(minutes=5):%H:%M}"}
    path = planned(browser, **today, own_control_ground_id="pbl-tillsyn", field_lead=INSPECTOR).url.path
    added(browser, path)
    invited(browser, path, "SF")
    sent(browser, browser.see(path), f"{path}/bekraftelse", {"override_reason": "SF svarar på plats."})
    return path
