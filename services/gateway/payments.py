"""The case of a suspected payment: what waits, what is known, who is told, what has happened; and one page for each act.

What a case says is shown to those who may read it, by the registry's own rules; what may be told of it is sharing's question (told.py).
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door, Who
from services.gateway.forms import Sent
from services.gateway.payment_assessment import at_field
from services.gateway.payment_steps import STEPS, Payment
from services.gateway.steps import CasePages
from services.gateway.told import told
from services.gateway.web import page
from services.gateway.words import FAULTS, PAYMENT_STATES, TRACKS, kronor, sentence, word
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

READERS = frozenset({Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER})
# What stands in the way and has a field all the same.
AT_FIELD = frozenset({"no_conflict_of_interest", "answer_received"})


def routes(door: Door) -> APIRouter:
    """The pages of a payment's case."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/utbetalningar/{payment_id}", pages.case, methods=["GET"])
    pages.route(router)
    return router


class _Pages(CasePages):
    path = "/utbetalningar"
    named = "payment_id"
    steps = STEPS
    readers = READERS
    record_kind = "suspected_payment"

    def case(self, request: Request, payment_id: UUID) -> Response:
        """A case whole. The first assessment is made on it."""
        who = self._door.allowed(request, READERS)
        row, services = self._row(who, payment_id), self._door.services(who)
        return page(
            request,
            "payment.html",
            row=row,
            rows=case_rows(row),
            state=PAYMENT_STATES[row.state],
            told=told(services.sharing, who, payment_id),
            names=self._door.names(step.person for step in row.history),
            owed=row.notice == pb.NOTICE_TRACK_DUE,
            links=services.registry.ListLinks(pb.ListLinksRequest(record_kind="suspected_payment", record_id=str(payment_id))),
            **self._offered(who, row),
        )

    def _row(self, who: Who, record_id: UUID) -> Payment:
        return self._door.services(who).registry.GetSuspectedPayment(pb.GetSuspectedPaymentRequest(payment_id=str(record_id)))

    def _state(self, row: Payment) -> str:
        return PAYMENT_STATES[row.state]

    def _facts(self, row: Payment) -> list[tuple[str, str]]:
        return case_rows(row)

    def _seen(self, row: Payment) -> list[tuple[str, str]]:
        return [*as_seen(row), ("Senast ändrat av", self._door.last_there(row.history))]

    def _wrong(self, form: Sent, problem: Invalid | Conflict) -> Sent:
        return _wrong(form, problem)


def case_rows(row: Payment) -> list[tuple[str, str]]:
    """What is known of a case, in words."""
    known, flag, decision, recovery = reference(), row.flag, row.decision, row.recovery
    told_day, due_day = row.communication.communicated_date, row.communication.answer_due_date
    methods = [_method(one) for one in row.investigation.methods]
    fault = next((said for said, number in FAULTS.values() if number == decision.fault), "")
    stopped = (
        f"{kronor(decision.prevented_amount_sek)} i månaden, {decision.prevented_months} månader" if decision.prevented_amount_sek else ""
    )
    filed = row.police_report
    return [
        ("Ärendenummer", flag.case_number),
        ("Diarienummer", flag.diary_number),
        ("Mottagare", flag.recipient_id_number),
        ("Stöd", sentence(word(known.schemes, flag.payment_scheme))),
        ("Vad kan vara fel", ", ".join(word(known.causes, code) for code in flag.causes)),
        ("Period", f"{flag.period_from} till {flag.period_to}"),
        ("Misstänkt belopp", kronor(flag.suspected_amount_sek)),
        ("Varifrån det kom", word(known.impulses, flag.impulse_source)),
        ("Annan förmån", word(known.benefits, flag.other_benefit)),
        ("Bedömningen grundas på", row.reasons),
        ("Hur det utreds", "; ".join(methods)),
        ("Handlingar", ", ".join(row.investigation.documents)),
        ("Personen fick ta del av utredningen", told_day),
        ("Sista dag att svara", due_day),
        ("Vems felet var", fault),
        ("Felaktigt utbetalt", kronor(decision.confirmed_amount_sek)),
        ("Stoppat framåt", stopped),
        ("Beslutat på delegation", decision.delegation_reference),
        ("Återkrav", kronor(recovery.amount_sek)),
        ("Lagrum för återkravet", ", ".join(word(known.recovery_grounds, code) for code in recovery.grounds)),
        ("Återkravet beslutat", recovery.decided_date),
        ("Återkravets delegation", recovery.delegation_reference),
        ("Polisanmält", f"{filed.filed_date}, {filed.sent_how}" if filed.filed_date else ""),
        ("Polisens nummer", filed.report_number),
        ("Felet rättat", row.corrected_date),
        ("Får gallras", row.purge_date),
    ]


def as_seen(row: Payment) -> list[tuple[str, str]]:
    """What a form of a case was opened with: what it says, how it stands, who has been told."""
    others = [word(reference().benefits, other.benefit_type) for other in row.other_benefits]
    return [
        ("Läge", PAYMENT_STATES[row.state]),
        *case_rows(row),
        ("Andra förmåner", ", ".join(others)),
        ("Polisanmälan", TRACKS.get(("police", pb.PoliceTrack.Name(row.police).removeprefix("POLICE_TRACK_").lower()), "")),
        ("Antal lämnade uppgifter", str(len(row.shared_with)) if row.shared_with else ""),
    ]


def _method(one: pb.InvestigationMethod) -> str:
    said = word(reference().methods, one.code)
    return f"{said} ({one.ground})" if one.ground else said


def _wrong(form: Sent, problem: Invalid | Conflict) -> Sent:
    said = form.wrong(problem)
    name = problem.message.partition(": ")[0]
    if name in AT_FIELD:
        return said.at(name)
    if name.startswith("methods["):
        place, _, part = name.removeprefix("methods[").partition("].")
        chosen = form.all("methods")
        code = chosen[int(place)] if place.isdecimal() and int(place) < len(chosen) else ""
        return said.at("methods" if part == "code" else f"{part}_{code}")
    return said.at(at_field(form, name)) if said.field else said
