"""What may stand inside the encryption: one closed type per record kind, receiver kind and change, made from the flows of the law.

A ground has a variant of its own where it lets other fields go. A flow that ships off, which a jurist may open, is in the type and marked
`off`: opening it is no change of the contract. What no flow of the bus carries has no type, and does not leave.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from services.kernel.errors import Invalid
from services.sharing.contract.fields import OPEN_FACTS, REFERENCES, TEXT, TYPES, UUID_TEXT, FieldType, one_of
from services.sharing.legal import Law
from services.sharing.legal.prepared import Route, Rule
from services.sharing.sealing import RECALLED_PURPOSE, Change, Event, Keys, SealedRecord, seal_event

Key = tuple[str, str]
"""Record kind and receiver kind."""


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """What may go on these grounds: `flows` and `grounds` by id, `switch` as it ships, the fields by name and those always there."""

    flows: tuple[str, ...]
    grounds: tuple[str, ...]
    switch: Literal["on", "off"]
    fields: Mapping[str, FieldType]
    required: frozenset[str]

    @property
    def name(self) -> str:
        """Stable: grounds are appended."""
        return self.grounds[0]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _sorted_once(ids: list[str]) -> list[str]:
    if ids != sorted(set(ids)):
        raise ValueError("not sorted")
    return ids


_REPLACES = Annotated[list[UUID_TEXT], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_sorted_once)]


class Contract:
    """The types of everything that may leave over the bus. `types[record kind, receiver kind][change][ground]`."""

    def __init__(self, rules: Law) -> None:
        """Made of the law once; some tenths of a second."""
        told = tuple(sorted(code for code, row in rules.secrecy_classes.items() if row.told))
        self.variants = _variants(rules)
        self.types = {key: _types(key, rows, told) for key, rows in self.variants.items()}

    def require(self, record_kind: str, receiver_kind: str, change: Change, content: bytes) -> None:
        """Raises Invalid, with the name of a field and never its value, when the content is not exactly of its type."""
        try:
            said = json.loads(content)
            model = self.types[record_kind, receiver_kind][change][said["legal"]["basis_id"]]
        except (ValueError, LookupError, TypeError):
            raise _refused("legal.basis_id") from None
        try:
            model.model_validate(said)
        except ValidationError as error:
            place = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
            raise _refused(".".join(str(part) for part in place if part != "fields")) from None

    def seal(self, event: Event, content: bytes, keys: Keys) -> SealedRecord:
        """`seal_event`, of what the contract has a type for. Raises Invalid. This is the only way out."""
        self.require(event.record_kind, event.receiver_kind, event.change, content)
        return seal_event(event, content, keys)


def _refused(field: str) -> Invalid:
    text = f"innehåll: {field} följer inte kontraktet med mottagaren. Inget har skickats."
    return Invalid(text, reason="CONTRACT_MISMATCH")


def _variants(rules: Law) -> Mapping[Key, tuple[Variant, ...]]:
    """Everything that a flow of the bus can carry, in a stable order."""
    found: dict[Key, dict[Any, list[tuple[str, str]]]] = {}
    for rule, key, route in sorted(_routes(rules), key=_order):
        same = (_carried(rule, route), rule.ground.precedence == "open_facts", _switch(rule, route))
        found.setdefault(key, {}).setdefault(same, []).append((route.flow, rule.ground.id))
    return {
        key: tuple(
            Variant(
                flows=tuple(dict.fromkeys(flow for flow, _ in pairs)),
                grounds=tuple(dict.fromkeys(ground for _, ground in pairs)),
                switch=switch,
                fields={name: OPEN_FACTS.get(name, TYPES[name]) if is_open else TYPES[name] for name in names},
                required=frozenset(rules.sets["ENV"]).intersection(names),
            )
            for (names, is_open, switch), pairs in rows.items()
        )
        for key, rows in sorted(found.items())
    }


def _order(row: tuple[Rule, Key, Route]) -> tuple[object, ...]:
    """What goes today before what ships off, and the oldest ground first: a new one comes last."""
    rule, key, route = row
    return (key, _switch(rule, route) == "off", rule.ground.effective_from, rule.ground.id)


def _switch(rule: Rule, route: Route) -> Literal["on", "off"]:
    return "off" if route.switch == "off" or not rule.ground.verified else "on"


def _routes(rules: Law) -> Iterator[tuple[Rule, Key, Route]]:
    """Every flow of the bus on each of its grounds, save one whose own facts no offer can say (they are free text)."""
    for rule in rules.rules:
        for key, routes in rule.routes.items():
            own = rules.record_kinds[key[0]].own
            for route in routes:
                facts = {name for names in route.fields.values() for name in names if name.startswith(own)} - REFERENCES
                if rule.automated and key[0] in rule.own_kinds and route.channel and (not facts or not facts.isdisjoint(TYPES)):
                    yield rule, key, route


def _carried(rule: Rule, route: Route) -> tuple[str, ...]:
    """The fields for every subject that the ground and the flow are for; what no offer can say has no type."""
    subjects = {"personnummer", "samordningsnummer", "company", "nobody"} - route.not_subjects
    if rule.subjects is not None:
        subjects &= rule.subjects
    names = {name for subject in subjects for name in route.fields[subject]}
    return tuple(name for name in TYPES if name in names)


def _types(key: Key, rows: tuple[Variant, ...], told: tuple[str, ...]) -> Mapping[Change, Mapping[str, type[BaseModel]]]:
    """Change -> ground -> model. Grounds of one variant share theirs, and what is recalled is the same on every ground."""
    shared = {variant: _content(key, variant, told) for variant in rows}
    nothing = Variant((), tuple(ground for variant in rows for ground in variant.grounds), "on", {}, frozenset())
    recalled = create_model("recalled", __base__=_content(key, nothing, told), purpose=(one_of(RECALLED_PURPOSE), ...))
    corrected = {variant: create_model(variant.name, __base__=model, replaces=(_REPLACES, ...)) for variant, model in shared.items()}
    by_change: Mapping[Change, Mapping[Variant, type[BaseModel]]] = {
        "shared": shared,
        "corrected": corrected,
        "recalled": dict.fromkeys(rows, recalled),
    }
    return {change: {ground: models[variant] for variant in rows for ground in variant.grounds} for change, models in by_change.items()}


def _content(key: Key, variant: Variant, told: tuple[str, ...]) -> type[BaseModel]:
    """The type of what is shared on these grounds."""
    kind, receiver = key
    grounds = one_of(*variant.grounds)
    fields: dict[str, Any] = {
        name: (grounds if name == "legal.basis_id" else field.type, ... if name in variant.required else None)
        for name, field in variant.fields.items()
    }
    return create_model(
        variant.name if variant.flows else "recalled",
        __base__=_Part,
        aud=(one_of(receiver), ...),
        disclosure_id=(UUID_TEXT, ...),
        record_kind=(one_of(kind), ...),
        purpose=(TEXT, ...),
        legal=(create_model("legal", __base__=_Part, basis_id=(grounds, ...), citation=(TEXT, ...), sfs=(TEXT, ...)), ...),
        secrecy=(list[one_of(*told)], ...),  # type: ignore[misc, arg-type]  # the classes of the law's data
        fields=(create_model("fields", __base__=_Part, **fields), ...),
    )
