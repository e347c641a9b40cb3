"""What a coordinator looks at: the map beside the list, the calendar, the year's figures; without JavaScript."""

import re
from datetime import datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from los.controls.v1 import controls_pb2 as pb
from openpyxl import load_workbook

from cli.client import Stack as Client
from cli.import_file import KINDS, import_file
from infra import stack
from infra.ports import HOST
from services.gateway.web import CSP
from services.kernel.clock import STOCKHOLM
from tests.gateway.browser import Browser
from tests.gateway.published import YEAR, publish
from tests.gateway.systems import a_port, gateway_beside
from tests.gateway.test_operations_pages import INSPECTOR, KLF, MOS, OTHER_INSPECTOR, SAMPLES, added, invited, planned

CHIEF = "klf-sakerhetschef-2"
HOME = "198711062391"  # a test number, as the number of an enskild firma
TODAY = datetime.now(STOCKHOLM).date()


@pytest.fixture(scope="module", autouse=True)
def objects(running: stack.Stack) -> None:
    """The kommun's list of businesses, and one that is somebody's own."""
    client = Client(running.folder.root)
    with client.speaking_for(KINDS["objects"].default_person(client)) as session:
        list(import_file(session, KINDS["objects"], SAMPLES / "los_objekt.csv"))
        own = pb.ControlObject(
            org_number=HOME,
            company_name="Egen firma",
            sni_code="56110",
            object_type="restaurang",
            street_address="Hemgatan 1",
            postal_code="582 22",
            city="Linköping",
            district="Hemstaden",
            north_m=6474000,
            east_m=532000,
        )
        session.controls.RegisterObject(pb.RegisterObjectRequest(request_id=str(uuid4()), object=own))
    publish(running)


# --- the map ------------------------------------------------------------------------------------------------------------------------


def test_the_map_has_one_marker_for_each_row_of_its_list_and_the_script_is_on_its_page_alone(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    assert "ol.js" not in browser.see(f"{path}/objekt").text
    page = browser.see(f"{path}/objekt?karta=1&stadsdel=Ryd")
    assert page.text.count('src="/static/ol.js"') == 1
    rows = re.findall(r'<tr tabindex="-1" data-number="(\d+)"[^>]* data-north="(\d{7})" data-east="(\d{6})"', page.text)
    assert [int(number) for number, *_ in rows] == list(range(1, len(rows) + 1)) != []
    assert len(rows) == page.text.count(">Lägg till<")
    assert all(f'<th scope="row">{number}. ' in page.text for number, *_ in rows)


def test_what_is_chosen_on_the_map_stays_on_the_map_and_is_marked(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    page = added(browser, path, "?karta=1&stadsdel=Ryd")
    assert page.url.params["karta"] == "1"
    assert page.text.count(" data-taken") == 1
    assert "data-number" not in browser.see(f"{path}/objekt?stadsdel=Ryd").text
    page = browser.see(f"{path}/karta")
    assert re.findall(r'data-number="(\d+)"', page.text) == ["1"]


def test_no_map_shows_where_somebody_may_live(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser).url.path
    page = browser.see(f"{path}/objekt?karta=1&stadsdel=Hemstaden")
    assert "Egen firma" in page.text
    assert "data-north" not in page.text
    assert "1 av raderna visas inte på kartan" in page.text
    added(browser, path, "?karta=1&stadsdel=Hemstaden")
    assert "data-north" not in browser.see(f"{path}/karta").text


def test_the_map_of_an_operation_is_for_those_who_know_its_plan(browser: Browser) -> None:
    browser.sign_in(MOS)
    path = planned(browser, own_control_ground_id="pbl-tillsyn").url.path
    added(browser, path, "?stadsdel=Ryd")
    invited(browser, path, "SF")
    for person, status in ((INSPECTOR, 200), (OTHER_INSPECTOR, 404), (KLF, 404), (CHIEF, 403)):
        browser.sign_in(person)
        assert browser.see(f"{path}/karta").status_code == status, person


def test_nothing_is_asked_elsewhere_unless_the_kommun_has_named_its_map_server(browser: Browser, running: stack.Stack) -> None:
    browser.sign_in(MOS)
    page = browser.see(f"{planned(browser).url.path}/objekt?karta=1")
    assert "data-server" not in page.text
    assert page.headers["content-security-policy"] == CSP
    server = {"url": "https://karta.exempel.invalid/wms?x=1", "layers": "topografisk", "attribution": "© <Kommunen>"}
    url = f"http://{HOST}:{a_port()}"
    with gateway_beside(running, url, map=server), Browser(url) as other:
        answer = other.see("/tillganglighet")
        assert answer.headers["content-security-policy"] == CSP.replace("data:", "data: https://karta.exempel.invalid")
        assert other.see("/finns-inte").headers["content-security-policy"] == answer.headers["content-security-policy"]


# --- the calendar -------------------------------------------------------------------------------------------------------------------


def test_a_month_begins_on_a_monday_and_names_weeks_and_holidays(browser: Browser) -> None:
    browser.sign_in(MOS)
    page = browser.see("/kalender?manad=2026-12")
    assert "<h1" in page.text
    assert "December 2026" in page.text
    days = ["Måndag", "Tisdag", "Onsdag", "Torsdag", "Fredag", "Lördag", "Söndag"]
    assert re.findall(r'<th scope="col">(\w+)</th>', page.text) == ["Vecka", *days]
    assert re.findall(r">(v\. \d+)<", page.text) == ["v. 49", "v. 50", "v. 51", "v. 52", "v. 53"]
    for name in ("Juldagen", "Annandag jul"):
        assert name in page.text
    assert 'href="/kalender/vecka?fran=2026-11-30">v. 49' in page.text
    week = browser.see("/kalender/vecka?fran=2027-01-01")
    assert "Vecka 53" in week.text
    assert "Nyårsdagen" in week.text


def test_a_planned_operation_is_on_its_day_and_a_day_can_be_planned(browser: Browser) -> None:
    browser.sign_in(MOS)
    day = TODAY + timedelta(days=40)
    path = planned(browser, day=day.isoformat()).url.path
    for address in (f"/kalender?manad={day:%Y-%m}", f"/kalender/vecka?fran={day}"):
        page = browser.see(address)
        assert f'18:00 <a class="ds-link" href="{path}">' in page.text
        assert f'href="/insatser/ny?dag={day}"' in page.text
    assert f'value="{day}"' in browser.see(f"/insatser/ny?dag={day}").text
    assert "/insatser/ny?dag=" not in browser.see("/kalender?manad=2025-01").text


def test_who_is_invited_sees_the_days_and_nobody_else_sees_anything(browser: Browser) -> None:
    browser.sign_in(MOS)
    day = TODAY + timedelta(days=47)
    path = planned(browser, day=day.isoformat()).url.path
    added(browser, path)
    invited(browser, path, "SF")
    browser.sign_in(OTHER_INSPECTOR)
    page = browser.see(f"/kalender/vecka?fran={day}")
    assert f'href="{path.replace("insatser", "inbjudningar")}"' in page.text
    assert "18:00" not in page.text
    assert "Planera en insats" not in page.text
    browser.sign_in(KLF)
    assert path.rpartition("/")[2] not in browser.see(f"/kalender/vecka?fran={day}").text


@pytest.mark.parametrize("query", ["?manad=2026-13", "?manad=x", "?manad=9999-01", "/vecka?fran=x", "/vecka?fran=0001-01-01"])
def test_a_time_that_cannot_be_is_said(browser: Browser, query: str) -> None:
    browser.sign_in(MOS)
    assert browser.see(f"/kalender{query}").status_code == 400


# --- the figures --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [MOS, CHIEF])
def test_a_year_is_shown_by_quarter_and_by_district_with_bars_and_what_is_hidden_stays_hidden(browser: Browser, person: str) -> None:
    browser.sign_in(person)
    page = browser.see(f"/statistik?period={YEAR}")
    bars = re.findall(
        r'<th scope="row">([^<]+?)(?: <span[^>]*>\(([^<]+)\)</span>)?</th><td class="los-number">([^<]+)</td>.*?width="(\d+)"', page.text
    )
    quarters, districts = bars[:4], {word: (number, share) for word, _, number, share in bars[4:]}
    assert [(number, share) for _, _, number, share in quarters] == [("12", "38"), ("visas inte", "0"), ("31", "100"), ("18", "58")]
    assert quarters[2][1] == f"från och med {YEAR}, kvartal 2"
    assert districts["Innerstaden"] == ("24", "100")
    assert districts["Berga"] == districts["Övriga"] == ("visas inte", "0")
    assert "12\u00a0500 personer" in page.text


def test_a_quarter_stands_beside_the_three_before_it(browser: Browser) -> None:
    browser.sign_in(CHIEF)
    page = browser.see(f"/statistik?period={YEAR}-Q4")
    assert page.text.count('class="los-bar"') == 4
    assert "Innerstaden" not in page.text


def test_the_years_figures_are_taken_home_in_one_click(browser: Browser) -> None:
    browser.sign_in(MOS)
    page = browser.see(f"/statistik?period={YEAR}")
    files = re.findall(r'href="(/statistik/[^"]+)"', page.text)
    assert files == [f"/statistik/{YEAR}.pdf", f"/statistik/{YEAR}.xlsx"]
    paper, book = (browser.see(one) for one in files)
    assert paper.content.startswith(b"%PDF-")
    assert paper.headers["content-disposition"] == f'attachment; filename="statistik-{YEAR}.pdf"'
    sheet = load_workbook(BytesIO(book.content)).worksheets[1]
    rows = {row[0]: row[2] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert rows["stadsdel: Innerstaden"] == 24
    assert rows["stadsdel: Berga"] == "visas inte"


def test_a_period_without_figures_says_when_those_of_today_come(browser: Browser) -> None:
    browser.sign_in(CHIEF)
    page = browser.see(f"/statistik?period={TODAY.year - 3}")
    assert f"För hela {TODAY.year - 3} finns ingen statistik" in page.text
    following = next(day for n in range(1, 100) if (day := TODAY + timedelta(days=n)).day == 1 and day.month % 3 == 1)
    month = {1: "januari", 4: "april", 7: "juli", 10: "oktober"}[following.month]
    assert f"visas här från den 1 {month} {following.year}" in page.text
    assert ("tillsammans med hela året" in page.text) == (following.month == 1)


def test_figures_that_are_not_there_look_like_a_page_that_is_not(browser: Browser) -> None:
    browser.sign_in(MOS)
    for path in (f"/statistik/{YEAR - 1}.pdf", "/statistik/2031.pdf", f"/statistik/{YEAR}.csv", "/statistik/x.xlsx"):
        assert browser.see(path).status_code == 404
    assert browser.see("/statistik?period=x").status_code == 400
    browser.sign_in(INSPECTOR)
    assert browser.see(f"/statistik/{YEAR}.pdf").status_code == 403
