"""The unit's inbox: what agencies have told the kommun. It stays in the unit, and nothing is answered."""

from uuid import UUID

import grpc
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import iso, timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, NotFound
from services.kernel.pages import after as page_after
from services.kernel.pages import next_token, page_size
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import NOTICE, READABLE, InboundState
from services.sharing.retention import retention
from services.sharing.service.parts import Parts, days_since
from services.sharing.store import tables


class InboundMethods(Parts):
    """The methods about what agencies tell."""

    def ListInbound(self, request: pb.ListInboundRequest, context: grpc.ServicerContext) -> pb.ListInboundResponse:  # noqa: ARG002, N802
        """The caller's unit's inbox; nothing personal in a row."""
        asking = caller()
        size, after = page_size(request.page), page_after(request.page)
        states = [state for state, number in wire.INBOUND_STATE.items() if number in set(request.states)]
        with self._database.transaction() as tx:
            rows = self._store.inbox(tx, asking.unit or "", states, after, size + 1)
            self._audit(tx, "sharing:inbound:list", asking, count=min(len(rows), size))
        return pb.ListInboundResponse(inbound=[self._inbound_row(row) for row in rows[:size]], next_page_token=next_token(rows, size))

    def GetInbound(self, request: pb.GetInboundRequest, context: grpc.ServicerContext) -> pb.GetInboundResponse:  # noqa: ARG002, N802
        """What a notice says, while it stands."""
        asking = caller()
        with self._database.transaction() as tx:
            row = self._own_inbound(tx, request.inbound_id, asking)
            self._audit(tx, "sharing:inbound:get", asking, NOTICE, row.id, state=row.state)
        return pb.GetInboundResponse(
            inbound=self._inbound_row(row),
            content=self._content(row) if row.state in READABLE else None,
            citation=self._decisions.law.grounds[row.ground_id].citation,
        )

    def AcknowledgeInbound(  # noqa: N802
        self,
        request: pb.AcknowledgeInboundRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> pb.AcknowledgeInboundResponse:
        """A named person takes it into a case of the unit's own."""
        asking = caller()

        def act(tx: Transaction) -> pb.AcknowledgeInboundResponse:
            now = self._clock.now()
            row = self._own_inbound(tx, request.inbound_id, asking, lock=True)
            if row.state != InboundState.NEW:
                raise Conflict("inbound_id: underrättelsen är redan omhändertagen, ändrad eller återtagen.")
            [case_number] = self._plain(case_number=request.case_number)
            if request.protection != common_pb2.PROTECTION_UNSPECIFIED:
                self._store.mark_inbound(tx, row, wire.PROTECTION[request.protection])
            self._store.move_inbound(tx, row, InboundState.ACKNOWLEDGED, now, acknowledged_by=asking.principal, case_number=case_number)
            record_step(tx, tables.history, NOTICE, row.id, 1, (row.state, InboundState.ACKNOWLEDGED), now, asking.person)
            self._audit(tx, "sharing:inbound:acknowledge", asking, NOTICE, row.id, case_number=case_number)
            return pb.AcknowledgeInboundResponse(inbound_id=str(row.id), state=pb.INBOUND_STATE_ACKNOWLEDGED)

        return self._requests.once(asking, request, request.request_id, pb.AcknowledgeInboundResponse, act)

    def _own_inbound(self, tx: Transaction, inbound_id: str, asking: Caller, *, lock: bool = False) -> Row:
        row = self._store.inbound_of_unit(tx, UUID(inbound_id), asking.unit, lock=lock)
        if row is None:
            raise NotFound
        return row

    def _inbound_row(self, row: Row) -> pb.InboundRow:
        keep_until = None if row.state == InboundState.NEW else retention().keep_until(NOTICE, row.last_time)
        return pb.InboundRow(
            inbound_id=str(row.id),
            type=row.type,
            agency=row.agency,
            receiver_kind=row.receiver_kind,
            scheme=row.scheme,
            ground_id=row.ground_id,
            state=wire.INBOUND_STATE[InboundState(row.state)],
            received_time=timestamp(row.received_time),
            waited_days=days_since(row.received_time, self._clock.today()),
            acknowledged_by=row.acknowledged_by or "",
            case_number=row.case_number or "",
            notice_id=str(row.notice_id),
            keep_until=iso(keep_until),
        )

    def _content(self, row: Row) -> pb.InboundContent:
        said, words = self._store.inbound_content(row), reference().causes
        return pb.InboundContent(
            personal_identity_number=said["subject"]["personal_identity_number"] or "",
            coordination_number=said["subject"]["coordination_number"] or "",
            period_from=said["period_from"],
            period_to=said["period_to"],
            causes=[
                pb.InboundCause(
                    code=cause["code"], word=words[cause["code"]].word, from_date=cause["from"] or "", to_date=cause["to"] or ""
                )
                for cause in said["causes"]
            ],
            reference=said["reference"],
            function_mailbox=said["function_mailbox"],
        )
