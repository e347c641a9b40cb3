"""The officer's cases: flag a payment with coded facts, see a case whole, assess it.

What a case says is shown to those who may read it, by the registry's own rules; what may be told of it is sharing's question (deciding.py).
"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from babel.numbers import format_decimal
from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, asked, chosen
from services.gateway.web import go_to, page
from services.gateway.words import ALERT_STATES, PAYMENT_STATES, choices, options, word
from services.kernel.callers import Role
from services.kernel.clock import timestamp
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

FLAGGERS = frozenset({Role.CASE_OFFICER, Role.FUT_INVESTIGATOR})
READERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER})
ALERT_OFFICERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR})
FLAG_TEXTS = (
    "case_number",
    "payment_scheme",
    "recipient_id_number",
    "period_from",
    "period_to",
    "suspected_amount_sek",
    "impulse_source",
    "other_benefit",
    "deciding_body",
)
PROTECTION = {"none": ("Nej", common_pb2.PROTECTION_NONE), "protected": ("Ja: ärendet stoppas", common_pb2.PROTECTION_PROTECTED)}
PAYMENT_ASSESSMENTS = {
    "preliminary_check": ("Ärendet ska granskas vidare", pb.PAYMENT_ASSESSMENT_PRELIMINARY_CHECK),
    "ongoing": ("Läget är detsamma; det som sägs om andra förmåner och brott ersätter det förra", pb.PAYMENT_ASSESSMENT_ONGOING),
    "authority_error": ("Det är kommunens eget fel", pb.PAYMENT_ASSESSMENT_AUTHORITY_ERROR),
    "dismissed": ("Det finns inget att gå vidare med", pb.PAYMENT_ASSESSMENT_DISMISSED),
}
ALERT_ASSESSMENTS = {
    "wrong_flat": ("Lägenhetsnumret är fel; personen bor i huset", pb.ALERT_ASSESSMENT_WRONG_FLAT),
    "not_enough": ("Det räcker inte för att anta ett fel", pb.ALERT_ASSESSMENT_NOT_ENOUGH),
    "assume_error": ("Ett fel kan antas: Skatteverket ska underrättas", pb.ALERT_ASSESSMENT_ASSUME_ERROR),
    "needs_completion": ("Uppgifterna behöver kompletteras", pb.ALERT_ASSESSMENT_NEEDS_COMPLETION),
    "tenancy_only": ("Det är en sak mellan hyresvärd och hyresgäst", pb.ALERT_ASSESSMENT_TENANCY_ONLY),
}
# How the contract names what a form has one of.
FIELDS = {"own_facts": "fact", "own_facts[0]": "fact", "other_benefits[0].circumstances[0]": "circumstance"}


def routes(door: Door) -> APIRouter:
    """The pages of cases."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/utbetalningar/ny", pages.flag_form, methods=["GET"])
    router.add_api_route("/utbetalningar/ny", pages.flag, methods=["POST"])
    router.add_api_route("/utbetalningar/{payment_id}", pages.payment, methods=["GET"])
    router.add_api_route("/utbetalningar/{payment_id}/bedomning", pages.assess_payment, methods=["POST"])
    router.add_api_route("/folkbokforing/{alert_id}", pages.alert, methods=["GET"])
    router.add_api_route("/folkbokforing/{alert_id}/bedomning", pages.assess_alert, methods=["POST"])
    return router


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def flag_form(self, request: Request) -> Response:
        """An empty flag."""
        self._door.allowed(request, FLAGGERS)
        return _flag_page(request, Sent())

    def flag(self, request: Request, form: Filled) -> Response:
        """Register the flag; what is wrong is said with all that was filled in still there."""
        who = self._door.allowed(request, FLAGGERS, form)
        flag = pb.PaymentFlag(owner_unit=who.caller.unit or "", causes=form.all("causes"))
        for name in FLAG_TEXTS:
            setattr(flag, name, form.text(name))
        flag.population_register_doubted = bool(form.text("population_register_doubted"))
        wanted = pb.RegisterSuspectedPaymentRequest(request_id=form.request_id, flag=flag)
        try:
            made = asked(lambda: self._door.services(who).registry.RegisterSuspectedPayment(wanted))
        except (Invalid, Conflict) as problem:
            return _flag_page(request, form.wrong(problem))
        if who.role is Role.CASE_OFFICER:  # who flags does not read the case
            return page(request, "flagged.html")
        return go_to(f"/utbetalningar/{made.payment_id}")

    def payment(self, request: Request, payment_id: UUID) -> Response:
        """A case of a payment."""
        return self._payment_page(request, self._door.allowed(request, READERS), payment_id, Sent())

    def assess_payment(self, request: Request, payment_id: UUID, form: Filled) -> Response:
        """Keep the investigator's assessment."""
        who = self._door.allowed(request, {Role.FUT_INVESTIGATOR}, form)
        try:
            wanted = pb.AssessSuspectedPaymentRequest(
                request_id=form.request_id,
                payment_id=str(payment_id),
                etag=form.text("etag"),
                assessment=chosen(form, "assessment", PAYMENT_ASSESSMENTS),
                no_conflict_of_interest=bool(form.text("no_conflict_of_interest")),
                own_error_ruled_out=bool(form.text("own_error_ruled_out")),
                protection_check=_protection(form),
                recipient_name=form.text("recipient_name"),
                other_benefits=_other_benefits(form),
                crime_suspected=bool(form.text("crime_suspected")),
                reasons=form.text("reasons"),
            )
            asked(lambda: self._door.services(who).registry.AssessSuspectedPayment(wanted))
        except (Invalid, Conflict) as problem:
            return self._payment_page(request, who, payment_id, _wrong(form, problem))
        return go_to(f"/utbetalningar/{payment_id}")

    def alert(self, request: Request, alert_id: UUID) -> Response:
        """A case of the population register."""
        return self._alert_page(request, self._door.allowed(request, READERS - {Role.FUT_MANAGER}), alert_id, Sent())

    def assess_alert(self, request: Request, alert_id: UUID, form: Filled) -> Response:
        """Keep the officer's assessment."""
        who = self._door.allowed(request, ALERT_OFFICERS, form)
        try:
            wanted = pb.AssessAlertRequest(
                request_id=form.request_id,
                alert_id=str(alert_id),
                etag=form.text("etag"),
                assessment=chosen(form, "assessment", ALERT_ASSESSMENTS),
                wrong_flat_checked=bool(form.text("wrong_flat_checked")),
                suspected_error_kind=form.text("suspected_error_kind"),
                concerns_contract_holder=bool(form.text("concerns_contract_holder")),
                own_facts=_facts(form, "fact"),
                protection_check=_protection(form),
                reasons=form.text("reasons"),
            )
            asked(lambda: self._door.services(who).registry.AssessAlert(wanted))
        except (Invalid, Conflict) as problem:
            return self._alert_page(request, who, alert_id, _wrong(form, problem))
        return go_to(f"/folkbokforing/{alert_id}")

    def _payment_page(self, request: Request, who: Who, payment_id: UUID, said: Sent) -> Response:
        registry = self._door.services(who).registry
        row = registry.GetSuspectedPayment(pb.GetSuspectedPaymentRequest(payment_id=str(payment_id)))
        known, flag = reference(), row.flag
        rows = [
            ("Ärendenummer", flag.case_number),
            ("Diarienummer", flag.diary_number),
            ("Mottagare", flag.recipient_id_number),
            ("Stöd", word(known.schemes, flag.payment_scheme)),
            ("Vad kan vara fel", ", ".join(word(known.causes, code) for code in flag.causes)),
            ("Period", f"{flag.period_from} till {flag.period_to}"),
            ("Misstänkt belopp", _kronor(flag.suspected_amount_sek)),
            ("Varifrån det kom", word(known.impulses, flag.impulse_source)),
            ("Annan förmån", word(known.benefits, flag.other_benefit)),
            ("Bedömningen grundas på", row.reasons),
        ]
        return page(
            request,
            "payment.html",
            said.status,
            row=row,
            rows=rows,
            state=PAYMENT_STATES[row.state],
            may_assess=who.role is Role.FUT_INVESTIGATOR and not row.purge_date,
            links=registry.ListLinks(pb.ListLinksRequest(record_kind="suspected_payment", record_id=str(payment_id))),
            assessments=options(PAYMENT_ASSESSMENTS),
            protection=options(PROTECTION),
            benefits=choices(known.benefits),
            bodies=choices(body for body in known.receivers if body.decides),
            causes=[(code, word(known.causes, code)) for code in flag.causes],
            circumstances=choices(known.causes),
            said=said,
        )

    def _alert_page(self, request: Request, who: Who, alert_id: UUID, said: Sent) -> Response:
        registry = self._door.services(who).registry
        row = registry.GetAlert(pb.GetAlertRequest(alert_id=str(alert_id)))
        known, report = reference(), row.report
        seen = f"{report.observed_from} till {report.observed_to}" if report.observed_from else ""
        rows = [
            ("Fastighet", report.property_designation),
            ("Adress", ", ".join(part for part in (report.street_address, f"{report.postal_code} {report.city}".strip()) if part)),
            ("Lägenhetsnummer", report.apartment_number),
            ("Kontraktsinnehavare", report.contract_holder_name),
            ("Personnummer", report.contract_holder_id_number),
            ("Iakttagelser", ", ".join(word(known.observations, code) for code in report.observation_types)),
            ("Iakttaget", seen),
            ("Vem har sett det", word(known.sources, report.source_kind)),
            ("Att tänka på", "Uppgiften kommer från någon annan än hyresvärden själv." if row.needs_review else ""),
            ("Bedömningen grundas på", row.reasons),
            ("Skatteverkets referens", row.skv_reference),
        ]
        return page(
            request,
            "alert.html",
            said.status,
            row=row,
            rows=rows,
            state=ALERT_STATES[row.state],
            may_assess=who.role in ALERT_OFFICERS and row.state in {pb.ALERT_STATE_SCREENED, pb.ALERT_STATE_ASSESSED},
            links=registry.ListLinks(pb.ListLinksRequest(record_kind="folkbokforing_alert", record_id=str(alert_id))),
            assessments=options(ALERT_ASSESSMENTS),
            protection=options(PROTECTION),
            error_kinds=choices(known.error_kinds),
            observations=choices(each for each in known.observations if not each.weak),
            said=said,
        )


def _flag_page(request: Request, said: Sent) -> Response:
    known = reference()
    return page(
        request,
        "flag.html",
        said.status,
        schemes=choices(scheme for scheme in known.schemes if scheme.record_kind == "suspected_payment"),
        causes=choices(known.causes),
        impulses=choices(known.impulses),
        benefits=choices(known.benefits),
        bodies=choices(body for body in known.receivers if body.decides),
        said=said,
    )


def _protection(form: Sent) -> common_pb2.ProtectionCheck:
    """The officer looks while filling in the form, so it is now that they have looked."""
    return common_pb2.ProtectionCheck(result=chosen(form, "protection_check", PROTECTION), checked_time=timestamp(datetime.now(UTC)))


def _facts(form: Sent, name: str) -> list[common_pb2.Circumstance]:
    if not form.text(name):
        return []
    return [common_pb2.Circumstance(code=form.text(name), from_date=form.text(f"{name}_from"), to_date=form.text(f"{name}_to"))]


def _other_benefits(form: Sent) -> list[pb.OtherBenefit]:
    if not form.text("benefit_type"):
        return []
    names = ("benefit_type", "deciding_body", "period_from", "period_to", "suspected_error_kind", "observed_at")
    return [pb.OtherBenefit(circumstances=_facts(form, "circumstance"), **{name: form.text(name) for name in names})]


def _wrong(form: Sent, problem: Invalid | Conflict) -> Sent:
    told = form.wrong(problem)
    name = FIELDS.get(told.field, told.field.removeprefix("other_benefits[0]."))
    return Sent(told.values, FIELDS.get(name, "circumstance" if name == "circumstances" else name), told.message)


def _kronor(amount: str) -> str:
    """An amount as it is written in Sweden; empty for none."""
    return f"{format_decimal(Decimal(amount), locale='sv_SE')} kr" if amount else ""
