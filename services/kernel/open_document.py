"""The sheets of an .ods file (OpenDocument 1.3, ISO/IEC 26300), row by row as a person sees them; the file is never held whole.

Libraries that read .ods hold the whole sheet, or give the stored number where we need the text that is shown.
"""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast
from xml.etree.ElementTree import Element, XMLPullParser

CONTENT = "content.xml"
PIECE_BYTES = 100_000
ROW_BYTES_MAX = 5_000_000
"""More than this without the end of a row is no table."""
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CELLS = {f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"}
_SPACES = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}


def sheets(file: BinaryIO) -> int:
    """How many sheets there are. Raises whatever a damaged file leads to."""
    return sum(event == "start" for event, _ in _elements(file))


def rows(file: BinaryIO, place: int, columns_max: int, rows_max: int) -> Iterator[tuple[str, ...]]:
    """The rows of one sheet, at most so many, without the empty ones at its end. Raises whatever a damaged file leads to."""
    sheet, given, empty = -1, 0, 0
    for event, element in _elements(file):
        if event == "start":
            sheet += 1
        if sheet > place:
            return
        if event == "start" or sheet < place:
            continue
        cells, times = _cells(element, columns_max), min(_times(element, "rows"), rows_max)
        if not any(cells):
            empty += times
            continue
        for row in ((),) * min(empty, rows_max) + (cells,) * times:
            if given == rows_max:
                return
            given += 1
            yield row
        empty = 0


def _elements(file: BinaryIO) -> Iterator[tuple[str, Element]]:
    """The starts of sheets and the ends of rows with their cells; what is behind is let go."""
    file.seek(0)
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    path: list[Element] = []
    since = 0
    with zipfile.ZipFile(file) as archive, archive.open(CONTENT) as content:
        while data := content.read(PIECE_BYTES):
            parser.feed(data)
            since += len(data)
            for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
                if event == "start":
                    path.append(element)
                    if element.tag == f"{_TABLE}table":
                        yield event, element
                    continue
                path.pop()
                if element.tag == f"{_TABLE}table-row":
                    since = 0
                    yield event, element
                    path[-1].remove(element)
            if since > ROW_BYTES_MAX:
                raise ValueError
    parser.close()


def _times(element: Element, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-repeated", "1"))


def _cells(row: Element, columns_max: int) -> tuple[str, ...]:
    cells: list[str] = []
    for cell in row:
        if cell.tag in _CELLS:
            cells += [_seen(cell)] * max(0, min(_times(cell, "columns"), columns_max - len(cells)))
    return (*cells, *[""] * (columns_max - len(cells)))


def _seen(cell: Element) -> str:
    """A cell as text. Days and truths are written as in the other forms, whatever language the sheet was made in."""
    kind, shown = cell.get(f"{_OFFICE}value-type"), "\n".join(_text(part) for part in cell.iterfind(f"{_TEXT}p"))
    if kind == "date":
        return cell.get(f"{_OFFICE}date-value", "").removesuffix("T00:00:00").replace("T", " ")
    if kind == "boolean":
        return "SANT" if cell.get(f"{_OFFICE}boolean-value") == "true" else "FALSKT"
    return shown or cell.get(f"{_OFFICE}value", "").replace(".", ",")


def _text(part: Element) -> str:
    if part.tag == f"{_TEXT}s":
        return " " * min(int(part.get(f"{_TEXT}c", "1")), 1_000)
    inner = "".join(_text(child) + (child.tail or "") for child in part if child.tag != f"{_OFFICE}annotation")
    return _SPACES.get(part.tag, part.text or "") + inner
