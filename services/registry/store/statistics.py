"""What happened to the registry's records from one instant to another, for the statistics: every unit's, opened and counted in one go."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select

from services.kernel.db import Row, Transaction
from services.kernel.protection import Protection
from services.kernel.releases import Counting
from services.kernel.statistics import Happened
from services.registry.domain import alert, payment, statistics
from services.registry.domain.statistics import plan
from services.registry.store.records import Alerts, Payments
from services.registry.store.tables import history, supplier_check


def counting(alerts: Alerts, payments: Payments) -> Counting:
    """How the registry counts."""

    def happened(tx: Transaction, start: datetime, end: datetime) -> Iterator[Happened]:
        for record_id, steps in _steps(tx, alert.RECORD_KIND, start, end):
            found = alerts.any(tx, record_id)
            if found is not None and found.protection_check.result is not Protection.PROTECTED:
                sent = select(func.min(history.c.occurred_time).label("sent_time")).where(
                    history.c.record_id == record_id, history.c.to_state == alert.State.NOTICE_SENT
                )
                sent_row = tx.one(sent)
                told = [(step.from_state, step.to_state, step.occurred_time) for step in steps if not step.track]
                yield from statistics.of_alert(found, told, sent_row.sent_time if sent_row else None)
        for record_id, steps in _steps(tx, payment.RECORD_KIND, start, end):
            flagged = payments.any(tx, record_id)
            if flagged is not None and flagged.protection_check.result is not Protection.PROTECTED:
                yield from statistics.of_payment(flagged, [(step.track, step.from_state, step.to_state) for step in steps])
        columns = supplier_check.c
        for row in tx.read(select(columns.result).where(columns.registered_time >= start, columns.registered_time < end)):
            yield Happened("supplier_checks", {"result": row.result})

    return Counting(plan(), happened, _first_time)


def _first_time(tx: Transaction) -> datetime | None:
    first = tx.one(select(func.min(history.c.occurred_time).label("first_time")))
    checked = tx.one(select(func.min(supplier_check.c.registered_time).label("first_time")))
    return min((row.first_time for row in (first, checked) if row and row.first_time), default=None)


def _steps(tx: Transaction, record_kind: str, start: datetime, end: datetime) -> Iterator[tuple[UUID, list[Row]]]:
    """The steps of each record in the time, in order."""
    columns = history.c
    among = select(columns.record_id, columns.track, columns.from_state, columns.to_state, columns.occurred_time).where(
        columns.record_kind == record_kind, columns.occurred_time >= start, columns.occurred_time < end
    )
    for record_id, steps in groupby(tx.read(among.order_by(columns.record_id, columns.revision, columns.id)), lambda row: row.record_id):
        yield record_id, list(steps)
