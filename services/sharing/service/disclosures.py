"""What was decided, and what has happened since."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import iso, timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict
from services.kernel.pages import after as page_after
from services.kernel.pages import next_token, page_size
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import BY_HAND, RECEIPT_EXPECTED, Status, kinds_of, require_second_person
from services.sharing.retention import retention
from services.sharing.service.obligations import ObligationMethods
from services.sharing.service.parts import days_since

WAITS_FOR_KEY = "Väntar på en giltig nyckel. Uppgiften är inte skickad; den skickas när en ny nyckel finns. Du behöver inte göra något."


class DisclosureMethods(ObligationMethods):
    """The methods about disclosures."""

    def GetDisclosure(self, request: pb.GetDisclosureRequest, context: grpc.ServicerContext) -> pb.GetDisclosureResponse:  # noqa: ARG002, N802
        """What was decided, the bytes, what was written, and what has happened since."""
        asking = caller()
        with self._database.transaction() as tx:
            told = self._own_disclosure(tx, request.disclosure_id, asking)
            events, bars = self._store.events(tx, told.id), self._bars(tx, [told], asking)
            self._audit(tx, "sharing:disclosure:get", asking, "disclosure", told.id)
        written = {} if told.data_key is None else json.loads(self._store.opened("disclosure", told, "written"))
        approved = next((event.person for event in events if event.details.get("approved")), "")
        return pb.GetDisclosureResponse(
            disclosure=self._row(told, approved, bars),
            payload=b"" if told.data_key is None else self._store.opened("disclosure", told, "payload"),
            payload_hash=told.payload_hash or "",
            written=[pb.WrittenPoint(point=point, text=text) for point, text in written.items()],
            events=[
                pb.DisclosureEvent(
                    occurred_time=timestamp(event.occurred_time),
                    status=event.status,
                    person=event.person or "",
                    note=self._store.opened_note(told, event.note),
                    received_time=timestamp(event.received_time) if event.received_time else None,
                    reason=event.details.get("reason", ""),
                )
                for event in events
            ],
            points=[pb.Point(code=point, text=question) for point in written if (question := self._decisions.question(point))],
        )

    def ListDisclosures(self, request: pb.ListDisclosuresRequest, context: grpc.ServicerContext) -> pb.ListDisclosuresResponse:  # noqa: ARG002, N802
        """The caller's unit's disclosures; nothing personal in a row."""
        asking = caller()
        size, after = page_size(request.page), page_after(request.page)
        states = [status for status, number in wire.DISCLOSURE_STATE.items() if number in set(request.states)]
        with self._database.transaction() as tx:
            rows = self._store.disclosures(
                tx,
                asking.unit or "",
                kinds_of(asking),
                states,
                after,
                size + 1,
                open_tasks=request.open_tasks,
                open_obligations=request.open_obligations,
                silent_since=self._clock.now() - RECEIPT_EXPECTED if request.silent else None,
                record_id=UUID(request.record_id) if request.record_id else None,
            )
            bars = self._bars(tx, rows, asking)
            self._audit(tx, "sharing:disclosure:list", asking, count=min(len(rows), size))
        return pb.ListDisclosuresResponse(
            disclosures=[self._row(row, row.approved_by or "", bars) for row in rows[:size]],
            next_page_token=next_token(rows, size),
        )

    def _bars(self, tx: Transaction, rows: Sequence[Row], asking: Caller) -> dict[UUID, str]:
        """Why the caller cannot approve those of the disclosures that await it, where they cannot."""
        waiting = [row for row in rows if row.status == Status.AWAITING_APPROVAL]
        handled_by, bars = self._store.handlers(tx, [row.offer_id for row in waiting]), {}
        for row in waiting:
            try:
                require_second_person(asking, row.record_kind, row.decided_by, handled_by[row.offer_id])
            except Conflict as bar:
                bars[row.id] = bar.message
        return bars

    def _row(self, row: Row, approved_by: str, bars: Mapping[UUID, str]) -> pb.DisclosureRow:
        keep_until = retention().keep_until(row.record_kind, row.last_time)
        obligation, today = self._obligation(row), self._clock.today()
        silent_days = days_since(row.sent_time, today) if row.status == Status.SENT else 0
        silent = row.status == Status.SENT and row.sent_time < self._clock.now() - RECEIPT_EXPECTED
        return pb.DisclosureRow(
            disclosure_id=str(row.id),
            record_kind=row.record_kind,
            record_id=str(row.record_id),
            receiver_kind=row.receiver_kind,
            agency=row.agency or "",
            ground_id=row.ground_id,
            ground_digest=row.ground_digest,
            fields=row.fields,
            state=wire.DISCLOSURE_STATE[Status(row.status)],
            decided_time=timestamp(row.decided_time),
            decided_by=row.decided_by,
            approved_by=approved_by,
            payload_hash=row.payload_hash or "",
            task=WAITS_FOR_KEY if row.waits_for_key else obligation if row.status in BY_HAND else row.task,
            task_open=row.task_open,
            waited_days=days_since(row.decided_time, today),
            keep_until=iso(keep_until),
            held=row.held,
            flow=row.flow,
            obligation=obligation,
            obligation_since_time=timestamp(row.obligation_since) if obligation else None,
            obligation_days=days_since(row.obligation_since, today) if obligation else 0,
            reminder=self._reminder(row, silent_days) if silent else "",
            silent_days=silent_days,
            approval_bar=bars.get(row.id, ""),
        )

    def _reminder(self, row: Row, days: int) -> str:
        receiver = reference().receivers[row.receiver_kind].word
        return self._decisions.law.messages["M10c"].format(mottagare=receiver, dagar=days)
