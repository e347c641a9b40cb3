"""Candidates: points are counted by the database, over the objects that the filter leaves and no others."""

from datetime import date
from functools import reduce
from operator import add

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, true

from services.controls.domain.candidates import Candidate, Filter, Place, Weight, weights
from services.controls.domain.tips import COUNTED
from services.controls.store.objects import IN_USE, Objects
from services.controls.store.tables import control_object, tip
from services.controls.store.tips import Tips
from services.kernel.db import Transaction
from services.kernel.life import months_after


class Candidates:
    """Reads over objects and a unit's tips."""

    def __init__(self, objects: Objects, tips: Tips) -> None:
        """What the rows are made of."""
        self._objects = objects
        self._tips = tips

    def page(self, tx: Transaction, unit: str, asked: Filter, after: Place, limit: int) -> list[Candidate]:
        """Objects with the most points first, then the oldest."""
        rows = weights()
        columns = control_object.c
        applies = [_condition(weight, unit, after.day).label(f"w{place}") for place, weight in enumerate(rows)]
        tipped = columns.id.in_(select(tip.c.object_id).where(*_counted(unit)))
        inner = select(columns.id, *applies).where(or_(IN_USE, tipped))
        for column, value in (
            (columns.district, asked.district),
            (columns.object_type, asked.object_type),
            (columns.sni_code, asked.sni_code),
        ):
            if value:
                inner = inner.where(column == value)
        if asked.only_with_tips:
            inner = inner.where(tipped)
        flags = inner.subquery()
        points = reduce(add, (case((flags.c[f"w{place}"], weight.points), else_=0) for place, weight in enumerate(rows)))
        ranked = select(flags, points.label("points")).subquery()
        listed = select(ranked).order_by(ranked.c.points.desc(), ranked.c.id).limit(limit)
        if after.points is not None:
            same = and_(ranked.c.points == after.points, ranked.c.id > after.id)
            listed = listed.where((ranked.c.points < after.points) | same)
        found = tx.read(listed)
        ids = [row.id for row in found]
        places = self._objects.named(tx, ids)
        tips = self._tips.of_objects(tx, unit, ids, COUNTED)
        return [
            Candidate(
                places[row.id],
                tuple(weight for place, weight in enumerate(rows) if getattr(row, f"w{place}")),
                tuple(one for one in tips if one.object_id == row.id),
            )
            for row in found
        ]


def _counted(unit: str) -> tuple[ColumnElement[bool], ...]:
    return (tip.c.unit == unit, tip.c.state.in_(COUNTED))


def _condition(weight: Weight, unit: str, today: date) -> ColumnElement[bool]:
    """Whether a weight applies to an object."""
    columns, about = control_object.c, select(tip.c.object_id).where(*_counted(unit))
    last = func.coalesce(columns.last_control_date, date.max)
    long_ago = last <= months_after(today, -weight.from_months)
    recent = true() if weight.to_months is None else last > months_after(today, -weight.to_months)
    conditions: dict[str, ColumnElement[bool]] = {
        "never_controlled": columns.last_control_date.is_(None),
        "months_since_control": and_(long_ago, recent),
        "object_type": columns.object_type.in_(weight.object_types),
        "serving_permit": and_(columns.serving_permit, columns.owner.is_(None)),
        "permit_ended": func.coalesce(columns.permit_end_date < today, false()),
        "tips": columns.id.in_(about.where(tip.c.source_type.in_(weight.source_types))),
        "several_tips": columns.id.in_(about.group_by(tip.c.object_id).having(func.count() > 1)),
    }
    return conditions[weight.kind]
