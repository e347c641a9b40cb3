"""Every field of workflows 4.2, 5.2 and 6.2 exists as it should, or a reason is written down."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.controls.test_findings import OBSERVATION_GUARDS
from tests.controls.test_operation_machine import OPERATION_GUARDS
from tests.controls.test_tip_machine import TIP_GUARDS
from tests.fields.table import DOCUMENT, differences, document, fields
from tests.registry.test_alert_machine import ALERT_GUARDS
from tests.registry.test_payment_machine import GUARDS

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
# What the lives have been seen to refuse, by method and field.
# The shape of a message refuses an assessment that is none (buf.validate in the contract).
REFUSED = GUARDS | ALERT_GUARDS | OBSERVATION_GUARDS | OPERATION_GUARDS | TIP_GUARDS | {("AssessAlert", "assessment")}
ROWS = [(record, row) for record, rows in fields().items() for row in rows]


@pytest.mark.parametrize(("record", "row"), ROWS, ids=lambda value: value["name"] if isinstance(value, dict) else value)
def test_a_field_is_as_in_the_workflow_or_the_table_says_why_not(record: str, row: dict[str, Any]) -> None:
    found = list(differences(record, row, REFUSED))
    assert not found or "differs" in row or "missing" in row, found


def test_what_is_not_built_is_in_the_glossary_with_its_reason() -> None:
    text = GLOSSARY.read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", text, re.MULTILINE))
    assert {row["name"] for _, row in ROWS if "missing" in row} <= said.keys()
    assert all(reason.strip() for reason in said.values())


def test_the_table_of_fields_is_fresh() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "python -m tests.fields.table"
