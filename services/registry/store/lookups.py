"""Questions about persons: what is found, that each is kept, and their review."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from services.kernel.callers import Caller
from services.kernel.db import Row, Transaction
from services.kernel.ids import new_id
from services.kernel.pages import oldest_first
from services.kernel.vault import Vault
from services.registry.domain.lookup import Judgement, Outcome
from services.registry.store.links import SHOWN
from services.registry.store.tables import look_up, mention

FOUND_MAX = 100


class LookUps:
    """Reads by a blind index of the number, inside one unit."""

    def __init__(self, vault: Vault) -> None:
        """The vault blinds the number."""
        self._vault = vault

    def records(self, tx: Transaction, unit: str, number: str, kinds: Collection[str]) -> list[Row]:
        """The unit's records of these kinds about a person (digits), oldest first; none about one who is protected."""
        same = mention.c.number == self._vault.index("number", number)
        statement = (
            select(mention.c.record_kind, mention.c.record_id)
            .where(same, mention.c.unit == unit, mention.c.record_kind.in_(kinds))
            .where(SHOWN)
        )
        return tx.read(statement.order_by(mention.c.record_id).limit(FOUND_MAX))

    def since(self, tx: Transaction, person: str, start: datetime) -> int:
        """How many questions a person has asked since then."""
        row = tx.one(select(func.count().label("asked")).where(look_up.c.person == person, look_up.c.occurred_time >= start))
        return 0 if row is None else int(row.asked)

    def keep(
        self,
        tx: Transaction,
        asking: Caller,
        case: tuple[str, UUID],
        purpose: str,
        outcome: Outcome,
        found: int,
        now: datetime,
        *,
        needs_review: bool,
    ) -> None:
        """One question, whatever became of it. `case`: the record kind and id that it was asked for."""
        tx.insert(
            look_up,
            id=new_id(),
            occurred_time=now,
            person=asking.principal,
            unit=asking.unit,
            record_kind=case[0],
            record_id=case[1],
            purpose=purpose,
            outcome=outcome,
            found=found,
            needs_review=needs_review,
        )

    def kept(self, tx: Transaction, person: str, record_id: UUID, purpose: str) -> bool:
        """Whether a question of this person's for this record and purpose is kept already."""
        same = look_up.c.person == person, look_up.c.record_id == record_id, look_up.c.purpose == purpose
        return tx.one(select(look_up.c.id).where(*same).limit(1)) is not None

    def page(self, tx: Transaction, after: UUID | None, limit: int, *, reviewed: bool) -> list[Row]:
        """What waits for review, or has had it, oldest first."""
        which = look_up.c.judgement.is_not(None) if reviewed else look_up.c.needs_review & look_up.c.judgement.is_(None)
        statement = select(look_up).where(which)
        return tx.read(oldest_first(statement, look_up.c.id, after, limit))

    def review(self, tx: Transaction, look_up_id: UUID, judgement: Judgement, person: str, now: datetime) -> bool | None:
        """Keep what the reviewer came to; False when somebody has judged it already, None when it does not wait for anybody."""
        waiting = look_up.c.id == look_up_id, look_up.c.needs_review
        if tx.one(select(look_up.c.id).where(*waiting)) is None:
            return None
        change = look_up.update().where(*waiting, look_up.c.judgement.is_(None))
        return tx.execute(change.values(judgement=judgement, reviewed_by=person, reviewed_time=now)) == 1
