"""The coordinator's operations: planned, changed, invited to, confirmed, postponed, cancelled, followed up."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2, route_pb2

from services.gateway import controls_words as words
from services.gateway.controls_frame import COORDINATOR, LEADS, Frame, Show, hours, local, named, span, told
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, all_needed, asked, chosen, needed
from services.gateway.web import go_to, page
from services.gateway.words import Choice, choices, options
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

PLANNABLE = frozenset({pb.OPERATION_STATE_DRAFT, pb.OPERATION_STATE_PLANNED, pb.OPERATION_STATE_POSTPONED})
CHANGEABLE = PLANNABLE | {pb.OPERATION_STATE_CONFIRMED, pb.OPERATION_STATE_BRIEFED}
ROUTABLE = frozenset({pb.OPERATION_STATE_DRAFT, pb.OPERATION_STATE_PLANNED, pb.OPERATION_STATE_CONFIRMED})
ON_ITS_DAY = frozenset({pb.OPERATION_STATE_CONFIRMED, pb.OPERATION_STATE_BRIEFED, pb.OPERATION_STATE_IN_PROGRESS})
PLAN_WORDS = {
    "purpose": "Syfte",
    "day": "Dag",
    "starts": "Från klockan",
    "ends": "Till klockan",
    "assembly_point": "Samlingsplats",
    "safety_code": "Säkerhetskod",
    "field_lead": "Insatsledare",
}
PLAN_NEEDED = {
    "purpose": "Skriv vad insatsen är till för.",
    "day": "Ange en dag.",
    "starts": "Ange ett klockslag, till exempel 18:30.",
    "ends": "Ange ett klockslag, till exempel 18:30.",
}
AFTER = {
    "aterrapporterad": (pb.ReportOperationRequest, "ReportOperation"),
    "uppfoljd": (pb.FollowUpOperationRequest, "FollowUpOperation"),
    "avsluta": (pb.CloseOperationRequest, "CloseOperation"),
}


def routes(door: Door) -> APIRouter:
    """The pages of planning and of what follows."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/insatser/ny", pages.new, methods=["GET"])
    router.add_api_route("/insatser/ny", pages.plan, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}", pages.operation, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/plan", pages.plan_form, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/plan", pages.update, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/besok/{visit_id}/bort", pages.remove, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/inbjudan", pages.invite, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/svar", pages.answer, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/bekraftelse", pages.confirm, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/stopp", pages.stop_form, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/stopp", pages.stop, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/kalender", pages.calendar, methods=["GET"])
    router.add_api_route("/insatser/{operation_id}/aterrapport", pages.summarise, methods=["POST"])
    router.add_api_route("/insatser/{operation_id}/efter/{act}", pages.after, methods=["POST"])
    return router


class _Pages(Frame):
    def new(self, request: Request, dag: str = "") -> Response:
        """An empty plan; `dag`: chosen in the calendar."""
        return self._plan_page(request, self._door.allowed(request, COORDINATOR), Sent({"day": [dag]}))

    def plan(self, request: Request, form: Filled) -> Response:
        """Draft the operation; its page is next."""
        who = self._door.allowed(request, COORDINATOR, form)
        try:
            all_needed(form, {"label": "Skriv insatsens nummer, till exempel LOS-2026-07."} | PLAN_NEEDED)
            wanted = pb.PlanOperationRequest(
                request_id=form.request_id,
                label=form.text("label"),
                own_control_ground_id=form.text("own_control_ground_id"),
                **self._plan_of(who, form),
            )
            made = asked(lambda: self._controls(who).PlanOperation(wanted))
        except (Invalid, Conflict) as problem:
            return self._plan_page(request, who, told(form, problem))
        return go_to(f"/insatser/{made.operation_id}")

    def operation(self, request: Request, operation_id: UUID) -> Response:
        """An operation whole, with what can be done now."""
        return self._shown(request, operation_id)(self._door.allowed(request, COORDINATOR), Sent(), 200)

    def plan_form(self, request: Request, operation_id: UUID) -> Response:
        """The plan, to be put right."""
        who = self._door.allowed(request, COORDINATOR)
        known = self._operation(who, operation_id)
        return self._plan_page(request, who, Sent({name: [value] for name, value in _written(known).items()}), known)

    def update(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """Put the plan right. Changed by somebody else meanwhile: both are shown, field by field, and nothing is lost."""
        who = self._door.allowed(request, COORDINATOR, form)

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            return controls.UpdatePlan(pb.UpdatePlanRequest(**named(form, operation_id), **self._plan_of(who, form)))

        def show(who: Who, said: Sent, status: int) -> Response:
            return self._plan_page(request, who, said, self._operation(who, operation_id), status)

        return self._done(request, COORDINATOR, form, act, show, f"/insatser/{operation_id}")

    def remove(self, request: Request, operation_id: UUID, visit_id: UUID, form: Filled) -> Response:
        """Take an object out of the plan."""
        wanted = pb.RemoveVisitRequest(**named(form, operation_id), visit_id=str(visit_id))
        return self._back(request, operation_id, form, lambda controls: controls.RemoveVisit(wanted))

    def invite(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """Ask one more to come."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            party = needed(form, "receiver_kind", "välj vem som ska bjudas in.")
            return controls.InviteAuthority(pb.InviteAuthorityRequest(**named(form, operation_id), receiver_kind=party))

        return self._back(request, operation_id, form, act)

    def answer(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """An answer that came another way than the bus; a unit's own is on its own page."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            return controls.AnswerInvitation(answer_of(form, operation_id, form.text("party")))

        return self._back(request, operation_id, form, act)

    def confirm(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """The operation will take place."""
        wanted = pb.ConfirmOperationRequest(**named(form, operation_id), override_reason=form.text("override_reason"))
        return self._back(request, operation_id, form, lambda controls: controls.ConfirmOperation(wanted))

    def stop_form(self, request: Request, operation_id: UUID) -> Response:
        """What follows from postponing and from cancelling, before either."""
        return self._stop_shown(request, operation_id)(self._door.allowed(request, COORDINATOR), Sent(), 200)

    def stop(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """Postpone or cancel."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            if form.text("stop") == "cancel":
                return controls.CancelOperation(pb.CancelOperationRequest(**named(form, operation_id)))
            if form.text("stop") == "postpone":
                return controls.PostponeOperation(pb.PostponeOperationRequest(**named(form, operation_id)))
            raise Invalid("stop: välj om insatsen ska skjutas upp eller ställas in.")

        return self._done(request, COORDINATOR, form, act, self._stop_shown(request, operation_id), f"/insatser/{operation_id}")

    def calendar(self, request: Request, operation_id: UUID) -> Response:
        """The label and the days, for a calendar; nothing of the plan."""
        who = self._door.allowed(request, COORDINATOR)
        found = self._controls(who).GetCalendar(route_pb2.GetCalendarRequest(operation_id=str(operation_id)))
        headers = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
        return Response(found.content, media_type="text/calendar; charset=utf-8", headers=headers)

    def summarise(self, request: Request, operation_id: UUID, form: Filled) -> Response:
        """What an authority outside the kommun has told after the day."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            told_by = {"told_by": "Skriv vilken funktion på myndigheten som sade det.", "told_date": "Ange vilken dag den sade det."}
            all_needed(form, {"party": "Välj vem som har lämnat den."} | found_needed(form) | told_by)
            more = {name: form.text(name) for name in ("told_by", "told_date")}
            return controls.RecordSummary(summary_of(form, operation_id, form.text("party"), **more))

        return self._back(request, operation_id, form, act)

    def after(self, request: Request, operation_id: UUID, act: str, form: Filled) -> Response:
        """Everybody has told; the second wave is decided; no measure is open."""
        if act not in AFTER:
            raise Invalid("Det går inte att göra med en insats.")
        message, method = AFTER[act]
        more = {"handed_over_to": form.text("handed_over_to")} if act == "avsluta" else {}
        wanted = message(**named(form, operation_id), **more)
        return self._back(request, operation_id, form, lambda controls: getattr(controls, method)(wanted))

    # ----------------------------------------------------------------------------------------------------------------

    def _back(self, request: Request, operation_id: UUID, form: Sent, act: Any) -> Response:  # noqa: ANN401  # an Act
        """Do it and see the operation's page again."""
        return self._done(request, COORDINATOR, form, act, self._shown(request, operation_id), f"/insatser/{operation_id}")

    def _shown(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            return self._operation_page(request, who, operation_id, said, status)

        return show

    def _stop_shown(self, request: Request, operation_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            op = self._operation(who, operation_id)
            return page(request, "operation_stop.html", status, op=op, said=said.about(self._seen(op)))

        return show

    def _operation_page(self, request: Request, who: Who, operation_id: UUID, said: Sent, status: int) -> Response:
        op = self._operation(who, operation_id)
        names = self._door.names([op.field_lead, *(step.person for step in op.history)])
        no_answer = common_pb2.INVITATION_ANSWER_UNSPECIFIED
        silent = [row.receiver_kind for row in op.participations if row.answer == no_answer]
        took_place = op.state not in words.BEFORE_OR_NEVER
        by_hand = [row.receiver_kind for row in op.participations if words.answered_by_hand(row.receiver_kind)]
        answerable = op.state in {pb.OPERATION_STATE_PLANNED, pb.OPERATION_STATE_CONFIRMED, pb.OPERATION_STATE_BRIEFED}
        rows = [
            ("Syfte", op.purpose),
            ("När", hours(op.planned_start, op.planned_end)),
            ("Samlingsplats", op.assembly_point),
            ("Insatsledare", names.get(op.field_lead, op.field_lead) or "Ingen är utsedd än"),
            ("Kommunens egen grund", words.ground(op.own_control_ground_id)),
            ("Säkerhetskod", op.safety_code),
            ("Bekräftades utan alla svar", op.override_reason),
            ("Risk", next((word for word, level in words.RISKS.values() if level == op.risk_level), "")),
            ("Åtgärder mot risk", op.risk_measures),
            ("Åtgärderna följs av", op.handed_over_to),
        ]
        return page(
            request,
            "operation.html",
            status,
            op=op,
            rows=rows,
            times={planned.visit_id: planned for planned in op.timetable},
            may_plan=op.state in PLANNABLE,
            may_change=op.state in CHANGEABLE,
            may_route=op.state in ROUTABLE and bool(op.visits),
            may_confirm=op.state == pb.OPERATION_STATE_PLANNED,
            may_stop=op.state in CHANGEABLE,
            may_tell=op.state == pb.OPERATION_STATE_COMPLETED,
            has_day=op.state in ON_ITS_DAY or took_place,
            took_place=took_place,
            states=pb,
            silent=silent,
            units=reference().units,
            invitable=words.invitable(op.unit, [row.receiver_kind for row in op.participations]),
            by_hand=[(code, words.party(code)) for code in by_hand] if answerable else [],
            by_hand_grounds=[
                (row[0], f"{words.party(code)}: {row[1]}") for code in dict.fromkeys(by_hand) for row in words.grounds_of(code)
            ],
            answers=options(words.ANSWERS),
            parts=options(words.PARTS),
            answer_words={number: said for said, number in words.ANSWERS.values()},
            part_words={number: said for said, number in words.PARTS.values()},
            on_site=common_pb2.PARTICIPATION_ROLE_ON_SITE,
            names=names,
            areas=self._areas(who) if took_place else [],
            summaries={summary.party: summary for summary in op.summaries},
            untold=[(code, words.party(code)) for code in op.summaries_missing if code not in reference().units],
            said=said.about(self._seen(op)),
        )

    def _areas(self, who: Who) -> list[Choice]:
        found = self._controls(who).GetChecklists(findings_pb2.GetChecklistsRequest())
        return choices(found.areas)

    def _plan_of(self, who: Who, form: Sent) -> dict[str, Any]:
        """What a form says of the plan. Raises Invalid, also for a lead who is none of those to choose among: only the door knows them."""
        all_needed(form, PLAN_NEEDED)
        if form.text("field_lead") not in {"", *dict(self._door.colleagues(who, LEADS))}:
            raise Invalid("field_lead: välj någon ur listan.")
        start, end = span(form)
        texts = {name: form.text(name) for name in ("assembly_point", "safety_code", "field_lead")}
        return {"purpose": form.text("purpose"), "planned_start": start, "planned_end": end, **texts}

    def _plan_page(
        self, request: Request, who: Who, said: Sent, known: pb.GetOperationResponse | None = None, status: int | None = None
    ) -> Response:
        unit, people = who.caller.unit or "", dict(self._door.colleagues(who, LEADS))
        now = {} if known is None else _written(known)
        rows = [(PLAN_WORDS[name], people.get(value, value)) for name, value in now.items()]
        rows += [row for row in (self._seen(known) if known else []) if row[0] not in PLAN_WORDS.values()]
        mine = [(PLAN_WORDS[name], people.get(said.text(name), said.text(name))) for name in now]
        return page(
            request,
            "operation_plan.html",
            said.status if status is None else status,
            op=known,
            leads=list(people.items()),
            fixed=known is not None and known.state == pb.OPERATION_STATE_CONFIRMED,
            grounds=words.grounds_of(unit) if words.supervises(unit) else [],
            said=said.about(rows, mine),
        )


def answer_of(form: Sent, operation_id: UUID, party: str) -> pb.AnswerInvitationRequest:
    """An answer to an invitation, as a form has it. Raises Invalid."""
    part_needed = {"role": "Välj hur deltagandet blir."} if form.text("answer") == "accepted" else {}
    whose = {} if party else {"party": "Välj vem som har svarat."}
    all_needed(form, {**whose, "answer": "Välj ett svar.", **part_needed})
    answer = chosen(form, "answer", words.ANSWERS)
    part = chosen(form, "role", words.PARTS) if form.text("answer") == "accepted" else common_pb2.PARTICIPATION_ROLE_UNSPECIFIED
    return pb.AnswerInvitationRequest(
        request_id=form.request_id,
        operation_id=str(operation_id),
        receiver_kind=party,
        answered_invitation=common_pb2.AnsweredInvitation(answer=answer, role=part, control_ground_id=form.text("control_ground_id")),
    )


def found_needed(form: Sent) -> dict[str, str]:
    """What a summary lacks when it names no area and does not say that there is none."""
    return {} if form.text("nothing_to_report") else {"areas": "Välj områden, eller kryssa i att det inte finns något att rapportera."}


def summary_of(form: Sent, operation_id: UUID, party: str, **told: str) -> pb.RecordSummaryRequest:
    """What one participant tells after the day, as a form has it."""
    nothing = bool(form.text("nothing_to_report"))
    return pb.RecordSummaryRequest(**named(form, operation_id), party=party, areas=form.all("areas"), nothing_to_report=nothing, **told)


def _written(known: pb.GetOperationResponse) -> dict[str, str]:
    """The plan as a form has it."""
    start, end = local(known.planned_start), local(known.planned_end)
    return {
        "purpose": known.purpose,
        "day": start.date().isoformat(),
        "starts": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}",
        "assembly_point": known.assembly_point,
        "safety_code": known.safety_code,
        "field_lead": known.field_lead,
    }
