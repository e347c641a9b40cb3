"""A jurist's recorded decisions: what ships off and is opened in this kommun, and closed again (hs-20)."""

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, Invalid
from services.kernel.rpc import caller
from services.sharing.domain import Status
from services.sharing.service.parts import Parts


class SwitchMethods(Parts):
    """The methods of the jurist, who never decides a case (sharing-matrix 8)."""

    def SwitchFlow(self, request: pb.SwitchFlowRequest, context: grpc.ServicerContext) -> pb.SwitchFlowResponse:  # noqa: ARG002, N802
        """Open a flow or an unverified ground, or close it again; a flow that must not exist cannot be opened."""
        asking = caller()
        if request.name not in self._decisions.law.openable:
            raise Invalid("name: det finns inget sådant flöde eller sådan grund att öppna.")
        if not request.reason.strip():
            raise Invalid("reason: skriv varför.")
        return self._requests.once(
            asking, request, request.request_id, pb.SwitchFlowResponse, lambda tx: self._switched(tx, asking, request)
        )

    def _switched(self, tx: Transaction, asking: Caller, request: pb.SwitchFlowRequest) -> pb.SwitchFlowResponse:
        now = self._clock.now()
        self._store.alone_at_the_switches(tx)
        if (request.name in self._store.open_flows(tx)) == request.open:
            raise Conflict(f"open: det är redan {'öppet' if request.open else 'stängt'}.")
        reference, reason = self._plain(decision_reference=request.decision_reference, reason=request.reason)
        self._store.add_switch(tx, request.name, asking.principal, now, reference, reason, is_open=request.open)
        for told in [] if request.open else self._store.not_carried_out(tx, request.name):
            if told.status == Status.DECIDED:
                after = self._decisions.recall(tx, told)
            else:
                after = Status.VOID
                self._store.tell(tx, told, after, now)
            self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
        self._audit(tx, "sharing:flow:switch", asking, name=request.name, open=request.open, decision=reference)
        switched = pb.FlowSwitch(
            name=request.name,
            open=request.open,
            person=asking.principal,
            switched_time=timestamp(now),
            decision_reference=reference,
            reason=reason,
        )
        return pb.SwitchFlowResponse(flow_switch=switched)

    def ListFlowSwitches(  # noqa: N802
        self,
        request: pb.ListFlowSwitchesRequest,  # noqa: ARG002
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> pb.ListFlowSwitchesResponse:
        """Every decision, and what may be opened."""
        with self._database.transaction() as tx:
            rows = self._store.switches(tx)
            self._audit(tx, "sharing:flow:list", caller(), count=len(rows))
        return pb.ListFlowSwitchesResponse(
            flow_switches=[
                pb.FlowSwitch(
                    name=row.name,
                    open=row.open,
                    person=row.person,
                    switched_time=timestamp(row.switched_time),
                    decision_reference=row.decision_reference,
                    reason=row.reason,
                )
                for row in rows
            ],
            may_be_opened=sorted(self._decisions.law.openable),
        )
