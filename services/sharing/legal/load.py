"""Reads the law from its files, and refuses a wrong or incomplete set: the message says which file and which id."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TypeVar

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
    NotABasis,
    RecordKind,
    Register,
    SecrecyClass,
    SecrecyFile,
    Sender,
    SenderFile,
    Statute,
    Writing,
)
from services.sharing.legal.prepared import Key, Misfit, Reason, Route, Rule, Shut, receiver_groups, routes_of, rule_of, shut_by

__all__ = ["FOLDER", "Law", "LawError", "Reason", "law", "load_law"]

FOLDER = Path(__file__).parent.parent
"""Where the law of this distribution lies: `legal_bases/` and `matrix/`."""

M = TypeVar("M", bound=BaseModel)


class LawError(ValueError):
    """The files of the law are wrong; the message names file and id."""


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
    flows: Mapping[str, Flow]
    sets: Mapping[str, tuple[str, ...]]
    register: Register
    not_a_basis: Mapping[str, NotABasis]
    rules: tuple[Rule, ...]
    closed: Mapping[Key, tuple[Shut, ...]]
    look_alikes: Mapping[Key, tuple[Reason, ...]]
    implied: Mapping[str, frozenset[str]]
    classes: frozenset[str]
    receivers: Mapping[str, Mapping[str, str]]

    @property
    def openable(self) -> frozenset[str]:
        """What a jurist can open: the flows that ship off, and the grounds that are not verified."""
        flows = {flow.id for flow in self.flows.values() if flow.switch == "off"}
        return frozenset(flows | {ground.id for ground in self.grounds.values() if not ground.verified})


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
        "receivers": frozenset(row.code for row in known.receivers) | set(receiver_groups(known)),
        "opens": frozenset(code for code, row in classes.items() if not row.never),
        "brake": frozenset(brake_by_id),
        "decision_by": frozenset(flows.decided_by),
    }
    grounds, statutes = _grounds(folder / "legal_bases", words)
    writings = {row.id: row for row in brakes.write}
    closed = _read(matrix / "closed.toml", ClosedFile)
    for number, row in enumerate(closed.closed, 1):
        _check_words(f"closed.toml, row {number}", row, {**words, "grounds": frozenset(grounds)})
    for near in closed.not_a_basis:
        _check_words(f"closed.toml, {near.id}", near, words)
        if near.id in grounds:
            raise LawError(f"closed.toml, {near.id}: is a ground")
    register = _read(matrix / "register.toml", Register)
    lists = {**words, "writes": frozenset(writings), "serves": frozenset(register.purposes), "goes": frozenset(register.set_words)}
    routes = list(_routes(flows, grounds, lists, known))
    keys = [(kind, row.code) for kind in flows.record_kinds for row in known.receivers]
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
        flows={flow.id: flow for flow in flows.flow},
        sets=flows.sets,
        register=register,
        not_a_basis={row.id: row for row in closed.not_a_basis},
        rules=tuple(
            rule_of(ground, flows, [route for route in routes if route[1].ground is ground], known)
            for ground in sorted(grounds.values(), key=lambda ground: PRECEDENCE.index(ground.precedence))
        ),
        closed={key: tuple(shut_by(row) for row in closed.closed if _is_about(row, key)) for key in keys},
        look_alikes={
            key: tuple(
                Reason("", 6, row.id, f"{row.citation} är ingen grund: {row.why}") for row in closed.not_a_basis if _is_about(row, key)
            )
            for key in keys
        },
        implied={code: frozenset((code, *sender.implies)) for code, sender in senders.items()},
        classes=frozenset(classes),
        receivers=_receivers(flows.record_kinds, known),
    )


def _grounds(folder: Path, words: Mapping[str, frozenset[str]]) -> tuple[dict[str, Ground], dict[str, str]]:
    """Every version by its id, and the statute it stands in. Raises LawError."""
    grounds: dict[str, Ground] = {}
    statutes: dict[str, str] = {}
    for file in sorted(folder.glob("*.toml")):
        statute = _read(file, Statute)
        _check_series(file.name, statute.version)
        for ground in statute.version:
            where = f"{file.name}, {ground.id}"
            if ground.id in grounds:
                raise LawError(f"{where}: the id is taken")
            if not ground.verified and not ground.shut_because:
                raise LawError(f"{where}: not verified, and shut_because does not say why")
            _check_words(where, ground, words)
            grounds[ground.id] = ground
            statutes[ground.id] = statute.statute
    if not grounds:
        raise LawError(f"{folder}: no grounds")
    return grounds, statutes


def _is_about(row: Closed | NotABasis, key: Key) -> bool:
    """Whether a row speaks of this record kind to this receiver kind."""
    kind, receiver = key
    return kind in row.record_kinds and (row.receivers is None or receiver in row.receivers)


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
    file: FlowFile, grounds: Mapping[str, Ground], words: Mapping[str, frozenset[str]], known: Reference
) -> Iterator[tuple[Key, Route]]:
    """Every flow on each of its grounds to each of its receivers. Raises LawError when a flow is wrong."""
    lists = {**words, "grounds": frozenset(grounds), "goes": words["goes"] & set(file.sets), "secrecy": words["opens"]}
    lists |= {"not_sender_kinds": words["sender_kinds"], "record_kind": words["record_kinds"]}
    seen: set[str] = set()
    for flow in file.flow:
        where = f"flows.toml, {flow.id}"
        if flow.id in seen:
            raise LawError(f"{where}: the id is taken")
        seen.add(flow.id)
        _check_words(where, flow, lists)
        try:
            yield from routes_of(flow, file, grounds, known)
        except Misfit as error:
            raise LawError(f"{where}: {error}") from error
