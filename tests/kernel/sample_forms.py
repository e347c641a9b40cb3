"""A file of the samples in every form that users have: encodings, separators, workbooks."""

import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from services.kernel.rows import Form
from services.kernel.table_file import read_table
from tests.kernel.open_document_file import a_row, open_document

Made = Callable[[bytes, Form[Any]], bytes]


def as_it_is(data: bytes, _: Form[Any]) -> bytes:
    return data


def as_text(encoding: str, delimiter: str) -> Made:
    def made(data: bytes, form: Form[Any]) -> bytes:
        lines = io.StringIO()
        csv.writer(lines, delimiter=delimiter).writerows(whole(data, form))
        return lines.getvalue().encode(encoding)

    return made


def as_workbook(data: bytes, form: Form[Any]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for cells in in_a_sheet(data, form):
        sheet.append(cells)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_open_document(data: bytes, form: Form[Any]) -> bytes:
    return open_document(map(a_row, in_a_sheet(data, form)))


def in_a_sheet(data: bytes, form: Form[Any]) -> list[tuple[str, ...]]:
    """Without what no sheet can hold: control characters, and rows that are cut off."""
    header, *rows = whole(data, form)
    return [header, *(cells if fits_a_sheet(cells, header) else () for cells in rows)]


def fits_a_sheet(cells: tuple[str, ...], header: tuple[str, ...]) -> bool:
    return len(cells) == len(header) and not ILLEGAL_CHARACTERS_RE.search("".join(cells))


def whole(data: bytes, form: Form[Any]) -> list[tuple[str, ...]]:
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
