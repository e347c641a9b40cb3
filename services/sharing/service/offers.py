"""Offers in: what registry and controls have assessed waits in the tray, and leaves it when the record says something else."""

from dataclasses import replace
from uuid import UUID

import grpc
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import STOCKHOLM, timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, Denied, Invalid, NotFound
from services.kernel.pages import after as page_after
from services.kernel.pages import next_token, page_size
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import (
    NEXT,
    OWNERS,
    RECALLABLE,
    STANDING,
    Offer,
    OfferState,
    Status,
    is_protected,
    kinds_of,
    protection_valid_until,
)
from services.sharing.service.parts import Parts, days_since
from services.sharing.store import tables


class OfferMethods(Parts):
    """The methods about offers."""

    def OfferRecord(self, request: pb.OfferRecordRequest, context: grpc.ServicerContext) -> pb.OfferRecordResponse:  # noqa: ARG002, N802
        """Take an offer into the tray, or empty one that is withdrawn."""
        asking = caller()
        record_kind = wire.record_kind_of(request)
        if OWNERS.get(record_kind) != asking.service:
            raise Denied(f"{record_kind}: den tjänsten äger inte uppgiften.")
        offered = wire.offer_from(request)
        if request.unit not in reference().units or request.receiver_kind not in reference().receivers:
            raise Invalid("unit: förvaltningen eller mottagaren finns inte.")
        return self._requests.once(
            asking,
            request,
            request.event_id,
            pb.OfferRecordResponse,
            lambda tx: self._take(tx, asking, offered, record_kind, request),
        )

    def _take(
        self, tx: Transaction, asking: Caller, offered: Offer | None, record_kind: str, request: pb.OfferRecordRequest
    ) -> pb.OfferRecordResponse:
        record_id, opened = UUID(request.record_id), self._store.open_flows(tx)
        earlier = self._store.latest_offer(tx, record_kind, record_id, request.receiver_kind)
        if earlier is not None and earlier.revision >= request.revision:
            return _taken(earlier)
        if earlier is None and offered is None:
            raise NotFound
        if request.protection_check.result == common_pb2.PROTECTION_PROTECTED:
            self._store.mark_protected(tx, record_id)
        wanted = None if offered is None or is_protected(offered) else _with_the_units_secrecy(offered)
        if earlier is not None:
            if wanted is not None and self._says_the_same(tx, earlier, wanted, opened):
                return _taken(earlier)
            self._supersede(tx, asking, earlier, wanted)
            if offered is None:
                return pb.OfferRecordResponse(offer_id=str(earlier.id), state=pb.OFFER_STATE_WITHDRAWN)
        assert offered is not None  # noqa: S101  # nothing to withdraw and nothing offered was refused above
        now = self._clock.now()
        if wanted is None:
            state = OfferState.STOPPED
        else:
            allowed = self._decisions.weigh(wanted, self._clock.today(), opened).allowed
            state = OfferState.WAITING if allowed else OfferState.NO_GROUND
        offer_id = self._store.add_offer(tx, wanted or offered, state, now)
        record_step(tx, tables.history, "offer", offer_id, offered.revision, (None, state), now, None)
        self._audit(tx, "sharing:offer:take", asking, "offer", offer_id, state=state, receiver=offered.receiver_kind)
        return pb.OfferRecordResponse(offer_id=str(offer_id), state=wire.OFFER_STATE[state])

    def _says_the_same(self, tx: Transaction, earlier: Row, offered: Offer, opened: frozenset[str]) -> bool:
        """Whether what was decided on the earlier offer stands, and the new revision would send the very same bytes.

        Then nothing is told twice; what has not left yet gets the time of the new check of protection.
        """
        told = self._store.disclosure_of_offer(tx, earlier.id)
        if told is None or Status(told.status) not in STANDING:
            return False
        try:
            on = told.decided_time.astimezone(STOCKHOLM).date()
            draft = self._decisions.draft(offered, told.id, on, opened, told.replaces)
        except Conflict:
            return False
        if draft.payload != self._store.opened("disclosure", told, "payload"):
            return False
        self._store.keep_protection_valid(tx, told.id, protection_valid_until(offered))
        return True

    def _supersede(self, tx: Transaction, asking: Caller, earlier: Row, offered: Offer | None) -> None:
        """The record is withdrawn or protected (None), or has changed: what was offered and decided before no longer holds.

        What nobody has decided on is emptied. What was decided never leaves, if it has not; if it may have, the recall goes at once,
        or the receiver is owed a correction (design 5). So does the recall of a protected person's, which no officer sees any more.
        """
        now = self._clock.now()
        for told in self._store.disclosures_of_record(tx, earlier.record_kind, earlier.record_id, earlier.receiver_kind):
            status = Status(told.status)
            if status is Status.AWAITING_APPROVAL:
                self._store.add_event(tx, told.id, Status.VOID, now)
            elif offered is None and status in RECALLABLE:
                after = self._decisions.recall(tx, told)
                self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
            elif status in STANDING:
                after = self._correct(tx, told)
                self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
        state = OfferState.WITHDRAWN if offered is None else OfferState.REPLACED
        if state in NEXT[OfferState(earlier.state)]:
            self._store.move_offer(tx, earlier, state)
            record_step(tx, tables.history, "offer", earlier.id, earlier.revision, (earlier.state, state), now, None)
            self._audit(tx, "sharing:offer:close", asking, "offer", earlier.id, state=state)

    def ListOffers(self, request: pb.ListOffersRequest, context: grpc.ServicerContext) -> pb.ListOffersResponse:  # noqa: ARG002, N802
        """The caller's unit's offers, with what the law says of each today."""
        asking = caller()
        size, after = page_size(request.page), page_after(request.page)
        states = [wire.OFFER_STATE_BACK[state] for state in request.states]
        with self._database.transaction() as tx:
            of = UUID(request.record_id) if request.record_id else None
            rows = self._store.offers(tx, asking.unit or "", kinds_of(asking), states, after, size + 1, of)
            opened = self._store.open_flows(tx)
            self._audit(tx, "sharing:offer:list", asking, count=min(len(rows), size))
        offers = [self._offer_row(row, opened) for row in rows[:size]]
        return pb.ListOffersResponse(offers=offers, next_page_token=next_token(rows, size))

    def _offer_row(self, row: Row, opened: frozenset[str]) -> pb.OfferRow:
        message = pb.OfferRow(
            offer_id=str(row.id),
            record_kind=row.record_kind,
            record_id=str(row.record_id),
            revision=row.revision,
            receiver_kind=row.receiver_kind,
            state=wire.OFFER_STATE[OfferState(row.state)],
            offered_time=timestamp(row.offered_time),
            waited_days=days_since(row.offered_time, self._clock.today()),
        )
        if row.content is not None:
            answer = self._decisions.weigh(self._store.opened_offer(row), self._clock.today(), opened)
            message.kind = answer.kind or ""
            message.ground_id = answer.ground.id if answer.ground else ""
            message.decision_by = answer.decision_by or ""
            message.message = self._decisions.duty(answer, row.receiver_kind, row.offered_time.date())
        return message


def _taken(earlier: Row) -> pb.OfferRecordResponse:
    return pb.OfferRecordResponse(offer_id=str(earlier.id), state=wire.OFFER_STATE[OfferState(earlier.state)])


def _with_the_units_secrecy(offered: Offer) -> Offer:
    """What a unit holds has at least the class that the unit always has (sharing-matrix 2): silence opens nothing."""
    holding = reference().units[offered.unit].holds.get(offered.record_kind)
    always = frozenset({holding.secrecy}) - {"none"} if holding else frozenset()
    return replace(offered, secrecy=offered.secrecy | always)
