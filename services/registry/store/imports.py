"""Files of alerts and payments: who may see that they were read in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, true

from services.kernel.callers import Caller, Role
from services.kernel.db import Transaction
from services.kernel.files import ImportedFiles
from services.kernel.protection import Protection
from services.kernel.vault import Vault
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.store.tables import alert, imported, landlord_index, suspected_payment


class RegistryFiles(ImportedFiles):
    """A unit sees its own, a landlord's reporter the own organisation's; payments' only who handles payments."""

    def __init__(self, vault: Vault) -> None:
        """The vault blinds whose reporter it was."""
        super().__init__(imported)
        self._vault = vault

    def add(self, tx: Transaction, import_id: UUID, record_kind: str, unit: str, asking: Caller, now: datetime, **more: object) -> None:
        """The same, with whose reporter sent it."""
        landlord = landlord_index(self._vault, asking.organisation or "") if asking.role is Role.LANDLORD_REPORTER else None
        super().add(tx, import_id, record_kind, unit, asking, now, landlord=landlord, **more)

    def _count(self, asking: Caller) -> ColumnElement[int]:
        counts = [
            self._of(table).where(true() if asking.role is Role.LANDLORD_REPORTER else table.c.protection != Protection.PROTECTED)
            for table in (alert, suspected_payment)
        ]
        return counts[0].scalar_subquery() + counts[1].scalar_subquery()

    def _visible(self, asking: Caller) -> ColumnElement[bool]:
        if asking.role is Role.LANDLORD_REPORTER:
            return imported.c.landlord == landlord_index(self._vault, asking.organisation or "")
        kinds = [alerts.RECORD_KIND, *([payments.RECORD_KIND] if asking.role is Role.FUT_INVESTIGATOR else [])]
        return and_(super()._visible(asking), imported.c.record_kind.in_(kinds))
