"""Control objects: how each becomes a row and comes back."""

import json
from collections.abc import Collection
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.controls.domain.objects import ControlObject, StoredObject
from services.controls.store.tables import control_object
from services.kernel.db import Row, Transaction
from services.kernel.identity import OrgNumber
from services.kernel.vault import Vault

OWNED = ("org_number", "company_name", "trading_name")
"""What of an enskild firma is its owner's."""


class Objects:
    """Controls' acts on its objects."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals what is an owner's before it is stored."""
        self._vault = vault

    def add(self, tx: Transaction, stored: StoredObject, now: datetime) -> bool:
        """A new object; False, and nothing done, when the same one is there already."""
        place = stored.object
        row: dict[str, Any] = {field.name: getattr(place, field.name) for field in fields(place)}
        row["org_number"] = None if place.org_number is None else str(place.org_number)
        row |= {"id": stored.id, "same_as": self._vault.index("control_object", place.same_as), "registered_time": now}
        if place.is_sole_trader:
            key = self._vault.new_key(stored.id)
            owned = {name: row.pop(name) for name in OWNED}
            row |= {"data_key": key.wrapped, "owner": key.seal("control_object", "owner", json.dumps(owned).encode())}
        return tx.execute(insert(control_object).values(**row).on_conflict_do_nothing(index_elements=["same_as"])) == 1

    def get(self, tx: Transaction, object_id: UUID) -> StoredObject | None:
        """An object, or None."""
        row = tx.one(select(control_object).where(control_object.c.id == object_id))
        return None if row is None else self._object_of(row)

    def page(self, tx: Transaction, after: UUID | None, limit: int) -> list[StoredObject]:
        """A page of all objects, oldest first."""
        statement = select(control_object).order_by(control_object.c.id).limit(limit)
        if after is not None:
            statement = statement.where(control_object.c.id > after)
        return [self._object_of(row) for row in tx.read(statement)]

    def named(self, tx: Transaction, ids: Collection[UUID]) -> dict[UUID, StoredObject]:
        """These objects, by id."""
        return {row.id: self._object_of(row) for row in tx.read(select(control_object).where(control_object.c.id.in_(ids)))}

    def _object_of(self, row: Row) -> StoredObject:
        values = {field.name: getattr(row, field.name) for field in fields(ControlObject)}
        if row.owner is not None:
            values |= json.loads(self._vault.open_key(row.id, row.data_key).open("control_object", "owner", row.owner))
        number = values["org_number"]
        values["org_number"] = None if number is None else OrgNumber.parse(number)
        return StoredObject(row.id, ControlObject(**values))
