"""Files through the whole service: the samples, the same again, bad rows, bad streams, and at most two at once."""

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

import grpc
import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.errors import Conflict, ConflictReason, Failure, Invalid, NotFound, Unavailable
from services.kernel.rpc import failure_of
from services.kernel.table_file import TableFile, read_table
from services.registry.domain import alert, payment
from tests.registry.builders import (
    INVESTIGATOR,
    LANDLORD,
    MOS_OFFICER,
    OFFICER,
    OTHER_LANDLORD,
    a_check,
    a_payment,
    a_registration,
    an_assessment,
)
from tests.registry.conftest import Registry

SAMPLES = Path(__file__).parents[2] / "samples"
HEADER = (*alert.TABLE.headings, "Löpnr", "Anteckning")
GOOD = {
    "Org.nr hyresvärd": "559999-0180",
    "Fastighet": "LINKÖPING EXEMPLET 1:1",
    "Gatuadress": "Exempelgatan 1",
    "Postnr": "582 22",
    "Ort": "Linköping",
    "Lgh-nr (folkbokf.)": "1201",
    "Personnr": "19881016-2399",
    "Fr.o.m.": "2026-09-24",
    "T.o.m.": "2026-10-06",
    "Iakttagelse": "tom lägenhet",
    "Källa": "dokument",
}


def sample(file: str, required: Sequence[str]) -> TableFile:
    return read_table((SAMPLES / file).read_bytes(), required)


def expected(file: str) -> list[list[str]]:
    with (SAMPLES / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))[1:]


def parts(table: TableFile, request: Any) -> Iterator[Any]:  # noqa: ANN401
    yield request(part=common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=table.header)))
    for number, cells in table.rows:
        yield request(part=common_pb2.ImportRequest(row=common_pb2.TableRow(number=number, cells=cells)))


def alerts(registry: Registry, table: TableFile, caller: Caller = LANDLORD) -> list[common_pb2.ImportResponse]:
    return _answers(registry, "ImportAlerts", parts(table, pb.ImportAlertsRequest), caller)


def payments(registry: Registry, table: TableFile) -> list[common_pb2.ImportResponse]:
    return _answers(registry, "ImportSuspectedPayments", parts(table, pb.ImportSuspectedPaymentsRequest), INVESTIGATOR)


def _answers(registry: Registry, method: str, requests: Iterator[Any], caller: Caller) -> list[common_pb2.ImportResponse]:
    try:
        return [answer.row for answer in registry.start_import(method, requests, caller)]
    except grpc.RpcError as error:
        raise failure_of(error) from None


def said(rows: list[common_pb2.ImportResponse]) -> list[list[str]]:
    return [[row.label, common_pb2.RowResult.Name(row.result).removeprefix("ROW_RESULT_").lower(), row.column] for row in rows]


def table_of(*rows: dict[str, str]) -> TableFile:
    cells = (tuple((GOOD | row).get(name, "") for name in HEADER) for row in rows)
    return TableFile(HEADER, tuple(enumerate(cells, 1)))


def test_the_landlords_list_is_answered_as_expected_and_the_same_again_is_known(registry: Registry) -> None:
    table = sample("fastighetsagare.csv", alert.TABLE.headings)
    wanted = expected("fastighetsagare.expected.csv")
    assert said(alerts(registry, table)) == wanted
    accepted = sum(row[1].startswith("accepted") for row in wanted)
    assert len(registry.rows("SELECT id FROM alert")) == accepted
    again = said(alerts(registry, table))
    for before, after in zip(wanted, again, strict=True):
        if before[1].startswith("accepted"):
            assert after == [before[0], "duplicate", ""]
        else:
            assert after == before
    assert len(registry.rows("SELECT id FROM alert")) == accepted


def test_the_payments_are_answered_as_expected_and_in_the_other_form_all_are_known(registry: Registry) -> None:
    wanted = expected("iaf_utbetalningar.expected.csv")
    assert said(payments(registry, sample("iaf_utbetalningar.csv", payment.TABLE.headings))) == wanted
    again = said(payments(registry, sample("iaf_utbetalningar.xlsx", payment.TABLE.headings)))
    assert all(after[1] == "duplicate" for before, after in zip(wanted, again, strict=True) if before[1].startswith("accepted"))
    listed = registry.call("ListSuspectedPayments", pb.ListSuspectedPaymentsRequest(page=common_pb2.Page(page_size=100)), INVESTIGATOR)
    assert len(listed.payments) == sum(row[1] == "accepted" for row in wanted)  # the protected ones are in no list
    doubted = registry.rows("SELECT id FROM alert WHERE state = 'draft'")
    assert len(doubted) == doubted_rows(sample("iaf_utbetalningar.csv", payment.TABLE.headings), wanted)


def doubted_rows(table: TableFile, wanted: list[list[str]]) -> int:
    """How many accepted rows of the file doubt the population register."""
    place = table.header.index("Folkbokföring ifrågasatt")
    return sum(cells[place] == "ja" and row[1] == "accepted" for (_, cells), row in zip(table.rows, wanted, strict=True))


def test_a_form_and_a_file_are_the_same_door(registry: Registry) -> None:
    registry.call("RegisterAlert", a_registration())
    row = {
        "Gatuadress": "EXEMPELGATAN 1",
        "Iakttagelse": "post till många namn",
        "Personnr": "881016-2399",
        "Fr.o.m.": "24/9 2026",
        "T.o.m.": "20261006",
    }
    assert said(alerts(registry, table_of(row))) == [["1", "duplicate", ""]]
    alerts(registry, table_of({"Lgh-nr (folkbokf.)": "1302"}))
    with pytest.raises(Conflict) as refused:
        registry.call("RegisterAlert", a_registration(apartment_number="1302"))
    assert refused.value.reason == ConflictReason.DUPLICATE


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        ({"Personnr": "19881016-2398"}, "Personnr", "identity_number"),
        ({"Personnr": "8810162"}, "Personnr", "identity_number_form"),
        ({"Personnr": "20110526-2388"}, "Personnr", "under_18"),
        ({"Fr.o.m.": "2027-01-01", "T.o.m.": "2027-01-02"}, "Fr.o.m.", "date_future"),
        ({"T.o.m.": "2026-09-23"}, "T.o.m.", "date_order"),
        ({"T.o.m.": "igår"}, "T.o.m.", "date_unknown"),
        ({"Gatuadress": " \u00a0"}, "Gatuadress", "missing"),
        ({"Iakttagelse": "tom lägenhet, ser skum ut"}, "Iakttagelse", "unknown_word"),
        ({"Källa": "rykten"}, "Källa", "unknown_word"),
        ({"Postnr": "femåtta"}, "Postnr", "postal_code"),
        ({"Lgh-nr (folkbokf.)": "13"}, "Lgh-nr (folkbokf.)", "apartment_number"),
        ({"Org.nr hyresvärd": "559999-0183"}, "Org.nr hyresvärd", "org_number"),
        ({"Org.nr hyresvärd": "559999-0017"}, "Org.nr hyresvärd", "org_number"),  # another landlord's
        ({"Ort": "Link\x07öping"}, "Ort", "characters"),
        ({"Anteckning": "a\x00b"}, "Anteckning", "characters"),
        ({"Anteckning": "x" * 501}, "Anteckning", "too_long"),
        ({"Fastighet": "x" * 101}, "Fastighet", "too_long"),
    ],
)
def test_a_bad_row_is_named_by_row_column_and_reason_and_the_good_ones_are_registered(
    registry: Registry, row: dict[str, str], column: str, code: str
) -> None:
    answers = alerts(registry, table_of({"Löpnr": "A1"}, row, {"Lgh-nr (folkbokf.)": "1401"}))
    assert said(answers) == [["A1", "accepted", ""], ["2", "rejected", column], ["3", "accepted", ""]]
    bad = answers[1]
    assert bad.code == code
    assert bad.message.startswith(f"Rad 2, kolumn {column}: ")
    assert not any(value.strip() in bad.message for value in row.values() if value.strip())
    assert len(registry.rows("SELECT id FROM alert")) == 2


def test_a_formula_and_markup_are_plain_text_and_the_note_is_left_out(registry: Registry) -> None:
    rows = ({"Anteckning": '=HYPERLINK("http://exempel.invalid")'}, {"Anteckning": "<script>", "Lgh-nr (folkbokf.)": "1202"})
    answers = alerts(registry, table_of(*rows))
    assert said(answers) == [["1", "accepted", ""], ["2", "accepted", ""]]
    assert {answer.code for answer in answers} == {"note_left_out"}


def test_a_personnummer_in_a_note_is_never_repeated_and_a_person_must_look(registry: Registry) -> None:
    (answer,) = alerts(registry, table_of({"Anteckning": "Grannen, 820614-2393, säger"}))
    assert said([answer]) == [["1", "accepted_needs_review", "Anteckning"]]
    assert "820614" not in answer.message
    (row,) = registry.rows("SELECT needs_review FROM alert")
    assert row["needs_review"] is True


def test_the_same_flat_twice_in_one_file_names_the_first_row(registry: Registry) -> None:
    answers = alerts(registry, table_of({"Löpnr": "17"}, {"Löpnr": "18", "Gatuadress": "exempelgatan  1 "}))
    assert said(answers) == [["17", "accepted", ""], ["18", "duplicate", "of 17"]]


def test_a_row_with_too_few_or_too_many_cells_is_rejected_without_a_column(registry: Registry) -> None:
    full = table_of({}).rows[0][1]
    table = TableFile(HEADER, ((1, full[:-3]), (2, (*full, "extra")), (3, full)))
    answers = alerts(registry, table)
    assert [(row[1], row[2], answer.code) for row, answer in zip(said(answers), answers, strict=True)] == [
        ("rejected", "", "too_few_cells"),
        ("rejected", "", "too_many_cells"),
        ("accepted", "", ""),
    ]


def test_a_file_without_a_needed_column_is_refused_as_a_whole(registry: Registry) -> None:
    table = table_of({})
    place = HEADER.index("Personnr")
    without = TableFile(HEADER[:place] + HEADER[place + 1 :], ((1, table.rows[0][1][:-1]),))
    with pytest.raises(Invalid, match="Filen saknar kolumner: Personnr"):
        alerts(registry, without)
    assert registry.rows("SELECT id FROM alert") == []


def test_a_stream_that_is_no_table_is_refused(registry: Registry) -> None:
    row = pb.ImportAlertsRequest(part=common_pb2.ImportRequest(row=common_pb2.TableRow(number=1, cells=["x"])))
    for requests in ([row], [pb.ImportAlertsRequest()]):
        with pytest.raises(Invalid):
            _answers(registry, "ImportAlerts", iter(requests), LANDLORD)


def test_each_row_is_answered_before_the_next_is_sent(registry: Registry) -> None:
    table = table_of({}, {"Lgh-nr (folkbokf.)": "1202"})
    to_send: SimpleQueue[Any] = SimpleQueue()
    header, *rows = parts(table, pb.ImportAlertsRequest)
    answers = registry.start_import("ImportAlerts", iter(to_send.get, None), LANDLORD)
    to_send.put(header)
    for number, row in enumerate(rows, 1):
        to_send.put(row)
        assert next(answers).row.row == number
    to_send.put(None)
    assert list(answers) == []


def test_a_third_file_at_once_is_asked_to_wait(registry: Registry) -> None:
    queues: list[SimpleQueue[Any]] = [SimpleQueue(), SimpleQueue()]
    header, row = parts(table_of({}), pb.ImportAlertsRequest)
    under_way = [registry.start_import("ImportAlerts", iter(queue.get, None), LANDLORD) for queue in queues]
    for queue, answers in zip(queues, under_way, strict=True):
        queue.put(header)
        queue.put(row)
        next(answers)
    with pytest.raises(Unavailable):
        alerts(registry, table_of({}))
    for queue in queues:
        queue.put(None)
    for answers in under_way:
        assert list(answers) == []
    assert said(alerts(registry, table_of({}))) == [["1", "duplicate", ""]]


def test_what_another_unit_has_is_never_told_as_a_duplicate(registry: Registry) -> None:
    for officer in (INVESTIGATOR, MOS_OFFICER, OFFICER):
        registry.call("RegisterAlert", a_registration(), officer)
        with pytest.raises(Conflict) as again:
            registry.call("RegisterAlert", a_registration(), officer)
        assert again.value.reason == ConflictReason.DUPLICATE
    assert said(alerts(registry, table_of({}))) == [["1", "accepted", ""]]
    assert len(registry.rows("SELECT id FROM alert")) == 4


def test_a_landlord_who_writes_anothers_number_does_not_stand_in_its_way(registry: Registry) -> None:
    assert said(alerts(registry, table_of({}), OTHER_LANDLORD)) == [["1", "accepted", ""]]
    assert said(alerts(registry, table_of({}), LANDLORD)) == [["1", "accepted", ""]]
    assert said(alerts(registry, table_of({}), LANDLORD)) == [["1", "duplicate", ""]]


def test_what_is_withdrawn_hinders_no_new_report(registry: Registry) -> None:
    for protection in (common_pb2.PROTECTION_NONE, common_pb2.PROTECTION_PROTECTED):  # kept or not, the landlord may say it again
        (answer,) = alerts(registry, table_of({}))
        assert answer.result == common_pb2.ROW_RESULT_ACCEPTED
        registry.call("AssessAlert", an_assessment(answer.record_id, protection_check=a_check(protection)), OFFICER)
        request = pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=answer.record_id, etag="submitted")
        registry.call("WithdrawAlert", request)
    registry.call("RegisterAlert", a_registration())
    flagged = registry.call("RegisterSuspectedPayment", a_payment(), INVESTIGATOR)
    withdrawal = pb.WithdrawSuspectedPaymentRequest(request_id=str(uuid4()), payment_id=flagged.payment_id, etag="1")
    registry.call("WithdrawSuspectedPayment", withdrawal, INVESTIGATOR)
    registry.call("RegisterSuspectedPayment", a_payment(), INVESTIGATOR)


def test_two_doors_at_the_same_time_register_one_thing_once(registry: Registry) -> None:
    def one_more(_: int) -> str:
        try:
            return str(registry.call("RegisterAlert", a_registration()).state)
        except Conflict as refused:
            return str(refused.reason)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(one_more, range(8)))
    assert results.count("DUPLICATE") == 7
    assert len(registry.rows("SELECT id FROM alert")) == 1


def test_a_landlord_sees_only_what_its_own_organisation_sent(registry: Registry) -> None:
    (answer,) = alerts(registry, table_of({}))
    alerts(registry, table_of({"Org.nr hyresvärd": "559999-0016"}), OTHER_LANDLORD)
    for caller, count in ((LANDLORD, 1), (OTHER_LANDLORD, 1), (OFFICER, 2)):
        assert len(registry.call("ListAlerts", pb.ListAlertsRequest(), caller).alerts) == count
    with pytest.raises(NotFound):
        registry.call("GetAlert", pb.GetAlertRequest(alert_id=answer.record_id), OTHER_LANDLORD)


def test_a_landlord_without_an_organisation_may_report_nothing(registry: Registry) -> None:
    nobody = Caller("cli", "hyresvard-9", LANDLORD.role, "hyresvard")
    with pytest.raises(Failure) as refused:
        alerts(registry, table_of({}), nobody)
    assert refused.value.reason == "DENIED"


def dry(table: TableFile, request: Any) -> Iterator[Any]:  # noqa: ANN401
    header, *rows = parts(table, request)
    header.part.header.dry_run = True
    yield header
    yield from rows


def kept(registry: Registry) -> dict[str, int]:
    """How many rows each table has, but for the log."""
    names = registry.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'registry' AND tablename <> 'audit'")
    assert len(names) > 8
    return {row["name"]: registry.rows(f'SELECT count(*) AS n FROM "{row["name"]}"')[0]["n"] for row in names}  # noqa: S608


def test_a_dry_run_answers_as_the_import_will_and_leaves_nothing_but_a_word_in_the_log(registry: Registry) -> None:
    table = sample("fastighetsagare.csv", alert.TABLE.headings)
    registry.call("RegisterAlert", a_registration())
    before = kept(registry)
    tried = _answers(registry, "ImportAlerts", dry(table, pb.ImportAlertsRequest), LANDLORD)
    assert {(answer.record_id, answer.import_id) for answer in tried} == {("", "")}
    assert kept(registry) == before
    assert [event for event in registry.events() if "import" in event] == ["registry:import:dry_run/done"]
    real = alerts(registry, table)
    assert [(answer.row, answer.result, answer.column, answer.code, answer.message) for answer in tried] == [
        (answer.row, answer.result, answer.column, answer.code, answer.message) for answer in real
    ]


def test_a_dry_run_of_payments_answers_as_the_import_will_and_stops_nobody(registry: Registry) -> None:
    table, before = sample("iaf_utbetalningar.csv", payment.TABLE.headings), kept(registry)
    tried = _answers(registry, "ImportSuspectedPayments", dry(table, pb.ImportSuspectedPaymentsRequest), INVESTIGATOR)
    assert kept(registry) == before
    assert said(tried) == said(payments(registry, table))
