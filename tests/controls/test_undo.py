"""A whole file of objects taken back, without telling what is planned."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import tips_pb2

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, NotFound
from tests.controls.acts import KLF_PERSON, Operation, a_file, an_id
from tests.controls.conftest import PERSON, Controls
from tests.controls.tip_acts import a_tip, prioritised

COLLEAGUE = Caller("cli", "mos-samordnare-9", Role.LOS_COORDINATOR, "MOS")
ROWS = ({"Adress": "Rydsvägen 1"}, {"Adress": "Rydsvägen 2"}, {"Adress": "Rydsvägen 3"})


def read_in(controls: Controls) -> tuple[str, list[str]]:
    answers = [answer.row for answer in controls.stream(a_file(*ROWS))]
    (import_id,) = {answer.import_id for answer in answers}
    return import_id, [answer.record_id for answer in answers]


def undo(controls: Controls, import_id: str, caller: Caller = PERSON) -> int:
    return int(controls.call("UndoImport", pb.UndoImportRequest(request_id=an_id(), import_id=import_id), caller).count)


def listed(controls: Controls) -> set[str]:
    return {row.object_id for row in controls.call("ListObjects", pb.ListObjectsRequest()).objects}


def candidates(controls: Controls, caller: Caller = PERSON) -> set[str]:
    found = controls.call("ListCandidates", pb.ListCandidatesRequest(object_type="bilverkstad"), caller).candidates
    return {row.object_id for row in found}


def change(controls: Controls, object_id: str, **fields: Any) -> None:  # noqa: ANN401
    known = controls.call("GetObject", pb.GetObjectRequest(object_id=object_id))
    for name, value in fields.items():
        setattr(known.object, name, value)
    request = pb.UpdateObjectRequest(request_id=an_id(), object_id=object_id, etag=known.etag, object=known.object)
    controls.call("UpdateObject", request)


def test_an_undone_file_of_objects_is_in_no_list_and_the_same_file_is_registered_again(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    assert listed(controls) == candidates(controls) == set(object_ids)
    assert undo(controls, import_id, COLLEAGUE) == 3
    assert listed(controls) == set()
    assert candidates(controls) == set()
    assert controls.rows("SELECT count(*) AS n FROM history WHERE to_state = 'taken_back'")[0]["n"] == 3
    assert controls.events().count("controls:import:undo/done") == 1
    with pytest.raises(Conflict, match="redan ångrad"):
        undo(controls, import_id)
    again_id, again = read_in(controls)
    assert again == object_ids
    assert listed(controls) == candidates(controls) == set(object_ids)
    files = controls.call("ListImports", pb.ListImportsRequest()).imports
    assert [(row.import_id, row.count, row.undone, row.imported_by, row.record_kind) for row in files] == [
        (import_id, 0, True, PERSON.principal, "control_object"),
        (again_id, 3, False, PERSON.principal, "control_object"),
    ]
    steps = controls.rows("SELECT from_state, to_state FROM history WHERE record_id = %s ORDER BY revision", object_ids[0])
    assert [(step["from_state"], step["to_state"]) for step in steps] == [
        (None, "registered"),
        ("registered", "taken_back"),
        ("taken_back", "registered"),
    ]
    assert undo(controls, again_id) == 3


def test_what_is_planned_or_tipped_of_keeps_its_object_and_the_undo_tells_nothing_of_it(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    operation = Operation(controls, objects=0)
    operation.change("AddVisit", pb.AddVisitRequest(object_id=object_ids[0]))
    tip_id = controls.call("RegisterTip", a_tip(object_id=object_ids[1])).tip_id
    assert undo(controls, import_id) == 3
    (visit,) = controls.call("GetOperation", pb.GetOperationRequest(operation_id=operation.id)).visits
    assert (visit.object.street_address, visit.object_taken_back) == ("Rydsvägen 1", True)
    tip = controls.call("GetTip", tips_pb2.GetTipRequest(tip_id=tip_id)).tip
    assert tip.object_id == object_ids[1]
    assert controls.call("GetObject", pb.GetObjectRequest(object_id=object_ids[1])).taken_back


def test_who_has_a_tip_of_an_object_that_is_taken_back_still_finds_it_plans_it_and_mends_it(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    tip_id = prioritised(controls, object_id=object_ids[1]).tip_id
    undo(controls, import_id)
    assert candidates(controls) == {object_ids[1]}
    assert candidates(controls, KLF_PERSON) == set()
    change(controls, object_ids[1], opening_hours="må-fr 10-12")
    operation = Operation(controls, objects=0)
    operation.change("AddVisit", pb.AddVisitRequest(object_id=object_ids[1]))
    assert controls.call("GetTip", tips_pb2.GetTipRequest(tip_id=tip_id)).tip.state == tips_pb2.TIP_STATE_PLANNED_IN


def test_a_form_about_an_object_that_is_taken_back_brings_it_back(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    undo(controls, import_id)
    known = controls.call("GetObject", pb.GetObjectRequest(object_id=object_ids[0]))
    made = controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=known.object))
    assert made.object_id == object_ids[0]
    assert listed(controls) == {object_ids[0]}
    with pytest.raises(Conflict, match="finns redan"):
        controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=known.object))


def test_premises_without_a_name_do_not_hinder_that_an_object_comes_back(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    undo(controls, import_id)
    known = controls.call("GetObject", pb.GetObjectRequest(object_id=object_ids[0])).object
    unnamed = pb.ControlObject()
    unnamed.CopyFrom(known)
    for name in ("org_number", "company_name", "trading_name", "sni_code"):
        unnamed.ClearField(name)
    premises = controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=unnamed)).object_id
    made = controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=known))
    assert made.object_id == object_ids[0]
    assert listed(controls) == {object_ids[0], premises}


def test_an_object_that_was_changed_since_hinders_the_undo_and_nothing_is_taken_back(controls: Controls) -> None:
    import_id, object_ids = read_in(controls)
    change(controls, object_ids[2], opening_hours="må-fr 10-12")
    with pytest.raises(Conflict, match="1 av objekten har ändrats"):
        undo(controls, import_id)
    assert listed(controls) == set(object_ids)


def test_another_units_file_is_not_there(controls: Controls) -> None:
    import_id, _ = read_in(controls)
    with pytest.raises(NotFound):
        undo(controls, import_id, KLF_PERSON)
    assert controls.call("ListImports", pb.ListImportsRequest(), KLF_PERSON).imports == []


def test_a_file_that_is_undone_while_it_is_read_registers_no_more(controls: Controls) -> None:
    first_answer, file = Event(), a_file(*ROWS)

    def slowly() -> Iterator[pb.ImportObjectsRequest]:
        yield from file[:2]
        assert first_answer.wait(20)
        yield from file[2:]

    answers = controls.start_import(slowly())
    first = next(answers).row
    assert first.result == common_pb2.ROW_RESULT_ACCEPTED
    assert undo(controls, first.import_id) == 1
    first_answer.set()
    with pytest.raises(Exception, match="har ångrats"):
        list(answers)
    assert listed(controls) == set()
