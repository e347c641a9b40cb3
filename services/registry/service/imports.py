"""Files of alerts and of suspected payments."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from los.common.v1 import common_pb2
from psycopg.errors import UniqueViolation

from services.kernel import imports
from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database
from services.kernel.ids import new_id
from services.kernel.imports import Kind
from services.kernel.protection import Protection
from services.kernel.records import Audit
from services.kernel.rows import Result, Verdict
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Report
from services.registry.domain.payment import Flag
from services.registry.domain.record import Context
from services.registry.service.registering import Registering, is_already_registered
from services.registry.store import ImportedFiles

ALERTS: Kind[Context, Report] = Kind(alerts.TABLE, alerts.judge, lambda report: report.same_as)
PAYMENTS: Kind[Context, tuple[Flag, Protection]] = Kind(payments.TABLE, payments.judge, lambda read: read[0].same_as)


class Imports:
    """Both kinds share the places for files."""

    def __init__(self, database: Database, registering: Registering, files: ImportedFiles, audit: Audit, clock: Clock) -> None:
        """What registers the rows, and what remembers the files."""
        self._database = database
        self._registering = registering
        self._files = files
        self._audit = audit
        self._clock = clock
        self._imports = imports.Imports()

    def alerts(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of a landlord's list. Raises Invalid when the file is no such list."""

        def register(report: Report, verdict: Verdict, import_id: UUID | None) -> UUID | None:
            needs_review = verdict.result is Result.NEEDS_REVIEW
            try:
                with self._database.transaction(keep=import_id is not None) as tx:
                    return self._registering.add_alert(
                        tx, report, Protection.UNKNOWN, asking, needs_review=needs_review, import_id=import_id
                    ).id
            except UniqueViolation:
                return None

        def begin(dry_run: bool) -> UUID | None:  # noqa: FBT001
            return self._begin(alerts.RECORD_KIND, asking, context, dry_run=dry_run)

        for answer in self._imports.run(ALERTS, parts, context, begin, register):
            yield common_pb2.ImportResponse(**answer.fields())

    def payments(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of an extract from the case system. Raises Invalid when the file is no such extract.

        A mark of protection counts all the same when the case is registered: what was registered without it is stopped (design 8).
        """

        def register(read: tuple[Flag, Protection], _: Verdict, import_id: UUID | None) -> UUID | None:
            try:
                with self._database.transaction(keep=import_id is not None) as tx:
                    return self._registering.add_payment(tx, *read, asking, import_id=import_id)[0].id
            except UniqueViolation as error:
                if import_id is not None and is_already_registered(error):
                    self._registering.block_known(*read, asking)
                return None

        def begin(dry_run: bool) -> UUID | None:  # noqa: FBT001
            return self._begin(payments.RECORD_KIND, asking, context, dry_run=dry_run)

        for answer in self._imports.run(PAYMENTS, parts, context, begin, register):
            yield common_pb2.ImportResponse(**answer.fields())

    def _begin(self, record_kind: str, asking: Caller, context: Context, *, dry_run: bool) -> UUID | None:
        """Remember that a file is read in; of a dry run only the log says so."""
        import_id = None if dry_run else new_id()
        with self._database.transaction() as tx:
            if import_id is not None:
                self._files.add(tx, import_id, record_kind, context.unit, asking, self._clock.now())
            self._audit(tx, "registry:import:dry_run" if dry_run else "registry:import:begin", asking, record_kind, import_id)
        return import_id
