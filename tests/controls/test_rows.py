import csv
import io
from datetime import date
from pathlib import Path

import pytest

from services.controls.domain.objects import FORM, ControlObject, judge
from services.kernel.errors import Invalid
from services.kernel.rows import Judged, Layout
from services.kernel.table_file import read_table
from tests.controls.builders import SOLE_TRADER
from tests.kernel.sample_forms import FORMS, Made

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


def answer(row: dict[str, str]) -> Judged[ControlObject]:
    return judge(Layout.of(list(row), FORM), 7, list(row.values()), TODAY)


def judged(cells: dict[str, str]) -> ControlObject:
    place = answer(GOOD | cells).record
    assert place is not None
    return place


def test_every_row_of_the_sample_is_an_object() -> None:
    header, *rows = csv.reader(io.StringIO(SAMPLE.read_text(encoding="utf-8")), delimiter=";")
    layout = Layout.of(header, FORM)
    places = [judge(layout, number, row, TODAY).record for number, row in enumerate(rows, 1)]
    assert len({place.same_as for place in places if place}) == len(places) == 60
    assert header == [field.heading for field in FORM.fields][: len(header)]  # the others may be in a file too


@pytest.mark.parametrize("made", FORMS.values(), ids=FORMS)
def test_every_row_of_the_sample_is_the_same_object_in_all_forms(made: Made) -> None:
    data = SAMPLE.read_bytes()
    first, other = (
        [judge(Layout.of(table.header, FORM), number, cells, TODAY) for number, cells in table.rows]
        for table in (read_table(data, FORM.headings), read_table(made(data, FORM), FORM.headings))
    )
    assert [(row.record, row.verdict) for row in other] == [(row.record, row.verdict) for row in first]
    assert sum(row.record is not None for row in first) == 60


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
    verdict = answer(GOOD | cells).verdict
    assert (verdict.column, verdict.code) == (heading, code)


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


@pytest.mark.parametrize(("cells", "code"), [([""] * 13, "too_few_cells"), ([""] * 15, "too_many_cells")])
def test_a_row_of_another_length_names_no_column(cells: list[str], code: str) -> None:
    verdict = judge(Layout.of(list(GOOD), FORM), 1, cells, TODAY).verdict
    assert (verdict.column, verdict.code) == ("", code)


def test_columns_may_come_in_any_order_with_others_between_and_the_first_fault_is_the_leftmost() -> None:
    row = {"Id": "7", "ort ": "", "Adress": ""} | {heading: text for heading, text in GOOD.items() if heading not in {"Ort", "Adress"}}
    assert answer(row).verdict.column == "ort"


def test_a_file_may_lack_the_columns_that_are_not_needed() -> None:
    place = answer({heading: GOOD[heading] for heading in (*FORM.headings, "SNI 2025")}).record
    assert place is not None
    assert place.last_control_date is None


def test_a_column_that_a_row_needs_is_named_also_when_the_file_lacks_it() -> None:
    verdict = answer({heading: GOOD[heading] for heading in FORM.headings}).verdict
    assert verdict.message == "Rad 7, kolumn SNI 2025: uppgiften saknas."


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["Namn", "Belopp"], "Filen saknar kolumner: Org.nr, Företag"),
        ([heading for heading in GOOD if heading != "Adress"], "Filen saknar kolumner: Adress"),
        ([*GOOD, "adress"], "samma rubrik två gånger: Adress"),
        (["x"] * 300, "för många kolumner"),
    ],
)
def test_a_table_of_something_else_is_refused_as_a_whole(columns: list[str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        Layout.of(columns, FORM)


def test_an_answer_is_swedish_with_row_and_column_and_holds_nothing_of_the_cell() -> None:
    judged = answer(GOOD | {"Org.nr": SOLE_TRADER[:-1] + "3"})
    assert (judged.label, judged.verdict.column) == ("7", "Org.nr")
    assert judged.verdict.message == "Rad 7, kolumn Org.nr: organisationsnumret stämmer inte."


@pytest.mark.parametrize("text", ["2025-05-16", "16.5.2025", "16 maj 2025", "2025/5/16", "16/5-2025"])
def test_a_day_is_read_in_the_forms_that_other_files_have(text: str) -> None:
    assert judged({"Senaste kontroll": text}).last_control_date == date(2025, 5, 16)
