"""A whole file taken back, while nothing of it has been handled."""

from collections.abc import Iterator
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Conflict, NotFound
from services.registry.domain import alert, payment
from services.registry.store import records
from tests.registry.builders import INVESTIGATOR, LANDLORD, MOS_OFFICER, OFFICER, OTHER_LANDLORD, a_check, a_registration, an_assessment
from tests.registry.conftest import Registry
from tests.registry.test_import_service import alerts, parts, payments, said, sample, table_of


def undo(registry: Registry, import_id: str, caller: Caller = LANDLORD) -> int:
    request = pb.UndoImportRequest(request_id=str(uuid4()), import_id=import_id)
    return int(registry.call("UndoImport", request, caller).count)


def test_an_undone_import_is_withdrawn_whole_and_the_same_file_is_registered_again(registry: Registry) -> None:
    table = sample("fastighetsagare.csv", alert.TABLE.headings)
    first = alerts(registry, table)
    (import_id,) = {answer.import_id for answer in first}
    count = sum(bool(answer.record_id) for answer in first)
    assert undo(registry, import_id, OFFICER) == count
    assert registry.rows("SELECT count(*) AS n FROM alert WHERE state = 'withdrawn' AND duplicate IS NULL")[0]["n"] == count
    steps = registry.rows("SELECT record_id FROM history WHERE to_state = 'withdrawn'")
    assert len(steps) == count
    assert registry.events().count("registry:alert:withdraw/done") == count
    with pytest.raises(Conflict, match="redan ångrad"):
        undo(registry, import_id, OFFICER)
    assert said(alerts(registry, table)) == said(first)
    listed = registry.call("ListImports", pb.ListImportsRequest(), OFFICER).imports
    assert [(row.count, row.undone, row.imported_by) for row in listed] == [
        (count, True, LANDLORD.principal),
        (count, False, LANDLORD.principal),
    ]


def test_payments_are_undone_with_the_drafts_they_made_and_a_protected_persons_stays(registry: Registry) -> None:
    first = payments(registry, sample("iaf_utbetalningar.csv", payment.TABLE.headings))
    undo(registry, first[0].import_id, INVESTIGATOR)
    states = {row["state"] for row in registry.rows("SELECT state FROM suspected_payment UNION SELECT state FROM alert")}
    assert states == {"withdrawn", "blocked_protected"}


def test_an_import_with_a_handled_record_is_not_undone_at_all(registry: Registry) -> None:
    answers = alerts(registry, table_of({}, {"Lgh-nr (folkbokf.)": "1202"}))
    registry.call("AssessAlert", an_assessment(answers[0].record_id, protection_check=a_check(common_pb2.PROTECTION_NONE)), OFFICER)
    with pytest.raises(Conflict, match="1 av ärendena har handlagts"):
        undo(registry, answers[0].import_id, OFFICER)
    assert {row["state"] for row in registry.rows("SELECT state FROM alert")} == {"assessed", "screened"}
    # The landlord takes the list back all the same, and learns nothing of what was found.
    assert undo(registry, answers[0].import_id) == 2
    assert {row["state"] for row in registry.rows("SELECT state FROM alert")} == {"assessed", "withdrawn"}
    with pytest.raises(Conflict):
        undo(registry, answers[0].import_id)


def test_a_long_file_is_undone_whole_or_not_at_all(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "TOGETHER", 2)  # the file has more rows than are taken together
    answers = alerts(registry, table_of(*({"Lgh-nr (folkbokf.)": f"120{number}"} for number in range(5))))
    registry.call("AssessAlert", an_assessment(answers[3].record_id, protection_check=a_check(common_pb2.PROTECTION_NONE)), OFFICER)
    with pytest.raises(Conflict, match="1 av ärendena har handlagts"):
        undo(registry, answers[0].import_id, OFFICER)
    assert registry.rows("SELECT count(*) AS n FROM alert WHERE state = 'screened'")[0]["n"] == 4
    assert undo(registry, answers[0].import_id) == 5
    assert registry.rows("SELECT count(*) AS n FROM alert WHERE state = 'withdrawn'")[0]["n"] == 4


def test_what_is_taken_back_already_does_not_hinder_the_undo_of_the_rest(registry: Registry) -> None:
    answers = alerts(registry, table_of({}, {"Lgh-nr (folkbokf.)": "1202"}, {"Lgh-nr (folkbokf.)": "1203"}))
    for answer, caller in zip(answers, (LANDLORD, OFFICER), strict=False):
        etag = registry.call("GetAlert", pb.GetAlertRequest(alert_id=answer.record_id), caller).etag
        request = pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=answer.record_id, etag=etag)
        registry.call("WithdrawAlert", request, caller)
    assert undo(registry, answers[0].import_id, OFFICER) == 1
    assert {row["state"] for row in registry.rows("SELECT state FROM alert")} == {"withdrawn"}


def test_a_file_that_is_undone_while_it_is_read_registers_no_more(registry: Registry) -> None:
    first_answer = Event()

    def slowly() -> Iterator[Any]:
        header, *rows = parts(table_of({}, {"Lgh-nr (folkbokf.)": "1202"}), pb.ImportAlertsRequest)
        yield header
        yield rows[0]
        assert first_answer.wait(20)
        yield rows[1]

    answers = registry.start_import("ImportAlerts", slowly(), LANDLORD)
    import_id = next(answers).row.import_id
    assert undo(registry, import_id, OFFICER) == 1
    first_answer.set()
    with pytest.raises(Exception, match="har ångrats"):
        list(answers)
    assert {row["state"] for row in registry.rows("SELECT state FROM alert")} == {"withdrawn"}


def test_a_payment_that_an_alert_from_elsewhere_belongs_to_is_handled(registry: Registry) -> None:
    flagged = payments(registry, sample("iaf_utbetalningar.csv", payment.TABLE.headings))
    payment_id = next(answer.record_id for answer in flagged if answer.result == common_pb2.ROW_RESULT_ACCEPTED)
    alert_id = registry.call("RegisterAlert", a_registration(landlord_org_number=""), INVESTIGATOR).alert_id
    linked: dict[str, Any] = {"assessment": pb.ALERT_ASSESSMENT_PAYMENT_CASE, "payment_id": payment_id, "suspected_error_kind": ""}
    registry.call("AssessAlert", an_assessment(alert_id, **linked), INVESTIGATOR)
    with pytest.raises(Conflict, match="1 av ärendena har handlagts"):
        undo(registry, flagged[0].import_id, INVESTIGATOR)


def test_how_many_came_of_a_file_does_not_tell_how_many_are_protected(registry: Registry) -> None:
    flagged = payments(registry, sample("iaf_utbetalningar.csv", payment.TABLE.headings))
    (file,) = registry.call("ListImports", pb.ListImportsRequest(), INVESTIGATOR).imports
    assert file.count == undo(registry, flagged[0].import_id, INVESTIGATOR)


def test_an_import_of_others_is_not_there(registry: Registry) -> None:
    (answer,) = alerts(registry, table_of({}))
    flagged = payments(registry, sample("iaf_utbetalningar.csv", payment.TABLE.headings))
    for import_id, caller in (
        (answer.import_id, OTHER_LANDLORD),
        (answer.import_id, MOS_OFFICER),
        (flagged[0].import_id, LANDLORD),
        (flagged[0].import_id, OFFICER),
        (str(uuid4()), OFFICER),
    ):
        with pytest.raises(NotFound):
            undo(registry, import_id, caller)
    assert registry.call("ListImports", pb.ListImportsRequest(), OTHER_LANDLORD).imports == []
