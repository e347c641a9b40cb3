"""Questions about the law; nothing is stored."""

from datetime import date
from typing import get_args

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.errors import Invalid
from services.sharing.legal import Question, choose
from services.sharing.legal.data import Subject
from services.sharing.service.parts import Parts


class LawMethods(Parts):
    """The methods about the law."""

    def ExplainGround(self, request: pb.ExplainGroundRequest, context: grpc.ServicerContext) -> pb.ExplainGroundResponse:  # noqa: ARG002, N802
        """A dry answer, by what a jurist of this kommun has opened; nothing is stored."""
        with self._database.transaction() as tx:
            opened = self._store.open_flows(tx)
        answer = choose(
            self._decisions.law,
            Question(
                record_kind=request.record_kind,
                sender_kinds=frozenset(request.sender_kinds),
                receiver=request.receiver,
                on=_day(request.on),
                on_request=request.on_request,
                secrecy=frozenset(request.secrecy) or None,
                subject=_subject(request.subject),
            ),
            opened,
        )
        return pb.ExplainGroundResponse(
            allowed=answer.allowed,
            ground_id=answer.ground.id if answer.ground else "",
            kind=answer.kind or "",
            switch=answer.switch,
            decision_by=answer.decision_by or "",
            fields=answer.fields,
            reasons=[pb.Reason(ground_id=r.ground, step=str(r.step), code=r.code, text=r.text) for r in answer.reasons],
        )

    def ListGrounds(self, request: pb.ListGroundsRequest, context: grpc.ServicerContext) -> pb.ListGroundsResponse:  # noqa: ARG002, N802
        """The grounds in force that day."""
        on = _day(request.on)
        return pb.ListGroundsResponse(
            grounds=[
                pb.Ground(
                    ground_id=ground.id,
                    title=ground.title_sv,
                    citation=ground.citation,
                    kind=ground.kind,
                    effective_from=ground.effective_from.isoformat(),
                    effective_to=ground.effective_to.isoformat() if ground.effective_to else "",
                    digest=ground.digest,
                )
                for ground in self._decisions.law.grounds.values()
                if ground.effective_from <= on <= (ground.effective_to or date.max)
            ]
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("on: datumet går inte att läsa. Skriv till exempel 2026-11-23.") from None


def _subject(text: str) -> Subject | None:
    if text and text not in get_args(Subject):
        raise Invalid("subject: ordet finns inte i listan.")
    return text or None  # type: ignore[return-value]  # checked on the line above
