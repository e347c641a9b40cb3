"""The servicer of the registry: who asks, then one transaction, then the answer."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import grpc
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1 import registry_pb2_grpc

from services.kernel.callers import Role
from services.kernel.clock import Clock, instant
from services.kernel.db import Database, Transaction
from services.kernel.errors import NotFound
from services.kernel.records import Audit, Requests
from services.kernel.rpc import Rule, caller, people, services
from services.registry import store as tables
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.service.alerts import AlertMethods
from services.registry.service.imports import Imports
from services.registry.service.payments import PaymentMethods
from services.registry.service.registering import Registering
from services.registry.store import Alerts, Payments
from services.registry.wire import common

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
# What a receiver's word makes of an alert: the states it passes through, as far as the table of states lets it.
ARRIVED: Mapping[int, tuple[alerts.State, ...]] = {
    common_pb2.OUTCOME_STATUS_SENT: (alerts.State.NOTICE_SENT,),
    common_pb2.OUTCOME_STATUS_RECEIVED: (alerts.State.NOTICE_SENT, alerts.State.ACKNOWLEDGED),
}


class RegistryServicer(AlertMethods, PaymentMethods, registry_pb2_grpc.RegistryServiceServicer):
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
        super().__init__(database, alert_store, payment_store, requests, registering, audit, clock)
        self._imports = imports

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
