"""What a person carries out another way than the bus, and says so."""

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import SKEW_MAX, instant, rfc3339
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Invalid
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import CORRECTING, OBLIGATIONS, Status
from services.sharing.service.parts import Parts


class TaskMethods(Parts):
    """The methods about tasks."""

    def RecordCarriedOut(self, request: pb.RecordCarriedOutRequest, context: grpc.ServicerContext) -> pb.RecordCarriedOutResponse:  # noqa: ARG002, N802
        """A named person says how, when and to whom; then the task is done (M11, M14), or nothing more is owed."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.RecordCarriedOutResponse, lambda tx: self._carried_out(tx, asking, request)
        )

    def _carried_out(self, tx: Transaction, asking: Caller, request: pb.RecordCarriedOutRequest) -> pb.RecordCarriedOutResponse:
        told = self._own_disclosure(tx, request.disclosure_id, asking, lock=True)
        if not (told.task_open or told.obligation_open):
            raise Conflict("disclosure_id: det finns ingen öppen uppgift att utföra här.")
        try:
            when = instant(request.carried_out_time)
        except (ValueError, OverflowError):
            raise Invalid("carried_out_time: tidpunkten går inte att läsa.") from None
        now, decided_time = self._clock.now(), self._store.decided_time(tx, told.id)
        if when > now + SKEW_MAX:
            raise Invalid("carried_out_time: tidpunkten ligger i framtiden.")
        if decided_time is None or when < decided_time:
            raise Invalid("carried_out_time: tidpunkten ligger före beslutet.")
        way, recipient, reference = self._plain(way=request.way, recipient=request.recipient, reference=request.reference)
        if not way:
            raise Invalid("way: skriv på vilket sätt.")
        if not recipient:
            raise Invalid("recipient: skriv till vem.")
        said = OBLIGATIONS.get(Status(told.status), Status.CARRIED_OUT)
        note = self._store.sealed_note(told, "\n".join((rfc3339(when), way, recipient, reference)))
        self._store.tell(tx, told, said, now, person=asking.person, note=note)
        if said is Status.CARRIED_OUT:
            for before in self._store.disclosures_by_id(tx, told.replaces):
                if before.status in CORRECTING:
                    self._store.tell(tx, before, Status.CORRECTION_CONFIRMED, now, person=asking.person)
        self._audit(tx, f"sharing:disclosure:{said}", asking, "disclosure", told.id)
        status = max(Status(told.status), said, key=lambda one: one.rank)
        return pb.RecordCarriedOutResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[status])
