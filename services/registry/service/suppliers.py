"""Checks of suppliers: made, read, listed by whom and when to look again."""

from datetime import date
from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel import cells, pages
from services.kernel.callers import Caller
from services.kernel.cells import Fault
from services.kernel.clock import iso, timestamp
from services.kernel.db import Transaction
from services.kernel.errors import Denied, Invalid
from services.kernel.ids import new_id
from services.kernel.reference import reference
from services.kernel.rows import FieldFault
from services.kernel.rpc import caller
from services.registry.domain import supplier as suppliers
from services.registry.domain.record import Context
from services.registry.service.parts import Parts
from services.registry.wire import suppliers as supplier_wire


class SupplierMethods(Parts):
    """The methods about suppliers; only for a unit that buys for the kommun."""

    def RegisterSupplierCheck(  # noqa: N802, D102
        self, request: pb.RegisterSupplierCheckRequest, _context: grpc.ServicerContext
    ) -> pb.RegisterSupplierCheckResponse:
        asking = caller()
        unit = _buyer(asking)
        try:
            findings = suppliers.read_findings(supplier_wire.check_texts(request.check), Context(self._clock.today(), unit))
        except FieldFault as fault:
            raise fault.as_invalid() from None

        def act(tx: Transaction) -> pb.RegisterSupplierCheckResponse:
            check = suppliers.SupplierCheck(new_id(), unit, self._clock.now(), asking.principal, findings)
            self._suppliers.add(tx, check)
            self._audit(tx, "registry:supplier_check:register", asking, suppliers.RECORD_KIND, check.id)
            return pb.RegisterSupplierCheckResponse(check_id=str(check.id))

        return self._once(asking, request, request.request_id, pb.RegisterSupplierCheckResponse, act)

    def GetSupplierCheck(self, request: pb.GetSupplierCheckRequest, _context: grpc.ServicerContext) -> pb.GetSupplierCheckResponse:  # noqa: N802, D102
        asking = caller()
        _buyer(asking)
        with self._database.transaction() as tx:
            found = self._suppliers.seen(tx, UUID(request.check_id), asking)
            self._audit(tx, "registry:supplier_check:read", asking, suppliers.RECORD_KIND, found.id)
        return pb.GetSupplierCheckResponse(
            check_id=str(found.id),
            unit=found.unit,
            check=supplier_wire.check_message(found.findings),
            registered_time=timestamp(found.registered_time),
        )

    def ListSupplierChecks(self, request: pb.ListSupplierChecksRequest, _context: grpc.ServicerContext) -> pb.ListSupplierChecksResponse:  # noqa: N802, D102
        asking = caller()
        _buyer(asking)
        size, after = pages.page_size(request.page), pages.after(request.page)
        try:
            org_number = cells.org_number(request.org_number).digits if request.org_number else ""
        except Fault as fault:
            raise Invalid(f"org_number: {fault.text}") from None
        try:
            due_date = cells.day(request.due_date, date.max) if request.due_date else None
        except Fault as fault:
            raise Invalid(f"due_date: {fault.text}") from None
        with self._database.transaction() as tx:
            rows = self._suppliers.page(tx, asking, org_number, due_date, after, size + 1)
            self._audit(tx, "registry:supplier_check:list", asking, suppliers.RECORD_KIND, count=min(len(rows), size))
        return pb.ListSupplierChecksResponse(
            checks=[
                pb.SupplierCheckRow(
                    check_id=str(row.id),
                    result=supplier_wire.RESULTS[suppliers.Result(row.result)],
                    next_check_date=iso(row.next_check_date),
                    registered_time=timestamp(row.registered_time),
                )
                for row in rows[:size]
            ],
            next_page_token=pages.next_token(rows, size),
        )


def _buyer(asking: Caller) -> str:
    """The caller's unit. Raises Denied when it is none that checks suppliers."""
    unit = asking.unit or ""
    if unit not in reference().units or not reference().units[unit].checks_suppliers:
        raise Denied("unit: din förvaltning kontrollerar inte leverantörer.")
    return unit
