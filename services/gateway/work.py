"""The officer's and the coordinator's own work: what waits for a decision, for a colleague, and what is to be carried out."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as registry
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway import controls_start, figures, files, landlord, law, oversight
from services.gateway.cases import FLAGGERS
from services.gateway.deciding import OFFICERS
from services.gateway.door import Door, Who
from services.gateway.web import page
from services.gateway.words import ALERT_STATES, CASE_PATHS, PAYMENT_STATES, ROLES, TASKS
from services.kernel.callers import Role

ROWS = 50
ALERT_LISTERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER})
PAYMENT_LISTERS = frozenset({Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER})


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
        new=_cases(door, who, registry.WORK_LIST_NEW),
        mine=_cases(door, who, registry.WORK_LIST_MINE),
        due=_cases(door, who, registry.WORK_LIST_DUE),
        has_cases=who.role in ALERT_LISTERS | PAYMENT_LISTERS,
        may_flag=who.role in FLAGGERS,
        has_files=who.role in files.READS,
        control=controls_start.control(door, who),
    )


class Case(NamedTuple):
    """A case in a list of work: nothing that says whom it is about."""

    record_kind: str
    path: str
    state: str
    due_date: str
    registered_time: Timestamp


def _cases(door: Door, who: Who, work: registry.WorkList.ValueType) -> list[Case]:
    """The person's cases of both kinds: as far as their role may list them."""
    found: list[Case] = []
    services, all_rows = door.services(who).registry, common_pb2.Page(page_size=ROWS)
    if who.role in ALERT_LISTERS:
        kind = "folkbokforing_alert"
        for alert in services.ListAlerts(registry.ListAlertsRequest(page=all_rows, list=work)).alerts:
            state, path = ALERT_STATES[alert.state], f"{CASE_PATHS[kind]}/{alert.alert_id}"
            found.append(Case(kind, path, state, alert.due_date, alert.registered_time))
    if who.role in PAYMENT_LISTERS:
        kind = "suspected_payment"
        for payment in services.ListSuspectedPayments(registry.ListSuspectedPaymentsRequest(page=all_rows, list=work)).payments:
            state, path = PAYMENT_STATES[payment.state], f"{CASE_PATHS[kind]}/{payment.payment_id}"
            found.append(Case(kind, path, state, payment.due_date, payment.registered_time))
    return sorted(found, key=lambda case: (case.due_date, case.registered_time.ToDatetime()))


def _flagging(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "flagging.html", role=ROLES[who.role])


def _tips(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "tip_start.html", role=ROLES[who.role])


def _nothing(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    return page(request, "nothing.html", role=ROLES[who.role], tasks=TASKS.get(who.role, ()))


WORK: Mapping[Role, Callable[[Door, Request, Who], Response]] = dict.fromkeys(OFFICERS, _work) | {
    Role.LANDLORD_REPORTER: landlord.reports,
    Role.CASE_OFFICER: _flagging,
    Role.SECURITY_COORDINATOR: _tips,
    Role.JURIST: law.start,
    Role.SECURITY_OFFICER: oversight.start,
    Role.SECURITY_CHIEF: figures.start,
    Role.ANALYST: figures.start,
}
