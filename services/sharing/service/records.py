"""The records of sharing itself: what a person may know of what was shared, what is held, and gallring."""

from datetime import datetime
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

PROTECTED = "Personen har skyddade uppgifter. Ärendet hanteras bara av den särskilda funktionen."


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
            numbers = [IdentityNumber.parse(text, self._clock.today()) for text in request.identity_numbers]
        except Invalid as fault:
            raise Invalid(f"identity_numbers: {fault.message}") from None
        [case_number] = self._plain(case_number=request.case_number)
        subjects = [self._store.person_index(number.digits) for number in numbers]
        with self._database.transaction() as tx:
            rows = self._store.disclosures_about(tx, subjects, asking.unit or "")
            told = [str(row.id) for row in rows]
            self._audit(tx, "sharing:disclosure:about", asking, case_number=case_number, count=len(rows), disclosures=told)
        return pb.ListDisclosuresAboutResponse(disclosures=[self._about(row) for row in rows])

    def _about(self, row: Row) -> pb.DisclosureAbout:
        withheld = PROTECTED if row.protected else retention().why_withheld(row.record_kind, row.secrecy)
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
            [reason] = self._plain(reason=request.reason)
            self._store.add_hold(tx, told.id, asking.principal, self._clock.now(), reason, held=request.held)
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
        answer.lapsed_offers = self._lapsed(tx, asking, months_ago(rules.offer_lapse_months, self._clock.now()), dry_run=request.dry_run)
        return answer

    def _lapsed(self, tx: Transaction, asking: Caller, before: datetime, *, dry_run: bool) -> int:
        """How many permissions nobody used in time. A duty never lapses: only a person decides that it is not carried out."""
        opened, today, now = self._store.open_flows(tx), self._clock.today(), self._clock.now()
        lapsed, last = 0, None
        while rows := self._store.lapsed_offers(tx, asking.unit or "", before, last):
            last = rows[-1].id
            for row in rows:
                if self._decisions.weigh(self._store.opened_offer(row), today, opened).kind == "duty":
                    continue
                lapsed += 1
                if not dry_run:
                    self._store.move_offer(tx, row, OfferState.LAPSED)
                    step = (row.state, OfferState.LAPSED)
                    record_step(tx, tables.history, "offer", row.id, row.revision, step, now, asking.person)
                    self._audit(tx, "sharing:offer:lapse", asking, "offer", row.id)
        return lapsed

    def _erased_kind(self, tx: Transaction, asking: Caller, request: pb.EraseDisclosuresRequest, rule: Rule) -> pb.ErasureRow:
        now = self._clock.now()
        going, kept = self._store.past_their_day(tx, asking.unit or "", rule.record_kind, months_ago(rule.keep_months, now))
        if not request.dry_run:
            protocol = {
                "record_kind": rule.record_kind,
                "unit": asking.unit,
                "keep_months": rule.keep_months,
                "erasure_decision": self._plain(erasure_decision=request.erasure_decision)[0],
                "person": asking.principal,
            }
            for disclosure_id in going:
                self._store.keep_back(tx, disclosure_id)
                self._store.erase(tx, disclosure_id, protocol, now)
                self._store.add_event(tx, disclosure_id, Status.ERASED, now, person=asking.person)
                self._audit(tx, "sharing:disclosure:erase", asking, "disclosure", disclosure_id, decision=protocol["erasure_decision"])
        return pb.ErasureRow(record_kind=rule.record_kind, disclosures=len(going), kept=kept, keep_months=rule.keep_months)
