"""Checks of suppliers to the kommun: what public registers said on a day, and what a person made of it. Shared with nobody.

Source: workflows 6.2. A check is made once and never changed; the next one is another.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door
from services.gateway.forms import Filled, Sent, asked, chosen
from services.gateway.law import today
from services.gateway.questions import Question
from services.gateway.web import go_to, page
from services.gateway.words import choices, kronor, options, word
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.reference import reference

BUYERS = frozenset({Role.CASE_OFFICER})
ROWS = 50
COUNT_MAX = 99
PHASES = {"before": ("Före avtal", pb.SUPPLIER_PHASE_BEFORE), "during": ("Under avtalstiden", pb.SUPPLIER_PHASE_DURING)}
RESULTS = {
    "ok": ("Inget hindrar", pb.SUPPLIER_RESULT_OK),
    "watch": ("Följ upp", pb.SUPPLIER_RESULT_WATCH),
    "deny": ("Anlita inte", pb.SUPPLIER_RESULT_DENY),
}
YES_NO = {"yes": ("Ja", True), "no": ("Nej", False)}
REGISTERS = {
    "f_tax": "Godkänd för F-skatt",
    "vat": "Registrerad för moms",
    "employer_registered": "Registrerad som arbetsgivare",
    "ivo_permit": "Tillstånd från IVO, om det är omsorg",
}
TEXTS = {"tax_debt_sek": "Skatteskuld i kronor", "kfm_debt_sek": "Skuld hos Kronofogden i kronor"}


def routes(door: Door) -> APIRouter:
    """The pages of suppliers."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/leverantorer", pages.checks, methods=["GET"])
    router.add_api_route("/leverantorer/ny", pages.form, methods=["GET"])
    router.add_api_route("/leverantorer/ny", pages.register, methods=["POST"])
    router.add_api_route("/leverantorer/{check_id}", pages.check, methods=["GET"])
    return router


def checks_suppliers(unit: str | None) -> bool:
    """Whether a unit buys for the kommun."""
    return unit in reference().units and reference().units[unit or ""].checks_suppliers


def questions() -> tuple[Question, ...]:
    """What is asked of a supplier; what was not looked up is left."""
    looked_up = tuple(
        Question("select", name, label, tuple(options(YES_NO)), empty="Inte kontrollerat") for name, label in REGISTERS.items()
    )
    return (
        Question("text", "org_number", "Organisationsnummer"),
        Question("date", "checked_date", "Dag för kontrollen"),
        Question("radio", "phase", "När", tuple(options(PHASES))),
        *looked_up,
        *(Question("text", name, label, help="Lämna tomt om det inte är kontrollerat.") for name, label in TEXTS.items()),
        Question("text", "representatives_count", "Antal företrädare"),
        Question("tick", "beneficial_owner_checked", "Verklig huvudman är kontrollerad hos Bolagsverket"),
        Question(
            "checkbox",
            "warning_flags",
            "Varningstecken",
            tuple(choices(reference().supplier_signs)),
            "Ett tecken ensamt behöver inte betyda något.",
        ),
        Question("radio", "result", "Vad kommer du fram till?", tuple(options(RESULTS))),
        Question("date", "next_check_date", "Nästa kontroll", help="Behövs om leverantören kan anlitas."),
    )


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def checks(self, request: Request, efter: str = "") -> Response:
        """The unit's checks; no supplier is named in a list or an address: a number may be a person's own."""
        who = self._door.allowed(request, BUYERS)
        wanted = pb.ListSupplierChecksRequest(page=common_pb2.Page(page_size=ROWS, page_token=efter))
        found = self._door.services(who).registry.ListSupplierChecks(wanted)
        results = {number: said for said, number in RESULTS.values()}
        return page(request, "suppliers.html", rows=found.checks, more=found.next_page_token, results=results, now=today().isoformat())

    def form(self, request: Request) -> Response:
        """An empty check, of today."""
        self._door.allowed(request, BUYERS)
        return _form(request, Sent({"checked_date": [today().isoformat()]}))

    def register(self, request: Request, form: Filled) -> Response:
        """Keep the check; what is wrong is said with all that was filled in still there."""
        who = self._door.allowed(request, BUYERS, form)
        try:
            wanted = pb.RegisterSupplierCheckRequest(request_id=form.request_id, check=_check_of(form))
            made = asked(lambda: self._door.services(who).registry.RegisterSupplierCheck(wanted))
        except (Invalid, Conflict) as problem:
            return _form(request, form.wrong(problem))
        return go_to(f"/leverantorer/{made.check_id}")

    def check(self, request: Request, check_id: UUID) -> Response:
        """What was found."""
        who = self._door.allowed(request, BUYERS)
        if not checks_suppliers(who.caller.unit):
            raise NotFound
        found = self._door.services(who).registry.GetSupplierCheck(pb.GetSupplierCheckRequest(check_id=str(check_id)))
        return page(request, "supplier.html", rows=_rows(found.check), found=found)


def _form(request: Request, said: Sent) -> Response:
    return page(request, "supplier_new.html", said.status, questions=questions(), said=said)


def _check_of(form: Sent) -> pb.SupplierCheck:
    """The check of a form. Raises Invalid."""
    check = pb.SupplierCheck(
        org_number=form.text("org_number"),
        checked_date=form.text("checked_date"),
        phase=chosen(form, "phase", PHASES),
        beneficial_owner_checked=bool(form.text("beneficial_owner_checked")),
        warning_flags=form.all("warning_flags"),
        result=chosen(form, "result", RESULTS),
        next_check_date=form.text("next_check_date"),
    )
    for name in TEXTS:
        setattr(check, name, form.text(name))
    for name in REGISTERS:
        if form.text(name):
            setattr(check, name, chosen(form, name, YES_NO))
    count = form.text("representatives_count")
    if count:
        if not count.isdecimal() or int(count) > COUNT_MAX:
            raise Invalid(f"representatives_count: ange ett antal, högst {COUNT_MAX}.")
        check.representatives_count = int(count)
    return check


def _rows(check: pb.SupplierCheck) -> list[tuple[str, Any]]:
    phase = next(said for said, number in PHASES.values() if number == check.phase)
    result = next(said for said, number in RESULTS.values() if number == check.result)
    found = {each.name: value for each, value in check.ListFields()}
    answers = {True: "Ja", False: "Nej", None: "Inte kontrollerat"}
    looked_up = [(label, answers[found.get(name)]) for name, label in REGISTERS.items()]
    return [
        ("Organisationsnummer", f"{check.org_number[:-4]}-{check.org_number[-4:]}"),
        ("Kontrollerad", check.checked_date),
        ("När", phase),
        *looked_up,
        *((label, kronor(getattr(check, name))) for name, label in TEXTS.items()),
        ("Antal företrädare", str(found.get("representatives_count", ""))),
        ("Verklig huvudman kontrollerad", "Ja" if check.beneficial_owner_checked else "Nej"),
        ("Varningstecken", ", ".join(word(reference().supplier_signs, code) for code in check.warning_flags)),
        ("Resultat", result),
        ("Nästa kontroll", check.next_check_date),
    ]
