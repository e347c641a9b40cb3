"""What a person was shown is what the agency opens, byte for byte, for every record kind and flow of the bus.

Each event also comes before judges from outside: the CloudEvents SDK, and Ajv with the published schemas.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2 as pb

from partner import jose
from partner.envelope import open_record
from services.kernel.callers import Caller, Role
from services.kernel.reference import reference
from services.sharing.legal import law
from tests.sharing.builders import PERSON
from tests.sharing.conftest import Sharing

SUBJECT = common_pb2.Subject(full_name="Alma Demo", personal_identity_number=PERSON)
OPEN_FACTS = common_pb2.ControlFacts(
    reference="LOS-2026-7",
    window_start="2026-12-01",
    window_end="2026-12-01",
    participating_authorities=["Linköpings kommun, nämnd MOS"],
)
PEOPLE = {
    "KLF": (Caller("cli", "klf-handlaggare-2", Role.ALERT_OFFICER, "KLF"), Caller("cli", "klf-beslutare-1", Role.APPROVER, "KLF")),
    "IAF": (Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF"), Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF")),
    "MOS": (Caller("cli", "mos-samordnare-1", Role.LOS_COORDINATOR, "MOS"), Caller("cli", "mos-beslutare-1", Role.APPROVER, "MOS")),
    "SF": (Caller("cli", "sf-inspektor-1", Role.INSPECTOR, "SF"), Caller("cli", "sf-beslutare-1", Role.APPROVER, "SF")),
    "VOF": (Caller("cli", "vof-utredare-1", Role.FUT_INVESTIGATOR, "VOF"), Caller("cli", "vof-beslutare-1", Role.APPROVER, "VOF")),
}
DECIDES = {"police_report": Role.FUT_MANAGER, "control_finding": Role.INSPECTOR}


def an_alert() -> Message:
    return common_pb2.FolkbokforingAlert(
        subject=SUBJECT,
        dwelling=common_pb2.Dwelling(
            property_designation="LINKÖPING PROVET 1:1", street_address="Exempelgatan 1 Å", apartment_number="1201"
        ),
        alert=common_pb2.AlertFacts(
            suspected_error_kind="not_living_at_registered_dwelling",
            observed_from="2026-10-01",
            observed_to="2026-11-01",
            source_kind="landlord",
            circumstances=[common_pb2.Circumstance(code="apartment_empty", from_date="2026-10-01", to_date="2026-11-01")],
        ),
    )


def a_payment() -> Message:
    return common_pb2.SuspectedPayment(
        subject=SUBJECT,
        payment=common_pb2.PaymentFacts(
            benefit_type="bostadsbidrag",
            deciding_body="forsakringskassan",
            period_from="2026-02",
            period_to="2026-08",
            suspected_error_kind="cohabitation",
            observed_at="2026-11-01",
            circumstances=[common_pb2.Circumstance(code="cohabitation", from_date="2026-02-01", to_date="2026-08-31")],
        ),
    )


def an_invitation() -> Message:
    return common_pb2.ControlInvitation(control=OPEN_FACTS)


def a_plan() -> Message:
    facts = common_pb2.ControlFacts(
        meeting_point="Räddningsstationen",
        object_org_number="559999-0008",
        object_trade_name="City bilvård",
        object_address="Exempelgatan 1, 582 22 Linköping",
        safety_code="green",
        own_legal_ground_id="miljobalken-tillsyn",
    )
    facts.MergeFrom(OPEN_FACTS)
    return common_pb2.ControlInvitation(control=facts)


def an_answer() -> Message:
    return common_pb2.SuspectedPayment(
        subject=SUBJECT,
        payment=common_pb2.PaymentFacts(
            benefit_type="ekonomiskt_bistand", deciding_body="kommun-beslutande-namnd", period_from="2026-02", paid_amount="12500"
        ),
        request=common_pb2.RequestFacts(external_reference="FK 2026-55"),
    )


def an_assistance() -> Message:
    payment = common_pb2.SuspectedPayment(subject=SUBJECT)
    payment.payment.CopyFrom(
        common_pb2.PaymentFacts(benefit_type="assistansersattning", deciding_body="forsakringskassan", period_from="2026-02")
    )
    return payment


def a_finding() -> Message:
    return common_pb2.ControlFinding(
        control=common_pb2.ControlFacts(reference="LOS-2026-7"),
        finding=common_pb2.FindingFacts(
            observed_at="2026-12-01",
            observing_authority="Linköpings kommun, nämnd MOS",
            own_legal_ground_id="miljobalken-tillsyn",
            category="environment",
            facts=[common_pb2.Circumstance(code="environment", from_date="2026-12-01")],
            object_org_number="559999-0008",
            object_address="Exempelgatan 1, 582 22 Linköping",
        ),
        licence=common_pb2.LicenceFacts(holder="Demo Krog AB", status="serveringstillstånd"),
    )


# flow: unit, receiver kind, classes, content. A test holds this to every open flow that has a channel.
FLOWS: dict[str, tuple[str, str, list[str], Callable[[], Message]]] = {
    "find-fk": ("MOS", "forsakringskassan", ["30:27"], a_finding),
    "find-pol": ("MOS", "polismyndigheten", ["30:27"], a_finding),
    "find-pol-environment": ("MOS", "polismyndigheten", ["30:27"], a_finding),
    "find-pol-alcohol": ("SF", "polismyndigheten", ["30:27"], a_finding),
    "find-skv-alcohol": ("SF", "skatteverket-beskattning", ["30:27"], a_finding),
    "pay-fk-answer": ("IAF", "forsakringskassan", ["26:1"], an_answer),
    "pay-skv-answer": ("IAF", "skatteverket-beskattning", ["26:1"], an_answer),
    "pay-fk-lss": ("VOF", "forsakringskassan", ["26:1"], an_assistance),
    "report-pol-other": ("MOS", "polismyndigheten", ["30:27"], common_pb2.PoliceReport),
    "alert-skv": ("KLF", "skatteverket-folkbokforing", [], an_alert),
    "pay-fk": ("IAF", "forsakringskassan", ["26:1"], a_payment),
    "inv-skv": ("MOS", "skatteverket-beskattning", [], an_invitation),
    "inv-fk": ("MOS", "forsakringskassan", [], an_invitation),
    "inv-kfm": ("MOS", "kronofogden", [], an_invitation),
    "inv-pol": ("MOS", "polismyndigheten", [], an_invitation),
    "plan-skv": ("MOS", "skatteverket-beskattning", ["17:1"], a_plan),
    "plan-kfm": ("MOS", "kronofogden", ["17:1"], a_plan),
    "plan-pol": ("MOS", "polismyndigheten", ["17:1"], a_plan),
    "report-pol": ("IAF", "polismyndigheten", ["26:1"], common_pb2.PoliceReport),
}
KINDS = {
    field.message_type.full_name: field.name
    for field in pb.OfferRecordRequest.DESCRIPTOR.oneofs_by_name["content"].fields
    if field.message_type is not None
}


ASKED = {"find-pol-alcohol", "find-skv-alcohol", "pay-fk-answer", "pay-skv-answer"}
MATTER = {"find-pol-environment": "environment", "find-pol-alcohol": "alcohol", "find-skv-alcohol": "alcohol", "pay-fk-lss": "assistance"}
MATTER |= {"report-pol-other": "environment"}
# Who decides (sharing-matrix 5 and 8), where it is not an officer and a second person.
DECISION_BY = dict.fromkeys(("inv-skv", "inv-fk", "inv-kfm", "inv-pol"), "sender")
DECISION_BY |= dict.fromkeys(("plan-skv", "plan-kfm", "plan-pol", "find-skv-alcohol"), "officer")
DECISION_BY |= dict.fromkeys(("report-pol", "report-pol-other"), "manager")
# Its answers are free text, which goes outside the platform: no offer can say them.
UNSAID = {"pay-fk-answer-sfb"}


def test_every_open_flow_that_has_a_channel_is_delivered_here() -> None:
    routes = [route for rule in law().rules for routes in rule.routes.values() for route in routes]
    assert {route.flow for route in routes if route.channel and route.switch == "on"} == set(FLOWS) | UNSAID


@pytest.mark.parametrize("flow", FLOWS)
def test_the_bytes_that_were_shown_are_the_bytes_that_are_opened(sharing: Sharing, request: pytest.FixtureRequest, flow: str) -> None:
    unit, receiver, secrecy, content = FLOWS[flow]
    message = content()
    kind = KINDS[message.DESCRIPTOR.full_name]
    offer = pb.OfferRecordRequest(
        event_id=str(uuid4()), record_id=str(uuid4()), revision=1, receiver_kind=receiver, unit=unit, secrecy=secrecy,
        protection_check=sharing.checked(), on_request=flow in ASKED, matter=MATTER.get(flow, ""),
    )  # fmt: skip
    getattr(offer, kind).CopyFrom(message)
    getattr(offer, kind).SetInParent()
    officer, second = PEOPLE[unit]
    officer = replace(officer, role=DECIDES.get(kind, officer.role))
    offer_id = sharing.take(offer, as_controls=kind.startswith("control_")).offer_id
    points = tuple(point.code for point in sharing.preview(offer_id, officer, ()).points)
    shown = sharing.preview(offer_id, officer, points)
    decided = sharing.decide(shown, person=officer)
    assert shown.decision_by == DECISION_BY.get(flow, "officer+second")
    assert (decided.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL) == (shown.decision_by == "officer+second")
    if decided.state == pb.DISCLOSURE_STATE_AWAITING_APPROVAL:
        sharing.approve(decided.disclosure_id, shown.payload_hash, second)
    sharing.relay.run_once()
    agency = reference().receivers[receiver].agency
    assert agency is not None
    [record] = sharing.records(decided.disclosure_id, agency)
    kit = sharing.kit(agency)
    opened = open_record(record, kit, datetime.now(UTC))
    assert jose.decrypt(opened.event.data, kit.keys.private[jose.addressed_to(opened.event.data)]) == shown.payload
    assert opened.receiver_kind == receiver
    assert opened.ground_id == shown.ground_id
    [row] = sharing.rows("SELECT flow FROM disclosure")
    assert row.flow == flow
    judge = request.getfixturevalue("judge")  # last: where Node is missing, only what follows is left out
    assert judge.event(record.key, record.value, record.headers)["problems"] == []
    assert judge.problems("headers.json", {name: value.decode() for name, value in record.headers}) == []
    assert judge.problems("share-event.json", json.loads(record.value or b"")) == []
    assert judge.problems(f"content/{kind}.{receiver}.shared.json", json.loads(shown.payload)) == []
