"""Flag a payment with coded facts: the one thing that a case officer does here. What follows is the investigator's (payments.py)."""

from fastapi import APIRouter, Request, Response
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door
from services.gateway.forms import Filled, Sent, all_needed, asked
from services.gateway.web import go_to, page
from services.gateway.words import benefit_of, benefits, choices
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

FLAGGERS = frozenset({Role.CASE_OFFICER, Role.FUT_INVESTIGATOR})
FLAG_TEXTS = (
    "case_number",
    "payment_scheme",
    "recipient_id_number",
    "period_from",
    "period_to",
    "suspected_amount_sek",
    "impulse_source",
)
OF_BENEFIT = frozenset({"other_benefit", "deciding_body"})
"""Fields of the contract that are one choice in the form."""
FLAG_NEEDED = {
    "case_number": "Skriv ärendenumret.",
    "recipient_id_number": "Skriv mottagarens personnummer.",
    "payment_scheme": "Välj stöd.",
    "causes": "Kryssa för vad som kan vara fel.",
    "period_from": "Skriv från och med vilken månad.",
    "impulse_source": "Välj varifrån det kom.",
}


def routes(door: Door) -> APIRouter:
    """The pages of a flag."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/utbetalningar/ny", pages.flag_form, methods=["GET"])
    router.add_api_route("/utbetalningar/ny", pages.flag, methods=["POST"])
    return router


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def flag_form(self, request: Request) -> Response:
        """An empty flag."""
        who = self._door.allowed(request, FLAGGERS)
        return _flag_page(request, Sent({"payment_scheme": _own_scheme(who.caller.unit or "")}))

    def flag(self, request: Request, form: Filled) -> Response:
        """Register the flag; what is wrong is said with all that was filled in still there."""
        who = self._door.allowed(request, FLAGGERS, form)
        flag = pb.PaymentFlag(owner_unit=who.caller.unit or "", causes=form.all("causes"))
        for name in FLAG_TEXTS:
            setattr(flag, name, form.text(name))
        flag.period_to = flag.period_to or flag.period_from
        flag.other_benefit, flag.deciding_body = benefit_of(form.text("benefit"))
        flag.population_register_doubted = bool(form.text("population_register_doubted"))
        wanted = pb.RegisterSuspectedPaymentRequest(request_id=form.request_id, flag=flag)
        try:
            all_needed(form, FLAG_NEEDED)
            made = asked(lambda: self._door.services(who).registry.RegisterSuspectedPayment(wanted))
        except (Invalid, Conflict) as problem:
            said = form.wrong(problem)
            return _flag_page(request, said.at("benefit") if said.field in OF_BENEFIT else said)
        if who.role is Role.CASE_OFFICER:  # who flags does not read the case
            return page(request, "flagged.html")
        return go_to(f"/utbetalningar/{made.payment_id}")


def _flag_page(request: Request, said: Sent) -> Response:
    known = reference()
    return page(
        request,
        "flag.html",
        said.status,
        schemes=choices(scheme for scheme in known.schemes if scheme.record_kind == "suspected_payment"),
        causes=choices(known.causes),
        impulses=choices(known.impulses),
        benefits=benefits(),
        said=said,
    )


def _own_scheme(unit: str) -> list[str]:
    """The scheme that the unit decides, where that is one: what its people nearly always flag."""
    own = [scheme.code for scheme in reference().schemes if scheme.decided_by == unit]
    return own if len(own) == 1 else []
