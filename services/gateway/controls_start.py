"""The coordinator's and the inspector's start: what is coming, tips that wait, what is left after operations."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2, tips_pb2

from services.gateway import controls_words as words
from services.gateway.controls_day import invitations
from services.gateway.controls_frame import COORDINATOR, Frame
from services.gateway.door import Door, Who
from services.gateway.web import page
from services.gateway.words import choices
from services.kernel.callers import Role

ROWS = 50
BOARD_ROWS = 20


@dataclass(frozen=True, slots=True)
class Control:
    """What a start page shows of operations; `tips` and `after` are the coordinator's alone."""

    coming: Sequence[pb.OperationRow]
    invited: Sequence[pb.OperationRow]
    tips: Sequence[tips_pb2.Tip]
    after: Sequence[findings_pb2.OperationAfterWork]
    plans: bool


def control(door: Door, who: Who) -> Control | None:
    """The operations of a start page; None for a role that has none."""
    if who.role is Role.INSPECTOR:
        return Control([], _first_first(invitations(door, who)), [], [], plans=False)
    if who.role not in COORDINATOR:
        return None
    controls, part = door.services(who).controls, common_pb2.Page(page_size=ROWS)
    coming = controls.ListOperations(pb.ListOperationsRequest(page=part, states=words.COMING)).operations
    waiting = [tip for state in words.WAITING_TIPS for tip in controls.ListTips(tips_pb2.ListTipsRequest(page=part, state=state)).tips]
    after = controls.ListAfterWork(findings_pb2.ListAfterWorkRequest(page=common_pb2.Page(page_size=BOARD_ROWS))).operations
    invited = invitations(door, who) if words.supervises(who.caller.unit or "") else []
    return Control(_first_first(coming), _first_first(invited), waiting, after, plans=True)


def routes(door: Door) -> APIRouter:
    """The board of what is left."""
    router = APIRouter()
    router.add_api_route("/efterarbete", _Pages(door).board, methods=["GET"])
    return router


class _Pages(Frame):
    def board(self, request: Request, efter: str = "") -> Response:
        """What is left after each operation, by authority: flags and counts, and what owners let be seen."""
        who = self._door.allowed(request, COORDINATOR)
        controls = self._controls(who)
        part = common_pb2.Page(page_size=BOARD_ROWS, page_token=efter)
        found = controls.ListAfterWork(findings_pb2.ListAfterWorkRequest(page=part))
        lists = controls.GetChecklists(findings_pb2.GetChecklistsRequest())
        return page(
            request,
            "after_work.html",
            operations=found.operations,
            more=found.next_page_token,
            areas=dict(choices(lists.areas)),
            kinds=words.measure_types(lists.checklists),
        )


def _first_first(rows: Sequence[pb.OperationRow]) -> list[pb.OperationRow]:
    """The nearest day first."""
    return sorted(rows, key=lambda row: (row.window_start, row.planned_start.ToNanoseconds(), row.label))
