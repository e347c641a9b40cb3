"""Tips: sealed but for what lists need; the own unit's."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select

from services.controls.domain import tips
from services.controls.domain.tips import RECORD_KIND, Content, State, Tip
from services.controls.store.tables import history, tip
from services.kernel.db import Row, Transaction
from services.kernel.errors import NotFound
from services.kernel.life import Actor, Moved
from services.kernel.pages import oldest_first
from services.kernel.records import record_step
from services.kernel.vault import Vault

CONTENT = TypeAdapter(Content)
OF_ONE_OBJECT_MAX = 200


class Tips:
    """Controls' acts on tips."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals what was told and what was made of it."""
        self._vault = vault

    def add(self, tx: Transaction, new: Tip, person: str | None) -> None:
        """A new tip, about an object that is there."""
        key = self._vault.new_key(new.id)
        tx.insert(
            tip,
            id=new.id,
            unit=new.unit,
            object_id=new.object_id,
            source_type=new.source_type,
            received_time=new.received_time,
            registered_time=new.registered_time,
            registered_by=new.registered_by,
            state=new.state,
            revision=new.revision,
            purge_date=new.purge_date,
            data_key=key.wrapped,
            content=key.seal("tip", "content", CONTENT.dump_json(new.content)),
        )
        record_step(tx, history, RECORD_KIND, new.id, new.revision, (None, new.state), new.registered_time, person)

    def seen(self, tx: Transaction, tip_id: UUID, unit: str, *, lock: bool = False) -> Tip:
        """A tip of the unit. Raises NotFound."""
        statement = select(tip).where(tip.c.id == tip_id, tip.c.unit == unit)
        row = tx.one(statement.with_for_update() if lock else statement)
        if row is None:
            raise NotFound
        return self._tip_of(row)

    def page(self, tx: Transaction, unit: str, state: State | None, after: UUID | None, limit: int) -> list[Tip]:
        """A page of a unit's tips, oldest first; in one state or all."""
        statement = select(tip).where(tip.c.unit == unit)
        if state is not None:
            statement = statement.where(tip.c.state == state)
        return [self._tip_of(row) for row in tx.read(oldest_first(statement, tip.c.id, after, limit))]

    def of_objects(self, tx: Transaction, unit: str, objects: Collection[UUID], states: Collection[State] = State) -> list[Tip]:  # type: ignore[assignment]
        """A unit's tips about these objects, oldest first."""
        of = (tip.c.object_id.in_(objects), tip.c.unit == unit, tip.c.state.in_(states))
        return [self._tip_of(row) for row in tx.read(select(tip).where(*of).order_by(tip.c.id))] if objects else []

    def save(self, tx: Transaction, moved: Moved[Tip], now: datetime, person: str | None) -> None:
        """Write what an act has made of a tip that `seen` has locked."""
        after = moved.record
        row = tx.one(select(tip.c.data_key).where(tip.c.id == after.id))
        assert row is not None  # noqa: S101  # it was read in this transaction
        content = self._vault.open_key(after.id, row.data_key).seal("tip", "content", CONTENT.dump_json(after.content))
        tx.write(tip.update().where(tip.c.id == after.id).values(state=after.state, revision=after.revision, content=content))
        record_step(tx, history, RECORD_KIND, after.id, after.revision, moved.path, now, person)

    def plan_in(self, tx: Transaction, unit: str, object_id: UUID, operation_id: UUID, actor: Actor) -> list[Tip]:
        """An operation of the unit visits the object: its prioritised tips are taken up."""
        waiting = self._locked(tx, unit, [object_id], State.PRIORITISED)
        return self._keep(tx, [tips.plan_in(one, operation_id, actor) for one in waiting], actor)

    def release(self, tx: Transaction, unit: str, objects: Collection[UUID], operation_id: UUID, actor: Actor) -> list[Tip]:
        """The operation does not take place, or does not visit these objects: what it had taken up waits again."""
        taken = [one for one in self._locked(tx, unit, objects, State.PLANNED_IN) if one.content.operation_id == operation_id]
        return self._keep(tx, [tips.release(one, actor) for one in taken], actor)

    def _locked(self, tx: Transaction, unit: str, objects: Collection[UUID], state: State) -> list[Tip]:
        of = (tip.c.object_id.in_(objects), tip.c.unit == unit, tip.c.state == state)
        return [self._tip_of(row) for row in tx.read(select(tip).where(*of).order_by(tip.c.id).with_for_update())] if objects else []

    def _keep(self, tx: Transaction, moved: Iterable[Moved[Tip]], actor: Actor) -> list[Tip]:
        changed = list(moved)
        for one in changed:
            self.save(tx, one, actor.now, actor.person)
        return [one.record for one in changed]

    def _tip_of(self, row: Row) -> Tip:
        content = CONTENT.validate_json(self._vault.open_key(row.id, row.data_key).open("tip", "content", row.content))
        kept = ("id", "unit", "object_id", "source_type", "received_time", "registered_by", "registered_time", "revision")
        return Tip(**{name: getattr(row, name) for name in kept}, content=content, state=State(row.state))
