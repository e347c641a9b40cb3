"""Builds the offers of alerts and payments to sharing, when they are sent."""

from typing import Any
from uuid import UUID

from los.sharing.v1 import sharing_pb2

from services.kernel.db import Database
from services.registry.domain.alert import RECORD_KIND as ALERT
from services.registry.domain.record import Offer
from services.registry.store import Alerts, Payments
from services.registry.wire import alerts as alert_wire
from services.registry.wire import payments as payment_wire
from services.registry.wire.common import protection_check_message


class Offers:
    """The record as it is now, as an offer."""

    def __init__(self, database: Database, alerts: Alerts, payments: Payments) -> None:
        """The parts of the service."""
        self._database = database
        self._alerts = alerts
        self._payments = payments

    def request(self, row: Any) -> sharing_pb2.OfferRecordRequest | None:  # noqa: ANN401  # a row of the outbox
        """The question to sharing, or None when a later row of the same record says more."""
        promised, revision = row.payload, int(row.payload["revision"])
        records: Alerts | Payments = self._alerts if promised["kept_as"] == ALERT else self._payments
        with self._database.transaction() as tx:
            record = records.any(tx, row.key)
        assert record is not None  # noqa: S101  # the row was written in the same transaction as the record
        offer, offered = Offer(promised["record_kind"], promised["receiver_kind"]), record.content.offered
        if row.kind == "withdraw":
            if offer in offered.offers:
                return None  # offered again since, and that row comes after this one
            return sharing_pb2.OfferRecordRequest(
                event_id=str(row.event_id),
                record_id=str(row.key),
                revision=revision,
                receiver_kind=offer.receiver_kind,
                unit=record.unit,
                protection_check=protection_check_message(record.protection_check),
                withdrawn=sharing_pb2.Withdrawn(record_kind=offer.record_kind),
            )
        return None if offered.revision > revision else self._offer(row.event_id, record, offer)

    @staticmethod
    def _offer(event_id: UUID, record: Any, offer: Offer) -> sharing_pb2.OfferRecordRequest:  # noqa: ANN401  # an alert or a payment
        if offer.record_kind == ALERT:
            return alert_wire.offer_request(event_id, record)
        return payment_wire.offer_request(event_id, record, offer)
