"""Corrections and recalls: a person takes back what was told, or finds it wrong; and how what is owed is said."""

from collections.abc import Mapping

import grpc
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller
from services.kernel.clock import STOCKHOLM
from services.kernel.db import Row, Transaction
from services.kernel.errors import Conflict, Invalid
from services.kernel.reference import reference
from services.kernel.rpc import caller
from services.sharing import wire
from services.sharing.domain import OBLIGATIONS, RECALLABLE, STANDING, Status, require_decider
from services.sharing.service.parts import Parts, days_since

OWED: Mapping[Status, str] = {  # the messages of sharing-matrix 9
    Status.RECALL_DECIDED: "M9c",
    Status.RECALLED: "M9",
    Status.RECALL_DUE: "M9d",
    Status.RECALL_REFUSED: "M9e",
    Status.CORRECTION_DUE: "M9f",
    Status.CORRECTED: "M9g",
    Status.CORRECTION_REFUSED: "M9h",
}


class ObligationMethods(Parts):
    """The methods about what is owed a receiver after it was told."""

    def RecallDisclosure(self, request: pb.RecallDisclosureRequest, context: grpc.ServicerContext) -> pb.RecallDisclosureResponse:  # noqa: ARG002, N802
        """An officer of the unit that holds the record takes back what was told."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.RecallDisclosureResponse, lambda tx: self._recalled(tx, asking, request)
        )

    def _recalled(self, tx: Transaction, asking: Caller, request: pb.RecallDisclosureRequest) -> pb.RecallDisclosureResponse:
        told = self._told(tx, asking, request.disclosure_id, request.reason)
        if told.status not in RECALLABLE:
            raise Conflict("disclosure_id: det finns inget att återkalla här.")
        [delegation] = self._plain(delegation_reference=request.delegation_reference)
        note = self._store.sealed_note(told, request.reason)
        after = self._decisions.recall(tx, told, person=asking.person, delegation_reference=delegation, note=note)
        self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
        text = self._said("M9b" if after is Status.VOID else OWED[after], told)
        return pb.RecallDisclosureResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[after], message=text)

    def CorrectDisclosure(self, request: pb.CorrectDisclosureRequest, context: grpc.ServicerContext) -> pb.CorrectDisclosureResponse:  # noqa: ARG002, N802
        """An officer of the unit that holds the record finds that what was told is wrong; the right thing is offered by its owner."""
        asking = caller()
        return self._requests.once(
            asking, request, request.request_id, pb.CorrectDisclosureResponse, lambda tx: self._found_wrong(tx, asking, request)
        )

    def _found_wrong(self, tx: Transaction, asking: Caller, request: pb.CorrectDisclosureRequest) -> pb.CorrectDisclosureResponse:
        told = self._told(tx, asking, request.disclosure_id, request.reason)
        if told.status not in STANDING:
            raise Conflict("disclosure_id: det finns inget att rätta här.")
        after = self._correct(tx, told, person=asking.person, note=self._store.sealed_note(told, request.reason))
        self._audit(tx, f"sharing:disclosure:{after}", asking, "disclosure", told.id)
        text = self._said("M9i" if after is Status.VOID else OWED[after], told)
        return pb.CorrectDisclosureResponse(disclosure_id=str(told.id), state=wire.DISCLOSURE_STATE[after], message=text)

    def _told(self, tx: Transaction, asking: Caller, disclosure_id: str, reason: str) -> Row:
        """What the caller may take back or find wrong, locked."""
        told = self._own_disclosure(tx, disclosure_id, asking, lock=True)
        require_decider(asking, told.record_kind)
        if not reason.strip():
            raise Invalid("reason: skriv varför.")
        return told

    def _said(self, message: str, told: Row) -> str:
        """One of the messages about what is owed."""
        since = told.obligation_since or self._clock.now()
        return self._decisions.law.messages[message].format(
            mottagare=reference().receivers[told.receiver_kind].word,
            tid=since.astimezone(STOCKHOLM).strftime("%Y-%m-%d kl. %H.%M"),
            skal=told.refused_reason,
        )

    def _obligation(self, row: Row) -> str:
        """What is owed and for how long, or nothing."""
        if row.status not in OBLIGATIONS:
            return ""
        days = days_since(row.obligation_since, self._clock.today())
        return f"{self._said(OWED[Status(row.status)], row)} {'Öppet sedan i dag.' if days == 0 else f'Öppet i {days} {_days(days)}.'}"


def _days(count: int) -> str:
    return "dag" if count == 1 else "dagar"
