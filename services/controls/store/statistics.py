"""What happened at controls from one instant to another, for the statistics: every unit's, opened and counted in one go."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from sqlalchemy import exists, func, select

from services.controls.domain import checklists, measures, objects, visits
from services.controls.domain.operations import Answer, Operation, State
from services.controls.domain.parties import RECORD_KIND
from services.controls.domain.visits import VisitState
from services.controls.store.findings import measure, observation
from services.controls.store.operations import Operations
from services.controls.store.tables import history, visit
from services.kernel.db import Transaction
from services.kernel.reference import Word, plain, reference
from services.kernel.releases import Counting, in_pages
from services.kernel.statistics import Happened, Plan


def counting(operations: Operations) -> Counting:
    """How controls counts."""

    def happened(tx: Transaction, start: datetime, end: datetime) -> Iterator[Happened]:
        for operation_ids in _became(tx, RECORD_KIND, State.COMPLETED, start, end):
            for operation_id in operation_ids:
                operation = operations.get(tx, operation_id)
                yield from _of_operation(operation) if operation else ()
        for visit_ids in _became(tx, visits.RECORD_KIND, VisitState.DONE, start, end):
            theirs = select(visit.c.operation_id).where(visit.c.id.in_(visit_ids)).distinct()
            for row in tx.read(theirs):
                operation = operations.get(tx, row.operation_id)
                yield from _of_visits(operation, frozenset(visit_ids)) if operation else ()
        first = func.min(observation.c.recorded_time)
        deficient = select(observation.c.visit_id).where(observation.c.is_deficiency).group_by(observation.c.visit_id)
        for _ in tx.read(deficient.having(first >= start, first < end)):
            yield Happened("visits_with_deficiency")
        for measure_ids in _became(tx, measures.RECORD_KIND, measures.State.DECIDED, start, end):
            for decided in tx.read(select(measure.c.measure_type, measure.c.amount_sek).where(measure.c.id.in_(measure_ids))):
                yield Happened("measures", {"measure_type": decided.measure_type}, decided.amount_sek)

    return Counting(plan(), happened, _first_time)


def _of_operation(operation: Operation) -> Iterator[Happened]:
    said_yes = sum(one.reply is not None and one.reply.answer is Answer.ACCEPTED for one in operation.participations)
    yield Happened("operations", amount=Decimal(said_yes))


def _of_visits(operation: Operation, visit_ids: frozenset[UUID]) -> Iterator[Happened]:
    for one in operation.visits:
        if one.id in visit_ids:
            place = one.object.object
            count = None if one.persons_checked_count is None else Decimal(one.persons_checked_count)
            yield Happened("visits", {"district": plain(place.district), "object_type": place.object_type}, count)
            if one.again:
                yield Happened("revisits")


def plan() -> Plan:
    """Controls' indicators."""
    path = Path(objects.__file__).with_name("statistics.toml")
    lists: dict[str, list[Word]] = {
        "object_types": [Word(code=row.code, word=row.word) for row in reference().object_types],
        "measure_types": [Word(code=row.code, word=row.word) for row in checklists.measures().types],
    }
    return Plan.read(path, lists)


def _became(tx: Transaction, record_kind: str, state: str, start: datetime, end: datetime) -> Iterator[list[UUID]]:
    """The records that came to a state for the first time in the time."""
    columns, earlier = history.c, history.alias().c
    before = exists().where(earlier.record_id == columns.record_id, earlier.to_state == state, earlier.occurred_time < start)
    became = select(columns.record_id).where(
        columns.record_kind == record_kind, columns.to_state == state, columns.occurred_time >= start, columns.occurred_time < end, ~before
    )
    return in_pages(tx, became, columns.record_id)


def _first_time(tx: Transaction) -> datetime | None:
    first = tx.one(select(func.min(history.c.occurred_time).label("first_time")))
    return first.first_time if first else None
