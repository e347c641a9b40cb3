"""The bytes of a .csv or .xlsx file as a header and rows of text cells.

Encoding, delimiter and the row of headings are found out, never asked for, and the kind of file is told by its content, not its name. A
file that cannot be read as a table is refused as a whole, in one Swedish sentence that holds nothing of the file but our own headings.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain, islice
from typing import TYPE_CHECKING

import openpyxl

from services.kernel.errors import Invalid
from services.kernel.reference import plain

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell

IMPORT_BYTES_MAX = 50_000_000
ROWS_MAX = 100_000
COLUMNS_MAX = 100
CELL_CHARACTERS_MAX = 100_000
UNPACKED_BYTES_MAX = 400_000_000
PACKED_FILES_MAX = 1_000
TITLE_ROWS_MAX = 50
SHEETS_MAX = 20
DELIMITERS = (";", ",", "\t")
CELL_LINES_MAX = 10
# More control characters than one in this many: no text that somebody wrote.
CONTROL_SHARE = 20
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UTF8_READ_AS_WINDOWS = re.compile("Ã[\u0080-\u00bf\u2013-\u2026]")
_END = "\0end of file"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_ZEROS = re.compile(r"(0+)(?:-(0+))?")
_DECIMALS = re.compile(r"0\.(0+)")

Rows = Iterator[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TableFile:
    """A header and its rows. A row's number counts from the first row after the header; empty rows are counted, not kept."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(data: bytes, required: Sequence[str], bytes_max: int = IMPORT_BYTES_MAX) -> TableFile:
    """The table in `data`: its header is the first row that holds all `required` headings, whatever case and spacing.

    Raises Invalid, for the file as a whole: too large, empty, no readable text, no table, columns missing, too many rows.
    """
    if len(data) > bytes_max:
        raise refused(f"Filen är för stor. Den får vara högst {bytes_max // 1_000_000} MB.")
    if not data.strip():
        raise refused("Filen är tom.")
    if data.startswith(_OLD_EXCEL):
        raise refused("Filen är i ett äldre Excelformat eller skyddad med lösenord. Spara den som .xlsx eller .csv utan lösenord.")
    if data.startswith(_ZIP):
        return _found(_sheets(data), required)
    text = _decoded(data)
    return _found((_lines(text, delimiter) for delimiter in DELIMITERS), required)


def refused(sentence: str) -> Invalid:
    """The failure of a file as a whole."""
    return Invalid(sentence, reason="FILE")


def _found(readings: Iterable[Rows], required: Sequence[str]) -> TableFile:
    """The first reading of the file in which there is a header; otherwise a refusal that tells what the best one lacks."""
    wanted = {plain(name) for name in required}
    missing = wanted
    for rows in readings:
        for cells in islice(rows, TITLE_ROWS_MAX):
            lacking = wanted - {plain(cell) for cell in cells}
            if not lacking:
                return _table(cells, rows)
            missing = min(missing, lacking, key=len)
    if missing == wanted:
        raise refused("Filen är ingen tabell som går att läsa in: rubrikraden hittades inte.")
    names = ", ".join(name for name in required if plain(name) in missing)
    hint = "" if names.isascii() else " Om de finns i filen är teckenkodningen fel: spara den som CSV UTF-8."
    raise refused(f"Filen saknar kolumner: {names}.{hint}")


def _table(header: tuple[str, ...], rows: Rows) -> TableFile:
    width = max(number for number, cell in enumerate(header, 1) if cell.strip())
    kept: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in enumerate(rows, 1):
        if number > ROWS_MAX:
            raise refused(f"Filen har för många rader. Den får ha högst {ROWS_MAX}. Dela upp den.")
        if any(cell.strip() for cell in cells):
            kept.append((number, _trimmed(cells, width)))
    if not kept:
        raise refused("Filen har rubriker men inga rader.")
    return TableFile(header[:width], tuple(kept))


def _trimmed(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    """Without empty cells to the right of the last heading."""
    return cells[:width] if not any(cell.strip() for cell in cells[width:]) else cells


# --- text ---------------------------------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> str:
    unreadable = refused("Filens tecken går inte att läsa. Spara den som CSV med teckenkodningen UTF-8.")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError:
                raise unreadable from None
            break
    else:
        text = _without_mark(data, unreadable)
    controls = len(text) - len(text.translate(_WITHOUT_CONTROLS))
    if controls * CONTROL_SHARE > len(text):
        raise unreadable
    return text


_WITHOUT_CONTROLS = dict.fromkeys(set(range(32)) - {ord(sign) for sign in "\t\r\n"})


def _without_mark(data: bytes, unreadable: Invalid) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise unreadable from None
    if len(_UTF8_READ_AS_WINDOWS.findall(text)) > text.count("ä") + text.count("ö"):
        raise unreadable  # UTF-8 with a broken character in it: guessing would spoil every name
    return text


def _lines(text: str, delimiter: str) -> Rows:
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    unclosed = refused("Filen går inte att läsa: ett citattecken saknas, eller en cell är för lång.")
    reader = csv.reader(chain(io.StringIO(text, newline=""), [_END]), delimiter=delimiter)
    line = 0
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if reader.line_num - line > CELL_LINES_MAX:
                raise unclosed
            line = reader.line_num
            yield tuple(cells)
    except csv.Error:
        raise unclosed from None
    raise unclosed  # the end was read as part of a cell: rows would have been swallowed


# --- workbooks ----------------------------------------------------------------------------------------------------------------


def _sheets(data: bytes) -> Iterator[Rows]:
    not_a_workbook = refused("Filen går inte att läsa som kalkylblad. Spara den som .xlsx eller .csv.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise not_a_workbook from None
    if len(parts) > PACKED_FILES_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        raise refused("Filen är för stor när den packas upp. Dela upp den.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that say nothing about the cells
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            for sheet in book.worksheets[:SHEETS_MAX]:
                yield _sheet_rows(sheet.iter_rows(max_col=COLUMNS_MAX, max_row=ROWS_MAX + TITLE_ROWS_MAX + 1))
    except Invalid:
        raise
    except Exception:  # noqa: BLE001  # a damaged workbook raises whatever its damage leads to
        raise not_a_workbook from None


def _sheet_rows(rows: Iterable[tuple["Cell | MergedCell", ...]]) -> Rows:
    try:
        for cells in rows:
            yield tuple(_seen(cell) for cell in cells)
    except Exception:  # noqa: BLE001
        raise refused("Filen går inte att läsa som kalkylblad. Spara den som .xlsx eller .csv.") from None


def _seen(cell: "Cell | MergedCell") -> str:
    """A cell as the text that a person sees in the sheet. Formulas are never computed: the value saved with the file is taken."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "SANT" if value else "FALSKT"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return _number_seen(value, (cell.number_format or "").replace("\\", "").replace('"', ""))
    return str(value)


def _number_seen(value: float, number_format: str) -> str:
    zeros = _ZEROS.fullmatch(number_format)
    if zeros and value == int(value):  # leading zeros, as in 000000-0000 for a personnummer
        digits = str(int(value)).zfill(sum(map(len, zeros.groups(default=""))))
        return f"{digits[: -len(zeros[2])]}-{digits[-len(zeros[2]) :]}" if zeros[2] else digits
    decimals = _DECIMALS.search(number_format)
    if decimals:
        return f"{value:.{len(decimals[1])}f}".replace(".", ",")
    return (str(int(value)) if value == int(value) else repr(value)).replace(".", ",")
