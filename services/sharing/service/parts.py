"""What the methods of sharing's servicer have in common: the parts, and an open offer."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.kernel.callers import Caller
from services.kernel.clock import STOCKHOLM, Clock
from services.kernel.db import Database, Row, Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.identity import holds_identity_number
from services.kernel.records import Audit, Requests
from services.kernel.releases import Releases
from services.sharing.decisions import Decisions
from services.sharing.domain import OfferState, Status, kinds_of
from services.sharing.store import Store


class Parts:
    """The parts of the service."""

    def __init__(
        self,
        database: Database,
        store: Store,
        decisions: Decisions,
        requests: Requests,
        releases: Releases,
        audit: Audit,
        clock: Clock,
    ) -> None:
        """Passed in; app.py builds them."""
        self._database = database
        self._store = store
        self._decisions = decisions
        self._requests = requests
        self._releases = releases
        self._audit = audit
        self._clock = clock

    def _open_offer(self, tx: Transaction, offer_id: str, asking: Caller) -> Row:
        row = self._store.offer_of_unit(tx, UUID(offer_id), asking.unit)
        if row is None or row.state == OfferState.STOPPED or row.record_kind not in kinds_of(asking):
            raise NotFound
        if row.content is None:
            raise Conflict(self._decisions.law.messages["M7"])
        return row

    def _own_disclosure(self, tx: Transaction, disclosure_id: str, asking: Caller, *, lock: bool = False) -> Row:
        """A disclosure that the caller works with. Raises NotFound for another unit's, another role's, and a protected person's."""
        told = self._store.disclosure_of_unit(tx, UUID(disclosure_id), asking.unit, lock=lock)
        if told is None or told.record_kind not in kinds_of(asking) or told.protected:
            raise NotFound
        return told

    def _correct(self, tx: Transaction, told: Row, **what: Any) -> Status:  # noqa: ANN401  # who and why
        """What was told no longer holds: it never leaves if it has not; else a correction is owed. What it is after."""
        kept_back = told.status == Status.NO_CHANNEL or (told.status == Status.DECIDED and self._store.keep_back(tx, told.id))
        after = Status.VOID if kept_back else Status.CORRECTION_DUE
        self._store.tell(tx, told, after, self._clock.now(), **what)
        return after

    def _plain(self, **texts: str) -> list[str]:
        """Words that are kept unencrypted, or for long: trimmed. Raises Invalid, field first, when one holds a personnummer."""
        for field, text in texts.items():
            if holds_identity_number(text, self._clock.today()):
                raise Invalid(f"{field}: skriv inget personnummer här.")
        return [text.strip() for text in texts.values()]


def days_since(moment: datetime, today: date) -> int:
    """Whole Swedish days that somebody has waited."""
    return (today - moment.astimezone(STOCKHOLM).date()).days
