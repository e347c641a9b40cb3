"""The servicer of the registry: who asks, then one transaction, then the answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1 import registry_pb2_grpc
from psycopg.errors import UniqueViolation

from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, instant, timestamp
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound
from services.kernel.records import Audit, Requests
from services.kernel.rpc import Rule, caller, people, services
from services.registry import store as tables
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.domain.record import handled, require_next
from services.registry.domain.rows import FieldFault
from services.registry.service.imports import Imports
from services.registry.service.registering import ALREADY, Registering, is_already_registered
from services.registry.store import Alerts, Payments
from services.registry.wire import alerts as alert_wire
from services.registry.wire import common
from services.registry.wire import payments as payment_wire

REPORTERS = (Role.LANDLORD_REPORTER, Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR)
OFFICERS = (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR)
RULES: Mapping[str, Rule] = {
    "RegisterAlert": people(*REPORTERS),
    "GetAlert": people(*REPORTERS, Role.APPROVER),
    "ListAlerts": people(*REPORTERS, Role.APPROVER),
    "AssessAlert": people(*OFFICERS),
    "WithdrawAlert": people(*REPORTERS),
    "RegisterSuspectedPayment": people(Role.FUT_INVESTIGATOR),
    "GetSuspectedPayment": people(Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER),
    "ListSuspectedPayments": people(Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER),
    "AssessSuspectedPayment": people(Role.FUT_INVESTIGATOR),
    "WithdrawSuspectedPayment": people(Role.FUT_INVESTIGATOR),
    "ImportAlerts": people(*REPORTERS),
    "ImportSuspectedPayments": people(Role.FUT_INVESTIGATOR),
    "RecordOutcome": services("sharing"),
}
STALE = "etag: ärendet har ändrats sedan du läste det. Hämta det igen."
# What a receiver's word makes of an alert: the states it passes through, as far as the table of states lets it.
ARRIVED: Mapping[int, tuple[alerts.State, ...]] = {
    common_pb2.OUTCOME_STATUS_SENT: (alerts.State.NOTICE_SENT,),
    common_pb2.OUTCOME_STATUS_RECEIVED: (alerts.State.NOTICE_SENT, alerts.State.ACKNOWLEDGED),
}
Answer = TypeVar("Answer", bound=Message)


class RegistryServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Alerts and suspected payments, as received and assessed. A record is its unit's own."""

    def __init__(
        self,
        database: Database,
        alert_store: Alerts,
        payment_store: Payments,
        requests: Requests,
        registering: Registering,
        imports: Imports,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """The parts of the service."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._requests = requests
        self._registering = registering
        self._imports = imports
        self._audit = audit
        self._clock = clock

    def _once(
        self, asking: Caller, request: Message, request_id: str, answer: type[Answer], act: Callable[[Transaction], Answer]
    ) -> Answer:
        try:
            return self._requests.once(asking, request, request_id, answer, act)
        except UniqueViolation as error:
            if is_already_registered(error):
                raise ALREADY from None
            raise

    @contextmanager
    def _refusals_audited(self, asking: Caller, event: str, kind: str, record_id: str) -> Iterator[None]:
        """A guard that says no leaves an audit row; absent and denied get theirs where they become a status."""
        try:
            yield
        except (Invalid, Conflict) as failure:
            with self._database.transaction() as tx:
                self._audit(tx, event, asking, kind, UUID(record_id), outcome="refused", reason=failure.reason)
            raise

    # alerts ---------------------------------------------------------------------------------------------------------

    def RegisterAlert(self, request: pb.RegisterAlertRequest, _context: grpc.ServicerContext) -> pb.RegisterAlertResponse:  # noqa: N802, D102
        asking = caller()
        try:
            report = alerts.read_report(alert_wire.report_texts(request.report), self._registering.context(asking, alerts.RECORD_KIND))
        except FieldFault as fault:
            raise fault.as_invalid() from None
        protection = common.protection(request.protection)

        def act(tx: Transaction) -> pb.RegisterAlertResponse:
            if request.completes_alert_id:
                after = self._completed(tx, request, report, asking)
            else:
                after = self._registering.add_alert(tx, report, protection, asking, needs_review=report.from_somebody_else)
            return pb.RegisterAlertResponse(
                alert_id=str(after.id),
                state=_state_for(asking, after.state),
                etag=_etag_for(asking, after.state, after.revision),
                needs_review=after.needs_review,
            )

        return self._once(asking, request, request.request_id, pb.RegisterAlertResponse, act)

    def _completed(self, tx: Transaction, request: pb.RegisterAlertRequest, report: alerts.Report, asking: Caller) -> Alert:
        """A draft, or an alert sent back, filled in. Only officers know that something is to be filled in."""
        if asking.role is Role.LANDLORD_REPORTER:
            raise NotFound
        before = self._alerts.seen(tx, UUID(request.completes_alert_id), asking)
        require_next(alerts.NEXT, before.state, alerts.State.SUBMITTED)
        protection = common.protection(request.protection)
        steps = alerts.registered(before.state, protection)
        after = replace(
            before,
            state=steps[-1],
            revision=before.revision + 1,
            content=alerts.Content(report, handled_by=handled(before.content.handled_by, asking.principal)),
            needs_review=report.from_somebody_else,
            protection_check=replace(before.protection_check, result=protection, checked_time=None),
        )
        self._alerts.save(tx, before, after, steps, self._clock.now(), asking.person)
        self._audit(tx, "registry:alert:complete", asking, alerts.RECORD_KIND, after.id)
        return after

    def GetAlert(self, request: pb.GetAlertRequest, _context: grpc.ServicerContext) -> pb.GetAlertResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            found = self._alerts.seen(tx, UUID(request.alert_id), asking)
            shared, steps = tables.shared_of(tx, found.id), tables.history_of(tx, found.id)
            self._audit(tx, "registry:alert:read", asking, alerts.RECORD_KIND, found.id)
        message = alert_wire.alert_message(found)
        message.registered_time.CopyFrom(timestamp(found.registered_time))
        if asking.role is Role.LANDLORD_REPORTER:  # what became of it says something about the tenant (sharing-matrix 2.1)
            return pb.GetAlertResponse(
                alert_id=message.alert_id,
                state=_state_for(asking, found.state),
                etag=_etag_for(asking, found.state, found.revision),
                registered_time=message.registered_time,
            )
        message.shared_with.extend(common.shared_messages(shared))
        message.history.extend(common.history_messages(steps))
        return message

    def ListAlerts(self, request: pb.ListAlertsRequest, _context: grpc.ServicerContext) -> pb.ListAlertsResponse:  # noqa: N802, D102
        asking = caller()
        size, after = common.page_size(request.page), common.page_after(request.page)
        asked = set(request.states)
        states = [state for state in alerts.State if not asked or _state_for(asking, state) in asked]
        with self._database.transaction() as tx:
            rows = self._alerts.page(tx, asking, states, after, size + 1)
            self._audit(tx, "registry:alert:list", asking, alerts.RECORD_KIND, count=min(len(rows), size))
        is_landlord = asking.role is Role.LANDLORD_REPORTER
        return pb.ListAlertsResponse(
            alerts=[
                pb.AlertRow(
                    alert_id=str(row.id),
                    state=_state_for(asking, alerts.State(row.state)),
                    etag=_etag_for(asking, alerts.State(row.state), row.revision),
                    needs_review=row.needs_review and not is_landlord,
                    registered_time=timestamp(row.registered_time),
                )
                for row in rows[:size]
            ],
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )

    def AssessAlert(self, request: pb.AssessAlertRequest, _context: grpc.ServicerContext) -> pb.AssessAlertResponse:  # noqa: N802, D102
        asking, now, today = caller(), self._clock.now(), self._clock.today()

        def act(tx: Transaction) -> pb.AssessAlertResponse:
            before = self._alerts.seen(tx, UUID(request.alert_id), asking)
            _require_etag(request.etag, _etag_for(asking, before.state, before.revision))
            asked, check = alert_wire.assessed(request, today), common.protection_check(request.protection_check)
            after = alerts.assess(before, asked, check, asking.principal, now, today)
            self._alerts.save(tx, before, after, (before.state, after.state), now, asking.person)
            self._alerts.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:alert:assess", asking, alerts.RECORD_KIND, after.id, state=after.state)
            return pb.AssessAlertResponse(
                alert_id=str(after.id),
                state=alert_wire.STATES[after.state],
                etag=str(after.revision),
                offered_to=[offer.receiver_kind for offer in after.content.offered.offers],
            )

        with self._refusals_audited(asking, "registry:alert:assess", alerts.RECORD_KIND, request.alert_id):
            return self._once(asking, request, request.request_id, pb.AssessAlertResponse, act)

    def WithdrawAlert(self, request: pb.WithdrawAlertRequest, _context: grpc.ServicerContext) -> pb.WithdrawAlertResponse:  # noqa: N802, D102
        asking, now = caller(), self._clock.now()

        def act(tx: Transaction) -> pb.WithdrawAlertResponse:
            before = self._alerts.seen(tx, UUID(request.alert_id), asking)
            _require_etag(request.etag, _etag_for(asking, before.state, before.revision))
            if asking.role is Role.LANDLORD_REPORTER and before.state in alerts.CLOSED_TO_LANDLORD:
                raise Conflict("state: kommunen har avslutat ärendet.")
            after = alerts.withdraw(before, asking.principal)
            self._alerts.save(tx, before, after, (before.state, after.state), now, asking.person)
            self._alerts.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:alert:withdraw", asking, alerts.RECORD_KIND, after.id)
            return pb.WithdrawAlertResponse(
                alert_id=str(after.id), state=_state_for(asking, after.state), etag=_etag_for(asking, after.state, after.revision)
            )

        with self._refusals_audited(asking, "registry:alert:withdraw", alerts.RECORD_KIND, request.alert_id):
            return self._once(asking, request, request.request_id, pb.WithdrawAlertResponse, act)

    # suspected payments ---------------------------------------------------------------------------------------------

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

        return self._once(asking, request, request.request_id, pb.RegisterSuspectedPaymentResponse, act)

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
        size, after = common.page_size(request.page), common.page_after(request.page)
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
            next_page_token=str(rows[size - 1].id) if len(rows) > size else "",
        )

    def AssessSuspectedPayment(  # noqa: N802, D102
        self, request: pb.AssessSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.AssessSuspectedPaymentResponse:
        asking, now, today = caller(), self._clock.now(), self._clock.today()

        def act(tx: Transaction) -> pb.AssessSuspectedPaymentResponse:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            _require_etag(request.etag, str(before.revision))
            asked, check = payment_wire.assessed(request, today), common.protection_check(request.protection_check)
            after = payments.assess(before, asked, check, asking.principal, now, today)
            self._payments.save(tx, before, after, payments.assessed_steps(before.state, after.state), now, asking.person)
            self._payments.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:suspected_payment:assess", asking, payments.RECORD_KIND, after.id, state=after.state)
            return pb.AssessSuspectedPaymentResponse(
                payment_id=str(after.id),
                state=payment_wire.STATES[after.state],
                etag=str(after.revision),
                offered_to=[offer.receiver_kind for offer in after.content.offered.offers],
            )

        with self._refusals_audited(asking, "registry:suspected_payment:assess", payments.RECORD_KIND, request.payment_id):
            return self._once(asking, request, request.request_id, pb.AssessSuspectedPaymentResponse, act)

    def WithdrawSuspectedPayment(  # noqa: N802, D102
        self, request: pb.WithdrawSuspectedPaymentRequest, _context: grpc.ServicerContext
    ) -> pb.WithdrawSuspectedPaymentResponse:
        asking, now = caller(), self._clock.now()

        def act(tx: Transaction) -> pb.WithdrawSuspectedPaymentResponse:
            before = self._payments.seen(tx, UUID(request.payment_id), asking)
            _require_etag(request.etag, str(before.revision))
            after = payments.withdraw(before, asking.principal)
            self._payments.save(tx, before, after, (before.state, after.state), now, asking.person)
            self._payments.promise_offers(tx, before.content.offered, after, now)
            self._audit(tx, "registry:suspected_payment:withdraw", asking, payments.RECORD_KIND, after.id)
            return pb.WithdrawSuspectedPaymentResponse(
                payment_id=str(after.id), state=payment_wire.STATES[after.state], etag=str(after.revision)
            )

        with self._refusals_audited(asking, "registry:suspected_payment:withdraw", payments.RECORD_KIND, request.payment_id):
            return self._once(asking, request, request.request_id, pb.WithdrawSuspectedPaymentResponse, act)

    # imports and outcomes -------------------------------------------------------------------------------------------

    def ImportAlerts(  # noqa: N802, D102
        self, request_iterator: Iterator[pb.ImportAlertsRequest], _context: grpc.ServicerContext
    ) -> Iterator[pb.ImportAlertsResponse]:
        asking = caller()
        parts = (request.part for request in request_iterator)
        for row in self._imports.alerts(parts, asking, self._registering.context(asking, alerts.RECORD_KIND)):
            yield pb.ImportAlertsResponse(row=row)

    def ImportSuspectedPayments(  # noqa: N802, D102
        self, request_iterator: Iterator[pb.ImportSuspectedPaymentsRequest], _context: grpc.ServicerContext
    ) -> Iterator[pb.ImportSuspectedPaymentsResponse]:
        asking = caller()
        parts = (request.part for request in request_iterator)
        for row in self._imports.payments(parts, asking, self._registering.context(asking, payments.RECORD_KIND)):
            yield pb.ImportSuspectedPaymentsResponse(row=row)

    def RecordOutcome(self, request: pb.RecordOutcomeRequest, _context: grpc.ServicerContext) -> pb.RecordOutcomeResponse:  # noqa: N802, D102
        asking, outcome = caller(), request.outcome
        record_id = common.identifier("outcome.record_id", outcome.record_id)
        disclosure_id = common.identifier("outcome.disclosure_id", outcome.disclosure_id)
        common.identifier("outcome.request_id", outcome.request_id)

        def act(tx: Transaction) -> pb.RecordOutcomeResponse:
            records: Alerts | Payments = self._alerts if outcome.record_kind == alerts.RECORD_KIND else self._payments
            found = records.any(tx, record_id)
            if found is None:
                raise NotFound
            tables.put_shared(
                tx,
                {
                    "disclosure_id": disclosure_id,
                    "record_kind": outcome.record_kind,
                    "record_id": record_id,
                    "receiver_kind": outcome.receiver_kind,
                    "status": outcome.status,
                    "occurred_time": instant(outcome.occurred_time),
                },
            )
            if isinstance(found, Alert):
                self._arrived(tx, found, outcome.status)
            self._audit(tx, "registry:outcome:record", asking, outcome.record_kind, record_id, status=outcome.status)
            return pb.RecordOutcomeResponse()

        return self._requests.once(asking, request, outcome.request_id, pb.RecordOutcomeResponse, act)

    def _arrived(self, tx: Transaction, before: Alert, status: int) -> None:
        """Move an alert along as its notice goes out and is received."""
        steps = [before.state]
        for after in ARRIVED.get(status, ()):
            if after in alerts.NEXT[steps[-1]]:
                steps.append(after)
        if len(steps) > 1:
            after_all = replace(before, state=steps[-1], revision=before.revision + 1)
            self._alerts.save(tx, before, after_all, tuple(steps), self._clock.now(), None)


def _state_for(asking: Caller, state: alerts.State) -> pb.AlertState.ValueType:
    """A landlord sees "Mottagen" or "Avslutad hos kommunen", and nothing else."""
    return alert_wire.STATES[alerts.shown_to_landlord(state) if asking.role is Role.LANDLORD_REPORTER else state]


def _etag_for(asking: Caller, state: alerts.State, revision: int) -> str:
    """A landlord's etag changes only with what the landlord sees: a revision would tell that the case has moved."""
    return alerts.shown_to_landlord(state) if asking.role is Role.LANDLORD_REPORTER else str(revision)


def _require_etag(given: str, current: str) -> None:
    if given != current:
        raise Conflict(STALE, reason=ConflictReason.ETAG)
