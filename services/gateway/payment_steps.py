"""What can be done with a suspected payment: one form for each act, with who may and when. The registry decides; here it is only shown.

Source: workflows 6.1. A test holds the table beside the registry's own.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from google.protobuf.message import Message
from los.registry.v1 import registry_pb2 as pb

from services.gateway.forms import Sent, all_needed, chosen
from services.gateway.payment_assessment import assess, assess_groups, assess_questions, assess_warning, assessed_before
from services.gateway.questions import Question
from services.gateway.steps import Step, always
from services.gateway.words import FAULTS, PAYMENT_OUTCOMES, POLICE_STEPS, RECOVERY_OUTCOMES, choices, kronor, options, sentence
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Invalid
from services.kernel.reference import RecoveryGround, reference

Payment = pb.GetSuspectedPaymentResponse
INVESTIGATOR = frozenset({Role.FUT_INVESTIGATOR})
MANAGER = frozenset({Role.FUT_MANAGER})
GOES_ON = frozenset(
    {
        pb.PAYMENT_STATE_PRELIMINARY_CHECK,
        pb.PAYMENT_STATE_INVESTIGATION_OPEN,
        pb.PAYMENT_STATE_COMMUNICATED,
        pb.PAYMENT_STATE_NO_ERROR,
        pb.PAYMENT_STATE_ERROR_NO_RECOVERY,
        pb.PAYMENT_STATE_ERROR_RECOVERY,
        pb.PAYMENT_STATE_RECOVERY_DECIDED,
        pb.PAYMENT_STATE_PAID,
        pb.PAYMENT_STATE_INSTALMENT,
        pb.PAYMENT_STATE_COURT_ACTION,
    }
)
ENDS = frozenset(
    {
        pb.PAYMENT_STATE_CORRECTED,
        pb.PAYMENT_STATE_NO_ERROR,
        pb.PAYMENT_STATE_ERROR_NO_RECOVERY,
        pb.PAYMENT_STATE_PAID,
        pb.PAYMENT_STATE_INSTALMENT,
        pb.PAYMENT_STATE_COURT_ACTION,
    }
)
NEW = frozenset({pb.PAYMENT_STATE_FLAGGED, pb.PAYMENT_STATE_INTAKE_REVIEW})
REPORTABLE = frozenset({pb.POLICE_TRACK_DUE, pb.POLICE_TRACK_FILED, pb.POLICE_TRACK_FEEDBACK})
MONTHS_MAX = 120
DELEGATION = Question(
    "text", "delegation_reference", "Punkt i delegationsordningen", help="Den punkt som du beslutar på, till exempel 4.2."
)
NO_CONFLICT = "Intyga att du inte är jävig och att ärendet inte är ditt eget."
DELEGATION_NEEDED = {"delegation_reference": "Ange den punkt i delegationsordningen som du beslutar på."}
NOT_IN_CONFLICT = Question("tick", "no_conflict_of_interest", "Jag är inte jävig, och ärendet är inte mitt eget")


def _today() -> str:
    return datetime.now(STOCKHOLM).date().isoformat()


# --- the investigation --------------------------------------------------------------------------------------------------------------


def _method_questions(_: Payment) -> tuple[Question, ...]:
    methods = reference().methods
    more = []
    for method in methods:
        if method.needs_ground:
            more.append(Question("text", f"ground_{method.code}", f"Lagrum för {method.word}, om ni gör det"))
        if method.needs_consent:
            more.append(
                Question("tick", f"consent_{method.code}", f"{sentence(method.word)}: personen har samtyckt, och besöket är anmält")
            )
    return (
        Question("checkbox", "methods", "Hur utreder ni?", tuple(choices(methods)), "Bara det som står här är tillåtet."),
        *more,
        Question(
            "area",
            "documents",
            "Handlingar i verksamhetssystemet, om det finns",
            help="En beteckning på varje rad. Inga namn och inga personnummer.",
        ),
        NOT_IN_CONFLICT,
    )


def _investigate(form: Sent, named: dict[str, Any]) -> Message:
    chosen_methods = [method for method in reference().methods if method.code in form.all("methods")]
    grounds = {f"ground_{one.code}": f"Skriv lagrummet för {one.word}." for one in chosen_methods if one.needs_ground}
    consents = {f"consent_{one.code}": "Besöket behöver personens samtycke." for one in chosen_methods if one.needs_consent}
    all_needed(form, {"methods": "Välj minst ett sätt att utreda.", **grounds, **consents, "no_conflict_of_interest": NO_CONFLICT})
    methods = [
        pb.InvestigationMethod(code=code, ground=form.text(f"ground_{code}"), consent=bool(form.text(f"consent_{code}")))
        for code in form.all("methods")
    ]
    documents = [line.strip() for line in form.text("documents").splitlines() if line.strip()]
    return pb.OpenInvestigationRequest(
        **named,
        no_conflict_of_interest=bool(form.text("no_conflict_of_interest")),
        investigation=pb.Investigation(methods=methods, documents=documents),
    )


def _communicate(form: Sent, named: dict[str, Any]) -> Message:
    all_needed(
        form,
        {
            "communicated_date": "Skriv vilken dag personen fick ta del av utredningen.",
            "answer_due_date": "Skriv den sista dagen att svara.",
        },
    )
    told = pb.Communication(communicated_date=form.text("communicated_date"), answer_due_date=form.text("answer_due_date"))
    return pb.RecordCommunicationRequest(**named, communication=told)


COMMUNICATION = (
    Question("date", "communicated_date", "Den dag då personen fick ta del av utredningen"),
    Question(
        "date",
        "answer_due_date",
        "Sista dag att svara",
        help="Ge skälig tid. Före den dagen kan inget beslutas om personen inte har svarat.",
    ),
)

# --- the decisions ------------------------------------------------------------------------------------------------------------------

DECISION = (
    Question("radio", "outcome", "Vad beslutar ni?", tuple(options(PAYMENT_OUTCOMES))),
    Question("tick", "answer_received", "Personen har svarat, och svaret är med i bedömningen"),
    Question("select", "fault", "Vems var felet?", tuple(options(FAULTS)), "Kommunens eget fel är ett vanligt svar.", "Inget fel"),
    Question("text", "confirmed_amount_sek", "Belopp som har betalats ut felaktigt, i kronor"),
    Question("text", "prevented_amount_sek", "Stoppat belopp i månaden, i kronor, om något stoppas"),
    Question("text", "prevented_months", "Antal månader som det stoppas"),
    DELEGATION,
)


def _decide(form: Sent, named: dict[str, Any]) -> Message:
    is_error = form.text("outcome") in PAYMENT_OUTCOMES and form.text("outcome") != "no_error"
    amount = {"confirmed_amount_sek": "Skriv det belopp som har betalats ut felaktigt."} if form.text("outcome") == "error_recovery" else {}
    fault = {"fault": "Välj vems felet var."} if is_error else {}
    all_needed(form, {"outcome": "Välj vad ni beslutar.", **fault, **amount, **DELEGATION_NEEDED})
    outcome = chosen(form, "outcome", PAYMENT_OUTCOMES)
    decision = pb.PaymentDecision(
        fault=chosen(form, "fault", FAULTS) if form.text("fault") else pb.FAULT_UNSPECIFIED,
        answer_received=bool(form.text("answer_received")),
        confirmed_amount_sek=form.text("confirmed_amount_sek"),
        prevented_amount_sek=form.text("prevented_amount_sek"),
        prevented_months=_months(form.text("prevented_months")),
        delegation_reference=form.text("delegation_reference"),
    )
    return pb.DecidePaymentRequest(**named, outcome=outcome, decision=decision)


def _months(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MONTHS_MAX:
        raise Invalid(f"prevented_months: ange ett antal månader, 1 till {MONTHS_MAX}.")
    return int(text)


def _ground_word(ground: RecoveryGround) -> str:
    """A ground with the time of payment that it holds for."""
    first, last = ground.payments_from, ground.payments_to
    since = f"från och med {first.isoformat()}" if first > date.min else ""
    until = f"till och med {last.isoformat()}" if last < date.max else ""
    return f"{ground.word}: betalt {' '.join(part for part in (since, until) if part) or 'när som helst'}"


def _recovery_questions(row: Payment) -> tuple[Question, ...]:
    flag = row.flag
    grounds = tuple((ground.code, _ground_word(ground)) for ground in reference().recovery_grounds if flag.payment_scheme in ground.schemes)
    period = f"Perioden är {flag.period_from} till {flag.period_to}. Varje månad behöver ett lagrum som gällde då."
    none = "Det finns inget lagrum i listan för den här sortens stöd. En jurist lägger till det först."
    return (
        Question("checkbox", "grounds", "Lagrum för återkravet", grounds, period if grounds else none),
        Question("text", "amount_sek", "Belopp som ska betalas tillbaka, i kronor"),
        Question("date", "decided_date", "Beslutsdag"),
        DELEGATION,
    )


def _recover(form: Sent, named: dict[str, Any]) -> Message:
    needed = {"grounds": "Välj lagrum för återkravet.", "amount_sek": "Skriv beloppet.", "decided_date": "Skriv beslutsdagen."}
    all_needed(form, needed | DELEGATION_NEEDED)
    recovery = pb.RecoveryDecision(
        grounds=form.all("grounds"),
        amount_sek=form.text("amount_sek"),
        decided_date=form.text("decided_date"),
        delegation_reference=form.text("delegation_reference"),
    )
    return pb.DecideRecoveryRequest(**named, recovery=recovery)


def _record_recovery(form: Sent, named: dict[str, Any]) -> Message:
    return pb.RecordRecoveryRequest(**named, outcome=chosen(form, "outcome", RECOVERY_OUTCOMES))


# --- the report of a crime ------------------------------------------------------------------------------------------------------------

_POLICE_AFTER: Mapping[int, tuple[str, ...]] = {
    pb.POLICE_TRACK_DUE: ("filed",),
    pb.POLICE_TRACK_FILED: ("feedback", "filed"),
    pb.POLICE_TRACK_FEEDBACK: ("closed",),
}


def _police_questions(row: Payment) -> tuple[Question, ...]:
    after = _POLICE_AFTER.get(row.police, ())
    step = Question("radio", "step", "Vad har hänt?", tuple((code, POLICE_STEPS[code][0]) for code in after))
    if "filed" not in after:
        return (step,)
    return (
        step,
        Question("date", "filed_date", "Dag då anmälan skickades"),
        Question("text", "sent_how", "Hur den skickades", help="Till exempel Polisens e-tjänst. Inga personuppgifter."),
        Question("text", "report_number", "Polisens nummer, när ni vet det"),
        Question(
            "tick", "voluntary_correction_considered", "Vi har prövat om personen själv har rättat uppgiften (5 § bidragsbrottslagen)"
        ),
    )


def _police_begun(row: Payment) -> dict[str, list[str]]:
    filed = row.police_report
    return {
        "step": list(_POLICE_AFTER.get(row.police, ()))[:1],
        "filed_date": [filed.filed_date or _today()],
        "sent_how": [filed.sent_how],
        "report_number": [filed.report_number],
        "voluntary_correction_considered": ["1" if filed.voluntary_correction_considered else ""],
    }


FILED_NEEDED = {
    "filed_date": "Skriv vilken dag anmälan skickades.",
    "sent_how": "Skriv hur anmälan skickades.",
    "voluntary_correction_considered": "Pröva först om personen själv har rättat uppgiften.",
}


def _report(form: Sent, named: dict[str, Any]) -> Message:
    step = chosen(form, "step", POLICE_STEPS)
    filed = None
    if step == pb.POLICE_TRACK_FILED:
        all_needed(form, FILED_NEEDED)
        filed = pb.PoliceReportFiled(
            filed_date=form.text("filed_date"),
            sent_how=form.text("sent_how"),
            report_number=form.text("report_number"),
            voluntary_correction_considered=bool(form.text("voluntary_correction_considered")),
        )
    return pb.RecordPoliceReportRequest(**named, step=step, filed=filed)


# --- the table ------------------------------------------------------------------------------------------------------------------------

STEPS: tuple[Step, ...] = (
    Step(
        "bedomning",
        "Bedöm",
        "Spara bedömningen",
        "Vem har gjort fel, och rör det någon annan? Det du skriver om andra förmåner och om brott ersätter det som stod förut.",
        INVESTIGATOR,
        NEW | GOES_ON,
        NEW,
        assess,
        assess_questions,
        assess_groups,
        assessed_before,
        assess_warning,
        again="Bedöm på nytt, till exempel för att underrätta fler",
    ),
    Step(
        "polisanmalan",
        "Anteckna polisanmälan",
        "Spara",
        "Anmälan skrivs i verksamhetssystemet och går Polisens vanliga väg. Skriv här när och hur. Ingen uppgift om personen går härifrån.",
        MANAGER,
        frozenset(pb.PaymentState.values()),
        frozenset(pb.PaymentState.values()),
        _report,
        _police_questions,
        begun=_police_begun,
        is_open=lambda row: row.police in REPORTABLE,
        is_due=lambda row: row.police == pb.POLICE_TRACK_DUE,
        again="Anteckna vad Polisen har sagt",
    ),
    Step(
        "utredning",
        "Utred",
        "Spara utredningen",
        "Skriv hur ni tar reda på saken. Fler sätt kan läggas till senare; det som har skrivits står kvar.",
        INVESTIGATOR,
        frozenset({pb.PAYMENT_STATE_PRELIMINARY_CHECK, pb.PAYMENT_STATE_INVESTIGATION_OPEN}),
        frozenset({pb.PAYMENT_STATE_PRELIMINARY_CHECK}),
        _investigate,
        _method_questions,
        again="Lägg till ett sätt att utreda",
    ),
    Step(
        "kommunicering",
        "Låt personen svara",
        "Spara",
        "Personen ska få ta del av utredningen och svara före beslutet (25 § förvaltningslagen). Skicka på vanligt sätt. Skriv här när.",
        INVESTIGATOR,
        frozenset({pb.PAYMENT_STATE_INVESTIGATION_OPEN}),
        frozenset({pb.PAYMENT_STATE_INVESTIGATION_OPEN}),
        _communicate,
        lambda _: COMMUNICATION,
        begun=lambda _: {"communicated_date": [_today()]},
        warning=always("När det är sparat går ärendet till beslut. Dagarna kan inte ändras sedan."),
    ),
    Step(
        "beslut",
        "Besluta om felet",
        "Besluta",
        "Du beslutar på nämndens delegation, när personen har svarat eller tiden att svara har gått ut.",
        MANAGER,
        frozenset({pb.PAYMENT_STATE_COMMUNICATED}),
        frozenset({pb.PAYMENT_STATE_COMMUNICATED}),
        _decide,
        lambda _: DECISION,
        warning=always("Beslutet kan inte ändras här när det är sparat."),
    ),
    Step(
        "aterkrav",
        "Besluta om återkrav",
        "Besluta om återkrav",
        "Återkravet vilar på det lagrum som gällde när pengarna betalades ut.",
        MANAGER,
        frozenset({pb.PAYMENT_STATE_ERROR_RECOVERY}),
        frozenset({pb.PAYMENT_STATE_ERROR_RECOVERY}),
        _recover,
        _recovery_questions,
        begun=lambda row: {"amount_sek": [kronor(row.decision.confirmed_amount_sek)], "decided_date": [_today()]},
        warning=always("Beslutet kan inte ändras här när det är sparat."),
    ),
    Step(
        "betalning",
        "Anteckna vad som händer med återkravet",
        "Spara",
        "Skulden drivs in på vanligt sätt, inte härifrån. Den som betalar av enligt en plan följs sedan i verksamhetssystemet. "
        "Bara det som är betalt i sin helhet räknas som återbetalt.",
        INVESTIGATOR | MANAGER,
        frozenset({pb.PAYMENT_STATE_RECOVERY_DECIDED}),
        frozenset({pb.PAYMENT_STATE_RECOVERY_DECIDED}),
        _record_recovery,
        lambda _: (Question("radio", "outcome", "Vad har hänt?", tuple(options(RECOVERY_OUTCOMES))),),
        warning=always("Svaret kan inte ändras när det är sparat, inte heller när en plan är betald."),
    ),
    Step(
        "rattelse",
        "Anteckna att felet är rättat",
        "Spara",
        "Felet är kommunens eget: ingen annan får veta något, och personen ska inte drabbas.",
        INVESTIGATOR,
        frozenset({pb.PAYMENT_STATE_AUTHORITY_ERROR}),
        frozenset({pb.PAYMENT_STATE_AUTHORITY_ERROR}),
        lambda form, named: pb.CorrectOwnErrorRequest(**named, corrected_date=form.text("corrected_date")),
        lambda _: (Question("date", "corrected_date", "Dag då felet rättades"),),
        begun=lambda _: {"corrected_date": [_today()]},
    ),
    Step(
        "avslut",
        "Avsluta ärendet",
        "Avsluta ärendet",
        "Allt är gjort. En skyldighet som inte är gjord hindrar att ärendet avslutas.",
        INVESTIGATOR | MANAGER,
        ENDS,
        ENDS,
        lambda _, named: pb.ClosePaymentRequest(**named),
        warning=always("Ett avslutat ärende kan inte öppnas igen."),
    ),
    Step(
        "aterta",
        "Återta flaggan",
        "Återta",
        "När flaggan var ett misstag. Det som inte har skickats till någon myndighet försvinner; det som har skickats ska återkallas.",
        INVESTIGATOR,
        frozenset({pb.PAYMENT_STATE_FLAGGED, pb.PAYMENT_STATE_PRELIMINARY_CHECK}),
        frozenset(),
        lambda _, named: pb.WithdrawSuspectedPaymentRequest(**named),
        warning=always("Ett återtaget ärende kan inte öppnas igen. Samma betalning kan flaggas på nytt."),
    ),
)
