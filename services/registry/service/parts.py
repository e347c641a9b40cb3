"""What the methods of the registry's servicer share: the parts, and one way to act once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message
from psycopg.errors import UniqueViolation

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, ConflictReason, Invalid
from services.kernel.records import Audit, Requests
from services.registry.service.registering import ALREADY, Registering, is_already_registered
from services.registry.store import Alerts, Payments

STALE = "etag: ärendet har ändrats sedan du läste det. Hämta det igen."
Answer = TypeVar("Answer", bound=Message)


class Parts:
    """The parts of the service."""

    def __init__(
        self,
        database: Database,
        alert_store: Alerts,
        payment_store: Payments,
        requests: Requests,
        registering: Registering,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._requests = requests
        self._registering = registering
        self._audit = audit
        self._clock = clock

    def _once(
        self, asking: Caller, request: Message, request_id: str, answer: type[Answer], act: Callable[[Transaction], Answer]
    ) -> Answer:
        try:
            return self._requests.once(asking, request, request_id, answer, act)
        except UniqueViolation as error:
            if is_already_registered(error):
                raise ALREADY from None
            raise

    @contextmanager
    def _refusals_audited(self, asking: Caller, event: str, record_kind: str, record_id: str) -> Iterator[None]:
        """A decision that the rules refuse leaves a row too; what the caller may not see at all is noted where it was refused."""
        try:
            yield
        except (Invalid, Conflict) as failure:
            with self._database.transaction() as tx:
                self._audit(tx, event, asking, record_kind, UUID(record_id), "refused", reason=failure.reason)
            raise


def require_etag(etag: str, now: str) -> None:
    """Raises Conflict ETAG when somebody has changed the record since it was read."""
    if etag != now:
        raise Conflict(STALE, reason=ConflictReason.ETAG)
