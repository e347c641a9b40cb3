"""Every page and state that a person can see, and how to get there. Who adds a page adds a row; a test says so."""

from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

from playwright.sync_api import Page as Sheet

from tests.gateway.published import YEAR

NOBODY, BUYER = "", "vss-handlaggare-1"
LANDLORD, OFFICER, INVESTIGATOR, OTHER_INVESTIGATOR = "hyresvard-1", "iaf-handlaggare-1", "iaf-utredare-1", "iaf-utredare-2"
APPROVER, MANAGER, ALERTS = "iaf-beslutare-1", "iaf-chef-1", "klf-handlaggare-1"
COORDINATOR, OTHER_COORDINATOR, LEAD, INSPECTOR = "mos-samordnare-1", "klf-samordnare-1", "mos-inspektor-1", "sf-inspektor-1"
TIPPER, JURIST, SECURITY, CHIEF, REGISTRAR = (
    "klf-sakerhetssamordnare-1",
    "klf-jurist-1",
    "klf-sakerhetschef-1",
    "klf-sakerhetschef-2",
    "iaf-registrator-1",
)
# Answers that no browser shows as a page, and why.
NO_PAGES = {
    "/logga-in": "sends the browser to the provider",
    "/insatser/{operation_id}/kalender": "a file for a calendar",
    "/insatser/{operation_id}/rapport.{kind}": "a PDF or a workbook",
    "/statistik/{period}.{kind}": "the same",
}
Steps = Callable[[Sheet], None]


class State(NamedTuple):
    """A page in one state: `address` with names of the world in braces, then what the person does there."""

    name: str
    person: str
    address: str
    steps: Steps | None = None
    status: int = 200


def press(name: str, form: str = "") -> Steps:
    """Press a button that sends a form, as it stands; `form`: within the form that is sent there."""

    def act(sheet: Sheet) -> None:
        within = sheet.locator(f'form[action$="{form}"]') if form else sheet
        sheet.evaluate("document.body.dataset.before = 1")  # also where a script puts the answer in the page's place
        within.get_by_role("button", name=name).first.click()
        sheet.locator("body:not([data-before])").wait_for(state="attached")
        sheet.wait_for_load_state("load")

    return act


def upload(content: str) -> Steps:
    """Send a list."""

    def act(sheet: Sheet) -> None:
        sheet.get_by_label("Filen").set_input_files({"name": "lista.csv", "mimeType": "text/csv", "buffer": content.encode()})
        sheet.get_by_label("Jag försäkrar").check()
        press("Skicka listan")(sheet)

    return act


def route(sheet: Sheet) -> None:
    """Have a route worked out."""
    sheet.get_by_label("Antal personer").first.fill("2")
    press("Räkna ut")(sheet)


def second_of_two(sheet: Sheet) -> None:
    """Save a plan that somebody else has changed meanwhile."""
    sheet.locator('input[name="etag"]').evaluate("field => field.value = '999'")
    sheet.get_by_label("Syfte").fill("Säker arbetsmiljö")
    press("Spara planen")(sheet)


def decide_nothing(sheet: Sheet) -> None:
    """Preview, then decide not to tell without a reason."""
    press("Förhandsgranska")(sheet)
    press("Besluta att inte lämna")(sheet)


def weigh_nothing(sheet: Sheet) -> None:
    """Preview, and go on without having weighed."""
    press("Förhandsgranska")(sheet)
    press("granska igen")(sheet)


def declare(sheet: Sheet) -> None:
    """Report a flat with nothing but the declaration."""
    sheet.get_by_label("Jag försäkrar").check()
    press("Skicka anmälan")(sheet)


def tell(sheet: Sheet) -> None:
    """Register a tip."""
    sheet.get_by_label("Varifrån kom det?").select_option(index=1)
    sheet.get_by_role("checkbox").first.check()
    sheet.get_by_label("Vad har någon sett?").fill("Sängar i lagret bakom köket.")
    sheet.get_by_label("Slags verksamhet").select_option(label="Restaurang")
    for label, text in (("Gatuadress", "Provgatan 21"), ("Postnummer", "582 22"), ("Ort", "Linköping"), ("Stadsdel", "Provstaden")):
        sheet.get_by_label(label).fill(text)
    press("Registrera tipset")(sheet)


def flag(sheet: Sheet) -> None:
    """Flag a payment."""
    for label, text in (("Ärendenummer", f"IAF-{uuid4().hex[:8]}"), ("Mottagarens", "198711062391")):
        sheet.get_by_label(label).fill(text)
    for label, month in (("Från och med", "2026-01"), ("Till och med", "2026-06")):
        sheet.get_by_label(label).fill(month)
    for label in ("Stöd", "Varifrån kom det?"):
        sheet.get_by_label(label, exact=True).select_option(index=1)
    sheet.get_by_role("checkbox").first.check()
    press("Flagga utbetalningen")(sheet)


def decision(sheet: Sheet) -> None:
    """Write why a flow is opened, and see what it means before it is so."""
    sheet.get_by_label("Beslutets nummer").fill("KS 2026-12")
    sheet.get_by_label("Varför?").fill("Prövat mot de fem ändamålen.")
    press("Fortsätt")(sheet)


def observe_nothing(sheet: Sheet) -> None:
    """Save a deficiency without saying how serious."""
    sheet.get_by_label("Ja, en brist").check()
    press("Spara iakttagelsen")(sheet)


def decide_erasure(decision: str) -> Steps:
    """Count, and name the decision."""

    def act(sheet: Sheet) -> None:
        press("Räkna")(sheet)
        sheet.get_by_label("Gallringsbeslutets nummer").fill(decision)
        press("Gå vidare")(sheet)

    return act


def erase(sheet: Sheet) -> None:
    """Count, name the decision, say yes; where a visit before has taken all, with nothing to say yes to."""
    press("Räkna")(sheet)
    if sheet.get_by_label("Gallringsbeslutets nummer").count():
        decide_erasure("IAF 2026-90")(sheet)
        press("Ja, gallra")(sheet)


def extract(number: str) -> Steps:
    """Ask for all that was shared about a person."""

    def act(sheet: Sheet) -> None:
        sheet.get_by_label("Diarienummer för personens begäran").fill("IAF 2026-77")
        sheet.get_by_label("Personnummer eller samordningsnummer").fill(number)
        press("Hämta utdraget")(sheet)

    return act


COLUMNS = "Org.nr hyresvärd;Fastighet;Gatuadress;Postnr;Ort;Lgh-nr (folkbokf.);Personnr;Fr.o.m.;T.o.m.;Iakttagelse;Källa"
LIST = f"{COLUMNS}\n559999-0180;x;x;x;x;;;;;;\n"
ASKED = "/juridik/far-vi?record_kind=folkbokforing_alert&sender_kinds=kommun-namnd&receiver=skatteverket-folkbokforing&on=2026-05-01"
STATES = (
    State("start", NOBODY, "/"),
    State("tillganglighet", NOBODY, "/tillganglighet"),
    State("register", NOBODY, "/register"),
    State("inte-inloggad", NOBODY, "/anmalan", status=401),
    State("inloggning-misslyckades", NOBODY, "/logga-in/svar", status=403),
    State("utloggad", NOBODY, "/utloggad"),
    State("finns-inte", NOBODY, "/finns-inte", status=404),
    State("hyresvard", LANDLORD, "/"),
    State("anmalan", LANDLORD, "/anmalan"),
    State("anmalan-oforsakrad", LANDLORD, "/anmalan", press("Skicka anmälan"), 400),
    State("anmalan-fel", LANDLORD, "/anmalan", declare, 400),
    State("lista", LANDLORD, "/anmalan/lista"),
    State("lista-last", LANDLORD, "/anmalan/lista", upload(LIST)),
    State("lista-fel", LANDLORD, "/anmalan/lista", upload("a;b\n1;2\n"), 400),
    State("inte-din", LANDLORD, "/tips", status=403),
    State("handlaggare", OFFICER, "/"),
    State("flaggad", OFFICER, "/utbetalningar/ny", flag),
    State("leverantorer", BUYER, "/leverantorer"),
    State("leverantor-ny", BUYER, "/leverantorer/ny"),
    State("leverantor-ny-fel", BUYER, "/leverantorer/ny", press("Spara kontrollen"), 400),
    State("leverantor", BUYER, "{supplier}"),
    State("utredare", INVESTIGATOR, "/"),
    State("flagga", INVESTIGATOR, "/utbetalningar/ny"),
    State("flagga-fel", INVESTIGATOR, "/utbetalningar/ny", press("Flagga utbetalningen"), 400),
    State("utbetalning", INVESTIGATOR, "{payment_flagged}"),
    State("utbetalning-fel", INVESTIGATOR, "{payment_flagged}", press("Spara bedömningen"), 400),
    State("utbetalning-bedomd", INVESTIGATOR, "{payment_assessed}"),
    State("utbetalning-avskriven", INVESTIGATOR, "{payment_dismissed}"),
    State("utbetalning-bedomning", INVESTIGATOR, "{payment_assessed}/bedomning"),
    State("utbetalning-andra", INVESTIGATOR, "{payment_assessed}/andra"),
    State("utbetalning-utredning", INVESTIGATOR, "{payment_assessed}/utredning"),
    State("utbetalning-utredning-fel", INVESTIGATOR, "{payment_assessed}/utredning", press("Spara"), 400),
    State("utbetalning-kommunicering", INVESTIGATOR, "{investigated}/kommunicering"),
    State("utbetalning-beslut", MANAGER, "{communicated}/beslut"),
    State("utbetalning-beslut-fel", MANAGER, "{communicated}/beslut", press("Besluta"), 400),
    State("utbetalning-aterkrav", MANAGER, "{to_recover}/aterkrav"),
    State("utbetalning-betalning", INVESTIGATOR, "{recovered}/betalning"),
    State("utbetalning-atertagen", INVESTIGATOR, "{recovered}"),
    State("utbetalning-polisanmalan", MANAGER, "{crime}/polisanmalan"),
    State("utbetalning-chef", MANAGER, "{crime}"),
    State("utbetalning-rattelse", INVESTIGATOR, "{own_error}/rattelse"),
    State("utbetalning-avslut", INVESTIGATOR, "{own_error}/avslut"),
    State("utbetalning-aterta", INVESTIGATOR, "{payment_assessed}/aterta"),
    State("arende-tid", INVESTIGATOR, "/arbete/utbetalningar/tid"),
    State("arende-nya", INVESTIGATOR, "/arbete/utbetalningar/nya"),
    State("arende-mina", INVESTIGATOR, "/arbete/utbetalningar/mina"),
    State("fortsatt", INVESTIGATOR, "/fortsatt"),
    State("filer", INVESTIGATOR, "/filer"),
    State("filer-inlasta", COORDINATOR, "/filer"),
    State("filer-angra", COORDINATOR, "{undo}"),
    State("erbjudande", INVESTIGATOR, "{offer}"),
    State("forhandsgranskning", INVESTIGATOR, "{offer}", press("Förhandsgranska")),
    State("forhandsgranskning-fel", INVESTIGATOR, "{offer}", weigh_nothing),
    State("beslut-fel", INVESTIGATOR, "{offer}", decide_nothing, 400),
    State("godkann-fel", APPROVER, "{waiting}", press("Besluta att inte lämna"), 400),
    State("vantar-pa-kollega", INVESTIGATOR, "{waiting}"),
    State("godkann", APPROVER, "{waiting}"),
    State("lamna-pa-annat-satt", INVESTIGATOR, "{elsewhere}"),
    State("beslutare", APPROVER, "/"),
    State("enhetschef", MANAGER, "/"),
    State("folkbokforing-handlaggare", ALERTS, "/"),
    State("folkbokforing", ALERTS, "{alert}"),
    State("folkbokforing-fel", ALERTS, "{alert}", press("Spara bedömningen"), 400),
    State("folkbokforing-bedomd", ALERTS, "{alert_assessed}"),
    State("folkbokforing-bedomning", ALERTS, "{alert_assessed}/bedomning"),
    State("folkbokforing-andra", ALERTS, "{alert}/andra"),
    State("folkbokforing-komplettering", ALERTS, "{alert_incomplete}/komplettering"),
    State("folkbokforing-avslut", ALERTS, "{alert_assessed}/avslut"),
    State("folkbokforing-aterta", ALERTS, "{alert_assessed}/aterta"),
    State("anmalningar-tid", ALERTS, "/arbete/folkbokforing/tid"),
    State("anmalningar-nya", ALERTS, "/arbete/folkbokforing/nya"),
    State("anmalningar-mina", ALERTS, "/arbete/folkbokforing/mina"),
    State("samordnare", COORDINATOR, "/"),
    State("samordnare-annan", OTHER_COORDINATOR, "/"),
    State("tips", COORDINATOR, "/tips"),
    State("tips-inga", COORDINATOR, "/tips?lage=forwarded"),
    State("tips-nytt", COORDINATOR, "/tips/nytt"),
    State("tips-nytt-fel", COORDINATOR, "/tips/nytt", press("Registrera tipset"), 400),
    State("tips-inkommet", COORDINATOR, "{tip}"),
    State("tips-bedomt", COORDINATOR, "{tip_assessed}"),
    State("tips-bedomt-fel", COORDINATOR, "{tip_assessed}", press("Besluta", "/beslut"), 400),
    State("tips-beslutat", COORDINATOR, "{tip_decided}"),
    State("insats-ny", COORDINATOR, "/insatser/ny"),
    State("insats-ny-fel", COORDINATOR, "/insatser/ny", press("Skapa utkastet"), 400),
    State("insats-utkast", COORDINATOR, "{draft}"),
    State("insats-objekt", COORDINATOR, "{draft}/objekt"),
    State("insats-kandidater", COORDINATOR, "{draft}/objekt?typ=restaurang"),
    State("insats-objekt-inga", COORDINATOR, "{draft}/objekt?stadsdel=Ingenstans"),
    State("insats-objekt-karta", COORDINATOR, "{draft}/objekt?karta=1"),
    State("insats-karta", COORDINATOR, "{invites}/karta"),
    State("kalender", COORDINATOR, "/kalender"),
    State("kalender-vecka", COORDINATOR, "/kalender/vecka"),
    State("insats-plan", COORDINATOR, "{draft}/plan"),
    State("insats-plan-andrad", COORDINATOR, "{draft}/plan", second_of_two, 409),
    State("insats-inbjudna", COORDINATOR, "{invites}"),
    State("insats-obekraftad", COORDINATOR, "{invites}", press("Bekräfta insatsen"), 409),
    State("insats-rutt", COORDINATOR, "{invites}/rutt"),
    State("insats-rutt-fel", COORDINATOR, "{invites}/rutt", press("Räkna ut"), 400),
    State("insats-rutt-forslag", COORDINATOR, "{invites}/rutt", route),
    State("insats-stopp", COORDINATOR, "{confirmed}/stopp"),
    State("insats-stopp-fel", COORDINATOR, "{confirmed}/stopp", press("Genomför"), 400),
    State("insats-bekraftad", COORDINATOR, "{confirmed}"),
    State("insats-pagar", COORDINATOR, "{on_site}"),
    State("insats-genomford", COORDINATOR, "{over}"),
    State("insats-aterrapporterad", COORDINATOR, "{reported}"),
    State("efterarbete", COORDINATOR, "/efterarbete"),
    State("inspektor", LEAD, "/"),
    State("inbjudan", INSPECTOR, "{invitation}"),
    State("inbjudan-fel", INSPECTOR, "{invitation}", press("Svara"), 400),
    State("dag-genomgang", LEAD, "{confirmed}/dag"),
    State("dag-genomgang-fel", LEAD, "{confirmed}/dag", press("Skriv under"), 400),
    State("dag-fore", LEAD, "{briefed}/dag"),
    State("dag-pagar", LEAD, "{on_site}/dag"),
    State("dag-slut", LEAD, "{over}/dag"),
    State("besok", LEAD, "{visit}"),
    State("besok-fel", LEAD, "{visit}", press("Spara hur det gick"), 400),
    State("iakttagelse", LEAD, "{visit}/iakttagelse/mos-bygglov/0"),
    State("iakttagelse-fel", LEAD, "{visit}/iakttagelse/mos-bygglov/0", observe_nothing, 400),
    State("atgard", LEAD, "{visit}/atgard"),
    State("atgard-fel", LEAD, "{visit}/atgard", press("Spara åtgärden"), 400),
    State("atgard-foljs", LEAD, "{measure}"),
    State("sakerhetssamordnare", TIPPER, "/"),
    State("tips-registrerat", TIPPER, "/tips/nytt", tell),
    State("grunder", JURIST, "/juridik"),
    State("grunder-inga", JURIST, "/juridik?on=1900-01-01"),
    State("grund", JURIST, "/juridik/grunder/underrattelselagen-2024"),
    State("far-vi", JURIST, "/juridik/far-vi"),
    State("far-vi-fel", JURIST, "/juridik/far-vi?record_kind=&on=2026-05-01", status=400),
    State("far-vi-svar", JURIST, f"{ASKED}&other_day=2020-05-01"),
    State("oppna-och-stanga", JURIST, "/juridik/beslut"),
    State("oppna", JURIST, "/juridik/beslut/pay-kfm-15a"),
    State("oppna-fel", JURIST, "/juridik/beslut/pay-kfm-15a", press("Fortsätt"), 400),
    State("oppna-bekrafta", JURIST, "/juridik/beslut/pay-kfm-15a", decision),
    State("fragor", SECURITY, "/tillsyn/fragor"),
    State("fragor-granskade", SECURITY, "/tillsyn/fragor?granskade=1"),
    State("fragor-signera", SECURITY, "/tillsyn/fragor", press("I sin ordning")),
    State("roller", SECURITY, "/tillsyn/roller"),
    State("utlamnanden", SECURITY, "/tillsyn/utlamnanden"),
    State("utlamnanden-nekade", SECURITY, "/tillsyn/utlamnanden?nekade=1"),
    State("statistik", CHIEF, "/statistik"),
    State("statistik-kvartal", CHIEF, f"/statistik?period={YEAR}-Q1"),
    State("statistik-ar", CHIEF, f"/statistik?period={YEAR}"),
    State("statistik-fel", CHIEF, "/statistik?period=x", status=400),
    State("gallring", REGISTRAR, "/"),
    State("gallring-raknat", REGISTRAR, "/gallring", press("Räkna")),
    State("gallring-fel", REGISTRAR, "/gallring", decide_erasure(""), 400),
    State("gallring-bekrafta", REGISTRAR, "/gallring", decide_erasure("IAF 2026-90")),
    State("gallring-gjord", REGISTRAR, "/gallring", erase),
    State("undantag", REGISTRAR, "/gallring/undantag"),
    State("undantag-fel", REGISTRAR, "/gallring/undantag", press("Undanta från gallring"), 400),
    State("undantag-slapp", REGISTRAR, "{held}"),
    State("undantag-slapp-fel", REGISTRAR, "{held}", press("Ta bort undantaget"), 400),
    State("registerutdrag", REGISTRAR, "/registerutdrag"),
    State("registerutdrag-fel", REGISTRAR, "/registerutdrag", press("Hämta utdraget"), 400),
    State("registerutdrag-hamtat", REGISTRAR, "/registerutdrag", extract("198711062391")),
    State("registerutdrag-tomt", REGISTRAR, "/registerutdrag", extract("193805259169")),
)
