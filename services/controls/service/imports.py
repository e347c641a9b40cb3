"""Files of control objects: each row is judged and registered on its own, so one bad row never stops the others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import StoredObject
from services.controls.store import Store
from services.controls.wire.rows import RowFault, Table, accepted, duplicate, rejected
from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database
from services.kernel.errors import Invalid, Unavailable
from services.kernel.ids import new_id
from services.kernel.records import Audit

IMPORTS_MAX = 2
ROWS_MAX = 100_000


class Imports:
    """At most two files at once."""

    def __init__(self, database: Database, store: Store, audit: Audit, clock: Clock) -> None:
        """The parts of the service."""
        self._database = database
        self._store = store
        self._audit = audit
        self._clock = clock
        self._places = BoundedSemaphore(IMPORTS_MAX)

    def run(self, requests: Iterable[pb.ImportObjectsRequest], caller: Caller) -> Iterator[pb.ImportObjectsResponse]:
        """One answer to each row, in the order of the rows. Raises Invalid when the file is not a list of objects."""
        with self._place():
            table: Table | None = None
            rows: dict[str, int] = {}
            for number, request in enumerate(requests):
                if number > ROWS_MAX:
                    raise Invalid(f"row: en fil har högst {ROWS_MAX} rader.")
                part = request.part.WhichOneof("part")
                if part == "header" and table is None:
                    table = Table.of(request.part.header)
                elif part == "row" and table is not None:
                    yield self._answer(table, request.part.row, rows, caller)
                else:
                    raise Invalid("part: skicka rubrikraden först, en gång, och sedan raderna.")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Två filer läses redan in. Försök igen om en stund.")
        try:
            yield
        finally:
            self._places.release()

    def _answer(self, table: Table, row: common_pb2.TableRow, rows: dict[str, int], caller: Caller) -> pb.ImportObjectsResponse:
        """Register one row; `rows` are the numbers of this file's good rows by what they are about."""
        try:
            place = table.judge(row.cells, self._clock.today())
        except RowFault as fault:
            return rejected(row, fault)
        earlier_row = rows.setdefault(place.same_as, row.number)
        stored = StoredObject(new_id(), place)
        with self._database.transaction() as tx:
            if not self._store.add_object(tx, stored, self._clock.now()):
                return duplicate(row, None if earlier_row == row.number else earlier_row)
            self._audit(tx, "controls:object:register", caller, "control_object", stored.id)
        return accepted(row, stored.id)
