"""One record at a time: verify, open, handle once, answer. Knows the partner's database but not Kafka."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from types import MappingProxyType

from partner import feedback
from partner.database import DatabaseProblem
from partner.envelope import Change, Opened, Record, Withdrawal, open_record, receiver_kind_of
from partner.inbox import Handler, Inbox
from partner.jose import Code, Refused
from partner.kit import Kit

HANDLER_ATTEMPTS_MAX = 3
"""After this many failures of the partner's own handler a record is set aside, so that the next ones may come."""

_NOTHING_AHEAD: Mapping[str, Withdrawal] = MappingProxyType({})


class Verdict(Enum):
    """What became of a record that was not refused.

    `WITHDRAWN`: receipted but not handed out, since it was recalled or replaced before it was read.
    """

    HANDLED = auto()
    DUPLICATE = auto()
    WITHDRAWN = auto()


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

    def receive(self, record: Record, ahead: Mapping[str, Withdrawal] = _NOTHING_AHEAD, *, again: bool = False) -> Verdict | Code:
        """Handle a record or set it aside with the code given back. Raises DeadLettersFullError, DatabaseProblem.

        `ahead`: the disclosures that are withdrawn further on in the topic. `again`: the record was set aside before.
        """
        now = self.clock()
        opened: Opened | None = None
        try:
            opened = open_record(record, self.kit, now)
            try:
                # A recall is itself an event of the disclosure that it withdraws.
                withheld = opened.event.change is not Change.RECALLED and opened.event.disclosure_id in ahead
                return self._handled(opened, now, withheld=withheld, again=again)
            except Refused as refusal:
                refusal.event = opened.event
                raise
        except Refused as refusal:
            # What was taken in time and comes again when it has expired, or when its key is gone, was still taken.
            if refusal.event is not None and self.inbox.knows(refusal.event):
                return Verdict.DUPLICATE
            self.inbox.set_aside(record, refusal, opened, now, self._refusal_receipts(refusal, now))
            return refusal.code

    def _handled(self, opened: Opened, now: datetime, *, withheld: bool, again: bool) -> Verdict:
        receipt = feedback.receipt(self.kit, opened.event, opened.receiver_kind, None, now)
        for _ in range(HANDLER_ATTEMPTS_MAX):
            try:
                new = self.inbox.receive(opened, receipt, self.handler, now, withheld=withheld, again=again)
            except (Refused, DatabaseProblem):
                raise
            except Exception:  # noqa: BLE001, S112 - a handler may fail in any way; its text may hold personal data
                continue
            if not new:
                return Verdict.DUPLICATE
            return Verdict.WITHDRAWN if withheld else Verdict.HANDLED
        raise Refused(Code.HANDLER_FAILED)

    def _refusal_receipts(self, refusal: Refused, now: datetime) -> list[feedback.Reply]:
        """The kommun is told when the record is authentic and ours; a forged one is answered by silence."""
        if refusal.event is None:
            return []
        receiver_kind = receiver_kind_of(refusal.event, self.kit)
        if receiver_kind is None:
            return []
        return [feedback.receipt(self.kit, refusal.event, receiver_kind, refusal.code, now)]
