"""The records of sharing itself: what a person may know of what was shared, what is held, and gallring."""

from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.identity import IdentityNumber
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import OfferState, Status
from services.sharing.retention import Rule, months_ago, retention
from services.sharing.service.parts import Parts
from services.sharing.store import tables


class RecordMethods(Parts):
    """The methods of the records officer."""

    def ListDisclosuresAbout(  # noqa: N802
        self,
        request: pb.ListDisclosuresAboutRequest,
        context: grpc.ServicerContext,  # noqa: ARG002
    ) -> pb.ListDisclosuresAboutResponse:
        """GDPR art. 15: to whom, when, on what ground, which fields; what may be secret from the person too is marked, not opened."""
        asking = caller()
        try:
            number = IdentityNumber.parse(request.identity_number, self._clock.today())
        except Invalid as fault:
            raise Invalid(f"identity_number: {fault.message}") from None
        subject = self._store.person_index(number.digits)
        with self._database.transaction() as tx:
            rows = self._store.disclosures_about(tx, subject, asking.unit or "")
            self._audit(
                tx,
                "sharing:disclosure:about",
                asking,
                case_number=request.case_number,
                search=subject.hex(),
                count=len(rows),
                disclosures=[str(row.id) for row in rows],
            )
        return pb.ListDisclosuresAboutResponse(disclosures=[self._about(row) for row in rows])

    def _about(self, row: Row) -> pb.DisclosureAbout:
        withheld = retention().why_withheld(row.record_kind, row.secrecy)
        readable = row.data_key is not None and not withheld
        return pb.DisclosureAbout(
            disclosure_id=str(row.id),
            receiver_kind=row.receiver_kind,
            receiver=reference().receivers[row.receiver_kind].word,
            decided_time=timestamp(row.decided_time),
            ground_id=row.ground_id,
            citation=self._decisions.law.grounds[row.ground_id].citation,
            fields=[] if withheld else row.fields,
            state=wire.DISCLOSURE_STATE[Status(row.status)],
            payload=self._store.opened("disclosure", row, "payload") if readable else b"",
            withheld=withheld,
        )

    def HoldDisclosure(self, request: pb.HoldDisclosureRequest, context: grpc.ServicerContext) -> pb.HoldDisclosureResponse:  # noqa: ARG002, N802
        """Legal hold: it stays, whatever its day, until it is let go."""
        asking = caller()

        def act(tx: Transaction) -> pb.HoldDisclosureResponse:
            told = self._store.disclosure_of_unit(tx, UUID(request.disclosure_id), asking.unit, lock=True)
            if told is None:
                raise NotFound
            if told.status == Status.ERASED:
                raise Conflict("disclosure_id: uppgiften är redan gallrad.")
            self._store.add_hold(tx, told.id, asking.principal, self._clock.now(), request.reason, held=request.held)
            self._audit(tx, "sharing:disclosure:hold", asking, "disclosure", told.id, held=request.held)
            return pb.HoldDisclosureResponse()

        return self._requests.once(asking, request, request.request_id, pb.HoldDisclosureResponse, act)

    # gallring -----------------------------------------------------------------------------------------------------

    def EraseDisclosures(self, request: pb.EraseDisclosuresRequest, context: grpc.ServicerContext) -> pb.EraseDisclosuresResponse:  # noqa: ARG002, N802
        """Gallring of the caller's unit, by rule and decision; a dry run counts the same and changes nothing."""
        asking = caller()
        if not request.dry_run and not request.erasure_decision.strip():
            raise Invalid("erasure_decision: ange gallringsbeslutets nummer. Utan beslut gallras inget.")
        if request.dry_run:
            with self._database.transaction() as tx:
                answer = self._erased(tx, asking, request)
                self._audit(tx, "sharing:disclosure:erase", asking, outcome="dry_run")
            return answer
        return self._requests.once(
            asking, request, request.request_id, pb.EraseDisclosuresResponse, lambda tx: self._erased(tx, asking, request)
        )

    def _erased(self, tx: Transaction, asking: Caller, request: pb.EraseDisclosuresRequest) -> pb.EraseDisclosuresResponse:
        rules = retention()
        rows = [self._erased_kind(tx, asking, request, rule) for rule in rules.rule]
        answer = pb.EraseDisclosuresResponse(rows=[row for row in rows if row.disclosures or row.kept])
        for row in self._store.lapsed_offers(tx, asking.unit or "", months_ago(rules.offer_lapse_months, self._clock.now())):
            if self._is_duty(tx, row):
                continue
            answer.lapsed_offers += 1
            if not request.dry_run:
                self._store.move_offer(tx, row, OfferState.LAPSED)
                step = (row.state, OfferState.LAPSED)
                record_step(tx, tables.history, "offer", row.id, row.revision, step, self._clock.now(), asking.person)
                self._audit(tx, "sharing:offer:lapse", asking, "offer", row.id)
        return answer

    def _erased_kind(self, tx: Transaction, asking: Caller, request: pb.EraseDisclosuresRequest, rule: Rule) -> pb.ErasureRow:
        now = self._clock.now()
        found = self._store.past_their_day(tx, asking.unit or "", rule.record_kind, months_ago(rule.keep_months, now))
        going = [row for row in found if not row.kept]
        if not request.dry_run:
            protocol = {
                "record_kind": rule.record_kind,
                "unit": asking.unit,
                "keep_months": rule.keep_months,
                "erasure_decision": request.erasure_decision.strip(),
                "person": asking.principal,
            }
            for row in going:
                self._store.keep_back(tx, row.id)
                self._store.erase(tx, row.id, protocol, now)
                self._store.add_event(tx, row.id, Status.ERASED, now, person=asking.person)
                self._audit(tx, "sharing:disclosure:erase", asking, "disclosure", row.id, decision=request.erasure_decision.strip())
        return pb.ErasureRow(
            record_kind=rule.record_kind, disclosures=len(going), kept=len(found) - len(going), keep_months=rule.keep_months
        )

    def _is_duty(self, tx: Transaction, row: Row) -> bool:
        """Whether the law says today that it must be told; then only a person decides that it is not."""
        ground = self._decisions.weigh(self._store.opened_offer(row), self._clock.today(), self._store.open_flows(tx)).ground
        return ground is not None and ground.kind == "duty"
