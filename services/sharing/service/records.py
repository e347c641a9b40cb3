"""The records of sharing itself: what a person may know of what was shared, what is held, and gallring."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, Invalid, NotFound
from services.kernel.identity import IdentityNumber
from services.kernel.pages import after as page_after
from services.kernel.pages import next_token, page_size
from services.kernel.protection import Protection
from services.kernel.records import record_step
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import NOTICE, InboundState, OfferState, Status
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
        """GDPR art. 15: to whom, when, on what ground, which fields; what may be secret from the person too is marked, not opened.

        A person found to be protected is not there, as one about whom nothing was shared: another function answers (M3b).
        """
        asking = caller()
        try:
            numbers = [IdentityNumber.parse(text, self._clock.today()) for text in request.identity_numbers]
        except Invalid as fault:
            raise Invalid(f"identity_numbers: {fault.message}") from None
        [case_number] = self._plain(case_number=request.case_number)
        subjects = [self._store.person_index(number.digits) for number in numbers]
        with self._database.transaction() as tx:
            rows = self._store.disclosures_about(tx, subjects, asking.unit or "")
            heard = self._store.inbound_about(tx, subjects, asking.unit or "")
            protected = {row.subject for row in rows if row.protected}
            protected |= {row.subject for row in heard if row.protection == Protection.PROTECTED}
            rows, heard = ([row for row in found if row.subject not in protected] for found in (rows, heard))
            told = [str(row.id) for row in rows]
            self._audit(
                tx,
                "sharing:disclosure:about",
                asking,
                case_number=case_number,
                count=len(rows) + len(heard),
                disclosures=told,
                inbound=[str(row.id) for row in heard],
            )
        return pb.ListDisclosuresAboutResponse(
            disclosures=[self._about(row) for row in rows], inbound=[self._inbound_about(row) for row in heard]
        )

    def _inbound_about(self, row: Row) -> pb.InboundAbout:
        return pb.InboundAbout(
            inbound_id=str(row.id),
            sender=reference().receivers[row.receiver_kind].word,
            received_time=timestamp(row.received_time),
            ground_id=row.ground_id,
            citation=self._decisions.law.grounds[row.ground_id].citation,
            state=wire.INBOUND_STATE[InboundState(row.state)],
            withheld=retention().why_withheld(NOTICE, ()),
            held=row.held,
        )

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
            held=row.held,
        )

    def HoldDisclosure(self, request: pb.HoldDisclosureRequest, context: grpc.ServicerContext) -> pb.HoldDisclosureResponse:  # noqa: ARG002, N802
        """Legal hold of a disclosure or a notice: it stays, whatever its day, until it is let go."""
        asking = caller()

        def act(tx: Transaction) -> pb.HoldDisclosureResponse:
            held_id = UUID(request.disclosure_id)
            told = self._store.disclosure_of_unit(tx, held_id, asking.unit, lock=True)
            found = told or self._store.inbound_to_keep(tx, held_id, asking.unit or "")
            if found is None:
                raise NotFound
            if found.data_key is None:
                raise Conflict("disclosure_id: uppgiften är redan gallrad.")
            [reason] = self._plain(reason=request.reason)
            self._store.add_hold(tx, held_id, asking.principal, self._clock.now(), reason, held=request.held)
            self._audit(tx, "sharing:disclosure:hold", asking, "disclosure" if told else NOTICE, held_id, held=request.held)
            return pb.HoldDisclosureResponse()

        return self._requests.once(asking, request, request.request_id, pb.HoldDisclosureResponse, act)

    def ListHolds(self, request: pb.ListHoldsRequest, context: grpc.ServicerContext) -> pb.ListHoldsResponse:  # noqa: ARG002, N802
        """What the caller's unit holds now, by whom and why."""
        asking = caller()
        size, after = page_size(request.page), page_after(request.page)
        only = UUID(request.disclosure_id) if request.disclosure_id else None
        with self._database.transaction() as tx:
            rows = self._store.holds(tx, asking.unit or "", only, after, size + 1)
            self._audit(tx, "sharing:hold:list", asking, count=min(len(rows), size))
        holds = [
            pb.HoldRow(
                disclosure_id=str(row.disclosure_id),
                record_kind=row.record_kind,
                receiver_kind=row.receiver_kind,
                reason=row.reason,
                held_by=row.person,
                held_time=timestamp(row.held_time),
            )
            for row in rows[:size]
        ]
        return pb.ListHoldsResponse(holds=holds, next_page_token=next_token(rows, size))

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
        now, unit = self._clock.now(), asking.unit or ""
        protocol = {
            "record_kind": rule.record_kind,
            "unit": unit,
            "keep_months": rule.keep_months,
            "erasure_decision": self._plain(erasure_decision=request.erasure_decision)[0],
            "person": asking.principal,
        }
        erased = self._erased_notices if rule.record_kind == NOTICE else self._erased_disclosures
        gone, kept = erased(tx, asking, protocol, months_ago(rule.keep_months, now), dry_run=request.dry_run)
        return pb.ErasureRow(record_kind=rule.record_kind, disclosures=gone, kept=kept, keep_months=rule.keep_months)

    def _erased_disclosures(
        self, tx: Transaction, asking: Caller, protocol: Mapping[str, object], before: datetime, *, dry_run: bool
    ) -> tuple[int, int]:
        now = self._clock.now()
        going, kept = self._store.past_their_day(tx, str(protocol["unit"]), str(protocol["record_kind"]), before)
        for disclosure_id in [] if dry_run else going:
            self._store.keep_back(tx, disclosure_id)
            self._store.erase(tx, disclosure_id, protocol, now)
            self._store.add_event(tx, disclosure_id, Status.ERASED, now, person=asking.person)
            self._audit(tx, "sharing:disclosure:erase", asking, "disclosure", disclosure_id, decision=protocol["erasure_decision"])
        return len(going), kept

    def _erased_notices(
        self, tx: Transaction, asking: Caller, protocol: Mapping[str, object], before: datetime, *, dry_run: bool
    ) -> tuple[int, int]:
        now = self._clock.now()
        going, kept = self._store.inbound_past_their_day(tx, str(protocol["unit"]), before)
        for row in [] if dry_run else going:
            self._store.erase_inbound(tx, row, protocol, now)
            record_step(tx, tables.history, NOTICE, row.id, 1, (row.state, InboundState.ERASED), now, asking.person)
            self._audit(tx, "sharing:inbound:erase", asking, NOTICE, row.id, decision=protocol["erasure_decision"])
        return len(going), kept
