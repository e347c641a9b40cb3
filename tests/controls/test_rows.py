import csv
import io
from datetime import date
from pathlib import Path

import pytest
from los.common.v1 import common_pb2

from services.controls.domain.objects import ControlObject
from services.controls.wire.judgement import COLUMNS
from services.controls.wire.rows import RowFault, Table, duplicate, rejected
from services.kernel.errors import Invalid
from tests.controls.builders import SOLE_TRADER

SAMPLE = Path(__file__).parents[2] / "samples" / "los_objekt.csv"
TODAY = date(2026, 11, 24)
GOOD = {
    "Org.nr": "559999-1048",
    "Företag": "Demo Bilverkstad 4 AB",
    "Skylt": "Nya bilverkstad",
    "SNI 2025": "95311",
    "Objekttyp": "bilverkstad",
    "Adress": "Rydsvägen 88",
    "Postnr": "582 22",
    "Ort": "Linköping",
    "Stadsdel": "Ryd",
    "N (SWEREF 99 TM)": "6470304",
    "E (SWEREF 99 TM)": "536219",
    "Öppet": "mån-sön 11-23",
    "Serveringstillstånd": "nej",
    "Senaste kontroll": "2025-05-16",
}
NO_COMPANY = {"Org.nr": "", "Företag": "", "Skylt": "", "SNI 2025": ""}


def judged(cells: dict[str, str]) -> ControlObject:
    row = GOOD | cells
    return Table.of(common_pb2.TableHeader(columns=row)).judge(list(row.values()), TODAY)


def test_every_row_of_the_sample_is_an_object() -> None:
    header, *rows = csv.reader(io.StringIO(SAMPLE.read_text(encoding="utf-8")), delimiter=";")
    table = Table.of(common_pb2.TableHeader(columns=header))
    places = [table.judge(row, TODAY) for row in rows]
    assert len(places) == 60
    assert len({place.same_as for place in places}) == 60
    assert header == [column.heading for column in COLUMNS]


def test_a_row_becomes_the_object_it_describes() -> None:
    place = judged({})
    assert str(place.org_number) == "559999-1048"
    assert (place.north_m, place.east_m) == (6470304, 536219)
    assert place.postal_code == "58222"
    assert place.serving_permit is False
    assert place.last_control_date == date(2025, 5, 16)
    assert not place.is_sole_trader


@pytest.mark.parametrize(
    ("cells", "heading", "code"),
    [
        ({"Org.nr": "559999-1049"}, "Org.nr", "org_number"),
        ({"Org.nr": "inget"}, "Org.nr", "org_number"),
        ({"Org.nr": ""}, "Org.nr", "missing"),
        ({"Företag": "  "}, "Företag", "missing"),
        ({"SNI 2025": "9531"}, "SNI 2025", "sni_code"),
        ({"SNI 2025": "bilar"}, "SNI 2025", "sni_code"),
        ({"SNI 2025": ""}, "SNI 2025", "missing"),
        ({"Objekttyp": "rymdstation"}, "Objekttyp", "unknown_word"),
        ({"Objekttyp": ""}, "Objekttyp", "missing"),
        ({"Adress": ""}, "Adress", "missing"),
        ({"Adress": "A" * 101}, "Adress", "too_long"),
        ({"Adress": "Rydsvägen\x0788"}, "Adress", "characters"),
        ({"Adress": "Rydsv\ufffdgen 88"}, "Adress", "characters"),
        ({"Postnr": "5822"}, "Postnr", "postal_code"),
        ({"Postnr": "058222"}, "Postnr", "postal_code"),
        ({"Postnr": ""}, "Postnr", "missing"),
        ({"Ort": ""}, "Ort", "missing"),
        ({"Stadsdel": ""}, "Stadsdel", "missing"),
        ({"N (SWEREF 99 TM)": "norr"}, "N (SWEREF 99 TM)", "not_a_number"),
        ({"N (SWEREF 99 TM)": ""}, "N (SWEREF 99 TM)", "missing"),
        ({"E (SWEREF 99 TM)": ""}, "E (SWEREF 99 TM)", "missing"),
        ({"N (SWEREF 99 TM)": "536219", "E (SWEREF 99 TM)": "6470304"}, "N (SWEREF 99 TM)", "coordinates"),
        ({"E (SWEREF 99 TM)": "1536219"}, "E (SWEREF 99 TM)", "coordinates"),
        ({"Serveringstillstånd": "kanske"}, "Serveringstillstånd", "unknown_word"),
        ({"Senaste kontroll": "2026-11-25"}, "Senaste kontroll", "date_future"),
        ({"Senaste kontroll": "2025-02-29"}, "Senaste kontroll", "date_unknown"),
        ({"Senaste kontroll": "förra året"}, "Senaste kontroll", "date_unknown"),
        ({"Öppet": "x" * 101}, "Öppet", "too_long"),
        ({"Postnr": "?", "Adress": ""}, "Adress", "missing"),
    ],
)
def test_the_first_cell_at_fault_is_named(cells: dict[str, str], heading: str, code: str) -> None:
    with pytest.raises(RowFault) as fault:
        judged(cells)
    assert (fault.value.heading, fault.value.code) == (heading, code)


@pytest.mark.parametrize(
    ("heading", "text", "field", "value"),
    [
        ("Org.nr", "165599991048", "org_number", "559999-1048"),
        ("Org.nr", " 5599991048 ", "org_number", "559999-1048"),
        ("Postnr", "58 2 22", "postal_code", "58222"),
        ("Objekttyp", " Frisör ", "object_type", "frisörsalong"),
        ("Serveringstillstånd", "JA", "serving_permit", "True"),
        ("Serveringstillstånd", "", "serving_permit", "False"),
        ("Senaste kontroll", "16/5 2025", "last_control_date", "2025-05-16"),
        ("Senaste kontroll", "20250516", "last_control_date", "2025-05-16"),
        ("Senaste kontroll", "", "last_control_date", "None"),
        ("N (SWEREF 99 TM)", "6 470 304,4", "north_m", "6470304"),
        ("Adress", '=HYPERLINK("x")', "street_address", '=HYPERLINK("x")'),
        ("Skylt", "<b>Bil & bad</b>", "trading_name", "<b>Bil & bad</b>"),
    ],
)  # fmt: skip
def test_what_people_write_is_understood(heading: str, text: str, field: str, value: str) -> None:
    assert str(getattr(judged({heading: text}), field)) == value


def test_an_address_alone_is_enough_when_no_company_is_known() -> None:
    place = judged(NO_COMPANY)
    assert place.org_number is None
    assert place.same_as == judged(NO_COMPANY | {"Adress": " rydsvägen  88", "Skylt": "Okänd"}).same_as
    assert place.same_as != judged({}).same_as


def test_the_same_object_is_known_however_it_is_written() -> None:
    again = {"Org.nr": "5599991048", "Företag": "Annat namn AB", "Adress": "RYDSVÄGEN 88 ", "Postnr": "58222", "Ort": "linköping"}
    assert judged(again).same_as == judged({}).same_as
    assert judged({"Adress": "Rydsvägen 89"}).same_as != judged({}).same_as
    assert judged({"Org.nr": "559999-1055"}).same_as != judged({}).same_as


def test_an_enskild_firma_is_told_by_its_number() -> None:
    assert judged({"Org.nr": SOLE_TRADER}).is_sole_trader


def test_a_row_with_too_few_cells_names_no_column() -> None:
    table = Table.of(common_pb2.TableHeader(columns=GOOD))
    with pytest.raises(RowFault) as fault:
        table.judge(list(GOOD.values())[:-1], TODAY)
    assert (fault.value.heading, fault.value.code) == ("", "too_few_cells")


def test_columns_may_come_in_any_order_with_others_between_and_the_first_fault_is_the_leftmost() -> None:
    row = {"Id": "7", "ort ": "", "Adress": ""} | {heading: text for heading, text in GOOD.items() if heading not in {"Ort", "Adress"}}
    with pytest.raises(RowFault) as fault:
        Table.of(common_pb2.TableHeader(columns=row)).judge(list(row.values()), TODAY)
    assert fault.value.heading == "ort "


def test_a_file_may_lack_the_columns_that_are_not_needed() -> None:
    row = {column.heading: GOOD[column.heading] for column in COLUMNS if column.needed or column.heading == "SNI 2025"}
    assert Table.of(common_pb2.TableHeader(columns=row)).judge(list(row.values()), TODAY).last_control_date is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["Namn", "Belopp"], "header: filen saknar kolumnerna Org.nr, Företag"),
        ([heading for heading in GOOD if heading != "Adress"], "header: filen saknar kolumnen Adress"),
        ([*GOOD, "adress"], "header: kolumnen adress finns två gånger"),
        (["x"] * 300, "header: filen har för många kolumner"),
    ],
)
def test_a_table_of_something_else_is_refused_as_a_whole(columns: list[str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        Table.of(common_pb2.TableHeader(columns=columns))


def test_answers_are_swedish_with_row_and_column_and_hold_nothing_of_the_cell() -> None:
    row = common_pb2.TableRow(number=7)
    with pytest.raises(RowFault) as fault:
        judged({"Org.nr": SOLE_TRADER[:-1] + "3"})
    answer = rejected(row, fault.value).row
    assert answer.message == "Rad 7, kolumn Org.nr: organisationsnumret stämmer inte."
    assert (answer.label, answer.column, answer.result) == ("7", "Org.nr", common_pb2.ROW_RESULT_REJECTED)
    assert duplicate(row, 4).row.message == "Rad 7: samma uppgift finns redan på rad 4."
    assert duplicate(row, 4).row.column == "of 4"
    assert duplicate(row, None).row.column == ""
