"""Objects through the whole service."""

import csv
import io
from collections.abc import Iterator
from threading import Event

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.wire.objects import object_message
from services.kernel.errors import Conflict, ConflictReason, Invalid, Unavailable
from tests.controls.acts import a_file, an_id, as_file, register
from tests.controls.builders import SOLE_TRADER, an_object
from tests.controls.conftest import Controls
from tests.controls.test_rows import SAMPLE


def test_the_sample_is_registered_row_by_row_and_a_second_time_every_row_is_a_duplicate(controls: Controls) -> None:
    header, *rows = csv.reader(io.StringIO(SAMPLE.read_text(encoding="utf-8")), delimiter=";")
    first = controls.stream(as_file(header, rows))
    assert [answer.row.row for answer in first] == list(range(1, 61))
    assert {answer.row.result for answer in first} == {common_pb2.ROW_RESULT_ACCEPTED}
    second = controls.stream(as_file(header, rows))
    assert {(answer.row.result, answer.row.column) for answer in second} == {(common_pb2.ROW_RESULT_DUPLICATE, "")}
    assert controls.rows("SELECT count(*) AS n FROM control_object")[0]["n"] == 60


def test_a_dry_run_of_objects_answers_as_the_import_will_and_keeps_none(controls: Controls) -> None:
    rows = ({"Adress": "Rydsvägen 1"}, {"Org.nr": "559999-1049"}, {"Adress": " rydsvägen  1"}, {"Adress": "Rydsvägen 2"})
    trial = a_file(*rows)
    trial[0].part.header.dry_run = True
    tried = [answer.row for answer in controls.stream(trial)]
    assert controls.rows("SELECT id FROM control_object") == controls.rows("SELECT id FROM history") == []
    assert controls.events() == ["controls:import:dry_run/done"]
    assert {(answer.record_id, answer.import_id) for answer in tried} == {("", "")}
    real = [answer.row for answer in controls.stream(a_file(*rows))]
    assert [(row.row, row.result, row.column, row.message) for row in tried] == [
        (row.row, row.result, row.column, row.message) for row in real
    ]
    assert {row.result for row in real} > {common_pb2.ROW_RESULT_ACCEPTED, common_pb2.ROW_RESULT_DUPLICATE}


def test_one_bad_row_never_stops_the_others_and_a_duplicate_names_the_earlier_row(controls: Controls) -> None:
    answers = controls.stream(
        a_file(
            {"Adress": "Rydsvägen 1"}, {"Org.nr": "559999-1049"}, {"Adress": " rydsvägen  1", "Postnr": "58222"}, {"Adress": "Rydsvägen 2"}
        )
    )
    found = [(answer.row.label, common_pb2.RowResult.Name(answer.row.result)[11:].lower(), answer.row.column) for answer in answers]
    assert found == [("1", "accepted", ""), ("2", "rejected", "Org.nr"), ("3", "duplicate", "of 1"), ("4", "accepted", "")]
    assert [answer.row.record_id != "" for answer in answers] == [True, False, False, True]


def test_a_file_of_something_else_is_refused_as_a_whole_and_registers_nothing(controls: Controls) -> None:
    with pytest.raises(Invalid, match="Filen saknar kolumner"):
        controls.stream(as_file(["Namn"], [["x"]]))
    with pytest.raises(Invalid, match="rubrikraden först"):
        controls.stream(a_file({})[1:])
    assert controls.rows("SELECT * FROM control_object") == []


def test_rows_before_a_break_are_registered_and_the_file_can_be_sent_again(controls: Controls) -> None:
    file = a_file({"Adress": "Rydsvägen 1"}, {"Adress": "Rydsvägen 2"})
    with pytest.raises(Invalid):
        controls.stream([*file[:2], file[0], *file[2:]])
    results = [answer.row.result for answer in controls.stream(file)]
    assert results == [common_pb2.ROW_RESULT_DUPLICATE, common_pb2.ROW_RESULT_ACCEPTED]


def test_a_third_import_at_once_is_told_to_wait(controls: Controls) -> None:
    release = Event()

    def held(street: str) -> Iterator[pb.ImportObjectsRequest]:
        yield from a_file({"Adress": street})
        release.wait(20)

    imports = [controls.start_import(held(street)) for street in ("Rydsvägen 1", "Rydsvägen 2")]
    for answers in imports:
        assert next(answers).row.result == common_pb2.ROW_RESULT_ACCEPTED
    with pytest.raises(Unavailable, match="Två filer läses redan in"):
        controls.stream(a_file({}))
    release.set()
    assert [list(answers) for answers in imports] == [[], []]
    assert len(controls.stream(a_file({}))) == 1


def test_what_is_an_enskild_firmas_owners_is_sealed_and_its_address_is_not(controls: Controls) -> None:
    answers = controls.stream(
        a_file({"Org.nr": SOLE_TRADER, "Företag": "Ägaren Persson", "Skylt": "Perssons krog", "Adress": "Hemgatan 7"})
    )
    assert answers[0].row.result == common_pb2.ROW_RESULT_ACCEPTED
    (row,) = controls.rows("SELECT * FROM control_object")
    stored = " ".join(str(value) for value in row.values())
    assert "Hemgatan 7" in stored
    for word in ("Persson", "krog", "941130", "2392"):
        assert word not in stored
    (listed,) = controls.call("ListObjects", pb.ListObjectsRequest()).objects
    assert (listed.object.org_number, listed.object.company_name) == (SOLE_TRADER[2:], "Ägaren Persson")
    again = controls.stream(a_file({"Org.nr": SOLE_TRADER.replace("-", ""), "Företag": "Annat", "Adress": "HEMGATAN 7"}))
    assert again[0].row.result == common_pb2.ROW_RESULT_DUPLICATE


def test_the_same_form_twice_is_one_object_and_another_form_about_it_is_refused(controls: Controls) -> None:
    request = pb.RegisterObjectRequest(request_id=an_id(), object=object_message(an_object().object))
    first = controls.call("RegisterObject", request)
    assert controls.call("RegisterObject", request) == first
    with pytest.raises(Conflict) as refused:
        controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=request.object))
    assert refused.value.reason == ConflictReason.DUPLICATE


def test_objects_come_in_stable_pages(controls: Controls) -> None:
    registered = [register(controls, number) for number in range(1, 6)]
    seen, token = [], ""
    while True:
        answer = controls.call("ListObjects", pb.ListObjectsRequest(page=common_pb2.Page(page_size=2, page_token=token)))
        seen += [row.object_id for row in answer.objects]
        token = answer.next_page_token
        if not token:
            break
    assert seen == registered
