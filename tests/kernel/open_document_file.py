"""Writes an .ods file, the way LibreOffice does: shown text beside the value, runs of equal cells and rows told once."""

import io
import zipfile
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' office:version="1.3"><office:body><office:spreadsheet>'
)
TAIL = "</office:spreadsheet></office:body></office:document-content>"
LAST = (
    '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>'
    "</table:table>"
)


def cell(text: str) -> str:
    """A cell of text; a line break inside is a paragraph more."""
    if not text:
        return "<table:table-cell/>"
    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'


def a_row(cells: Iterable[str]) -> str:
    """A row of text cells."""
    return f"<table:table-row>{''.join(map(cell, cells))}</table:table-row>"


def open_document(*sheets: Iterable[str], tail: str = TAIL) -> bytes:
    """A file of these sheets, each of rows as XML."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        with archive.open("content.xml", "w") as content:
            content.write(HEAD.encode())
            for number, rows in enumerate(sheets, 1):
                content.write(f"<table:table table:name={quoteattr(f'Blad{number}')}>".encode())
                for row in rows:
                    content.write(row.encode())
                content.write(LAST.encode())
            content.write(tail.encode())
    return file.getvalue()
