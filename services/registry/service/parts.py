"""What the methods of the registry's servicer share: the parts, and one way to act once."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from psycopg.errors import UniqueViolation

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, ConflictReason
from services.kernel.life import Actor
from services.kernel.records import Audit, Requests
from services.registry.service.registering import ALREADY, Registering, is_already_registered
from services.registry.store import Alerts, Links, Payments, Suppliers

STALE = "etag: ärendet har ändrats sedan du läste det. Hämta det igen."
Answer = TypeVar("Answer", bound=Message)


class Parts:
    """The parts of the service."""

    def __init__(
        self,
        database: Database,
        alert_store: Alerts,
        payment_store: Payments,
        supplier_store: Suppliers,
        link_store: Links,
        requests: Requests,
        registering: Registering,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._suppliers = supplier_store
        self._links = link_store
        self._requests = requests
        self._registering = registering
        self._audit = audit
        self._clock = clock

    def _actor(self, asking: Caller) -> Actor:
        """Who acts and when, in the words of the domain."""
        return Actor(asking.principal, asking.role, self._clock.now(), self._clock.today())

    def _once(
        self, asking: Caller, request: Message, request_id: str, answer: type[Answer], act: Callable[[Transaction], Answer]
    ) -> Answer:
        try:
            return self._requests.once(asking, request, request_id, answer, act)
        except UniqueViolation as error:
            if is_already_registered(error):
                raise ALREADY from None
            raise


def require_etag(etag: str, now: str) -> None:
    """Raises Conflict ETAG when somebody has changed the record since it was read."""
    if etag != now:
        raise Conflict(STALE, reason=ConflictReason.ETAG)
