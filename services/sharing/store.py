"""Sharing's tables, and what is done to them in a transaction. Content is sealed by the vault; plain columns hold ids, codes and times."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    desc,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.kernel.records import INSTANT, audit_table, enqueue, history_table, outbox_table, request_table
from services.kernel.vault import Vault
from services.sharing.domain import CodedFact, Offer, OfferState, Protection, Status, require_step
from services.sharing.sealing import SealedRecord

metadata = MetaData()
audit = audit_table(metadata)
request = request_table(metadata)
history = history_table(metadata)
outbox = outbox_table(metadata)
feedback = outbox_table(metadata, "feedback")

offer = Table(
    "offer",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("secrecy", ARRAY(Text), nullable=False),
    Column("protection", Text, nullable=False),
    Column("checked_time", INSTANT),
    Column("handled_by", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("offered_time", INSTANT, nullable=False),
    Column("data_key", LargeBinary),
    Column("content", LargeBinary),
    UniqueConstraint("record_kind", "record_id", "receiver_kind", "revision", name="offer_revision"),
    Index("offer_unit", "unit", "state", "id"),
)
preview = Table(
    "preview",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("disclosure_id", Uuid, nullable=False),
    Column("person", Text, nullable=False),
    Column("ground_id", Text, nullable=False),
    Column("ground_digest", Text, nullable=False),
    Column("key_id", Text),
    Column("payload_hash", Text, nullable=False),
    Column("missing_points", ARRAY(Text), nullable=False),
    Column("created_time", INSTANT, nullable=False),
    Column("expire_time", INSTANT, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("written", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Index("preview_offer", "offer_id"),
    Index("preview_expire_time", "expire_time"),
)
disclosure = Table(
    "disclosure",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("agency", Text),
    Column("unit", Text, nullable=False),
    Column("ground_id", Text, nullable=False),
    Column("ground_digest", Text, nullable=False),
    Column("decision_by", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("secrecy", ARRAY(Text), nullable=False),
    Column("key_id", Text),
    Column("payload_hash", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_time", INSTANT, nullable=False),
    Column("delegation_reference", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("task", Text, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("written", LargeBinary, nullable=False),
    Index("disclosure_record", "record_kind", "record_id", "receiver_kind"),
    Index("disclosure_unit", "unit", "id"),
    Index("disclosure_offer", "offer_id"),
    Index("disclosure_key", "key"),
)
disclosure_event = Table(
    "disclosure_event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("occurred_time", INSTANT, nullable=False),
    Column("person", Text),
    Column("delegation_reference", Text),
    Column("note", LargeBinary),
    Column("details", JSONB, nullable=False),
    Index("disclosure_event_disclosure", "disclosure_id", "id"),
)
message = Table(
    "message",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("record_key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("ground_last_date", Date),
    Column("protection_valid_until", INSTANT),
    Index("message_disclosure", "disclosure_id"),
)
reply = Table(
    "reply",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("disclosure_id", Uuid),
    Column("received_time", INSTANT, nullable=False),
    Column("refused_code", Text),
)

LATEST_STATUS = (
    select(disclosure_event.c.status)
    .where(disclosure_event.c.disclosure_id == disclosure.c.id)
    .order_by(desc(disclosure_event.c.rank), desc(disclosure_event.c.id))
    .limit(1)
    .scalar_subquery()
)


def _fact_text(value: Any) -> Any:  # noqa: ANN401  # JSON has no type
    if isinstance(value, CodedFact):
        return {name: part.isoformat() if isinstance(part, date) else part for name, part in asdict(value).items()}
    raise TypeError


def _fact(item: dict[str, str | None]) -> CodedFact:
    days = (date.fromisoformat(text) if (text := item[name]) else None for name in ("from_date", "to_date"))
    return CodedFact(str(item["code"]), *days)


class Store:
    """Sharing's acts on its tables."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals content before it is stored."""
        self._vault = vault

    # offers -------------------------------------------------------------------------------------------------------

    def add_offer(self, tx: Transaction, offered: Offer, state: OfferState, now: datetime) -> UUID:
        """A new offer. Its content is kept only while somebody can decide on it."""
        offer_id = new_id()
        sealed: dict[str, bytes] = {}
        if state is OfferState.WAITING:
            key = self._vault.new_key(offer_id)
            content = json.dumps(dict(offered.fields), default=_fact_text).encode()
            sealed = {"data_key": key.wrapped, "content": key.seal("offer", "content", content)}
        tx.insert(
            offer,
            id=offer_id,
            record_kind=offered.record_kind,
            record_id=offered.record_id,
            receiver_kind=offered.receiver_kind,
            revision=offered.revision,
            unit=offered.unit,
            secrecy=sorted(offered.secrecy),
            protection=offered.protection,
            checked_time=offered.checked_time,
            handled_by=sorted(offered.handled_by),
            state=state,
            offered_time=now,
            **sealed,
        )
        return offer_id

    def latest_offer(self, tx: Transaction, record_kind: str, record_id: UUID, receiver_kind: str) -> Row | None:
        """The newest offer of a record to a receiver, locked."""
        c = offer.c
        return tx.one(
            select(offer)
            .where(c.record_kind == record_kind, c.record_id == record_id, c.receiver_kind == receiver_kind)
            .order_by(desc(c.revision))
            .limit(1)
            .with_for_update()
        )

    def offer_of_unit(self, tx: Transaction, offer_id: UUID, unit: str | None) -> Row | None:
        """An offer of this unit, locked; None when there is none, or it is another unit's."""
        return tx.one(select(offer).where(offer.c.id == offer_id, offer.c.unit == unit).with_for_update())

    def move_offer(self, tx: Transaction, row: Row, state: OfferState) -> None:
        """Set the state; once nobody can decide on it any more, content and previews are gone (design 5). Raises Conflict."""
        require_step(row.state, state)
        values: dict[str, object] = {"state": state}
        if state is not OfferState.AWAITING_APPROVAL:
            values |= {"data_key": None, "content": None}
        tx.write(offer.update().where(offer.c.id == row.id).values(**values))
        tx.write(preview.delete().where(preview.c.offer_id == row.id))

    def opened_offer(self, row: Row) -> Offer:
        """The offer with its content. Raises VaultError."""
        content = self._vault.open_key(row.id, row.data_key).open("offer", "content", row.content)
        fields = {
            name: [_fact(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value
            for name, value in json.loads(content).items()
        }
        return Offer(
            record_kind=row.record_kind,
            record_id=row.record_id,
            revision=row.revision,
            receiver_kind=row.receiver_kind,
            unit=row.unit,
            secrecy=frozenset(row.secrecy),
            protection=Protection(row.protection),
            checked_time=row.checked_time,
            handled_by=frozenset(row.handled_by),
            fields=fields,
        )

    def offers(self, tx: Transaction, unit: str, states: Sequence[str], after: UUID | None, limit: int) -> list[Row]:
        """A page of a unit's offers, oldest first; those of protected persons are in no list."""
        statement = select(offer).where(offer.c.unit == unit, offer.c.state != OfferState.STOPPED).order_by(offer.c.id).limit(limit)
        if states:
            statement = statement.where(offer.c.state.in_(states))
        if after:
            statement = statement.where(offer.c.id > after)
        return tx.read(statement)

    # previews -----------------------------------------------------------------------------------------------------

    def add_preview(
        self, tx: Transaction, preview_id: UUID, payload: bytes, written: Mapping[str, str], shown: Mapping[str, Any], **columns: object
    ) -> None:
        """Keep what a person was shown, and what was weighed; those whose day is over are gone."""
        tx.write(preview.delete().where(preview.c.expire_time < func.now()))
        key = self._vault.new_key(preview_id)
        tx.insert(
            preview,
            id=preview_id,
            data_key=key.wrapped,
            payload=key.seal("preview", "payload", payload),
            written=key.seal("preview", "written", json.dumps(dict(written)).encode()),
            shown=key.seal("preview", "shown", json.dumps(dict(shown)).encode()),
            **columns,
        )

    def preview(self, tx: Transaction, preview_id: UUID) -> Row | None:
        """A preview as stored."""
        return tx.one(select(preview).where(preview.c.id == preview_id))

    def opened(self, table: str, row: Row, column: str) -> bytes:
        """One sealed cell of a preview or a disclosure."""
        return self._vault.open_key(row.id, row.data_key).open(table, column, getattr(row, column))

    # disclosures --------------------------------------------------------------------------------------------------

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

    def sealed_note(self, disclosure_id: UUID, wrapped: bytes, text: str) -> bytes:
        """A person's reason, sealed with the disclosure's key."""
        return self._vault.open_key(disclosure_id, wrapped).seal("disclosure_event", "note", text.encode())

    def disclosure_of_unit(self, tx: Transaction, disclosure_id: UUID, unit: str | None) -> Row | None:
        """A disclosure of this unit with its latest status; None when there is none, or it is another unit's."""
        return tx.one(select(disclosure, LATEST_STATUS.label("status")).where(disclosure.c.id == disclosure_id, disclosure.c.unit == unit))

    def disclosure(self, tx: Transaction, disclosure_id: UUID) -> Row | None:
        """A disclosure, whoever's it is; for what comes back from the agencies."""
        return tx.one(select(disclosure).where(disclosure.c.id == disclosure_id))

    def disclosures(self, tx: Transaction, unit: str, states: Sequence[str], after: UUID | None, limit: int) -> list[Row]:
        """A page of a unit's disclosures, oldest first."""
        approved = (
            select(disclosure_event.c.person)
            .where(disclosure_event.c.disclosure_id == disclosure.c.id, disclosure_event.c.details["approved"].as_boolean())
            .limit(1)
            .scalar_subquery()
        )
        inner = select(disclosure, LATEST_STATUS.label("status"), approved.label("approved_by")).where(disclosure.c.unit == unit).subquery()
        statement = select(inner).order_by(inner.c.id).limit(limit)
        if states:
            statement = statement.where(inner.c.status.in_(states))
        if after:
            statement = statement.where(inner.c.id > after)
        return tx.read(statement)

    def events(self, tx: Transaction, disclosure_id: UUID) -> list[Row]:
        """What has happened to a disclosure, in order."""
        return tx.read(select(disclosure_event).where(disclosure_event.c.disclosure_id == disclosure_id).order_by(disclosure_event.c.id))

    def disclosure_of_offer(self, tx: Transaction, offer_id: UUID) -> Row | None:
        """What was decided on an offer, with its latest status; None when nobody has decided."""
        return tx.one(select(disclosure, LATEST_STATUS.label("status")).where(disclosure.c.offer_id == offer_id))

    def to_correct(self, tx: Transaction, told: Row) -> Row | None:
        """The disclosure of the same record to the same receiver that `told` corrects, if any."""
        c = disclosure.c
        same = (c.record_kind == told.record_kind, c.record_id == told.record_id, c.receiver_kind == told.receiver_kind)
        return tx.one(select(disclosure).where(*same, LATEST_STATUS == Status.CORRECTION_DUE).limit(1))

    def keep_back(self, tx: Transaction, disclosure_id: UUID) -> bool:
        """Take a decided disclosure from the outbox; whether it is sure that it never left.

        The relay counts an attempt before it sends. A row that nobody has tried has not left; one that was tried may have.
        """
        own = select(message.c.event_id).where(message.c.disclosure_id == disclosure_id).scalar_subquery()
        tried = tx.read(outbox.delete().where(outbox.c.event_id == own).returning(outbox.c.attempts))
        tx.write(message.delete().where(message.c.disclosure_id == disclosure_id))
        return [row.attempts for row in tried] == [0]

    def tell(self, tx: Transaction, told: Row, status: Status, now: datetime) -> None:
        """Append what happened to a disclosure, and promise its record's owner to say so."""
        event_id = new_id()
        self.add_event(tx, told.id, status, now, event_id=event_id)
        enqueue(tx, feedback, new_id(), told.record_id, "outcome", now, disclosure_event_id=event_id)

    def stream_key(self, tx: Transaction, record_kind: str, record_id: UUID, receiver_kind: str) -> UUID:
        """The random key of a case and its recipient: the same for every event of theirs."""
        c = disclosure.c
        row = tx.one(select(c.key).where(c.record_kind == record_kind, c.record_id == record_id, c.receiver_kind == receiver_kind).limit(1))
        return row.key if row else uuid4()

    def next_sequence(self, tx: Transaction, key: UUID) -> int:
        """The number of the next event of a key, from 1; one that never left gives its number back."""
        decided, void = (
            exists().where(disclosure_event.c.disclosure_id == disclosure.c.id, disclosure_event.c.status == status)
            for status in (Status.DECIDED, Status.VOID)
        )
        row = tx.one(select(func.count().label("n")).select_from(disclosure).where(disclosure.c.key == key, decided, ~void))
        return int(row.n) + 1 if row else 1

    # messages and replies -----------------------------------------------------------------------------------------

    def add_message(
        self,
        tx: Transaction,
        event_id: UUID,
        key: UUID,
        sealed: SealedRecord,
        topic: str,
        disclosure_id: UUID,
        now: datetime,
        **bounds: object,
    ) -> None:
        """The sealed record and the promise to send it."""
        tx.insert(
            message,
            event_id=event_id,
            disclosure_id=disclosure_id,
            topic=topic,
            record_key=sealed.key,
            value=sealed.value,
            headers=Jsonb([[name, value.decode("ascii")] for name, value in sealed.headers]),
            **bounds,
        )
        enqueue(tx, outbox, event_id, key, "share", now, disclosure_id=disclosure_id)

    def is_known_reply(self, tx: Transaction, source: str, reply_id: UUID) -> bool:
        """Whether this answer was read before."""
        return tx.one(select(reply.c.id).where(reply.c.source == source, reply.c.id == reply_id)) is not None

    def add_reply(self, tx: Transaction, source: str, reply_id: UUID, **columns: object) -> None:
        """Remember an answer, so that reading it again has no effect."""
        tx.insert(reply, source=source, id=reply_id, **columns)
