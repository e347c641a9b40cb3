"""The statistics of controls: visits by district and kind of object, persons checked, and the year as it was reported (workflows L6)."""

from datetime import UTC, datetime

import pytest
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Denied
from tests.controls.conftest import Controls
from tests.controls.day_acts import LEAD, STRANGER, Course

CHIEF = Caller("cli", "klf-sakerhetschef-2", Role.SECURITY_CHIEF, "KLF")


def _year(controls: Controls, caller: Caller) -> common_pb2.Statistics:
    request = pb.GetStatisticsRequest(period=common_pb2.StatisticsPeriod(name="2026"))
    answer: pb.GetStatisticsResponse = controls.call("GetStatistics", request, caller)
    return answer.statistics


def test_a_years_visits_are_the_same_next_year_and_few_operations_are_hidden(controls: Controls) -> None:
    Course(controls, 6).completed()
    controls.clock.moment = datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert controls.releases.close_due() == 1
    told = _year(controls, STRANGER)
    tables = {table.name: list(table.rows) for table in told.tables}
    whole, persons, *rows = tables["visits"]
    assert (whole.value, persons.value, persons.heading) == ("6", "36", "Kontrollerade personer")
    assert {row.breakdown for row in rows} == {"district", "object_type"}
    assert {row.value for row in rows if row.HasField("value")} <= {"6"}
    assert not any(row.HasField("value") for row in tables["operations"])  # one operation is nobody's statistics
    controls.clock.moment = datetime(2028, 1, 1, 12, tzinfo=UTC)
    assert controls.releases.close_due() == 4
    assert _year(controls, CHIEF) == told
    with pytest.raises(Denied):
        _year(controls, LEAD)
