"""Acts on the roles of people: whether they still hold."""

from datetime import datetime

from sqlalchemy import desc, select

from services.kernel.db import Transaction
from services.kernel.ids import new_id
from services.sharing.store.base import Base
from services.sharing.store.tables import role_change


class Roles(Base):
    """Appended, never edited; a role about which nothing was said holds."""

    def add_role_change(  # what was said, when, by whom
        self, tx: Transaction, seat: tuple[str, str, str], changed_by: str, now: datetime, decision_reference: str, *, holds: bool
    ) -> None:
        """The word of the security officer on a person's role at a unit (`seat`)."""
        person, role, unit = seat
        tx.insert(
            role_change,
            id=new_id(),
            person=person,
            role=role,
            unit=unit,
            holds=holds,
            changed_time=now,
            changed_by=changed_by,
            decision_reference=decision_reference,
        )

    def has_ended(self, tx: Transaction, person: str, role: str, unit: str) -> bool:
        """Whether the person's role at the unit has ended."""
        c = role_change.c
        same = (c.person == person, c.role == role, c.unit == unit)
        latest = tx.one(select(c.holds).where(*same).order_by(desc(c.id)).limit(1))
        return latest is not None and not latest.holds
