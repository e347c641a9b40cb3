"""Keeps the promises of the outbox: offers to sharing. The content is built when it is sent, in order per record."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2, sharing_pb2_grpc

from services.controls.store import Store
from services.controls.wire.offers import offer_request
from services.kernel.db import Database
from services.kernel.errors import Conflict, ConflictReason, Failure, NotFound
from services.kernel.log import log
from services.kernel.rpc import DEADLINE_S, failure_of


class Delivery:
    """Offers records to sharing, with the certificate of controls."""

    def __init__(self, database: Database, store: Store, sharing: grpc.Channel) -> None:
        """The channel carries this service's own certificate."""
        self._database = database
        self._store = store
        self._sharing = sharing_pb2_grpc.SharingServiceStub(sharing)

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
        request = self._request(row)
        if request is None:
            return
        try:
            self._sharing.OfferRecord(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            failure = failure_of(error)
            if not _already_so(request, failure):
                raise failure from None

    def _request(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401
        """The question to sharing, or None when a later row of the same record says more."""
        with self._database.transaction() as tx:
            operation = self._store.operation(tx, UUID(row.payload["operation_id"]))
        assert operation is not None  # noqa: S101  # the row was written in the same transaction as the operation
        offer = next(offer for offer in operation.offers if offer.key == (row.key, row.payload["receiver_kind"]))
        if offer.revision > int(row.payload["revision"]):
            return None
        return offer_request(row.event_id, operation, offer, row.payload["person"])


def _already_so(request: sharing_pb2.OfferRecordRequest, failure: Failure) -> bool:
    """Whether a refusal says that what we ask for is done.

    The same event was taken before our row was deleted, and the operation has changed since, so the body built now is another one;
    or what we withdraw never reached sharing.
    """
    if isinstance(failure, Conflict):
        return failure.reason == ConflictReason.REQUEST_REUSED
    return isinstance(failure, NotFound) and request.HasField("withdrawn")
