"""Operations with their visits, participations and offers: how each becomes rows and comes back."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Table, and_, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.controls.domain import visits as visit_domain
from services.controls.domain.listing import Listing
from services.controls.domain.objects import StoredObject
from services.controls.domain.operation_life import missing
from services.controls.domain.operations import OVER, Answer, Offer, Operation, Outcome, Part, Participation, Reply, State, Step, Summary
from services.controls.domain.parties import RECORD_KIND
from services.controls.domain.plan import Plan
from services.controls.domain.visits import Visit, VisitState
from services.controls.store.objects import Objects
from services.controls.store.tables import history, offer, operation, outbox, participation, summary, visit
from services.kernel.db import Row, Transaction
from services.kernel.errors import Invalid
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

    def listed(self, tx: Transaction, unit: str, asked: Listing, after: UUID | None, limit: int) -> list[Operation]:
        """A page of what a unit plans, or is invited to, newest day first, without visits; those that are not over come first.

        What is not over has its day sealed, so it is put in order here: it is never much.
        """
        invited = select(participation.c.operation_id).where(participation.c.receiver_kind == unit)
        mine = operation.c.id.in_(invited) if asked.invited else operation.c.unit == unit
        if asked.inspected:
            mine = or_(mine, and_(operation.c.unit == unit, operation.c.own_control_ground_id != ""))
        open_ones = self._listed(tx, tx.read(select(operation).where(mine, operation.c.day.is_(None))), asked)
        ordered = sorted((one for one in open_ones if asked.takes(one)), key=_newest_first)
        found: list[Operation] = ordered
        statement = select(operation).where(mine, operation.c.day.is_not(None)).order_by(operation.c.day.desc(), operation.c.id.desc())
        if after is not None:
            last = tx.one(select(operation).where(operation.c.id == after, mine))
            if last is None:
                raise Invalid("page.page_token: ange det värde som den förra sidan gav.")
            if last.day is None:
                (place,) = self._listed(tx, [last], asked)
                found = [one for one in ordered if _newest_first(one) > _newest_first(place)]
            else:
                found = []
                statement = statement.where(tuple_(operation.c.day, operation.c.id) < tuple_(last.day, last.id))
        if asked.states:
            statement = statement.where(operation.c.state.in_(asked.states))
        if asked.from_date is not None:
            statement = statement.where(operation.c.day >= asked.from_date)
        if asked.to_date is not None:
            statement = statement.where(operation.c.day <= asked.to_date)
        if asked.reminded_before is not None:
            is_due = operation.c.completed_time <= asked.reminded_before
            statement = statement.where(operation.c.state == State.COMPLETED, operation.c.untold > 0, is_due)
        if len(found) < limit:
            found += self._listed(tx, tx.read(statement.limit(limit - len(found))), asked)
        return found[:limit]

    def _listed(self, tx: Transaction, rows: Sequence[Row], asked: Listing) -> list[Operation]:
        parts: dict[UUID, list[Participation]] = {}
        if asked.invited and rows:  # what the unit may know of one follows from its answer
            of_these = participation.c.operation_id.in_([row.id for row in rows])
            for item in tx.read(select(participation).where(of_these).order_by(participation.c.position)):
                parts.setdefault(item.operation_id, []).append(_participation_of(item))
        return [
            _operation_of(row, _plan_of(self._vault.open_key(row.id, row.data_key), row.plan), participations=tuple(parts.get(row.id, ())))
            for row in rows
        ]

    def of_visit(self, tx: Transaction, visit_id: UUID, *, lock: bool = False) -> Operation | None:
        """The operation that a visit is of, or None."""
        found = tx.one(select(visit.c.operation_id).where(visit.c.id == visit_id))
        return None if found is None else self.get(tx, found.operation_id, lock=lock)

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
            plan=key.seal("operation", "plan", _PLAN.dump_json(drafted.plan)),
            untold=0,
        )
        record_step(tx, history, RECORD_KIND, drafted.id, drafted.revision, (None, drafted.state), now, person)

    def save(self, tx: Transaction, before: Operation, after: Operation, now: datetime, person: str | None) -> None:
        """Write what has changed, and the history of what has moved."""
        if after.revision != before.revision:
            row = {
                "state": after.state,
                "revision": after.revision,
                "completed_time": after.completed_time,
                "untold": len(missing(after)) if after.state in OVER else 0,
                "day": after.plan.days[0] if after.state in OVER else None,
            }
            tx.write(operation.update().where(operation.c.id == after.id).values(**row))
        if after.state is not before.state:
            record_step(tx, history, RECORD_KIND, after.id, after.revision, (before.state, after.state), now, person)
        key = self._key_of(tx, after.id)
        if after.plan != before.plan:
            sealed_plan = key.seal("operation", "plan", _PLAN.dump_json(after.plan))
            tx.write(operation.update().where(operation.c.id == after.id).values(plan=sealed_plan))
        self._save_visits(tx, key, before, after, now, person)
        for position, invited in _changed(before.participations, after.participations):
            tx.write(_put(participation, _participation_row(after.id, position, invited)))
        for _, changed in _changed(before.offers, after.offers):
            tx.write(_put(offer, asdict(changed) | {"operation_id": after.id}))
        for _, told in _changed(before.summaries, after.summaries):
            tx.write(_put(summary, asdict(told) | {"operation_id": after.id, "areas": list(told.areas)}))

    def _save_visits(self, tx: Transaction, key: RecordKey, before: Operation, after: Operation, now: datetime, person: str | None) -> None:
        earlier = {one.id: one for one in before.visits}
        for _, changed in _changed(before.visits, after.visits):
            was = earlier.get(changed.id)
            row = {
                name: getattr(changed, name)
                for name in ("position", "state", "revision", "again", "arrived_time", "left_time", "persons_checked_count", "reason_code")
            }
            if was is None:
                sealed_id = key.seal("visit", "object_id", changed.object.id.bytes)
                tx.insert(visit, id=changed.id, operation_id=after.id, object_id=sealed_id, **row)
            else:
                tx.write(visit.update().where(visit.c.id == changed.id).values(**row))
            if was is None or was.state is not changed.state:
                states = (None if was is None else was.state, changed.state)
                record_step(tx, history, visit_domain.RECORD_KIND, changed.id, changed.revision, states, now, person)
        kept = {one.id for one in after.visits}
        for removed in earlier.keys() - kept:
            tx.write(visit.delete().where(visit.c.id == removed))

    def history_of(self, tx: Transaction, record_id: UUID) -> list[Row]:
        """The steps of an operation or a visit, the first one first."""
        columns = history.c
        steps = select(history).where(columns.record_id == record_id).order_by(columns.revision, columns.occurred_time, columns.id)
        return list(tx.read(steps))

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
        of = {table: table.c.operation_id == row.id for table in (visit, participation, offer, summary)}
        visits = tx.read(select(visit).where(of[visit]).order_by(visit.c.position))
        visited = {item.id: UUID(bytes=key.open("visit", "object_id", item.object_id)) for item in visits}
        places = self._objects.named(tx, visited.values())
        return _operation_of(
            row,
            _plan_of(key, row.plan),
            visits=tuple(_visit_of(item, places[visited[item.id]]) for item in visits),
            participations=tuple(
                _participation_of(item)
                for item in tx.read(select(participation).where(of[participation]).order_by(participation.c.position))
            ),
            offers=tuple(
                Offer(Step(item.step), item.record_id, item.receiver_kind, item.revision, item.withdrawn, Outcome(item.outcome))
                for item in tx.read(select(offer).where(of[offer]).order_by(offer.c.record_id, offer.c.receiver_kind))
            ),
            summaries=tuple(
                Summary(item.party, tuple(item.areas), item.delivered_by, item.delivered_time, item.told_by, item.told_date)
                for item in tx.read(select(summary).where(of[summary]).order_by(summary.c.delivered_time, summary.c.party))
            ),
        )


def _operation_of(row: Row, plan: Plan, **parts: Any) -> Operation:  # noqa: ANN401  # the tuples of an operation
    known = (row.id, row.unit, row.label, plan, row.own_control_ground_id, State(row.state), row.revision)
    return Operation(*known, **parts, completed_time=row.completed_time)


def _newest_first(one: Operation) -> tuple[float, int]:
    return -one.plan.start.timestamp(), -one.id.int


def _visit_of(row: Row, place: StoredObject) -> Visit:
    state, count = VisitState(row.state), row.persons_checked_count
    return Visit(row.id, row.position, place, state, row.revision, row.again, row.arrived_time, row.left_time, count, row.reason_code)


_PLAN = TypeAdapter(Plan)


def _plan_of(key: RecordKey, sealed: bytes) -> Plan:
    return _PLAN.validate_json(key.open("operation", "plan", sealed))


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
