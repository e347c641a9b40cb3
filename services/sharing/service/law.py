"""Questions about the law; nothing is stored."""

from datetime import date
from typing import Any, get_args

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.clock import iso
from services.kernel.errors import Invalid, NotFound
from services.sharing.legal import Question, choose
from services.sharing.legal.data import Matter, Subject
from services.sharing.legal.prepared import Rule
from services.sharing.legal.register import in_words, register
from services.sharing.legal.standing import flows_on, standing, versions
from services.sharing.service.parts import Parts


class LawMethods(Parts):
    """The methods about the law."""

    def ExplainGround(self, request: pb.ExplainGroundRequest, context: grpc.ServicerContext) -> pb.ExplainGroundResponse:  # noqa: ARG002, N802
        """A dry answer, by what a jurist of this kommun has opened; nothing is stored."""
        law = self._decisions.law
        answer = choose(
            law,
            Question(
                record_kind=request.record_kind,
                sender_kinds=frozenset(request.sender_kinds),
                receiver=request.receiver,
                on=_day(request.on),
                on_request=request.on_request,
                secrecy=frozenset(request.secrecy) or None,
                subject=_word("subject", request.subject, Subject),
                matter=_word("matter", request.matter, Matter),
            ),
            self._opened(),
        )
        return pb.ExplainGroundResponse(
            allowed=answer.allowed,
            ground_id=answer.ground.id if answer.ground else "",
            kind=answer.kind or "",
            switch=answer.switch,
            decision_by=answer.decision_by or "",
            fields=answer.fields,
            reasons=[pb.Reason(ground_id=r.ground, step=str(r.step), code=r.code, text=r.text) for r in answer.reasons],
            citation=answer.ground.citation if answer.ground else "",
            flow=law.flows[answer.flow].name if answer.flow else "",
            channel=answer.channel,
            brake=law.brakes[answer.brake].text if answer.brake else "",
        )

    def ListGrounds(self, request: pb.ListGroundsRequest, context: grpc.ServicerContext) -> pb.ListGroundsResponse:  # noqa: ARG002, N802
        """The grounds in force that day, or every version; each with how it stands here now."""
        on, opened = _day(request.on) if request.on else None, self._opened()
        return pb.ListGroundsResponse(
            grounds=[self._ground(rule, opened) for rule in self._decisions.law.rules if on is None or rule.first <= on <= rule.last]
        )

    def GetGround(self, request: pb.GetGroundRequest, context: grpc.ServicerContext) -> pb.GetGroundResponse:  # noqa: ARG002, N802
        """A version as it is kept."""
        law, opened = self._decisions.law, self._opened()
        rule = next((rule for rule in law.rules if rule.ground.id == request.ground_id), None)
        if rule is None:
            raise NotFound
        ground = rule.ground
        brake = law.brakes.get(ground.brake or "")
        return pb.GetGroundResponse(
            ground=self._ground(rule, opened),
            rule=ground.rule_sv,
            verified=ground.verified,
            effective_from_verified=ground.effective_from_verified,
            initiative=ground.initiative,
            senders=[law.sender_kinds[code].word for code in ground.sender_kinds],
            secrecy=[law.secrecy_classes[code].word for code in ground.opens],
            decided_by=law.decided_by[ground.decision_by],
            brake=brake.text if brake else "",
            checklist=brake.checklist if brake else (),
            fields_allowed=ground.fields_allowed,
            fields_never=ground.fields_never,
            sources=ground.source,
            gdpr=ground.gdpr.art6,
            flows=[
                pb.GroundFlow(
                    flow=laid.flow,
                    name=law.flows[laid.flow].name,
                    record_kind=law.flows[laid.flow].record_kind,
                    receivers=sorted({route.receiver for route in laid.routes}),
                    switch=laid.switch,
                    note=law.flows[laid.flow].note,
                )
                for laid in flows_on(rule, opened)
            ],
            versions=[
                pb.GroundVersion(
                    ground_id=each.id, sfs=each.sfs, effective_from=each.effective_from.isoformat(), effective_to=iso(each.effective_to)
                )
                for each in versions(law, ground)
            ],
        )

    def ListLawWords(self, request: pb.ListLawWordsRequest, context: grpc.ServicerContext) -> pb.ListLawWordsResponse:  # noqa: ARG002, N802
        """The words that a question of the law is asked in."""
        law = self._decisions.law
        return pb.ListLawWordsResponse(
            record_kinds=[pb.LawWord(code=code, word=row.word) for code, row in law.record_kinds.items()],
            sender_kinds=[pb.LawWord(code=code, word=row.word) for code, row in law.sender_kinds.items()],
            secrecy=[pb.LawWord(code=code, word=row.word) for code, row in law.secrecy_classes.items()],
            flows=[pb.LawWord(code=code, word=row.name, note=row.note) for code, row in law.flows.items()],
            decided_by=[pb.LawWord(code=code, word=word) for code, word in law.decided_by.items()],
        )

    def ListRegister(self, request: pb.ListRegisterRequest, context: grpc.ServicerContext) -> pb.ListRegisterResponse:  # noqa: ARG002, N802
        """What anybody may know of what the kommun can tell; what a jurist has not opened is not in it."""
        law = self._decisions.law
        return pb.ListRegisterResponse(
            entries=[
                pb.RegisterEntry(
                    flow=entry.id,
                    name=entry.name,
                    purpose=entry.purpose,
                    benefit=entry.benefit,
                    power=in_words(entry.power),
                    data=entry.data,
                    senders=[law.sender_kinds[code].word for code in entry.senders],
                    receivers=entry.receivers,
                    decided_by=entry.decided_by,
                    method=entry.method,
                    start_date=entry.start,
                    note=entry.note,
                )
                for entry in register(law, self._opened())
            ],
            retention=law.register.retention,
            review=law.register.review,
        )

    def _opened(self) -> frozenset[str]:
        with self._database.transaction() as tx:
            return self._store.open_flows(tx)

    def _ground(self, rule: Rule, opened: frozenset[str]) -> pb.Ground:
        ground, stands = rule.ground, standing(rule, opened)
        return pb.Ground(
            ground_id=ground.id,
            title=ground.title_sv,
            citation=ground.citation,
            kind=ground.kind,
            effective_from=ground.effective_from.isoformat(),
            effective_to=iso(ground.effective_to),
            digest=ground.digest,
            statute=self._decisions.law.statutes[ground.id],
            sfs=ground.sfs,
            record_kinds=sorted(rule.record_kinds),
            receivers=sorted(rule.receivers),
            switch=stands.switch,
            why=stands.why,
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("on: datumet går inte att läsa. Skriv till exempel 2026-11-23.") from None


def _word(field: str, text: str, words: Any) -> Any:  # noqa: ANN401  # one of the words of a Literal, or None for an empty text
    if text and text not in get_args(words):
        raise Invalid(f"{field}: ordet finns inte i listan.")
    return text or None
