"""Who must or may be told: preview exactly as it will arrive, weigh, decide; and what was decided, with what came back."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, answered, asked, needed
from services.gateway.web import go_to, moment, page
from services.gateway.words import CASE_PATHS, DECIDES, EVENTS, STATES, word
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM, timestamp
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

OFFICERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.LOS_COORDINATOR, Role.INSPECTOR})
DECISIONS: Mapping[str, pb.Decision.ValueType] = {"send": pb.DECISION_SEND, "refuse": pb.DECISION_REFUSE}
POINT_LENGTH_MAX = 2000
POINT = "point."
NO_DELEGATION = "ange den punkt i delegationsordningen som du beslutar på."
# How the contract names what a form asks.
FIELDS = {"delegation_reference": "delegation", "carried_out_time": "when"}
# What has been told and stands: it may be found wrong, or be taken back.
STANDING = frozenset(
    {
        pb.DISCLOSURE_STATE_DECIDED,
        pb.DISCLOSURE_STATE_NO_CHANNEL,
        pb.DISCLOSURE_STATE_CARRIED_OUT,
        pb.DISCLOSURE_STATE_SENT,
        pb.DISCLOSURE_STATE_RECEIVED,
        pb.DISCLOSURE_STATE_OPENED,
        pb.DISCLOSURE_STATE_NO_ACTION,
        pb.DISCLOSURE_STATE_ACTION,
        pb.DISCLOSURE_STATE_CLOSED,
    }
)
Act = Callable[[SharingServiceStub], object]


def routes(door: Door) -> APIRouter:
    """The pages of previews, decisions and disclosures."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/erbjudanden/{offer_id}", pages.offer, methods=["GET"])
    router.add_api_route("/erbjudanden/{offer_id}", pages.preview, methods=["POST"])
    router.add_api_route("/beslut", pages.decide, methods=["POST"])
    router.add_api_route("/utlamnanden/{disclosure_id}", pages.disclosure, methods=["GET"])
    router.add_api_route("/utlamnanden/{disclosure_id}/godkannande", pages.approve, methods=["POST"])
    router.add_api_route("/utlamnanden/{disclosure_id}/utfort", pages.carried_out, methods=["POST"])
    router.add_api_route("/utlamnanden/{disclosure_id}/rattelse", pages.correct, methods=["POST"])
    router.add_api_route("/utlamnanden/{disclosure_id}/aterkallelse", pages.recall, methods=["POST"])
    return router


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def offer(self, request: Request, offer_id: UUID) -> Response:
        """What may be told to whom, and the first preview."""
        self._door.allowed(request, OFFICERS)
        return page(request, "offer.html", offer_id=offer_id, written=[], said=Sent())

    def preview(self, request: Request, offer_id: UUID, form: Filled) -> Response:
        """The bytes as they would arrive, with what is to be weighed and written."""
        who = self._door.allowed(request, OFFICERS, form)
        tried = bool(_points(form)) or "weighed" in form.values
        try:
            return self._preview_page(request, who, offer_id, form.text("request_id"), form, Sent(), tried=tried)
        except Invalid as problem:  # something that was written
            return self._preview_page(request, who, offer_id, str(uuid4()), Sent(), form.wrong(problem).at(""), written=_points(form))
        except Conflict as problem:  # there is nothing to preview any more
            return self._written(request, offer_id, form, form.wrong(problem).at(""))

    def decide(self, request: Request, form: Filled) -> Response:
        """A decision on the preview that was just seen."""
        who = self._door.allowed(request, OFFICERS, form)
        try:
            wanted = pb.DecideDisclosureRequest(
                request_id=form.request_id,
                preview_id=form.text("preview_id"),
                payload_hash=form.text("payload_hash"),
                decision=_decision(form),
                delegation_reference=needed(form, "delegation", NO_DELEGATION),
                reason=form.text("reason"),
            )
            decided = asked(lambda: self._door.services(who).sharing.DecideDisclosure(wanted))
        except (Invalid, Conflict) as problem:
            return self._undecided(request, who, form, problem)
        return go_to(f"/utlamnanden/{decided.disclosure_id}")

    def disclosure(self, request: Request, disclosure_id: UUID) -> Response:
        """What was decided, the bytes, and all that has happened since."""
        return self._disclosure_page(request, self._door.allowed(request, OFFICERS), disclosure_id, Sent())

    def approve(self, request: Request, disclosure_id: UUID, form: Filled) -> Response:
        """The second person's word on the same bytes."""

        def act(sharing: SharingServiceStub) -> object:
            return sharing.ApproveDisclosure(
                pb.ApproveDisclosureRequest(
                    request_id=form.request_id,
                    disclosure_id=str(disclosure_id),
                    payload_hash=form.text("payload_hash"),
                    decision=_decision(form),
                    delegation_reference=needed(form, "delegation", NO_DELEGATION),
                    reason=form.text("reason"),
                )
            )

        return self._done(request, disclosure_id, form, act)

    def carried_out(self, request: Request, disclosure_id: UUID, form: Filled) -> Response:
        """What a person has done another way: how, to whom, when."""

        def act(sharing: SharingServiceStub) -> object:
            return sharing.RecordCarriedOut(
                pb.RecordCarriedOutRequest(
                    request_id=form.request_id,
                    disclosure_id=str(disclosure_id),
                    way=form.text("way"),
                    recipient=form.text("recipient"),
                    carried_out_time=_moment(form.text("when")),
                    reference=form.text("reference"),
                )
            )

        return self._done(request, disclosure_id, form, act)

    def correct(self, request: Request, disclosure_id: UUID, form: Filled) -> Response:
        """What was told is wrong: a correction is owed."""

        def act(sharing: SharingServiceStub) -> object:
            wanted = {"request_id": form.request_id, "disclosure_id": str(disclosure_id), "reason": form.text("wrong")}
            return sharing.CorrectDisclosure(pb.CorrectDisclosureRequest(**wanted))

        return self._done(request, disclosure_id, form, act, {"reason": "wrong"})

    def recall(self, request: Request, disclosure_id: UUID, form: Filled) -> Response:
        """What was told is taken back; first what follows of it, to confirm."""
        who = self._door.allowed(request, OFFICERS, form)
        if form.text("confirmed") == "no" or not form.text("recall"):
            said = form if form.text("recall") else form.wrong(Invalid("recall: skriv varför."))
            return self._disclosure_page(request, who, disclosure_id, said)
        if not form.text("confirmed"):
            self._found(who, disclosure_id)
            return page(
                request,
                "confirm.html",
                heading="Återkalla uppgiften?",
                warning="Mottagaren får besked om att inte använda den. Det kan inte ångras; ett nytt beslut krävs för att lämna den igen.",
                rows=[("Varför", form.text("recall")), ("Delegation", form.text("recall_delegation"))],
                action=f"/utlamnanden/{disclosure_id}/aterkallelse",
                send="Ja, återkalla",
                said=form,
            )

        def act(sharing: SharingServiceStub) -> object:
            return sharing.RecallDisclosure(
                pb.RecallDisclosureRequest(
                    request_id=form.request_id,
                    disclosure_id=str(disclosure_id),
                    delegation_reference=needed(form, "recall_delegation", NO_DELEGATION),
                    reason=form.text("recall"),
                )
            )

        return self._done(request, disclosure_id, form, act, {"reason": "recall", "delegation_reference": "recall_delegation"})

    # ----------------------------------------------------------------------------------------------------------------

    def _done(self, request: Request, disclosure_id: UUID, form: Sent, act: Act, fields: Mapping[str, str] = FIELDS) -> Response:
        """Do it and see the disclosure again; what is wrong is said at its field, with all that was written."""
        who = self._door.allowed(request, OFFICERS, form)
        try:
            asked(lambda: act(self._door.services(who).sharing))
        except (Invalid, Conflict) as problem:
            said = form.wrong(problem)
            return self._disclosure_page(request, who, disclosure_id, said.at(fields.get(said.field, said.field)))
        return go_to(f"/utlamnanden/{disclosure_id}")

    def _undecided(self, request: Request, who: Who, form: Sent, problem: Invalid | Conflict) -> Response:
        """The preview again, as things are now; where there is none any more, what was written."""
        said = form.wrong(problem)
        said = said.at(FIELDS.get(said.field, said.field))
        try:
            offer_id = UUID(form.text("offer_id"))
        except ValueError:
            raise problem from None
        try:
            return self._preview_page(request, who, offer_id, str(uuid4()), form, said)
        except (Invalid, Conflict):
            return self._written(request, offer_id, form, said)

    def _written(self, request: Request, offer_id: UUID, form: Sent, said: Sent) -> Response:
        written = [*_points(form).values(), form.text("reason"), form.text("delegation")]
        return page(request, "offer.html", said.status, offer_id=offer_id, written=[text for text in written if text], said=said)

    def _preview_page(
        self,
        request: Request,
        who: Who,
        offer_id: UUID,
        request_id: str,
        form: Sent,
        said: Sent,
        *,
        tried: bool = False,
        written: Mapping[str, str] | None = None,
    ) -> Response:
        """Raises Invalid, Conflict. `written`: what stands in the fields, when it is not what the form has."""
        points = _points(form)
        wanted = pb.PreviewDisclosureRequest(
            request_id=request_id,
            offer_id=str(offer_id),
            written=[pb.WrittenPoint(point=point, text=text) for point, text in points.items()],
        )
        shown = answered(lambda: self._door.services(who).sharing.PreviewDisclosure(wanted))
        content = json.loads(shown.payload)
        words = points if written is None else written
        return page(
            request,
            "preview.html",
            said.status,
            offer_id=offer_id,
            shown=shown,
            content=content,
            written=words,
            suggested={} if words or tried or said.message else _suggested(content["fields"]),
            delegation=_usual_delegation(who),
            missing=[code for code in shown.missing_points if code not in words],
            decides=DECIDES[shown.decision_by],
            said=said,
            tried=tried,
            length_max=POINT_LENGTH_MAX,
        )

    def _found(self, who: Who, disclosure_id: UUID) -> pb.GetDisclosureResponse:
        return self._door.services(who).sharing.GetDisclosure(pb.GetDisclosureRequest(disclosure_id=str(disclosure_id)))

    def _disclosure_page(self, request: Request, who: Who, disclosure_id: UUID, said: Sent) -> Response:
        found = self._found(who, disclosure_id)
        row = found.disclosure
        waits = row.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL
        case = CASE_PATHS.get(row.record_kind)
        return page(
            request,
            "disclosure.html",
            said.status,
            row=row,
            content=json.loads(found.payload) if found.payload else None,
            written=_written_of(found),
            events=[(EVENTS.get(event.status, event.status), event, _note(event.note)) for event in found.events],
            state=STATES[row.state],
            may_approve=waits and not row.approval_bar,
            may_take_back=row.state in STANDING,
            case_path=f"{case}/{row.record_id}" if case else "",
            names=self._door.names(event.person for event in found.events),
            delegation=_usual_delegation(who),
            said=said,
        )


def _usual_delegation(who: Who) -> str:
    unit = reference().units.find(who.caller.unit or "")
    return unit.delegation if unit else ""


def _suggested(fields: Mapping[str, Any]) -> dict[str, str]:
    """Points that only say again what was assessed and is sent, to be read and put right; what is weighed is never among them."""
    if "payment.benefit_type" not in fields:
        return {}
    benefit = word(reference().benefits, fields["payment.benefit_type"])
    body = word(reference().receivers, fields["payment.deciding_body"])
    return {
        "benefit": f"{benefit}, {body}, {fields['payment.period_from']} till {fields['payment.period_to']}",
        "circumstances": " ".join(fields["payment.circumstances"]),
        "own_error": "Ja, det utreddes när ärendet bedömdes.",
    }


def _points(form: Sent) -> dict[str, str]:
    return {name.removeprefix(POINT): form.text(name) for name in form.values if name.startswith(POINT) and form.text(name)}


def _written_of(found: pb.GetDisclosureResponse) -> list[tuple[str, str]]:
    """What was written, each beside the question that it answers."""
    questions = {point.code: point.text for point in found.points}
    return [(questions.get(one.point, one.point), one.text) for one in found.written]


def _note(text: str) -> list[str]:
    """A note's lines. What was told another way begins with when, as a machine writes it."""
    first, *rest = text.split("\n")
    try:
        lines = [moment(timestamp(datetime.fromisoformat(first))), *rest]
    except ValueError:
        lines = [first, *rest]
    return [line for line in lines if line]


def _decision(form: Sent) -> pb.Decision.ValueType:
    if form.text("decision") not in DECISIONS:
        raise Invalid("Välj om uppgiften ska lämnas eller inte.")
    return DECISIONS[form.text("decision")]


def _moment(text: str) -> Timestamp:
    try:
        return timestamp(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=STOCKHOLM))
    except (ValueError, OverflowError):
        raise Invalid("when: ange dag och klockslag.") from None
