"""The statistics of sharing: releases per ground and partner, refused, withdrawn, mean fields per record."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Denied
from tests.sharing.conftest import Sharing

CHIEF = Caller("cli", "klf-sakerhetschef-2", Role.SECURITY_CHIEF, "KLF")


def test_releases_are_counted_per_ground_and_partner_and_refusals_apart(sharing: Sharing) -> None:
    for _ in range(5):
        sharing.decided(uuid4())
    refused = sharing.preview(sharing.offer(uuid4()).offer_id)
    sharing.decide(refused, pb.DECISION_REFUSE, "Det räcker inte.")
    sharing.clock.moment = datetime(sharing.clock.now().year + 1, 1, 1, 12, tzinfo=UTC)
    assert sharing.releases.close_due() == 1
    request = pb.GetStatisticsRequest(period=common_pb2.StatisticsPeriod(name=str(sharing.clock.now().year - 1)))
    with pytest.raises(Denied):
        sharing.call("GetStatistics", request)
    told: common_pb2.Statistics = sharing.call("GetStatistics", request, CHIEF).statistics
    tables = {table.name: list(table.rows) for table in told.tables}
    whole, fields, *by_ground = tables["releases"]
    assert (whole.value, fields.unit, float(fields.value) > 1) == ("5", "uppgifter", True)
    assert "fol-32c-2021/skatteverket-folkbokforing" in {row.code for row in by_ground}
    assert not tables["refused"][0].HasField("value")
    assert {row.value for row in by_ground if row.HasField("value")} <= {"5"}
