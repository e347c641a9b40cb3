"""What is taken home: no cell is a formula, whatever somebody has written; the PDF is tagged, and has a title and a language."""

import re
import zipfile
import zlib
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from services.gateway.reports import NOT_SHOWN, Report, Table, pdf, put, xlsx
from services.kernel.cells import inert

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1",
    "\n=1",
    "\u200b=1",
    "\u202e=1",
    "＝1",
    '=HYPERLINK("http://exempel.invalid")',
    "=cmd|'/C calc'!A0",
]
EVERY_SIGN = "".join(chr(number) for number in range(32, 0x3000) if not NOT_SHOWN.match(chr(number)))
TEXTS = ["Demo Biltvätt AB", "–", "3–4", "a=b", "#eval(1)", "18:30", "å ä ö", ""]


def report(text: str) -> Report:
    table = Table(text or "Besök", text, ("Objekt", text), [(text, 3), ("Skäggetorp", text)])
    return Report("Rapport LOS-2026-07", [("Syfte", text)], [table, Table("Tom", "", ("Vad",), [])])


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_a_text_that_a_spreadsheet_would_compute_is_made_inert(text: str) -> None:
    assert inert(text).startswith("'")
    sheet = Workbook().active
    assert isinstance(sheet, Worksheet)
    put(sheet, 1, 1, text)
    assert sheet.cell(1, 1).data_type == "s"


@pytest.mark.parametrize("text", TEXTS)
def test_any_other_text_is_as_it_was_written(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize("text", [*FORMULAS, "\x00", "\x1b[31m", "x" * 5000], ids=lambda text: ascii(text)[:20])
def test_no_cell_of_a_workbook_is_a_formula_wherever_the_text_stands(text: str) -> None:
    content = xlsx(report(text))
    with zipfile.ZipFile(BytesIO(content)) as parts:
        for name in parts.namelist():
            if name.startswith("xl/worksheets/"):
                assert b"<f>" not in parts.read(name)
    book = load_workbook(BytesIO(content))
    values = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in values} <= {"s", "n"}
    assert not [cell for cell in values if isinstance(cell.value, str) and inert(cell.value) != cell.value]


def test_a_number_stays_a_number_that_can_be_added_up() -> None:
    book = load_workbook(BytesIO(xlsx(report("Innerstaden"))))
    assert book.worksheets[1]["B2"].value == 3
    assert book.properties.title == "Rapport LOS-2026-07"


@pytest.mark.parametrize(
    "text",
    [
        *FORMULAS,
        *TEXTS,
        "*fet* _kursiv_ $x$ <ref> @ref https://exempel.invalid",
        "\\",
        '"',
        "#[",
        "]",
        "\x00",
        "\u0634\u0627\u062d 🍕",
        EVERY_SIGN,
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_a_pdf_is_tagged_has_title_and_language_and_reads_no_text_as_markup(text: str) -> None:
    content = pdf(report(text))
    assert content.startswith(b"%PDF-")
    whole = content + b"".join(_streams(content))
    for mark in (b"/MarkInfo", b"/StructTreeRoot", b"/Lang", b"pdfuaid:part"):
        assert mark in whole
    assert re.search(rb"/Lang ?\(sv", whole)
    assert b"/URI" not in whole  # a text with an address does not become a link


def _streams(content: bytes) -> list[bytes]:
    found = []
    for one in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            found.append(zlib.decompress(one))
        except zlib.error:
            found.append(one)
    return found
