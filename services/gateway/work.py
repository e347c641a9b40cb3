"""The officer's and the coordinator's own work: what waits for a decision, for a colleague, and what is to be carried out."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway import landlord
from services.gateway.door import Door, Who
from services.gateway.web import page
from services.gateway.words import ROLES
from services.kernel.callers import Role

ROWS = 50
OFFICERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.LOS_COORDINATOR, Role.INSPECTOR})


def routes(door: Door) -> APIRouter:
    """The start page and the work list."""
    router = APIRouter()

    @router.get("/")
    def start(request: Request) -> Response:
        """What los is, to a stranger; the work, to those who have it."""
        who = door.who(request)
        if who is None:
            return page(request, "start.html")
        return WORK.get(who.role, _nothing)(door, request, who)

    @router.get("/tillganglighet")
    def accessibility(request: Request) -> Response:
        """The accessibility report that DIGG asks for."""
        door.who(request)
        return page(request, "accessibility.html")

    return router


def _work(door: Door, request: Request, who: Who) -> Response:
    sharing = door.services(who).sharing
    all_rows = common_pb2.Page(page_size=ROWS)
    offers = sharing.ListOffers(pb.ListOffersRequest(page=all_rows, states=[pb.OFFER_STATE_WAITING])).offers
    tasks = sharing.ListDisclosures(pb.ListDisclosuresRequest(page=all_rows, open_tasks=True)).disclosures
    approve = sharing.ListDisclosures(pb.ListDisclosuresRequest(page=all_rows, states=[pb.DISCLOSURE_STATE_AWAITING_APPROVAL])).disclosures
    return page(
        request,
        "work.html",
        role=ROLES[who.role],
        to_decide=offers,
        to_approve=[row for row in approve if row.decided_by != who.caller.person],
        waiting=[row for row in approve if row.decided_by == who.caller.person],
        tasks=tasks,
    )


def _nothing(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "nothing.html", role=ROLES[who.role])


WORK: Mapping[Role, Callable[[Door, Request, Who], Response]] = dict.fromkeys(OFFICERS, _work) | {Role.LANDLORD_REPORTER: landlord.reports}
