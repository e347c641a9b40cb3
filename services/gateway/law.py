"""The jurist's pages: the grounds, one ground as it is kept, "may we?" for a made-up case, and what a recorded decision opens.

Everything is asked of sharing; nothing here knows the law. A question is in the address, for it is about nobody.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from fastapi import APIRouter, Request, Response
from los.sharing.v1 import sharing_pb2 as pb
from los.sharing.v1.sharing_pb2_grpc import SharingServiceStub

from services.gateway.door import Door, Who
from services.gateway.forms import Filled, Sent, answered, asked, needed
from services.gateway.web import go_to, page, receiver
from services.gateway.words import FIELDS, GROUND_KINDS, INITIATIVES, MATTERS, SUBJECTS, SWITCHES, Choice, choices
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.reference import reference

JURIST = (Role.JURIST,)
SECRECY_MAX = 5
REFERENCE_MAX = 60
NO_CLASS = "none"  # the contract's word


def routes(door: Door) -> APIRouter:
    """The pages of the law."""
    router, pages = APIRouter(), _Pages(door)
    router.add_api_route("/juridik", pages.grounds, methods=["GET"])
    router.add_api_route("/juridik/grunder/{ground_id}", pages.ground, methods=["GET"])
    router.add_api_route("/juridik/far-vi", pages.may_we, methods=["GET"])
    router.add_api_route("/juridik/beslut", pages.switches, methods=["GET"])
    router.add_api_route("/juridik/beslut/{name}", pages.switch_form, methods=["GET"])
    router.add_api_route("/juridik/beslut/{name}", pages.switch, methods=["POST"])
    return router


def start(door: Door, request: Request, who: Who) -> Response:  # noqa: ARG001  # as the others
    """The jurist begins with the grounds."""
    return go_to("/juridik")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in words: a row for each thing that is said, then the fields, then what was said of each ground."""

    allowed: bool
    ground_id: str
    rows: Mapping[str, str]
    fields: list[str]
    near: list[str]
    steps: list[pb.Reason]


@dataclass(frozen=True, slots=True)
class Switch:
    """What ships off: what it is called, how it stands, and the latest decision."""

    name: str
    word: str
    note: str
    open: bool
    latest: pb.FlowSwitch | None
    ground: bool


class _Pages:
    def __init__(self, door: Door) -> None:
        self._door = door

    def grounds(self, request: Request) -> Response:
        """The grounds of a day, of every kind or of one."""
        said, law = _query(request), self._door.services(self._door.require(request)).sharing
        on = said.text("on") if "on" in said.values else today().isoformat()
        found: list[pb.Ground] = []
        try:
            found = list(answered(lambda: law.ListGrounds(pb.ListGroundsRequest(on=on))).grounds)
        except Invalid as problem:
            said = said.wrong(problem)
        kind, to = said.text("record_kind"), said.text("receiver")
        words = _words(law.ListLawWords(pb.ListLawWordsRequest()).record_kinds)
        rows = [row for row in found if (not kind or kind in row.record_kinds) and (not to or to in row.receivers)]
        return page(
            request,
            "grounds.html",
            said.status,
            rows=rows,
            kinds=words,
            receivers=_receivers(),
            said=said,
            on=on,
            ground_kinds=GROUND_KINDS,
            standings=SWITCHES,
        )

    def ground(self, request: Request, ground_id: str) -> Response:
        """One version of a ground, as it is kept."""
        law = self._door.services(self._door.require(request)).sharing
        found = law.GetGround(pb.GetGroundRequest(ground_id=ground_id))
        kinds = _words(law.ListLawWords(pb.ListLawWordsRequest()).record_kinds)
        rows = [
            ("Lag", f"{found.ground.statute[:1].upper()}{found.ground.statute[1:]}"),
            ("Lagrum", found.ground.citation),
            ("Lydelse", found.ground.sfs),
            ("Slag", GROUND_KINDS.get(found.ground.kind, found.ground.kind)),
            ("Gäller från och med", _since(found)),
            ("Gäller till och med", found.ground.effective_to or "tills vidare"),
            ("När", INITIATIVES.get(found.initiative, found.initiative)),
            ("Uppgifter", ", ".join(kinds.get(code, code) for code in found.ground.record_kinds)),
            ("Från", ", ".join(found.senders)),
            ("Till", ", ".join(receiver(code) for code in found.ground.receivers) or "ingen i våra listor"),
            ("Sekretess som den bryter", "; ".join(found.secrecy) or "ingen"),
            ("Vem beslutar", found.decided_by),
            ("Dataskyddsförordningen", f"artikel {found.gdpr}"),
            ("Kontrollsumma", found.ground.digest),
        ]
        return page(request, "ground.html", found=found, rows=rows, standings=SWITCHES)

    def may_we(self, request: Request) -> Response:
        """A made-up case, and what the law says of it; with a second day, what differs."""
        said, law = _query(request), self._door.services(self._door.require(request)).sharing
        words = law.ListLawWords(pb.ListLawWordsRequest())
        days, answers = [said.text("on"), *([said.text("other_day")] if said.text("other_day") else [])], []
        if said.values:
            try:
                _complete(said)
                every = law.ListGrounds(pb.ListGroundsRequest()).grounds
                near = {row.ground_id for row in every if _is_near(row, said)}
                answers = [_in_words(answered(_ask(law, said, day)), words, near) for day in days]
            except Invalid as problem:
                said, answers = said.wrong(problem), []
        return page(
            request,
            "may_we.html",
            said.status,
            said=said,
            days=days,
            answers=answers,
            rows=_side_by_side(answers),
            fields=list(dict.fromkeys(name for answer in answers for name in answer.fields)),
            record_kinds=_words(words.record_kinds).items(),
            sender_kinds=_words(words.sender_kinds).items(),
            secrecy=[(NO_CLASS, "inget av det är sekretess"), *_words(words.secrecy).items()],
            receivers=_receivers(),
            subjects=SUBJECTS.items(),
            matters=MATTERS.items(),
            today=today().isoformat(),
        )

    def switches(self, request: Request) -> Response:
        """What a recorded decision can open, and every decision there has been."""
        who = self._door.require(request)
        found, made = self._switches(who)
        names, people = {row.name: row.word for row in found}, self._door.names(row.person for row in made)
        return page(request, "switches.html", rows=found, made=made, names=names, people=people, is_jurist=who.role is Role.JURIST)

    def switch_form(self, request: Request, name: str) -> Response:
        """The decision to write."""
        return self._switch_page(request, self._door.allowed(request, JURIST), name, Sent())

    def switch(self, request: Request, name: str, form: Filled) -> Response:
        """First what follows of it, to confirm; then it is done."""
        who = self._door.allowed(request, JURIST, form)
        try:
            _decided(form)
            if not form.text("confirmed"):
                return self._switch_page(request, who, name, form, confirm=True)
            wanted = pb.SwitchFlowRequest(
                request_id=form.request_id,
                name=name,
                open=form.text("open") == "1",
                decision_reference=form.text("decision_reference"),
                reason=form.text("reason"),
            )
            asked(lambda: self._door.services(who).sharing.SwitchFlow(wanted))
        except (Invalid, Conflict) as problem:
            return self._switch_page(request, who, name, form.wrong(problem))
        return go_to("/juridik/beslut")

    def _switches(self, who: Who) -> tuple[list[Switch], list[pb.FlowSwitch]]:
        law = self._door.services(who).sharing
        found = law.ListFlowSwitches(pb.ListFlowSwitchesRequest())
        flows = {row.code: row for row in law.ListLawWords(pb.ListLawWordsRequest()).flows}
        grounds = {row.ground_id: row for row in law.ListGrounds(pb.ListGroundsRequest()).grounds}
        latest = {row.name: row for row in found.flow_switches}
        rows = []
        for name in found.may_be_opened:
            flow, ground = flows.get(name), grounds.get(name)
            word = flow.word if flow else f"{ground.title} ({ground.citation})" if ground else name
            last = latest.get(name)
            rows.append(Switch(name, word, flow.note if flow else "", last is not None and last.open, last, flow is None))
        return rows, list(reversed(found.flow_switches))

    def _switch_page(self, request: Request, who: Who, name: str, said: Sent, *, confirm: bool = False) -> Response:
        row = next((row for row in self._switches(who)[0] if row.name == name), None)
        if row is None:
            raise NotFound
        template = "switch_confirm.html" if confirm else "switch.html"
        return page(request, template, said.status, row=row, said=said)


def _query(request: Request) -> Sent:
    """The question in the address."""
    return Sent({name: request.query_params.getlist(name) for name in request.query_params})


def today() -> date:
    """The Swedish day."""
    return datetime.now(STOCKHOLM).date()


def _words(rows: Iterable[pb.LawWord]) -> dict[str, str]:
    return dict(choices(rows))


def _receivers() -> list[Choice]:
    return sorted(choices(reference().receivers), key=lambda choice: choice[1].lower())


def _since(found: pb.GetGroundResponse) -> str:
    return found.ground.effective_from + ("" if found.effective_from_verified else " (dagen är inte kontrollerad)")


def _complete(said: Sent) -> None:
    """Raises Invalid for what a browser lets through and the contract would say in English."""
    for field, what in (
        ("record_kind", "välj vad uppgiften gäller."),
        ("sender_kinds", "välj vem som lämnar."),
        ("receiver", "välj vem som ska få den."),
        ("on", "ange en dag."),
    ):
        needed(said, field, what)
    for field in ("on", "other_day"):
        try:
            date.fromisoformat(said.text(field) or "2000-01-01")
        except ValueError:
            raise Invalid(f"{field}: datumet går inte att läsa. Skriv till exempel 2026-11-23.") from None
    if len(said.all("secrecy")) > SECRECY_MAX:
        raise Invalid(f"secrecy: välj högst {SECRECY_MAX}.")


def _decided(form: Sent) -> None:
    """Raises Invalid before there is anything to confirm."""
    for field, what in (("decision_reference", "ange beslutets nummer."), ("reason", "skriv varför.")):
        needed(form, field, what)
    if len(form.text("decision_reference")) > REFERENCE_MAX:
        raise Invalid(f"decision_reference: skriv högst {REFERENCE_MAX} tecken.")


def _ask(law: SharingServiceStub, said: Sent, day: str) -> Callable[[], pb.ExplainGroundResponse]:
    wanted = pb.ExplainGroundRequest(
        record_kind=said.text("record_kind"),
        sender_kinds=[said.text("sender_kinds")],
        receiver=said.text("receiver"),
        on=day,
        on_request=bool(said.text("on_request")),
        secrecy=said.all("secrecy"),
        subject=said.text("subject"),
        matter=said.text("matter"),
    )
    return lambda: law.ExplainGround(wanted)


def _is_near(ground: pb.Ground, said: Sent) -> bool:
    """Whether a ground speaks of this kind of thing to this receiver at all."""
    return said.text("record_kind") in ground.record_kinds and said.text("receiver") in ground.receivers


def _in_words(answer: pb.ExplainGroundResponse, words: pb.ListLawWordsResponse, near: set[str]) -> Answer:
    return Answer(
        allowed=answer.allowed,
        ground_id=answer.ground_id,
        rows={
            "Svar": _verdict(answer),
            "Grund": answer.citation,
            "Skyldighet eller möjlighet": GROUND_KINDS.get(answer.kind, ""),
            "Flöde": answer.flow,
            "Vem beslutar": _words(words.decided_by).get(answer.decision_by, ""),
            "Lagens egen prövning": answer.brake,
            "Väg": _way(answer),
        },
        fields=[FIELDS.get(name, name) for name in answer.fields],
        near=[reason.text for reason in answer.reasons if not reason.ground_id or reason.ground_id in near],
        steps=list(answer.reasons),
    )


def _verdict(answer: pb.ExplainGroundResponse) -> str:
    if not answer.allowed:
        return "Nej. Det finns en möjlighet som juristen inte har öppnat." if answer.switch == "off" else "Nej. Uppgiften får inte lämnas."
    return "Ja, uppgiften ska lämnas." if answer.kind == "duty" else "Ja, uppgiften får lämnas."


def _way(answer: pb.ExplainGroundResponse) -> str:
    if not answer.allowed:
        return ""
    if answer.switch == "outside":
        return "En person lämnar uppgiften utanför plattformen."
    return "Krypterad till mottagarens eget ämne." if answer.channel else "En person lämnar uppgiften på annat sätt, och skriver hur."


def _side_by_side(answers: list[Answer]) -> list[tuple[str, list[str], bool]]:
    """A row for each thing that is said of some day: the word, each day's, whether they differ."""
    if not answers:
        return []
    rows = [(word, [answer.rows[word] for answer in answers]) for word in answers[0].rows]
    return [(word, said, len(set(said)) > 1) for word, said in rows if any(said)]
