"""A finding from the inspector's hand to the agency: controls' own offer through the real sharing and the real broker."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from los.sharing.v1 import sharing_pb2

from partner import jose
from partner.envelope import open_record
from services.kernel.callers import Caller, Role
from services.kernel.reference import reference
from tests.controls.conftest import Controls
from tests.controls.finding_acts import ALCOHOL, COLLEAGUE, INSPECTOR, TEXT, TODAY, Day
from tests.sharing.conftest import Sharing

ENV = {"sender", "legal"}
ALCOHOL_SEEN = {"control_ground_id": "alkohollagen-tillsyn", "area": "alcohol"}
LAW = {"control_ground_id": "miljobalken-tillsyn", "area": "environment"}
SF_COLLEAGUE = Caller("cli", "sf-inspektor-2", Role.INSPECTOR, "SF")
# flow: what is seen and by whom, how it is offered, who is the second person if any, and the finding's own fields that arrive.
FULL = {"category", "facts", "object_address", "object_org_number", "observed_at", "observing_authority", "own_legal_ground_id"}
FLOWS: Mapping[str, tuple[dict[str, Any], Caller, dict[str, Any], Caller | None, set[str]]] = {
    "find-fk": ({}, INSPECTOR, {"receiver_kind": "forsakringskassan"}, COLLEAGUE, {"facts", "object_org_number", "observed_at"}),
    "find-pol": ({}, INSPECTOR, {"receiver_kind": "polismyndigheten"}, COLLEAGUE, FULL),
    "find-pol-environment": (LAW, INSPECTOR, {"receiver_kind": "polismyndigheten", "offence_suspected": True}, COLLEAGUE, FULL),
    "find-skv-alcohol": (ALCOHOL_SEEN, ALCOHOL, {"receiver_kind": "skatteverket-beskattning", "on_request": True}, None, FULL),
    "find-pol-alcohol": (ALCOHOL_SEEN, ALCOHOL, {"receiver_kind": "polismyndigheten", "on_request": True}, SF_COLLEAGUE, FULL),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_what_an_inspector_offers_is_previewed_decided_and_opened_by_the_agency(controls: Controls, sharing: Sharing, flow: str) -> None:
    what, who, how, second, fields = FLOWS[flow]
    day = Day(controls, serving_permit=True)
    observation_id = day.record(who, **what).observation_id
    day.act("OfferFinding", observation_id, who, "1", **how)
    controls.outbox.run_once()
    [offer] = [one for one in controls.sharing.taken.values() if one.record_id == observation_id]
    taken = sharing.take(offer, as_controls=True)
    assert taken.state == sharing_pb2.OFFER_STATE_WAITING

    points = tuple(point.code for point in sharing.preview(taken.offer_id, who, ()).points)
    shown = sharing.preview(taken.offer_id, who, points)
    decided = sharing.decide(shown, person=who)
    if second is not None:
        assert shown.decision_by == "officer+second"
        sharing.approve(decided.disclosure_id, shown.payload_hash, second)
    sharing.relay.run_once()
    agency = reference().receivers[how["receiver_kind"]].agency
    assert agency is not None
    [record] = sharing.records(decided.disclosure_id, agency)
    kit = sharing.kit(agency)
    opened = open_record(record, kit, datetime.now(UTC))
    content = jose.decrypt(opened.event.data, kit.keys.private[jose.addressed_to(opened.event.data)])
    assert content == shown.payload
    told = json.loads(content)["fields"]
    assert sharing.rows("SELECT flow FROM disclosure")[0].flow == flow
    assert {name for name in told if name.startswith("finding.")} == {f"finding.{name}" for name in fields}
    assert told["finding.observed_at"] == TODAY
    assert TEXT not in content.decode()
    groups = {name.partition(".")[0] for name in told}
    assert groups - ENV == ({"finding"} if flow == "find-fk" else {"finding", "control"}) | ({"licence"} if "alcohol" in flow else set())
    if flow == "find-fk":
        assert told["finding.facts"] == ["Lokalen användes som bostad."]


def test_who_has_handled_an_observation_is_not_the_second_person(controls: Controls, sharing: Sharing) -> None:
    day = Day(controls)
    observation_id = day.record(COLLEAGUE).observation_id
    day.act("OfferFinding", observation_id, receiver_kind="forsakringskassan")
    controls.outbox.run_once()
    [offer] = [one for one in controls.sharing.taken.values() if one.record_id == observation_id]
    offer_id = sharing.take(offer, as_controls=True).offer_id
    points = tuple(point.code for point in sharing.preview(offer_id, INSPECTOR, ()).points)
    shown = sharing.preview(offer_id, INSPECTOR, points)
    decided = sharing.decide(shown, person=INSPECTOR)
    with pytest.raises(Exception, match="En kollega som inte har handlagt ärendet måste godkänna"):
        sharing.approve(decided.disclosure_id, shown.payload_hash, COLLEAGUE)
