"""Somebody's role has ended, or holds again: said by the säkerhetschef, and in force at once for all that waits to be sent."""

from fastapi import APIRouter, Request, Response
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway.door import Door
from services.gateway.forms import Filled, Sent, asked, chosen, needed
from services.gateway.questions import Question, answers
from services.gateway.web import page
from services.gateway.words import ROLES, choices, options
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

OFFICER = frozenset({Role.SECURITY_OFFICER})
HOLDS = {"ended": ("Rollen har upphört", False), "holds": ("Rollen gäller igen", True)}
PATH = "/tillsyn/roller"
WARNINGS = {
    "ended": "Det gäller genast. Det som personen har beslutat i rollen, och som inte är skickat, lämnas aldrig. Det kan inte ångras.",
    "holds": "Det gäller genast. Det som redan har stoppats får beslutas på nytt.",
}


def routes(door: Door) -> APIRouter:
    """The page of roles."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route(PATH, pages.form, methods=["GET"])
    router.add_api_route(PATH, pages.change, methods=["POST"])
    return router


def _questions() -> tuple[Question, ...]:
    return (
        Question("text", "person", "Användarnamn", help="Det som personen loggar in med, till exempel iaf-utredare-1."),
        Question("select", "role", "Roll", tuple((role.value, word) for role, word in ROLES.items())),
        Question("select", "unit", "Förvaltning", tuple(choices(reference().units))),
        Question("radio", "holds", "Vad har hänt?", tuple(options(HOLDS))),
        Question("text", "decision_reference", "Beslutets nummer"),
    )


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def form(self, request: Request) -> Response:
        """An empty change."""
        self._door.allowed(request, OFFICER)
        return _form(request, Sent())

    def change(self, request: Request, form: Filled) -> Response:
        """First what follows of it, to confirm; then it is in force."""
        who = self._door.allowed(request, OFFICER, form)
        try:
            wanted = pb.RecordRoleChangeRequest(
                request_id=form.request_id,
                person=needed(form, "person", "skriv vems roll det gäller."),
                role=needed(form, "role", "välj rollen."),
                unit=needed(form, "unit", "välj förvaltningen."),
                holds=chosen(form, "holds", HOLDS),
                decision_reference=needed(form, "decision_reference", "ange beslutets nummer."),
            )
            if form.text("confirmed") == "no":
                return _form(request, form)
            if not form.text("confirmed"):
                return page(
                    request,
                    "confirm.html",
                    heading=f"{HOLDS[form.text('holds')][0]}?",
                    warning=WARNINGS[form.text("holds")],
                    rows=answers(form, _questions()),
                    action=PATH,
                    send="Ja, spara",
                    said=form,
                )
            asked(lambda: self._door.services(who).sharing.RecordRoleChange(wanted))
        except (Invalid, Conflict) as problem:
            return _form(request, form.wrong(problem))
        return page(request, "roles.html", questions=_questions(), said=Sent(), done=answers(form, _questions()))


def _form(request: Request, said: Sent) -> Response:
    return page(request, "roles.html", said.status, questions=_questions(), said=said, done=[])
