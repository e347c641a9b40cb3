"""Tips about places and businesses: registered by those who receive them, assessed and decided on by the coordinator."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2
from los.controls.v1 import tips_pb2 as pb

from services.gateway import controls_words as words
from services.gateway.controls_frame import COORDINATOR, Frame, Show, at, clock_in, day_in, named, told
from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, all_needed, asked, chosen
from services.gateway.web import go_to, page
from services.gateway.words import choices, options, word
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference

ROWS = 50
RECEIVERS = COORDINATOR | {Role.SECURITY_COORDINATOR, Role.INSPECTOR}
PLACE = ("org_number", "company_name", "trading_name", "object_type", "street_address", "postal_code", "city", "district")
DECISIONS = {
    "prioritise": ("Prioritera: en insats ska ta upp objektet", pb.TIP_DECISION_PRIORITISE),
    "park": ("Låt vila: kan bedömas igen", pb.TIP_DECISION_PARK),
    "reject": ("Avvisa: går inte vidare, och kan inte ångras", pb.TIP_DECISION_REJECT),
}
TIP_NEEDED = {
    "source_type": "Välj varifrån tipset kom.",
    "received_day": "Ange vilken dag tipset kom in.",
    "received_clock": "Ange ett klockslag, till exempel 18:30.",
    "suspicion_types": "Kryssa för minst en sak.",
    "summary": "Skriv vad tipset gäller.",
}
ADDRESS_NEEDED = {
    "object_type": "Välj slags verksamhet.",
    "street_address": "Skriv gatuadressen.",
    "postal_code": "Skriv postnumret.",
    "city": "Skriv orten.",
    "district": "Skriv stadsdelen.",
}
"""Of a place whose organisation number is not known."""
DECISION_NEEDED = {
    "decision": "Välj vad som händer med tipset.",
    "reason": "Välj skälet.",
    "police_consulted_day": "Ange när ni rådfrågade Polisens samordnare.",
    "police_consulted_clock": "Ange ett klockslag, till exempel 18:30.",
}
STATES = {
    "received": ("Inkomna", pb.TIP_STATE_RECEIVED),
    "assessed": ("Bedömda", pb.TIP_STATE_ASSESSED),
    "prioritised": ("Prioriterade", pb.TIP_STATE_PRIORITISED),
    "planned_in": ("Inplanerade", pb.TIP_STATE_PLANNED_IN),
    "parked": ("Vilande", pb.TIP_STATE_PARKED),
    "rejected": ("Avvisade", pb.TIP_STATE_REJECTED),
    "forwarded": ("Lämnade till en myndighet", pb.TIP_STATE_FORWARDED),
}


def routes(door: Door) -> APIRouter:
    """The pages of tips."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/tips", pages.tips, methods=["GET"])
    router.add_api_route("/tips/nytt", pages.new, methods=["GET"])
    router.add_api_route("/tips/nytt", pages.register, methods=["POST"])
    router.add_api_route("/tips/{tip_id}", pages.tip, methods=["GET"])
    router.add_api_route("/tips/{tip_id}/bedomning", pages.assess, methods=["POST"])
    router.add_api_route("/tips/{tip_id}/beslut", pages.decide, methods=["POST"])
    router.add_api_route("/tips/{tip_id}/lamnat", pages.forward, methods=["POST"])
    return router


class _Pages(Frame):
    def tips(self, request: Request, lage: str = "", efter: str = "") -> Response:
        """The unit's tips, in one state or all."""
        who = self._door.allowed(request, COORDINATOR)
        state = STATES[lage][1] if lage in STATES else pb.TIP_STATE_UNSPECIFIED
        wanted = pb.ListTipsRequest(page=common_pb2.Page(page_size=ROWS, page_token=efter), state=state)
        found = self._controls(who).ListTips(wanted)
        return page(request, "tips.html", rows=found.tips, more=found.next_page_token, states=options(STATES), said=Sent({"lage": [lage]}))

    def new(self, request: Request) -> Response:
        """An empty tip, received now."""
        self._door.allowed(request, RECEIVERS)
        now = datetime.now(STOCKHOLM)
        received = {"received_day": [now.date().isoformat()], "received_clock": [f"{now:%H:%M}"]}
        return _tip_form(request, Sent(received))

    def register(self, request: Request, form: Filled) -> Response:
        """Keep the tip. Whoever is no coordinator gets a receipt and no more: the tip is not theirs to read."""
        who = self._door.allowed(request, RECEIVERS, form)
        try:
            all_needed(form, TIP_NEEDED if form.text("org_number") else TIP_NEEDED | ADDRESS_NEEDED)
            wanted = pb.RegisterTipRequest(
                request_id=form.request_id,
                source_type=form.text("source_type"),
                received_time=_moment(form, "received"),
                suspicion_types=form.all("suspicion_types"),
                summary=form.text("summary"),
                place=pb.TipPlace(**{name: form.text(name) for name in PLACE}),
            )
            made = asked(lambda: self._controls(who).RegisterTip(wanted))
        except (Invalid, Conflict) as problem:
            return _tip_form(request, told(form, problem))
        if who.role in COORDINATOR:
            return go_to(f"/tips/{made.tip_id}")
        return page(request, "tip_received.html")

    def tip(self, request: Request, tip_id: UUID) -> Response:
        """A tip, with what can be decided now."""
        return self._shown(request, tip_id)(self._door.allowed(request, COORDINATOR), Sent(), 200)

    def assess(self, request: Request, tip_id: UUID, form: Filled) -> Response:
        """How sure and how important it is, and who could look at it."""
        wanted = pb.AssessTipRequest(
            **named(form, tip_id, "tip_id"),
            reliability=form.text("reliability"),
            relevance=form.text("relevance"),
            control_ground_ids=form.all("control_ground_ids"),
        )
        return self._back(request, tip_id, form, lambda controls: controls.AssessTip(wanted))

    def decide(self, request: Request, tip_id: UUID, form: Filled) -> Response:
        """Prioritised, parked or rejected, with a reason."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            all_needed(form, DECISION_NEEDED)
            decision, reason = chosen(form, "decision", DECISIONS), form.text("reason")
            when = _moment(form, "police_consulted")
            return controls.DecideTip(
                pb.DecideTipRequest(**named(form, tip_id, "tip_id"), decision=decision, reason=reason, police_consulted_time=when)
            )

        return self._back(request, tip_id, form, act)

    def forward(self, request: Request, tip_id: UUID, form: Filled) -> Response:
        """A person has sent it to one authority, another way."""

        def act(controls: Any) -> object:  # noqa: ANN401  # a stub
            when = _moment(form, "forwarded")
            return controls.ForwardTip(
                pb.ForwardTipRequest(
                    **named(form, tip_id, "tip_id"),
                    receiver_kind=form.text("receiver_kind"),
                    ground=form.text("ground"),
                    forwarded_time=when,
                )
            )

        return self._back(request, tip_id, form, act)

    # ----------------------------------------------------------------------------------------------------------------

    def _back(self, request: Request, tip_id: UUID, form: Sent, act: Callable[[Any], object]) -> Response:
        return self._done(request, COORDINATOR, form, act, self._shown(request, tip_id), f"/tips/{tip_id}")

    def _shown(self, request: Request, tip_id: UUID) -> Show:
        def show(who: Who, said: Sent, status: int) -> Response:
            controls = self._controls(who)
            tip = controls.GetTip(pb.GetTipRequest(tip_id=str(tip_id))).tip
            thing = controls.GetObject(controls_pb2.GetObjectRequest(object_id=tip.object_id))
            known = reference()
            home = "Det kan vara någons hem." if thing.may_be_a_home else ""
            gone = "Objektet är borttaget: filen som det kom med har ångrats." if thing.taken_back else ""
            may_assess = tip.state in {pb.TIP_STATE_RECEIVED, pb.TIP_STATE_ASSESSED, pb.TIP_STATE_PARKED}
            rows = [
                ("Det gäller", ", ".join(word(known.suspicion_types, code) for code in tip.suspicion_types)),
                ("Tipset", tip.summary),
                ("Kom från", word(known.tip_sources, tip.source_type)),
                ("Säkerhet", word(known.reliabilities, tip.reliability)),
                ("Betydelse", word(known.relevances, tip.relevance)),
                ("Kan kontrolleras av", ", ".join(words.party(code) for code in tip.authorities)),
                ("Skäl", word(known.tip_reasons, tip.reason)),
                ("Lämnat till", words.party(tip.forwarded.receiver_kind) if tip.forwarded.receiver_kind else ""),
                ("Gallras tidigast", tip.purge_date),
            ]
            return page(
                request,
                "tip.html",
                status,
                tip=tip,
                rows=rows,
                thing=thing,
                mind=f"{gone} {home}".strip(),
                others=[other for other in thing.tips if other.tip_id != tip.tip_id],
                may_assess=may_assess,
                may_decide=tip.state == pb.TIP_STATE_ASSESSED,
                prioritised=tip.state == pb.TIP_STATE_PRIORITISED,
                reliabilities=choices(known.reliabilities),
                relevances=choices(known.relevances),
                grounds=[(row.code, f"{words.party(row.authority_kind)}: {row.word}") for row in known.control_grounds],
                decisions=options(DECISIONS),
                reasons=[
                    (row.code, f"{' eller '.join(sorted(DECISIONS[act][0].partition(':')[0] for act in row.decisions))}: {row.word}")
                    for row in known.tip_reasons
                ],
                receivers=choices(row for row in known.receivers if row.group == "state"),
                said=(_as_assessed(said, tip) if may_assess else said).about([("Läge", words.TIPS.get(tip.state, "")), *rows]),
            )

        return show


def _as_assessed(said: Sent, tip: pb.Tip) -> Sent:
    """The forms of a tip, that of its assessment with what stands, unless something else was just written."""
    if "reliability" in said.values or "control_ground_ids" in said.values:
        return said
    known = {"reliability": [tip.reliability], "relevance": [tip.relevance], "control_ground_ids": list(tip.control_ground_ids)}
    return replace(said, values={**said.values, **known})


def _tip_form(request: Request, said: Sent) -> Response:
    known = reference()
    return page(
        request,
        "tip_new.html",
        said.status,
        sources=choices(known.tip_sources),
        suspicions=choices(known.suspicion_types),
        types=choices(known.object_types),
        said=said,
    )


def _moment(form: Sent, name: str) -> Timestamp:
    return at(day_in(form, f"{name}_day"), clock_in(form, f"{name}_clock"))
