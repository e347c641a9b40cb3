"""Files of alerts and of suspected payments."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID

from los.common.v1 import common_pb2

from services.kernel import imports
from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.ids import new_id
from services.kernel.imports import Doing, Kind
from services.kernel.protection import Protection
from services.kernel.records import Audit
from services.kernel.rows import Result, Verdict
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Report
from services.registry.domain.payment import Flag
from services.registry.domain.record import Context
from services.registry.service.registering import Registering
from services.registry.store import Alerts, Payments, RegistryFiles

ALERTS: Kind[Context, Report] = Kind(alerts.TABLE, alerts.judge, lambda report: report.same_as)
Marked = tuple[Flag, Protection]
PAYMENTS: Kind[Context, Marked] = Kind(payments.TABLE, payments.judge, lambda read: read[0].same_as)


class Imports:
    """Both kinds share the places for files."""

    def __init__(
        self,
        database: Database,
        alert_store: Alerts,
        payment_store: Payments,
        registering: Registering,
        files: RegistryFiles,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """What registers the rows, and what remembers the files."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._registering = registering
        self._files = files
        self._audit = audit
        self._clock = clock
        self._imports = imports.Imports(database)

    def alerts(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of a landlord's list. Raises Invalid when the file is no such list."""
        protected: set[str] = set()

        def known(tx: Transaction, reports: Sequence[Report], import_id: UUID | None) -> list[bool]:
            self._files.require_open(tx, import_id)
            protected.update(self._alerts.protected(tx, context.unit, [report.contract_holder_id_number for report in reports]))
            return self._alerts.known(tx, [alerts.reported_as(context.unit, context.landlord or "", report) for report in reports])

        def add(tx: Transaction, report: Report, verdict: Verdict, import_id: UUID | None) -> UUID:
            needs_review = verdict.result is Result.NEEDS_REVIEW
            protection = Protection.PROTECTED if report.contract_holder_id_number in protected else Protection.UNKNOWN
            return self._registering.add_alert(tx, report, protection, asking, needs_review=needs_review, import_id=import_id).id

        doing: Doing[Report] = Doing(self._beginning(alerts.RECORD_KIND, asking, context), add, known)
        for answer in self._imports.run(ALERTS, parts, context, doing):
            yield common_pb2.ImportResponse(**answer.fields())

    def payments(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of an extract from the case system. Raises Invalid when the file is no such extract.

        A mark of protection counts all the same when the case is registered: what was registered without it is stopped (design 8).
        """
        protected: set[str] = set()

        def known(tx: Transaction, rows: Sequence[Marked], import_id: UUID | None) -> list[bool]:
            self._files.require_open(tx, import_id)
            protected.update(flag.recipient_id_number for flag, told in rows if told is Protection.PROTECTED)
            protected.update(self._payments.protected(tx, context.unit, [flag.recipient_id_number for flag, _ in rows]))
            return self._payments.known(tx, [flag.same_as for flag, _ in rows])

        def add(tx: Transaction, row: Marked, _: Verdict, import_id: UUID | None) -> UUID:
            flag, told = row
            protection = Protection.PROTECTED if flag.recipient_id_number in protected else told
            return self._registering.add_payment(tx, flag, protection, asking, import_id=import_id)[0].id

        def met(row: Marked) -> None:
            self._registering.block_known(*row, asking)

        doing = Doing(self._beginning(payments.RECORD_KIND, asking, context), add, known, met)
        for answer in self._imports.run(PAYMENTS, parts, context, doing):
            yield common_pb2.ImportResponse(**answer.fields())

    def _beginning(self, record_kind: str, asking: Caller, context: Context) -> Callable[[bool], UUID | None]:
        return lambda dry_run: self._begin(record_kind, asking, context, dry_run=dry_run)

    def _begin(self, record_kind: str, asking: Caller, context: Context, *, dry_run: bool) -> UUID | None:
        """Remember that a file is read in; of a dry run only the log says so."""
        import_id = None if dry_run else new_id()
        with self._database.transaction() as tx:
            if import_id is not None:
                self._files.add(tx, import_id, record_kind, context.unit, asking, self._clock.now())
            self._audit(tx, "registry:import:dry_run" if dry_run else "registry:import:begin", asking, record_kind, import_id)
        return import_id
