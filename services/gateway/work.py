"""The officer's and the coordinator's own work: what waits for a decision, for a colleague, and what is to be carried out."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway import archive, controls_start, figures, files, landlord, law, oversight, suppliers
from services.gateway.case_lists import LISTERS, LISTS, first_cases
from services.gateway.cases import FLAGGERS
from services.gateway.deciding import OFFICERS
from services.gateway.door import KEPT_PATH, Door, Who
from services.gateway.forms import AGAIN, Filled
from services.gateway.told import DECIDERS
from services.gateway.web import go_to, page
from services.gateway.words import ROLES
from services.kernel.callers import Role
from services.kernel.pages import PAGE_SIZE_MAX


def routes(door: Door) -> APIRouter:
    """The start page and the work list."""
    router = APIRouter()

    @router.get("/")
    def start(request: Request) -> Response:
        """What los is, to a stranger; the work, to those who have it."""
        who = door.who(request)
        if who is None:
            return page(request, "start.html")
        return WORK[who.role](door, request, who)

    @router.get("/tillganglighet")
    def accessibility(request: Request) -> Response:
        """The accessibility report that DIGG asks for."""
        door.who(request)
        return page(request, "accessibility.html")

    @router.get(KEPT_PATH)
    def go_on(request: Request) -> Response:
        """What was written when the session ended, to go on with."""
        return page(request, "kept.html", forms=door.kept_forms(request, door.require(request)), again=AGAIN)

    @router.post(KEPT_PATH)
    def throw_away(request: Request, form: Filled) -> Response:
        """Nobody wants it any more."""
        door.require_form(door.require(request), form.text("csrf"))  # such a form is not one to keep
        if AGAIN not in form.values:
            door.forget_forms(request)
        return go_to("/")

    return router


def _work(door: Door, request: Request, who: Who) -> Response:
    sharing = door.services(who).sharing
    all_rows = common_pb2.Page(page_size=PAGE_SIZE_MAX)
    offers = sharing.ListOffers(pb.ListOffersRequest(page=all_rows, states=[pb.OFFER_STATE_WAITING])).offers
    tasks = sharing.ListDisclosures(pb.ListDisclosuresRequest(page=all_rows, open_tasks=True)).disclosures
    approve = sharing.ListDisclosures(pb.ListDisclosuresRequest(page=all_rows, states=[pb.DISCLOSURE_STATE_AWAITING_APPROVAL])).disclosures
    lists = {name: first_cases(door, who, name) for name in LISTS}
    return page(
        request,
        "work.html",
        role=ROLES[who.role],
        rows_max=PAGE_SIZE_MAX,
        to_decide=[row for row in offers if who.role in DECIDERS.get(row.record_kind, {who.role})],
        to_approve=[row for row in approve if not row.approval_bar],
        waiting=[row for row in approve if row.approval_bar],
        tasks=tasks,
        lists=lists,
        marks={case.path: case for found in lists.values() for case in found.cases},
        has_cases=any(who.role in roles for roles in LISTERS.values()),
        may_flag=who.role in FLAGGERS,
        has_files=who.role in files.READS,
        control=controls_start.control(door, who),
    )


def _flagging(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "flagging.html", role=ROLES[who.role], buys=suppliers.checks_suppliers(who.caller.unit))


def _tips(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "tip_start.html", role=ROLES[who.role])


WORK: Mapping[Role, Callable[[Door, Request, Who], Response]] = dict.fromkeys(OFFICERS, _work) | {
    Role.LANDLORD_REPORTER: landlord.reports,
    Role.CASE_OFFICER: _flagging,
    Role.SECURITY_COORDINATOR: _tips,
    Role.JURIST: law.start,
    Role.RECORDS_OFFICER: archive.start,
    Role.SECURITY_OFFICER: oversight.start,
    Role.SECURITY_CHIEF: figures.start,
    Role.ANALYST: figures.start,
}
