"""Acts on the records of sharing itself: a jurist's switches, what is held, what is gallrat, what a person may know."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, or_, select

from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.kernel.pages import oldest_first
from services.sharing.domain import NOTICE, OfferState, Status
from services.sharing.store.disclosures import Disclosures
from services.sharing.store.tables import (
    IS_HELD,
    LAST_TIME,
    LATEST_STATUS,
    OBLIGATION_IS_OPEN,
    SEEN,
    TASK_IS_OPEN,
    disclosure,
    disclosure_event,
    erasure,
    flow_switch,
    hold,
    inbound,
    offer,
)

SWITCHES = 4206  # the advisory lock of what a jurist has opened
ROWS_MAX = 1000
"""As many are gallrade in one act; the next act takes the next ones."""


class Records(Disclosures):
    """Appended, apart from what gallring takes away."""

    # switches -----------------------------------------------------------------------------------------------------

    def add_switch(self, tx: Transaction, name: str, person: str, now: datetime, reference: str, reason: str, *, is_open: bool) -> None:
        """A jurist's decision."""
        row = {"name": name, "open": is_open, "person": person, "switched_time": now, "decision_reference": reference, "reason": reason}
        tx.insert(flow_switch, id=new_id(), **row)

    def switches(self, tx: Transaction) -> list[Row]:
        """Every decision, oldest first."""
        return tx.read(select(flow_switch).order_by(flow_switch.c.id))

    def open_flows(self, tx: Transaction) -> frozenset[str]:
        """What a jurist has opened and not closed again; nobody switches anything until this transaction ends."""
        tx.one(select(func.pg_advisory_xact_lock_shared(SWITCHES)))
        return frozenset(name for name, is_open in {row.name: row.open for row in self.switches(tx)}.items() if is_open)

    def alone_at_the_switches(self, tx: Transaction) -> None:
        """Wait until nobody is deciding by what is open now; then nobody decides until this transaction ends."""
        tx.one(select(func.pg_advisory_xact_lock(SWITCHES)))

    def not_carried_out(self, tx: Transaction, name: str) -> list[Row]:
        """Disclosures on a flow, or on a ground, that still wait for the relay or for a person, locked."""
        waiting = LATEST_STATUS.in_((Status.AWAITING_APPROVAL, Status.DECIDED, Status.NO_CHANNEL))
        rows = self._locked(tx, or_(disclosure.c.flow == name, disclosure.c.ground_id == name) & waiting)
        return [row for row in rows if row.status in {Status.AWAITING_APPROVAL, Status.DECIDED, Status.NO_CHANNEL}]

    # the person ---------------------------------------------------------------------------------------------------

    def disclosures_about(self, tx: Transaction, subjects: Collection[bytes], unit: str) -> list[Row]:
        """All that a unit has decided to share about a person, oldest first."""
        return tx.read(select(*SEEN).where(disclosure.c.subject.in_(subjects), disclosure.c.unit == unit).order_by(disclosure.c.id))

    # hold and gallring --------------------------------------------------------------------------------------------

    def add_hold(self, tx: Transaction, disclosure_id: UUID, person: str, now: datetime, reason: str, *, held: bool) -> None:
        """Hold it, or let it go."""
        tx.insert(hold, id=new_id(), disclosure_id=disclosure_id, held=held, person=person, held_time=now, reason=reason)

    def holds(self, tx: Transaction, unit: str, only: UUID | None, after: UUID | None, limit: int) -> list[Row]:
        """A page of what a unit holds now, oldest first; `only`: nothing but this one."""
        later = hold.alias()
        latest = ~exists().where(later.c.disclosure_id == hold.c.disclosure_id, later.c.id > hold.c.id)
        statement = (
            select(
                hold,
                func.coalesce(disclosure.c.record_kind, NOTICE).label("record_kind"),
                func.coalesce(disclosure.c.receiver_kind, inbound.c.receiver_kind).label("receiver_kind"),
            )
            .outerjoin(disclosure, disclosure.c.id == hold.c.disclosure_id)
            .outerjoin(inbound, inbound.c.id == hold.c.disclosure_id)
            .where(hold.c.held, latest, or_(disclosure.c.unit == unit, inbound.c.unit == unit))
        )
        if only is not None:
            statement = statement.where(hold.c.disclosure_id == only)
        return tx.read(oldest_first(statement, hold.c.id, after, limit))

    def past_their_day(self, tx: Transaction, unit: str, record_kind: str, before: datetime) -> tuple[list[UUID], int]:
        """Disclosures about which nothing has happened since `before`, locked and not gallrade yet; and how many more must stay."""
        own = (disclosure.c.unit == unit, disclosure.c.record_kind == record_kind)
        past = (*own, before > LAST_TIME, disclosure.c.data_key.is_not(None))
        must_stay = or_(IS_HELD, TASK_IS_OPEN, OBLIGATION_IS_OPEN, LATEST_STATUS == Status.AWAITING_APPROVAL)
        going = select(disclosure.c.id).where(*past, ~must_stay).order_by(disclosure.c.id).limit(ROWS_MAX)
        ids = [row.id for row in tx.read(going.with_for_update(of=disclosure))]
        # Somebody may have held one while we waited for its lock.
        still = [row.id for row in tx.read(select(disclosure.c.id).where(disclosure.c.id.in_(ids), ~must_stay))] if ids else []
        kept = tx.one(select(func.count().label("n")).select_from(disclosure).where(*past, must_stay))
        return still, int(kept.n) if kept else 0

    def erase(self, tx: Transaction, disclosure_id: UUID, protocol: Mapping[str, object], now: datetime) -> None:
        """Take the key and what it opened away, and write the protocol. What may still wait to be sent is kept back before."""
        gone = {"data_key": None, "payload": None, "written": None, "payload_hash": None, "subject": None}
        tx.write(disclosure.update().where(disclosure.c.id == disclosure_id).values(**gone))
        tx.write(disclosure_event.update().where(disclosure_event.c.disclosure_id == disclosure_id).values(note=None))
        tx.insert(erasure, disclosure_id=disclosure_id, erased_time=now, **protocol)

    def lapsed_offers(self, tx: Transaction, unit: str, before: datetime, after: UUID | None) -> list[Row]:
        """Offers that have waited since `before`, locked; a page, after the last one seen."""
        waiting = select(offer).where(offer.c.unit == unit, offer.c.state == OfferState.WAITING, offer.c.offered_time < before)
        return tx.read(oldest_first(waiting, offer.c.id, after, ROWS_MAX).with_for_update())
