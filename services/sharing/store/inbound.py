"""Acts on what agencies have told the kommun."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, desc, func, or_, select

from services.kernel.db import Row, Transaction
from services.kernel.pages import oldest_first
from services.kernel.protection import Protection
from services.sharing.domain import InboundState
from services.sharing.store.base import Base
from services.sharing.store.tables import erasure, inbound, is_held, offer

ROWS_MAX = 1000
"""As many are gallrade in one act; the next act takes the next ones."""


class Inbound(Base):
    """Content is sealed; a row holds ids, codes and times."""

    def add_inbound(self, tx: Transaction, inbound_id: UUID, digits: str, content: Mapping[str, Any], **columns: object) -> None:
        """A notice about the person with these twelve digits. Protected, if anybody here has found that before; else nobody has looked."""
        key, subject = self._vault.new_key(inbound_id), self.person_index(digits)
        found = [select(t.c.id).where(t.c.subject == subject, t.c.protection == Protection.PROTECTED) for t in (inbound, offer)]
        known = any(tx.one(statement.limit(1)) is not None for statement in found)
        tx.insert(
            inbound,
            id=inbound_id,
            state=InboundState.NEW,
            protection=Protection.PROTECTED if known else Protection.UNKNOWN,
            subject=subject,
            data_key=key.wrapped,
            content=key.seal("inbound", "content", json.dumps(dict(content)).encode()),
            **columns,
        )

    def inbound_content(self, row: Row) -> dict[str, Any]:
        """What a notice says. Raises VaultError."""
        content: dict[str, Any] = json.loads(self.opened("inbound", row, "content"))
        return content

    def latest_notice(self, tx: Transaction, receiver_kind: str, notice_id: UUID) -> Row | None:
        """What a receiver kind last said under this id, locked."""
        own = (inbound.c.receiver_kind == receiver_kind, inbound.c.notice_id == notice_id)
        return tx.one(select(inbound).where(*own).order_by(desc(inbound.c.said_time)).limit(1).with_for_update())

    def inbound_of_unit(self, tx: Transaction, inbound_id: UUID, unit: str | None, *, lock: bool = False) -> Row | None:
        """A notice in this unit's inbox; None when there is none, it is another unit's, or its person was found to be protected."""
        statement = select(inbound).where(inbound.c.id == inbound_id, *_seen(unit))
        return tx.one(statement.with_for_update() if lock else statement)

    def inbox(self, tx: Transaction, unit: str, states: Sequence[str], after: UUID | None, limit: int) -> list[Row]:
        """A page of a unit's inbox, oldest first."""
        statement = select(inbound).where(*_seen(unit))
        if states:
            statement = statement.where(inbound.c.state.in_(states))
        return tx.read(oldest_first(statement, inbound.c.id, after, limit))

    def move_inbound(self, tx: Transaction, row: Row, state: InboundState, now: datetime, **columns: object) -> None:
        """Something has happened to a notice."""
        tx.write(inbound.update().where(inbound.c.id == row.id).values(state=state, last_time=now, **columns))

    def mark_inbound(self, tx: Transaction, row: Row, protection: Protection) -> None:
        """What the register said of the person: protected, it shows to nobody at the unit from now on."""
        tx.write(inbound.update().where(inbound.c.id == row.id).values(protection=protection))

    def inbound_about(self, tx: Transaction, subjects: Collection[bytes], unit: str) -> list[Row]:
        """All that a unit has been told about a person, oldest first."""
        own = (inbound.c.subject.in_(subjects), inbound.c.unit == unit)
        return tx.read(select(inbound, is_held(inbound.c.id).label("held")).where(*own).order_by(inbound.c.id))

    def inbound_to_keep(self, tx: Transaction, inbound_id: UUID, unit: str) -> Row | None:
        """A notice of this unit, locked, whoever may read it; for the one who holds and erases."""
        return tx.one(select(inbound).where(inbound.c.id == inbound_id, inbound.c.unit == unit).with_for_update())

    def inbound_past_their_day(self, tx: Transaction, unit: str, before: datetime) -> tuple[list[Row], int]:
        """Notices about which nothing has happened since `before`, locked and not gallrade; and how many must stay: held or untaken."""
        past = (inbound.c.unit == unit, inbound.c.last_time < before, inbound.c.data_key.is_not(None))
        must_stay = or_(inbound.c.state == InboundState.NEW, is_held(inbound.c.id))
        ids = [
            row.id
            for row in tx.read(select(inbound.c.id).where(*past, ~must_stay).order_by(inbound.c.id).limit(ROWS_MAX).with_for_update())
        ]
        # Somebody may have held one while we waited for its lock.
        going = tx.read(select(inbound).where(inbound.c.id.in_(ids), ~must_stay).order_by(inbound.c.id)) if ids else []
        kept = tx.one(select(func.count().label("n")).select_from(inbound).where(*past, must_stay))
        return going, int(kept.n) if kept else 0

    def erase_inbound(self, tx: Transaction, row: Row, protocol: Mapping[str, object], now: datetime) -> None:
        """Take the key and what it opened away, and write the protocol."""
        self.move_inbound(tx, row, InboundState.ERASED, now, subject=None, data_key=None, content=None)
        tx.insert(erasure, disclosure_id=row.id, erased_time=now, **protocol)


def _seen(unit: str | None) -> tuple[ColumnElement[bool], ...]:
    """What the people of a unit see (design 8)."""
    return inbound.c.unit == unit, inbound.c.protection != Protection.PROTECTED
