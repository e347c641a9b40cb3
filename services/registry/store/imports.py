"""Files that were read in: who did it, and who may see that."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, true

from services.kernel.callers import Caller, Role
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, NotFound
from services.kernel.pages import oldest_first
from services.kernel.protection import Protection
from services.kernel.vault import Vault
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.store.tables import alert, imported, suspected_payment


class ImportedFiles:
    """A unit sees its own, a landlord's reporter the own organisation's; payments' only who handles payments."""

    def __init__(self, vault: Vault) -> None:
        """The vault blinds whose reporter it was."""
        self._vault = vault

    def add(self, tx: Transaction, import_id: UUID, record_kind: str, unit: str, asking: Caller, now: datetime) -> None:
        """A file is being read in."""
        landlord = self._landlord(asking) if asking.role is Role.LANDLORD_REPORTER else None
        row = {"id": import_id, "unit": unit, "record_kind": record_kind, "landlord": landlord}
        tx.insert(imported, **row, imported_by=asking.principal, imported_time=now)

    def require_open(self, tx: Transaction, import_id: UUID | None) -> None:
        """Holds an undo back while rows are registered. Raises Conflict when the file has been taken back already; a dry run has none."""
        if import_id is None:
            return
        row = tx.one(select(imported.c.undone_time).where(imported.c.id == import_id).with_for_update(read=True))
        if row is None or row.undone_time is not None:
            raise Conflict("import_id: inläsningen har ångrats. Resten av filen registreras inte.")

    def seen(self, tx: Transaction, import_id: UUID, asking: Caller) -> Row:
        """A file that the caller may see, locked. Raises NotFound."""
        row = tx.one(select(imported).where(imported.c.id == import_id, self._visible(asking)).with_for_update())
        if row is None:
            raise NotFound
        return row

    def page(self, tx: Transaction, asking: Caller, after: UUID | None, limit: int) -> list[Row]:
        """Files with how many records came of each, oldest first: those that the caller may see, so that no difference tells of others."""
        counts = [
            select(func.count())
            .where(table.c.import_id == imported.c.id)
            .where(true() if asking.role is Role.LANDLORD_REPORTER else table.c.protection != Protection.PROTECTED)
            .scalar_subquery()
            for table in (alert, suspected_payment)
        ]
        statement = select(imported, (counts[0] + counts[1]).label("count")).where(self._visible(asking))
        return tx.read(oldest_first(statement, imported.c.id, after, limit))

    def undone(self, tx: Transaction, import_id: UUID, now: datetime) -> None:
        """A file was taken back."""
        tx.write(imported.update().where(imported.c.id == import_id).values(undone_time=now))

    def _visible(self, asking: Caller) -> ColumnElement[bool]:
        if asking.role is Role.LANDLORD_REPORTER:
            return imported.c.landlord == self._landlord(asking)
        kinds = [alerts.RECORD_KIND, *([payments.RECORD_KIND] if asking.role is Role.FUT_INVESTIGATOR else [])]
        return and_(imported.c.unit == asking.unit, imported.c.record_kind.in_(kinds))

    def _landlord(self, asking: Caller) -> bytes:
        return self._vault.index("alert_landlord", (asking.organisation or "").replace("-", ""))
