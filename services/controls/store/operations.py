"""Operations with their visits, participations and offers: how each becomes rows and comes back."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert

from services.controls.domain.operations import (
    RECORD_KIND,
    Answer,
    Offer,
    Operation,
    Outcome,
    Part,
    Participation,
    Plan,
    Reply,
    State,
    Step,
    Visit,
)
from services.controls.store.objects import Objects
from services.controls.store.tables import history, offer, operation, outbox, participation, visit
from services.kernel.db import Row, Transaction
from services.kernel.records import enqueue, record_step
from services.kernel.vault import RecordKey, Vault


class Operations:
    """Controls' acts on its operations."""

    def __init__(self, vault: Vault, objects: Objects) -> None:
        """The vault seals what is secret before it is stored; a visit is to one of the objects."""
        self._vault = vault
        self._objects = objects

    def get(self, tx: Transaction, operation_id: UUID, unit: str | None = None, *, lock: bool = False) -> Operation | None:
        """An operation, whole; None when there is none, or it is not of the unit that is named."""
        statement = select(operation).where(operation.c.id == operation_id)
        if unit is not None:
            statement = statement.where(operation.c.unit == unit)
        row = tx.one(statement.with_for_update() if lock else statement)
        return None if row is None else self._whole(tx, row)

    def of_offer(self, tx: Transaction, key: tuple[UUID, str]) -> Operation | None:
        """The operation that an offer is about, locked; None when nothing of the kind was offered."""
        record_id, receiver_kind = key
        found = tx.one(select(offer.c.operation_id).where(offer.c.record_id == record_id, offer.c.receiver_kind == receiver_kind))
        return None if found is None else self.get(tx, found.operation_id, lock=True)

    def page(self, tx: Transaction, unit: str, after: UUID | None, limit: int) -> list[Operation]:
        """A page of a unit's operations, oldest first, without visits and participations."""
        statement = select(operation).where(operation.c.unit == unit).order_by(operation.c.id).limit(limit)
        if after is not None:
            statement = statement.where(operation.c.id > after)
        return [_operation_of(row, _plan_of(self._vault.open_key(row.id, row.data_key), row.plan)) for row in tx.read(statement)]

    def add(self, tx: Transaction, drafted: Operation, now: datetime, person: str | None) -> None:
        """A new operation."""
        key = self._vault.new_key(drafted.id)
        tx.insert(
            operation,
            id=drafted.id,
            unit=drafted.unit,
            label=drafted.label,
            own_control_ground_id=drafted.own_control_ground_id,
            state=drafted.state,
            revision=drafted.revision,
            data_key=key.wrapped,
            plan=key.seal("operation", "plan", _plan_text(drafted.plan)),
        )
        record_step(tx, history, RECORD_KIND, drafted.id, drafted.revision, (None, drafted.state), now, person)

    def save(self, tx: Transaction, before: Operation, after: Operation, now: datetime, person: str | None) -> None:
        """Write what has changed. Visits are only added; offers and participations are added or changed."""
        if after.revision != before.revision:
            tx.write(operation.update().where(operation.c.id == after.id).values(state=after.state, revision=after.revision))
            record_step(tx, history, RECORD_KIND, after.id, after.revision, (before.state, after.state), now, person)
        key = self._key_of(tx, after.id)
        if after.plan != before.plan:
            sealed_plan = key.seal("operation", "plan", _plan_text(after.plan))
            tx.write(operation.update().where(operation.c.id == after.id).values(plan=sealed_plan))
        for added in after.visits[len(before.visits) :]:
            sealed_id = key.seal("visit", "object_id", added.object.id.bytes)
            tx.insert(visit, id=added.id, operation_id=after.id, position=added.position, object_id=sealed_id)
        for position, invited in _changed(before.participations, after.participations):
            tx.write(_put(participation, _participation_row(after.id, position, invited)))
        for _, changed in _changed(before.offers, after.offers):
            tx.write(_put(offer, asdict(changed) | {"operation_id": after.id}))

    def promise_offer(
        self, tx: Transaction, promised: Offer, operation_id: UUID, event_id: UUID, now: datetime, person: str | None
    ) -> None:
        """An outbox row to sharing: ids only. The person is the one whose act called for it."""
        ids = {"operation_id": operation_id, "receiver_kind": promised.receiver_kind, "revision": promised.revision, "person": person or ""}
        enqueue(tx, outbox, event_id, promised.record_id, "offer", now, **ids)

    def _key_of(self, tx: Transaction, operation_id: UUID) -> RecordKey:
        row = tx.one(select(operation.c.data_key).where(operation.c.id == operation_id))
        assert row is not None  # noqa: S101  # it was read in this transaction
        return self._vault.open_key(operation_id, row.data_key)

    def _whole(self, tx: Transaction, row: Row) -> Operation:
        key = self._vault.open_key(row.id, row.data_key)
        of = {table: table.c.operation_id == row.id for table in (visit, participation, offer)}
        visits = tx.read(select(visit).where(of[visit]).order_by(visit.c.position))
        visited = {item.id: UUID(bytes=key.open("visit", "object_id", item.object_id)) for item in visits}
        places = self._objects.named(tx, visited.values())
        return _operation_of(
            row,
            _plan_of(key, row.plan),
            visits=tuple(Visit(item.id, item.position, places[visited[item.id]]) for item in visits),
            participations=tuple(
                _participation_of(item)
                for item in tx.read(select(participation).where(of[participation]).order_by(participation.c.position))
            ),
            offers=tuple(
                Offer(Step(item.step), item.record_id, item.receiver_kind, item.revision, item.withdrawn, Outcome(item.outcome))
                for item in tx.read(select(offer).where(of[offer]).order_by(offer.c.record_id, offer.c.receiver_kind))
            ),
        )


def _operation_of(row: Row, plan: Plan, **parts: Any) -> Operation:  # noqa: ANN401  # the tuples of an operation
    return Operation(row.id, row.unit, row.label, plan, row.own_control_ground_id, State(row.state), row.revision, **parts)


def _plan_text(plan: Plan) -> bytes:
    return json.dumps(asdict(plan) | {"start": plan.start.isoformat(), "end": plan.end.isoformat()}).encode()


def _plan_of(key: RecordKey, sealed: bytes) -> Plan:
    values = json.loads(key.open("operation", "plan", sealed))
    return Plan(**values | {name: datetime.fromisoformat(values[name]) for name in ("start", "end")})


def _participation_row(operation_id: UUID, position: int, item: Participation) -> dict[str, object]:
    reply = item.reply
    return {
        "operation_id": operation_id,
        "receiver_kind": item.receiver_kind,
        "position": position,
        "answer": None if reply is None else reply.answer,
        "part": None if reply is None else reply.part,
        "control_ground_id": "" if reply is None else reply.control_ground_id,
        "function_mailbox": "" if reply is None else reply.function_mailbox,
        "remark": item.remark,
        "said_time": item.said_time,
    }


def _participation_of(row: Row) -> Participation:
    reply = None
    if row.answer is not None:
        reply = Reply(Answer(row.answer), None if row.part is None else Part(row.part), row.control_ground_id, row.function_mailbox)
    return Participation(row.receiver_kind, reply, row.remark, row.said_time)


T = TypeVar("T")


def _changed(before: Sequence[T], after: Sequence[T]) -> Iterator[tuple[int, T]]:
    """The items that are new or different, each with its place."""
    return ((place, item) for place, item in enumerate(after) if item not in before)


def _put(table: Table, row: dict[str, Any]) -> Any:  # noqa: ANN401  # a statement
    """Insert the row, or change the one with its primary key."""
    key = [column.name for column in table.primary_key]
    return insert(table).values(**row).on_conflict_do_update(index_elements=key, set_={name: row[name] for name in row if name not in key})
