"""The day's sheet on a phone: the field lead's steps, and what each inspector records. One form a step; sent twice, the same answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2 as findings

from services.gateway import controls_words as words
from services.gateway.controls import answer_of, found_needed, summary_of
from services.gateway.controls_found import FINISHES, INSPECTORS, VisitFrame, visit_of
from services.gateway.controls_frame import LEADS, Act, Show, at, clock_in, hours, local, named, whole
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, all_needed, answered, chosen
from services.gateway.web import page
from services.gateway.words import choices, options
from services.kernel.callers import Role
from services.kernel.clock import SKEW_MAX, instant, timestamp
from services.kernel.errors import Conflict, Invalid, NotFound

ROWS = 50
_Timed = Callable[[Any, Timestamp | None], object]


def routes(door: Door) -> APIRouter:
    """The pages of the day."""
    router, pages = APIRouter(), _Pages(door)
    visit = "/insatser/{operation_id}/besok/{visit_id}"
    router.add_api_route("/inbjudningar/{operation_id}", pages.invitation, methods=["GET"])
    router.add_api_route("/inbjudningar/{operation_id}", pages.answer, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/dag", pages.day, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/dag/genomgang", pages.brief, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/dag/start", pages.start, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/dag/slut", pages.complete, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/dag/aterrapport", pages.summarise, methods=["POST"])
    router.add_api_route(visit, pages.visit, methods=["GET"])
    router.add_api_route(f"{visit}/kom", pages.arrive, methods=["POST"])
    router.add_api_route(f"{visit}/klart", pages.finish, methods=["POST"])
    return router


class _Pages(VisitFrame):
    def invitation(self, request: Request, operation_id: UUID) -> Response:
        """What an invited unit knows, and its answer."""
        return self._invited(request, operation_id)(self._door.allowed(request, LEADS), Sent(), 200)

    def answer(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The own unit's answer."""
        unit = self._door.allowed(request, LEADS, form).caller.unit or ""
        return self._done(
            request,
            LEADS,
            form,
            lambda controls: controls.AnswerInvitation(answer_of(form, operation_id, unit)),
            self._invited(request, operation_id),
            "/",
        )

    def day(self, request: Request, operation_id: UUID) -> Response:
        """The visits in their order, and the step that is next."""
        return self._shown(request, operation_id)(self._door.allowed(request, LEADS), Sent(), 200)

    def brief(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The lead has assessed the risks and signs."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            needs = {"risk_level": "Välj hur stor risken är.", "assembly_point": "Skriv var ni samlas."}
            if form.text("risk_level") not in {"", "low"}:
                needs["risk_measures"] = "Skriv vad ni gör för att dagen ska bli säker."
            all_needed(form, needs)
            risk = chosen(form, "risk_level", words.RISKS)
            texts: dict[str, Any] = {name: form.text(name) for name in ("risk_measures", "assembly_point")}
            return controls.BriefOperation(pb.BriefOperationRequest(**named(form, operation_id), risk_level=risk, **texts))

        return self._back(request, operation_id, form, act)

    def start(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The day begins."""
        return self._timed(request, operation_id, form, pb.StartOperationRequest, "StartOperation", pb.OPERATION_STATE_IN_PROGRESS)

    def complete(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The day is over."""
        return self._timed(request, operation_id, form, pb.CompleteOperationRequest, "CompleteOperation", pb.OPERATION_STATE_COMPLETED)

    def summarise(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """What the own unit found, by area."""
        unit = self._door.allowed(request, INSPECTORS, form).caller.unit or ""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            all_needed(form, found_needed(form))
            return controls.RecordSummary(summary_of(form, operation_id, unit))

        return self._back(request, operation_id, form, act)

    def visit(self, request: Request, operation_id: UUID, visit_id: UUID) -> Response:
        """One visit: its steps, the own checklist, what is recorded."""
        return self._visit_shown(request, operation_id, visit_id)(self._door.allowed(request, LEADS), Sent(), 200)

    def arrive(self, request: Request, operation_id: UUID, visit_id: UUID, form: Filled) -> Response:
        """Somebody has come to the object."""

        def act(controls: Any, when: Timestamp | None) -> object:  # noqa: ANN401  # a stub
            return controls.StartVisit(pb.StartVisitRequest(request_id=form.request_id, visit_id=str(visit_id), occurred_time=when))

        return self._visited(request, operation_id, visit_id, form, act, lambda visit: visit.state == pb.VISIT_STATE_ON_SITE)

    def finish(self, request: Request, operation_id: UUID, visit_id: UUID, form: Filled) -> Response:
        """Done, not open, or aborted."""

        def act(controls: Any, when: Timestamp | None) -> object:  # noqa: ANN401  # a stub
            aborted = {"reason_code": "Välj varför ni fick avbryta."} if form.text("outcome") == "aborted" else {}
            all_needed(form, {"outcome": "Välj hur det gick.", **aborted})
            outcome = chosen(form, "outcome", FINISHES)
            try:
                count = whole(form.text("persons_checked_count"))
            except ValueError:
                raise Invalid("persons_checked_count: ange ett antal med siffror.") from None
            return controls.FinishVisit(
                pb.FinishVisitRequest(
                    request_id=form.request_id,
                    visit_id=str(visit_id),
                    occurred_time=when,
                    outcome=outcome,
                    persons_checked_count=count,
                    reason_code=form.text("reason_code"),
                )
            )

        def is_done(visit: pb.Visit) -> bool:
            known = str(visit.persons_checked_count) if visit.HasField("persons_checked_count") else ""
            told = {"done": known == form.text("persons_checked_count"), "aborted": visit.reason_code == form.text("reason_code")}
            return visit.state == chosen(form, "outcome", FINISHES) and told.get(form.text("outcome"), True)

        return self._visited(request, operation_id, visit_id, form, act, is_done)

    # ----------------------------------------------------------------------------------------------------------------

    def _back(self, request: Request, operation_id: UUID, form: Sent, act: Callable[[Any], object]) -> Response:
        return self._done(request, LEADS, form, act, self._shown(request, operation_id), f"/insatser/{operation_id}/dag")

    def _timed(self, request: Request, operation_id: UUID, form: Sent, message: Any, method: str, after: int) -> Response:  # noqa: ANN401  # a type
        def act(controls: Any, when: Timestamp | None) -> object:  # noqa: ANN401  # a stub
            return getattr(controls, method)(message(**named(form, operation_id), occurred_time=when))

        step = self._step(request, operation_id, form, act, lambda op: op.state == after)
        return self._back(request, operation_id, form, step)

    def _visited(
        self, request: Request, operation_id: UUID, visit_id: UUID, form: Sent, act: _Timed, is_done: Callable[[pb.Visit], bool]
    ) -> Response:
        step = self._step(request, operation_id, form, act, lambda op: is_done(visit_of(op, visit_id)))
        show = self._visit_shown(request, operation_id, visit_id)
        path = f"/insatser/{operation_id}/dag" if form.text("outcome") else f"/insatser/{operation_id}/besok/{visit_id}"
        return self._done(request, LEADS, form, step, show, path)

    def _step(
        self, request: Request, operation_id: UUID, form: Sent, act: _Timed, is_done: Callable[[pb.GetOperationResponse], bool]
    ) -> Act:
        """A step of the lead's with its time. What the same lead has done on another page is not done again, nor wrong.

        But a time that was written is the lead's word, and says so when another one is known.
        """
        who = self._door.allowed(request, LEADS, form)
        op = self._operation(who, operation_id)

        def step(controls: Any) -> object:  # noqa: ANN401  # a stub
            when = _when(form, op)
            try:
                return answered(lambda: act(controls, when))
            except Conflict:
                now = self._operation(who, operation_id)
                if form.text("clock") or now.field_lead != who.caller.person or not is_done(now):
                    raise
                return now

        return step

    def _invited(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            row = next((row for row in invitations(self._door, who) if row.operation_id == str(operation_id)), None)
            if row is None:
                raise NotFound
            unit = who.caller.unit or ""
            return page(
                request,
                "invitation.html",
                status,
                row=row,
                grounds=words.grounds_of(unit),
                answers=options(words.ANSWERS),
                parts=options(words.PARTS),
                said=said,
            )

        return show

    def _shown(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            op = self._operation(who, operation_id)
            lists = self._controls(who).GetChecklists(findings.GetChecklistsRequest())
            unit = who.caller.unit
            own = [row for row in lists.checklists if row.authority == unit]
            own_areas = {item.area for row in own for item in row.items}
            tells = who.role is Role.INSPECTOR and op.state == pb.OPERATION_STATE_COMPLETED
            return page(
                request,
                "day.html",
                status,
                op=op,
                visits=_in_order(op),
                times={planned.visit_id: planned for planned in op.timetable},
                hours=hours(op.planned_start, op.planned_end),
                leads=op.field_lead == who.caller.person,
                coordinates=who.role is Role.LOS_COORDINATOR and op.unit == unit,
                risks=options(words.RISKS),
                own=own,
                areas=choices(area for area in lists.areas if area.code in own_areas),
                tells=tells and unit in {*op.summaries_missing, *(row.party for row in op.summaries)},
                told={row.party for row in op.summaries},
                unit=unit,
                states=pb,
                sent_to=request.url.path,
                said=(said if said.values else Sent({"assembly_point": [op.assembly_point]})).about(self._seen(op)),
            )

        return show


def invitations(door: Door, who: Who) -> list[pb.OperationRow]:
    """The operations that the person's unit is invited to and, for an inspector, those of its own where it inspects."""
    wanted = pb.ListOperationsRequest(page=common_pb2.Page(page_size=ROWS), invited=True)
    return list(door.services(who).controls.ListOperations(wanted).operations)


def _in_order(op: pb.GetOperationResponse) -> list[pb.Visit]:
    """The visits as the timetable has them; those without a time last."""
    times = {planned.visit_id: instant(planned.arrival) for planned in op.timetable}
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(op.visits, key=lambda visit: (times.get(visit.visit_id, last), visit.position))


def _when(form: Sent, op: pb.GetOperationResponse) -> Timestamp | None:
    """When a step was done, by the lead's clock: on the operation's first day, or its last once that has come. None: now.

    With nothing written it is when the button was pressed, which the page's script says: without a connection it is sent later.
    """
    if not form.text("clock"):
        return _pressed(form.text("pressed"))
    clock, latest = clock_in(form, "clock"), datetime.now(UTC) + SKEW_MAX
    first, last = (at(local(moment).date(), clock) for moment in (op.planned_start, op.planned_end))
    return last if instant(last) <= latest else first


def _pressed(text: str) -> Timestamp | None:
    """An instant as a script writes it; None for none. Raises Invalid."""
    if not text:
        return None
    try:
        return timestamp(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Invalid("clock: ange klockslaget.") from None
