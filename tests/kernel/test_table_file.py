"""Files as users have them, and files that are no tables."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import table_file
from services.kernel.errors import Invalid
from services.kernel.table_file import open_table, read_table
from tests.kernel.open_document_file import LAST, a_row, open_document

HEADINGS = ("Källa", "Ort", "Nr")
TEXT = 'Källa;Ort;Nr\r\n"egen; personal";Åby;1\r\n\r\ngranne;"sa ""hej""";2\r\n;;\r\n'
ROWS = ((1, ("egen; personal", "Åby", "1")), (3, ("granne", 'sa "hej"', "2")))


def book(*rows: tuple[Any, ...], formats: dict[str, str] | None = None) -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for place, number_format in (formats or {}).items():
        sheet[place].number_format = number_format
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def refusal(data: bytes, **more: Any) -> str:  # noqa: ANN401
    with pytest.raises(Invalid) as refused:
        read_table(data, HEADINGS, **more)
    assert refused.value.reason == "FILE"
    return refused.value.message


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("cp1252"),
        TEXT.encode("cp850"),
        TEXT.encode("mac_roman"),
        b"\xff\xfe" + TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\r\n", "\n").encode(),
        TEXT.replace("\r\n", "\r").encode(),
        TEXT.replace(";;", ",,").replace("a;O", "a,O").replace("t;N", "t,N").replace('l";', 'l",').replace("y;1", "y,1")
        .replace("e;", "e,").replace('";2', '",2').encode(),
        TEXT.replace("egen; personal", "egen, personal").replace(";", "\t").replace("egen, personal", "egen; personal").encode(),
    ],
    ids=["utf-8", "utf-8 with mark", "windows", "dos", "mac", "utf-16-le", "utf-16-be", "lf", "cr", "commas", "tabs"],
)  # fmt: skip
def test_encoding_delimiter_and_line_ends_are_found_out(data: bytes) -> None:
    table = read_table(data, HEADINGS)
    assert table.header == ("Källa", "Ort", "Nr")
    assert table.rows == ROWS


def test_titles_and_empty_lines_above_the_headings_are_skipped() -> None:
    table = read_table(("Utdrag 2026-11-20\n;;\n\n  KÄLLA ;ort;Nr;Eget\n" + "a;b;1;x\n").encode(), HEADINGS)
    assert table.rows == ((1, ("a", "b", "1", "x")),)


def test_rows_with_too_few_or_too_many_cells_come_through_as_they_are() -> None:
    table = read_table(b"K\xe4lla;Ort;Nr;;\na;b\na;b;c;d\na;b;c;;\n", HEADINGS)
    assert [len(cells) for _, cells in table.rows] == [2, 4, 3]


def test_control_characters_and_formulas_are_left_for_the_judge() -> None:
    table = read_table(("Källa;Ort;Nr\n" + "x" * 100 + ";=1+1;\x0b\x00\n").encode("cp1252"), HEADINGS)
    assert table.rows[0][1][1:] == ("=1+1", "\x0b\x00")


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "tom"),
        (b" \r\n\r\n", "tom"),
        (b"Hej, det h\xe4r \xe4r ett brev.\nIngen tabell.\n", "ingen tabell"),
        ("Källa;Ort\na;b\n".encode(), "saknar kolumner: Nr."),
        ("Källa;Ort;Nr\n".encode(), "inga rader"),
        (TEXT.encode("utf-16-le"), "tecken"),
        (TEXT.encode("utf-8") + b"\xff\xfe;x;1\n", "tecken"),
        (b"\x81\x8d" + TEXT.encode("cp1252"), "tecken"),
        (bytes(range(256)) * 20, "tecken"),
        (b"%PDF-1.7 " + bytes(range(32)) * 50, "tecken"),
        (b"\xff\xfeK", "tecken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, "äldre Excel"),
        (b"PK\x03\x04" + b"x" * 100, "kalkylblad"),
        (open_document([a_row(HEADINGS), a_row("ab1")], tail=""), "kalkylblad"),
        (open_document([a_row(HEADINGS)]), "inga rader"),
        (open_document([a_row(["Ort"])]), "saknar kolumner"),
        ('Källa;Ort;Nr\n"a;b;1\nc;d;2\n'.encode(), "citattecken"),
        (("Källa;Ort;Nr\n" + "x" * 200_000 + ";b;1\n").encode(), "för lång"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(data: bytes, word: str) -> None:
    assert word in refusal(data)


def test_a_file_above_the_limit_is_refused() -> None:
    assert "högst 50 MB" in refusal(b"x" * 50_000_001)
    assert table_file.IMPORT_BYTES_MAX == 50_000_000


def test_more_rows_than_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "ROWS_MAX", 3)
    assert "för många rader" in refusal(("Källa;Ort;Nr\n" + "a;b;1\n" * 4).encode())


def test_the_cells_of_a_sheet_are_read_as_a_person_sees_them() -> None:
    data = book(
        ("Utdrag",),
        (),
        ("Källa", "Ort", "Nr"),
        (date(2026, 9, 24), datetime(2026, 9, 24, 13, 30), 1201),  # noqa: DTZ001
        (12.5, 8333.333333, 428.0),
        (True, None, 428_2398),
        (),
        ("=1+1", " x ", 3),
        formats={"B5": "0.00", "C6": "000000\\-0000"},
    )
    table = read_table(data, HEADINGS)
    assert table.rows == (
        (1, ("2026-09-24", "2026-09-24 13:30", "1201")),
        (2, ("12,5", "8333,33", "428")),
        (3, ("SANT", "", "000428-2398")),
        (5, ("", " x ", "3")),  # a formula is not computed, and this file holds no value for it
    )


def test_the_headings_may_stand_on_another_sheet() -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(book(("Läs mig",))))
    sheet = workbook.create_sheet("Data")
    sheet.append(HEADINGS)
    sheet.append(("a", "b", 1))
    file = io.BytesIO()
    workbook.save(file)
    assert read_table(file.getvalue(), HEADINGS).rows == ((1, ("a", "b", "1")),)


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
        for _ in range(401):
            part.write(b"\0" * 1_000_000)
    assert "packas upp" in refusal(file.getvalue())


def test_the_cells_of_an_open_document_are_read_as_a_person_sees_them() -> None:
    typed = (
        '<table:table-row><table:table-cell office:value-type="date" office:date-value="2026-09-24"><text:p>24 sep. -26</text:p>'
        '</table:table-cell><table:table-cell office:value-type="float" office:value="8333.3333"><text:p>8 333,33</text:p>'
        '</table:table-cell><table:table-cell office:value-type="boolean" office:boolean-value="true"><text:p>SANN</text:p>'
        "</table:table-cell></table:table-row>"
    )
    spaced = (
        '<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="2" office:value-type="string">'
        '<office:annotation><text:p>Se över</text:p></office:annotation><text:p>a<text:s text:c="2"/><text:span>b</text:span>c</text:p>'
        '</table:table-cell><table:table-cell office:value-type="float" office:value="12.5"/></table:table-row>'
    )
    empty = '<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>'
    data = open_document([a_row(["Läs mig"])], [a_row(["Utdrag"]), empty, a_row(HEADINGS), typed, empty, spaced])
    assert read_table(data, HEADINGS).rows == (
        (1, ("2026-09-24", "8 333,33", "SANT")),
        (5, ("a  bc", "a  bc", "12,5")),
        (6, ("a  bc", "a  bc", "12,5")),
    )


def test_a_sheet_that_is_one_endless_row_is_let_go() -> None:
    endless = "<table:table-row>" + "<table:table-cell/>" * 400_000
    assert "kalkylblad" in refusal(open_document([a_row(["x"]), endless + "</table:table-row>"]))


def test_repeated_rows_are_as_many_as_they_say_and_no_more_than_the_limit() -> None:
    data = open_document(
        [
            a_row(HEADINGS),
            LAST.replace("<table:table-cell table", "<table:table-cell office:value='1' table").removesuffix("</table:table>"),
        ]
    )
    assert "för många rader" in refusal(data)


def test_a_large_file_is_refused_before_it_is_read_and_one_is_never_held() -> None:
    class Watched(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            Watched.taken = max(Watched.taken, len(data))
            return data

    with pytest.raises(Invalid, match="för stor"):
        open_table(Watched(b"x" * 50_000_001), HEADINGS)
    assert Watched.taken == 0
    line = "Källarvägen;Åby;12345678\n".encode()
    table = open_table(Watched("Källa;Ort;Nr\n".encode() + line * 99_999), HEADINGS)
    assert table.count == 99_999
    assert 0 < Watched.taken <= table_file.PIECE_BYTES


def test_a_damaged_workbook_is_refused() -> None:
    whole = book(HEADINGS, ("a", "b", 1))
    assert "kalkylblad" in refusal(whole[: len(whole) // 2])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("brev.txt", "hej")
    assert "kalkylblad" in refusal(file.getvalue())


def test_the_two_forms_of_the_sample_are_the_same_table() -> None:
    samples = Path(__file__).parents[2] / "samples"
    required = ("Ärendenummer", "Personnummer")
    as_text = read_table((samples / "iaf_utbetalningar.csv").read_bytes(), required)
    assert as_text == read_table((samples / "iaf_utbetalningar.xlsx").read_bytes(), required)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fall(data: bytes) -> None:
    for whole in (data, TEXT.encode("cp1252") + data, b"PK\x03\x04" + data):
        try:
            read_table(whole, HEADINGS)
        except Invalid as refused:
            assert refused.reason == "FILE"  # noqa: PT017
