"""What happened to the registry's records from one instant to another, for the statistics: every unit's, opened and counted in one go."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select

from services.kernel.db import Row, Transaction
from services.kernel.protection import Protection
from services.kernel.releases import Counting, in_pages
from services.kernel.statistics import Happened
from services.registry.domain import alert, payment, statistics
from services.registry.domain.statistics import plan
from services.registry.store.records import Alerts, Payments
from services.registry.store.tables import history, supplier_check


def counting(alerts: Alerts, payments: Payments) -> Counting:
    """How the registry counts."""

    def happened(tx: Transaction, start: datetime, end: datetime) -> Iterator[Happened]:
        for alert_ids in _touched(tx, alert.RECORD_KIND, start, end):
            sent, steps = _sent(tx, alert_ids), _steps(tx, alert_ids, start, end)
            for found in alerts.these(tx, alert_ids):
                if found.protection_check.result is not Protection.PROTECTED:
                    told = [(step.from_state, step.to_state, step.occurred_time) for step in steps[found.id] if not step.track]
                    yield from statistics.of_alert(found, told, sent.get(found.id))
        for payment_ids in _touched(tx, payment.RECORD_KIND, start, end):
            steps = _steps(tx, payment_ids, start, end)
            for flagged in payments.these(tx, payment_ids):
                if flagged.protection_check.result is not Protection.PROTECTED:
                    yield from statistics.of_payment(flagged, [(step.track, step.from_state, step.to_state) for step in steps[flagged.id]])
        columns = supplier_check.c
        for row in tx.read(select(columns.result).where(columns.registered_time >= start, columns.registered_time < end)):
            yield Happened("supplier_checks", {"result": row.result})

    return Counting(plan(), happened, _first_time)


def _first_time(tx: Transaction) -> datetime | None:
    first = tx.one(select(func.min(history.c.occurred_time).label("first_time")))
    checked = tx.one(select(func.min(supplier_check.c.registered_time).label("first_time")))
    return min((row.first_time for row in (first, checked) if row and row.first_time), default=None)


def _touched(tx: Transaction, record_kind: str, start: datetime, end: datetime) -> Iterator[list[UUID]]:
    """The records that something happened to in the time."""
    columns = history.c
    among = select(columns.record_id).where(columns.record_kind == record_kind, columns.occurred_time >= start, columns.occurred_time < end)
    return in_pages(tx, among, columns.record_id)


def _steps(tx: Transaction, record_ids: list[UUID], start: datetime, end: datetime) -> dict[UUID, list[Row]]:
    """The steps of each record in the time, in order."""
    columns = history.c
    among = select(columns.record_id, columns.track, columns.from_state, columns.to_state, columns.occurred_time).where(
        columns.record_id.in_(record_ids), columns.occurred_time >= start, columns.occurred_time < end
    )
    rows = tx.read(among.order_by(columns.record_id, columns.revision, columns.id))
    return {record_id: list(steps) for record_id, steps in groupby(rows, lambda row: row.record_id)}


def _sent(tx: Transaction, alert_ids: list[UUID]) -> dict[UUID, datetime]:
    """When the notice of each alert went."""
    columns = history.c
    first = select(columns.record_id, func.min(columns.occurred_time).label("sent_time")).where(
        columns.record_id.in_(alert_ids), columns.to_state == alert.State.NOTICE_SENT
    )
    return {row.record_id: row.sent_time for row in tx.read(first.group_by(columns.record_id))}
