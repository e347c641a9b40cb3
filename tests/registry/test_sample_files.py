"""The samples that users really have, row by row, against what import must answer."""

import csv
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.kernel.rows import Form, Judged, Layout
from services.kernel.table_file import read_table
from services.registry.domain import alert, payment
from services.registry.domain.record import Context
from tests.kernel.sample_forms import FORMS, Made, as_it_is, as_open_document, as_workbook, fits_a_sheet, whole

SAMPLES = Path(__file__).parents[2] / "samples"
TODAY = date(2026, 11, 23)

Judge = Callable[[Layout[Context], int, Sequence[str], Context], Judged[Any]]


def answers(file: str, form: Form[Context], judge: Judge, context: Context, made: Made = as_it_is) -> list[list[str]]:
    """What a first import says, duplicates found by what the records say of themselves."""
    table = read_table(made((SAMPLES / file).read_bytes(), form), form.headings)
    layout = Layout.of(table.header, form)
    seen: dict[str, str] = {}
    said = []
    for number, cells in table.rows:
        judged = judge(layout, number, cells, context)
        record = judged.record[0] if isinstance(judged.record, tuple) else judged.record
        if record is not None and record.same_as in seen:
            said.append([judged.label, "duplicate", f"of {seen[record.same_as]}"])
            continue
        if record is not None:
            seen[record.same_as] = judged.label
        said.append([judged.label, judged.verdict.result, judged.verdict.column])
    return said


def expected(file: str) -> list[list[str]]:
    with (SAMPLES / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))[1:]


@pytest.mark.parametrize("made", FORMS.values(), ids=FORMS)
def test_every_row_of_the_landlords_list_is_answered_as_expected_in_all_forms(made: Made) -> None:
    context = Context(TODAY, "KLF", "5599990180")
    said = answers("fastighetsagare.csv", alert.TABLE, alert.judge, context, made)
    wanted = expected("fastighetsagare.expected.csv")
    if made in {as_workbook, as_open_document}:
        header, *rows = whole((SAMPLES / "fastighetsagare.csv").read_bytes(), alert.TABLE)
        wanted = [row for row, cells in zip(wanted, rows, strict=True) if fits_a_sheet(cells, header)]
        assert len(wanted) == len(rows) - 2
    assert said == wanted


@pytest.mark.parametrize("made", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("file", ["iaf_utbetalningar.csv", "iaf_utbetalningar.xlsx"])
def test_every_row_of_the_payments_is_answered_as_expected_in_all_forms(file: str, made: Made) -> None:
    said = answers(file, payment.TABLE, payment.judge, Context(TODAY, "IAF"), made)
    assert said == expected("iaf_utbetalningar.expected.csv")
