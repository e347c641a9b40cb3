"""What no message may hold, whatever its rules say: an instant that is none, an enum's number without a name, a NUL in a text.

Nor may a list of an enum hold the one that says nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.kernel.errors import Invalid

INSTANT = "google.protobuf.Timestamp"
FIRST_S, LAST_S = -2_208_988_800, 7_258_118_399
"""The years 1900 to 2199, UTC: every instant in them is a day in every calendar we count in."""
NANOS = 1_000_000_000
# A row of a file is answered cell by cell; a word of a newer service changes nothing at an older one, and is no fault.
ELSEWHERE = frozenset({"los.common.v1.TableRow.cells", "los.common.v1.RecordOutcome.status"})
"""Fields that whoever reads them judges."""
# What a rule of the contract says, to whoever reads Swedish; `{}` is its limit.
SAID: Mapping[str, str] = {
    "required": "fältet måste fyllas i.",
    "string.min_len": "fältet måste fyllas i.",
    "string.max_len": "skriv högst {} tecken.",
    "string.len": "skriv exakt {} tecken.",
    "string.uuid": "id:t har fel form.",
    "string.pattern": "texten har fel form.",
    "string.in": "välj ett av svaren.",
    "enum.defined_only": "välj ett av svaren.",
    "enum.not_in": "välj ett av svaren.",
    "repeated.min_items": "ange minst {}.",
    "repeated.max_items": "ange högst {}.",
    "map.max_pairs": "ange högst {}.",
    "int32.gte_lte": "talet är för litet eller för stort.",
    "int64.gt": "talet är för litet.",
}


def said(rule: str, limit: object) -> str:
    """What is wrong when a rule of the contract is broken."""
    return SAID.get(rule, "värdet har fel form.").format(limit)


def require_well_formed(message: Message, path: str = "") -> None:
    """Raises Invalid, naming the field."""
    listed: Any = message.ListFields()
    for field, value in listed:
        name = f"{path}{field.name}"
        if field.full_name in ELSEWHERE:
            continue
        for one in _each(field, value):
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                _require_inner(one, name)
            elif field.type == FieldDescriptor.TYPE_STRING and "\x00" in one:
                raise Invalid(f"{name}: texten innehåller ett tecken som inte går att spara.")
            elif field.type == FieldDescriptor.TYPE_ENUM and (
                one not in field.enum_type.values_by_number or (field.is_repeated and not one)
            ):
                raise Invalid(f"{name}: värdet finns inte.")


def _require_inner(message: Any, name: str) -> None:  # noqa: ANN401  # a message, or a plain value of a map
    if not isinstance(message, Message):
        if isinstance(message, str) and "\x00" in message:
            raise Invalid(f"{name}: texten innehåller ett tecken som inte går att spara.")
        return
    if message.DESCRIPTOR.full_name != INSTANT:
        require_well_formed(message, f"{name}.")
    elif not (FIRST_S <= message.seconds <= LAST_S and 0 <= message.nanos < NANOS):  # type: ignore[attr-defined]
        raise Invalid(f"{name}: tidpunkten går inte att läsa, eller ligger utanför åren 1900–2199.")


def _each(field: Any, value: Any) -> Iterable[Any]:  # noqa: ANN401
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return (*value.keys(), *value.values())
    return value if field.is_repeated else (value,)
