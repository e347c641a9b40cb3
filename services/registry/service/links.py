"""Links between records: read from one record that the caller may read, confirmed and broken by a person."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel import pages
from services.kernel.callers import Caller, Role
from services.kernel.db import Row, Transaction
from services.kernel.errors import NotFound
from services.kernel.protection import IdentityLevel
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain import supplier as suppliers
from services.registry.domain.linking import Evidence
from services.registry.domain.lookup import Outcome
from services.registry.service.parts import Parts, require_etag
from services.registry.store.links import Found, Hint
from services.registry.wire import common
from services.registry.wire import links as link_wire

# Who may read a record of each kind in their own unit: a link is there only for one who may read both of its ends. No landlord reads links.
READERS: Mapping[str, tuple[Role, ...]] = {
    alerts.RECORD_KIND: (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER),
    payments.RECORD_KIND: (Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER),
    suppliers.RECORD_KIND: (Role.CASE_OFFICER,),
}
LINKS = "links"
"""The purpose of a question that was asked by listing a record's links."""
SOCIALTJANST = "socialnamnd"


class LinkMethods(Parts):
    """The methods about links."""

    def ListLinks(self, request: pb.ListLinksRequest, _context: grpc.ServicerContext) -> pb.ListLinksResponse:  # noqa: N802, D102
        asking, record_id = caller(), UUID(request.record_id)
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            row = self._mentioned(tx, request.record_kind, record_id, asking)
            found = self._links.page(tx, row, _readable(asking), after, size + 1) if row else []
            hints = self._links.hints(tx, row, _pointing(asking, request.record_kind)) if row else []
            self._keep_as_look_up(tx, asking, (request.record_kind, record_id), found[:size], hints)
            self._audit(tx, "registry:link:list", asking, request.record_kind, record_id, count=min(len(found), size), hints=len(hints))
        level = IdentityLevel(row.identity_level) if row and row.identity_level else IdentityLevel.UNKNOWN
        return pb.ListLinksResponse(
            links=[link_wire.link_message(each) for each in found[:size]],
            next_page_token=pages.next_token(found, size),
            hints=[link_wire.hint_message(hint) for hint in hints],
            identity_level=common.IDENTITY_LEVEL_MESSAGE[level],
        )

    def DecideLink(self, request: pb.DecideLinkRequest, _context: grpc.ServicerContext) -> pb.DecideLinkResponse:  # noqa: N802, D102
        asking, record_id, other_id = caller(), UUID(request.record_id), UUID(request.other_record_id)
        decision, reason = link_wire.said(request)

        def act(tx: Transaction) -> pb.DecideLinkResponse:
            row = self._mentioned(tx, request.record_kind, record_id, asking)
            found = self._links.between(tx, row, other_id, _readable(asking)) if row else None
            if row is None or found is None:
                raise NotFound
            require_etag(request.etag, link_wire.etag(found))
            revision = self._links.decide(tx, row, found, decision, reason, asking.principal, self._clock.now())
            for kind, one in ((request.record_kind, record_id), (found.record_kind, other_id)):
                self._audit(tx, "registry:link:decide", asking, kind, one, decision=decision, reason=reason)
            return pb.DecideLinkResponse(decision=request.decision, etag=str(revision))

        return self._once(asking, request, request.request_id, pb.DecideLinkResponse, act)

    def _keep_as_look_up(
        self, tx: Transaction, asking: Caller, case: tuple[str, UUID], found: Sequence[Found], hints: Sequence[Hint]
    ) -> None:
        """Who asks from a record that they wrote themselves has in effect asked about a person: it is kept once, and looked at."""
        evidence = [*(link.evidence for link in found), *(hint.evidence for hint in hints)]
        told = [each for each in evidence if Evidence.SAME_NUMBER in each]
        if told and self._made_by_hand(tx, *case, asking.principal) and not self._look_ups.kept(tx, asking.principal, case[1], LINKS):
            now = self._clock.now()
            self._look_ups.keep(tx, asking, case, LINKS, Outcome.ANSWERED, len(told), now, needs_review=True)

    def _mentioned(self, tx: Transaction, record_kind: str, record_id: UUID, asking: Caller) -> Row | None:
        """What a record mentions that the caller may read. Raises NotFound when they may not, or it is not there."""
        if record_kind not in _readable(asking):
            raise NotFound
        if record_kind == alerts.RECORD_KIND:
            self._alerts.seen(tx, record_id, asking)
        elif record_kind == payments.RECORD_KIND:
            self._payments.seen(tx, record_id, asking)
        else:
            self._suppliers.seen(tx, record_id, asking)
        return self._links.of(tx, record_id)


def _readable(asking: Caller) -> list[str]:
    return [kind for kind, roles in READERS.items() if asking.role in roles]


def _pointing(asking: Caller, record_kind: str) -> list[str]:
    """The units that may point at something to whoever asks: none, unless theirs has socialtjänst (sharing-matrix 5.8)."""
    held = reference().units[asking.unit or ""].holds.get(record_kind)
    if held is None or SOCIALTJANST not in held.sender_kinds:
        return []
    return [unit.code for unit in reference().units if unit.points_to_socialtjanst and unit.code != asking.unit]
