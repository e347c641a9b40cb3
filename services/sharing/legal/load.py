"""Reads the law from its files, refuses a wrong or incomplete set, and prepares it so that a question is quick."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from services.kernel.reference import Reference, reference
from services.sharing.legal.data import (
    PRECEDENCE,
    Brake,
    BrakeFile,
    Closed,
    ClosedFile,
    Flow,
    FlowFile,
    Ground,
    MessageFile,
    RecordKind,
    SecrecyClass,
    SecrecyFile,
    Sender,
    SenderFile,
    Statute,
    Writing,
)

FOLDER = Path(__file__).parent.parent
"""Where the law of this distribution lies: `legal_bases/` and `matrix/`."""

_NUMBERS = {
    "subject.personal_identity_number": "personnummer",
    "subject.coordination_number": "samordningsnummer",
}
_SUBJECTS = {  # condition -> subjects that meet it; None = the question says nothing of the matter (1.3 step 1)
    None: None,
    "registered_person": frozenset({"personnummer", None}),
    "coordination_number": frozenset({"samordningsnummer"}),
    "individual": frozenset({"personnummer", "samordningsnummer", None}),
}
_AUTOMATED = {"human_decision", "may_send_after_field_check"}

M = TypeVar("M", bound=BaseModel)


class LawError(ValueError):
    """The files of the law are wrong; the message names file and id."""


class Reason(NamedTuple):
    """Why a ground holds or falls: the step of sharing-matrix 1.3, a code, and a Swedish sentence."""

    ground: str
    step: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """One flow on one ground to one receiver kind, ready to answer with."""

    flow: str
    switch: Literal["on", "outside"]
    ground: Ground
    receiver: str
    channel: bool
    writes: str
    senders: frozenset[str] | None
    not_senders: frozenset[str]
    not_subjects: frozenset[str | None]
    secrecy: frozenset[str] | None
    fields: Mapping[str | None, tuple[str, ...]]
    never: frozenset[str]
    never_under: tuple[str, ...]

    def is_open(self, senders: frozenset[str], subject: str | None, secrecy: frozenset[str]) -> bool:
        """Whether this flow is for these senders, this subject and these classes."""
        return (
            (self.senders is None or not self.senders.isdisjoint(senders))
            and self.not_senders.isdisjoint(senders)
            and subject not in self.not_subjects
            and (self.secrecy is None or (bool(secrecy) and secrecy <= self.secrecy))
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A ground with its sets expanded and its sentences made."""

    ground: Ground
    first: date
    last: date
    record_kinds: frozenset[str]
    own_kinds: frozenset[str]
    senders: frozenset[str]
    receivers: frozenset[str]
    opens: frozenset[str]
    subjects: frozenset[str | None] | None
    not_asked: bool
    only_asked: bool
    deciding_body_only: bool
    shut: str | None
    routes: Mapping[tuple[str, str], tuple[Route, ...]]
    why: Mapping[str, Reason]


@dataclass(frozen=True, slots=True)
class Law:
    """Everything the engine knows. `rules` stand in the order of sharing-matrix 1.3."""

    grounds: Mapping[str, Ground]
    statutes: Mapping[str, str]
    record_kinds: Mapping[str, RecordKind]
    decided_by: Mapping[str, str]
    sender_kinds: Mapping[str, Sender]
    secrecy_classes: Mapping[str, SecrecyClass]
    brakes: Mapping[str, Brake]
    writings: Mapping[str, Writing]
    messages: Mapping[str, str]
    closed: tuple[Closed, ...]
    rules: tuple[Rule, ...]
    implied: Mapping[str, frozenset[str]]
    classes: frozenset[str]
    receivers: Mapping[str, Mapping[str, str]]
    shut_for_good: frozenset[str]
    may_be_opened: frozenset[str] = frozenset({"plan-fk"})


@cache
def law() -> Law:
    """The law of this distribution, read once."""
    return load_law(FOLDER)


def load_law(folder: Path) -> Law:
    """The law in `folder` (with `legal_bases/` and `matrix/`). Raises LawError, with file and id, when it is wrong."""
    known = reference()
    matrix = folder / "matrix"
    flows = _read(matrix / "flows.toml", FlowFile)
    brakes = _read(matrix / "brakes.toml", BrakeFile)
    senders = {sender.code: sender for sender in _senders(_read(matrix / "senders.toml", SenderFile), known)}
    classes = {row.code: row for row in _read(matrix / "secrecy.toml", SecrecyFile).class_}
    brake_by_id = {brake.id: brake for brake in brakes.brake}
    words = {
        "record_kinds": frozenset(flows.record_kinds),
        "sender_kinds": frozenset(senders),
        "receivers": frozenset(row.code for row in known.receivers) | set(_groups(known)),
        "opens": frozenset(code for code, row in classes.items() if not row.never),
        "brake": frozenset(brake_by_id),
        "decision_by": frozenset(flows.decided_by),
    }
    grounds: dict[str, Ground] = {}
    statutes: dict[str, str] = {}
    for file in sorted((folder / "legal_bases").glob("*.toml")):
        statute = _read(file, Statute)
        _check_series(file.name, statute.version)
        for ground in statute.version:
            if ground.id in grounds:
                raise LawError(f"{file.name}, {ground.id}: the id is taken")
            _check_words(f"{file.name}, {ground.id}", ground, words)
            grounds[ground.id] = ground
            statutes[ground.id] = statute.statute
    if not grounds:
        raise LawError(f"{folder / 'legal_bases'}: no grounds")
    writings = {row.id: row for row in brakes.write}
    closed = _read(matrix / "closed.toml", ClosedFile).closed
    for number, row in enumerate(closed, 1):
        _check_words(f"closed.toml, row {number}", row, words)
    routes = list(_routes(flows, grounds, frozenset(writings), words, known))
    return Law(
        grounds=grounds,
        statutes=statutes,
        record_kinds=flows.record_kinds,
        decided_by=flows.decided_by,
        sender_kinds=senders,
        secrecy_classes=classes,
        brakes=brake_by_id,
        writings=writings,
        messages=_read(matrix / "messages.toml", MessageFile).messages,
        closed=closed,
        rules=tuple(
            _rule(ground, flows, [route for route in routes if route[1].ground is ground], known)
            for ground in sorted(grounds.values(), key=lambda ground: PRECEDENCE.index(ground.precedence))
        ),
        implied={code: frozenset((code, *sender.implies)) for code, sender in senders.items()},
        classes=frozenset(classes),
        receivers=_receivers(flows.record_kinds, known),
        shut_for_good=frozenset(row.code for row in known.receivers if row.agency is not None or row.group == "municipal"),
    )


def _read(file: Path, model: type[M]) -> M:
    """One file as its model. Raises LawError with file and, where there is one, id."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LawError(f"{file.name}: cannot be read: {error}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors()[0]
        place = fault["loc"]
        row = data.get(str(place[0]), []) if place else []
        at = place[1] if len(place) > 1 else None
        named = row[at] if isinstance(row, list) and isinstance(at, int) else {}
        name = named.get("id") or named.get("code") or "" if isinstance(named, dict) else ""
        where = ".".join(str(part) for part in place)
        raise LawError(f"{file.name}, {name or 'file'}: {where}: {fault['msg']}") from error


def _check_series(file: str, versions: tuple[Ground, ...]) -> None:
    """Versions of one provision (same file, same citation) follow one another. Raises LawError."""
    by_id = {ground.id: ground for ground in versions}
    if len(by_id) != len(versions):
        raise LawError(f"{file}: two versions have the same id")
    for ground in versions:
        last = ground.effective_to or date.max
        if last < ground.effective_from:
            raise LawError(f"{file}, {ground.id}: effective_to is before effective_from")
        if ground.supersedes is not None and ground.supersedes not in by_id:
            raise LawError(f"{file}, {ground.id}: supersedes {ground.supersedes}, which is missing")
        for other in versions:
            same = other is not ground and other.citation == ground.citation
            if same and ground.effective_from <= other.effective_from <= last:
                raise LawError(f"{file}, {ground.id}: overlaps {other.id}")


def _check_words(where: str, row: BaseModel, words: Mapping[str, frozenset[str]]) -> None:
    """Every word of the row is known. Raises LawError."""
    for name, known in words.items():
        value = getattr(row, name, None)
        for word in (value,) if isinstance(value, str) else value or ():
            if word not in known:
                raise LawError(f"{where}: {name}: unknown word {word!r}")


def _senders(file: SenderFile, known: Reference) -> Iterator[Sender]:
    """The sender kinds of the file, and every state agency as one."""
    yield from file.sender
    for row in known.receivers:
        if row.group == "state":
            yield Sender(code=row.code, word=row.word, implies=("statlig-myndighet",))


def _groups(known: Reference) -> dict[str, frozenset[str]]:
    """The receiver words that stand for many (sharing-matrix 1.1)."""
    return {
        "any-swedish-authority": frozenset(row.code for row in known.receivers if row.is_swedish_authority),
        "statlig-myndighet": frozenset(row.code for row in known.receivers if row.group == "state"),
        "skatteverket": frozenset(row.code for row in known.receivers if row.agency == "skatteverket"),
    }


def _expanded(codes: Iterable[str], known: Reference) -> frozenset[str]:
    """The codes with groups replaced by their members."""
    groups = _groups(known)
    return frozenset(member for code in codes for member in groups.get(code, {code}))


def _receivers(record_kinds: Iterable[str], known: Reference) -> dict[str, dict[str, str]]:
    """Record kind -> every word for a receiver -> its receiver kind (sharing-matrix 3).

    An agency that chapter 3 gives no receiver for a record kind answers as its first one: there is no flow to it.
    """
    first = {row.agency: row.code for row in reversed(tuple(known.receivers)) if row.agency is not None}
    return {
        kind: {agency.code: agency.receivers.get(kind, first[agency.code]) for agency in known.agencies}
        | {row.code: row.code for row in known.receivers}
        for kind in record_kinds
    }


def _routes(
    file: FlowFile,
    grounds: Mapping[str, Ground],
    writings: frozenset[str],
    words: Mapping[str, frozenset[str]],
    known: Reference,
) -> Iterator[tuple[tuple[str, str], Route]]:
    """Every flow on each of its grounds to each of its receivers. Raises LawError when a flow does not fit its ground."""
    seen: set[str] = set()
    for flow in file.flow:
        where = f"flows.toml, {flow.id}"
        if flow.id in seen:
            raise LawError(f"{where}: the id is taken")
        seen.add(flow.id)
        lists = {**words, "grounds": frozenset(grounds), "goes": frozenset(file.sets), "writes": writings}
        lists |= {"secrecy": words["opens"], "not_sender_kinds": words["sender_kinds"]}
        _check_words(where, flow, lists)
        if flow.record_kind not in file.record_kinds:
            raise LawError(f"{where}: unknown record kind {flow.record_kind!r}")
        for ground in (grounds[code] for code in flow.grounds):
            if flow.record_kind not in ground.record_kinds:
                raise LawError(f"{where}: {ground.id} does not speak of {flow.record_kind}")
            for receiver in flow.receivers:
                if receiver not in _expanded(ground.receivers, known):
                    raise LawError(f"{where}: {ground.id} does not reach {receiver}")
                yield (flow.record_kind, receiver), _route(where, flow, ground, receiver, file, known)


def _route(where: str, flow: Flow, ground: Ground, receiver: str, file: FlowFile, known: Reference) -> Route:
    """One flow on one ground to one receiver kind. Raises LawError when it would carry what must never go."""
    never = frozenset((*ground.fields_never, *flow.must_not, *file.sets["NEVER"]))
    under = tuple(pattern.removesuffix("*") for pattern in never if pattern.endswith(".*"))
    wanted = [name for part in ("ENV", *flow.goes) for name in file.sets[part]]
    for name in wanted:
        if name in never or name.startswith(under):
            raise LawError(f"{where}: {name} is on a never-list and in the flow")
    allowed = frozenset(ground.fields_allowed)
    fields = tuple(name for name in dict.fromkeys(wanted) if name in allowed)
    for part in ("ENV", *flow.goes):
        if allowed.isdisjoint(file.sets[part]):
            raise LawError(f"{where}: {ground.id} allows no field of {part}")
    number = "samordningsnummer" if ground.condition == "coordination_number" else "personnummer"
    firm = frozenset(file.sets["SOLE_TRADER"])
    by_subject: dict[str | None, tuple[str, ...]] = {}
    for subject in (None, "personnummer", "samordningsnummer", "company", "nobody"):
        fitting = [name for name in fields if _NUMBERS.get(name) in {None, subject or number}]
        by_subject[subject] = tuple(name for name in fitting if subject not in _NUMBERS.values() or name not in firm)
    return Route(
        flow=flow.id,
        switch=flow.switch,
        ground=ground,
        receiver=receiver,
        channel=known.receivers[receiver].keyed and flow.switch == "on",
        writes=flow.writes,
        senders=None if flow.sender_kinds is None else frozenset(flow.sender_kinds),
        not_senders=frozenset(flow.not_sender_kinds),
        not_subjects=frozenset(flow.not_subjects),
        secrecy=None if flow.secrecy is None else frozenset(flow.secrecy),
        fields=by_subject,
        never=never,
        never_under=under,
    )


def _rule(ground: Ground, file: FlowFile, routes: list[tuple[tuple[str, str], Route]], known: Reference) -> Rule:
    """The ground, prepared."""
    by_key: dict[tuple[str, str], tuple[Route, ...]] = {}
    for key, route in routes:
        by_key[key] = (*by_key.get(key, ()), route)
    shut = None
    if not ground.verified:
        shut = "unverified"
    elif ground.automation not in _AUTOMATED:
        shut = "automation"
    return Rule(
        ground=ground,
        first=ground.effective_from,
        last=ground.effective_to or date.max,
        record_kinds=frozenset(ground.record_kinds),
        own_kinds=frozenset(
            kind for kind, row in file.record_kinds.items() if any(name.startswith(row.own) for name in ground.fields_allowed)
        ),
        senders=_expanded(ground.sender_kinds, known) | frozenset(ground.sender_kinds),
        receivers=_expanded(ground.receivers, known),
        opens=frozenset(ground.opens),
        subjects=_SUBJECTS[ground.condition],
        not_asked=ground.initiative == "own_initiative",
        only_asked=ground.initiative == "on_request",
        deciding_body_only=ground.deciding_body_only,
        shut=shut,
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
    yield "unverified", 1, f"{name} är inte kontrollerad och får inte användas utan en jurists beslut."
    yield "automation", 1, f"{name} används inte av plattformen; en person hanterar det utanför."
    yield "deciding_body", 1, f"{name} når bara den som beslutat förmånen, och det är inte mottagaren."
    conditions = {
        "registered_person": "gäller den som är eller har varit folkbokförd",
        "coordination_number": "gäller den som har ett samordningsnummer",
        "individual": "gäller en enskild persons förmån",
    }
    yield "condition", 1, f"{name} {conditions.get(ground.condition or '', 'har ett villkor')}; det är inte visat här."
    yield "no_own_field", 2, f"{name} tillåter inget fält av uppgiften själv, bara ett kuvert."
    step = 3 if ground.precedence == "open_facts" else 4 if ground.kind == "duty" else 5
    yield "no_flow", step, f"{name} passar, men det finns inget öppet flöde till mottagaren."
    yield "off", step, f"{name} ger en möjlighet, men den är inte öppnad i kommunen."
    yield "outranked", step, f"{name} gäller också, men en annan grund går före."
    kind = "en skyldighet" if ground.kind == "duty" else "en möjlighet"
    yield "applies", step, f"{name} gäller ({kind}). {ground.rule_sv}"
