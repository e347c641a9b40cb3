"""The statistics of the registry over its own door: who may ask, that a closed period stays as it was, that nobody can be told apart."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel import releases
from services.kernel.callers import Caller, Role
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Denied, Invalid
from services.registry.domain.statistics import plan
from tests.registry.builders import BUYER, INVESTIGATOR, LANDLORD, MANAGER, OFFICER, PERSON, a_registration
from tests.registry.conftest import Registry

CHIEF = Caller("cli", "klf-sakerhetschef-2", Role.SECURITY_CHIEF, "KLF")
ANALYST = Caller("cli", "klf-analytiker-1", Role.ANALYST, "KLF")
AFTER = datetime(2027, 1, 2, 9, 0, tzinfo=UTC)


def _ask(registry: Registry, period: str, caller: Caller = CHIEF) -> common_pb2.Statistics:
    request = pb.GetStatisticsRequest(period=common_pb2.StatisticsPeriod(name=period))
    answer: pb.GetStatisticsResponse = registry.call("GetStatistics", request, caller)
    return answer.statistics


def _values(told: common_pb2.Statistics, table: str) -> dict[str, str | None]:
    rows = next(one for one in told.tables if one.name == table).rows
    return {f"{row.code or row.heading}": row.value if row.HasField("value") else None for row in rows}


def _alerts(registry: Registry, number: int, first: int = 0, **more: str) -> list[str]:
    requests = [a_registration(apartment_number=f"{1001 + place}", **more) for place in range(first, first + number)]
    return [registry.call("RegisterAlert", request, LANDLORD).alert_id for request in requests]


def _closed(registry: Registry) -> None:
    registry.clock.moment = AFTER
    assert registry.releases.close_due() == 1


def test_a_year_is_counted_once_and_stays_as_it_was(registry: Registry) -> None:
    alert_ids = [
        *_alerts(registry, 6),
        *_alerts(registry, 2, 6, source_kind="granne"),
        *_alerts(registry, 5, 8, source_kind="egen personal"),
    ]
    with pytest.raises(Conflict):
        _ask(registry, "2026-Q4")
    _closed(registry)
    before = {period: _ask(registry, period) for period in ("2026-Q4", "2026")}
    received = _values(before["2026"], "alerts_received")
    assert {word for word, value in received.items() if value is None} == {"neighbour", "own", "camera", "rest", "staff"}
    assert (received["Anmälningar om folkbokföring"], received["document"]) == ("13", "6")
    etag = registry.call("GetAlert", pb.GetAlertRequest(alert_id=alert_ids[0]), LANDLORD).etag
    registry.call("WithdrawAlert", pb.WithdrawAlertRequest(request_id=str(uuid4()), alert_id=alert_ids[0], etag=etag), LANDLORD)
    _alerts(registry, 3, 20)
    assert registry.releases.close_due() == 0
    for caller in (CHIEF, ANALYST, CHIEF):
        assert {period: _ask(registry, period, caller) for period in before} == before
    assert [row["period"] for row in registry.rows("SELECT period FROM statistics_release ORDER BY period")] == ["2026", "2026-Q4"]


def test_no_number_under_five_is_told_and_no_number_of_a_person(registry: Registry) -> None:
    _alerts(registry, 4)
    _closed(registry)
    told = _ask(registry, "2026")
    assert {row.value for table in told.tables for row in table.rows if row.HasField("value")} == set()
    assert PERSON not in str(told)
    assert {row["value"] for release in registry.rows("SELECT rows FROM statistics_release") for row in release["rows"]} == {None}


def test_a_protected_person_is_not_counted(registry: Registry) -> None:
    alert_ids = _alerts(registry, 5)
    check = common_pb2.ProtectionCheck(result=common_pb2.PROTECTION_PROTECTED)
    check.checked_time.FromDatetime(registry.clock.now())
    request = pb.AssessAlertRequest(
        request_id=str(uuid4()), alert_id=alert_ids[0], etag="1", assessment=pb.ALERT_ASSESSMENT_NOT_ENOUGH, reasons="Skyddade uppgifter.",
        wrong_flat_checked=True, protection_check=check,
    )  # fmt: skip
    registry.call("AssessAlert", request, OFFICER)
    _closed(registry)
    assert _values(_ask(registry, "2026-Q4"), "alerts_received") == {"Anmälningar om folkbokföring": None}


def test_only_those_who_read_aggregates_ask_and_each_time_is_noted(registry: Registry) -> None:
    _alerts(registry, 5)
    _closed(registry)
    for caller in (LANDLORD, OFFICER, INVESTIGATOR, MANAGER, BUYER):
        with pytest.raises(Denied):
            _ask(registry, "2026-Q4", caller)
    _ask(registry, "2026-Q4", ANALYST)
    assert registry.events()[-7:] == [
        "registry:statistics:close/done", *["registry:GetStatistics/refused"] * 5, "registry:statistics:read/done"
    ]  # fmt: skip


@pytest.mark.parametrize("period", ["", "2026-Q5", "2026-09", "2026-T1", "2026-Q4'"])
def test_there_are_quarters_and_years_and_no_other_periods(registry: Registry, period: str) -> None:
    with pytest.raises(Invalid):
        _ask(registry, period)


def test_every_indicator_says_in_swedish_what_it_counts() -> None:
    for indicator in plan().indicators:
        assert indicator.heading
        assert indicator.method.endswith(".")
    names = {indicator.name for indicator in plan().indicators}
    assert {"errors_found", "recovery_decided", "police_reports", "prevented"} <= names


def test_a_quarter_is_counted_an_hour_after_its_end_when_nothing_of_it_is_under_way(registry: Registry) -> None:
    _alerts(registry, 5)
    registry.clock.moment = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)  # 59 minutes into the year in Sweden
    assert registry.releases.close_due() == 0
    registry.clock.moment = datetime(2027, 1, 1, 0, 0, tzinfo=UTC)
    assert registry.releases.close_due() == 1


def test_a_quarter_is_counted_in_a_number_of_statements_that_the_records_do_not_change(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    read, one = Transaction.read, Transaction.one
    monkeypatch.setattr(Transaction, "read", lambda tx, statement: read(tx, asked.append(statement) or statement))  # type: ignore[func-returns-value]
    monkeypatch.setattr(Transaction, "one", lambda tx, statement: one(tx, asked.append(statement) or statement))  # type: ignore[func-returns-value]
    numbers = []
    for year, more in ((2026, 2), (2027, 30)):
        _alerts(registry, more, 40 * (year - 2026))
        registry.clock.moment = datetime(year + 1, 1, 2, 9, 0, tzinfo=UTC)
        asked.clear()
        registry.releases.close_due()
        numbers.append(len(asked))
    assert numbers[1] <= 4 * numbers[0]  # four quarters beside one


def test_every_record_is_counted_once_when_they_are_read_in_many_pages(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "AT_ONCE", 3)
    _alerts(registry, 9)
    _closed(registry)
    assert _values(_ask(registry, "2026"), "alerts_received")["Anmälningar om folkbokföring"] == "9"
