"""Files that were read in: who did it, and whether it was taken back. The file's name is not kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from los.common.v1 import common_pb2
from sqlalchemy import Column, ColumnElement, Index, MetaData, Select, Table, Text, Uuid, func, select

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, NotFound
from services.kernel.pages import oldest_first
from services.kernel.records import INSTANT


def imported_table(metadata: MetaData, *more: Column[Any] | Index) -> Table:
    """The files that a service has read in, with the service's own columns."""
    return Table(
        "imported",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("unit", Text, nullable=False),
        Column("record_kind", Text, nullable=False),
        Column("imported_by", Text, nullable=False),
        Column("imported_time", INSTANT, nullable=False),
        Column("undone_time", INSTANT),
        Index("imported_unit", "unit", "id"),
        *more,
    )


class ImportedFiles:
    """The files of a service. A unit sees its own."""

    def __init__(self, table: Table) -> None:
        """Where they are kept."""
        self._table = table

    def add(self, tx: Transaction, import_id: UUID, record_kind: str, unit: str, asking: Caller, now: datetime, **more: object) -> None:
        """A file is being read in."""
        row = {"id": import_id, "unit": unit, "record_kind": record_kind, **more}
        tx.insert(self._table, **row, imported_by=asking.principal, imported_time=now)

    def require_open(self, tx: Transaction, import_id: UUID | None) -> None:
        """Holds an undo back while rows are registered. Raises Conflict when the file has been taken back already; a dry run has none."""
        if import_id is None:
            return
        row = tx.one(select(self._table.c.undone_time).where(self._table.c.id == import_id).with_for_update(read=True))
        if row is None or row.undone_time is not None:
            raise Conflict("import_id: inläsningen har ångrats. Resten av filen registreras inte.")

    def require_not_undone(self, tx: Transaction, import_id: UUID, asking: Caller) -> None:
        """A file that the caller may see, locked. Raises NotFound, and Conflict when it has been taken back already."""
        row = tx.one(select(self._table).where(self._table.c.id == import_id, self._visible(asking)).with_for_update())
        if row is None:
            raise NotFound
        if row.undone_time is not None:
            raise Conflict("import_id: inläsningen är redan ångrad.")

    def page(self, tx: Transaction, asking: Caller, after: UUID | None, limit: int) -> list[Row]:
        """Files with how many records came of each, oldest first: those that the caller may see, so that no difference tells of others."""
        statement = select(self._table, self._count(asking).label("count")).where(self._visible(asking))
        return tx.read(oldest_first(statement, self._table.c.id, after, limit))

    def undone(self, tx: Transaction, import_id: UUID, now: datetime) -> None:
        """A file was taken back."""
        tx.write(self._table.update().where(self._table.c.id == import_id).values(undone_time=now))

    def _visible(self, asking: Caller) -> ColumnElement[bool]:
        return self._table.c.unit == asking.unit

    def _count(self, asking: Caller) -> ColumnElement[int]:
        """How many records came of a file, as the caller sees it."""
        raise NotImplementedError

    def _of(self, records: Table) -> Select[int]:
        return select(func.count()).where(records.c.import_id == self._table.c.id)


def listed(row: Row) -> common_pb2.ImportRow:
    """A file as the contract tells of it."""
    return common_pb2.ImportRow(
        import_id=str(row.id),
        record_kind=row.record_kind,
        imported_by=row.imported_by,
        imported_time=timestamp(row.imported_time),
        count=row.count,
        undone=row.undone_time is not None,
    )
