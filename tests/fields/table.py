"""The fields of workflows 4.2, 5.2 and 6.2 beside what we have: `python -m tests.fields.table` writes docs/record-fields.md.

The rows lie beside this file, one TOML for each subject, named after its chapter and copied by hand from it: Swedish name (sv), name,
type, required, sensitivity (0 public, 1 internal, 2 personal, 3 secret, 4 protected or suspicion of crime).
- at: where it is in the contract, `Message.field`.
- ensured: "form" = the form refuses a record without it, "shape" = the contract does, "system" = we make it, "guard Method field" = the
  act is refused without it, which a test of the record's life has seen.
- column: its place in plain text; without one it is sealed in the content. derived: it is read from other rows, told in a word.
- differs: why type, requiredness or place is not the workflow's.
- missing: why it does not exist; docs/glossary.md says so too.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from los.controls.v1 import controls_pb2, findings_pb2, tips_pb2
from los.registry.v1 import registry_pb2
from sqlalchemy import Table

from services.controls.domain import objects
from services.controls.store import findings
from services.controls.store import tables as controls
from services.kernel.rows import Form
from services.registry.domain import alert, payment, supplier
from services.registry.store import tables as registry

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[1] / "docs" / "record-fields.md"


class Record(NamedTuple):
    """Where a record is: its contract, its table, and its form when it has one."""

    title: str
    contract: FileDescriptor
    table: Table
    form: Form[Any] | None = None


RECORDS = {
    "control_object": Record("Control object (workflows 4.2)", controls_pb2.DESCRIPTOR, controls.control_object, objects.FORM),
    "control_tip": Record("Control tip (workflows 4.2)", tips_pb2.DESCRIPTOR, controls.tip),
    "operation": Record("Control operation (workflows 4.2)", controls_pb2.DESCRIPTOR, controls.operation),
    "participation": Record("Participation (workflows 4.2)", controls_pb2.DESCRIPTOR, controls.participation),
    "visit": Record("Visit (workflows 4.2)", controls_pb2.DESCRIPTOR, controls.visit),
    "observation": Record("Observation (workflows 4.2)", findings_pb2.DESCRIPTOR, findings.observation),
    "measure": Record("Measure (workflows 4.2)", findings_pb2.DESCRIPTOR, findings.measure),
    "alert": Record("Folkbokföring alert (workflows 5.2)", registry_pb2.DESCRIPTOR, registry.alert, alert.FORM),
    "payment": Record("Suspected payment (workflows 6.2)", registry_pb2.DESCRIPTOR, registry.suspected_payment, payment.FORM),
    "supplier_check": Record("Supplier check (workflows 6.2)", registry_pb2.DESCRIPTOR, registry.supplier_check, supplier.FORM),
}
# What may stand in a message for a type of the workflows. Days, months and amounts are text (proto/los/common/v1/common.proto).
TYPES: Mapping[str, frozenset[str]] = {
    "enum": frozenset({"enum", "string"}),
    "int": frozenset({"int32"}),
    "bool": frozenset({"bool"}),
    "list[enum]": frozenset({"repeated string", "repeated message"}),
    "list": frozenset({"repeated message"}),
    "list[ref]": frozenset({"repeated string"}),
    "datetime": frozenset({"message"}),
    "list{type, number, valid_to}": frozenset({"repeated message"}),
    "list[notice_id]": frozenset({"repeated message"}),
}
TEXT = frozenset({"string"})
SECRET = 2


def fields() -> Mapping[str, list[dict[str, Any]]]:
    """The rows as they were copied, by record, in the order of the chapters."""
    return {
        record: rows for path in sorted(FOLDER.glob("*.toml")) for record, rows in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


def found(record: str, at: str) -> FieldDescriptor:
    """The field of the contract. Raises KeyError when there is none."""
    message, _, name = at.partition(".")
    return RECORDS[record].contract.message_types_by_name[message].fields_by_name[name]


def demanded(field: FieldDescriptor) -> bool:
    """Whether the contract refuses a message without it."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return bool(rules.required or rules.string.min_len or rules.string.uuid or rules.repeated.min_items or 0 in rules.enum.not_in)


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
    _, _, table, form = RECORDS[record]
    if "missing" in row:
        yield "missing"
        return
    field = found(record, row["at"])
    if kind(field) not in TYPES.get(row["type"], TEXT):
        yield f"type {kind(field)}"
    needed = {entry.name for entry in form.fields if entry.needed} if form is not None else set()
    how, _, guard = row.get("ensured", "").partition(" ")
    ways = {"form": field.name in needed, "shape": demanded(field), "system": True, "guard": tuple(guard.split()) in guards}
    ensured = ways.get(how, False)
    if row["required"].startswith("y") != ensured:
        yield f"required {row['required']}, ensured by {how or 'nothing'}"
    if row["sensitivity"] >= SECRET and column(row, table) is not None:
        yield "in plain text"


def document() -> str:
    """The table as it is read."""
    text = [
        "# The fields of records",
        "",
        "Made by `python -m tests.fields.table` from `tests/fields/*.toml`, the contract, the forms and the tables. Sensitivity: 0 public,",
        "1 internal, 2 personal, 3 secret, 4 protected or suspicion of crime. *Sealed*: encrypted with the record's own key.",
    ]
    for record, rows in fields().items():
        title, _, table, _ = RECORDS[record]
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
                kept = f"`{column(row, table)}`" if "column" in row else row.get("derived", "sealed")
                place, as_ = f"`{row['at']}`", kind(found(record, row["at"]))
            remark = f"not built: {row['missing']}" if "missing" in row else row.get("differs", "")
            cells = (row["sv"], f"`{row['name']}`", row["type"], row["required"], row["sensitivity"], place, as_, kept, remark)
            text.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join((*text, ""))


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
