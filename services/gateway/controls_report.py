"""The report of an operation, when its day has been: what was visited, who came, what they have told. No person, and nobody's home."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2 as findings

from services.gateway import controls_words as words
from services.gateway.controls_frame import COORDINATOR, Frame, hours, local, may_be_a_home, place
from services.gateway.door import Door
from services.gateway.reports import Report, Table, Value, answer
from services.gateway.words import choices
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import NotFound

NOT_NAMED = "Anges inte: kan vara någons hem"
VISITS = ("Besök", "Objekt", "Stadsdel", "Typ", "Utfall", "Kontrollerade personer")
PARTIES = ("Vem", "Svar", "Deltog", "Återrapport", "Brister inom", "Öppna åtgärder")
MEASURES = ("Vem", "Åtgärd", "Läge", "Kronor", "Beslutad")
ANSWERS = {number: said for said, number in words.ANSWERS.values()}
PARTS = {number: said for said, number in words.PARTS.values()}


def routes(door: Door) -> APIRouter:
    """The report."""
    router = APIRouter()
    router.add_api_route("/insatser/{operation_id}/rapport.{kind}", _Pages(door).report, methods=["GET"])
    return router


class _Pages(Frame):
    def report(self, request: Request, operation_id: UUID, kind: str) -> Response:
        """The report as a file, in one click. Raises NotFound before the day."""
        who = self._door.allowed(request, COORDINATOR)
        op = self._operation(who, operation_id)
        if kind not in {"pdf", "xlsx"} or op.state in words.BEFORE_OR_NEVER:
            raise NotFound
        controls = self._controls(who)
        wanted = findings.ListAfterWorkRequest(page=common_pb2.Page(page_size=1), operation_id=str(operation_id))
        (board,) = controls.ListAfterWork(wanted).operations
        lists = controls.GetChecklists(findings.GetChecklistsRequest())
        kinds = words.measure_types(lists.checklists)
        facts = [
            ("Insats", op.label),
            ("När", hours(op.planned_start, op.planned_end)),
            ("Syfte", op.purpose),
            ("Samordnas av", words.party(op.unit)),
            ("Läge", words.short(words.OPERATIONS[op.state])),
            ("Uttagen", f"{datetime.now(STOCKHOLM):%Y-%m-%d %H:%M}, {who.caller.unit}"),
            (
                "Läs så här",
                "Rapporten säger att något är gjort eller kvar. Vad en myndighet har sett är dess eget, om den inte har berättat.",
            ),
        ]
        tables = [
            Table("Besök", "", VISITS, [_visit(visit) for visit in op.visits]),
            Table("Deltagare", "", PARTIES, _parties(op, board, dict(choices(lists.areas)))),
            Table("Åtgärder", "Sådana som de som har fattat dem låter er se.", MEASURES, _measures(board, kinds)),
        ]
        return answer(Report(f"Rapport {op.label}", facts, tables), kind, f"rapport-{local(op.planned_start):%Y-%m-%d}")


def _visit(visit: pb.Visit) -> list[Value]:
    named = NOT_NAMED if may_be_a_home(visit.object) else place(visit.object)
    count: Value = visit.persons_checked_count if visit.HasField("persons_checked_count") else "–"
    return [visit.position, named, visit.object.district, visit.object.object_type, words.VISITS[visit.state], count]


def _parties(op: pb.GetOperationResponse, board: findings.OperationAfterWork, areas: Mapping[str, str]) -> list[list[Value]]:
    """The own unit, if it inspected, and everybody who was asked, whatever they answered."""
    asked = {one.receiver_kind: one for one in op.participations}
    told = {one.party: one for one in op.summaries}
    left = {one.authority: one for one in board.authorities}
    return [
        [
            words.party(code),
            ANSWERS.get(asked[code].answer, "Har inte svarat") if code in asked else "–",
            PARTS.get(asked[code].role, "–") if code in asked else "Samordnar",
            "Lämnad" if code in told else "Saknas" if code in left else "–",
            ", ".join(areas.get(area, area) for area in told[code].areas) or "Inget att rapportera" if code in told else "–",
            left[code].measures_open if code in left else "–",
        ]
        for code in {**left, **asked}
    ]


def _measures(board: findings.OperationAfterWork, kinds: Mapping[str, str]) -> list[list[Value]]:
    return [
        [
            words.party(row.authority),
            kinds.get(one.measure_type, one.measure_type),
            words.MEASURES[one.state],
            Decimal(one.terms.amount_sek) if one.terms.amount_sek else "–",
            one.terms.decided_date or "–",
        ]
        for row in board.authorities
        for one in row.told_measures
    ]
