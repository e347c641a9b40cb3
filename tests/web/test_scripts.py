"""The two scripts of ours, in a real browser: the day's sheet when the connection is lost, and the map beside its list."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import parse_qs

import psycopg
import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from infra import stack
from tests.gateway.browser import Browser as Plain
from tests.gateway.test_operations_pages import INSPECTOR, MOS, added, planned
from tests.web.catalogue import State
from tests.web.visits import Visits, a_context, sign_in

LINE = "iakttagelse/mos-bygglov/1"
VISIT = State("besok", INSPECTOR, "{visit}")
SAW = "Två sängar bakom förrådet"


@pytest.fixture
def sheet(chromium: Browser, visits: Visits) -> Iterator[Page]:
    """A phone, with the lead signed in and one line of the checklist open and filled in."""
    context = a_context(chromium, visits.address, viewport={"width": 320, "height": 800})
    page = context.new_page()
    sign_in(page, INSPECTOR)
    page.goto(visits.path(VISIT))
    page.locator(f'a[href$="{LINE}"]').click()
    page.get_by_label("Ja, en brist").check()
    page.get_by_label("Allvarlig").check()
    page.get_by_label("Vad såg ni?").fill(SAW)
    yield page
    context.close()


def save(sheet: Page) -> None:
    sheet.get_by_role("button", name="Spara iakttagelsen").click()


def noted(sheet: Page, visit: str) -> int:
    """How many times what was seen has been kept."""
    sheet.goto(visit)
    return sheet.get_by_text(SAW).count()


def test_what_is_sent_without_a_connection_waits_in_the_page_and_arrives_once(sheet: Page, visits: Visits) -> None:
    before = sheet.context.new_page()
    kept = noted(before, visits.path(VISIT))
    before.close()
    banner, request = sheet.get_by_role("status"), sheet.locator("main [name=request_id]").input_value()
    sheet.context.set_offline(True)
    expect(banner).to_contain_text("Du kan skriva här ändå")
    save(sheet)
    expect(banner).to_contain_text("inte skickat än")
    assert sheet.get_by_label("Vad såg ni?").input_value() == SAW
    assert sheet.locator("main [name=request_id]").input_value() == request
    sheet.get_by_role("link", name="Avbryt").click()  # a page that cannot come does not take this one's place
    expect(banner).to_contain_text("inte skickat än")
    sheet.context.set_offline(False)
    expect(sheet).to_have_url(re.compile(f"{visits.path(VISIT)}$"))
    assert sheet.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert noted(sheet, visits.path(VISIT)) == kept + 1


def test_what_waited_for_a_connection_says_when_the_button_was_pressed(sheet: Page, visits: Visits) -> None:
    sent: list[str] = []
    sheet.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    shown = datetime.fromisoformat(sheet.locator("#anslutning").get_attribute("data-now") or "")
    sheet.clock.install()
    sheet.context.set_offline(True)
    save(sheet)
    expect(sheet.get_by_role("status")).to_contain_text("inte skickat än")
    sheet.clock.fast_forward("30:00")
    sheet.context.set_offline(False)
    expect(sheet).to_have_url(re.compile(f"{visits.path(VISIT)}$"))
    (pressed,) = {parse_qs(body)["pressed"][0] for body in sent}
    assert timedelta() <= datetime.fromisoformat(pressed) - shown < timedelta(minutes=20)


def test_an_answer_that_is_lost_on_its_way_back_makes_nothing_twice(sheet: Page, visits: Visits) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().url)
            route.abort("connectionreset")
        else:
            route.continue_()

    sheet.route(f"**/{LINE}", lose)
    kept = len(re.findall(SAW, sheet.request.get(visits.path(VISIT)).text()))
    save(sheet)
    expect(sheet.get_by_role("status")).to_contain_text("inte skickat än")
    sheet.evaluate("dispatchEvent(new Event('online'))")  # the page would try again by itself, a little later
    expect(sheet).to_have_url(re.compile(f"{visits.path(VISIT)}$"))
    assert lost
    assert sheet.get_by_text(SAW).count() == kept + 1


def test_what_is_wrong_is_said_as_without_the_script_and_nothing_is_lost(sheet: Page) -> None:
    sheet.get_by_label("Ja, en brist").check()
    sheet.locator("[name=severity]:checked").evaluate("field => field.checked = false")
    save(sheet)
    expect(sheet).to_have_title(re.compile("^Fel: "))
    expect(sheet.locator(".ds-error-summary")).to_be_focused()
    assert sheet.get_by_label("Vad såg ni?").input_value() == SAW
    sheet.get_by_label("Allvarlig").check()
    save(sheet)
    expect(sheet.get_by_text(SAW).first).to_be_visible()


def away(running: stack.Stack) -> None:
    """The phone's session has ended: the last that was begun."""
    with psycopg.connect(running.postgres.url()) as tables:
        mine = "created_time = (SELECT max(created_time) FROM gateway.session)"
        tables.execute(f"UPDATE gateway.session SET seen_time = now() - interval '16 minutes' WHERE {mine}")  # noqa: S608  # no word of anybody's


def test_a_form_whose_session_has_ended_is_kept_as_all_such_forms_are(sheet: Page, running: stack.Stack) -> None:
    away(running)
    save(sheet)
    expect(sheet.get_by_role("heading", level=1)).to_have_text("Logga in för att fortsätta")
    expect(sheet.get_by_role("main")).to_contain_text("det finns kvar")


def test_a_form_of_an_earlier_session_is_opened_again_and_still_says_when_the_button_was_pressed(sheet: Page, running: stack.Stack) -> None:
    sent: list[str] = []
    sheet.on("request", lambda request: sent.append(request.post_data or "") if request.url.endswith(LINE) and request.post_data else None)
    away(running)
    other = sheet.context.new_page()
    sign_in(other, INSPECTOR)
    other.close()
    save(sheet)
    sheet.get_by_role("button", name="Öppna formuläret").click()
    expect(sheet.get_by_role("main")).to_contain_text("inte skickat än")
    assert sheet.get_by_label("Vad såg ni?").input_value() == SAW
    save(sheet)
    expect(sheet.get_by_text(SAW).first).to_be_visible()
    first, opened, again = ([*parse_qs(body)["pressed"]] for body in sent)
    assert first == opened == again
    assert len(first) == 1


def test_a_page_with_something_unsent_is_not_left_without_a_question(sheet: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    sheet.on("dialog", stay)
    sheet.context.set_offline(True)
    save(sheet)
    expect(sheet.get_by_role("status")).to_contain_text("inte skickat än")
    with sheet.expect_event("close"):
        sheet.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_a_marker_leads_to_its_row_and_a_row_lights_its_marker(visits: Visits) -> None:
    with Plain(visits.address) as plain:
        plain.sign_in(MOS)
        path = planned(plain).url.path
        for _ in range(3):
            added(plain, path)
    page = visits.context(MOS).new_page()
    page.goto(f"{path}/karta")
    markers, rows = page.locator(".los-marker"), page.locator("[data-north]")
    assert markers.all_text_contents() == ["1", "2", "3"] == [row.get_attribute("data-number") for row in rows.all()]
    assert all(box is not None and min(box["width"], box["height"]) >= 24 for box in (one.bounding_box() for one in markers.all()))
    page.get_by_role("application", name="Karta").focus()
    for _ in range(4):  # two buttons of the map's own, then the second marker
        page.keyboard.press("Tab")
    expect(markers.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows.nth(1)).to_be_focused()
    rows.nth(2).hover()
    expect(markers.nth(2)).to_have_attribute("data-lit", "")
    assert [page.get_by_role("button", name=name).count() for name in ("Zooma in", "Zooma ut")] == [1, 1]
    page.close()


def test_a_marker_lies_where_its_place_is(visits: Visits) -> None:
    """North is up, east is to the right, and both by the same scale."""
    with Plain(visits.address) as plain:
        plain.sign_in(MOS)
        path = planned(plain).url.path
        for query in ("?stadsdel=Ryd", "?stadsdel=Lambohov", "?stadsdel=Innerstaden"):
            added(plain, path, query)
    page = visits.context(MOS).new_page()
    page.goto(f"{path}/karta")
    page.locator(".los-marker").nth(2).wait_for()
    north, east, x, y = [], [], [], []
    for row, marker in zip(page.locator("[data-north]").all(), page.locator(".los-marker").all(), strict=True):
        box = marker.bounding_box()
        assert box is not None
        north.append(float(row.get_attribute("data-north") or 0))
        east.append(float(row.get_attribute("data-east") or 0))
        x.append(box["x"] + box["width"] / 2)
        y.append(box["y"] + box["height"] / 2)
    scale = (x[1] - x[0]) / (east[1] - east[0])
    assert scale > 0
    for one in (1, 2):
        assert x[one] - x[0] == pytest.approx((east[one] - east[0]) * scale, abs=2)
        assert y[one] - y[0] == pytest.approx((north[0] - north[one]) * scale, abs=2)
    page.close()
