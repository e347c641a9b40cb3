"""The statistics of sharing, for those who read aggregates alone."""

from collections.abc import Iterable
from pathlib import Path

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.reference import Word, reference
from services.kernel.rpc import caller
from services.kernel.statistics import Plan
from services.sharing.legal.data import Flow, Ground
from services.sharing.service.parts import Parts
from services.sharing.store.statistics import ground_and_partner


def plan(flows: Iterable[Flow], grounds: Iterable[Ground]) -> Plan:
    """Sharing's indicators; a row for each ground and receiver kind that the law has a flow for."""
    titles, words = {ground.id: ground.title_sv for ground in grounds}, {row.code: row.word for row in reference().receivers}
    pairs = sorted(
        {(ground, receiver) for flow in flows for ground in flow.grounds for receiver in flow.receivers or () if receiver in words}
    )
    rows = [Word(code=ground_and_partner(ground, receiver), word=f"{titles[ground]}: {words[receiver]}") for ground, receiver in pairs]
    return Plan.read(Path(__file__).with_suffix(".toml"), {"ground_and_partner": rows})


class StatisticsMethods(Parts):
    """The method for security chief and analyst."""

    def GetStatistics(self, request: pb.GetStatisticsRequest, _context: grpc.ServicerContext) -> pb.GetStatisticsResponse:  # noqa: N802, D102
        return pb.GetStatisticsResponse(statistics=self._releases.read(caller(), request.period.name))
