"""Alerts: registered, read, assessed, closed, withdrawn."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.cells import written
from services.kernel.clock import iso, timestamp
from services.kernel.db import Transaction
from services.kernel.errors import NotFound
from services.kernel.life import Moved, handled
from services.kernel.protection import Protection
from services.kernel.rows import FieldFault
from services.kernel.rpc import caller
from services.registry.domain import alert as alerts
from services.registry.domain import alert_life as life
from services.registry.domain.alert import Alert
from services.registry.service.parts import Parts, next_token, require_etag, work_asked
from services.registry.service.registering import as_known
from services.registry.store import tables
from services.registry.wire import alerts as alert_wire
from services.registry.wire import common


class AlertMethods(Parts):
    """The methods about alerts."""

    def RegisterAlert(self, request: pb.RegisterAlertRequest, _context: grpc.ServicerContext) -> pb.RegisterAlertResponse:  # noqa: N802, D102
        asking = caller()
        try:
            report = alerts.read_report(alert_wire.report_texts(request.report), self._registering.context(asking, alerts.RECORD_KIND))
        except FieldFault as fault:
            raise fault.as_invalid() from None

        def act(tx: Transaction, protection: Protection) -> pb.RegisterAlertResponse:
            if request.completes_alert_id:
                after = self._completed(tx, request, report, protection, asking)
            else:
                after = self._registering.add_alert(tx, report, protection, asking, needs_review=report.from_somebody_else)
            return pb.RegisterAlertResponse(
                alert_id=str(after.id),
                state=_state_for(asking, after),
                etag=_etag_for(asking, after),
                needs_review=after.needs_review,
            )

        def register(protection: Protection) -> pb.RegisterAlertResponse:
            return self._once(asking, request, request.request_id, pb.RegisterAlertResponse, lambda tx: act(tx, protection))

        return as_known(common.protection(request.protection), register)

    def _completed(
        self, tx: Transaction, request: pb.RegisterAlertRequest, report: alerts.Report, protection: Protection, asking: Caller
    ) -> Alert:
        """A draft, or an alert sent back, filled in. Only officers know that something is to be filled in."""
        if asking.role is Role.LANDLORD_REPORTER:
            raise NotFound
        before = self._alerts.seen(tx, UUID(request.completes_alert_id), asking)
        path = life.screened((before.state, alerts.State.SUBMITTED), protection, self._actor(asking))
        after = replace(
            before,
            state=path[-1],
            revision=before.revision + 1,
            content=alerts.Content(report, before.content.reporter, handled_by=handled(before.content.handled_by, asking.principal)),
            officer=asking.principal,
            needs_review=report.from_somebody_else,
            protection_check=replace(before.protection_check, result=protection, checked_time=None),
        )
        self._alerts.save(tx, before, Moved(after, path), self._clock.now(), asking.person)
        self._audit(tx, "registry:alert:complete", asking, alerts.RECORD_KIND, after.id)
        self._registering.block_same_person(tx, after, asking)
        return after

    def GetAlert(self, request: pb.GetAlertRequest, _context: grpc.ServicerContext) -> pb.GetAlertResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            found = self._alerts.seen(tx, UUID(request.alert_id), asking)
            shared, steps = tables.shared_of(tx, found.id), tables.history_of(tx, found.id)
            self._feed_back(tx, asking, [found])
            self._audit(tx, "registry:alert:read", asking, alerts.RECORD_KIND, found.id)
        message = alert_wire.alert_message(found)
        if asking.role is Role.LANDLORD_REPORTER:  # what became of it says something about the tenant (sharing-matrix 2.1)
            return pb.GetAlertResponse(
                alert_id=message.alert_id,
                state=_state_for(asking, found),
                etag=_etag_for(asking, found),
                registered_time=message.registered_time,
            )
        message.shared_with.extend(common.shared_messages(shared))
        message.history.extend(common.history_messages(steps))
        return message

    def ListAlerts(self, request: pb.ListAlertsRequest, _context: grpc.ServicerContext) -> pb.ListAlertsResponse:  # noqa: N802, D102
        asking = caller()
        work, size, after = work_asked(request, asking)
        asked = set(request.states)
        states = [state for state in alerts.State if not asked or alert_wire.STATES[state] in asked]
        with self._database.transaction() as tx:
            rows = self._alerts.page(tx, asking, states, work, after, size + 1)
            is_landlord = asking.role is Role.LANDLORD_REPORTER
            contents = {} if is_landlord else self._alerts.contents(tx, rows[:size])
            self._feed_back(tx, asking, rows[:size])
            self._audit(tx, "registry:alert:list", asking, alerts.RECORD_KIND, count=min(len(rows), size))
        return pb.ListAlertsResponse(
            alerts=[
                pb.AlertRow(
                    alert_id=str(row.id),
                    state=_state_for(asking, row),
                    etag=_etag_for(asking, row),
                    needs_review=row.needs_review and not is_landlord,
                    registered_time=timestamp(row.registered_time),
                    officer="" if is_landlord else row.officer or "",
                    due_date="" if is_landlord else iso(row.due_date),
                    observation_types=() if is_landlord else contents[row.id].report.observation_types,
                )
                for row in rows[:size]
            ],
            next_page_token=next_token(rows, size, work),
        )

    def AssessAlert(self, request: pb.AssessAlertRequest, _context: grpc.ServicerContext) -> pb.AssessAlertResponse:  # noqa: N802, D102
        asking = caller()
        actor = self._actor(asking)

        def act(tx: Transaction) -> pb.AssessAlertResponse:
            before = self._alerts.seen(tx, UUID(request.alert_id), asking)
            require_etag(request.etag, _etag_for(asking, before))
            asked, check = alert_wire.assessed(request, actor.today), common.protection_check(request.protection_check)
            moved = life.assess(before, asked, check, actor)
            self._require_payment(tx, moved.record, asking)
            after = self._kept_alert(tx, before, moved, asking, "assess")
            return pb.AssessAlertResponse(
                alert_id=str(after.id),
                state=alert_wire.STATES[after.state],
                etag=str(after.revision),
                offered_to=[offer.receiver_kind for offer in after.content.offered.offers],
            )

        return self._once(asking, request, request.request_id, pb.AssessAlertResponse, act)

    def WithdrawAlert(self, request: pb.WithdrawAlertRequest, _context: grpc.ServicerContext) -> pb.WithdrawAlertResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.WithdrawAlertResponse:
            before = self._alerts.seen(tx, UUID(request.alert_id), asking)
            require_etag(request.etag, _etag_for(asking, before))
            withdraw = life.take_back if asking.role is Role.LANDLORD_REPORTER else life.withdraw
            after = self._kept_alert(tx, before, withdraw(before, self._actor(asking)), asking, "withdraw")
            return pb.WithdrawAlertResponse(alert_id=str(after.id), state=_state_for(asking, after), etag=_etag_for(asking, after))

        return self._once(asking, request, request.request_id, pb.WithdrawAlertResponse, act)

    def CloseAlert(self, request: pb.CloseAlertRequest, _context: grpc.ServicerContext) -> pb.CloseAlertResponse:  # noqa: N802, D102
        asking = caller()

        def act(tx: Transaction) -> pb.CloseAlertResponse:
            before = self._alerts.seen(tx, UUID(request.alert_id), asking)
            require_etag(request.etag, _etag_for(asking, before))
            reference = written("skv_reference", request.skv_reference, alert_wire.REFERENCE_LENGTH_MAX)
            after = self._kept_alert(tx, before, life.close(before, reference, self._actor(asking)), asking, "close")
            return pb.CloseAlertResponse(alert_id=str(after.id), state=alert_wire.STATES[after.state], etag=str(after.revision))

        return self._once(asking, request, request.request_id, pb.CloseAlertResponse, act)

    def _kept_alert(self, tx: Transaction, before: Alert, moved: Moved[Alert], asking: Caller, act: str) -> Alert:
        """Write what an act has made of an alert: the record with its history, its offers, the audit row."""
        after = moved.record
        self._alerts.save(tx, before, moved, self._clock.now(), asking.person)
        self._audit(tx, f"registry:alert:{act}", asking, alerts.RECORD_KIND, after.id, state=after.state)
        if before.protection_check != after.protection_check:
            self._registering.block_same_person(tx, after, asking)
        return after

    def _require_payment(self, tx: Transaction, after: Alert, asking: Caller) -> None:
        """That the case an alert is linked to is one that the caller may see. Raises NotFound."""
        if after.state is alerts.State.LINKED_TO_PAYMENT_CASE and after.payment_id is not None:
            if asking.role is not Role.FUT_INVESTIGATOR:
                raise NotFound
            self._payments.seen(tx, after.payment_id, asking)

    def _feed_back(self, tx: Transaction, asking: Caller, shown: Iterable[Any]) -> None:
        """A landlord who has been shown that an alert is closed has had the kommun's answer."""
        if asking.role is Role.LANDLORD_REPORTER:
            closed = [one.id for one in shown if _state_for(asking, one) == pb.ALERT_STATE_NO_ACTION]
            self._alerts.fed_back(tx, closed, self._clock.now())


def _state_for(asking: Caller, alert: Any) -> pb.AlertState.ValueType:  # noqa: ANN401  # an alert, or a row of a list
    """A landlord sees "Mottagen" or "Avslutad hos kommunen", and nothing else."""
    state = alerts.State(alert.state)
    if asking.role is Role.LANDLORD_REPORTER:
        state = life.shown_to_landlord(state, taken_back=alert.taken_back)
    return alert_wire.STATES[state]


def _etag_for(asking: Caller, alert: Any) -> str:  # noqa: ANN401
    """A landlord's etag changes only with what the landlord sees: a revision would tell that the case has moved."""
    is_landlord = asking.role is Role.LANDLORD_REPORTER
    return life.shown_to_landlord(alerts.State(alert.state), taken_back=alert.taken_back) if is_landlord else str(alert.revision)
