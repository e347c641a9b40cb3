"""The contract's messages as JSON: protobuf's own mapping, camelCase, and nothing that the contract does not have.

A body is checked against the very shape that the document shows. Empty text is absent in an answer.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema

from services.kernel.errors import Invalid

TIMESTAMP = "google.protobuf.Timestamp"
DATE_ENDINGS = ("_date", "observed_from", "observed_to", "valid_to")
DATE_LENGTH = 10
UUID_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
TEXT_PATTERN = "^[^\\u0000]*$"
"""PostgreSQL holds no NUL."""
# What pydantic calls a fault, and how it is said. What was sent is never repeated.
FAULTS = {
    "missing": "fältet måste finnas med.",
    "extra_forbidden": "fältet finns inte i gränssnittet.",
    "string_type": "ange text.",
    "string_too_long": "texten är för lång.",
    "string_too_short": "fältet får inte vara tomt.",
    "string_pattern_mismatch": "texten har fel form.",
    "int_type": "ange ett heltal.",
    "bool_type": "ange true eller false.",
    "list_type": "ange en lista.",
    "too_long": "listan är för lång.",
    "literal_error": "ange en av de koder som finns i gränssnittet.",
    "greater_than_equal": "talet är för litet.",
    "less_than_equal": "talet är för stort.",
    "json_invalid": "innehållet är inte JSON.",
}


class Shape(BaseModel):
    """A JSON object of the API."""

    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class Schemas(GenerateJsonSchema):
    """JSON Schema without the headings that pydantic makes up."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401  # pydantic's own type
        """Never: a field is named by its name."""
        del schema
        return False


@cache
def asked_shape(message: Descriptor, without: frozenset[str] = frozenset()) -> type[Shape]:
    """The shape of a body: the message but the fields `without`, which come another way."""
    return _shape(message, f"{message.name}", without, _asked_field)


@cache
def told_shape(message: Descriptor) -> type[Shape]:
    """The shape of an answer."""
    return _shape(message, f"{message.name}Answer" if "Response" not in message.name else message.name, frozenset(), _told_field)


@cache
def list_shape(rows: FieldDescriptor) -> type[Shape]:
    """A page of a list: its rows, and where the next page begins when there is one."""
    item: Any = told_shape(_message(rows))
    return create_model(f"{_message(rows).name}List", __base__=Shape, items=(list[item], ...), nextOffset=(str, _absent()))


def told(message: Message) -> dict[str, Any]:
    """An answer as JSON."""
    return {
        name: value
        for name, value in _without_empty(MessageToDict(message, always_print_fields_with_no_presence=True)).items()
        if name != "nextPageToken"
    }


def checked(shape: type[Shape], content: bytes | dict[str, Any]) -> dict[str, Any]:
    """The content, when it has the shape. Raises Invalid, the field first, when it has another one."""
    try:
        found = shape.model_validate_json(content) if isinstance(content, bytes) else shape.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        words = FAULTS.get(fault["type"], "värdet har fel form.")
        # A name that we do not have may be anything, also somebody's.
        place = fault["loc"][:-1] if fault["type"] == "extra_forbidden" else fault["loc"]
        name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        if fault["type"] == "extra_forbidden":
            words = "ett av fälten finns inte i gränssnittet."
        raise Invalid(f"{name}: {words}" if name else f"{words[:1].upper()}{words[1:]}") from None
    return found.model_dump(exclude_unset=True)


def _shape(message: Descriptor, name: str, without: frozenset[str], field_of: Callable[[FieldDescriptor], tuple[Any, Any]]) -> type[Shape]:
    fields: dict[str, Any] = {each.json_name: field_of(each) for each in message.fields if each.name not in without}
    return create_model(name, __base__=Shape, **fields)


def _absent() -> Any:  # noqa: ANN401  # pydantic's own
    return Field(default_factory=lambda: None)


def _asked_field(field: FieldDescriptor) -> tuple[Any, Any]:
    rule = field.GetOptions().Extensions[validate_pb2.field]
    if field.type == field.TYPE_STRING:
        text = rule.repeated.items.string if field.is_repeated else rule.string
        kind: Any = Annotated[str, Field(**dict(_text(field, text)))]
    elif field.type == field.TYPE_INT32:
        bounds = rule.int32
        kind = Annotated[int, Field(ge=bounds.gte if bounds.HasField("gte") else -(2**31), le=bounds.lte or 2**31 - 1)]
    elif field.type == field.TYPE_BOOL:
        kind = bool
    elif field.type == field.TYPE_ENUM:
        kind = Literal[tuple(_codes(field)[1:])]
    elif _message(field).full_name == TIMESTAMP:
        kind = Annotated[str, AfterValidator(_instant), Field(json_schema_extra={"format": "date-time"})]
    else:
        kind = asked_shape(_message(field))
    if field.is_repeated:
        return Annotated[list[kind], Field(max_length=rule.repeated.max_items or 100)], _absent()
    needed = rule.required or (field.type == field.TYPE_STRING and rule.string.min_len)
    return kind, Field() if needed else _absent()


def _instant(text: str) -> str:
    """RFC 3339, of any zone. Raises ValueError."""
    Timestamp().FromJsonString(text)
    return text


def _codes(field: FieldDescriptor) -> Sequence[str]:
    """The first one says that nothing was said."""
    assert field.enum_type is not None  # noqa: S101  # by its type
    return [value.name for value in field.enum_type.values]


def _message(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None  # noqa: S101  # by its type
    return field.message_type


def _text(field: FieldDescriptor, rule: validate_pb2.StringRules) -> Iterator[tuple[str, Any]]:
    if rule.max_len:
        yield "max_length", rule.max_len
    if rule.min_len:
        yield "min_length", rule.min_len
    yield "pattern", UUID_PATTERN if rule.uuid else (rule.pattern or TEXT_PATTERN)
    if _is_day(field) and rule.max_len == DATE_LENGTH:
        yield "json_schema_extra", {"format": "date"}


def _is_day(field: FieldDescriptor) -> bool:
    return field.name.endswith(DATE_ENDINGS)


def _told_field(field: FieldDescriptor) -> tuple[Any, Any]:
    kind: Any
    if field.type == field.TYPE_STRING:
        kind = Annotated[str, Field(json_schema_extra={"format": "date"})] if _is_day(field) and not field.is_repeated else str
    elif field.type == field.TYPE_BOOL:
        kind = bool
    elif field.type == field.TYPE_ENUM:
        kind = Literal[tuple(_codes(field))]
    elif field.type == field.TYPE_BYTES:
        kind = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
    elif field.type == field.TYPE_INT64:
        kind = Annotated[str, Field(pattern="^-?[0-9]+$")]
    elif field.type == field.TYPE_MESSAGE:
        instant = _message(field).full_name == TIMESTAMP
        kind = Annotated[str, Field(json_schema_extra={"format": "date-time"})] if instant else told_shape(_message(field))
    else:
        kind = int
    if field.is_repeated:
        return list[kind], Field()
    return kind, _absent() if field.has_presence or field.type == field.TYPE_STRING else Field()


def _without_empty(value: Any) -> Any:  # noqa: ANN401  # JSON
    if isinstance(value, dict):
        return {name: _without_empty(each) for name, each in value.items() if each != ""}
    if isinstance(value, list):
        return [_without_empty(each) for each in value]
    return value
