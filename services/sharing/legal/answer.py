"""Choose the ground and minimise: pure functions over the law (sharing-matrix 1.1 to 1.4 and 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeVar

from services.kernel.errors import Invalid
from services.sharing.legal.data import Ground, Matter, Subject
from services.sharing.legal.load import Law
from services.sharing.legal.prepared import Key, Reason, Route

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Question:
    """May this go to them, that day?

    `receiver` is a receiver kind or an agency. `secrecy` are the classes of the fields that would go: None takes the
    default (1.2), an empty set or "none" says that nothing is secret. `subject` None says nothing of the matter (a dry
    question), "nobody" that the record has no subject. `deciding_body` is the receiver kind that decided the benefit:
    None in a dry question; a record whose body is unknown says "", which no receiver is. `matter` is what the record is
    about where a ground asks for it: None meets no such ground.
    """

    record_kind: str
    sender_kinds: frozenset[str]
    receiver: str
    on: date
    on_request: bool = False
    secrecy: frozenset[str] | None = None
    subject: Subject | None = None
    deciding_body: str | None = None
    matter: Matter | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer, with every ground's reason, in the order they were tried. No route: nothing may go."""

    route: Route | None
    switch: Literal["on", "off", "outside", "none"]
    fields: tuple[str, ...]
    secrecy: frozenset[str]
    reasons: tuple[Reason, ...]

    @property
    def allowed(self) -> bool:
        """Whether there is a ground on an open flow, or a duty that a person carries out outside the platform."""
        return self.route is not None

    @property
    def ground(self) -> Ground | None:
        """The version of the ground that holds."""
        return None if self.route is None else self.route.ground

    @property
    def kind(self) -> str | None:
        """`duty` or `permission`."""
        return None if self.route is None else self.route.ground.kind

    @property
    def decision_by(self) -> str | None:
        """Who decides (sharing-matrix 8)."""
        return None if self.route is None else self.route.decision_by

    @property
    def brake(self) -> str | None:
        """The brake text the officer is shown (6.1); None when the law has none."""
        return None if self.route is None else self.route.ground.brake

    @property
    def writes(self) -> str | None:
        """What the officer writes (6.2)."""
        return None if self.route is None else self.route.writes

    @property
    def flow(self) -> str | None:
        """The id of the flow (5)."""
        return None if self.route is None else self.route.flow

    @property
    def channel(self) -> bool:
        """Whether it goes over the bus; else a person sends it another way (M11)."""
        return self.route is not None and self.route.channel


class LeftOut(NamedTuple):
    """A field that does not go, and why."""

    field: str
    code: str
    text: str


_LEFT_OUT = {
    "no_ground": "det finns ingen grund att lämna något",
    "never": "lämnas aldrig till den här mottagaren",
    "not_in_ground": "står inte bland det som grunden tillåter",
    "not_needed": "behövs inte hos mottagaren",
}


def choose(law: Law, question: Question, opened: frozenset[str] = frozenset()) -> Answer:
    """The ground that lets this go, or why none does. Raises Invalid for a word the law does not know.

    `opened` are the flows that ship off and the unverified grounds that a jurist of the kommun has opened
    (`Law.openable`); it opens nothing that does not exist.
    """
    kind = question.record_kind
    receiver, senders, secrecy = _understood(law, question)
    on, subject, body, asked = question.on, question.subject, question.deciding_body, question.on_request
    key = (kind, receiver)
    chosen: Route | None = None
    switch: Literal["off", "none"] = "none"
    reasons = []
    for rule in law.rules:
        code = (  # sharing-matrix 1.3, steps 1 and 2, in its order
            "not_yet_in_force" if on < rule.first
            else "no_longer_in_force" if on > rule.last
            else "record_kind" if kind not in rule.record_kinds
            else "sender" if rule.senders.isdisjoint(senders)
            else "receiver" if receiver not in rule.receivers
            else "asked" if asked and rule.not_asked
            else "not_asked" if not asked and rule.only_asked
            else "secrecy" if not secrecy <= rule.opens
            else "unverified" if not rule.ground.verified and rule.ground.id not in opened
            else "automation" if not rule.automated
            else "condition" if not rule.is_met(subject, question.matter, receiver)
            else "deciding_body" if rule.deciding_body_only and body is not None and body != receiver
            else "no_own_field" if kind not in rule.own_kinds
            else None
        )  # fmt: skip
        if code is None:
            fitting = [route for route in rule.routes.get(key, ()) if route.is_for(senders, subject, secrecy)]
            route = next((route for route in fitting if route.switch != "off" or route.flow in opened), None)
            if route is not None:
                code = "applies" if chosen is None else "outranked"
                chosen = chosen or route
            elif fitting:
                code = switch = "off"
            else:
                code = "no_flow"
        reasons.append(rule.why[code])
    if chosen is None:
        return Answer(None, switch, (), secrecy, (*reasons, *_why_shut(law, key, senders)))
    if chosen.switch == "outside":
        reasons.append(chosen.why_outside)
    return Answer(chosen, "outside" if chosen.switch == "outside" else "on", chosen.fields[subject], secrecy, tuple(reasons))


def minimise(answer: Answer, fields: Mapping[str, V]) -> tuple[dict[str, V], tuple[LeftOut, ...]]:
    """What goes, in the order of the flow, and what does not, with the reason of each. It never adds a field."""
    kept = {name: fields[name] for name in answer.fields if name in fields}
    left = [(name, _why_left(answer.route, name)) for name in fields if name not in kept]
    return kept, tuple(LeftOut(name, code, _LEFT_OUT[code]) for name, code in left)


def _understood(law: Law, question: Question) -> tuple[str, frozenset[str], frozenset[str]]:
    """The receiver kind, the sender kinds with what they imply, the secrecy classes. Raises Invalid."""
    words = law.receivers.get(question.record_kind)
    if words is None:
        raise Invalid("record_kind: ordet finns inte i listan.")
    receiver = words.get(question.receiver)
    if receiver is None:
        raise Invalid("receiver: ordet finns inte i listan.")
    try:
        senders = frozenset().union(*[law.implied[code] for code in question.sender_kinds])
    except KeyError:
        raise Invalid("sender_kinds: ordet finns inte i listan.") from None
    secrecy = question.secrecy
    if secrecy is None:
        secrecy = _default_secrecy(law, question)
    elif "none" in secrecy:
        secrecy = secrecy - {"none"}
    if not secrecy <= law.classes:
        raise Invalid("secrecy: ordet finns inte i listan.")
    return receiver, senders, secrecy


def _default_secrecy(law: Law, question: Question) -> frozenset[str]:
    """The classes when none is stated (1.2). An invitation says nothing secret: a plan states its class."""
    if question.record_kind == "control_invitation":
        return frozenset()
    kinds = (law.sender_kinds[code] for code in question.sender_kinds)
    return frozenset(kind.secrecy for kind in kinds if kind.secrecy is not None)


def _why_shut(law: Law, key: Key, senders: frozenset[str]) -> Iterable[Reason]:
    """What the matrix says of a flow that does not exist, and what looks like a ground for it and is none."""
    yield from law.look_alikes[key]
    yield from (row.why for row in law.closed[key] if row.speaks_of(senders))


def _why_left(route: Route | None, name: str) -> str:
    """The code of why this field does not go."""
    if route is None:
        return "no_ground"
    if name in route.never:
        return "never"
    return "not_needed" if name in route.allowed else "not_in_ground"
