"""What the methods of the registry's servicer share: the parts, and one way to act once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from los.registry.v1 import registry_pb2 as pb
from psycopg.errors import UniqueViolation

from services.kernel import pages
from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock
from services.kernel.db import Database, Transaction
from services.kernel.errors import Conflict, ConflictReason, Invalid
from services.kernel.life import Actor
from services.kernel.records import Audit, Requests
from services.kernel.releases import Releases
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.service.imports import Imports
from services.registry.service.registering import ALREADY, Registering, is_already_registered
from services.registry.store import Alerts, Links, LookUps, Payments, RegistryFiles, Suppliers, Work
from services.registry.store.records import Seen

STALE = "etag: ärendet har ändrats sedan du läste det. Hämta det igen."
WORK = {
    pb.WORK_LIST_UNSPECIFIED: Work.ALL,
    pb.WORK_LIST_NEW: Work.NEW,
    pb.WORK_LIST_MINE: Work.MINE,
    pb.WORK_LIST_DUE: Work.DUE,
}
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
        look_up_store: LookUps,
        file_store: RegistryFiles,
        requests: Requests,
        registering: Registering,
        imports: Imports,
        releases: Releases,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._alerts = alert_store
        self._payments = payment_store
        self._suppliers = supplier_store
        self._links = link_store
        self._look_ups = look_up_store
        self._files = file_store
        self._requests = requests
        self._registering = registering
        self._imports = imports
        self._releases = releases
        self._audit = audit
        self._clock = clock

    def _actor(self, asking: Caller) -> Actor:
        """Who acts and when, in the words of the domain."""
        return Actor.of(asking, self._clock)

    def _made_by_hand(self, tx: Transaction, record_kind: str, record_id: UUID, person: str) -> bool:
        """Whether the asker wrote the record that a question is asked from: anybody can be looked for by a record made for it."""
        stores: dict[str, Alerts | Payments] = {alerts.RECORD_KIND: self._alerts, payments.RECORD_KIND: self._payments}
        return record_kind in stores and stores[record_kind].made_by_hand(tx, record_id, person)

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


def work_asked(request: pb.ListAlertsRequest | pb.ListSuspectedPaymentsRequest, asking: Caller) -> tuple[Work, int, Seen | None]:
    """Which list, how many rows, and after which row. Raises Invalid for a page that is none, or a list that is not the caller's."""
    work = WORK[request.list]
    if work is not Work.ALL and asking.role is Role.LANDLORD_REPORTER:  # who handles a case, and by when, is the kommun's
        raise Invalid("list: välj alla.")
    return work, pages.page_size(request.page), (pages.after_day if work is Work.DUE else pages.after)(request.page)


def next_token(rows: Sequence[Any], size: int, work: Work) -> str:
    """What asks for the list's next page; empty on the last."""
    return pages.next_day_token(rows, size, "due_date") if work is Work.DUE else pages.next_token(rows, size)
