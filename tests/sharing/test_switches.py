"""What ships off is opened by a jurist's recorded decision, and by nobody else; closing it again stops what has not left."""

from uuid import UUID, uuid4

import pytest
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.errors import Conflict, Denied, Invalid
from tests.sharing.builders import PERSON
from tests.sharing.conftest import Sharing

JURIST = Caller("cli", "klf-jurist-1", Role.JURIST, "KLF")
INVESTIGATOR = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
APPROVER = Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF")
FLOW = "pay-kfm-15a"


def switch(sharing: Sharing, name: str = FLOW, *, is_open: bool = True, person: Caller = JURIST) -> pb.SwitchFlowResponse:
    request = pb.SwitchFlowRequest(
        request_id=str(uuid4()), name=name, open=is_open, decision_reference="KS 2026-12", reason="Prövat mot de fem ändamålen."
    )
    answer: pb.SwitchFlowResponse = sharing.call("SwitchFlow", request, person)
    return answer


def offered(sharing: Sharing, record_id: UUID, revision: int = 1) -> pb.OfferRecordResponse:
    payment = common_pb2.SuspectedPayment(
        subject=common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON),
        payment=common_pb2.PaymentFacts(benefit_type="bostadsbidrag", deciding_body="forsakringskassan", period_from="2026-02"),
    )
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(record_id), revision=revision, receiver_kind="kronofogden", unit="IAF", secrecy=["26:1"],
        suspected_payment=payment, protection_check=sharing.checked(),
    )  # fmt: skip
    return sharing.take(request)


def decided(sharing: Sharing, offer_id: str) -> str:
    points = tuple(point.code for point in sharing.preview(offer_id, INVESTIGATOR, ()).points)
    shown = sharing.preview(offer_id, INVESTIGATOR, points)
    assert (shown.ground_id, shown.decision_by) == ("osl-10-15a-2025", "officer+second")
    disclosure_id = sharing.decide(shown, person=INVESTIGATOR).disclosure_id
    sharing.approve(disclosure_id, shown.payload_hash, APPROVER)
    return disclosure_id


def test_a_flow_that_ships_off_is_open_only_while_a_jurist_has_opened_it(sharing: Sharing) -> None:
    record_id = uuid4()
    assert offered(sharing, record_id).state == pb.OFFER_STATE_NO_GROUND
    switch(sharing)
    offer = offered(sharing, record_id, 2)
    assert offer.state == pb.OFFER_STATE_WAITING
    shown = sharing.preview(offer.offer_id, INVESTIGATOR, ())
    switch(sharing, is_open=False)
    with pytest.raises(Conflict):
        sharing.decide(shown, person=INVESTIGATOR)
    assert offered(sharing, record_id, 3).state == pb.OFFER_STATE_NO_GROUND


def test_closing_a_flow_keeps_back_what_has_not_left(sharing: Sharing) -> None:
    switch(sharing)
    disclosure_id = decided(sharing, offered(sharing, uuid4()).offer_id)
    switch(sharing, is_open=False)
    assert sharing.relay.run_once() == 0
    assert sharing.status(disclosure_id) == "void"
    assert sharing.records(disclosure_id, "kronofogden") == []


def test_closing_a_flow_between_the_two_persons_stops_the_second(sharing: Sharing) -> None:
    switch(sharing)
    offer_id = offered(sharing, uuid4()).offer_id
    points = tuple(point.code for point in sharing.preview(offer_id, INVESTIGATOR, ()).points)
    shown = sharing.preview(offer_id, INVESTIGATOR, points)
    disclosure_id = sharing.decide(shown, person=INVESTIGATOR).disclosure_id
    switch(sharing, is_open=False)
    with pytest.raises(Conflict):
        sharing.approve(disclosure_id, shown.payload_hash, APPROVER)


def test_closing_a_flow_takes_its_tasks_away(sharing: Sharing) -> None:
    switch(sharing, "plan-other")
    facts = common_pb2.ControlFacts(reference="LOS-2026-7", object_org_number="559999-0008", object_address="Exempelgatan 1")
    request = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind="arbetsmiljoverket", unit="MOS", secrecy=["17:1"],
        control_invitation=common_pb2.ControlInvitation(control=facts),
    )  # fmt: skip
    coordinator = Caller("cli", "mos-samordnare-1", Role.LOS_COORDINATOR, "MOS")
    offer_id = sharing.take(request, as_controls=True).offer_id
    points = tuple(point.code for point in sharing.preview(offer_id, coordinator, ()).points)
    disclosure_id = sharing.decide(sharing.preview(offer_id, coordinator, points), person=coordinator).disclosure_id
    told = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), coordinator).disclosure
    if told.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL:
        sharing.approve(disclosure_id, told.payload_hash, Caller("cli", "mos-beslutare-1", Role.APPROVER, "MOS"))
    switch(sharing, "plan-other", is_open=False)
    told = sharing.call("GetDisclosure", pb.GetDisclosureRequest(disclosure_id=disclosure_id), coordinator).disclosure
    assert (told.state, told.task_open) == (pb.DISCLOSURE_STATE_VOID, False)


def test_every_decision_is_kept_with_who_when_and_why_and_the_audit_names_it(sharing: Sharing) -> None:
    switch(sharing)
    switch(sharing, is_open=False)
    listed = sharing.call("ListFlowSwitches", pb.ListFlowSwitchesRequest(), JURIST)
    rows = [(row.name, row.open, row.person, row.decision_reference, row.reason) for row in listed.flow_switches]
    assert rows == [(FLOW, is_open, JURIST.person, "KS 2026-12", "Prövat mot de fem ändamålen.") for is_open in (True, False)]
    assert FLOW in listed.may_be_opened
    audited = [row.said for row in sharing.rows("SELECT details::text AS said FROM audit WHERE event = 'sharing:flow:switch'")]
    assert len(audited) == 2
    assert all(FLOW in said and "KS 2026-12" in said for said in audited)


def test_nobody_but_a_jurist_opens_anything(sharing: Sharing) -> None:
    for person in (INVESTIGATOR, APPROVER):
        with pytest.raises(Denied):
            switch(sharing, person=person)


@pytest.mark.parametrize("name", ["alert-skv", "pay-fk", "samtycke", "osl-12-2-samtycke", "fol-32c-2021"])
def test_what_is_open_already_or_must_not_exist_cannot_be_opened(sharing: Sharing, name: str) -> None:
    with pytest.raises(Invalid, match=r"^name: "):
        switch(sharing, name)


def test_opening_what_is_open_is_refused(sharing: Sharing) -> None:
    switch(sharing)
    with pytest.raises(Conflict, match="redan öppet"):
        switch(sharing)


def test_a_jurist_decides_no_case(sharing: Sharing) -> None:
    switch(sharing)
    with pytest.raises(Denied):
        sharing.preview(offered(sharing, uuid4()).offer_id, JURIST)
