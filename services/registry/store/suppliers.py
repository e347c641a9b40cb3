"""Checks of suppliers, sealed; the own unit's."""

from datetime import date
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select

from services.kernel.callers import Caller
from services.kernel.db import Row, Transaction
from services.kernel.errors import NotFound
from services.kernel.identity import OrgNumber
from services.kernel.pages import oldest_first
from services.kernel.protection import Protection
from services.kernel.vault import Vault
from services.registry.domain.linking import SubjectKind, keys
from services.registry.domain.supplier import RECORD_KIND, Findings, SupplierCheck
from services.registry.store.links import Mentions
from services.registry.store.tables import supplier_check

FINDINGS = TypeAdapter(Findings)


class Suppliers:
    """Appended, never changed."""

    def __init__(self, vault: Vault) -> None:
        """The vault seals what was found."""
        self._vault = vault
        self._mentions = Mentions(vault)

    def add(self, tx: Transaction, check: SupplierCheck) -> None:
        """A new check."""
        key = self._vault.new_key(check.id)
        tx.insert(
            supplier_check,
            id=check.id,
            unit=check.unit,
            supplier=self._index(check.findings.org_number),
            result=check.findings.result,
            next_check_date=check.findings.next_check_date,
            registered_time=check.registered_time,
            registered_by=check.registered_by,
            data_key=key.wrapped,
            content=key.seal(supplier_check.name, "content", FINDINGS.dump_json(check.findings)),
        )
        number = OrgNumber.parse(check.findings.org_number)
        kind = SubjectKind.PERSON if number.is_personal else SubjectKind.COMPANY
        self._mentions.add_subject(tx, check.unit, kind, number.digits, Protection.UNKNOWN, check.registered_time)
        self._mentions.add(tx, RECORD_KIND, check.id, check.unit, keys(number.digits))

    def seen(self, tx: Transaction, check_id: UUID, caller: Caller) -> SupplierCheck:
        """A check that the caller may see. Raises NotFound."""
        row = tx.one(select(supplier_check).where(supplier_check.c.id == check_id, supplier_check.c.unit == caller.unit))
        if row is None:
            raise NotFound
        sealed = self._vault.open_key(row.id, row.data_key).open(supplier_check.name, "content", row.content)
        return SupplierCheck(row.id, row.unit, row.registered_time, row.registered_by, FINDINGS.validate_json(sealed))

    def page(self, tx: Transaction, caller: Caller, org_number: str, due_date: date | None, after: UUID | None, limit: int) -> list[Row]:
        """Rows of a list, oldest first: of one supplier (digits) or all, due by a day or all."""
        columns = supplier_check.c
        listed = select(columns.id, columns.result, columns.next_check_date, columns.registered_time).where(columns.unit == caller.unit)
        if org_number:
            listed = listed.where(columns.supplier == self._index(org_number))
        if due_date is not None:
            listed = listed.where(columns.next_check_date <= due_date)
        return tx.read(oldest_first(listed, columns.id, after, limit))

    def _index(self, org_number: str) -> bytes:
        return self._vault.index(RECORD_KIND, org_number)
