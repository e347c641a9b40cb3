"""The coordinator's board of what is left to do after operations."""

from uuid import UUID

import grpc
from los.controls.v1 import findings_pb2 as pb

from services.controls.domain.after_work import AuthorityWork, after_work
from services.controls.domain.listing import Listing
from services.controls.domain.operations import Operation, State
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import findings as wire
from services.controls.wire import measures as measure_wire
from services.kernel import pages
from services.kernel.db import Transaction
from services.kernel.errors import NotFound
from services.kernel.rpc import caller

AFTER = (State.IN_PROGRESS, State.COMPLETED, State.REPORTED, State.FOLLOWED_UP)
"""From when there is something to do after a visit until nothing is left."""


class AfterWorkMethods(Parts):
    """The method about what is left to do."""

    def ListAfterWork(self, request: pb.ListAfterWorkRequest, _context: grpc.ServicerContext) -> pb.ListAfterWorkResponse:  # noqa: N802, D102
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            if request.operation_id:
                one = self._operations.get(tx, UUID(request.operation_id), unit_of(asking))
                if one is None:
                    raise NotFound
                found = [one]
            else:
                found = self._operations.listed(tx, unit_of(asking), Listing(states=AFTER), after, size + 1)
            page = found[:size]
            operations = self._boards(tx, page)
            self._audit(tx, "controls:after_work:list", asking, "operation", count=len(page))
        return pb.ListAfterWorkResponse(operations=operations, next_page_token=pages.next_token(found, size))

    def _boards(self, tx: Transaction, page: list[Operation]) -> list[pb.OperationAfterWork]:
        ids = [operation.id for operation in page]
        seen, taken, now = self._findings.observations_of(tx, ids), self._findings.measures_of(tx, ids), self._clock.now()
        boards = []
        for row in page:
            whole = self._operations.get(tx, row.id)
            assert whole is not None  # noqa: S101  # it was read in this transaction
            own_seen = [one for one in seen if one.operation_id == row.id]
            own_taken = [one for one in taken if one.operation_id == row.id]
            works = after_work(whole, own_seen, own_taken, now)
            boards.append(
                pb.OperationAfterWork(operation_id=str(row.id), label=row.label, authorities=[_authority(work) for work in works])
            )
        return boards


def _authority(work: AuthorityWork) -> pb.AuthorityAfterWork:
    return pb.AuthorityAfterWork(
        authority=work.authority,
        summary_delivered=work.summary_delivered,
        observations=[wire.flag(one) for one in work.seen],
        measures_open=work.measures_open,
        measures_overdue=work.measures_overdue,
        told_measures=[measure_wire.told_message(one) for one in work.told],
        second_wave_undecided=work.undecided,
        overdue=work.overdue,
    )
