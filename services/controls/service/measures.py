"""Measures, a unit's own and those that authorities outside tell of, and what is left to do after an operation."""

from dataclasses import replace
from typing import TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from los.controls.v1 import findings_pb2 as pb

from services.controls.domain import measures, operations
from services.controls.domain.findings import Site, require_begun
from services.controls.domain.measures import RECORD_KIND, Measure, State, Terms, Told
from services.controls.domain.parties import SUPERVISION
from services.controls.service.findings import FindingMethods
from services.controls.service.parts import unit_of
from services.controls.wire import measures as wire
from services.kernel import pages
from services.kernel.callers import Caller
from services.kernel.db import Transaction
from services.kernel.errors import Invalid, NotFound
from services.kernel.ids import new_id
from services.kernel.reference import reference
from services.kernel.rpc import caller

Answer = TypeVar("Answer", bound=Message)


class MeasureMethods(FindingMethods):
    """The methods about measures."""

    def RecordMeasure(self, request: pb.RecordMeasureRequest, _context: grpc.ServicerContext) -> pb.RecordMeasureResponse:  # noqa: N802, D102
        asking, unit = caller(), unit_of(caller())
        terms, state = wire.terms_from(request.terms), wire.state_from(request.state, State.INITIATED)

        def act(tx: Transaction) -> pb.RecordMeasureResponse:
            site = self._site(tx, request.visit_id, asking, begun=True)
            new = replace(self._new(site, unit, unit, request.measure_type), terms=terms)
            return self._added(tx, new, state, asking, pb.RecordMeasureResponse, "record")

        return self._requests.once(asking, request, request.request_id, pb.RecordMeasureResponse, act)

    def UpdateMeasure(self, request: pb.UpdateMeasureRequest, _context: grpc.ServicerContext) -> pb.UpdateMeasureResponse:  # noqa: N802, D102
        return self._updated(request, wire.terms_from(request.terms), request.state, pb.UpdateMeasureResponse, "update")

    def ListMeasures(self, request: pb.ListMeasuresRequest, _context: grpc.ServicerContext) -> pb.ListMeasuresResponse:  # noqa: N802, D102
        asking, today = caller(), self._clock.today()
        size, after = pages.page_size(request.page), pages.after(request.page)
        visit_id = UUID(request.visit_id) if request.visit_id else None
        with self._database.transaction() as tx:
            found = self._findings.measures(tx, unit_of(asking), visit_id, after, size + 1, today if request.overdue else None)
            page = found[:size]
            self._audit(tx, "controls:measure:list", asking, RECORD_KIND, count=len(page))
        return pb.ListMeasuresResponse(
            measures=[wire.measure_message(kept, today) for kept in page], next_page_token=pages.next_token(found, size)
        )

    def RecordToldMeasure(  # noqa: N802, D102
        self, request: pb.RecordToldMeasureRequest, _context: grpc.ServicerContext
    ) -> pb.RecordToldMeasureResponse:
        asking, unit = caller(), unit_of(caller())
        terms, told = wire.told_from(request.told)

        def act(tx: Transaction) -> pb.RecordToldMeasureResponse:
            site = self._told_site(tx, request.visit_id, request.authority, unit)
            new = replace(self._new(site, unit, request.authority, request.measure_type), terms=terms, told=told)
            state = wire.state_from(request.told.state, State.INITIATED)
            return self._added(tx, new, state, asking, pb.RecordToldMeasureResponse, "record_told", authority=request.authority)

        return self._requests.once(asking, request, request.request_id, pb.RecordToldMeasureResponse, act)

    def UpdateToldMeasure(  # noqa: N802, D102
        self, request: pb.UpdateToldMeasureRequest, _context: grpc.ServicerContext
    ) -> pb.UpdateToldMeasureResponse:
        terms, told = wire.told_from(request.told)
        return self._updated(request, terms, request.told.state, pb.UpdateToldMeasureResponse, "update_told", told)

    # ----------------------------------------------------------------------------------------------------------------

    def _added(  # a unit's own, or what it was told
        self, tx: Transaction, new: Measure, state: State, asking: Caller, answer: type[Answer], act_name: str, **details: str
    ) -> Answer:
        """Keep a new measure in the state that it has come to."""
        moved = measures.recorded(new, state, self._actor(asking))
        self._findings.add_measure(tx, moved, asking.person)
        self._audit(tx, f"controls:measure:{act_name}", asking, RECORD_KIND, new.id, **details)
        return answer(measure_id=str(new.id), state=wire.STATES[moved.record.state], etag=str(moved.record.revision))

    def _updated(
        self,
        request: pb.UpdateMeasureRequest | pb.UpdateToldMeasureRequest,
        terms: Terms,
        state: pb.MeasureState.ValueType,
        answer: type[Answer],
        act_name: str,
        told: Told | None = None,
    ) -> Answer:
        """Change a measure that the unit keeps: its own, or what it was told (`told`: by whom, this time)."""
        asking = caller()

        def act(tx: Transaction) -> Answer:
            before = self._findings.measure(tx, UUID(request.measure_id), unit_of(asking), told=told is not None)
            if before is None:
                raise NotFound
            before.require_etag(request.etag)
            moved = measures.updated(before, terms, wire.state_from(state, before.state), self._actor(asking), told)
            self._findings.save_measure(tx, before, moved, self._clock.now(), asking.person)
            self._audit(tx, f"controls:measure:{act_name}", asking, RECORD_KIND, before.id)
            return answer(state=wire.STATES[moved.record.state], etag=str(moved.record.revision))

        return self._requests.once(asking, request, request.request_id, answer, act)

    def _new(self, site: Site, unit: str, authority: str, measure_type: str) -> Measure:
        return Measure(new_id(), site.operation_id, site.visit_id, unit, authority, measure_type, site.day, self._clock.now())

    def _told_site(self, tx: Transaction, visit_id: str, authority: str, unit: str) -> Site:
        """A visit of the unit's own operation, in which an authority outside the kommun takes part."""
        operation = self._operations.of_visit(tx, UUID(visit_id), lock=True)
        if operation is None or operation.unit != unit:
            raise NotFound
        accepted = {one.receiver_kind for one in operation.participations if one.reply and one.reply.answer is operations.Answer.ACCEPTED}
        if authority not in accepted - {SUPERVISION, *(unit.code for unit in reference().units)}:
            raise Invalid("authority: ange en myndighet utanför kommunen som deltar i insatsen.")
        site = Site.of(operation, UUID(visit_id))
        require_begun(operation, UUID(visit_id))
        return site
