"""Files of alerts and of suspected payments: each row is judged and registered on its own, so one bad row never stops the others."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Generic, TypeVar

from los.common.v1 import common_pb2
from psycopg.errors import UniqueViolation

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.errors import Invalid, Unavailable
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain import rows
from services.registry.domain.payment import Flag
from services.registry.domain.record import Protection
from services.registry.domain.rows import Context, Form, Judged, Layout, Result
from services.registry.service.registering import Registering
from services.registry.wire.imports import answer

IMPORTS_MAX = 2
ROWS_MAX = 100_000
V = TypeVar("V")


class _Kind(Generic[V]):
    """How one kind of file is judged and registered."""

    def __init__(
        self,
        form: Form,
        judge: Callable[[Layout, int, list[str], Context], Judged[V]],
        same_as: Callable[[V], str],
        register: Callable[[V, Judged[V], Caller], str],
    ) -> None:
        self.form = form
        self.judge = judge
        self.same_as = same_as
        self.register = register


class Imports:
    """At most two files at once."""

    def __init__(self, registering: Registering, clock: Clock) -> None:
        """The parts of the service."""
        self._clock = clock
        self._places = BoundedSemaphore(IMPORTS_MAX)

        def alert(report: alerts.Report, judged: Judged[alerts.Report], asking: Caller) -> str:
            needs_review = judged.verdict.result is Result.NEEDS_REVIEW
            return str(registering.alert(report, Protection.UNKNOWN, asking, needs_review=needs_review).id)

        def payment(read: tuple[Flag, Protection], _: Judged[tuple[Flag, Protection]], asking: Caller) -> str:
            return str(registering.payment(*read, asking)[0].id)

        self._alerts = _Kind[alerts.Report](alerts.TABLE, alerts.judge, lambda report: report.same_as, alert)
        self._payments = _Kind[tuple[Flag, Protection]](payments.TABLE, payments.judge, lambda read: read[0].same_as, payment)

    def alerts(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of a landlord's list. Raises Invalid when the file is no such list."""
        return self._run(self._alerts, parts, asking, context)

    def payments(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of an extract from the case system. Raises Invalid when the file is no such extract."""
        return self._run(self._payments, parts, asking, context)

    def _run(
        self, kind: _Kind[V], parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context
    ) -> Iterator[common_pb2.ImportResponse]:
        with self._place():
            layout: Layout | None = None
            labels: dict[str, tuple[int, str]] = {}
            for count, part in enumerate(parts):
                if count > ROWS_MAX:
                    raise Invalid(f"row: en fil har högst {ROWS_MAX} rader.")
                which = part.WhichOneof("part")
                if which == "header" and layout is None:
                    layout = Layout.of(list(part.header.columns), kind.form)
                elif which == "row" and layout is not None:
                    yield self._answer(kind, layout, part.row, labels, asking, context)
                else:
                    raise Invalid("part: skicka rubrikraden först, en gång, och sedan raderna.")

    @staticmethod
    def _answer(
        kind: _Kind[V], layout: Layout, row: common_pb2.TableRow, labels: dict[str, tuple[int, str]], asking: Caller, context: Context
    ) -> common_pb2.ImportResponse:
        """Register one row; `labels` are the rows of this file by what they are about."""
        judged = kind.judge(layout, row.number, list(row.cells), context)
        if judged.record is None:
            return answer(row.number, judged.label, judged.verdict)
        first, first_label = labels.setdefault(kind.same_as(judged.record), (row.number, judged.label))
        try:
            record_id = kind.register(judged.record, judged, asking)
        except UniqueViolation:
            return answer(row.number, judged.label, rows.duplicate(row.number, None if first == row.number else first_label))
        return answer(row.number, judged.label, judged.verdict, record_id)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Två filer läses redan in. Försök igen om en stund.")
        try:
            yield
        finally:
            self._places.release()
