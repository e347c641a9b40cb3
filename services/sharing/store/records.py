"""Acts on the records of sharing itself: a jurist's switches, what is held, what is gallrat, what a person may know."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.sharing.domain import Offer, OfferState, Status
from services.sharing.store.base import Base
from services.sharing.store.tables import (
    IS_HELD,
    LAST_TIME,
    LATEST_STATUS,
    SEEN,
    TASK_IS_OPEN,
    disclosure,
    disclosure_event,
    erasure,
    flow_switch,
    hold,
    message,
    offer,
    outbox,
)

OWED = (Status.AWAITING_APPROVAL, Status.CORRECTION_DUE, Status.RECALL_DUE)
ROWS_MAX = 1000
"""As many are gallrade in one act; the next act takes the next ones."""


class Records(Base):
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
        """What a jurist has opened and not closed again."""
        return frozenset(name for name, is_open in {row.name: row.open for row in self.switches(tx)}.items() if is_open)

    def not_left(self, tx: Transaction, name: str) -> list[Row]:
        """Disclosures on a flow, or on a ground, that still wait for the relay."""
        waiting = select(message.c.disclosure_id).join(outbox, outbox.c.event_id == message.c.event_id)
        return tx.read(select(*SEEN).where(disclosure.c.id.in_(waiting), (disclosure.c.flow == name) | (disclosure.c.ground_id == name)))

    # the person ---------------------------------------------------------------------------------------------------

    def subject_index(self, offered: Offer) -> bytes | None:
        """The blind index of the person an offer is about; None when it names nobody."""
        number = offered.fields.get("subject.personal_identity_number") or offered.fields.get("subject.coordination_number")
        return self.person_index(number) if isinstance(number, str) else None

    def person_index(self, digits: str) -> bytes:
        """The blind index of twelve digits."""
        return self._vault.index("subject", digits)

    def disclosures_about(self, tx: Transaction, subject: bytes, unit: str) -> list[Row]:
        """All that a unit has decided to share about a person, oldest first."""
        return tx.read(select(*SEEN).where(disclosure.c.subject == subject, disclosure.c.unit == unit).order_by(disclosure.c.id))

    # hold and gallring --------------------------------------------------------------------------------------------

    def add_hold(self, tx: Transaction, disclosure_id: UUID, person: str, now: datetime, reason: str, *, held: bool) -> None:
        """Hold it, or let it go."""
        tx.insert(hold, id=new_id(), disclosure_id=disclosure_id, held=held, person=person, held_time=now, reason=reason)

    def past_their_day(self, tx: Transaction, unit: str, record_kind: str, before: datetime) -> list[Row]:
        """Disclosures about which nothing has happened since `before`, not gallrade yet; `kept` says which must stay."""
        kept = (IS_HELD | TASK_IS_OPEN | LATEST_STATUS.in_(OWED)).label("kept")
        return tx.read(
            select(disclosure.c.id, kept)
            .where(
                disclosure.c.unit == unit, disclosure.c.record_kind == record_kind, before > LAST_TIME, disclosure.c.data_key.is_not(None)
            )
            .order_by(disclosure.c.id)
            .limit(ROWS_MAX)
        )

    def erase(self, tx: Transaction, disclosure_id: UUID, protocol: Mapping[str, object], now: datetime) -> None:
        """Take the key and what it opened away, and write the protocol. What may still wait to be sent is kept back before."""
        gone = {"data_key": None, "payload": None, "written": None, "payload_hash": None, "subject": None}
        tx.write(disclosure.update().where(disclosure.c.id == disclosure_id).values(**gone))
        tx.write(disclosure_event.update().where(disclosure_event.c.disclosure_id == disclosure_id).values(note=None))
        tx.insert(erasure, disclosure_id=disclosure_id, erased_time=now, **protocol)

    def lapsed_offers(self, tx: Transaction, unit: str, before: datetime) -> list[Row]:
        """Offers that have waited since `before`, locked."""
        waiting = select(offer).where(offer.c.unit == unit, offer.c.state == OfferState.WAITING, offer.c.offered_time < before)
        return tx.read(waiting.order_by(offer.c.id).limit(ROWS_MAX).with_for_update())
