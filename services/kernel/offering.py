"""Keeps the promises of an outbox to sharing: records are offered in order per record, with the service's own certificate."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import grpc
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc

from services.kernel.errors import Conflict, ConflictReason, Failure, NotFound
from services.kernel.log import log
from services.kernel.rpc import DEADLINE_S, failure_of

Build = Callable[[Any], sharing_pb2.OfferRecordRequest | None]


class Offering:
    """Delivers outbox rows. `build` makes the question when it is sent, or None when a later row of the same record says more."""

    def __init__(self, sharing: grpc.Channel, build: Build) -> None:
        """The channel carries the owning service's certificate."""
        self._sharing = sharing_pb2_grpc.SharingServiceStub(sharing)
        self._build = build

    def deliver(self, rows: Sequence[Any]) -> Iterable[int]:
        """Offer in order; the `seq` of what was taken. After a failure the later rows of the same record wait."""
        held: set[object] = set()
        for row in rows:
            if row.key in held:
                continue
            try:
                self._offer(row)
            except Failure as failure:
                log.warning("offer_not_taken", event_id=str(row.event_id), key=str(row.key), reason=failure.reason)
                held.add(row.key)
                continue
            yield row.seq

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
