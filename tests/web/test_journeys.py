"""Each group's main task in a real browser, from the start page to its end, in every profile (profiles.py)."""

from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest

from infra import stack
from services.kernel.clock import STOCKHOLM
from tests.gateway.browser import Browser
from tests.gateway.published import YEAR
from tests.gateway.test_landlord import reported
from tests.gateway.test_oversight import look_up
from tests.web import catalogue as who
from tests.web.hand import Hand
from tests.web.profiles import As
from tests.web.visits import Visits

REPORT_MAX = 10
"""Interactions of a landlord, from the start page to what says that the report is received."""
FLAG_MAX = 9
"""Interactions of a case officer, from the start page to the flagged payment. The officer does not judge the own case: a colleague does."""
SEND_MAX = 12
"""Interactions of an investigator, from the flagged case that lies open to the decision to tell; a colleague's approval is another's."""
AGAIN_MAX = 50
YESTERDAY = (datetime.now(STOCKHOLM) - timedelta(days=1)).date().isoformat()
PERSON = "198711062391"
SUPERVISION = "11 kap. 8 § plan- och bygglagen (2010:900)"
KLF_APPROVER, KLF_COORDINATOR = "klf-beslutare-1", who.OTHER_COORDINATOR
FLATS = map(str, count(2000 + uuid4().int % 7000))


def newest(section: str) -> str:
    """Where the last row of a list on the start page is: what has waited longest stands first."""
    return f"section:has(#{section}) tr:last-child"


def preview(hand: Hand) -> None:
    """Look at what would be told; it is on its way between two services, and whoever looks again has pressed one key more."""
    for _ in range(AGAIN_MAX):
        if hand.has("Förhandsgranska delning"):
            break
        hand.again()
    hand.button("Förhandsgranska delning")


def test_a_landlord_reports_a_flat_in_few_steps(at: As) -> None:
    hand = at(who.LANDLORD)
    hand.link("Anmäl en lägenhet till kommunen")
    hand.write("Fastighetsbeteckning", "Linköping Exempel 1:1")
    hand.write("Gatuadress", "Exempelgatan 1 B")
    hand.write("Postnummer", "582 22")
    hand.write("Ort", "Linköping")
    hand.write("Lägenhetsnummer", next(FLATS))
    hand.tick("Tom lägenhet")
    hand.write("Första dagen", YESTERDAY)
    hand.tick("Jag försäkrar")
    hand.button("Skicka anmälan till kommunen")
    hand.sees("En handläggare på kommunen går igenom anmälan")
    assert hand.count <= REPORT_MAX
    hand.link("Till mina anmälningar")
    hand.sees("Mottagen")


def test_an_alert_goes_from_the_list_to_skatteverket(at: As, visits: Visits) -> None:
    with Browser(visits.address) as landlord:
        landlord.sign_in(who.LANDLORD)
        holder = {"contract_holder_name": "Demo Person", "contract_holder_id_number": PERSON}
        assert "Mottagen" in reported(landlord, apartment_number=next(FLATS), **holder).text
    hand = at(who.ALERTS)
    hand.link("Misstänkt fel i folkbokföringen", newest("nya"))
    hand.tick("Jag har kontrollerat lägenhetsnumret")
    hand.tick("Ett fel kan antas")
    hand.choose("Vilket fel", "Bor inte i bostaden där personen är folkbokförd")
    hand.tick("Felet gäller den som har kontraktet")
    hand.tick("Nej")
    hand.write("Vad grundas bedömningen på?", "Hyresvärden har sett att lägenheten står tom.")
    hand.button("Spara bedömningen")
    preview(hand)
    hand.write("Vilken uppgift i registret", "Bostaden.")
    hand.write("Vilka daterade iakttagelser", "Hyresvärdens, av den dagen.")
    hand.write("Är lägenhetsnumret kontrollerat?", "Ja.")
    hand.write("Särskilda skäl", "Nej.")
    hand.write("När kontrollerades skyddade uppgifter?", "I dag.")
    hand.button("granska igen")
    hand.write("Delegation", "4.2")
    hand.button("Besluta och lämna uppgiften")
    hand.sees("Väntar på en kollegas godkännande")
    colleague = at(KLF_APPROVER)
    colleague.link("Misstänkt fel i folkbokföringen", newest("godkanna"))
    colleague.write("Delegation", "4.2")
    colleague.button("Godkänn och lämna uppgiften")
    colleague.sees("Vad som har hänt")


def test_a_payment_goes_from_the_flag_to_the_agency_in_few_steps(at: As) -> None:
    officer, number = at(who.OFFICER), f"IAF-{uuid4().hex[:8]}"
    officer.link("Flagga en utbetalning")
    officer.write("Ärendenummer", number)
    officer.write("Mottagarens personnummer", PERSON)
    officer.tick("Fel boendekostnad")
    officer.write("Från och med månad", "2026-01")
    officer.write("Till och med månad", "2026-06")
    officer.choose("Varifrån kom det?", "Allmänheten")
    officer.choose("Rör det också en förmån", "Bostadsbidrag (Försäkringskassan)")
    officer.button("Flagga utbetalningen")
    officer.sees("flaggad")
    assert officer.count <= FLAG_MAX

    hand = at(who.INVESTIGATOR)
    hand.link("Misstänkt felaktig utbetalning", newest("nya"))
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
    preview(hand)
    hand.sees("Det här skickas till Försäkringskassan, ord för ord.")
    hand.write("Särskilda skäl", "Nej.")
    hand.button("granska igen")
    hand.button("Besluta och lämna uppgiften")
    hand.sees("Väntar på en kollegas godkännande")
    assert hand.count <= SEND_MAX

    colleague = at(who.APPROVER)
    colleague.link("Misstänkt felaktig utbetalning", newest("godkanna"))
    colleague.button("Godkänn och lämna uppgiften")
    colleague.sees("Vad som har hänt")
    assert not colleague.has("Godkänn")


def test_a_supplier_is_checked_before_the_contract(at: As) -> None:
    hand = at(who.BUYER)
    hand.link("Kontroll av leverantörer")
    hand.link("Ny kontroll")
    hand.write("Organisationsnummer", "559999-0008")
    hand.tick("Före avtal")
    hand.choose("Godkänd för F-skatt", "Ja")
    hand.tick("Verklig huvudman är kontrollerad")
    hand.tick("Inget hindrar")
    hand.write("Nästa kontroll", (datetime.now(STOCKHOLM) + timedelta(days=90)).date().isoformat())
    hand.button("Spara kontrollen")
    hand.sees("En kontroll ändras inte")


def test_a_tip_goes_from_who_received_it_to_the_coordinators_decision(at: As) -> None:
    tipper = at(who.TIPPER)
    tipper.link("Registrera ett tips")
    tipper.choose("Varifrån kom det?", "Fastighetsägare")
    tipper.write("Kom in den dag", YESTERDAY)
    tipper.write("Klockan", "08:15")
    tipper.tick("Olovligt boende i lokal")
    tipper.write("Vad har någon sett?", "Sängar i lagret bakom köket.")
    tipper.choose("Slags verksamhet", "Restaurang")
    tipper.write("Gatuadress", f"Provgatan {next(FLATS)}")
    tipper.write("Postnummer", "582 22")
    tipper.write("Ort", "Linköping")
    tipper.write("Stadsdel", "Provstaden")
    tipper.button("Registrera tipset")
    tipper.sees("Tipset är registrerat")

    coordinator = at(KLF_COORDINATOR)
    coordinator.link(within="section:has(#tips) tbody")
    coordinator.tick("Trolig")
    coordinator.tick("Stor")
    coordinator.tick(SUPERVISION)
    coordinator.button("Spara bedömningen")
    coordinator.tick("Prioritera")
    coordinator.choose("Skäl", "Prioritera: risk för liv, hälsa eller säkerhet")
    coordinator.write("När rådfrågade ni Polisens samordnare?", datetime.now(STOCKHOLM).date().isoformat())
    coordinator.write("Klockan", "00:00")
    coordinator.button("Besluta")
    coordinator.sees("Väntar på en insats som tar upp objektet")


def answer(invited: Hand, label: str) -> None:
    """A unit that is invited answers."""
    invited.link(label)
    invited.tick("Ja")
    invited.tick("På plats, med egen grund")
    invited.choose("Er egen grund", SUPERVISION)
    invited.button("Svara")
    invited.sees(label)


def lead_the_day(lead: Hand, label: str) -> None:
    """From the briefing to the own report, at the one visit."""
    lead.link(label)
    lead.tick("Låg")
    lead.button("Skriv under genomgången")
    lead.button("Starta dagen")
    lead.link(within=".los-stops")
    lead.button("Vi är på plats")
    lead.sees("På plats, kom")
    lead.link("Används lokalen så som bygglov och detaljplan medger?")
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
    coordinator.choose("Er egen grund för tillsyn", SUPERVISION)
    coordinator.button("Skapa utkastet")
    coordinator.link("Lägg till objekt")
    coordinator.button("Lägg till")
    coordinator.link("Tillbaka till insatsen")
    coordinator.choose("Bjud in", "SF (kommunen)")
    coordinator.button("Bjud in")
    coordinator.write("Varför bekräftas den", "Socialförvaltningen svarar på plats.")
    coordinator.button("Bekräfta insatsen")
    coordinator.sees("Bekräftad.")

    answer(at(who.INSPECTOR), label)
    lead_the_day(at(who.LEAD), label)
    coordinator.start()
    coordinator.link("Vem som har vad kvar")
    coordinator.sees(label)


def test_a_jurist_finds_a_ground_asks_and_looks_before_opening(at: As) -> None:
    hand = at(who.JURIST)
    hand.choose("Mottagare", "Försäkringskassan")
    hand.button("Visa")
    hand.link(within="tbody")
    hand.sees("Vad den säger")
    hand.link("Får vi?")
    hand.choose("Vad gäller uppgiften?", "Misstänkt fel i folkbokföringen")
    hand.choose("Vem lämnar?", "En kommunal nämnd")
    hand.choose("Vem ska få den?", "Skatteverket (folkbokföring)")
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


def test_who_watches_signs_off_a_question_and_sees_who_told_what(at: As, running: stack.Stack) -> None:
    look_up(running)
    hand = at(who.SECURITY)
    hand.button("I sin ordning")
    hand.sees("kan inte ångras")
    hand.button("Signera")
    hand.link("Visa de granskade")
    hand.sees("I sin ordning (Rut Säkerhetschef")
    hand.link("Vem har lämnat vad")
    hand.link("Visa bara det som inte lämnades")
    hand.sees("Lämnades inte")


@pytest.mark.parametrize("person", [who.CHIEF, "klf-analytiker-1"])
def test_who_reads_figures_finds_those_of_a_year(at: As, person: str) -> None:
    hand = at(person)
    hand.choose("Period", f"Hela {YEAR}")
    hand.button("Visa")
    hand.sees("Perioden stängdes")


def test_a_registrar_counts_what_may_go_and_takes_out_what_a_person_is_told(at: As) -> None:
    hand = at(who.REGISTRAR)
    hand.button("Räkna vad som kan gallras")
    hand.sees("Räkna igen")
    hand.link("Registerutdrag")
    hand.write("Diarienummer", "IAF 2026-77")
    hand.write("Personnummer eller samordningsnummer", PERSON)
    hand.button("Hämta utdraget")
    hand.sees("Får lämnas ut")
    hand.sees("Pröva först")
    hand.sheet.emulate_media(media="print")
    assert hand.sheet.get_by_text("Får lämnas ut").first.is_visible()
    assert not [each for each in hand.sheet.get_by_text("Pröva").all() if each.is_visible()]  # the paper does not tell that there is more


def test_anybody_reads_the_register_and_how_accessible_it_is(at: As) -> None:
    hand = at(who.NOBODY)
    hand.link("Läs vad kommunen kan lämna")
    hand.sees("Register över delning av uppgifter")
    hand.link("Tillgänglighet", "footer")
    hand.sees("Hur tillgänglig är los?")
