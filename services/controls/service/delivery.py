"""Builds the offers of operations and of findings to sharing, when they are sent."""

from typing import Any
from uuid import UUID

from los.sharing.v1 import sharing_pb2

from services.controls.domain.findings import Site
from services.controls.store import Findings, Operations
from services.controls.wire.findings import offer_request as finding_request
from services.controls.wire.offers import offer_request
from services.kernel.db import Database


class Offers:
    """The operation or the observation as it is now, as an offer."""

    def __init__(self, database: Database, operations: Operations, findings: Findings) -> None:
        """The parts of the service."""
        self._database = database
        self._operations = operations
        self._findings = findings

    def request(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401  # a row of the outbox
        """The question to sharing, or None when a later row of the same record says more."""
        return self._of_finding(row) if row.kind == "finding" else self._of_operation(row)

    def _of_operation(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401
        with self._database.transaction() as tx:
            operation = self._operations.get(tx, UUID(row.payload["operation_id"]))
        assert operation is not None  # noqa: S101  # the row was written in the same transaction as the operation
        offer = next(offer for offer in operation.offers if offer.key == (row.key, row.payload["receiver_kind"]))
        if offer.revision > int(row.payload["revision"]):
            return None
        return offer_request(row.event_id, operation, offer, row.payload["person"])

    def _of_finding(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401
        with self._database.transaction() as tx:
            kept = self._findings.observation(tx, row.key)
            assert kept is not None  # noqa: S101  # the row was written in the same transaction as the observation's change
            operation = self._operations.get(tx, kept.operation_id)
            assert operation is not None  # noqa: S101  # a foreign key
            handled_by = self._findings.handlers(tx, kept.id)
        offer = next(offer for offer in kept.offers if offer.receiver_kind == row.payload["receiver_kind"])
        if offer.revision > int(row.payload["revision"]):
            return None
        return finding_request(row.event_id, kept, offer, Site.of(operation, kept.visit_id), handled_by)
