"""Builds the offers of an operation to sharing, when they are sent."""

from typing import Any
from uuid import UUID

from los.sharing.v1 import sharing_pb2

from services.controls.store import Operations
from services.controls.wire.offers import offer_request
from services.kernel.db import Database


class Offers:
    """The operation as it is now, as an offer."""

    def __init__(self, database: Database, operations: Operations) -> None:
        """The parts of the service."""
        self._database = database
        self._operations = operations

    def request(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401  # a row of the outbox
        """The question to sharing, or None when a later row of the same record says more."""
        with self._database.transaction() as tx:
            operation = self._operations.get(tx, UUID(row.payload["operation_id"]))
        assert operation is not None  # noqa: S101  # the row was written in the same transaction as the operation
        offer = next(offer for offer in operation.offers if offer.key == (row.key, row.payload["receiver_kind"]))
        if offer.revision > int(row.payload["revision"]):
            return None
        return offer_request(row.event_id, operation, offer, row.payload["person"])
