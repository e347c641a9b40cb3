"""Choose the ground and minimise: pure functions over the law (sharing-matrix 1.1 to 1.4 and 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, TypeVar

from services.kernel.errors import Invalid
from services.sharing.legal.data import Closed, Ground, Subject
from services.sharing.legal.load import Law, Reason, Route

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Question:
    """May this go to them, that day?

    `receiver` is a receiver kind or an agency. `secrecy` are the classes of the fields that would go: None takes the
    default (1.2), an empty set or "none" says that nothing is secret. `subject` None says nothing of the matter (a dry
    question), "nobody" that the record has no subject. `deciding_body` is the receiver kind that decided the benefit:
    None in a dry question; a record whose body is unknown says "", which no receiver is.
    """

    record_kind: str
    sender_kinds: frozenset[str]
    receiver: str
    on: date
    on_request: bool = False
    secrecy: frozenset[str] | None = None
    subject: Subject | None = None
    deciding_body: str | None = None


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
        """Whether there is a ground on an open flow."""
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
        return None if self.route is None else self.route.ground.decision_by

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


def choose(law: Law, question: Question, opened: frozenset[str] = frozenset()) -> Answer:  # noqa: ARG001
    """The ground that lets this go, or why none does. Raises Invalid for a word the law does not know."""
    kind = question.record_kind
    receiver, senders, secrecy = _understood(law, question)
    on, subject, body, asked = question.on, question.subject, question.deciding_body, question.on_request
    key = (kind, receiver)
    chosen: Route | None = None
    is_off = False
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
            else rule.shut if rule.shut is not None
            else "condition" if rule.subjects is not None and subject not in rule.subjects
            else "deciding_body" if rule.deciding_body_only and body is not None and body != receiver
            else "no_own_field" if kind not in rule.own_kinds
            else None
        )  # fmt: skip
        if code is None:
            route = _open_route(rule.routes.get(key, ()), senders, subject, secrecy)
            if route is not None:
                code = "applies" if chosen is None else "outranked"
                chosen = chosen or route
            elif rule.ground.kind == "permission" and _ships_off(law, rule.ground.id, key, senders, secrecy):
                code = "off"
                is_off = True
            else:
                code = "no_flow"
        reasons.append(rule.why[code])
    if chosen is not None:
        return Answer(chosen, chosen.switch, chosen.fields[subject], secrecy, tuple(reasons))
    reasons += [Reason(row.grounds[0] if row.grounds else "", 6, row.switch, row.text) for row in _rows(law.closed, key, senders, secrecy)]
    return Answer(None, "off" if is_off else "none", (), secrecy, tuple(reasons))


def minimise(answer: Answer, fields: Mapping[str, V]) -> tuple[dict[str, V], tuple[LeftOut, ...]]:
    """What goes, in the order of the flow, and what does not, with the reason of each. It never adds a field."""
    kept = {name: fields[name] for name in answer.fields if name in fields}
    left = tuple(LeftOut(name, code, _LEFT_OUT[code]) for name in fields if name not in kept for code in (_why_left(answer.route, name),))
    return kept, left


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


def _open_route(
    routes: Iterable[Route],
    senders: frozenset[str],
    subject: str | None,
    secrecy: frozenset[str],
) -> Route | None:
    """The flow that is open for this, if any."""
    for route in routes:
        if route.is_open(senders, subject, secrecy):
            return route
    return None


def _ships_off(law: Law, ground: str, key: tuple[str, str], senders: frozenset[str], secrecy: frozenset[str]) -> bool:
    """Whether a permission without an open flow is one a jurist may open, rather than one that must not exist.

    To the four agencies and inside the kommun a flow that chapter 5 does not name must not exist; elsewhere it is off.
    """
    if key[1] not in law.shut_for_good:
        return True
    rows = _rows(law.closed, key, senders, secrecy)
    return any(row.switch == "off" and ground in row.grounds for row in rows)


def _rows(closed: Iterable[Closed], key: tuple[str, str], senders: frozenset[str], secrecy: frozenset[str]) -> Iterable[Closed]:
    """The rows that say why this flow is shut."""
    kind, receiver = key
    return (
        row
        for row in closed
        if kind in row.record_kinds
        and (row.receivers is None or receiver in row.receivers)
        and (row.sender_kinds is None or not senders.isdisjoint(row.sender_kinds))
        and (secrecy or not row.secrecy)
    )


def _why_left(route: Route | None, name: str) -> str:
    """The code of why this field does not go."""
    if route is None:
        return "no_ground"
    if name in route.never or name.startswith(route.never_under):
        return "never"
    return "not_needed" if name in route.ground.fields_allowed else "not_in_ground"
