"""What the säkerhetschef sees of what is told: who, when, to whom and on which ground, never about whom."""

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.clock import timestamp
from services.kernel.pages import after as page_after
from services.kernel.pages import next_token, page_size
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import Status
from services.sharing.service.parts import Parts


class OversightMethods(Parts):
    """The method for the säkerhetschef."""

    def ListReleases(self, request: pb.ListReleasesRequest, context: grpc.ServicerContext) -> pb.ListReleasesResponse:  # noqa: ARG002, N802
        """A page of every unit's decisions to tell or not to, newest first."""
        size, grounds = page_size(request.page), self._decisions.law.grounds
        with self._database.transaction() as tx:
            rows = self._store.releases(tx, page_after(request.page), size + 1, refused=request.refused)
            self._audit(tx, "sharing:release:list", caller(), count=min(len(rows), size))
        return pb.ListReleasesResponse(
            releases=[
                pb.ReleaseRow(
                    decided_time=timestamp(row.decided_time),
                    decided_by=row.decided_by,
                    unit=row.unit,
                    record_kind=row.record_kind,
                    receiver_kind=row.receiver_kind,
                    ground_id=row.ground_id,
                    citation=grounds[row.ground_id].citation if row.ground_id in grounds else "",
                    state=wire.DISCLOSURE_STATE[Status(row.status)],
                )
                for row in rows[:size]
            ],
            next_page_token=next_token(rows, size),
        )
