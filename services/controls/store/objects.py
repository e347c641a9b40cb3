"""Control objects: how each becomes a row and comes back."""

import json
from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import false, func, select
from sqlalchemy.dialects.postgresql import insert

from services.controls.domain.objects import ControlObject, Permit, Sought, StoredObject, meant
from services.controls.domain.visits import PreviousVisit, Visit
from services.controls.store.tables import control_object, history, object_visit, operation, visit
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, ConflictReason, NotFound
from services.kernel.identity import OrgNumber
from services.kernel.pages import oldest_first
from services.kernel.records import record_step
from services.kernel.vault import Vault

RECORD_KIND = "control_object"
REGISTERED = "registered"
TAKEN_BACK = "taken_back"
OWNED = ("org_number", "company_name", "trading_name", "permits")
"""What of an enskild firma is its owner's."""
NUMBERS = ("org_number", "property_owner_org")
TOGETHER = 500
"""How many objects of a file are taken back at once."""
PREVIOUS_MAX = 100
"""How many earlier visits of an object are told."""


IN_USE = control_object.c.taken_back_time.is_(None)


class Objects:
    """Controls' acts on its objects."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals what is an owner's before it is stored."""
        self._vault = vault

    def add(
        self, tx: Transaction, stored: StoredObject, now: datetime, person: str | None, import_id: UUID | None = None
    ) -> StoredObject | None:
        """A new object, perhaps of a file, as it is kept; None, and nothing done, when the same one is there already.

        One that was taken back is there again, so that what was planned with it or tipped of it is about the same.
        """
        row = self._row_of(stored) | {"id": stored.id, "revision": stored.revision, "registered_time": now}
        row |= {"import_id": import_id, "import_revision": import_id and stored.revision}
        if tx.execute(insert(control_object).values(**row).on_conflict_do_nothing(index_elements=["same_as"])) == 1:
            record_step(tx, history, RECORD_KIND, stored.id, stored.revision, (None, REGISTERED), now, person)
            return stored
        return self._bring_back(tx, stored.object, now, person, import_id)

    def _bring_back(
        self, tx: Transaction, place: ControlObject, now: datetime, person: str | None, import_id: UUID | None = None
    ) -> StoredObject | None:
        """The same object, there again, if it was taken back."""
        same = control_object.c.same_as == self._same_as(place), ~IN_USE
        known = tx.one(select(control_object).where(*same).with_for_update())
        if known is None:
            return None
        before = self.object_of(known)
        back = {"taken_back_time": None, "import_id": import_id, "import_revision": import_id and before.revision + 1}
        return self._change(tx, before, place, now, person, (TAKEN_BACK, REGISTERED), **back)

    def register(self, tx: Transaction, stored: StoredObject, now: datetime, person: str | None) -> StoredObject | None:
        """The object as it is kept; None when the same one is there already.

        Premises that were known by their address alone get the number of the only business that is ever named there: they are the same.
        """
        place = stored.object
        known = self.find(tx, Sought(place.org_number, place.address_key)) if place.org_number is not None else None
        if known is None:
            return self.add(tx, stored, now, person)
        if known.object.org_number is not None:
            return None
        return self._bring_back(tx, place, now, person) or self.update(tx, known, place, now, person)

    def find(self, tx: Transaction, looked_for: Sought) -> StoredObject | None:
        """The object that is meant, or None when it is not known. Nobody else finds or adds one at that address meanwhile.

        Raises Invalid when a number alone does not say where.
        """
        index = None if looked_for.number is None else self._number_index(looked_for.number)
        columns = control_object.c
        has_number = func.coalesce(columns.number_index == index, false())
        is_unnamed = columns.org_number.is_(None) & columns.owner.is_(None)
        # Two rows are enough: the best one, and whether it is alone.
        statement = select(control_object).where(IN_USE).order_by(has_number.desc(), is_unnamed.desc(), columns.id).limit(2)
        if looked_for.address_key:
            tx.read(select(func.pg_advisory_xact_lock(func.hashtext("control_object"), func.hashtext(looked_for.address_key))))
            statement = statement.where(columns.address_key == looked_for.address_key)
        else:
            statement = statement.where(columns.number_index == index)
        rows = tx.read(statement)
        return meant(looked_for, [(self.object_of(row), index is not None and row.number_index == index) for row in rows])

    def update(self, tx: Transaction, before: StoredObject, place: ControlObject, now: datetime, person: str | None) -> StoredObject:
        """The object with other facts. A control of our own stays known.

        Raises Conflict when somebody else was first, or another object is the same one.
        """
        state = TAKEN_BACK if before.taken_back else REGISTERED
        return self._change(tx, before, place, now, person, (state, state))

    def _change(
        self,
        tx: Transaction,
        before: StoredObject,
        place: ControlObject,
        now: datetime,
        person: str | None,
        step: tuple[str, str],
        **more: object,
    ) -> StoredObject:
        days_of = select(func.max(object_visit.c.day).label("day"))
        last = tx.one(days_of.where(object_visit.c.object_id == before.id))
        days = [day for day in (place.last_control_date, last.day if last else None) if day is not None]
        known = replace(place, last_control_date=max(days, default=None))
        after = StoredObject(before.id, known, before.revision + 1, step[-1] == TAKEN_BACK)
        of = (control_object.c.id == before.id, control_object.c.revision == before.revision)
        row = {"data_key": None, "owner": None, **dict.fromkeys(OWNED)} | self._row_of(after) | {"revision": after.revision} | more
        try:
            changed = tx.execute(control_object.update().where(*of).values(**row))
        except UniqueViolation:
            raise Conflict("object: objektet finns redan.", reason=ConflictReason.DUPLICATE) from None
        if changed != 1:
            before.require_etag("")
        record_step(tx, history, RECORD_KIND, after.id, after.revision, step, now, person)
        return after

    def take_back(self, tx: Transaction, import_id: UUID, now: datetime, person: str | None) -> list[UUID]:
        """Take back what came of a file; which objects. What was planned with one, or tipped of it, keeps it: nothing tells that.

        Raises Conflict when one has been changed or controlled since, which every coordinator sees.
        """
        columns, taken, changed = control_object.c, list[UUID](), 0
        mine = select(columns.id, columns.revision, columns.import_revision).where(columns.import_id == import_id, IN_USE)
        while rows := tx.read(oldest_first(mine, columns.id, taken[-1] if taken else None, TOGETHER).with_for_update()):
            ids = [row.id for row in rows]
            tx.execute(control_object.update().where(columns.id.in_(ids)).values(taken_back_time=now, revision=columns.revision + 1))
            for row in rows:
                record_step(tx, history, RECORD_KIND, row.id, row.revision + 1, (REGISTERED, TAKEN_BACK), now, person)
            taken += ids
            changed += sum(row.revision > row.import_revision for row in rows)
        if changed:
            raise Conflict(f"import_id: {changed} av objekten har ändrats eller kontrollerats sedan filen lästes in. Inget har ångrats.")
        return taken

    def controlled(self, tx: Transaction, visited: Iterable[Visit], now: datetime, person: str | None) -> list[UUID]:
        """An operation is over: each object that was controlled knows the visit, and when it last was. Which objects changed."""
        done = sorted((one.object.id, one.id, day) for one in visited if (day := one.done_date) is not None)
        for object_id, visit_id, day in done:
            tx.insert(object_visit, visit_id=visit_id, object_id=object_id, day=day)
            columns = control_object.c
            known = {"last_control_date": func.greatest(columns.last_control_date, day), "revision": columns.revision + 1}
            statement = (
                control_object.update().where(columns.id == object_id).values(**known).returning(columns.revision, columns.taken_back_time)
            )
            row = tx.one(statement)
            assert row is not None  # noqa: S101  # a foreign key
            state = REGISTERED if row.taken_back_time is None else TAKEN_BACK
            record_step(tx, history, RECORD_KIND, object_id, row.revision, (state, state), now, person)
        return [object_id for object_id, _, _ in done]

    def previous_visits(self, tx: Transaction, object_id: UUID, unit: str) -> list[PreviousVisit]:
        """The latest visits that operations of a unit have made to an object, the last one first."""
        joined = object_visit.join(visit, visit.c.id == object_visit.c.visit_id).join(operation, operation.c.id == visit.c.operation_id)
        columns = (object_visit.c.visit_id, operation.c.id, operation.c.label, object_visit.c.day)
        of = (object_visit.c.object_id == object_id, operation.c.unit == unit)
        newest = (object_visit.c.day.desc(), object_visit.c.visit_id.desc())
        rows = tx.read(select(*columns).select_from(joined).where(*of).order_by(*newest).limit(PREVIOUS_MAX))
        return [PreviousVisit(row.visit_id, row.id, row.label, row.day) for row in rows]

    def get(self, tx: Transaction, object_id: UUID) -> StoredObject:
        """An object, also one that has been taken back. Raises NotFound."""
        row = tx.one(select(control_object).where(control_object.c.id == object_id))
        if row is None:
            raise NotFound
        return self.object_of(row)

    def page(self, tx: Transaction, after: UUID | None, limit: int) -> list[StoredObject]:
        """A page of all objects, oldest first."""
        return [
            self.object_of(row) for row in tx.read(oldest_first(select(control_object).where(IN_USE), control_object.c.id, after, limit))
        ]

    def named(self, tx: Transaction, ids: Collection[UUID]) -> dict[UUID, StoredObject]:
        """These objects, by id."""
        return {row.id: self.object_of(row) for row in tx.read(select(control_object).where(control_object.c.id.in_(ids)))}

    def object_of(self, row: Row) -> StoredObject:
        """The object in a row of its table."""
        values = {field.name: getattr(row, field.name) for field in fields(ControlObject)}
        if row.owner is not None:
            values |= json.loads(self._vault.open_key(row.id, row.data_key).open("control_object", "owner", row.owner))
        for name in NUMBERS:
            values[name] = None if values[name] is None else OrgNumber.parse(values[name])
        values["permits"] = tuple(_permit_of(permit) for permit in values["permits"] or ())
        return StoredObject(row.id, ControlObject(**values), row.revision, row.taken_back_time is not None)

    def _row_of(self, stored: StoredObject) -> dict[str, Any]:
        place = stored.object
        row: dict[str, Any] = {field.name: getattr(place, field.name) for field in fields(place)}
        for name in NUMBERS:
            row[name] = None if row[name] is None else str(row[name])
        permits = [[permit.type, permit.number, permit.valid_to.isoformat() if permit.valid_to else ""] for permit in place.permits]
        row |= {
            "permits": permits,
            "permit_end_date": min((permit.valid_to for permit in place.permits if permit.valid_to), default=None),
            "same_as": self._same_as(place),
            "address_key": place.address_key,
            "number_index": None if place.org_number is None else self._number_index(place.org_number),
        }
        if place.is_sole_trader:
            key = self._vault.new_key(stored.id)
            owned = {name: row.pop(name) for name in OWNED}
            sealed = key.seal("control_object", "owner", json.dumps(owned).encode())
            return row | {"data_key": key.wrapped, "owner": sealed, "permit_end_date": None}
        return row | {"permits": Jsonb(permits)}

    def _same_as(self, place: ControlObject) -> bytes:
        return self._vault.index("control_object", place.same_as)

    def _number_index(self, number: OrgNumber) -> bytes:
        return self._vault.index("control_object_number", str(number))


def _permit_of(kept: list[str]) -> Permit:
    kind, number, valid_to = kept
    return Permit(kind, number, date.fromisoformat(valid_to) if valid_to else None)
