"""Suspected payments: registered, read, assessed, investigated, decided, closed, withdrawn."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import iso, timestamp
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.identity import holds_identity_number
from services.kernel.life import Actor, Moved
from services.kernel.protection import Protection
from services.kernel.rows import FieldFault
from services.kernel.rpc import caller
from services.registry.domain import payment as payments
from services.registry.domain import payment_life as life
from services.registry.domain.payment import Payment
from services.registry.service.parts import Answer, Parts, next_token, require_etag, work_asked
from services.registry.service.registering import as_known
from services.registry.store import tables
from services.registry.wire import cases as case_wire
from services.registry.wire import common
from services.registry.wire import payments as payment_wire


class PaymentMethods(Parts):
    """The methods about suspected payments."""

    def RegisterSuspectedPayment(  # noqa: N802, D102
        self, request: pb.RegisterSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.RegisterSuspectedPaymentResponse:
        asking = caller()
        try:
            flag = payments.read_flag(payment_wire.flag_texts(request.flag), self._registering.context(asking, payments.RECORD_KIND))
        except FieldFault as fault:
            raise fault.as_invalid() from None
        protection = common.protection(request.protection)

        def act(tx: Transaction, known: Protection) -> pb.RegisterSuspectedPaymentResponse:
            record, draft = self._registering.add_payment(tx, flag, known, asking, by_hand=True)
            return pb.RegisterSuspectedPaymentResponse(
                payment_id=str(record.id),
                state=payment_wire.STATES[record.state],
                etag=str(record.revision),
                draft_alert_id=str(draft.id) if draft else "",
            )

        def register(known: Protection) -> pb.RegisterSuspectedPaymentResponse:
            return self._once(asking, request, request.request_id, pb.RegisterSuspectedPaymentResponse, lambda tx: act(tx, known))

        try:
            return as_known(protection, register)
        except Conflict as known:
            if known.reason == ConflictReason.DUPLICATE:
                self._registering.block_known(flag, protection, asking)
            raise

    def GetSuspectedPayment(  # noqa: N802, D102
        self, request: pb.GetSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.GetSuspectedPaymentResponse:
        asking = caller()
        with self._database.transaction() as tx:
            found = self._payments.seen(tx, UUID(request.payment_id), asking)
            shared, steps = tables.shared_of(tx, found.id), tables.history_of(tx, found.id)
            self._audit(tx, "registry:suspected_payment:read", asking, payments.RECORD_KIND, found.id)
        message = payment_wire.payment_message(found)
        message.shared_with.extend(common.shared_messages(shared))
        message.history.extend(common.history_messages(steps))
        return message

    def _told_apart(self, case_number: str) -> str:
        """The number of a case as a list may show it: not when somebody's own number is in it."""
        return "" if holds_identity_number(case_number, self._clock.today()) else case_number

    def ListSuspectedPayments(  # noqa: N802, D102
        self, request: pb.ListSuspectedPaymentsRequest, _context: grpc.ServicerContext
    ) -> pb.ListSuspectedPaymentsResponse:
        asking = caller()
        work, size, after = work_asked(request, asking)
        asked = set(request.states)
        states = [state for state in payments.State if not asked or payment_wire.STATES[state] in asked]
        police = [track for track in payments.Police if payment_wire.POLICE_TRACK[track] in set(request.police)]
        with self._database.transaction() as tx:
            rows = self._payments.page(tx, asking, states, work, after, size + 1, police=police)
            contents = self._payments.contents(tx, rows[:size])
            self._audit(tx, "registry:suspected_payment:list", asking, payments.RECORD_KIND, count=min(len(rows), size))
        return pb.ListSuspectedPaymentsResponse(
            payments=[
                pb.PaymentRow(
                    payment_id=str(row.id),
                    state=payment_wire.STATES[payments.State(row.state)],
                    etag=str(row.revision),
                    registered_time=timestamp(row.registered_time),
                    notice=payment_wire.NOTICES[payments.Notice(row.notice)],
                    police=payment_wire.POLICE_TRACK[payments.Police(row.police)],
                    officer=row.officer or "",
                    due_date=iso(row.due_date),
                    case_number=self._told_apart(contents[row.id].flag.case_number),
                )
                for row in rows[:size]
            ],
            next_page_token=next_token(rows, size, work),
        )

    def AssessSuspectedPayment(  # noqa: N802, D102
        self, request: pb.AssessSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.AssessSuspectedPaymentResponse:
        asking = caller()
        actor = self._actor(asking)

        def act(tx: Transaction) -> pb.AssessSuspectedPaymentResponse:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            require_etag(request.etag, str(before.revision))
            asked, check = payment_wire.assessed(request, actor.today), common.protection_check(request.protection_check)
            after = self._kept_payment(tx, before, life.assess(before, asked, check, actor), asking, "assess")
            if after.state is payments.State.BLOCKED_PROTECTED:
                self._registering.block_alerts_of(tx, after, asking)
            return pb.AssessSuspectedPaymentResponse(
                payment_id=str(after.id),
                state=payment_wire.STATES[after.state],
                etag=str(after.revision),
                offered_to=[offer.receiver_kind for offer in after.content.offered.offers],
            )

        return self._once(asking, request, request.request_id, pb.AssessSuspectedPaymentResponse, act)

    def WithdrawSuspectedPayment(  # noqa: N802, D102
        self, request: pb.WithdrawSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.WithdrawSuspectedPaymentResponse:
        return self._changed(request, pb.WithdrawSuspectedPaymentResponse, "withdraw", life.withdraw)

    def CorrectOwnError(self, request: pb.CorrectOwnErrorRequest, _context: grpc.ServicerContext) -> pb.CorrectOwnErrorResponse:  # noqa: N802, D102
        asked = case_wire.correction(request, self._clock.today())
        return self._moved(request, pb.CorrectOwnErrorResponse, life.Act.CORRECT, payments.State.CORRECTED, asked)

    def OpenInvestigation(self, request: pb.OpenInvestigationRequest, _context: grpc.ServicerContext) -> pb.OpenInvestigationResponse:  # noqa: N802, D102
        asked = case_wire.investigation(request)
        return self._moved(request, pb.OpenInvestigationResponse, life.Act.OPEN_INVESTIGATION, payments.State.INVESTIGATION_OPEN, asked)

    def RecordCommunication(  # noqa: N802, D102
        self, request: pb.RecordCommunicationRequest, _context: grpc.ServicerContext
    ) -> pb.RecordCommunicationResponse:
        asked = case_wire.communication(request.communication, self._clock.today())
        return self._moved(request, pb.RecordCommunicationResponse, life.Act.COMMUNICATE, payments.State.COMMUNICATED, asked)

    def DecidePayment(self, request: pb.DecidePaymentRequest, _context: grpc.ServicerContext) -> pb.DecidePaymentResponse:  # noqa: N802, D102
        asked = case_wire.decision(request.decision)
        return self._moved(request, pb.DecidePaymentResponse, life.Act.DECIDE, payment_wire.STATE_BACK[request.outcome], asked)

    def DecideRecovery(self, request: pb.DecideRecoveryRequest, _context: grpc.ServicerContext) -> pb.DecideRecoveryResponse:  # noqa: N802, D102
        asked = case_wire.recovery(request.recovery, self._clock.today())
        return self._moved(request, pb.DecideRecoveryResponse, life.Act.DECIDE_RECOVERY, payments.State.RECOVERY_DECIDED, asked)

    def RecordRecovery(self, request: pb.RecordRecoveryRequest, _context: grpc.ServicerContext) -> pb.RecordRecoveryResponse:  # noqa: N802, D102
        return self._moved(request, pb.RecordRecoveryResponse, life.Act.RECORD_RECOVERY, payment_wire.STATE_BACK[request.outcome])

    def ClosePayment(self, request: pb.ClosePaymentRequest, _context: grpc.ServicerContext) -> pb.ClosePaymentResponse:  # noqa: N802, D102
        return self._moved(request, pb.ClosePaymentResponse, life.Act.CLOSE, payments.State.CLOSED)

    def RecordPoliceReport(  # noqa: N802, D102
        self, request: pb.RecordPoliceReportRequest, _context: grpc.ServicerContext
    ) -> pb.RecordPoliceReportResponse:
        step = payment_wire.POLICE_BACK[request.step]
        filed = case_wire.police_report(request.filed, self._clock.today()) if step is payments.Police.FILED else None
        answer = self._changed(
            request,
            pb.RecordPoliceReportResponse,
            "report_crime",
            lambda before, actor: life.report_crime(before, step, filed, actor),
        )
        answer.police = request.step
        return answer

    def _moved(self, request: Any, answer: type[Answer], act: life.Act, after: payments.State, asked: life.Told = None) -> Answer:  # noqa: ANN401  # as below
        """An act that says something of the case itself."""
        return self._changed(request, answer, act, lambda before, actor: life.move(before, act, after, asked, actor))

    def _changed(
        self,
        request: Any,  # noqa: ANN401  # one of the requests that name a payment and its etag
        answer: type[Answer],
        act: str,
        change: Callable[[Payment, Actor], Moved[Payment]],
    ) -> Answer:
        """One act on one payment, once: the record with its history, its offers, the audit row."""
        asking = caller()

        def run(tx: Transaction) -> Answer:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            require_etag(request.etag, str(before.revision))
            after = self._kept_payment(tx, before, change(before, self._actor(asking)), asking, act)
            return answer(payment_id=str(after.id), state=payment_wire.STATES[after.state], etag=str(after.revision))

        return self._once(asking, request, request.request_id, answer, run)

    def _kept_payment(self, tx: Transaction, before: Payment, moved: Moved[Payment], asking: Caller, act: str) -> Payment:
        after = moved.record
        self._payments.save(tx, before, moved, self._clock.now(), asking.person)
        self._audit(tx, f"registry:suspected_payment:{act}", asking, payments.RECORD_KIND, after.id, state=after.state)
        if before.protection_check != after.protection_check:
            self._registering.block_same_person(tx, after, asking)
        return after
