"""What people do in the tests of tasks, of what is owed, of the right of access and of gallring."""

import json
from typing import Any
from uuid import UUID, uuid4

from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from partner import jose
from partner.envelope import Record
from services.kernel.callers import Caller, Role
from services.kernel.clock import Clock, timestamp
from tests.sharing.builders import PERSON
from tests.sharing.conftest import OFFICER, Sharing

INVESTIGATOR = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
APPROVER = Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF")
MANAGER = Caller("cli", "iaf-chef-1", Role.FUT_MANAGER, "IAF")
ARCHIVE = Caller("cli", "klf-registrator-1", Role.RECORDS_OFFICER, "KLF")
ARCHIVE_IAF = Caller("cli", "iaf-registrator-1", Role.RECORDS_OFFICER, "IAF")
OTHER_PERSON = "193805259169"  # samples/testpersonnummer.txt
REASON = "Fel person i underlaget."
SHARED, CORRECTED, RECALLED = (f"se.los.folkbokforing_alert.{change}.v1" for change in ("shared", "corrected", "recalled"))
WORD = "Skatteverket (folkbokföring)"
PAYMENT_POINTS = ("benefit", "circumstances", "own_error", "special_reasons")


def a_duty_without_a_channel(sharing: Sharing) -> str:
    """CSN decided the benefit: two persons have decided to tell it, and there is no topic."""
    payment = common_pb2.SuspectedPayment(
        subject=common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON),
        payment=common_pb2.PaymentFacts(benefit_type="studiemedel", deciding_body="csn", period_from="2026-02"),
    )
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="csn", unit="IAF", secrecy=["26:1"],
        suspected_payment=payment, protection_check=sharing.checked(),
    )  # fmt: skip
    shown = sharing.preview(sharing.take(request).offer_id, INVESTIGATOR, PAYMENT_POINTS)
    decided = sharing.decide(shown, person=INVESTIGATOR)
    sharing.approve(decided.disclosure_id, shown.payload_hash, APPROVER)
    return decided.disclosure_id


def a_police_report(sharing: Sharing) -> str:
    """A reference, decided by the manager."""
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="polismyndigheten", unit="IAF", secrecy=["26:1"],
        police_report=common_pb2.PoliceReport(), protection_check=sharing.checked(), subject_identity_number=PERSON,
    )  # fmt: skip
    shown = sharing.preview(sharing.take(request).offer_id, MANAGER, tuple(point.code for point in writing("W3")))
    return sharing.decide(shown, person=MANAGER).disclosure_id


def writing(name: str) -> Any:  # noqa: ANN401  # the points of a writing
    from services.sharing.legal import law  # noqa: PLC0415  # read once, where it is needed

    return law().writings[name].points


def carried_out(disclosure_id: str, **words: Any) -> pb.RecordCarriedOutRequest:  # noqa: ANN401  # parts of the request
    when = timestamp(words.pop("when", Clock().now()))
    way = {"way": "Rekommenderat brev", "recipient": "CSN, kontrollenheten", "reference": "2026-17"} | words
    return pb.RecordCarriedOutRequest(request_id=str(uuid4()), disclosure_id=disclosure_id, carried_out_time=when, **way)


def row_of(sharing: Sharing, disclosure_id: str, person: Caller) -> pb.DisclosureRow:
    row: pb.DisclosureRow = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), person).disclosure
    return row


def age(sharing: Sharing, disclosure_id: str, months: int) -> None:
    """Nothing has happened to it for so long."""
    sharing.change("UPDATE disclosure_event SET occurred_time = now() - make_interval(months => %s, days => 2) WHERE disclosure_id = %s",
                   months, disclosure_id)  # fmt: skip


def erase(sharing: Sharing, *, dry_run: bool = False, decision: str = "GB 2026-4", person: Caller = ARCHIVE) -> pb.EraseDisclosuresResponse:
    request = pb.EraseDisclosuresRequest(request_id=str(uuid4()), dry_run=dry_run, erasure_decision=decision)
    answer: pb.EraseDisclosuresResponse = sharing.call("EraseDisclosures", request, person)
    return answer


def about(sharing: Sharing, person: Caller = ARCHIVE, *numbers: str, case: str = "KS 2026-99") -> list[pb.DisclosureAbout]:
    request = pb.ListDisclosuresAboutRequest(identity_numbers=numbers or [PERSON], case_number=case)
    return list(sharing.call("ListDisclosuresAbout", request, person).disclosures)


def recall(sharing: Sharing, disclosure_id: str, person: Caller = OFFICER, reason: str = REASON) -> pb.RecallDisclosureResponse:
    request = pb.RecallDisclosureRequest(request_id=str(uuid4()), disclosure_id=disclosure_id, delegation_reference="4.2", reason=reason)
    answer: pb.RecallDisclosureResponse = sharing.call("RecallDisclosure", request, person)
    return answer


def correct(sharing: Sharing, disclosure_id: str, person: Caller = OFFICER) -> pb.CorrectDisclosureResponse:
    request = pb.CorrectDisclosureRequest(request_id=str(uuid4()), disclosure_id=disclosure_id, reason=REASON)
    answer: pb.CorrectDisclosureResponse = sharing.call("CorrectDisclosure", request, person)
    return answer


def sent(sharing: Sharing, record_id: UUID | None = None) -> str:
    """A disclosure that lies on the topic."""
    disclosure_id = sharing.decided(record_id or uuid4())
    sharing.relay.run_once()
    return disclosure_id


def obligations(sharing: Sharing) -> list[pb.DisclosureRow]:
    """The corrections and recalls that KLF's officer sees are owed."""
    return list(sharing.call("ListDisclosures", pb.ListDisclosuresRequest(open_obligations=True)).disclosures)


def content(sharing: Sharing, record: Record) -> dict[str, Any]:
    """What the agency finds inside the encryption."""
    kit = sharing.kit("skatteverket")
    data = json.loads(record.value or b"")["data"]
    found: dict[str, Any] = json.loads(jose.decrypt(data, kit.keys.private[jose.addressed_to(data)]))
    return found
