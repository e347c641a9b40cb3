"""Lists of cases: what nobody has handled, one's own, and what is due. The start page has the first of each; the rest is here."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.gateway.door import Door, Who
from services.gateway.web import page
from services.gateway.words import ALERT_STATES, CASE_PATHS, PAYMENT_STATES, sentence, word
from services.kernel.callers import Role
from services.kernel.reference import reference

ROWS = 50
LISTERS = {
    "folkbokforing_alert": frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER}),
    "suspected_payment": frozenset({Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER}),
}
LISTS = {
    "tid": ("Har en tid", pb.WORK_LIST_DUE),
    "nya": ("Nya ärenden", pb.WORK_LIST_NEW),
    "mina": ("Mina öppna ärenden", pb.WORK_LIST_MINE),
}
KINDS = {"folkbokforing_alert": "misstänkta fel i folkbokföringen", "suspected_payment": "misstänkta felaktiga utbetalningar"}


class Case(NamedTuple):
    """A case in a list of work: nothing that says whom it is about. `mark`: what tells it from the others, its number or what was seen."""

    record_kind: str
    path: str
    state: str
    due_date: str
    registered_time: Timestamp
    mark: str


class CaseList(NamedTuple):
    """The first cases of a list, and where the rest of each kind is."""

    cases: list[Case]
    more: list[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.cases)


def routes(door: Door) -> APIRouter:
    """A page for each list of each kind."""
    router = APIRouter()
    for kind in LISTERS:
        for name in LISTS:
            router.add_api_route(_path(kind, name), _list_page(door, kind, name), methods=["GET"])
    return router


def first_cases(door: Door, who: Who, name: str) -> CaseList:
    """The first of the person's cases of both kinds, as far as their role may list them."""
    found: list[Case] = []
    more = []
    for kind, roles in LISTERS.items():
        if who.role in roles:
            cases, after = _cases(door, who, kind, name, "")
            found += cases
            if after:
                more.append((f"Alla {KINDS[kind]}", _path(kind, name)))
    return CaseList(sorted(found, key=lambda case: (case.due_date, case.registered_time.ToDatetime())), more)


def _path(kind: str, name: str) -> str:
    return f"/arbete{CASE_PATHS[kind]}/{name}"


def _cases(door: Door, who: Who, kind: str, name: str, after: str) -> tuple[list[Case], str]:
    """A page of one list of one kind, and what the next one begins after."""
    registry: Any = door.services(who).registry
    part, work = common_pb2.Page(page_size=ROWS, page_token=after), LISTS[name][1]
    if kind == "suspected_payment":
        payments = registry.ListSuspectedPayments(pb.ListSuspectedPaymentsRequest(page=part, list=work))
        rows = [(row.payment_id, PAYMENT_STATES[row.state], row, row.case_number) for row in payments.payments]
        return [_case(kind, *row) for row in rows], payments.next_page_token
    alerts = registry.ListAlerts(pb.ListAlertsRequest(page=part, list=work))
    return [_case(kind, row.alert_id, ALERT_STATES[row.state], row, _seen(row)) for row in alerts.alerts], alerts.next_page_token


def _seen(row: pb.AlertRow) -> str:
    return sentence(", ".join(word(reference().observations, code) for code in row.observation_types))


def _case(kind: str, record_id: str, state: str, row: Any, mark: str) -> Case:  # noqa: ANN401  # a row of either list
    return Case(kind, f"{CASE_PATHS[kind]}/{record_id}", state, row.due_date, row.registered_time, mark)


def _list_page(door: Door, kind: str, name: str) -> Callable[..., Response]:
    def shown(request: Request, efter: str = "") -> Response:
        """One list, a page at a time."""
        cases, after = _cases(door, door.allowed(request, LISTERS[kind]), kind, name, efter)
        heading = f"{LISTS[name][0]}: {KINDS[kind]}"
        return page(request, "case_list.html", heading=heading, rows=cases, here=_path(kind, name), after=after, begun=bool(efter))

    return shown
