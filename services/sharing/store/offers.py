"""Acts on offers and previews."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import desc, func, select

from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.kernel.pages import oldest_first
from services.kernel.protection import Protection
from services.sharing.domain import CodedFact, Offer, OfferState, require_step
from services.sharing.store.base import Base
from services.sharing.store.tables import offer, preview


def _fact_text(value: Any) -> Any:  # noqa: ANN401  # JSON has no type
    if isinstance(value, CodedFact):
        return {name: part.isoformat() if isinstance(part, date) else part for name, part in asdict(value).items()}
    raise TypeError


def _fact(item: dict[str, str | None]) -> CodedFact:
    days = (date.fromisoformat(text) if (text := item[name]) else None for name in ("from_date", "to_date"))
    return CodedFact(str(item["code"]), *days)


class Offers(Base):
    """The tray, and what people were shown."""

    def add_offer(self, tx: Transaction, offered: Offer, state: OfferState, now: datetime) -> UUID:
        """A new offer. Its content is kept only while somebody can decide on it."""
        offer_id = new_id()
        sealed: dict[str, bytes | None] = {}
        if state is OfferState.WAITING:
            key = self._vault.new_key(offer_id)
            content = json.dumps(dict(offered.fields), default=_fact_text).encode()
            sealed = {"data_key": key.wrapped, "content": key.seal("offer", "content", content), "subject": self._subject_index(offered)}
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
            on_request=offered.on_request,
            matter=offered.matter,
            field_secrecy=Jsonb(dict(offered.field_secrecy)),
            state=state,
            offered_time=now,
            **sealed,
        )
        return offer_id

    def _subject_index(self, offered: Offer) -> bytes | None:
        """The blind index of the person an offer is about; None when it is about nobody."""
        numbers = (offered.fields.get(f"subject.{kind}") for kind in ("personal_identity_number", "coordination_number"))
        number = next((one for one in (*numbers, offered.about) if isinstance(one, str)), None)
        return self.person_index(number) if number else None

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

    def handlers(self, tx: Transaction, offer_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
        """Who has handled the records of these offers."""
        rows = tx.read(select(offer.c.id, offer.c.handled_by).where(offer.c.id.in_(offer_ids))) if offer_ids else []
        return {row.id: frozenset(row.handled_by) for row in rows}

    def move_offer(self, tx: Transaction, row: Row, state: OfferState) -> None:
        """Set the state; once nobody can decide on it any more, content and previews are gone (design 5). Raises Conflict."""
        require_step(row.state, state)
        values: dict[str, object] = {"state": state}
        if state is not OfferState.AWAITING_APPROVAL:
            values |= {"data_key": None, "content": None, "subject": None}
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
            on_request=row.on_request,
            matter=row.matter,
            field_secrecy=row.field_secrecy,
            fields=fields,
        )

    def mark_protected(self, tx: Transaction, record_id: UUID) -> None:
        """The person of a record was found to be protected: it shows nowhere from now on."""
        tx.write(offer.update().where(offer.c.record_id == record_id).values(protection=Protection.PROTECTED))

    def offers(
        self,
        tx: Transaction,
        unit: str,
        kinds: frozenset[str],
        states: Sequence[str],
        after: UUID | None,
        limit: int,
        record_id: UUID | None = None,
    ) -> list[Row]:
        """A page of a unit's offers of these kinds, oldest first, of one record or all; those of protected persons are in no list."""
        seen = (offer.c.unit == unit, offer.c.record_kind.in_(kinds), offer.c.protection != Protection.PROTECTED)
        statement = select(offer).where(*seen, offer.c.state != OfferState.STOPPED)
        if record_id:
            statement = statement.where(offer.c.record_id == record_id)
        if states:
            statement = statement.where(offer.c.state.in_(states))
        return tx.read(oldest_first(statement, offer.c.id, after, limit))

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
