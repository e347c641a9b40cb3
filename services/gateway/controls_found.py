"""What an inspector records at a visit, one form a step: what was seen, whether others are to know, what is done about it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import findings_pb2 as findings

from services.gateway import controls_words as words
from services.gateway.controls_frame import Frame, Show, named
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, all_needed, chosen, needed
from services.gateway.web import page
from services.gateway.words import choices, options
from services.kernel.callers import Role
from services.kernel.errors import NotFound
from services.kernel.reference import reference

INSPECTORS = frozenset({Role.INSPECTOR})
FINISHES = {
    "done": ("Klart", pb.VISIT_STATE_DONE),
    "not_open": ("Ingen öppnade", pb.VISIT_STATE_NOT_OPEN),
    "aborted": ("Vi fick avbryta", pb.VISIT_STATE_ABORTED),
}
DEFICIENT = {"no": ("Nej, det var i ordning", False), "yes": ("Ja, en brist", True)}
MEASURE_STATES = {
    "initiated": ("Påbörjad", findings.MEASURE_STATE_INITIATED),
    "decided": ("Beslutad", findings.MEASURE_STATE_DECIDED),
}
# What may come after a state: a help for whoever fills in the form. The service decides.
FOLLOWS: Mapping[int, tuple[findings.MeasureState.ValueType, ...]] = {
    findings.MEASURE_STATE_INITIATED: (findings.MEASURE_STATE_DECIDED, findings.MEASURE_STATE_CLOSED, findings.MEASURE_STATE_WITHDRAWN),
    findings.MEASURE_STATE_DECIDED: (
        findings.MEASURE_STATE_APPEALED,
        findings.MEASURE_STATE_LEGALLY_BINDING,
        findings.MEASURE_STATE_WITHDRAWN,
    ),
    findings.MEASURE_STATE_APPEALED: (findings.MEASURE_STATE_LEGALLY_BINDING, findings.MEASURE_STATE_WITHDRAWN),
    findings.MEASURE_STATE_LEGALLY_BINDING: (
        findings.MEASURE_STATE_COMPLIED,
        findings.MEASURE_STATE_NOT_COMPLIED,
        findings.MEASURE_STATE_WITHDRAWN,
    ),
    findings.MEASURE_STATE_COMPLIED: (findings.MEASURE_STATE_CLOSED,),
    findings.MEASURE_STATE_NOT_COMPLIED: (findings.MEASURE_STATE_CLOSED,),
}
AS_IT_IS = {"same": ("Samma läge som nu", findings.MEASURE_STATE_UNSPECIFIED)}
TERMS = ("amount_sek", "decided_date", "diary_no", "follow_up_date")
HELD = {pb.VISIT_STATE_ON_SITE, pb.VISIT_STATE_DONE, pb.VISIT_STATE_MEASURES_PENDING, pb.VISIT_STATE_ABORTED}


def routes(door: Door) -> APIRouter:
    """The pages of what is found."""
    router, pages = APIRouter(), _Pages(door)
    visit = "/insatser/{operation_id}/besok/{visit_id}"
    router.add_api_route(f"{visit}/iakttagelse/{{checklist}}/{{number}}", pages.observe_form, methods=["GET"])
    router.add_api_route(f"{visit}/iakttagelse/{{checklist}}/{{number}}", pages.observe, methods=["POST"])
    router.add_api_route(f"{visit}/iakttagelser/{{observation_id}}", pages.tell, methods=["POST"])
    router.add_api_route(f"{visit}/atgard", pages.measure_form, methods=["GET"])
    router.add_api_route(f"{visit}/atgard", pages.measure, methods=["POST"])
    router.add_api_route(f"{visit}/atgarder/{{measure_id}}", pages.follow_form, methods=["GET"])
    router.add_api_route(f"{visit}/atgarder/{{measure_id}}", pages.follow, methods=["POST"])
    return router


class VisitFrame(Frame):
    """A visit as those see it who are there."""

    def _visit_shown(self, request: Request, operation_id: UUID, visit_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            op = self._operation(who, operation_id)
            visit = visit_of(op, visit_id)
            own, seen, taken = self._recorded(who, visit_id)
            receivers = (agency.receivers.get(words.FINDING) for agency in reference().agencies)
            return page(
                request,
                "visit.html",
                status,
                op=op,
                visit=visit,
                leads=op.field_lead == who.caller.person and op.state == pb.OPERATION_STATE_IN_PROGRESS,
                may_record=bool(own) and visit.state in HELD and op.state != pb.OPERATION_STATE_CLOSED,
                checklists=own,
                item_words={(item.control_ground_id, item.area): item.word for row in own for item in row.items},
                observations=seen,
                measures=taken,
                measure_words=words.measure_types(own),
                severity_words={number: word for word, number in words.SEVERITIES.values()},
                wave_words=words.SECOND_WAVES,
                receivers=[(kind, words.party(kind)) for kind in dict.fromkeys(receivers) if kind],
                names=self._door.names(step.person for step in visit.history),
                finishes=[
                    (code, word) for code, (word, state) in FINISHES.items() if code != "done" or visit.state == pb.VISIT_STATE_ON_SITE
                ],
                reasons=choices(reference().abort_reasons),
                states=pb,
                found=findings,
                sent_to=request.url.path,
                said=said.about(self._seen(op)),
            )

        return show

    def _own_lists(self, who: Who, visit_id: UUID) -> list[findings.Checklist]:
        """The own unit's checklists at a visit, with how much is recorded of each line."""
        return list(self._controls(who).GetChecklists(findings.GetChecklistsRequest(visit_id=str(visit_id))).checklists)

    def _recorded(self, who: Who, visit_id: UUID) -> tuple[list[findings.Checklist], list[findings.Observation], list[findings.Measure]]:
        """The own unit's lists, observations and measures at a visit; nothing where the unit does not inspect."""
        if who.role is not Role.INSPECTOR:
            return [], [], []
        controls, part = self._controls(who), common_pb2.Page(page_size=100)
        own = self._own_lists(who, visit_id)
        seen = controls.ListObservations(findings.ListObservationsRequest(page=part, visit_id=str(visit_id))).observations
        taken = controls.ListMeasures(findings.ListMeasuresRequest(page=part, visit_id=str(visit_id))).measures
        return own, [row for row in seen if not row.withdrawn], list(taken)


class _Pages(VisitFrame):
    def observe_form(self, request: Request, operation_id: UUID, visit_id: UUID, checklist: str, number: int) -> Response:
        """One line of the own checklist."""
        show = self._observe_shown(request, operation_id, visit_id, checklist, number)
        return show(self._door.allowed(request, INSPECTORS), Sent(), 200)

    def observe(self, request: Request, operation_id: UUID, visit_id: UUID, checklist: str, number: int, form: Filled) -> Response:
        """What was seen of it."""
        who = self._at_visit(request, operation_id, visit_id, form)
        item = self._item(who, visit_id, checklist, number)

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            severe = {"severity": "Välj hur allvarlig bristen är."} if form.text("is_deficiency") == "yes" else {}
            all_needed(form, {"is_deficiency": "Välj om det var en brist.", **severe})
            found = chosen(form, "is_deficiency", DEFICIENT)
            severity = chosen(form, "severity", words.SEVERITIES) if form.text("severity") else findings.SEVERITY_UNSPECIFIED
            seen = findings.Seen(
                control_ground_id=item.control_ground_id, area=item.area, is_deficiency=found, severity=severity, text=form.text("text")
            )
            return controls.RecordObservation(
                findings.RecordObservationRequest(request_id=form.request_id, visit_id=str(visit_id), seen=seen)
            )

        show = self._observe_shown(request, operation_id, visit_id, checklist, number)
        return self._done(request, INSPECTORS, form, act, show, f"/insatser/{operation_id}/besok/{visit_id}")

    def tell(self, request: Request, operation_id: UUID, visit_id: UUID, observation_id: UUID, form: Filled) -> Response:
        """The second wave: offered to one receiver, or nobody needs to know."""
        self._at_visit(request, operation_id, visit_id, form)
        seen = named(form, observation_id, "observation_id")

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            if form.text("tell") == "nothing":
                return controls.DecideNothingToTell(findings.DecideNothingToTellRequest(**seen))
            kind = needed(form, "receiver_kind", "välj vem som ska få veta, eller att ingen behöver det.")
            wanted = findings.OfferFindingRequest(**seen, receiver_kind=kind, on_request=bool(form.text("on_request")))
            return controls.OfferFinding(wanted)

        show = self._visit_shown(request, operation_id, visit_id)
        return self._done(request, INSPECTORS, form, act, show, f"/insatser/{operation_id}/besok/{visit_id}")

    def measure_form(self, request: Request, operation_id: UUID, visit_id: UUID) -> Response:
        """An empty measure."""
        return self._measure_shown(request, operation_id, visit_id)(self._door.allowed(request, INSPECTORS), Sent(), 200)

    def measure(self, request: Request, operation_id: UUID, visit_id: UUID, form: Filled) -> Response:
        """What the own unit does about it."""
        self._at_visit(request, operation_id, visit_id, form)

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            all_needed(form, {"measure_type": "Välj vad för slags åtgärd det är.", "state": "Välj hur långt åtgärden har kommit."})
            kind = form.text("measure_type")
            state = chosen(form, "state", MEASURE_STATES)
            return controls.RecordMeasure(
                findings.RecordMeasureRequest(
                    request_id=form.request_id, visit_id=str(visit_id), measure_type=kind, terms=_terms(form), state=state
                )
            )

        show = self._measure_shown(request, operation_id, visit_id)
        return self._done(request, INSPECTORS, form, act, show, f"/insatser/{operation_id}/besok/{visit_id}")

    def follow_form(self, request: Request, operation_id: UUID, visit_id: UUID, measure_id: UUID) -> Response:
        """A measure of the own unit, to take further."""
        show = self._measure_shown(request, operation_id, visit_id, measure_id)
        return show(self._door.allowed(request, INSPECTORS), Sent(), 200)

    def follow(self, request: Request, operation_id: UUID, visit_id: UUID, measure_id: UUID, form: Filled) -> Response:
        """How far it has come, until it is closed."""
        row = self._own_measure(self._at_visit(request, operation_id, visit_id, form), visit_id, measure_id)

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            state = chosen(form, "state", _after(row))
            seen = named(form, measure_id, "measure_id")
            return controls.UpdateMeasure(findings.UpdateMeasureRequest(**seen, terms=_terms(form), state=state))

        show = self._measure_shown(request, operation_id, visit_id, measure_id)
        return self._done(request, INSPECTORS, form, act, show, f"/insatser/{operation_id}/besok/{visit_id}")

    def _own_measure(self, who: Who, visit_id: UUID, measure_id: UUID) -> findings.Measure:
        """Raises NotFound."""
        _, _, taken = self._recorded(who, visit_id)
        row = next((row for row in taken if row.measure_id == str(measure_id)), None)
        if row is None:
            raise NotFound
        return row

    def _at_visit(self, request: Request, operation_id: UUID, visit_id: UUID, form: Sent) -> Who:
        """The inspector who writes, at a visit of the operation that the address names. Raises NotFound."""
        who = self._door.allowed(request, INSPECTORS, form)
        visit_of(self._operation(who, operation_id), visit_id)
        return who

    def _item(self, who: Who, visit_id: UUID, checklist: str, number: int) -> findings.ChecklistItem:
        """A line of the own checklist. Raises NotFound."""
        row = next((row for row in self._own_lists(who, visit_id) if row.code == checklist), None)
        if row is None or not 0 <= number < len(row.items):
            raise NotFound
        return row.items[number]

    def _observe_shown(self, request: Request, operation_id: UUID, visit_id: UUID, checklist: str, number: int) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            return page(
                request,
                "observe.html",
                status,
                visit=visit_of(self._operation(who, operation_id), visit_id),
                item=self._item(who, visit_id, checklist, number),
                here=f"/insatser/{operation_id}/besok/{visit_id}",
                action=f"/insatser/{operation_id}/besok/{visit_id}/iakttagelse/{checklist}/{number}",
                deficient=options(DEFICIENT),
                severities=options(words.SEVERITIES),
                said=said,
            )

        return show

    def _measure_shown(self, request: Request, operation_id: UUID, visit_id: UUID, measure_id: UUID | None = None) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            visit = visit_of(self._operation(who, operation_id), visit_id)
            row = self._own_measure(who, visit_id, measure_id) if measure_id else None
            kinds = words.measure_types(self._own_lists(who, visit_id))
            facts = [] if row is None else _facts(row, kinds)
            return page(
                request,
                "measure.html",
                status,
                visit=visit,
                here=f"/insatser/{operation_id}/besok/{visit_id}",
                kinds=list(kinds.items()),
                row=row,
                facts_of=facts,
                states=options(MEASURE_STATES if row is None else _after(row)),
                said=(said if said.values or row is None else _begun(row)).about(facts),
            )

        return show


def _terms(form: Sent) -> findings.MeasureTerms:
    return findings.MeasureTerms(**{name: form.text(name) for name in TERMS}, tells_coordinator=bool(form.text("tells_coordinator")))


def _after(row: findings.Measure) -> dict[str, tuple[str, Any]]:
    """Where a measure may be next, or still."""
    return AS_IT_IS | {str(number): (words.MEASURES[number], number) for number in FOLLOWS.get(row.state, ())}


def _begun(row: findings.Measure) -> Sent:
    """The form as the measure is."""
    texts = {name: [getattr(row.terms, name)] for name in TERMS}
    return Sent(texts | {"state": ["same"], "tells_coordinator": ["1" if row.terms.tells_coordinator else ""]})


def _facts(row: findings.Measure, kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        ("Åtgärd", kinds.get(row.measure_type, row.measure_type)),
        ("Läge", words.MEASURES[row.state]),
        ("Belopp", f"{row.terms.amount_sek} kr" if row.terms.amount_sek else ""),
        ("Beslutsdag", row.terms.decided_date),
        ("Diarienummer", row.terms.diary_no),
        ("Följs upp", row.terms.follow_up_date),
    ]


def visit_of(op: pb.GetOperationResponse, visit_id: UUID) -> pb.Visit:
    """A visit of an operation. Raises NotFound."""
    visit = next((visit for visit in op.visits if visit.visit_id == str(visit_id)), None)
    if visit is None:
        raise NotFound
    return visit
