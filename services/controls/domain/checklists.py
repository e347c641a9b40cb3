"""Who looks at what on site, under which ground, and what each authority may decide (workflows 4.3). The rows are TOML beside this file."""

import tomllib
from collections.abc import Iterable
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from services.controls.domain.operations import Answer, Operation
from services.controls.domain.parties import SUPERVISION
from services.kernel.reference import Word, Words, reference

_STRICT = ConfigDict(extra="forbid")
FINDING = "control_finding"
"""The record kind in which a finding travels."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Item:
    """What is looked at: Swedish words, the area it is filed under, and the control ground, empty where the rules are none."""

    ground: str
    area: str
    word: str


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Checklist(Word):
    """One list of one authority: a unit's code, or a receiver kind. `source` cites the statute in Swedish."""

    authority: str
    source: str
    items: tuple[Item, ...]
    measures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class MeasureType(Word):
    """A kind of measure. `decided`: there is a decision that can be appealed; `amount`: whether it has one."""

    decided: bool = True
    amount: Literal["needed", "may", "none"] = "may"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Measures:
    """What may be decided, and after how many days somebody must look."""

    types: Words[MeasureType]
    open_days_max: int
    second_wave_days: int


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Checklists:
    """Every list, and the words of the areas."""

    lists: Words[Checklist]
    areas: Words[Word] = field(repr=False)

    def of(self, authority: str) -> tuple[Checklist, ...]:
        """The lists of one authority."""
        return tuple(row for row in self.lists if row.authority == authority)

    def covers(self, authority: str, ground: str, area: str) -> bool:
        """Whether the authority looks at this area under this ground."""
        return any((item.ground, item.area) == (ground, area) for row in self.of(authority) for item in row.items)

    def decides(self, authority: str, measure_type: str) -> bool:
        """Whether the authority may decide on this kind of measure. One without a list here knows that itself."""
        lists = self.of(authority)
        return measure_type in measures().types and (not lists or any(measure_type in row.measures for row in lists))

    def units_of(self, ground: str) -> frozenset[str]:
        """The units of the kommun that inspect under a ground."""
        own = (row for row in self.lists if row.authority in reference().units)
        return frozenset(row.authority for row in own if ground and any(item.ground == ground for item in row.items))


@cache
def measures() -> Measures:
    """The kinds of measures, read once. Raises ValueError when the data is wrong."""
    data = _data("measures")
    return Measures(types=_rows(data.pop("measure_type"), MeasureType), **data)


@cache
def checklists() -> Checklists:
    """The lists, read once. Raises ValueError, or KeyError with the code that is unknown, when the data is wrong."""
    data, known = _data("checklists"), reference()
    lists: Words[Checklist] = _rows(data["checklist"], Checklist)
    areas = Words([*(Word(code=row.code, word=row.word) for row in known.findings), *_rows(data["area"], Word)])
    for row in lists:
        kind = row.authority
        if kind in known.units:
            if FINDING not in known.units[kind].holds:
                raise ValueError(f"checklists.toml, {row.code}: {kind} has no supervision")
            kind = SUPERVISION
        known.receivers[kind]
        for item in row.items:
            areas[item.area]
            if item.ground and known.control_grounds[item.ground].authority_kind != kind:
                raise ValueError(f"checklists.toml, {row.code}: {item.ground} is another authority's ground")
        for code in row.measures:
            measures().types[code]
    return Checklists(lists=lists, areas=areas)


def inspects(operation: Operation, unit: str) -> bool:
    """Whether the unit makes its own inspection at an operation: as the one that plans it, or as a supervising nämnd that said yes.

    Which of the kommun's units answered follows from the ground that it named: a ground is one unit's.
    """
    if operation.unit == unit:
        return bool(operation.own_control_ground_id)
    answered = ((one.receiver_kind, one.reply) for one in operation.participations if one.reply is not None and one.reply.opens_plan)
    return any(unit in _units(party, reply.control_ground_id) for party, reply in answered)


def authorities(operation: Operation) -> tuple[str, ...]:
    """Who takes part: the unit that plans it, where it inspects itself, and all that said yes; a supervising nämnd as the unit it is."""
    own = [operation.unit] if operation.own_control_ground_id else []
    came = (one.receiver_kind for one in operation.participations if one.reply is not None and one.reply.answer is Answer.ACCEPTED)
    return behind(operation, (*own, *came))


def behind(operation: Operation, parties: Iterable[str]) -> tuple[str, ...]:
    """The authorities behind parties of an operation: themselves, or the units that a supervising nämnd turned out to be."""
    grounds = {one.receiver_kind: one.reply.control_ground_id for one in operation.participations if one.reply is not None}
    return tuple(dict.fromkeys(unit for party in parties for unit in sorted(_units(party, grounds.get(party, ""))) or [party]))


def _units(party: str, ground: str) -> frozenset[str]:
    """The units of the kommun behind a party of an operation: itself, or those that inspect under the ground that it named."""
    if party in reference().units:
        return frozenset({party})
    return checklists().units_of(ground) if party == SUPERVISION else frozenset()


def _data(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def _rows(rows: object, kind: type[Any]) -> Words[Any]:
    return Words(TypeAdapter(list[kind]).validate_python(rows))  # type: ignore[valid-type]
