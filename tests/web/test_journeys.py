"""Each group's main task in a real browser, with and without JavaScript, on a phone, a tablet and a desk; one by keyboard alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from infra import stack
from services.kernel.clock import STOCKHOLM
from tests.gateway.published import YEAR
from tests.gateway.test_oversight import look_up
from tests.web import catalogue as who
from tests.web.hand import Hand, Keys
from tests.web.visits import HEIGHT, Visits, a_context, sign_in

EVERY_BROWSER = pytest.mark.parametrize(
    ("width", "script"), [(320, True), (768, False), (1440, True)], ids=["phone", "tablet-no-js", "desk"]
)
REPORT_MAX = 10
"""Interactions of a landlord, from the start page to what says that the report is received."""
FLAG_MAX = 9
"""Interactions of a case officer, from the start page to the flagged payment. The officer does not judge the own case: a colleague does."""
SEND_MAX = 12
"""Interactions of an investigator, from the flagged case that lies open to the decision to tell; a colleague's approval is another's."""
YESTERDAY = (datetime.now(STOCKHOLM) - timedelta(days=1)).date().isoformat()
As = Callable[[str], Hand]


@contextmanager
def somebody(browser: Browser, address: str, person: str, width: int, *, script: bool, kind: type[Hand] = Hand) -> Iterator[Hand]:
    """Somebody at a browser of their own, on their start page; the console must stay empty."""
    context = a_context(browser, address, java_script_enabled=script, viewport={"width": width, "height": HEIGHT})
    sheet = context.new_page()
    if person:
        sign_in(sheet, person)
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append(message.text)

    sheet.on("console", heard)
    sheet.on("pageerror", lambda error: said.append(str(error)))
    hand = kind(sheet)
    hand.start()
    yield hand
    context.close()
    assert said == []


@pytest.fixture
def at(chromium: Browser, visits: Visits, width: int, script: bool) -> Iterator[As]:  # noqa: FBT001  # a parameter of the test
    """Whoever is named, at a browser of this width, with or without JavaScript."""
    open_now = []

    def one(person: str) -> Hand:
        entered = somebody(chromium, visits.address, person, width, script=script)
        hand = entered.__enter__()
        open_now.append(entered)
        return hand

    yield one
    for entered in open_now:
        entered.__exit__(None, None, None)


def report(hand: Hand, flat: str) -> None:
    """A landlord reports a flat."""
    hand.link("Anmäl en lägenhet till kommunen")
    hand.write("Fastighetsbeteckning", "Linköping Exempel 1:1")
    hand.write("Gatuadress", "Exempelgatan 1 B")
    hand.write("Postnummer", "582 22")
    hand.write("Ort", "Linköping")
    hand.write("Lägenhetsnummer", flat)
    hand.tick("Tom lägenhet")
    hand.write("Första dagen", YESTERDAY)
    hand.tick("Jag försäkrar")
    hand.button("Skicka anmälan till kommunen")


@EVERY_BROWSER
def test_a_landlord_reports_a_flat_in_few_steps(at: As, width: int) -> None:
    hand = at(who.LANDLORD)
    report(hand, f"14{width % 90:02}")
    hand.sees("En handläggare på kommunen går igenom anmälan")
    assert hand.count <= REPORT_MAX
    hand.link("Till mina anmälningar")
    hand.sees("Mottagen")


def test_a_landlord_reports_a_flat_by_keyboard_alone(chromium: Browser, visits: Visits) -> None:
    with somebody(chromium, visits.address, who.LANDLORD, 1440, script=True, kind=Keys) as hand:
        report(hand, "1501")
        hand.sees("En handläggare på kommunen går igenom anmälan")
        assert hand.count <= REPORT_MAX


@EVERY_BROWSER
def test_a_payment_goes_from_the_flag_to_the_agency_in_few_steps(at: As) -> None:
    officer, number = at(who.OFFICER), f"IAF-{uuid4().hex[:8]}"
    officer.link("Flagga en utbetalning")
    officer.write("Ärendenummer", number)
    officer.write("Mottagarens personnummer", "198711062391")
    officer.tick("Fel boendekostnad")
    officer.write("Från och med månad", "2026-01")
    officer.write("Till och med månad", "2026-06")
    officer.choose("Varifrån kom det?", "Allmänheten")
    officer.choose("Rör det också en förmån", "Bostadsbidrag (Försäkringskassan)")
    officer.button("Flagga utbetalningen")
    officer.sees("flaggad")
    assert officer.count <= FLAG_MAX

    hand = at(who.INVESTIGATOR)
    hand.sheet.locator("#nya").locator("xpath=..").get_by_role("row").last.get_by_role("link").click()
    hand.sees(number)
    hand.count = 0
    hand.tick("Ärendet ska granskas vidare")
    hand.tick("Det är inte kommunens eget fel")
    hand.tick("Jag är inte jävig")
    hand.tick("Nej")
    hand.write("Vad grundas bedömningen på?", "Hyresavin i akten är lägre än det som har begärts.")
    hand.write("Personens namn", "Demo Person")
    hand.write("Omständigheten gäller från", "2026-01-10")
    hand.button("Spara bedömningen")
    preview = hand.sheet.get_by_role("button", name="Förhandsgranska delning")
    while not preview.count():  # it is on its way between two services; whoever looks again has pressed one key more
        hand.sheet.reload()
        hand.count += 1
    hand.button("Förhandsgranska delning")
    hand.sees("Det här skickas till Försäkringskassan, ord för ord.")
    hand.write("Särskilda skäl", "Nej.")
    hand.button("granska igen")
    hand.button("Besluta och lämna uppgiften")
    hand.sees("Väntar på en kollegas godkännande")
    assert hand.count <= SEND_MAX
    path = hand.sheet.url

    colleague = at(who.APPROVER)
    colleague.sheet.goto(path)
    colleague.button("Godkänn och lämna uppgiften")
    colleague.sees("Vad som har hänt")
    assert colleague.sheet.get_by_role("button", name="Godkänn").count() == 0


def answer(invited: Hand, label: str) -> None:
    """A unit that is invited answers."""
    invited.link(label)
    invited.tick("Ja")
    invited.tick("På plats, med egen grund")
    invited.sheet.get_by_label("Er egen grund").select_option(index=1)
    invited.button("Svara")
    invited.sees(label)


def lead_the_day(lead: Hand, label: str) -> None:
    """From the briefing to the own report, at the one visit."""
    lead.link(label)
    lead.tick("Låg")
    lead.button("Skriv under genomgången")
    lead.button("Starta dagen")
    lead.sheet.locator(".los-stops").get_by_role("link").first.click()
    lead.button("Vi är på plats")
    lead.sees("På plats, kom")
    lead.sheet.locator('a[href*="/iakttagelse/"]').first.click()
    lead.tick("Nej, det var i ordning")
    lead.button("Spara iakttagelsen")
    lead.sees("I ordning")
    lead.tick("Klart")
    lead.write("Hur många personer kontrollerades?", "3")
    lead.button("Spara hur det gick")
    lead.button("Avsluta dagen")
    lead.sees("Genomförd.")
    lead.tick("Inget att rapportera")
    lead.button("Lämna återrapporten")
    lead.sees("Ni har lämnat den.")


@EVERY_BROWSER
def test_an_operation_goes_from_the_plan_to_the_report(at: As) -> None:
    starts = datetime.now(STOCKHOLM) + timedelta(minutes=3)
    if starts.date() != datetime.now(STOCKHOLM).date():
        pytest.skip("an operation of today cannot be planned in the last minutes of the day")
    label = f"LOS-2026-{uuid4().int % 10000}"
    coordinator = at(who.COORDINATOR)
    coordinator.link("Planera en insats")
    coordinator.write("Nummer", label)
    coordinator.write("Syfte", "Sund konkurrens")
    coordinator.write("Dag", starts.date().isoformat())
    coordinator.write("Från klockan", f"{starts:%H:%M}")
    coordinator.write("Till klockan", f"{starts - timedelta(minutes=6):%H:%M}")
    coordinator.write("Samlingsplats", "Stadshusets garage")
    coordinator.choose("Insatsledare", "Siri Inspektör")
    coordinator.sheet.get_by_label("Er egen grund för tillsyn").select_option(index=1)
    coordinator.button("Skapa utkastet")
    coordinator.link("Lägg till objekt")
    coordinator.button("Lägg till")
    coordinator.link("Tillbaka till insatsen")
    coordinator.sheet.locator('form[action$="/inbjudan"] select').select_option("SF")
    coordinator.button("Bjud in")
    coordinator.write("Varför bekräftas den", "Socialförvaltningen svarar på plats.")
    coordinator.button("Bekräfta insatsen")
    coordinator.sees("Bekräftad.")

    answer(at(who.INSPECTOR), label)
    lead_the_day(at(who.LEAD), label)
    coordinator.start()
    coordinator.link("Vem som har vad kvar")
    coordinator.sees(label)


@EVERY_BROWSER
def test_a_jurist_finds_a_ground_asks_and_looks_before_opening(at: As) -> None:
    hand = at(who.JURIST)
    hand.choose("Mottagare", "Försäkringskassan")
    hand.button("Visa")
    hand.sheet.locator('a[href*="/juridik/grunder/"]').first.click()
    hand.sees("Vad den säger")
    hand.link("Får vi?")
    hand.choose("Vad gäller uppgiften?", "Misstänkt fel i folkbokföringen")
    hand.sheet.get_by_label("Vem lämnar?").select_option("kommun-namnd")
    hand.sheet.get_by_label("Vem ska få den?").select_option("skatteverket-folkbokforing")
    hand.write("Jämför med en annan dag", "2020-05-01")
    hand.button("Fråga")
    hand.sees("Skiljer")
    hand.link("Öppna och stänga")
    hand.link("Öppna", "td")
    hand.write("Beslutets nummer", "KS 2026-12")
    hand.write("Varför?", "Prövat mot de fem ändamålen.")
    hand.button("Fortsätt")
    hand.sees("Det gäller genast, i hela kommunen.")
    hand.link("Avbryt")


@EVERY_BROWSER
def test_who_watches_signs_off_a_question_and_sees_who_told_what(at: As, running: stack.Stack) -> None:
    look_up(running)
    hand = at(who.SECURITY)
    hand.button("I sin ordning")
    hand.sees("kan inte ångras")
    hand.button("Signera")
    hand.link("Visa de granskade")
    hand.sees("klf-sakerhetschef-1")
    hand.link("Vem har lämnat vad")
    hand.link("Visa bara det som inte lämnades")
    hand.sees("Lämnades inte")
    chief = at(who.CHIEF)
    chief.choose("Period", f"Hela {YEAR}")
    chief.button("Visa")
    chief.sees("Perioden stängdes")


@EVERY_BROWSER
def test_anybody_reads_the_register_and_how_accessible_it_is(at: As) -> None:
    hand = at(who.NOBODY)
    hand.link("Läs vad kommunen kan lämna")
    hand.sees("Register över delning av uppgifter")
    hand.link("Tillgänglighet", "footer")
    hand.sees("Tillgänglighetsredogörelse")
