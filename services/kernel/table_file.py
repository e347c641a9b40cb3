"""The bytes of a .csv, .xlsx or .ods file as a header and rows of text cells.

Encoding, delimiter and the row of headings are found out, never asked for, and the kind of file is told by its content, not its name. A
file that cannot be read as a table is refused as a whole, in one Swedish sentence that holds nothing of the file but our own headings.
"""

import codecs
import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO, cast

import openpyxl

from services.kernel import open_document
from services.kernel.errors import Invalid
from services.kernel.reference import plain

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

IMPORT_BYTES_MAX = 50_000_000
ROWS_MAX = 100_000
COLUMNS_MAX = 100
CELL_CHARACTERS_MAX = 100_000
UNPACKED_BYTES_MAX = 400_000_000
PACKED_FILES_MAX = 1_000
TITLE_ROWS_MAX = 50
SHEETS_MAX = 20
OLDER_ENCODINGS = ("cp1252", "cp850", "mac_roman")
PIECE_BYTES = 1_000_000
NOT_A_WORKBOOK = "Filen går inte att läsa som kalkylblad. Spara den som .xlsx, .ods eller .csv."
DELIMITERS = (";", ",", "\t")
CELL_LINES_MAX = 10
# More control characters than one in this many: no text that somebody wrote.
CONTROL_SHARE = 20
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_UTF8_READ_AS_WINDOWS = re.compile("Ã[\u0080-\u00bf\u2013-\u2026]")
_END = "\0end of file"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_ZEROS = re.compile(r"(0+)(?:-(0+))?")
_DECIMALS = re.compile(r"0\.(0+)")

Rows = Iterator[tuple[str, ...]]
Numbered = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TableFile:
    """A header and its rows. A row's number counts from the first row after the header; empty rows are counted, not kept."""

    header: tuple[str, ...]
    rows: tuple[Numbered, ...]


class OpenTable(Iterable[Numbered]):
    """A table that is read from its file as it is gone through, so that a large file is never held. It was sound when it was opened."""

    def __init__(self, header: tuple[str, ...], read: Callable[[], Iterator[Numbered]]) -> None:
        """Goes through it once. Raises Invalid where the file is no table after all."""
        self.header = header
        self._read = read
        self.count = sum(1 for _ in self)
        if not self.count:
            raise refused("Filen har rubriker men inga rader.")

    def __iter__(self) -> Iterator[Numbered]:
        """From the first row; any number of times, one at a time."""
        return self._read()


def read_table(data: bytes, required: Sequence[str], bytes_max: int = IMPORT_BYTES_MAX) -> TableFile:
    """The table in `data`, held in memory; as open_table."""
    table = open_table(io.BytesIO(data), required, bytes_max)
    return TableFile(table.header, tuple(table))


def open_table(file: BinaryIO, required: Sequence[str], bytes_max: int = IMPORT_BYTES_MAX) -> OpenTable:
    """The table in a file: its header is the first row that holds all `required` headings, whatever case and spacing.

    Raises Invalid, for the file as a whole: too large (nothing of it is read), empty, no readable text, no table, columns missing, too many
    rows.
    """
    if file.seek(0, io.SEEK_END) > bytes_max:
        raise refused(f"Filen är för stor. Den får vara högst {bytes_max // 1_000_000} MB.")
    file.seek(0)
    beginning = file.read(len(_OLD_EXCEL))
    if not beginning:
        raise refused("Filen är tom.")
    if beginning.startswith(_OLD_EXCEL):
        raise refused("Filen är i ett äldre Excelformat eller skyddad med lösenord. Spara den som .xlsx, .ods eller .csv utan lösenord.")
    if beginning.startswith(_ZIP):
        return _found(_sheets(file), required)
    return _found(_readings(file), required)


def refused(sentence: str) -> Invalid:
    """The failure of a file as a whole."""
    return Invalid(sentence, reason="FILE")


def _found(readings: Iterable[Callable[[], Rows]], required: Sequence[str]) -> OpenTable:
    """The first reading of the file in which there is a header; otherwise a refusal that tells what the best one lacks."""
    wanted = {plain(name) for name in required}
    missing = wanted
    for reading in readings:
        for place, cells in enumerate(islice(reading(), TITLE_ROWS_MAX)):
            lacking = wanted - {plain(cell) for cell in cells}
            if not lacking:
                width = max(number for number, cell in enumerate(cells, 1) if cell.strip())
                return OpenTable(cells[:width], partial(_below, reading, place + 1, width))
            missing = min(missing, lacking, key=len)
    if missing == wanted:
        raise refused("Filen är ingen tabell som går att läsa in: rubrikraden hittades inte.")
    names = ", ".join(name for name in required if plain(name) in missing)
    hint = "" if names.isascii() else " Om de finns i filen är teckenkodningen fel: spara den som CSV UTF-8."
    raise refused(f"Filen saknar kolumner: {names}.{hint}")


def _below(reading: Callable[[], Rows], above: int, width: int) -> Iterator[Numbered]:
    """The rows below the header, without the empty ones and without empty cells to the right of the last heading."""
    for number, cells in enumerate(islice(reading(), above, None), 1):
        if number > ROWS_MAX:
            raise refused(f"Filen har för många rader. Den får ha högst {ROWS_MAX}. Dela upp den.")
        if any(cell.strip() for cell in cells):
            yield number, cells[:width] if not any(cell.strip() for cell in cells[width:]) else cells


# --- text ---------------------------------------------------------------------------------------------------------------------


def _readings(file: BinaryIO) -> Iterator[Callable[[], Rows]]:
    """Every way to read a text. Which of the older encodings it is, the headings tell: they hold å, ä or ö."""
    for encoding in _encodings(file):
        for delimiter in DELIMITERS:
            yield partial(_lines, file, encoding, delimiter)


def _encodings(file: BinaryIO) -> Sequence[str]:
    file.seek(0)
    beginning = file.read(3)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if beginning.startswith(mark):
            possible: Sequence[str] = [encoding]
            break
    else:
        possible = ["utf-8"] if _decodes(file, "utf-8") else OLDER_ENCODINGS
    sound = [encoding for encoding in possible if _decodes(file, encoding) and _is_text(file, encoding)]
    if not sound:
        raise refused("Filens tecken går inte att läsa. Spara den som CSV med teckenkodningen UTF-8.")
    return sound


def _decodes(file: BinaryIO, encoding: str) -> bool:
    try:
        for _ in _pieces(file, encoding):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _is_text(file: BinaryIO, encoding: str) -> bool:
    """Whether somebody wrote this. Raises Invalid when the file is empty, or UTF-8 with a broken character: guessing would spoil names."""
    length = controls = broken = letters = 0
    blank = True
    for text in _pieces(file, encoding):
        length += len(text)
        controls += len(text) - len(text.translate(_WITHOUT_CONTROLS))
        broken += len(_UTF8_READ_AS_WINDOWS.findall(text)) if encoding == "cp1252" else 0
        letters += text.count("ä") + text.count("ö")
        blank = blank and not text.strip()
    if blank:
        raise refused("Filen är tom.")
    if broken > letters:
        raise refused("Filens tecken går inte att läsa. Spara den som CSV med teckenkodningen UTF-8.")
    return controls * CONTROL_SHARE <= length


def _pieces(file: BinaryIO, encoding: str) -> Iterator[str]:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    while data := file.read(PIECE_BYTES):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


_WITHOUT_CONTROLS = dict.fromkeys(set(range(32)) - {ord(sign) for sign in "\t\r\n"})


def _lines(file: BinaryIO, encoding: str, delimiter: str) -> Rows:
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    unclosed = refused("Filen går inte att läsa: ett citattecken saknas, eller en cell är för lång.")
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, newline="")
    reader = csv.reader(chain(text, [_END]), delimiter=delimiter)
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
    finally:
        text.detach()  # the file stays open
    raise unclosed  # the end was read as part of a cell: rows would have been swallowed


# --- workbooks ----------------------------------------------------------------------------------------------------------------


def _sheets(file: BinaryIO) -> Iterator[Callable[[], Rows]]:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise refused(NOT_A_WORKBOOK) from None
    if len(parts) > PACKED_FILES_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        raise refused("Filen är för stor när den packas upp. Dela upp den.")
    if any(part.filename == open_document.CONTENT for part in parts):
        sheets: Callable[[BinaryIO], Iterator[Callable[[], Rows]]] = _open_document_sheets
    else:
        sheets = _excel_sheets
    try:
        yield from sheets(file)
    except Invalid:
        raise
    except Exception:  # noqa: BLE001  # a damaged workbook raises whatever its damage leads to
        raise refused(NOT_A_WORKBOOK) from None


def _open_document_sheets(file: BinaryIO) -> Iterator[Callable[[], Rows]]:
    for place in range(min(open_document.sheets(file), SHEETS_MAX)):
        yield partial(_sound, partial(open_document.rows, file, place, COLUMNS_MAX, ROWS_MAX + TITLE_ROWS_MAX + 1))


def _excel_sheets(file: BinaryIO) -> Iterator[Callable[[], Rows]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that say nothing about the cells
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    for sheet in book.worksheets[:SHEETS_MAX]:
        yield partial(_sound, partial(_sheet_rows, cast("Worksheet", sheet)))


def _sound(rows: Callable[[], Rows]) -> Rows:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from rows()
    except Invalid:
        raise
    except Exception:  # noqa: BLE001
        raise refused(NOT_A_WORKBOOK) from None


def _sheet_rows(sheet: "Worksheet") -> Rows:
    for cells in sheet.iter_rows(max_col=COLUMNS_MAX, max_row=ROWS_MAX + TITLE_ROWS_MAX + 1):
        yield tuple(_seen(cell) for cell in cells)


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
