"""What can be taken home: a report, as a workbook and as a tagged PDF (PDF/UA-1). Nothing in it is ever computed or carried out."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import typst
from babel.numbers import format_decimal
from fastapi import Response
from openpyxl import Workbook
from openpyxl.cell.cell import TYPE_STRING
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from services.kernel.cells import inert

TEMPLATE = Path(__file__).with_name("report.typ")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
WIDTH_MAX = 60
"""Widest column, in characters."""
SHEET_NAME_MAX = 31
NOT_SHOWN = re.compile(
    "[^ -~\u00a1-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03c9\u0400-\u045f\u2013\u2014\u2018-\u201a\u201c-\u201e\u2022\u2026\u20ac\u2212]"
)
Value = str | int | Decimal


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its heading, what it counts and how, and its rows, each as long as the columns."""

    heading: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: its title, the facts that stand first (a word and a value each), and its tables. Swedish throughout."""

    title: str
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]


def answer(report: Report, kind: str, name: str) -> Response:
    """The report as a file: `kind` is `pdf` or `xlsx`; `name` is the file's, without its end, and says nothing of what is in it."""
    content, media_type = (pdf(report), PDF) if kind == "pdf" else (xlsx(report), XLSX)
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'})


def xlsx(report: Report) -> bytes:
    """A workbook: the facts, then a sheet for each table, its heading row frozen."""
    book = Workbook()
    book.properties.creator, book.properties.title, book.properties.language = "los", inert(report.title), "sv"
    first = book.active
    assert isinstance(first, Worksheet)  # noqa: S101  # a new workbook has one
    _fill(first, "Om rapporten", ("Uppgift", "Värde"), [("Rapport", report.title), *report.facts])
    for number, table in enumerate(report.tables, 1):
        rows = [*table.rows, *([(table.about,)] if table.about else [])]
        _fill(book.create_sheet(), f"{number} {table.heading}", table.columns, rows)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Worksheet, name: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    sheet.title = "".join(" " if sign in r"[]:*?/\'" else sign for sign in inert(name))[:SHEET_NAME_MAX]
    for number, cells in enumerate([columns, *rows], 1):
        for column, value in enumerate(cells, 1):
            put(sheet, number, column, value)
    for column in range(1, len(columns) + 1):
        sheet.cell(1, column).font = Font(bold=True)
        longest = max(len(str(cells[column - 1])) for cells in [columns, *rows] if len(cells) == len(columns))
        sheet.column_dimensions[get_column_letter(column)].width = min(longest + 2, WIDTH_MAX)
    sheet.freeze_panes = "A2"


def put(sheet: Worksheet, row: int, column: int, value: Value) -> None:
    """Write one cell, the only way to: a number is a number, and everything else is text that no program takes for a formula (A32)."""
    cell = sheet.cell(row, column)
    if isinstance(value, int | Decimal):
        cell.value = value
        return
    cell.value = inert(value)
    cell.data_type = TYPE_STRING  # whatever it looks like
    cell.alignment = Alignment(vertical="top", wrap_text=len(value) > WIDTH_MAX)


def pdf(report: Report) -> bytes:
    """A tagged PDF with title and language. The report goes in as data: nothing in it is read as Typst.

    PDF/UA wants every sign shown, so one that the font cannot show (it has Latin, Greek and Cyrillic letters) is a question mark.
    """
    tables = [
        {
            "heading": _shown(table.heading),
            "about": _shown(table.about),
            "columns": [_shown(word) for word in table.columns],
            "rows": [[_shown(value) for value in row] for row in table.rows],
        }
        for table in report.tables
    ]
    facts = [[_shown(word), _shown(value)] for word, value in report.facts]
    data = json.dumps({"title": _shown(report.title), "facts": facts, "tables": tables})
    return typst.compile(str(TEMPLATE), sys_inputs={"report": data}, pdf_standards="ua-1", ignore_system_fonts=True)


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return NOT_SHOWN.sub("?", " ".join(unicodedata.normalize("NFKC", value).split()))
    return _shown(str(format_decimal(value, locale="sv_SE")))
