"""What happened to disclosures from one instant to another, for the statistics. Protected persons' are not counted."""

from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy import exists, func, select

from services.kernel.db import Row, Transaction
from services.kernel.protection import Protection
from services.kernel.releases import Counting, in_pages
from services.kernel.statistics import Happened, Plan
from services.sharing.domain import RECALLING, Status
from services.sharing.store.tables import IS_PROTECTED, disclosure, disclosure_event, inbound


def ground_and_partner(ground_id: str, receiver_kind: str) -> str:
    """The row of a disclosure on this ground to this receiver kind."""
    return f"{ground_id}/{receiver_kind}"


def counting(plan: Plan) -> Counting:
    """How sharing counts."""
    return Counting(plan, _happened, _first_time)


def _happened(tx: Transaction, start: datetime, end: datetime) -> Iterator[Happened]:
    for row in _first_became(tx, {Status.DECIDED, Status.NO_CHANNEL}, start, end):
        codes = {"ground_and_partner": ground_and_partner(row.ground_id, row.receiver_kind)}
        yield Happened("releases", codes, Decimal(len(row.fields)))
    for name, statuses in (("refused", {Status.REFUSED}), ("withdrawn", RECALLING)):
        for row in _first_became(tx, statuses, start, end):
            yield Happened(name, {"partner": row.receiver_kind})
    columns = inbound.c
    first = select(columns.notice_id).group_by(columns.notice_id).having(func.min(columns.received_time) >= start)
    for _ in tx.read(first.where(columns.protection != Protection.PROTECTED).having(func.min(columns.received_time) < end)):
        yield Happened("notices_received")


def _first_became(tx: Transaction, statuses: Collection[Status], start: datetime, end: datetime) -> Iterator[Row]:
    """The disclosures that became one of these for the first time in the time."""
    event, earlier, columns = disclosure_event.c, disclosure_event.alias().c, disclosure.c
    before = exists().where(earlier.disclosure_id == event.disclosure_id, earlier.status.in_(statuses), earlier.occurred_time < start)
    became = select(event.disclosure_id).where(event.status.in_(statuses), event.occurred_time >= start, event.occurred_time < end, ~before)
    for page in in_pages(tx, became, event.disclosure_id):
        yield from tx.read(select(columns.ground_id, columns.receiver_kind, columns.fields).where(columns.id.in_(page), ~IS_PROTECTED))


def _first_time(tx: Transaction) -> datetime | None:
    decided = tx.one(select(func.min(disclosure.c.decided_time).label("first_time")))
    told = tx.one(select(func.min(inbound.c.received_time).label("first_time")))
    return min((row.first_time for row in (decided, told) if row and row.first_time), default=None)
