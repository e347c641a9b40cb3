"""The registrator's pages: gallring, what is kept from it, and what a person is told of what was shared about them (GDPR art. 15).

Sharing counts, holds, erases and answers; each asking leaves its row in the audit. Nobody's number stands in an address.
"""

import json
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway.door import Door, Who
from services.gateway.forms import NOT_ANSWERED, Filled, Sent, all_needed, answered, asked, chosen, needed
from services.gateway.law import today
from services.gateway.questions import Question
from services.gateway.web import go_to, page
from services.gateway.words import ERASED_KINDS, INBOUND_STATES, STATES, choices, sentence
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.identity import IdentityNumber
from services.kernel.reference import reference

OFFICER = frozenset({Role.RECORDS_OFFICER})
ERASURE, COUNT, HOLDS, EXTRACT = "/gallring", "/gallring/rakning", "/gallring/undantag", "/registerutdrag"
ERASE_S = 120
"""How long gallring, or its counting, may take, in seconds: it is done whole or not at all."""
ROWS = 50
NUMBERS_MAX = 10
NO_SUCH = "disclosure_id: numret finns inte hos din förvaltning."
LACKING = {
    "disclosure_id": "skriv numret på det som ska undantas.",
    "hold_reason": "välj varför det ska vara kvar.",
    "diary_no": "ange diarienumret.",
}
ASKED = {"numbers": "skriv personens nummer.", "request_no": "ange diarienumret för personens begäran."}


def routes(door: Door) -> APIRouter:
    """The registrator's pages."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route(ERASURE, pages.erasure, methods=["GET"])
    router.add_api_route(ERASURE, pages.erase, methods=["POST"])
    router.add_api_route(COUNT, pages.count, methods=["POST"])
    router.add_api_route(HOLDS, pages.holds, methods=["GET"])
    router.add_api_route(HOLDS, pages.hold, methods=["POST"])
    router.add_api_route(f"{HOLDS}/{{disclosure_id}}", pages.held, methods=["GET"])
    router.add_api_route(f"{HOLDS}/{{disclosure_id}}", pages.let_go, methods=["POST"])
    router.add_api_route(EXTRACT, pages.extract_form, methods=["GET"])
    router.add_api_route(EXTRACT, pages.extract, methods=["POST"])
    return router


def start(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    """The registrator begins with gallring."""
    return go_to(ERASURE)


def _hold_questions() -> tuple[Question, ...]:
    return (
        Question(
            "text",
            "disclosure_id",
            "Nummer på utlämnandet eller underrättelsen",
            help="Det står i registerutdraget, och sist i adressen till handläggarens sida om utlämnandet.",
        ),
        Question("select", "hold_reason", "Varför ska det vara kvar?", tuple(choices(reference().hold_reasons))),
        Question("text", "diary_no", "Diarienummer"),
    )


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    # gallring -----------------------------------------------------------------------------------------------------

    def erasure(self, request: Request) -> Response:
        """Where it begins: nothing is counted before somebody asks, for it takes its time and leaves its row."""
        self._door.allowed(request, OFFICER)
        return page(request, "erasure.html", said=Sent(), counted=None, done=None)

    def count(self, request: Request, form: Filled) -> Response:
        """What would go."""
        return self._counted(request, self._door.allowed(request, OFFICER, form), Sent())

    def erase(self, request: Request, form: Filled) -> Response:
        """On a decision, first what follows of it, to confirm; then it is gone."""
        who = self._door.allowed(request, OFFICER, form)
        if form.text("confirmed") == "no":
            return self._counted(request, who, form)
        try:
            decision = needed(form, "erasure_decision", "ange gallringsbeslutets nummer. Utan beslut gallras inget.")
            if not form.text("confirmed"):
                return _confirm(request, self._going(who), form)
            wanted = pb.EraseDisclosuresRequest(request_id=form.request_id, erasure_decision=decision)
            gone = asked(lambda: self._door.services(who).sharing.EraseDisclosures(wanted, timeout=ERASE_S))
        except (Invalid, Conflict) as problem:
            said = form.wrong(problem)
            # It may be under way still: counting would wait for the same rows, and what was confirmed stays the same request.
            return _confirm(request, [], said) if said.message == NOT_ANSWERED else self._counted(request, who, said)
        return page(request, "erasure.html", said=Sent(), counted=None, done=gone, kinds=ERASED_KINDS, decision=decision)

    def _count(self, who: Who) -> pb.EraseDisclosuresResponse:
        dry = pb.EraseDisclosuresRequest(request_id=Sent().request_id, dry_run=True)
        return answered(lambda: self._door.services(who).sharing.EraseDisclosures(dry, timeout=ERASE_S))

    def _counted(self, request: Request, who: Who, said: Sent) -> Response:
        found = self._count(who)
        return page(request, "erasure.html", said.status, said=said, counted=found, done=None, kinds=ERASED_KINDS, day=today().isoformat())

    def _going(self, who: Who) -> list[tuple[str, str]]:
        """What would go, in words. Raises Conflict when nothing would."""
        found = self._count(who)
        rows = [(ERASED_KINDS[row.record_kind], str(row.disclosures)) for row in found.rows if row.disclosures]
        rows += [("Erbjudanden som ingen använde i tid", str(found.lapsed_offers))] if found.lapsed_offers else []
        if not rows:
            raise Conflict("Inget kan gallras i dag.")
        return rows

    # what is kept from it -----------------------------------------------------------------------------------------

    def holds(self, request: Request, efter: str = "", nummer: str = "") -> Response:
        """What is kept, and why; `nummer`: what is to be kept."""
        return self._holds_page(request, self._door.allowed(request, OFFICER), Sent({"disclosure_id": [nummer]}), efter)

    def hold(self, request: Request, form: Filled) -> Response:
        """Keep something, until it is let go."""
        who = self._door.allowed(request, OFFICER, form)
        try:
            all_needed(form, LACKING)
            reason = chosen(form, "hold_reason", {row.code: (row.word, sentence(row.word)) for row in reference().hold_reasons})
            self._keep(who, form, _number(form.text("disclosure_id")), f"{reason}. {form.text('diary_no')}", held=True)
        except NotFound:
            return self._holds_page(request, who, form.wrong(Invalid(NO_SUCH)), "", status=404)
        except (Invalid, Conflict) as problem:
            return self._holds_page(request, who, _at_the_diary(form.wrong(problem)), "")
        return go_to(HOLDS)

    def held(self, request: Request, disclosure_id: UUID) -> Response:
        """One that is kept, to let go."""
        return self._held_page(request, self._door.allowed(request, OFFICER), disclosure_id, Sent())

    def let_go(self, request: Request, disclosure_id: UUID, form: Filled) -> Response:
        """It goes with the rest, when its day has come."""
        who = self._door.allowed(request, OFFICER, form)
        try:
            diary_no = needed(form, "diary_no", LACKING["diary_no"])
            self._keep(who, form, str(disclosure_id), f"Skälet finns inte längre. Diarienummer {diary_no}", held=False)
        except (Invalid, Conflict) as problem:
            return self._held_page(request, who, disclosure_id, _at_the_diary(form.wrong(problem)))
        return go_to(HOLDS)

    def _keep(self, who: Who, form: Sent, disclosure_id: str, reason: str, *, held: bool) -> None:
        wanted = pb.HoldDisclosureRequest(request_id=form.request_id, disclosure_id=disclosure_id, held=held, reason=reason)
        asked(lambda: self._door.services(who).sharing.HoldDisclosure(wanted))

    def _holds_page(self, request: Request, who: Who, said: Sent, after: str, status: int = 0) -> Response:
        wanted = pb.ListHoldsRequest(page=common_pb2.Page(page_size=ROWS, page_token=after))
        found = answered(lambda: self._door.services(who).sharing.ListHolds(wanted))
        return page(
            request,
            "holds.html",
            status or said.status,
            rows=found.holds,
            next=found.next_page_token,
            kinds=ERASED_KINDS,
            names=self._door.names(row.held_by for row in found.holds),
            questions=_hold_questions(),
            said=said,
        )

    def _held_page(self, request: Request, who: Who, disclosure_id: UUID, said: Sent) -> Response:
        wanted = pb.ListHoldsRequest(page=common_pb2.Page(page_size=1), disclosure_id=str(disclosure_id))
        row = next(iter(self._door.services(who).sharing.ListHolds(wanted).holds), None)
        if row is None:
            raise NotFound
        by, kind = self._door.name(row.held_by), ERASED_KINDS[row.record_kind]
        return page(request, "hold.html", said.status, row=row, kind=kind, by=by, said=said)

    # what is told of a person -------------------------------------------------------------------------------------

    def extract_form(self, request: Request) -> Response:
        """Who has asked about themselves, and under which number."""
        self._door.allowed(request, OFFICER)
        return page(request, "extract.html", said=Sent())

    def extract(self, request: Request, form: Filled) -> Response:
        """All that the nämnd has told, and been told, about one person."""
        who = self._door.allowed(request, OFFICER, form)
        try:
            all_needed(form, ASKED)
            wanted = pb.ListDisclosuresAboutRequest(identity_numbers=_numbers(form.text("numbers")), case_number=form.text("request_no"))
            found = asked(lambda: self._door.services(who).sharing.ListDisclosuresAbout(wanted))
        except (Invalid, Conflict) as problem:
            said = form.wrong(problem)
            return page(request, "extract.html", said.status, said=said.at({"case_number": "request_no"}.get(said.field, said.field)))
        return page(
            request,
            "extract_told.html",
            numbers=list(wanted.identity_numbers),
            request_no=wanted.case_number,
            taken=f"{datetime.now(STOCKHOLM):%Y-%m-%d %H:%M}",
            authority=reference().units[who.caller.unit or ""].authority,
            told=[(row, STATES[row.state], json.loads(row.payload) if row.payload else None) for row in found.disclosures],
            heard=[(row, INBOUND_STATES[row.state]) for row in found.inbound],
        )


def _confirm(request: Request, going: list[tuple[str, str]], form: Sent) -> Response:
    return page(
        request,
        "confirm.html",
        form.status,
        heading="Gallra det här?",
        warning="Det som gallras kan ingen läsa igen. Det kan inte ångras.",
        rows=[*going, ("Gallringsbeslut", form.text("erasure_decision"))],
        action=ERASURE,
        send="Ja, gallra",
        said=form,
    )


def _number(text: str) -> str:
    """The number of what is to be kept, also as the end of an address. Raises Invalid."""
    try:
        return str(UUID(text.rstrip("/").rpartition("/")[2]))
    except ValueError:
        raise Invalid("disclosure_id: skriv numret som det står i registerutdraget.") from None


def _numbers(text: str) -> list[str]:
    """A number on each line. Raises Invalid."""
    lines = text.split()
    if len(lines) > NUMBERS_MAX:
        raise Invalid(f"numbers: skriv högst {NUMBERS_MAX} nummer.")
    try:
        return [IdentityNumber.parse(line, today()).digits for line in lines]
    except Invalid as fault:
        raise Invalid(f"numbers: {fault.message}") from None


def _at_the_diary(said: Sent) -> Sent:
    """A reason is a chosen word and a diary number: what is wrong with it is the number."""
    return said.at("diary_no") if said.field == "reason" else said
