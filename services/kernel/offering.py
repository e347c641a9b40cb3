"""Keeps the promises of an outbox to another service: rows are told in order per record, with the service's own certificate."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import grpc
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc

from services.kernel.errors import Conflict, ConflictReason, Failure, NotFound, Unavailable
from services.kernel.log import log, place_of
from services.kernel.outbox import Outcome
from services.kernel.rpc import DEADLINE_S, failure_of

Build = Callable[[Any], sharing_pb2.OfferRecordRequest | None]


def told_in_order(rows: Sequence[Any], tell: Callable[[Any], None]) -> Iterator[tuple[int, Outcome]]:
    """What became of each outbox row when `tell` was called with it. One record's trouble is no other record's."""
    for row in rows:
        outcome = Outcome.DONE
        try:
            tell(row)
        except Exception as error:  # noqa: BLE001  # whatever fails, the other rows go
            failure = failure_of(error) if isinstance(error, grpc.RpcError) else error
            outcome = Outcome.AWAY if isinstance(failure, Unavailable) else Outcome.REFUSED
            log.warning(
                "row_not_taken",
                kind=row.kind,
                event_id=str(row.event_id),
                key=str(row.key),
                reason=failure.reason if isinstance(failure, Failure) else None,
                error=type(error).__name__,
                place=place_of(error),
            )
        yield row.seq, outcome


class Offering:
    """Delivers outbox rows. `build` makes the question when it is sent, or None when a later row of the same record says more."""

    def __init__(self, sharing: grpc.Channel, build: Build) -> None:
        """The channel carries the owning service's certificate."""
        self._sharing = sharing_pb2_grpc.SharingServiceStub(sharing)
        self._build = build

    def deliver(self, rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        """Offer in order; what became of each row."""
        return told_in_order(rows, self._offer)

    def _offer(self, row: Any) -> None:  # noqa: ANN401  # a row of the outbox
        request = self._build(row)
        if request is None:
            return
        try:
            self._sharing.OfferRecord(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            failure = failure_of(error)
            if not _already_so(request, failure):
                raise failure from None


def _already_so(request: sharing_pb2.OfferRecordRequest, failure: Failure) -> bool:
    """Whether a refusal says that what we ask for is done.

    The same event was taken before our row was deleted, and the record has changed since, so the body built now is another one;
    or what we withdraw never reached sharing.
    """
    if isinstance(failure, Conflict):
        return failure.reason == ConflictReason.REQUEST_REUSED
    return isinstance(failure, NotFound) and request.HasField("withdrawn")
