"""The servicer of the registry: who asks, then one transaction, then the answer."""

from collections.abc import Iterator, Mapping

import grpc
from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb
from los.registry.v1 import registry_pb2_grpc

from services.kernel.callers import Role
from services.kernel.clock import instant
from services.kernel.db import Transaction
from services.kernel.errors import NotFound
from services.kernel.life import Actor
from services.kernel.rpc import Rule, caller, people, services
from services.registry.domain import alert as alerts
from services.registry.domain import alert_life, payment_life
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.domain.payment import Payment
from services.registry.service.links import READERS, LinkMethods
from services.registry.service.lookups import LookUpMethods
from services.registry.service.statistics import StatisticsMethods
from services.registry.service.suppliers import SupplierMethods
from services.registry.service.undoing import UndoingMethods
from services.registry.store import Alerts, Payments, tables
from services.registry.wire import common

REPORTERS = (Role.LANDLORD_REPORTER, Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR)
OFFICERS = (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR)
RULES: Mapping[str, Rule] = {
    "RegisterAlert": people(*REPORTERS),
    "GetAlert": people(*REPORTERS, Role.APPROVER),
    "ListAlerts": people(*REPORTERS, Role.APPROVER),
    "AssessAlert": people(*OFFICERS),
    "WithdrawAlert": people(*REPORTERS),
    "CloseAlert": people(*OFFICERS),
    "RegisterSuspectedPayment": people(Role.CASE_OFFICER, Role.FUT_INVESTIGATOR),
    "GetSuspectedPayment": people(Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER),
    "ListSuspectedPayments": people(Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER),
    "AssessSuspectedPayment": people(Role.FUT_INVESTIGATOR),
    "WithdrawSuspectedPayment": people(Role.FUT_INVESTIGATOR),
    "CorrectOwnError": people(Role.FUT_INVESTIGATOR),
    "OpenInvestigation": people(Role.FUT_INVESTIGATOR),
    "RecordCommunication": people(Role.FUT_INVESTIGATOR),
    "DecidePayment": people(Role.FUT_MANAGER),
    "DecideRecovery": people(Role.FUT_MANAGER),
    "RecordRecovery": people(Role.FUT_INVESTIGATOR, Role.FUT_MANAGER),
    "RecordPoliceReport": people(Role.FUT_MANAGER),
    "ClosePayment": people(Role.FUT_INVESTIGATOR, Role.FUT_MANAGER),
    "ListImports": people(*REPORTERS),
    "UndoImport": people(*REPORTERS),
    "ImportAlerts": people(*REPORTERS),
    "ImportSuspectedPayments": people(Role.FUT_INVESTIGATOR),
    "RegisterSupplierCheck": people(Role.CASE_OFFICER),
    "GetSupplierCheck": people(Role.CASE_OFFICER),
    "ListSupplierChecks": people(Role.CASE_OFFICER),
    "ListLinks": people(*(role for roles in READERS.values() for role in roles)),
    "DecideLink": people(*OFFICERS, Role.CASE_OFFICER),
    "LookUpPerson": people(*OFFICERS),
    "ListLookUps": people(Role.SECURITY_OFFICER),
    "ReviewLookUp": people(Role.SECURITY_OFFICER),
    "GetStatistics": people(Role.SECURITY_CHIEF, Role.ANALYST),
    "RecordOutcome": services("sharing"),
}
# What a receiver's word makes of an alert and of the tracks of a payment, as far as their tables let it. Other words change nothing here.
# What Skatteverket found is not asked for: "no action" and "action" only say that it has looked (sharing-matrix 5.1).
_SENT = (common_pb2.OUTCOME_STATUS_SENT, common_pb2.OUTCOME_STATUS_CARRIED_OUT)
_LOOKED_AT = (common_pb2.OUTCOME_STATUS_OPENED, common_pb2.OUTCOME_STATUS_NO_ACTION, common_pb2.OUTCOME_STATUS_ACTION)
ALERT_ARRIVED: Mapping[int, alerts.State] = {
    **dict.fromkeys(_SENT, alerts.State.NOTICE_SENT),
    common_pb2.OUTCOME_STATUS_RECEIVED: alerts.State.ACKNOWLEDGED,
    **dict.fromkeys(_LOOKED_AT, alerts.State.INVESTIGATION_OPEN),
    common_pb2.OUTCOME_STATUS_CLOSED: alerts.State.CLOSED,
}
REPORT_ARRIVED: Mapping[int, payments.Police] = {
    **dict.fromkeys((*_SENT, common_pb2.OUTCOME_STATUS_RECEIVED), payments.Police.FILED),
    **dict.fromkeys(_LOOKED_AT, payments.Police.FEEDBACK),
    common_pb2.OUTCOME_STATUS_CLOSED: payments.Police.CLOSED,
}


class RegistryServicer(
    UndoingMethods,
    SupplierMethods,
    LookUpMethods,
    LinkMethods,
    StatisticsMethods,
    registry_pb2_grpc.RegistryServiceServicer,
):
    """Alerts and suspected payments, as received and assessed. A record is its unit's own."""

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
            self._arrived(tx, found, outcome, self._actor(asking))
            self._audit(tx, "registry:outcome:record", asking, outcome.record_kind, record_id, status=outcome.status)
            return pb.RecordOutcomeResponse()

        return self._requests.once(asking, request, outcome.request_id, pb.RecordOutcomeResponse, act)

    def _arrived(self, tx: Transaction, before: Alert | Payment, outcome: common_pb2.RecordOutcome, actor: Actor) -> None:
        """Move a record along as what was told of it goes out, is received and answered."""
        if isinstance(before, Alert):
            if outcome.status in ALERT_ARRIVED:
                alert = alert_life.arrive(before, ALERT_ARRIVED[outcome.status], actor)
                if alert.path:
                    self._alerts.save(tx, before, alert, actor.now, None)
        elif outcome.status in REPORT_ARRIVED:
            if outcome.record_kind == payments.POLICE_REPORT:
                payment = payment_life.report_arrived(before, REPORT_ARRIVED[outcome.status], actor)
            else:
                payment = payment_life.notice_arrived(before, outcome.receiver_kind, actor)
            if payment.record.revision != before.revision:
                self._payments.save(tx, before, payment, actor.now, None)
