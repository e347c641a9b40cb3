"""Files of alerts and of suspected payments."""

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from los.common.v1 import common_pb2
from psycopg.errors import UniqueViolation

from services.kernel import imports
from services.kernel.callers import Caller
from services.kernel.imports import Kind
from services.kernel.protection import Protection
from services.kernel.rows import Result, Verdict
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Report
from services.registry.domain.payment import Flag
from services.registry.domain.record import Context
from services.registry.service.registering import Registering

ALERTS: Kind[Context, Report] = Kind(alerts.TABLE, alerts.judge, lambda report: report.same_as)
PAYMENTS: Kind[Context, tuple[Flag, Protection]] = Kind(payments.TABLE, payments.judge, lambda read: read[0].same_as)


class Imports:
    """Both kinds share the places for files."""

    def __init__(self, registering: Registering) -> None:
        """What registers the rows."""
        self._registering = registering
        self._imports = imports.Imports()

    def alerts(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of a landlord's list. Raises Invalid when the file is no such list."""

        def register(report: Report, verdict: Verdict) -> UUID | None:
            needs_review = verdict.result is Result.NEEDS_REVIEW
            return _unless_known(lambda: self._registering.alert(report, Protection.UNKNOWN, asking, needs_review=needs_review).id)

        for answer in self._imports.run(ALERTS, parts, context, register):
            yield common_pb2.ImportResponse(**answer.fields())

    def payments(self, parts: Iterable[common_pb2.ImportRequest], asking: Caller, context: Context) -> Iterator[common_pb2.ImportResponse]:
        """One answer to each row of an extract from the case system. Raises Invalid when the file is no such extract."""

        def register(read: tuple[Flag, Protection], _: Verdict) -> UUID | None:
            return _unless_known(lambda: self._registering.payment(*read, asking)[0].id)

        for answer in self._imports.run(PAYMENTS, parts, context, register):
            yield common_pb2.ImportResponse(**answer.fields())


def _unless_known(register: Callable[[], UUID]) -> UUID | None:
    try:
        return register()
    except UniqueViolation:
        return None
