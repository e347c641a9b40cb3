"""The case of a suspected error in the population register: assessed, completed, closed, withdrawn; and what Skatteverket has been told.

A landlord's own pages are elsewhere (landlord.py): what became of a report says something about the tenant.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door, Who
from services.gateway.forms import Sent, chosen
from services.gateway.landlord import TEXTS
from services.gateway.payment_assessment import facts, protection_check
from services.gateway.questions import Group, Question
from services.gateway.steps import CasePages, Step, always
from services.gateway.told import told
from services.gateway.web import moment, page
from services.gateway.words import ALERT_STATES, PROTECTION, Choice, choices, options, word
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

OFFICERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR})
READERS = OFFICERS | {Role.APPROVER}
ASSESSMENTS = {
    "wrong_flat": ("Lägenhetsnumret är fel; personen bor i huset", pb.ALERT_ASSESSMENT_WRONG_FLAT),
    "not_enough": ("Det räcker inte för att anta ett fel", pb.ALERT_ASSESSMENT_NOT_ENOUGH),
    "assume_error": ("Ett fel kan antas: Skatteverket ska underrättas", pb.ALERT_ASSESSMENT_ASSUME_ERROR),
    "needs_completion": ("Uppgifterna behöver kompletteras", pb.ALERT_ASSESSMENT_NEEDS_COMPLETION),
    "tenancy_only": ("Det är en sak mellan hyresvärd och hyresgäst", pb.ALERT_ASSESSMENT_TENANCY_ONLY),
    "payment_case": ("Inget fel i registret, men uppgifterna hör till ett ärende om utbetalning", pb.ALERT_ASSESSMENT_PAYMENT_CASE),
}
GOES_ON = frozenset({"assume_error", "needs_completion"})
ASSESSABLE = frozenset({pb.ALERT_STATE_SCREENED, pb.ALERT_STATE_ASSESSED})
INCOMPLETE = frozenset({pb.ALERT_STATE_DRAFT, pb.ALERT_STATE_NEEDS_COMPLETION})
SENT = frozenset({pb.ALERT_STATE_NOTICE_SENT, pb.ALERT_STATE_ACKNOWLEDGED, pb.ALERT_STATE_INVESTIGATION_OPEN})
# How the contract names what a form has one of.
FIELDS = {"own_facts": "fact", "own_facts[0]": "fact"}


@dataclass(frozen=True, slots=True)
class Case:
    """An alert, with the suspected payments that it may be linked to."""

    row: pb.GetAlertResponse
    payments: tuple[Choice, ...]

    @property
    def state(self) -> int:
        """Where it is."""
        return self.row.state

    @property
    def etag(self) -> str:
        """What it looked like."""
        return self.row.etag


def _assess_questions(case: Case) -> tuple[Question, ...]:
    answers = tuple((code, said) for code, (said, _) in ASSESSMENTS.items() if code != "payment_case" or case.payments)
    payment = (Question("select", "payment_id", "Vilket ärende om utbetalning, om det hör till ett", case.payments, empty="Inget"),)
    return (
        Question("tick", "wrong_flat_checked", "Jag har kontrollerat lägenhetsnumret mot registret"),
        Question("radio", "assessment", "Vad kommer du fram till?", answers),
        Question(
            "select", "suspected_error_kind", "Vilket fel, om ett fel kan antas", tuple(choices(reference().error_kinds)), empty="Inget"
        ),
        Question("tick", "concerns_contract_holder", "Felet gäller den som har kontraktet"),
        *(payment if case.payments else ()),
        Question(
            "radio", "protection_check", "Har personen skyddade personuppgifter? Kontrollera i registret nu.", tuple(options(PROTECTION))
        ),
        Question("area", "reasons", "Vad grundas bedömningen på?", help="Skriv inga personnummer."),
    )


def _assess_groups(_: Case) -> tuple[Group, ...]:
    observations = tuple(choices(each for each in reference().observations if not each.weak))
    questions = (
        Question("select", "fact", "Iakttagelse", observations),
        Question("date", "fact_from", "Första dagen"),
        Question("date", "fact_to", "Sista dagen, om den har upphört"),
    )
    return (Group("En egen iakttagelse", "Behövs när uppgiften kommer från någon annan än hyresvärden själv.", questions),)


def _assess(form: Sent, named: dict[str, Any]) -> pb.AssessAlertRequest:
    return pb.AssessAlertRequest(
        **named,
        assessment=chosen(form, "assessment", ASSESSMENTS),
        wrong_flat_checked=bool(form.text("wrong_flat_checked")),
        suspected_error_kind=form.text("suspected_error_kind"),
        concerns_contract_holder=bool(form.text("concerns_contract_holder")),
        own_facts=facts(form, "fact"),
        protection_check=protection_check(form),
        reasons=form.text("reasons"),
        payment_id=form.text("payment_id") if form.text("assessment") == "payment_case" else "",
    )


def _assess_warning(form: Sent) -> str:
    if form.text("protection_check") == "protected":
        return "Ärendet stoppas genast, och ingen på din enhet ser det mer. Det hanteras av en särskild funktion. Det kan inte ångras."
    if form.text("assessment") not in GOES_ON:
        return "Ärendet avslutas, och hyresvärden ser att det är avslutat hos kommunen. Det kan inte öppnas igen."
    return ""


def _report_questions(_: Case) -> tuple[Question, ...]:
    known = reference()
    return (
        Question("text", "property_designation", "Fastighetsbeteckning"),
        Question("text", "street_address", "Gatuadress"),
        Question("text", "postal_code", "Postnummer"),
        Question("text", "city", "Ort"),
        Question("text", "apartment_number", "Lägenhetsnummer", help="Fyra siffror, det nummer som folkbokföringen har."),
        Question("text", "landlord_org_number", "Fastighetsägarens organisationsnummer"),
        Question("text", "landlord_unit_number", "Hyresvärdens eget nummer, om det finns"),
        Question("text", "contract_holder_name", "Kontraktsinnehavarens namn"),
        Question("text", "contract_holder_id_number", "Kontraktsinnehavarens personnummer"),
        Question("checkbox", "observation_types", "Vad har iakttagits?", tuple(choices(known.observations))),
        Question("date", "observed_from", "Första dagen"),
        Question("date", "observed_to", "Sista dagen, om den har upphört"),
        Question("select", "source_kind", "Vem har sett det?", tuple(choices(known.sources))),
    )


def _reported(case: Case) -> dict[str, list[str]]:
    report = case.row.report
    return {name: [getattr(report, name)] for name in TEXTS} | {"observation_types": list(report.observation_types)}


def _complete(form: Sent, named: dict[str, Any]) -> pb.RegisterAlertRequest:
    report = pb.AlertReport(observation_types=form.all("observation_types"))
    for name in TEXTS:
        setattr(report, name, form.text(name))
    return pb.RegisterAlertRequest(request_id=named["request_id"], report=report, completes_alert_id=named["alert_id"])


STEPS: tuple[Step, ...] = (
    Step(
        "bedomning",
        "Bedöm",
        "Spara bedömningen",
        "Kan ett fel antas? Fel lägenhetsnummer är det vanligaste oskyldiga svaret: kontrollera det först.",
        OFFICERS,
        ASSESSABLE,
        frozenset({pb.ALERT_STATE_SCREENED}),
        _assess,
        _assess_questions,
        _assess_groups,
        warning=_assess_warning,
        again="Bedöm på nytt",
    ),
    Step(
        "komplettering",
        "Komplettera uppgifterna",
        "Spara uppgifterna",
        "Uppgifterna räcker inte för att bedöma. Fyll i det som fattas; då kan ärendet bedömas.",
        OFFICERS,
        INCOMPLETE,
        INCOMPLETE,
        _complete,
        _report_questions,
        begun=_reported,
    ),
    Step(
        "avslut",
        "Avsluta ärendet",
        "Avsluta ärendet",
        "När Skatteverket har svarat på annat sätt, eller inte svarar mer. Vad de kom fram till frågar vi inte efter.",
        OFFICERS,
        SENT,
        frozenset(),
        lambda form, named: pb.CloseAlertRequest(**named, skv_reference=form.text("skv_reference")),
        lambda case: (
            Question(
                "text",
                "skv_reference",
                "Skatteverkets referens",
                help="Behövs om ingen bekräftelse har kommit hit." if case.state == pb.ALERT_STATE_NOTICE_SENT else "Om du har den.",
            ),
        ),
        warning=always("Ett avslutat ärende kan inte öppnas igen. Hyresvärden ser att det är avslutat hos kommunen."),
    ),
    Step(
        "aterta",
        "Återta ärendet",
        "Återta",
        "När ärendet var ett misstag. Det som inte har skickats till någon myndighet försvinner; det som har skickats ska återkallas.",
        OFFICERS,
        ASSESSABLE | INCOMPLETE | SENT | {pb.ALERT_STATE_SUBMITTED},
        frozenset(),
        lambda _, named: pb.WithdrawAlertRequest(**named),
        warning=always("Ett återtaget ärende kan inte öppnas igen. Samma lägenhet kan anmälas på nytt."),
    ),
)


def routes(door: Door) -> APIRouter:
    """The pages of an alert's case."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/folkbokforing/{alert_id}", pages.case, methods=["GET"])
    pages.route(router)
    return router


class _Pages(CasePages):
    path = "/folkbokforing"
    named = "alert_id"
    steps = STEPS
    readers = READERS
    record_kind = "folkbokforing_alert"

    def case(self, request: Request, alert_id: UUID) -> Response:
        """A case whole. The first assessment is made on it."""
        who = self._door.allowed(request, READERS)
        case, services = self._row(who, alert_id), self._door.services(who)
        return page(
            request,
            "alert.html",
            row=case.row,
            case=case,
            rows=self._facts(case),
            state=self._state(case),
            told=told(services.sharing, who, alert_id),
            names=self._door.names(step.person for step in case.row.history),
            owed=case.row.state == pb.ALERT_STATE_ASSESSED,
            links=self._links(who, alert_id),
            **self._offered(who, case),
        )

    def _links(self, who: Who, alert_id: UUID) -> pb.ListLinksResponse:
        wanted = pb.ListLinksRequest(record_kind="folkbokforing_alert", record_id=str(alert_id))
        return self._door.services(who).registry.ListLinks(wanted)

    def _row(self, who: Who, record_id: UUID) -> Case:
        row = self._door.services(who).registry.GetAlert(pb.GetAlertRequest(alert_id=str(record_id)))
        if who.role is not Role.FUT_INVESTIGATOR or row.state not in ASSESSABLE:
            return Case(row, ())
        near = [link.record_id for link in self._links(who, record_id).links if link.record_kind == "suspected_payment"]
        ids = dict.fromkeys([row.payment_id] if row.payment_id else near)
        return Case(row, tuple((record, f"Ärende {number}") for number, record in enumerate(ids, start=1)))

    def _state(self, row: Case) -> str:
        return ALERT_STATES[row.state]

    def _facts(self, row: Case) -> list[tuple[str, str]]:
        known, report, found = reference(), row.row.report, row.row
        return [
            ("Fastighet", report.property_designation),
            ("Adress", ", ".join(part for part in (report.street_address, f"{report.postal_code} {report.city}".strip()) if part)),
            ("Lägenhetsnummer", report.apartment_number),
            ("Kontraktsinnehavare", report.contract_holder_name),
            ("Personnummer", report.contract_holder_id_number),
            ("Iakttagelser", ", ".join(word(known.observations, code) for code in report.observation_types)),
            ("Iakttaget", f"{report.observed_from} till {report.observed_to}" if report.observed_from else ""),
            ("Vem har sett det", word(known.sources, report.source_kind)),
            ("Att tänka på", "Uppgiften kommer från någon annan än hyresvärden själv." if found.needs_review else ""),
            ("Bedömningen grundas på", found.reasons),
            ("Skatteverkets referens", found.skv_reference),
            ("Hyresvärden har sett att det är avslutat", moment(found.feedback_time) if found.HasField("feedback_time") else ""),
            ("Får gallras", found.purge_date),
        ]

    def _seen(self, row: Case) -> list[tuple[str, str]]:
        return [("Läge", self._state(row)), *self._facts(row), ("Senast ändrat av", self._door.last_there(row.row.history))]

    def _wrong(self, form: Sent, problem: Invalid | Conflict) -> Sent:
        said = form.wrong(problem)
        return said.at(FIELDS.get(said.field, said.field))
