"""Who must or may be told: preview exactly as it will arrive, weigh, decide; and what was decided, with what came back."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.sharing.v1 import sharing_pb2 as pb

from services.gateway.door import Door
from services.gateway.forms import Filled, Sent
from services.gateway.web import go_to, page
from services.gateway.words import DECIDES, EVENTS, STATES
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM, timestamp
from services.kernel.errors import Invalid

OFFICERS = frozenset({Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.LOS_COORDINATOR, Role.INSPECTOR})
DECISIONS: Mapping[str, pb.Decision.ValueType] = {"send": pb.DECISION_SEND, "refuse": pb.DECISION_REFUSE}
POINT_LENGTH_MAX = 2000
Text = Annotated[str, Form()]


def routes(door: Door) -> APIRouter:
    """The pages of previews, decisions and disclosures."""
    router = APIRouter()

    @router.get("/erbjudanden/{offer_id}")
    def offer(request: Request, offer_id: UUID) -> Response:
        """What may be told to whom, and the first preview."""
        door.allowed(request, OFFICERS)
        return page(request, "offer.html", offer_id=offer_id, said=Sent())

    @router.post("/erbjudanden/{offer_id}")
    def preview(request: Request, offer_id: UUID, form: Filled) -> Response:
        """The bytes as they would arrive, with what is to be weighed and written."""
        return _preview(door, request, offer_id, form)

    @router.post("/beslut")
    def decide(
        request: Request,
        csrf: Text,
        request_id: Text,
        preview_id: Text,
        payload_hash: Text,
        decision: Text = "",
        delegation: Text = "",
        reason: Text = "",
    ) -> Response:
        """A decision on the preview that was just seen."""
        who = door.require(request)
        door.require_form(who, csrf)
        decided = door.services(who).sharing.DecideDisclosure(
            pb.DecideDisclosureRequest(
                request_id=request_id,
                preview_id=preview_id,
                payload_hash=payload_hash,
                decision=_decision(decision),
                delegation_reference=delegation,
                reason=reason,
            )
        )
        return go_to(f"/utlamnanden/{decided.disclosure_id}")

    @router.get("/utlamnanden/{disclosure_id}")
    def disclosure(request: Request, disclosure_id: UUID) -> Response:
        """What was decided, the bytes, and all that has happened since."""
        who = door.require(request)
        found = door.services(who).sharing.GetDisclosure(pb.GetDisclosureRequest(disclosure_id=str(disclosure_id)))
        row = found.disclosure
        waits = row.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL
        return page(
            request,
            "disclosure.html",
            row=row,
            content=json.loads(found.payload) if found.payload else None,
            written=found.written,
            events=[(EVENTS.get(event.status, event.status), event) for event in found.events],
            state=STATES[row.state],
            may_approve=waits and row.decided_by != who.caller.person,
            said=Sent(),
        )

    @router.post("/utlamnanden/{disclosure_id}/godkannande")
    def approve(
        request: Request,
        disclosure_id: UUID,
        csrf: Text,
        request_id: Text,
        payload_hash: Text,
        decision: Text = "",
        delegation: Text = "",
        reason: Text = "",
    ) -> Response:
        """The second person's word on the same bytes."""
        who = door.require(request)
        door.require_form(who, csrf)
        door.services(who).sharing.ApproveDisclosure(
            pb.ApproveDisclosureRequest(
                request_id=request_id,
                disclosure_id=str(disclosure_id),
                payload_hash=payload_hash,
                decision=_decision(decision),
                delegation_reference=delegation,
                reason=reason,
            )
        )
        return go_to(f"/utlamnanden/{disclosure_id}")

    @router.post("/utlamnanden/{disclosure_id}/utfort")
    def carried_out(
        request: Request,
        disclosure_id: UUID,
        csrf: Text,
        request_id: Text,
        way: Text = "",
        recipient: Text = "",
        when: Text = "",
        reference: Text = "",
    ) -> Response:
        """What a person has done another way: how, to whom, when."""
        who = door.require(request)
        door.require_form(who, csrf)
        door.services(who).sharing.RecordCarriedOut(
            pb.RecordCarriedOutRequest(
                request_id=request_id,
                disclosure_id=str(disclosure_id),
                way=way,
                recipient=recipient,
                carried_out_time=_moment(when),
                reference=reference,
            )
        )
        return go_to(f"/utlamnanden/{disclosure_id}")

    return router


def _preview(door: Door, request: Request, offer_id: UUID, form: Sent) -> Response:
    who = door.require(request)
    door.require_form(who, form.text("csrf"))
    written = {name.removeprefix("point."): form.text(name) for name in form.values if name.startswith("point.") and form.text(name)}
    shown = door.services(who).sharing.PreviewDisclosure(
        pb.PreviewDisclosureRequest(
            request_id=form.text("request_id"),
            offer_id=str(offer_id),
            written=[pb.WrittenPoint(point=point, text=text) for point, text in written.items()],
        )
    )
    words: dict[str, Any] = {
        "offer_id": offer_id,
        "shown": shown,
        "content": json.loads(shown.payload),
        "written": written,
        "decides": DECIDES[shown.decision_by],
        "said": Sent(),
        "tried": bool(written) or "weighed" in form.values,
        "length_max": POINT_LENGTH_MAX,
    }
    return page(request, "preview.html", **words)


def _decision(word: str) -> pb.Decision.ValueType:
    if word not in DECISIONS:
        raise Invalid("Beslut: välj om uppgiften ska lämnas eller inte.")
    return DECISIONS[word]


def _moment(text: str) -> Timestamp:
    try:
        return timestamp(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=STOCKHOLM))
    except (ValueError, OverflowError):
        raise Invalid("När: ange dag och klockslag.") from None
