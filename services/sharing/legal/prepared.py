"""The law made ready for questions: sets expanded, flows laid on their grounds, sentences made. Nothing here reads a file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from services.kernel.reference import Receiver, Reference
from services.sharing.legal.data import Closed, Flow, FlowFile, Ground, Matter, Subject

Key = tuple[str, str]
"""Record kind and receiver kind."""

INSIDE = frozenset({"kommun-namnd", "kommunalt-bolag"})
"""Sender kinds of the kommun itself."""

_NUMBERS = {
    "subject.personal_identity_number": "personnummer",
    "subject.coordination_number": "samordningsnummer",
}
# Condition -> who meets it; None among these = the question says nothing of it (1.3 step 1).
_SUBJECTS: Mapping[str | None, frozenset[Subject | None]] = {
    "registered_person": frozenset({"personnummer", None}),
    "coordination_number": frozenset({"samordningsnummer"}),
    "individual": frozenset({"personnummer", "samordningsnummer", None}),
}
_MATTERS: frozenset[Matter] = frozenset({"environment", "alcohol", "assistance"})
_TAXES = "skatteverket-beskattning"
_AUTOMATED = {"human_decision", "may_send_after_field_check"}
_OUTSIDE_THE_PLATFORM = {
    "intake_only": "kan bara ge något att ta emot, aldrig något att lämna vidare",
    "status_only": "kan bara ge besked om att ett ärende har öppnats eller stängts",
    "architecture": "är en regel om drift, ingen väg för en uppgift",
    "never": "används inte: samtycke är aldrig grund för att något lämnas härifrån",
    "human_only_outside_platform": "används inte av plattformen; en person hanterar det utanför",
    "prompt_only_outside_platform": "används inte av plattformen; anmälan görs direkt till mottagaren",
}
_CONDITIONS = {
    "registered_person": "gäller den som är eller har varit folkbokförd",
    "coordination_number": "gäller den som har ett samordningsnummer",
    "individual": "gäller en enskild persons förmån",
    "receiver_pays": "gäller när mottagaren betalar ut en förmån eller beskattar",
    "environment": "gäller brott mot miljöbalken",
    "alcohol": "gäller servering eller försäljning av alkohol",
    "assistance": "gäller assistansersättning som används till annat",
}


class Reason(NamedTuple):
    """Why a ground holds or falls: the step of sharing-matrix 1.3, a code, and a Swedish sentence."""

    ground: str
    step: int
    code: str
    text: str


class Fields:
    """The fields that patterns name: by name, as a subtree `x.*`, or as everything `*`. `name in Fields(patterns)`."""

    __slots__ = ("_names", "_under")

    def __init__(self, patterns: Iterable[str]) -> None:
        """Sort the patterns, so that asking is quick."""
        self._names = frozenset(patterns)
        self._under = tuple(pattern.removesuffix("*") for pattern in self._names if pattern.endswith("*"))

    def __contains__(self, name: str) -> bool:
        return name in self._names or name.startswith(self._under)


class Misfit(ValueError):
    """A flow that does not fit its ground; the message says how."""


@dataclass(frozen=True, slots=True)
class Route:
    """One flow on one ground to one receiver kind, ready to answer with. `fields` by subject."""

    flow: str
    switch: Literal["on", "off", "outside"]
    ground: Ground
    receiver: str
    channel: bool
    decision_by: str
    writes: str
    why_outside: Reason
    senders: frozenset[str] | None
    not_senders: frozenset[str]
    not_subjects: frozenset[str | None]
    secrecy: frozenset[str] | None
    fields: Mapping[str | None, tuple[str, ...]]
    allowed: Fields
    never: Fields

    def is_for(self, senders: frozenset[str], subject: str | None, secrecy: frozenset[str]) -> bool:
        """Whether this flow is for these senders, this subject and these classes."""
        return (
            (self.senders is None or not self.senders.isdisjoint(senders))
            and self.not_senders.isdisjoint(senders)
            and subject not in self.not_subjects
            and (self.secrecy is None or (bool(secrecy) and secrecy <= self.secrecy))
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A ground with its sets expanded and its sentences made. `only_to`: who meets a condition on the receiver."""

    ground: Ground
    first: date
    last: date
    record_kinds: frozenset[str]
    own_kinds: frozenset[str]
    senders: frozenset[str]
    receivers: frozenset[str]
    opens: frozenset[str]
    subjects: frozenset[Subject | None] | None
    matter: Matter | None
    only_to: frozenset[str] | None
    not_asked: bool
    only_asked: bool
    deciding_body_only: bool
    automated: bool
    routes: Mapping[Key, tuple[Route, ...]]
    why: Mapping[str, Reason]

    def is_met(self, subject: Subject | None, matter: Matter | None, receiver: str) -> bool:
        """Whether the condition of the ground is met. A question that says nothing meets only what 1.3 says it meets."""
        return (
            (self.subjects is None or subject in self.subjects)
            and (self.matter is None or self.matter == matter)
            and (self.only_to is None or receiver in self.only_to)
        )


@dataclass(frozen=True, slots=True)
class Shut:
    """Why there is no flow, ready to say."""

    sender_kinds: frozenset[str] | None
    why: Reason

    def speaks_of(self, senders: frozenset[str]) -> bool:
        """Whether it is about these senders."""
        return self.sender_kinds is None or not senders.isdisjoint(self.sender_kinds)


def shut_by(row: Closed) -> Shut:
    """The row, prepared."""
    kinds = None if row.sender_kinds is None else frozenset(row.sender_kinds)
    return Shut(kinds, Reason(next(iter(row.grounds), ""), 6, row.switch, row.text))


def expanded(codes: Iterable[str], known: Reference) -> frozenset[str]:
    """The codes with groups replaced by their members."""
    groups = receiver_groups(known)
    return frozenset(member for code in codes for member in groups.get(code, {code}))


def receiver_groups(known: Reference) -> dict[str, frozenset[str]]:
    """The receiver words that stand for many (sharing-matrix 1.1). The list of 2016:775 is not captured, so it is empty."""
    return {
        "any-swedish-authority": frozenset(row.code for row in known.receivers if row.is_swedish_authority),
        "statlig-myndighet": frozenset(row.code for row in known.receivers if row.group == "state"),
        "skatteverket": frozenset(row.code for row in known.receivers if row.agency == "skatteverket"),
        "kommun-namnd": frozenset(row.code for row in known.receivers if row.group == "municipal" and row.code.endswith("namnd")),
        "statlig-myndighet-listad-2016-775": frozenset(),
    }


def routes_of(flow: Flow, file: FlowFile, grounds: Mapping[str, Ground], known: Reference) -> Iterator[tuple[Key, Route]]:
    """The flow on each of its grounds to each of its receivers. Raises Misfit when it does not fit its ground."""
    for ground in (grounds[code] for code in flow.grounds):
        if flow.record_kind not in ground.record_kinds:
            raise Misfit(f"{ground.id} does not speak of {flow.record_kind}")
        reached = expanded(ground.receivers, known)
        if flow.receivers is None:
            receivers = sorted(code for code in reached if known.receivers[code].agency is None)
        else:
            receivers = list(flow.receivers)
        for receiver in receivers:
            if receiver not in reached:
                raise Misfit(f"{ground.id} does not reach {receiver}")
            yield (flow.record_kind, receiver), _route(flow, ground, known.receivers[receiver], file)


def _route(flow: Flow, ground: Ground, receiver: Receiver, file: FlowFile) -> Route:
    """One flow on one ground to one receiver kind. Raises Misfit when it would carry what must never go."""
    allowed = Fields(ground.fields_allowed)
    never = Fields((*ground.fields_never, *flow.must_not, *file.sets["NEVER"]))
    wanted = [name for part in ("ENV", *flow.goes) for name in file.sets[part]]
    for name in wanted:
        if name in never:
            raise Misfit(f"{name} is on a never-list and in the flow")
    fields = tuple(name for name in dict.fromkeys(wanted) if name in allowed)
    for part in flow.goes:
        if not any(name in fields for name in file.sets[part]):
            raise Misfit(f"{ground.id} allows no field of {part}")
    firm = frozenset(file.sets["SOLE_TRADER"])
    by_subject: dict[str | None, tuple[str, ...]] = {}
    for subject in (None, "personnummer", "samordningsnummer", "company", "nobody"):
        fitting = [name for name in fields if _NUMBERS.get(name) in {None, subject or "personnummer"}]
        by_subject[subject] = tuple(name for name in fitting if subject not in _NUMBERS.values() or name not in firm)
    inside = INSIDE if flow.receivers is None and receiver.group == "municipal" else frozenset[str]()
    return Route(
        flow=flow.id,
        switch=flow.switch,
        ground=ground,
        receiver=receiver.code,
        channel=receiver.keyed and flow.switch != "outside" and "sender.case_number" in fields,
        decision_by=flow.decision_by or ground.decision_by,
        writes=flow.writes,
        why_outside=Reason(ground.id, 6, "outside", f"En person lämnar uppgiften utanför plattformen. {flow.note}".rstrip()),
        senders=None if flow.sender_kinds is None else frozenset(flow.sender_kinds),
        not_senders=frozenset(flow.not_sender_kinds) | inside,
        not_subjects=frozenset(flow.not_subjects),
        secrecy=None if flow.secrecy is None else frozenset(flow.secrecy),
        fields=by_subject,
        allowed=allowed,
        never=never,
    )


def rule_of(ground: Ground, file: FlowFile, routes: Iterable[tuple[Key, Route]], known: Reference) -> Rule:
    """The ground, prepared, with the flows that lie on it."""
    by_key: dict[Key, tuple[Route, ...]] = {}
    for key, route in routes:
        by_key[key] = (*by_key.get(key, ()), route)
    kinds = frozenset(file.record_kinds if "any" in ground.record_kinds else ground.record_kinds)
    pays = frozenset(row.code for row in known.receivers if row.decides) | {_TAXES}
    return Rule(
        ground=ground,
        first=ground.effective_from,
        last=ground.effective_to or date.max,
        record_kinds=kinds,
        own_kinds=frozenset(
            kind for kind, row in file.record_kinds.items() if row.own and any(name.startswith(row.own) for name in ground.fields_allowed)
        ),
        senders=expanded(ground.sender_kinds, known) | frozenset(ground.sender_kinds),
        receivers=expanded(ground.receivers, known),
        opens=frozenset(ground.opens),
        subjects=_SUBJECTS.get(ground.condition),
        matter=next((matter for matter in _MATTERS if matter == ground.condition), None),
        only_to=pays if ground.condition == "receiver_pays" else None,
        not_asked=ground.initiative == "own_initiative",
        only_asked=ground.initiative == "on_request",
        deciding_body_only=ground.deciding_body_only,
        automated=ground.automation in _AUTOMATED,
        routes=by_key,
        why={code: Reason(ground.id, step, code, text) for code, step, text in _sentences(ground)},
    )


def _sentences(ground: Ground) -> Iterator[tuple[str, int, str]]:
    """Code, step and Swedish sentence of everything that can be said of a ground."""
    name = ground.citation
    yield "not_yet_in_force", 1, f"{name} gäller först från och med {ground.effective_from}."
    yield "no_longer_in_force", 1, f"{name} gällde i den här lydelsen till och med {ground.effective_to}."
    yield "record_kind", 1, f"{name} gäller inte den sortens uppgift."
    yield "sender", 1, f"{name} gäller inte den som ska lämna uppgiften."
    yield "receiver", 1, f"{name} når inte den mottagaren."
    yield "asked", 1, f"{name} gäller på eget initiativ, inte som svar på en fråga."
    yield "not_asked", 1, f"{name} gäller bara när mottagaren har frågat."
    yield "secrecy", 1, f"{name} bryter inte sekretessen för uppgiften."
    yield "unverified", 1, f"{name} är avstängd, för den är inte kontrollerad. {ground.shut_because} En jurist i kommunen kan öppna den."
    if ground.automation in _OUTSIDE_THE_PLATFORM:
        yield "automation", 1, f"{name} {_OUTSIDE_THE_PLATFORM[ground.automation]}."
    yield "deciding_body", 1, f"{name} når bara den som beslutat förmånen, och det är inte mottagaren."
    if ground.condition:
        yield "condition", 1, f"{name} {_CONDITIONS[ground.condition]}; det är inte visat här."
    yield "no_own_field", 2, f"{name} tillåter inget fält av uppgiften själv, bara ett kuvert."
    step = 3 if ground.precedence == "open_facts" else 4 if ground.kind == "duty" else 5
    yield "no_flow", step, f"{name} passar, men det finns inget öppet flöde till mottagaren."
    yield "off", step, f"{name} ger en möjlighet, men den är inte öppnad i kommunen."
    yield "outranked", step, f"{name} gäller också, men en annan grund går före."
    kind = "en skyldighet" if ground.kind == "duty" else "en möjlighet"
    yield "applies", step, f"{name} gäller ({kind}). {ground.rule_sv}"
