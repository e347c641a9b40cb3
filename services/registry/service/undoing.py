"""Files that were read in, and taken back whole."""

from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel import pages
from services.kernel.callers import Caller, Role
from services.kernel.db import Transaction
from services.kernel.errors import Conflict
from services.kernel.files import listed
from services.kernel.protection import Protection
from services.kernel.rpc import caller
from services.registry.domain import alert as alerts
from services.registry.domain import alert_life, payment_life
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.service.alerts import AlertMethods
from services.registry.service.payments import PaymentMethods


class UndoingMethods(AlertMethods, PaymentMethods):
    """The methods about imports."""

    def ListImports(self, request: pb.ListImportsRequest, _context: grpc.ServicerContext) -> pb.ListImportsResponse:  # noqa: N802, D102
        asking, size, after = caller(), pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._files.page(tx, asking, after, size + 1)
            self._audit(tx, "registry:import:list", asking, count=min(len(found), size))
        return pb.ListImportsResponse(imports=[listed(row) for row in found[:size]], next_page_token=pages.next_token(found, size))

    def UndoImport(self, request: pb.UndoImportRequest, _context: grpc.ServicerContext) -> pb.UndoImportResponse:  # noqa: N802, D102
        asking, import_id = caller(), UUID(request.import_id)

        def act(tx: Transaction) -> pb.UndoImportResponse:
            self._files.require_not_undone(tx, import_id, asking)
            count = self._undo_alerts(tx, import_id, asking) + self._undo_payments(tx, import_id, asking)
            self._files.undone(tx, import_id, self._clock.now())
            self._audit(tx, "registry:import:undo", asking, "import", import_id, count=count)
            return pb.UndoImportResponse(count=count)

        return self._once(asking, request, request.request_id, pb.UndoImportResponse, act)

    def _undo_alerts(self, tx: Transaction, import_id: UUID, asking: Caller) -> int:
        is_landlord = asking.role is Role.LANDLORD_REPORTER
        withdraw = alert_life.take_back if is_landlord else alert_life.withdraw
        count = handled = 0
        for every in self._alerts.of_import(tx, import_id):
            # What somebody has taken back already is as it should be.
            records = [record for record in every if not record.taken_back and record.state is not alerts.State.WITHDRAWN]
            if is_landlord:  # what stands in the way is only what the landlord sees: nothing tells what the kommun has found
                handled += sum(_closed_to_landlord(record) for record in records)
            else:
                records = [record for record in records if record.protection_check.result is not Protection.PROTECTED]
                handled += sum(record.revision > 1 for record in records)
            count += len(records)
            for record in [] if handled else records:
                self._kept_alert(tx, record, withdraw(record, self._actor(asking)), asking, "withdraw")
        _require_none(handled)
        return count

    def _undo_payments(self, tx: Transaction, import_id: UUID, asking: Caller) -> int:
        count = handled = 0
        for every in self._payments.of_import(tx, import_id):
            # A protected person's stays: it is the named unit's, and nobody here sees it (design 8).
            shown = [record for record in every if record.protection_check.result is not Protection.PROTECTED]
            records = [record for record in shown if record.state is not payments.State.WITHDRAWN]
            pointed_at = self._alerts.pointing_at(tx, [record.id for record in records], import_id)
            handled += sum(record.revision > 1 or record.id in pointed_at for record in records)
            count += len(records)
            for record in [] if handled else records:
                self._kept_payment(tx, record, payment_life.withdraw(record, self._actor(asking)), asking, "withdraw")
        _require_none(handled)
        return count


def _closed_to_landlord(record: Alert) -> bool:
    return alert_life.shown_to_landlord(record.state, taken_back=record.taken_back) is alerts.State.NO_ACTION


def _require_none(handled: int) -> None:
    """Raises Conflict when something has been done with records of the file."""
    if handled:
        raise Conflict(f"import_id: {handled} av ärendena har handlagts sedan filen lästes in. Inget har ångrats.")
