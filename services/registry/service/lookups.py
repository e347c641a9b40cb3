"""Questions about persons: asked, kept, reviewed."""

from collections.abc import Mapping
from datetime import datetime, time
from uuid import UUID

import grpc
from los.registry.v1 import registry_pb2 as pb

from services.kernel import cells, pages
from services.kernel.callers import Caller
from services.kernel.clock import STOCKHOLM, timestamp
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, ConflictReason, Invalid, NotFound
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.lookup import Judgement, Outcome, calls_for_review, outcome
from services.registry.service.links import READERS
from services.registry.service.parts import Parts

OUTCOMES: Mapping[Outcome, pb.LookUpOutcome.ValueType] = {
    found: pb.LookUpOutcome.Value(f"LOOK_UP_OUTCOME_{found.name}") for found in Outcome
}
JUDGEMENTS = {pb.LOOK_UP_JUDGEMENT_PROPER: Judgement.PROPER, pb.LOOK_UP_JUDGEMENT_IMPROPER: Judgement.IMPROPER}
JUDGEMENT_MESSAGE = {word: number for number, word in JUDGEMENTS.items()}
REFUSED: Mapping[int, str] = {
    pb.LOOK_UP_OUTCOME_CLOSED: "record_id: ärendet är avslutat, så ingen fråga kan ställas för det. Frågan är antecknad.",
    pb.LOOK_UP_OUTCOME_NOT_HANDLING: "record_id: du handlägger inte ärendet, så du kan inte ställa frågan för det. Frågan är antecknad.",
}


class LookUpMethods(Parts):
    """The methods about questions."""

    def LookUpPerson(self, request: pb.LookUpPersonRequest, _context: grpc.ServicerContext) -> pb.LookUpPersonResponse:  # noqa: N802, D102
        asking, record_id = caller(), UUID(request.record_id)
        try:
            number = cells.identity_number(request.id_number, self._clock.today()).digits
        except cells.Fault as fault:
            raise Invalid(f"id_number: {fault.text}") from None
        purpose = reference().look_up_purposes.find(request.purpose)
        if purpose is None:
            raise Invalid(f"purpose: ange ett av ändamålen: {', '.join(row.word for row in reference().look_up_purposes)}.")
        kinds = [kind for kind in (alerts.RECORD_KIND, payments.RECORD_KIND) if asking.role in READERS[kind]]

        def act(tx: Transaction) -> pb.LookUpPersonResponse:
            became, now = self._case(tx, request, record_id, asking), self._clock.now()
            found = self._look_ups.records(tx, asking.unit or "", number, kinds) if became is Outcome.ANSWERED else []
            today = datetime.combine(self._clock.today(), time.min, STOCKHOLM)
            case = request.record_kind, record_id
            own = self._made_by_hand(tx, *case, asking.principal)
            review = own or calls_for_review(became, self._look_ups.since(tx, asking.principal, today))
            self._look_ups.keep(tx, asking, case, purpose.code, became, len(found), now, needs_review=review)
            answered = "done" if became is Outcome.ANSWERED else "refused"
            self._audit(
                tx, "registry:person:look_up", asking, *case, outcome=answered, purpose=purpose.code, reason=became, count=len(found)
            )
            return pb.LookUpPersonResponse(
                records=[pb.FoundRecord(record_kind=row.record_kind, record_id=str(row.record_id)) for row in found],
                outcome=OUTCOMES[became],
            )

        # A refused question is kept like an answered one, so it is refused after it is stored.
        answer = self._once(asking, request, request.request_id, pb.LookUpPersonResponse, act)
        if answer.outcome == pb.LOOK_UP_OUTCOME_NO_CASE:
            raise NotFound
        if answer.outcome in REFUSED:
            raise Conflict(REFUSED[answer.outcome])
        return answer

    def _case(self, tx: Transaction, request: pb.LookUpPersonRequest, record_id: UUID, asking: Caller) -> Outcome:
        """Whether the case that is named lets the caller ask."""
        if asking.role not in READERS.get(request.record_kind, ()):
            return Outcome.NO_CASE
        store = self._alerts if request.record_kind == alerts.RECORD_KIND else self._payments
        try:
            case = store.seen(tx, record_id, asking)
        except NotFound:
            return Outcome.NO_CASE
        return outcome(asking.principal, case.officer, case.purge_date)

    def ListLookUps(self, request: pb.ListLookUpsRequest, _context: grpc.ServicerContext) -> pb.ListLookUpsResponse:  # noqa: N802, D102
        size, after = pages.page_size(request.page), pages.after(request.page)
        with self._database.transaction() as tx:
            rows = self._look_ups.page(tx, after, size + 1, reviewed=request.reviewed)
            self._audit(tx, "registry:look_up:list", caller(), "look_up", count=min(len(rows), size))
        return pb.ListLookUpsResponse(look_ups=[_row(row) for row in rows[:size]], next_page_token=pages.next_token(rows, size))

    def ReviewLookUp(self, request: pb.ReviewLookUpRequest, _context: grpc.ServicerContext) -> pb.ReviewLookUpResponse:  # noqa: N802, D102
        asking, look_up_id = caller(), UUID(request.look_up_id)

        def act(tx: Transaction) -> pb.ReviewLookUpResponse:
            kept = self._look_ups.review(tx, look_up_id, JUDGEMENTS[request.judgement], asking.principal, self._clock.now())
            if kept is None:
                raise NotFound
            if not kept:
                raise Conflict("look_up_id: någon annan har redan granskat frågan.", reason=ConflictReason.DUPLICATE)
            self._audit(tx, "registry:look_up:review", asking, "look_up", look_up_id, judgement=JUDGEMENTS[request.judgement])
            return pb.ReviewLookUpResponse(judgement=request.judgement)

        return self._once(asking, request, request.request_id, pb.ReviewLookUpResponse, act)


def _row(row: Row) -> pb.LookUpRow:
    message = pb.LookUpRow(
        look_up_id=str(row.id),
        occurred_time=timestamp(row.occurred_time),
        person=row.person,
        unit=row.unit,
        record_kind=row.record_kind,
        record_id=str(row.record_id),
        purpose=row.purpose,
        outcome=OUTCOMES[Outcome(row.outcome)],
        too_many=row.needs_review and row.outcome == Outcome.ANSWERED,
        reviewed_by=row.reviewed_by or "",
    )
    if row.judgement is not None:
        message.judgement = JUDGEMENT_MESSAGE[Judgement(row.judgement)]
        message.reviewed_time.CopyFrom(timestamp(row.reviewed_time))
    return message
