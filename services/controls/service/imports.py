"""Files of control objects."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from uuid import UUID

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.domain.objects import FORM, ControlObject, StoredObject, judge
from services.controls.store import ControlsFiles, Objects
from services.controls.store.objects import RECORD_KIND
from services.kernel import imports
from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.ids import new_id
from services.kernel.imports import Doing, Kind
from services.kernel.records import Audit
from services.kernel.rows import Verdict

OBJECTS: Kind[date, ControlObject] = Kind(FORM, judge, lambda place: place.same_as)


class Imports:
    """Puts the objects of a file in the store."""

    def __init__(self, database: Database, objects: Objects, files: ControlsFiles, audit: Audit, clock: Clock) -> None:
        """The parts of the service."""
        self._database = database
        self._objects = objects
        self._files = files
        self._audit = audit
        self._clock = clock
        self._imports = imports.Imports(database)

    def run(self, requests: Iterable[pb.ImportObjectsRequest], caller: Caller, unit: str) -> Iterator[pb.ImportObjectsResponse]:
        """One answer to each row. Raises Invalid when the file is not a list of objects."""

        def begin(dry_run: bool) -> UUID | None:  # noqa: FBT001
            import_id = None if dry_run else new_id()
            with self._database.transaction() as tx:
                if import_id is not None:
                    self._files.add(tx, import_id, RECORD_KIND, unit, caller, self._clock.now())
                self._audit(tx, "controls:import:dry_run" if dry_run else "controls:import:begin", caller, RECORD_KIND, import_id)
            return import_id

        def known(tx: Transaction, places: Sequence[ControlObject], import_id: UUID | None) -> list[bool]:
            self._files.require_open(tx, import_id)
            return [False] * len(places)  # adding one tells

        def add(tx: Transaction, place: ControlObject, _: Verdict, import_id: UUID | None) -> UUID | None:
            stored = self._objects.add(tx, StoredObject(new_id(), place), self._clock.now(), caller.person, import_id)
            if stored is None:
                return None
            self._audit(tx, "controls:object:register", caller, RECORD_KIND, stored.id)
            return stored.id

        parts = (request.part for request in requests)
        for answer in self._imports.run(OBJECTS, parts, self._clock.today(), Doing(begin, add, known)):
            yield pb.ImportObjectsResponse(row=common_pb2.ImportResponse(**answer.fields()))
