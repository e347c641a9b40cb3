"""The samples that users really have, row by row, against what import must answer."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from services.kernel.rows import Form, Judged, Layout
from services.kernel.table_file import read_table
from services.registry.domain import alert, payment
from services.registry.domain.record import Context
from tests.kernel.open_document_file import a_row, open_document

SAMPLES = Path(__file__).parents[2] / "samples"
TODAY = date(2026, 11, 23)

Made = Callable[[bytes, Form[Context]], bytes]
Judge = Callable[[Layout[Context], int, Sequence[str], Context], Judged[Any]]


def as_it_is(data: bytes, _: Form[Context]) -> bytes:
    return data


def as_text(encoding: str, delimiter: str) -> Made:
    def made(data: bytes, form: Form[Context]) -> bytes:
        lines = io.StringIO()
        csv.writer(lines, delimiter=delimiter).writerows(whole(data, form))
        return lines.getvalue().encode(encoding)

    return made


def as_workbook(data: bytes, form: Form[Context]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for cells in in_a_sheet(data, form):
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_open_document(data: bytes, form: Form[Context]) -> bytes:
    return open_document(map(a_row, in_a_sheet(data, form)))


def in_a_sheet(data: bytes, form: Form[Context]) -> list[tuple[str, ...]]:
    """Without what no sheet can hold: control characters, and rows that are cut off."""
    header, *rows = whole(data, form)
    return [header, *(cells if fits_a_sheet(cells, header) else () for cells in rows)]


def fits_a_sheet(cells: tuple[str, ...], header: tuple[str, ...]) -> bool:
    return len(cells) == len(header) and not ILLEGAL_CHARACTERS_RE.search("".join(cells))


def whole(data: bytes, form: Form[Context]) -> list[tuple[str, ...]]:
    table = read_table(data, form.headings)
    return [table.header, *(cells for _, cells in table.rows)]


FORMS: dict[str, Made] = {
    "as it is": as_it_is,
    "utf-8 with mark, tabs": as_text("utf-8-sig", "\t"),
    "utf-16": as_text("utf-16", ";"),
    "windows": as_text("cp1252", ";"),
    "dos": as_text("cp850", ","),
    "mac": as_text("mac_roman", ";"),
    "xlsx": as_workbook,
    "ods": as_open_document,
}


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
