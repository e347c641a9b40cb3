"""The words that a person reads for codes of the contract."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Role
from services.kernel.reference import Words, reference

Choice = tuple[str, str]
"""A code and its word, for a form."""

ROLES: Mapping[Role, str] = {
    Role.LANDLORD_REPORTER: "Hyresvärd",
    Role.ALERT_OFFICER: "Handläggare, folkbokföring",
    Role.FUT_INVESTIGATOR: "Utredare, felaktiga utbetalningar",
    Role.APPROVER: "Beslutsfattare",
    Role.FUT_MANAGER: "Enhetschef",
    Role.LOS_COORDINATOR: "Samordnare, LOS",
    Role.INSPECTOR: "Inspektör",
    Role.JURIST: "Jurist",
    Role.RECORDS_OFFICER: "Registrator",
    Role.CASE_OFFICER: "Handläggare",
    Role.SECURITY_COORDINATOR: "Säkerhetssamordnare",
    Role.SECURITY_OFFICER: "Säkerhetschef, behörigheter",
    Role.SECURITY_CHIEF: "Säkerhetschef",
    Role.ANALYST: "Analytiker",
}
RECORD_KINDS: Mapping[str, str] = {
    "folkbokforing_alert": "Misstänkt fel i folkbokföringen",
    "suspected_payment": "Misstänkt felaktig utbetalning",
    "control_invitation": "Inbjudan till kontroll",
    "control_finding": "Iakttagelse vid kontroll",
    "police_report": "Polisanmälan",
}
ERASED_KINDS: Mapping[str, str] = {**RECORD_KINDS, "notice": "Underrättelse från en myndighet"}
CASE_PATHS: Mapping[str, str] = {"folkbokforing_alert": "/folkbokforing", "suspected_payment": "/utbetalningar"}
ALERT_STATES: Mapping[int, str] = {
    registry.ALERT_STATE_DRAFT: "Utkast: uppgifterna om bostaden fattas.",
    registry.ALERT_STATE_SUBMITTED: "Inkommet.",
    registry.ALERT_STATE_SCREENED: "Väntar på bedömning.",
    registry.ALERT_STATE_NEEDS_COMPLETION: "Behöver kompletteras.",
    registry.ALERT_STATE_BLOCKED_PROTECTED: "Stoppat. Hanteras av en särskild funktion.",
    registry.ALERT_STATE_ASSESSED: "Ett fel kan antas. Skatteverket ska underrättas.",
    registry.ALERT_STATE_NOTICE_SENT: "Skatteverket har underrättats.",
    registry.ALERT_STATE_ACKNOWLEDGED: "Skatteverket har tagit emot underrättelsen.",
    registry.ALERT_STATE_NO_ACTION: "Avslutat utan åtgärd.",
    registry.ALERT_STATE_WITHDRAWN: "Återtaget.",
    registry.ALERT_STATE_INVESTIGATION_OPEN: "Skatteverket har öppnat ett ärende.",
    registry.ALERT_STATE_CLOSED: "Avslutat. Vi får inte veta resultatet.",
    registry.ALERT_STATE_REFERRED_TO_LANDLORD: "Avslutat: en sak mellan hyresvärd och hyresgäst.",
    registry.ALERT_STATE_LINKED_TO_PAYMENT_CASE: "Avslutat: hör till ett ärende om utbetalning.",
}
PAYMENT_STATES: Mapping[int, str] = {
    registry.PAYMENT_STATE_FLAGGED: "Flaggat. Väntar på en utredare.",
    registry.PAYMENT_STATE_INTAKE_REVIEW: "Tas emot.",
    registry.PAYMENT_STATE_DISMISSED: "Avskrivet.",
    registry.PAYMENT_STATE_PRELIMINARY_CHECK: "Förhandsgranskning pågår.",
    registry.PAYMENT_STATE_AUTHORITY_ERROR: "Kommunens eget fel. Ska rättas.",
    registry.PAYMENT_STATE_BLOCKED_PROTECTED: "Stoppat. Hanteras av en särskild funktion.",
    registry.PAYMENT_STATE_WITHDRAWN: "Återtaget.",
    registry.PAYMENT_STATE_CORRECTED: "Kommunens eget fel, rättat.",
    registry.PAYMENT_STATE_INVESTIGATION_OPEN: "Utredning pågår.",
    registry.PAYMENT_STATE_COMMUNICATED: "Personen har fått ta del av utredningen och får svara.",
    registry.PAYMENT_STATE_NO_ERROR: "Beslutat: inget fel.",
    registry.PAYMENT_STATE_ERROR_NO_RECOVERY: "Beslutat: fel, inget återkrav.",
    registry.PAYMENT_STATE_ERROR_RECOVERY: "Beslutat: fel, återkrav ska beslutas.",
    registry.PAYMENT_STATE_RECOVERY_DECIDED: "Återkrav beslutat.",
    registry.PAYMENT_STATE_PAID: "Återbetalt.",
    registry.PAYMENT_STATE_INSTALMENT: "Betalas av.",
    registry.PAYMENT_STATE_COURT_ACTION: "Hos domstol.",
    registry.PAYMENT_STATE_CLOSED: "Avslutat.",
}
# What a form asks, by the code it sends: the word, and the contract's number.
PROTECTION = {"none": ("Nej", common_pb2.PROTECTION_NONE), "protected": ("Ja: ärendet stoppas", common_pb2.PROTECTION_PROTECTED)}
PAYMENT_OUTCOMES = {
    "no_error": ("Inget fel", registry.PAYMENT_STATE_NO_ERROR),
    "error_no_recovery": ("Fel, men inget krävs tillbaka", registry.PAYMENT_STATE_ERROR_NO_RECOVERY),
    "error_recovery": ("Fel, och pengar ska krävas tillbaka", registry.PAYMENT_STATE_ERROR_RECOVERY),
}
RECOVERY_OUTCOMES = {
    "paid": ("Allt är återbetalt", registry.PAYMENT_STATE_PAID),
    "instalment": ("Betalas av enligt plan", registry.PAYMENT_STATE_INSTALMENT),
    "court_action": ("Talan är väckt i domstol", registry.PAYMENT_STATE_COURT_ACTION),
}
FAULTS = {
    "authority": ("Kommunens", registry.FAULT_AUTHORITY),
    "applicant": ("Den sökandes", registry.FAULT_APPLICANT),
    "applicant_intent_unclear": ("Den sökandes, utan att uppsåt är klarlagt", registry.FAULT_APPLICANT_INTENT_UNCLEAR),
    "third_party": ("Någon annans", registry.FAULT_THIRD_PARTY),
    "mixed": ("Fleras", registry.FAULT_MIXED),
}
POLICE_STEPS = {
    "filed": ("Anmälan är skickad", registry.POLICE_TRACK_FILED),
    "feedback": ("Polisen har lämnat besked", registry.POLICE_TRACK_FEEDBACK),
    "closed": ("Polisens ärende är avslutat", registry.POLICE_TRACK_CLOSED),
}
# A history names states by their own words.
STEPS: Mapping[str, str] = {
    name.partition("_STATE_")[2].lower(): words[number].rstrip(".")
    for enum, words in ((registry.AlertState, ALERT_STATES), (registry.PaymentState, PAYMENT_STATES))
    for name, number in enum.items()
    if number
}
TRACKS: Mapping[tuple[str, str], str] = {
    ("feedback", "given"): "Hyresvärden har sett att ärendet är avslutat hos kommunen",
    ("notice", "none"): "Ingen underrättelse ska lämnas",
    ("notice", "due"): "Underrättelse ska lämnas",
    ("notice", "sent"): "Underrättelse lämnad",
    ("police", "none"): "Brott misstänks inte längre",
    ("police", "due"): "Brott kan misstänkas: ska anmälas",
    ("police", "filed"): "Polisanmält",
    ("police", "feedback"): "Polisen har lämnat besked",
    ("police", "closed"): "Polisens ärende avslutat",
}
DECIDES: Mapping[str, str] = {
    "sender": "Du skickar själv.",
    "officer": "Du beslutar själv, på din nämnds delegation.",
    "officer+second": "Du beslutar, och en kollega som inte har handlagt ärendet godkänner.",
    "manager": "Enhetschefen beslutar.",
}
STATES: Mapping[int, str] = {
    pb.DISCLOSURE_STATE_AWAITING_APPROVAL: "Väntar på en kollegas godkännande. Inget skickas före det.",
    pb.DISCLOSURE_STATE_DECIDED: "Beslutat. Är på väg till mottagaren.",
    pb.DISCLOSURE_STATE_SENT: "Skickat. Du får besked här när mottagaren har tagit emot.",
    pb.DISCLOSURE_STATE_RECEIVED: "Mottagaren har tagit emot uppgiften.",
    pb.DISCLOSURE_STATE_REFUSED_BY_RECEIVER: "Mottagarens system avvisade meddelandet.",
    pb.DISCLOSURE_STATE_NO_CHANNEL: "Ska lämnas på annat sätt än härifrån.",
    pb.DISCLOSURE_STATE_REFUSED: "Beslutat: uppgiften lämnas inte.",
    pb.DISCLOSURE_STATE_VOID: "Lämnades aldrig. Mottagaren har inte fått något.",
    pb.DISCLOSURE_STATE_CORRECTION_DUE: "Har ändrats sedan den skickades. Mottagaren ska få en rättelse.",
    pb.DISCLOSURE_STATE_CORRECTED: "Rättelsen är skickad. Mottagaren har inte bekräftat än.",
    pb.DISCLOSURE_STATE_RECALL_DUE: "Gäller inte längre. Mottagaren ska få en återkallelse.",
    pb.DISCLOSURE_STATE_RECALLED: "Återkallelsen är skickad. Mottagaren har inte bekräftat än.",
    pb.DISCLOSURE_STATE_CARRIED_OUT: "Lämnat på annat sätt.",
    pb.DISCLOSURE_STATE_RECALL_DECIDED: "Återkallelsen är på väg till mottagaren.",
    pb.DISCLOSURE_STATE_RECALL_REFUSED: "Mottagarens system avvisade återkallelsen.",
    pb.DISCLOSURE_STATE_RECALL_CONFIRMED: "Återkallat. Mottagaren har fått besked.",
    pb.DISCLOSURE_STATE_CORRECTION_REFUSED: "Mottagarens system avvisade rättelsen.",
    pb.DISCLOSURE_STATE_CORRECTION_CONFIRMED: "Rättat. Mottagaren har fått rättelsen.",
    pb.DISCLOSURE_STATE_OPENED: "Mottagaren har öppnat ett ärende.",
    pb.DISCLOSURE_STATE_NO_ACTION: "Mottagaren vidtar ingen åtgärd.",
    pb.DISCLOSURE_STATE_ACTION: "Mottagaren har vidtagit en åtgärd.",
    pb.DISCLOSURE_STATE_CLOSED: "Mottagaren har avslutat sitt ärende.",
    pb.DISCLOSURE_STATE_ERASED: "Gallrat. Det som skickades kan inte längre läsas.",
}
INBOUND_STATES: Mapping[int, str] = {
    pb.INBOUND_STATE_NEW: "Ingen har tagit hand om den än.",
    pb.INBOUND_STATE_ACKNOWLEDGED: "Någon har tagit in den i ett ärende.",
    pb.INBOUND_STATE_REPLACED: "Myndigheten har ersatt den med en ny.",
    pb.INBOUND_STATE_WITHDRAWN: "Myndigheten har tagit tillbaka den.",
    pb.INBOUND_STATE_ERASED: "Gallrad. Det som stod i den kan inte längre läsas.",
}
EVENTS: Mapping[str, str] = {
    "awaiting_approval": "Beslutat, väntar på kollega",
    "decided": "Beslutat",
    "no_channel": "Beslutat, utan väg härifrån",
    "refused": "Beslutat att inte lämna",
    "void": "Lämnades aldrig",
    "sent": "Skickat",
    "received": "Mottaget",
    "refused_by_receiver": "Avvisat av mottagarens system",
    "opened": "Ärende öppnat hos mottagaren",
    "no_action": "Ingen åtgärd hos mottagaren",
    "action": "Åtgärd hos mottagaren",
    "closed": "Avslutat hos mottagaren",
    "correction_due": "Rättelse ska lämnas",
    "corrected": "Rättat",
    "recall_due": "Återkallelse ska lämnas",
    "recalled": "Återkallat",
    "recall_decided": "Återkallelse på väg",
    "recall_refused": "Återkallelsen avvisades av mottagarens system",
    "recall_confirmed": "Återkallelsen bekräftad",
    "correction_refused": "Rättelsen avvisades av mottagarens system",
    "correction_confirmed": "Rättelsen bekräftad",
    "carried_out": "Lämnat på annat sätt",
    "erased": "Gallrat",
}
FIELDS: Mapping[str, str] = {
    "sender.authority": "Avsändande nämnd",
    "sender.unit": "Enhet",
    "sender.function_mailbox": "Funktionsbrevlåda",
    "sender.case_number": "Referens",
    "legal.basis_id": "Rättslig grund",
    "subject.full_name": "Namn",
    "subject.personal_identity_number": "Personnummer",
    "subject.coordination_number": "Samordningsnummer",
    "dwelling.property_designation": "Fastighetsbeteckning",
    "dwelling.street_address": "Gatuadress",
    "dwelling.apartment_number": "Lägenhetsnummer",
    "alert.suspected_error_kind": "Misstänkt fel",
    "alert.observed_from": "Iakttaget från och med",
    "alert.observed_to": "Iakttaget till och med",
    "alert.circumstances": "Omständigheter",
    "alert.source_kind": "Källa",
    "payment.benefit_type": "Förmån",
    "payment.deciding_body": "Beslutande myndighet",
    "payment.period_from": "Period från och med",
    "payment.period_to": "Period till och med",
    "payment.suspected_error_kind": "Misstänkt fel",
    "payment.circumstances": "Omständigheter",
    "payment.observed_at": "Iakttaget",
    "payment.paid_amount": "Utbetalt belopp",
    "request.external_reference": "Mottagarens referens",
    "request.questions": "Frågor",
    "response.answers_limited_to_questions": "Svar",
    "control.reference": "Kontrollens referens",
    "control.window_start": "Tidigast",
    "control.window_end": "Senast",
    "control.participating_authorities": "Deltagande myndigheter",
    "control.meeting_point": "Samlingsplats",
    "control.object_org_number": "Organisationsnummer",
    "control.object_trade_name": "Verksamhetens namn",
    "control.object_address": "Adress",
    "control.safety_code": "Säkerhetsbedömning",
    "control.own_legal_ground_id": "Kommunens egen kontrollgrund",
    "finding.observed_at": "Iakttaget",
    "finding.observing_authority": "Iakttagande nämnd",
    "finding.own_legal_ground_id": "Nämndens egen kontrollgrund",
    "finding.category": "Område",
    "finding.facts": "Iakttagelser",
    "finding.object_org_number": "Organisationsnummer",
    "finding.object_address": "Adress",
    "licence.holder": "Tillståndshavare",
    "licence.status": "Tillstånd",
}
GROUND_KINDS: Mapping[str, str] = {"duty": "Skyldighet", "permission": "Möjlighet"}
INITIATIVES: Mapping[str, str] = {
    "own_initiative": "på eget initiativ",
    "on_request": "när mottagaren har frågat",
    "both": "på eget initiativ eller när mottagaren har frågat",
}
SWITCHES: Mapping[str, str] = {"on": "Öppen", "off": "Stängd", "outside": "Utanför plattformen", "none": "Inget flöde"}
SUBJECTS: Mapping[str, str] = {
    "personnummer": "en person med personnummer",
    "samordningsnummer": "en person med samordningsnummer",
    "company": "ett företag",
    "nobody": "ingen särskild",
}
MATTERS: Mapping[str, str] = {
    "environment": "brott mot miljöbalken",
    "alcohol": "servering eller försäljning av alkohol",
    "assistance": "assistansersättning som används till annat",
}
LOOK_UP_OUTCOMES: Mapping[int, str] = {
    registry.LOOK_UP_OUTCOME_ANSWERED: "Besvarad",
    registry.LOOK_UP_OUTCOME_NO_CASE: "Nekad: den som frågade har inget sådant ärende",
    registry.LOOK_UP_OUTCOME_CLOSED: "Nekad: ärendet är avslutat",
    registry.LOOK_UP_OUTCOME_NOT_HANDLING: "Nekad: någon annan handlägger ärendet",
}
LOOK_UP_JUDGEMENTS: Mapping[int, str] = {
    registry.LOOK_UP_JUDGEMENT_PROPER: "I sin ordning",
    registry.LOOK_UP_JUDGEMENT_IMPROPER: "Ska följas upp med personens chef",
}


def step(to_state: str, track: str = "") -> str:
    """One step of a case's history, of its state or of a track beside it."""
    if track:
        return TRACKS.get((track, to_state), to_state)
    return STEPS.get(to_state, to_state)


def word(words: Words[Any], code: str) -> str:
    """The word of a code of the reference data."""
    return str(words[code].word) if code in words else code


def choices(words: Iterable[Any]) -> list[Choice]:
    """Rows that have a code and a word, of the reference data or of an answer, for a form."""
    return [(each.code, each.word) for each in words]


def benefit_code(benefit: str, body: str) -> str:
    """The code of a benefit with the body that decides it, as one choice."""
    return f"{benefit}:{body}"


def benefit_of(code: str) -> tuple[str, str]:
    """The benefit and the body of such a choice; both empty for none."""
    benefit, _, body = code.partition(":")
    return benefit, body


def benefits() -> list[Choice]:
    """Benefits with the body that decides each, as one choice; those that nobody decides open no question."""
    known = reference()
    return [
        (benefit_code(benefit.code, body), f"{benefit.word} ({word(known.receivers, body)})")
        for benefit in known.benefits
        for body in benefit.decided_by
    ]


def kronor(amount: str) -> str:
    """An amount as it is written in Sweden: öre only where there are some; empty for none."""
    if not amount:
        return ""
    pattern = "#,##0" if Decimal(amount) % 1 == 0 else "#,##0.00"
    return f"{format_decimal(Decimal(amount), pattern, locale='sv_SE')} kr"


def sentence(words: str) -> str:
    """Words at the beginning of a sentence."""
    return f"{words[:1].upper()}{words[1:]}"


def options(words: Mapping[str, tuple[str, Any]]) -> list[Choice]:
    """The answers of one question, for a form."""
    return [(code, said) for code, (said, _) in words.items()]
