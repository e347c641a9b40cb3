"""What inspectors find at a visit, and what they decide to tell: checklists, observations, the second wave."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.controls.v1 import findings_pb2 as pb

from services.controls.domain.checklists import checklists
from services.controls.domain.findings import RECORD_KIND, Observation, Seen, Site, require_begun
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import findings as wire
from services.controls.wire import operations as operation_wire
from services.kernel import pages
from services.kernel.callers import Caller
from services.kernel.db import Transaction
from services.kernel.errors import Conflict, NotFound
from services.kernel.ids import new_id
from services.kernel.life import Actor, Moved
from services.kernel.rpc import caller

OBSERVATIONS_MAX = 200
"""How many observations one unit may have at one visit."""
Change = Callable[[Observation, Site, Actor], Moved[Observation]]
Asked = (
    pb.ChangeObservationRequest
    | pb.WithdrawObservationRequest
    | pb.OfferFindingRequest
    | pb.WithdrawFindingRequest
    | pb.DecideNothingToTellRequest
)
Answer = TypeVar("Answer", bound=Message)


class FindingMethods(Parts):
    """The methods about observations. An observation is its unit's own: another unit's is not there."""

    def GetChecklists(self, request: pb.GetChecklistsRequest, _context: grpc.ServicerContext) -> pb.GetChecklistsResponse:  # noqa: N802, D102
        asking = caller()
        rows, seen = tuple(checklists().lists), Counter[tuple[str, str]]()
        with self._database.transaction() as tx:
            if request.visit_id:
                unit = unit_of(asking)
                site = self._site(tx, request.visit_id, asking)
                rows = checklists().of(unit)
                kept = self._findings.observations(tx, site.visit_id, unit, None, OBSERVATIONS_MAX)
                seen.update((one.seen.control_ground_id, one.seen.area) for one in kept)
            self._audit(tx, "controls:checklist:read", asking, "visit", UUID(request.visit_id) if request.visit_id else None)
        return pb.GetChecklistsResponse(checklists=[wire.checklist_message(row, seen) for row in rows], areas=wire.areas())

    def RecordObservation(  # noqa: N802, D102
        self, request: pb.RecordObservationRequest, _context: grpc.ServicerContext
    ) -> pb.RecordObservationResponse:
        asking, unit = caller(), unit_of(caller())

        def act(tx: Transaction) -> pb.RecordObservationResponse:
            site = self._site(tx, request.visit_id, asking, begun=True)
            seen = Seen.read(wire.seen_from(request.seen), unit, self._clock.today())
            if len(self._findings.observations(tx, site.visit_id, unit, None, OBSERVATIONS_MAX)) == OBSERVATIONS_MAX:
                raise Conflict(f"visit_id: förvaltningen har redan {OBSERVATIONS_MAX} iakttagelser vid besöket.")
            new = Observation(new_id(), site.operation_id, site.visit_id, unit, site.day, seen, self._clock.now(), asking.principal)
            self._findings.add_observation(tx, new, asking.person)
            self._audit(tx, "controls:observation:record", asking, RECORD_KIND, new.id)
            return pb.RecordObservationResponse(observation_id=str(new.id), etag=str(new.revision))

        return self._requests.once(asking, request, request.request_id, pb.RecordObservationResponse, act)

    def ChangeObservation(  # noqa: N802, D102
        self, request: pb.ChangeObservationRequest, _context: grpc.ServicerContext
    ) -> pb.ChangeObservationResponse:
        def change(before: Observation, site: Site, actor: Actor) -> Moved[Observation]:
            return before.changed(Seen.read(wire.seen_from(request.seen), before.unit, actor.today), site.place, actor)

        return self._changed_observation(request, pb.ChangeObservationResponse, change, "change")

    def WithdrawObservation(  # noqa: N802, D102
        self, request: pb.WithdrawObservationRequest, _context: grpc.ServicerContext
    ) -> pb.WithdrawObservationResponse:
        return self._changed_observation(
            request, pb.WithdrawObservationResponse, lambda before, _, actor: before.withdrawn(actor), "withdraw"
        )

    def ListObservations(self, request: pb.ListObservationsRequest, _context: grpc.ServicerContext) -> pb.ListObservationsResponse:  # noqa: N802, D102
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._findings.observations(tx, UUID(request.visit_id), unit_of(asking), after, size + 1)
            page = found[:size]
            self._audit(tx, "controls:observation:list", asking, "visit", UUID(request.visit_id), count=len(page))
        return pb.ListObservationsResponse(
            observations=[wire.observation_message(kept) for kept in page], next_page_token=pages.next_token(found, size)
        )

    # the second wave ------------------------------------------------------------------------------------------------

    def OfferFinding(self, request: pb.OfferFindingRequest, _context: grpc.ServicerContext) -> pb.OfferFindingResponse:  # noqa: N802, D102
        to = request.receiver_kind

        def offer(before: Observation, site: Site, _: Actor) -> Moved[Observation]:
            return before.offered(to, site.place, on_request=request.on_request, offence=request.offence_suspected)

        return self._changed_observation(request, pb.OfferFindingResponse, offer, "offer", receiver_kind=to)

    def WithdrawFinding(self, request: pb.WithdrawFindingRequest, _context: grpc.ServicerContext) -> pb.WithdrawFindingResponse:  # noqa: N802, D102
        to = request.receiver_kind
        return self._changed_observation(
            request, pb.WithdrawFindingResponse, lambda before, *_: before.taken_back(to), "withdraw_offer", receiver_kind=to
        )

    def DecideNothingToTell(  # noqa: N802, D102
        self, request: pb.DecideNothingToTellRequest, _context: grpc.ServicerContext
    ) -> pb.DecideNothingToTellResponse:
        return self._changed_observation(
            request, pb.DecideNothingToTellResponse, lambda before, _, actor: before.nothing_to_tell(actor), "nothing_to_tell"
        )

    def _hear_of_finding(self, tx: Transaction, outcome: common_pb2.RecordOutcome, asking: Caller) -> None:
        """Sharing tells what became of a finding. Raises NotFound when nothing of the kind was offered."""
        observation_id, receiver_kind = operation_wire.outcome_key(outcome)
        before = self._findings.observation(tx, observation_id)
        if before is None or all(offer.receiver_kind != receiver_kind for offer in before.offers):
            raise NotFound
        after = before.with_outcome(receiver_kind, operation_wire.outcome_from(outcome))
        self._findings.save_offers(tx, before.id, [offer for offer in after.offers if offer.receiver_kind == receiver_kind])
        self._audit(tx, "controls:outcome:record", asking, RECORD_KIND, before.id)

    # ----------------------------------------------------------------------------------------------------------------

    def _site(self, tx: Transaction, visit_id: str, asking: Caller, *, begun: bool = False) -> Site:
        """A visit that the asking unit inspects; `begun`: to record what is found there, so that nothing is closed meanwhile.

        Raises NotFound, the same for absent and not theirs, and Conflict before it has begun.
        """
        operation = self._operations.of_visit(tx, UUID(visit_id), lock=begun)
        if operation is None:
            raise NotFound
        site = Site.inspected(operation, UUID(visit_id), unit_of(asking))
        if begun:
            require_begun(operation, UUID(visit_id))
        return site

    def _changed_observation(self, request: Asked, answer: type[Answer], change: Change, act_name: str, **details: str) -> Answer:
        """One act on the unit's own observation from the etag that was seen; sharing is promised the offers that follow from it."""
        asking = caller()

        def act(tx: Transaction) -> Answer:
            before = self._findings.observation(tx, UUID(request.observation_id), unit_of(asking))
            if before is None:
                raise NotFound
            before.require_etag(request.etag)
            operation = self._operations.get(tx, before.operation_id)
            assert operation is not None  # noqa: S101  # a foreign key
            moved, now = change(before, Site.of(operation, before.visit_id), self._actor(asking)), self._clock.now()
            self._findings.save_observation(tx, before, moved, now, asking.person)
            known = {offer.receiver_kind: offer.revision for offer in before.offers}
            for offer in moved.record.offers:
                if offer.revision != known.get(offer.receiver_kind):
                    self._findings.promise_finding(tx, before.id, offer, new_id(), now)
            self._audit(tx, f"controls:observation:{act_name}", asking, RECORD_KIND, before.id, **details)
            return answer(etag=str(moved.record.revision))

        return self._requests.once(asking, request, request.request_id, answer, act)
