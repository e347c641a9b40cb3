"""Messages that wait in the outbox, and the keys they were made with."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, and_, select

from services.kernel.db import Row, Transaction
from services.sharing.sealing import SealedRecord
from services.sharing.store.base import Base
from services.sharing.store.tables import disclosure, message, outbox

AGAIN_MAX = 100
"""Most messages that are sealed again in one transaction."""


class Messages(Base):
    """Sealing again what was sealed with a key that is of no use any more."""

    def note_ends(self, tx: Transaction, ends: Mapping[str, datetime | None], now: datetime) -> None:
        """Write down from when each message's keys are of no use; a key that is not there is of none already."""
        c = message.c
        for pair in tx.read(select(c.kid, c.signing_kid).distinct()):
            kids = (pair.kid, pair.signing_kid)
            found = [ends.get(kid, now) for kid in kids]
            until = min((end for end in found if end), default=None)
            same = and_(c.kid.is_not_distinct_from(pair.kid), c.signing_kid.is_not_distinct_from(pair.signing_kid))
            tx.write(message.update().where(same, c.usable_until.is_distinct_from(until)).values(usable_until=until))
        tx.flush()

    def to_seal_again(self, tx: Transaction, receiver_kinds: Collection[str], now: datetime) -> list[Row]:
        """Messages to these receiver kinds with a key that is of no use, locked, with what their disclosure holds."""
        return tx.read(
            select(message.c.event_id, message.c.record_key, message.c.value, disclosure)
            .join_from(message, disclosure, message.c.disclosure_id == disclosure.c.id)
            .where(_again(receiver_kinds, now))
            .order_by(message.c.event_id)
            .limit(AGAIN_MAX)
            .with_for_update(of=message, skip_locked=True)
        )

    def replace_message(self, tx: Transaction, event_id: UUID, sealed: SealedRecord, now: datetime) -> None:
        """The same event, sealed again; it may be sent at once."""
        tx.write(message.update().where(message.c.event_id == event_id).values(**as_columns(sealed)))
        tx.write(outbox.update().where(outbox.c.event_id == event_id).values(next_time=now))

    def hold_back(self, tx: Transaction, receiver_kinds: Collection[str], now: datetime, wait: timedelta) -> int:
        """Keep the relay from trying what cannot be sealed again, since `receiver_kinds` are all that have a key; how many wait."""
        waiting = (
            select(message.c.event_id)
            .join_from(message, disclosure, message.c.disclosure_id == disclosure.c.id)
            .where(message.c.usable_until <= now, ~_again(receiver_kinds, now))
        )
        ids = [row.event_id for row in tx.read(waiting)]
        if ids:
            due = and_(outbox.c.event_id.in_(ids), outbox.c.next_time < now + wait / 2)
            tx.write(outbox.update().where(due).values(next_time=now + wait))
        return len(ids)


def as_columns(record: SealedRecord) -> dict[str, object]:
    """A sealed record as columns of `message`, its key apart."""
    return {
        "value": record.value,
        "headers": Jsonb([[name, value.decode("ascii")] for name, value in record.headers]),
        "kid": record.kid,
        "signing_kid": record.signing_kid,
        "usable_until": record.usable_until,
    }


def _again(receiver_kinds: Collection[str], now: datetime) -> ColumnElement[bool]:
    """What can be sealed again: its receiver has a key, and its content has not been erased."""
    return and_(message.c.usable_until <= now, disclosure.c.receiver_kind.in_(receiver_kinds), disclosure.c.payload.is_not(None))
