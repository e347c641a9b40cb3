"""The fields of workflows 5.2 and 6.2 beside what we have: `python -m tests.registry.field_table` writes docs/record-fields.md."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from los.registry.v1 import registry_pb2
from sqlalchemy import Table

from services.registry.domain import alert, payment, supplier
from services.registry.store import tables

ROWS = Path(__file__).with_name("workflow_fields.toml")
DOCUMENT = Path(__file__).parents[2] / "docs" / "record-fields.md"
RECORDS = {
    "alert": ("Folkbokföring alert (workflows 5.2)", alert.FORM, tables.alert),
    "payment": ("Suspected payment (workflows 6.2)", payment.FORM, tables.suspected_payment),
    "supplier_check": ("Supplier check (workflows 6.2)", supplier.FORM, tables.supplier_check),
}
# What may stand in a message for a type of the workflows. Days, months and amounts are text (proto/los/common/v1/common.proto).
TYPES: Mapping[str, frozenset[str]] = {
    "enum": frozenset({"enum", "string"}),
    "int": frozenset({"int32"}),
    "bool": frozenset({"bool"}),
    "list[enum]": frozenset({"repeated string", "repeated message"}),
    "list[ref]": frozenset({"repeated string"}),
    "list[notice_id]": frozenset({"repeated message"}),
}
TEXT = frozenset({"string"})
SECRET = 2


def fields() -> Mapping[str, list[dict[str, Any]]]:
    """The rows as they were copied, by record."""
    return tomllib.loads(ROWS.read_text(encoding="utf-8"))


def found(at: str) -> FieldDescriptor:
    """The field of the contract. Raises KeyError when there is none."""
    message, _, name = at.partition(".")
    return registry_pb2.DESCRIPTOR.message_types_by_name[message].fields_by_name[name]


def kind(field: FieldDescriptor) -> str:
    """Its type in words: `repeated string`, `enum`."""
    names = {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_INT32: "int32",
        FieldDescriptor.TYPE_ENUM: "enum",
        FieldDescriptor.TYPE_BOOL: "bool",
    }
    name = names.get(field.type, "message")
    return f"repeated {name}" if field.is_repeated else name


def column(row: Mapping[str, Any], table: Table) -> str | None:
    """The column that it stands in, in plain text. Raises KeyError when the table has none of that name."""
    if "column" not in row:
        return None
    name, _, of_another = row["column"].partition(".")
    return str((table.metadata.tables[name] if of_another else table).c[of_another or name].name)


def differences(record: str, row: Mapping[str, Any], guards: set[tuple[str, str]]) -> Iterator[str]:
    """What is not as the workflow has it; `guards` are methods and the field that they refuse first."""
    _, form, table = RECORDS[record]
    if "missing" in row:
        yield "missing"
        return
    field = found(row["at"])
    if kind(field) not in TYPES.get(row["type"], TEXT):
        yield f"type {kind(field)}"
    needed = {entry.name for entry in form.fields if entry.needed}
    how, _, guard = row.get("ensured", "").partition(" ")
    ensured = {"form": field.name in needed, "system": True, "guard": tuple(guard.split()) in guards}.get(how, False)
    if row["required"].startswith("y") != ensured:
        yield f"required {row['required']}, ensured by {how or 'nothing'}"
    if row["sensitivity"] >= SECRET and column(row, table) is not None:
        yield "in plain text"


def document() -> str:
    """The table as it is read."""
    text = [
        "# The fields of records",
        "",
        "Made by `python -m tests.registry.field_table` from `tests/registry/workflow_fields.toml`, the contract, the forms and the",
        "tables. Sensitivity: 0 public, 1 internal, 2 personal, 3 secret, 4 protected or suspicion of crime. *Sealed*: encrypted with",
        "the record's own key.",
    ]
    for record, rows in fields().items():
        title, _, table = RECORDS[record]
        text += [
            "",
            f"## {title}",
            "",
            "| field | in the workflow | type | required | sensitivity | here | as | kept | remark |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            place, as_, kept = ("–", "–", "–")
            if "at" in row:
                place, as_, kept = f"`{row['at']}`", kind(found(row["at"])), f"`{column(row, table)}`" if "column" in row else "sealed"
            remark = f"not built: {row['missing']}" if "missing" in row else row.get("differs", "")
            cells = (row["sv"], f"`{row['name']}`", row["type"], row["required"], row["sensitivity"], place, as_, kept, remark)
            text.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join((*text, ""))


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
