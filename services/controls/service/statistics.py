"""The statistics of controls, for those who read aggregates alone."""

import grpc
from los.controls.v1 import controls_pb2 as pb

from services.controls.service.parts import Parts
from services.kernel.rpc import caller


class StatisticsMethods(Parts):
    """The method for security chief, analyst and coordinators."""

    def GetStatistics(self, request: pb.GetStatisticsRequest, _context: grpc.ServicerContext) -> pb.GetStatisticsResponse:  # noqa: N802, D102
        return pb.GetStatisticsResponse(statistics=self._releases.read(caller(), request.period.name))
