"""Tips: received, assessed, decided on; each in the unit that registered it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message
from los.controls.v1 import tips_pb2 as pb

from services.controls.domain import objects, tips
from services.controls.domain.objects import StoredObject, read_object
from services.controls.domain.tips import RECORD_KIND, Tip
from services.controls.service.parts import Parts, unit_of
from services.controls.wire import tips as wire
from services.kernel import pages
from services.kernel.callers import Caller
from services.kernel.clock import instant
from services.kernel.db import Transaction
from services.kernel.errors import Conflict
from services.kernel.ids import new_id
from services.kernel.life import Actor, Moved
from services.kernel.rows import FieldFault
from services.kernel.rpc import caller

Answer = TypeVar("Answer", bound=Message)


class TipMethods(Parts):
    """The methods about tips. Whoever registers one gets its number; only coordinators read it, also what has become of it."""

    def RegisterTip(self, request: pb.RegisterTipRequest, _context: grpc.ServicerContext) -> pb.RegisterTipResponse:  # noqa: N802, D102
        asking = caller()
        actor, received = self._actor(asking), instant(request.received_time)
        new = tips.Tip.received(new_id(), unit_of(asking), request.source_type, received, request.suspicion_types, request.summary, actor)

        def act(tx: Transaction) -> pb.RegisterTipResponse:
            tip = replace(new, object_id=self._object_meant(tx, request, asking))
            self._tips.add(tx, tip, asking.person)
            self._audit(tx, "controls:tip:register", asking, RECORD_KIND, tip.id)
            return pb.RegisterTipResponse(tip_id=str(tip.id), object_id=str(tip.object_id), state=wire.STATES[tip.state])

        return self._requests.once(asking, request, request.request_id, pb.RegisterTipResponse, act)

    def GetTip(self, request: pb.GetTipRequest, _context: grpc.ServicerContext) -> pb.GetTipResponse:  # noqa: N802, D102
        asking = caller()
        with self._database.transaction() as tx:
            tip = self._tips.seen(tx, UUID(request.tip_id), unit_of(asking))
            self._audit(tx, "controls:tip:read", asking, RECORD_KIND, tip.id)
        return pb.GetTipResponse(tip=wire.tip_message(tip))

    def ListTips(self, request: pb.ListTipsRequest, _context: grpc.ServicerContext) -> pb.ListTipsResponse:  # noqa: N802, D102
        asking = caller()
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            found = self._tips.page(tx, unit_of(asking), wire.STATE_OF.get(request.state), after, size + 1)
            self._audit(tx, "controls:tip:list", asking, RECORD_KIND, count=min(len(found), size))
        return pb.ListTipsResponse(tips=[wire.tip_message(tip) for tip in found[:size]], next_page_token=pages.next_token(found, size))

    def AssessTip(self, request: pb.AssessTipRequest, _context: grpc.ServicerContext) -> pb.AssessTipResponse:  # noqa: N802, D102
        asked = wire.assessed_from(request)

        def told(tip: Tip) -> dict[str, Any]:
            return {"authorities": tip.authorities}

        return self._tip_changed(request, pb.AssessTipResponse, "assess", lambda tip, actor: tips.assess(tip, asked, actor), told)

    def DecideTip(self, request: pb.DecideTipRequest, _context: grpc.ServicerContext) -> pb.DecideTipResponse:  # noqa: N802, D102
        act, asked = wire.DECISIONS[request.decision], wire.decided_from(request)
        return self._tip_changed(request, pb.DecideTipResponse, act, lambda tip, actor: tips.decide(tip, act, asked, actor))

    def ForwardTip(self, request: pb.ForwardTipRequest, _context: grpc.ServicerContext) -> pb.ForwardTipResponse:  # noqa: N802, D102
        asked = wire.forwarded_from(request)
        return self._tip_changed(request, pb.ForwardTipResponse, "forward", lambda tip, actor: tips.forward(tip, asked, actor))

    def _tip_changed(  # one way for the three acts
        self,
        request: pb.AssessTipRequest | pb.DecideTipRequest | pb.ForwardTipRequest,
        answer: type[Answer],
        event: str,
        change: Callable[[Tip, Actor], Moved[Tip]],
        told: Callable[[Tip], dict[str, Any]] = lambda _: {},
    ) -> Answer:
        """Change the unit's own tip in one transaction. `told`: what the answer says besides state and etag."""
        asking = caller()

        def act(tx: Transaction) -> Answer:
            before = self._tips.seen(tx, UUID(request.tip_id), unit_of(asking), lock=True)
            before.require_etag(request.etag)
            moved = change(before, self._actor(asking))
            self._tips.save(tx, moved, self._clock.now(), asking.person)
            self._audit(tx, f"controls:tip:{event}", asking, RECORD_KIND, before.id, state=moved.record.state)
            return answer(state=wire.STATES[moved.record.state], etag=str(moved.record.revision), **told(moved.record))

        return self._requests.once(asking, request, request.request_id, answer, act)

    def _object_meant(self, tx: Transaction, request: pb.RegisterTipRequest, asking: Caller) -> UUID:
        """The object that a tip is about: named, found, or registered now."""
        if request.HasField("object_id"):
            return self._objects.get(tx, UUID(request.object_id)).id
        texts, now = wire.place_texts(request.place), self._clock.now()
        looked_for = objects.sought(texts)
        found = self._objects.find(tx, looked_for)
        if found is not None and (looked_for.number is None or found.object.org_number is not None):
            return found.id
        try:
            place = read_object(texts, self._clock.today())
        except FieldFault as fault:
            raise fault.as_invalid() from None
        kept = self._objects.register(tx, StoredObject(new_id(), place), now, asking.person)
        if kept is None:  # a list of objects has brought it this very moment
            raise Conflict("place: objektet registreras just nu av någon annan. Försök igen.")
        self._audit(tx, "controls:object:register", asking, "control_object", kept.id)
        return kept.id
