"""Objects for an operation: chosen from the list or among the candidates; and the route of its day."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import route_pb2

from services.gateway import controls_words as words
from services.gateway.controls_frame import COORDINATOR, LEADS, Frame, Show, may_be_a_home, named, told, whole
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, answered
from services.gateway.web import page
from services.gateway.words import choices, sentence
from services.kernel.callers import Role
from services.kernel.errors import Conflict, Invalid, Unavailable
from services.kernel.reference import reference

ROWS = 25
CREWS = (1, 2, 3)
SEARCH_S = 5
FILTERS = ("stadsdel", "typ", "tips")
KEPT = (*FILTERS, "karta")
"""What stays in the address when an object has been added: the choice, and whether a map is beside it."""


def routes(door: Door) -> APIRouter:
    """The pages of choosing objects and of the route."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/insatser/{operation_id}/objekt", pages.choose, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/objekt", pages.add, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/karta", pages.map, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/rutt", pages.route_form, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/rutt", pages.suggest, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/rutt/beslut", pages.accept, methods=["POST"])
    return router


class _Pages(Frame):
    def choose(self, request: Request, operation_id: UUID) -> Response:
        """Objects to add, beside a map if one likes. With a filter they are candidates, most points first."""
        asked_for = Sent({name: [request.query_params.get(name, "")] for name in (*KEPT, "efter")})
        return self._choosing(request, operation_id)(self._door.allowed(request, COORDINATOR), asked_for, 200)

    def add(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """Take an object into the plan, and see the same list again."""
        wanted = pb.AddVisitRequest(**named(form, operation_id), object_id=form.text("object_id"))
        kept = {name: form.text(name) for name in (*KEPT, "efter") if form.text(name)}
        again = f"/insatser/{operation_id}/objekt" + (f"?{urlencode(kept)}" if kept else "") + "#lista"
        return self._done(
            request, COORDINATOR, form, lambda controls: controls.AddVisit(wanted), self._choosing(request, operation_id), again
        )

    def map(self, request: Request, operation_id: UUID) -> Response:
        """The operation's objects on a map beside the same list, for those who know the plan: the service says who."""
        who = self._door.allowed(request, LEADS)
        op = self._operation(who, operation_id)
        plans = who.role is Role.LOS_COORDINATOR and op.unit == who.caller.unit
        return page(
            request,
            "operation_map.html",
            op=op,
            times={planned.visit_id: planned for planned in op.timetable},
            server=request.app.state.map_server,
            back=f"/insatser/{operation_id}" if plans else f"/insatser/{operation_id}/dag",
        )

    def route_form(self, request: Request, operation_id: UUID) -> Response:
        """What the route is made from."""
        return self._routing(request, operation_id)(self._door.allowed(request, COORDINATOR), Sent(), 200)

    def suggest(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """A timetable for the day, and what does not fit and why; nothing is stored."""
        who, show = self._door.allowed(request, COORDINATOR, form), self._routing(request, operation_id)
        op = self._operation(who, operation_id)
        try:
            wanted = _route_asked(form, op)
            found = answered(lambda: self._controls(who).SuggestRoute(wanted))
        except Unavailable as problem:
            return show(who, Sent(form.values, "", problem.message), 503)
        except (Invalid, Conflict) as problem:
            return show(who, told(form, problem), 400 if isinstance(problem, Invalid) else 409)
        return self._route_page(request, op, form, found=found)

    def accept(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The timetable is decided, or taken away."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            visits = [_planned(text) for text in form.all("planned")]
            return controls.AcceptRoute(route_pb2.AcceptRouteRequest(**named(form, operation_id), visits=visits))

        return self._done(request, COORDINATOR, form, act, self._routing(request, operation_id), f"/insatser/{operation_id}")

    # ----------------------------------------------------------------------------------------------------------------

    def _choosing(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            rows, more = self._objects(who, said)
            op = self._operation(who, operation_id)
            asked_for = {name: said.text(name) for name in KEPT if said.text(name)}
            on_map = bool(said.text("karta"))
            other_view = {name: word for name, word in asked_for.items() if name != "karta"} | ({} if on_map else {"karta": "1"})
            return page(
                request,
                "operation_objects.html",
                status,
                op=op,
                rows=rows,
                more=urlencode({**asked_for, "efter": more}) if more else "",
                taken={visit.object_id for visit in op.visits},
                types=choices(reference().object_types),
                filters=(*KEPT, "efter"),
                filtered=any(name in asked_for for name in FILTERS),
                on_map=on_map,
                other_view=urlencode(other_view),
                server=request.app.state.map_server,
                said=said.about(self._seen(op)),
            )

        return show

    def _objects(self, who: Who, said: Sent) -> tuple[list[pb.CandidateRow], str]:
        """A page of objects, and where the next begins."""
        part = common_pb2.Page(page_size=ROWS, page_token=said.text("efter"))
        controls = self._controls(who)
        if not any(said.text(name) for name in FILTERS):
            listed = answered(lambda: controls.ListObjects(pb.ListObjectsRequest(page=part)))
            rows = [
                pb.CandidateRow(object_id=row.object_id, object=row.object, may_be_a_home=may_be_a_home(row.object))
                for row in listed.objects
            ]
            return rows, listed.next_page_token
        wanted = pb.ListCandidatesRequest(
            page=part, district=sentence(said.text("stadsdel")), object_type=said.text("typ"), only_with_tips=bool(said.text("tips"))
        )
        found = answered(lambda: controls.ListCandidates(wanted))
        return list(found.candidates), found.next_page_token

    def _routing(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            return self._route_page(request, self._operation(who, operation_id), said, status)

        return show

    def _route_page(
        self,
        request: Request,
        op: pb.GetOperationResponse,
        said: Sent,
        status: int = 200,
        found: route_pb2.SuggestRouteResponse | None = None,
    ) -> Response:
        came = [row.receiver_kind for row in op.participations if row.answer != common_pb2.INVITATION_ANSWER_DECLINED]
        return page(
            request,
            "operation_route.html",
            status,
            op=op,
            parties=[(code, words.party(code)) for code in (*([op.unit] if op.own_control_ground_id else []), *came)],
            visits={visit.visit_id: visit for visit in op.visits},
            crews=CREWS,
            accept=Sent().about(self._seen(op)),
            found=found,
            said=said,
        )


def _route_asked(form: Sent, op: pb.GetOperationResponse) -> route_pb2.SuggestRouteRequest:
    """What the coordinator says about the day. Raises Invalid."""
    crews = []
    for number in CREWS:
        people = _number(form, f"people_{number}", "ange hur många som ingår i laget.")
        if people:
            crews.append(route_pb2.RouteCrew(name=f"Lag {number}", has=form.all(f"has_{number}"), people=people))
    if not crews:
        raise Invalid("people_1: ange hur många som ingår i minst ett lag.")
    visits = [
        route_pb2.RouteVisit(
            visit_id=visit.visit_id,
            minutes=_number(form, f"minutes_{visit.position}", "ange minuter med siffror.") or 0,
            needs=form.all(f"needs_{visit.position}"),
        )
        for visit in op.visits
    ]
    return route_pb2.SuggestRouteRequest(
        operation_id=op.operation_id,
        crews=crews,
        visits=visits,
        assembly_north_m=_number(form, "assembly_north_m", "ange meter med siffror."),
        assembly_east_m=_number(form, "assembly_east_m", "ange meter med siffror."),
        time_limit_s=SEARCH_S,
    )


def _number(form: Sent, name: str, message: str) -> int | None:
    try:
        return whole(form.text(name))
    except ValueError:
        raise Invalid(f"{name}: {message}") from None


def _planned(text: str) -> route_pb2.PlannedVisit:
    """One row of the suggestion as the form carries it. Raises Invalid."""
    try:
        visit_id, crew, arrival, leave = text.split("|")
        return route_pb2.PlannedVisit(visit_id=visit_id, crew=crew, arrival=_instant(arrival), leave=_instant(leave))
    except ValueError:
        raise Invalid("Tiderna gick inte att läsa. Räkna ut rutten igen.") from None


def _instant(text: str) -> Timestamp:
    message = Timestamp()
    message.FromJsonString(text)
    return message
