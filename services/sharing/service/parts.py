"""What the methods of sharing's servicer have in common: the parts, an open offer, a page of a list."""

from uuid import UUID

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Row, Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.records import Audit, Requests
from services.sharing.decisions import Decisions
from services.sharing.domain import OfferState
from services.sharing.store import Store

PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 20, 100


class Parts:
    """The parts of the service."""

    def __init__(self, database: Database, store: Store, decisions: Decisions, requests: Requests, audit: Audit, clock: Clock) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._store = store
        self._decisions = decisions
        self._requests = requests
        self._audit = audit
        self._clock = clock

    def _open_offer(self, tx: Transaction, offer_id: str, asking: Caller) -> Row:
        row = self._store.offer_of_unit(tx, UUID(offer_id), asking.unit)
        if row is None or row.state == OfferState.STOPPED:
            raise NotFound
        if row.content is None:
            raise Conflict(self._decisions.law.messages["M7"])
        return row


def page(size: int, token: str) -> tuple[int, UUID | None]:
    """How many rows, and after which. Raises Invalid for a token that we did not give."""
    try:
        return min(size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX), UUID(token) if token else None
    except ValueError:
        raise Invalid("page_token: sidmärket går inte att läsa.") from None
