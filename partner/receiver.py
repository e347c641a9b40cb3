"""One record at a time: verify, open, handle once, answer. Knows the partner's database but not Kafka."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from partner import feedback
from partner.envelope import Opened, Record, open_record, receiver_kind_of
from partner.inbox import Handler, Inbox
from partner.jose import Code, Refused
from partner.kit import Kit

HANDLER_ATTEMPTS_MAX = 3
"""After this many failures of the partner's own handler a record is set aside, so that the next ones may come."""


class Verdict(Enum):
    """What became of a record that was not refused."""

    HANDLED = auto()
    DUPLICATE = auto()


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What the partner does with a record; `receive` may be called again with the same one without a second effect."""

    kit: Kit
    inbox: Inbox
    handler: Handler
    clock: Callable[[], datetime] = utc_now

    def receive(self, record: Record) -> Verdict | Code:
        """Handle a record or set it aside with the code given back. Raises DeadLettersFullError, sqlite3.Error."""
        now = self.clock()
        try:
            opened = open_record(record, self.kit, now)
            try:
                return self._handled(opened, now)
            except Refused as refusal:
                refusal.event = opened.event
                raise
        except Refused as refusal:
            # What was taken in time and comes again when it has expired, or when its key is gone, was still taken.
            if refusal.event is not None and self.inbox.knows(refusal.event):
                return Verdict.DUPLICATE
            self.inbox.set_aside(record, refusal.code, now, self._refusal_receipts(refusal, now))
            return refusal.code

    def _handled(self, opened: Opened, now: datetime) -> Verdict:
        for _ in range(HANDLER_ATTEMPTS_MAX):
            try:
                new = self.inbox.receive(opened, now, self.handler)
            except (Refused, sqlite3.Error):
                raise
            except Exception:  # noqa: BLE001, S112 - a handler may fail in any way; its text may hold personal data
                continue
            return Verdict.HANDLED if new else Verdict.DUPLICATE
        raise Refused(Code.HANDLER_FAILED)

    def _refusal_receipts(self, refusal: Refused, now: datetime) -> list[feedback.Reply]:
        """The kommun is told when the record is authentic and ours; a forged one is answered by silence."""
        if refusal.event is None:
            return []
        receiver_kind = receiver_kind_of(refusal.event, self.kit)
        if receiver_kind is None:
            return []
        return [feedback.receipt(self.kit, refusal.event, receiver_kind, refusal.code, now)]
