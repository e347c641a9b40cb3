"""Acts on disclosures, what happens to them, and the messages that carry them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import ColumnElement, Text, and_, cast, func, select

from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.kernel.pages import oldest_first
from services.kernel.records import enqueue
from services.sharing.domain import BY_HAND, CORRECTING, OfferState, Status
from services.sharing.sealing import Event, SealedRecord
from services.sharing.store.base import Base
from services.sharing.store.messages import as_columns
from services.sharing.store.tables import (
    IS_PROTECTED,
    LATEST_STATUS,
    OBLIGATION_IS_OPEN,
    REFUSAL,
    SEEN,
    SENT_TIME,
    TASK_IS_OPEN,
    disclosure,
    disclosure_event,
    feedback,
    message,
    offer,
    outbox,
    reply,
    sent_event,
)

KEYS = 4207  # the advisory locks of keys, by hash
_REPLY_ID = disclosure_event.c.details["reply_id"].as_string()


class Disclosures(Base):
    """What was decided is never edited; what happens to it is appended."""

    def add_disclosure(self, tx: Transaction, disclosure_id: UUID, payload: bytes, written: bytes, **columns: object) -> None:
        """What was decided. Never edited."""
        key = self._vault.new_key(disclosure_id)
        tx.insert(
            disclosure,
            id=disclosure_id,
            data_key=key.wrapped,
            payload=key.seal("disclosure", "payload", payload),
            written=key.seal("disclosure", "written", written),
            **columns,
        )

    def add_event(  # what happened, when, by whom
        self,
        tx: Transaction,
        disclosure_id: UUID,
        status: Status,
        now: datetime,
        person: str | None = None,
        delegation_reference: str | None = None,
        note: bytes | None = None,
        event_id: UUID | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """Append what happened to a disclosure."""
        tx.insert(
            disclosure_event,
            id=event_id or new_id(),
            disclosure_id=disclosure_id,
            status=status,
            rank=status.rank,
            occurred_time=now,
            person=person,
            delegation_reference=delegation_reference,
            note=note,
            details=Jsonb(dict(details or {})),
        )

    def sealed_note(self, told: Row, text: str) -> bytes:
        """What a person wrote of a disclosure, sealed with its key."""
        return self._vault.open_key(told.id, told.data_key).seal("disclosure_event", "note", text.encode())

    def opened_note(self, told: Row, note: bytes | None) -> str:
        """What a person wrote, or nothing: none was written, or it is gallrat."""
        if note is None or told.data_key is None:
            return ""
        return self._vault.open_key(told.id, told.data_key).open("disclosure_event", "note", note).decode()

    def disclosure_of_unit(self, tx: Transaction, disclosure_id: UUID, unit: str | None, *, lock: bool = False) -> Row | None:
        """A disclosure of this unit with its latest status; None when there is none, or it is another unit's."""
        own = (disclosure.c.id == disclosure_id, disclosure.c.unit == unit)
        if lock and tx.one(select(disclosure.c.id).where(*own).with_for_update()) is None:
            return None
        return tx.one(select(*SEEN).where(*own))

    def disclosure(self, tx: Transaction, disclosure_id: UUID) -> Row | None:
        """A disclosure, whoever's it is; for what comes back from the agencies."""
        return tx.one(select(disclosure).where(disclosure.c.id == disclosure_id))

    def disclosures(  # what is seen, and which of it
        self,
        tx: Transaction,
        unit: str,
        kinds: frozenset[str],
        states: Sequence[str],
        after: UUID | None,
        limit: int,
        *,
        open_tasks: bool = False,
        open_obligations: bool = False,
        silent_since: datetime | None = None,
        record_id: UUID | None = None,
    ) -> list[Row]:
        """A page of a unit's disclosures of these kinds, oldest first. Those about protected persons are in no list.

        With `open_tasks` those that a person has something to do about, with `open_obligations` those whose correction or recall the
        receiver has not confirmed, with `silent_since` those sent before that and not answered, with `record_id` those of one record.
        """
        c = disclosure.c
        wanted = [c.unit == unit, c.record_kind.in_(kinds), ~IS_PROTECTED]
        # Where what is asked for is a few of very many, it is found from what is few.
        if open_tasks:
            asked = disclosure.alias()
            tasks = select(asked.c.id).where(asked.c.unit == unit, asked.c.task != "")
            by_hand = select(disclosure_event.c.disclosure_id).where(disclosure_event.c.status.in_(BY_HAND))
            wanted += [c.id.in_(tasks.union(by_hand)), TASK_IS_OPEN]
        if open_obligations:
            wanted.append(OBLIGATION_IS_OPEN)
        if silent_since:
            wanted += [LATEST_STATUS == Status.SENT, silent_since > SENT_TIME]
        if record_id:
            wanted.append(c.record_id == record_id)
        if states:
            wanted.append(LATEST_STATUS.in_(states))
        if set(states) == {Status.AWAITING_APPROVAL}:
            waiting = select(offer.c.id).where(offer.c.unit == unit, offer.c.state == OfferState.AWAITING_APPROVAL)
            wanted.append(c.offer_id.in_(waiting))
        # First which, then what they are: asked together, the database would look at what belongs to every disclosure there is.
        ids = [row.id for row in tx.read(oldest_first(select(c.id).where(*wanted), c.id, after, limit))]
        approved = (
            select(disclosure_event.c.person)
            .where(disclosure_event.c.disclosure_id == c.id, disclosure_event.c.details["approved"].as_boolean())
            .limit(1)
            .scalar_subquery()
        )
        return tx.read(select(*SEEN, approved.label("approved_by")).where(c.id.in_(ids)).order_by(c.id)) if ids else []

    def releases(self, tx: Transaction, after: UUID | None, limit: int, *, refused: bool = False) -> list[Row]:
        """A page of every unit's disclosures, newest first; no content. Those about protected persons are in no list."""
        c = disclosure.c
        seen = select(
            c.id, c.decided_time, c.decided_by, c.unit, c.record_kind, c.receiver_kind, c.ground_id, LATEST_STATUS.label("status")
        )
        statement = seen.where(~IS_PROTECTED).limit(limit)
        key: ColumnElement[UUID] = c.id
        if refused:
            fell = select(disclosure_event.c.disclosure_id).where(REFUSAL).distinct().subquery()
            statement, key = statement.select_from(disclosure.join(fell, fell.c.disclosure_id == c.id)), fell.c.disclosure_id
        if after:
            statement = statement.where(key < after)
        return tx.read(statement.order_by(key.desc()))

    def events(self, tx: Transaction, disclosure_id: UUID) -> list[Row]:
        """What has happened to a disclosure, in order, and when we read it where an agency said it."""
        said = and_(reply.c.disclosure_id == disclosure_event.c.disclosure_id, cast(reply.c.id, Text) == _REPLY_ID)
        known = select(disclosure_event, reply.c.received_time).select_from(disclosure_event.outerjoin(reply, said))
        noted = func.coalesce(reply.c.received_time, disclosure_event.c.occurred_time)
        return tx.read(known.where(disclosure_event.c.disclosure_id == disclosure_id).order_by(noted, disclosure_event.c.id))

    def disclosure_of_offer(self, tx: Transaction, offer_id: UUID) -> Row | None:
        """What was decided on an offer, with its latest status; None when nobody has decided."""
        return tx.one(select(disclosure, LATEST_STATUS.label("status")).where(disclosure.c.offer_id == offer_id))

    def disclosures_of_record(self, tx: Transaction, record_kind: str, record_id: UUID, receiver_kind: str) -> list[Row]:
        """All that was decided about a record for a receiver, locked, oldest first."""
        c = disclosure.c
        return self._locked(tx, (c.record_kind == record_kind) & (c.record_id == record_id) & (c.receiver_kind == receiver_kind))

    def _locked(self, tx: Transaction, which: ColumnElement[bool]) -> list[Row]:
        """Disclosures with their latest status as it is once nobody else is changing them."""
        ids = [row.id for row in tx.read(select(disclosure.c.id).where(which).order_by(disclosure.c.id).with_for_update())]
        return self.disclosures_by_id(tx, ids)

    def to_replace(self, tx: Transaction, record_kind: str, record_id: UUID, receiver_kind: str) -> list[UUID]:
        """What the next disclosure of a record takes the place of at a receiver: all that was corrected before, while any of it is owed."""
        c = disclosure.c
        same = (c.record_kind == record_kind, c.record_id == record_id, c.receiver_kind == receiver_kind)
        corrected = LATEST_STATUS.in_(CORRECTING | {Status.CORRECTION_CONFIRMED})
        rows = tx.read(select(c.id, LATEST_STATUS.label("status")).where(*same, corrected).order_by(c.id))
        return [row.id for row in rows] if any(row.status in CORRECTING for row in rows) else []

    def disclosures_by_id(self, tx: Transaction, ids: Sequence[UUID]) -> list[Row]:
        """Disclosures with their latest status, oldest first."""
        return tx.read(select(*SEEN).where(disclosure.c.id.in_(ids)).order_by(disclosure.c.id)) if ids else []

    def decided_time(self, tx: Transaction, disclosure_id: UUID) -> datetime | None:
        """When the last person who had to decide did."""
        c = disclosure_event.c
        decided = (c.disclosure_id == disclosure_id, c.status.in_((Status.DECIDED, Status.NO_CHANNEL)))
        row = tx.one(select(c.occurred_time).where(*decided).limit(1))
        return row.occurred_time if row else None

    def keep_protection_valid(self, tx: Transaction, disclosure_id: UUID, until: datetime | None) -> None:
        """The person's protection has been checked again while the message waits."""
        tx.write(message.update().where(message.c.disclosure_id == disclosure_id).values(protection_valid_until=until))

    def keep_back(self, tx: Transaction, disclosure_id: UUID) -> bool:
        """Take a decided disclosure from the outbox; whether it is sure that it never left.

        The relay counts an attempt before it sends. A row that nobody has tried has not left, and gives its number back; one that was
        tried may have.
        """
        own = select(message.c.event_id).where(message.c.disclosure_id == disclosure_id)
        tried = tx.read(outbox.delete().where(outbox.c.event_id.in_(own)).returning(outbox.c.event_id, outbox.c.attempts))
        never_left = [row.event_id for row in tried if row.attempts == 0]
        tx.write(message.delete().where(message.c.disclosure_id == disclosure_id))
        tx.write(sent_event.delete().where(sent_event.c.event_id.in_(never_left)))
        return len(never_left) == len(tried) == 1

    def tell(self, tx: Transaction, told: Row, status: Status, now: datetime, **what: Any) -> None:  # noqa: ANN401  # as add_event
        """Append what happened to a disclosure, and promise its record's owner to say so."""
        event_id = new_id()
        self.add_event(tx, told.id, status, now, event_id=event_id, **what)
        enqueue(tx, feedback, new_id(), told.record_id, "outcome", now, disclosure_event_id=event_id)

    def stream_key(self, tx: Transaction, record_kind: str, record_id: UUID, receiver_kind: str) -> UUID:
        """The random key of a case and its recipient: the same for every event of theirs."""
        c = disclosure.c
        row = tx.one(select(c.key).where(c.record_kind == record_kind, c.record_id == record_id, c.receiver_kind == receiver_kind).limit(1))
        return row.key if row else uuid4()

    def next_sequence(self, tx: Transaction, key: UUID) -> int:
        """The number of the next event of a key, from 1; one that never left gives its number back. Nobody else counts meanwhile."""
        tx.one(select(func.pg_advisory_xact_lock(KEYS, func.hashtext(str(key)))))
        row = tx.one(select(func.max(sent_event.c.sequence).label("last")).where(sent_event.c.key == key))
        return (row.last or 0) + 1 if row else 1

    def add_message(self, tx: Transaction, event: Event, sealed: SealedRecord, topic: str, sent_status: Status, **bounds: object) -> None:
        """The sealed record, the promise to send it, and what is remembered of it. `bounds` say until when it may go; a recall has none."""
        tx.insert(
            message,
            event_id=event.id,
            disclosure_id=event.disclosure_id,
            topic=topic,
            record_key=sealed.key,
            sent_status=sent_status,
            **as_columns(sealed),
            **bounds,
        )
        self.add_sent_event(tx, event, sealed.kid)
        enqueue(tx, outbox, event.id, event.key, "share", event.time, disclosure_id=event.disclosure_id)

    def add_sent_event(self, tx: Transaction, event: Event, kid: str) -> None:
        """Remember an event, so that an answer to it is known: ids, its number, the key it was sealed to."""
        tx.insert(
            sent_event,
            event_id=event.id,
            disclosure_id=event.disclosure_id,
            change=event.change,
            key=event.key,
            sequence=event.sequence,
            kid=kid,
            sealed_time=event.time,
        )

    def sent_event(self, tx: Transaction, event_id: UUID, disclosure_id: UUID) -> Row | None:
        """An event of this disclosure; None when it has no such event."""
        return tx.one(select(sent_event).where(sent_event.c.event_id == event_id, sent_event.c.disclosure_id == disclosure_id))

    def is_known_reply(self, tx: Transaction, source: str, reply_id: UUID) -> bool:
        """Whether this answer was read before."""
        return tx.one(select(reply.c.id).where(reply.c.source == source, reply.c.id == reply_id)) is not None

    def add_reply(self, tx: Transaction, source: str, reply_id: UUID, **columns: object) -> None:
        """Remember an answer, so that reading it again has no effect."""
        tx.insert(reply, source=source, id=reply_id, **columns)
