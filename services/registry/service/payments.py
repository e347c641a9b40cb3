"""Suspected payments: registered, read, assessed, withdrawn."""

from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel import pages
from services.kernel.clock import timestamp
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.rows import FieldFault
from services.kernel.rpc import caller
from services.registry import store as tables
from services.registry.domain import payment as payments
from services.registry.service.parts import Parts, require_etag
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

        def act(tx: Transaction) -> pb.RegisterSuspectedPaymentResponse:
            record, draft = self._registering.add_payment(tx, flag, protection, asking)
            return pb.RegisterSuspectedPaymentResponse(
                payment_id=str(record.id),
                state=payment_wire.STATES[record.state],
                etag=str(record.revision),
                draft_alert_id=str(draft.id) if draft else "",
            )

        try:
            return self._once(asking, request, request.request_id, pb.RegisterSuspectedPaymentResponse, act)
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
        message.registered_time.CopyFrom(timestamp(found.registered_time))
        message.shared_with.extend(common.shared_messages(shared))
        message.history.extend(common.history_messages(steps))
        return message

    def ListSuspectedPayments(  # noqa: N802, D102
        self, request: pb.ListSuspectedPaymentsRequest, _context: grpc.ServicerContext
    ) -> pb.ListSuspectedPaymentsResponse:
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        asked = set(request.states)
        states = [state for state in payments.State if not asked or payment_wire.STATES[state] in asked]
        with self._database.transaction() as tx:
            rows = self._payments.page(tx, asking, states, after, size + 1)
            self._audit(tx, "registry:suspected_payment:list", asking, payments.RECORD_KIND, count=min(len(rows), size))
        return pb.ListSuspectedPaymentsResponse(
            payments=[
                pb.PaymentRow(
                    payment_id=str(row.id),
                    state=payment_wire.STATES[payments.State(row.state)],
                    etag=str(row.revision),
                    registered_time=timestamp(row.registered_time),
                )
                for row in rows[:size]
            ],
            next_page_token=pages.next_token(rows, size),
        )

    def AssessSuspectedPayment(  # noqa: N802, D102
        self, request: pb.AssessSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.AssessSuspectedPaymentResponse:
        asking, now, today = caller(), self._clock.now(), self._clock.today()

        def act(tx: Transaction) -> pb.AssessSuspectedPaymentResponse:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            require_etag(request.etag, str(before.revision))
            asked, check = payment_wire.assessed(request, today), common.protection_check(request.protection_check)
            after = payments.assess(before, asked, check, asking.principal, now, today)
            self._payments.save(tx, before, after, payments.assessed_steps(before.state, after.state), now, asking.person)
            self._payments.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:suspected_payment:assess", asking, payments.RECORD_KIND, after.id, state=after.state)
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
        asking, now = caller(), self._clock.now()

        def act(tx: Transaction) -> pb.WithdrawSuspectedPaymentResponse:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            require_etag(request.etag, str(before.revision))
            after = payments.withdraw(before, asking.principal)
            self._payments.save(tx, before, after, (before.state, after.state), now, asking.person)
            self._payments.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:suspected_payment:withdraw", asking, payments.RECORD_KIND, after.id)
            return pb.WithdrawSuspectedPaymentResponse(
                payment_id=str(after.id), state=payment_wire.STATES[after.state], etag=str(after.revision)
            )

        return self._once(asking, request, request.request_id, pb.WithdrawSuspectedPaymentResponse, act)
