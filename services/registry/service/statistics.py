"""The statistics of the registry, for those who read aggregates alone."""

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel.rpc import caller
from services.registry.service.parts import Parts


class StatisticsMethods(Parts):
    """The method for security chief and analyst."""

    def GetStatistics(self, request: pb.GetStatisticsRequest, _context: grpc.ServicerContext) -> pb.GetStatisticsResponse:  # noqa: N802, D102
        return pb.GetStatisticsResponse(statistics=self._releases.read(caller(), request.period.name))
