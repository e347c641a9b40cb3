"""What a person carries out another way than the bus, and says so."""

from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import instant, rfc3339
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import SKEW, Status
from services.sharing.service.parts import Parts


class TaskMethods(Parts):
    """The methods about tasks."""

    def RecordCarriedOut(self, request: pb.RecordCarriedOutRequest, context: grpc.ServicerContext) -> pb.RecordCarriedOutResponse:  # noqa: ARG002, N802
        """A named person says how, when and to whom; then the task is done (M11, M14)."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.RecordCarriedOutResponse, lambda tx: self._carried_out(tx, asking, request)
        )

    def _carried_out(self, tx: Transaction, asking: Caller, request: pb.RecordCarriedOutRequest) -> pb.RecordCarriedOutResponse:
        told = self._store.disclosure_of_unit(tx, UUID(request.disclosure_id), asking.unit, lock=True)
        if told is None:
            raise NotFound
        if not told.task_open:
            raise Conflict("disclosure_id: det finns ingen öppen uppgift att utföra här.")
        try:
            when = instant(request.carried_out_time)
        except (ValueError, OverflowError):
            raise Invalid("carried_out_time: tidpunkten går inte att läsa.") from None
        now = self._clock.now()
        if when > now + SKEW:
            raise Invalid("carried_out_time: tidpunkten ligger i framtiden.")
        if when < told.decided_time:
            raise Invalid("carried_out_time: tidpunkten ligger före beslutet.")
        words = (rfc3339(when), request.way.strip(), request.recipient.strip(), request.reference.strip())
        if not words[1]:
            raise Invalid("way: skriv på vilket sätt.")
        if not words[2]:
            raise Invalid("recipient: skriv till vem.")
        self._store.tell(tx, told, Status.CARRIED_OUT, now, person=asking.person, note=self._store.sealed_note(told, "\n".join(words)))
        self._audit(tx, "sharing:disclosure:carried_out", asking, "disclosure", told.id)
        status = max(Status(told.status), Status.CARRIED_OUT, key=lambda one: one.rank)
        return pb.RecordCarriedOutResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[status])
