"""What a jurist is told of the law: each ground as it is kept and how it stands here; a question in words; the public register."""

import grpc
import pytest
from los.sharing.v1 import sharing_pb2 as pb

from services.kernel.errors import Denied, Invalid, NotFound
from services.sharing.legal import law
from tests.sharing.conftest import Sharing
from tests.sharing.test_switches import FLOW, JURIST, switch


def standing(sharing: Sharing) -> dict[str, str]:
    return {row.ground_id: row.switch for row in sharing.call("ListGrounds", pb.ListGroundsRequest(), JURIST).grounds}


def test_every_version_is_listed_and_those_of_a_day_are_fewer(sharing: Sharing) -> None:
    every = sharing.call("ListGrounds", pb.ListGroundsRequest(), JURIST).grounds
    assert {row.ground_id for row in every} == set(law().grounds)
    assert all(row.why for row in every if row.switch != "on")
    of_a_day = {row.ground_id for row in sharing.call("ListGrounds", pb.ListGroundsRequest(on="2025-12-31"), JURIST).grounds}
    assert "underrattelselagen-2024" in of_a_day
    assert "underrattelselagen-2026" not in of_a_day
    with pytest.raises(Invalid, match="on: "):
        sharing.call("ListGrounds", pb.ListGroundsRequest(on="2025-13-01"), JURIST)


def test_a_ground_stands_as_docs_law_says_until_a_jurist_opens_it(sharing: Sharing) -> None:
    before = standing(sharing)
    assert before["fol-32c-2021"] == "on"
    assert before["osl-10-15a-2025"] == before["osl-10-24-2025"] == "off"
    assert before["osl-10-18a-2025"] == "outside"
    assert before["osl-12-2-samtycke"] == "none"
    switch(sharing)
    assert standing(sharing) == before | {"osl-10-15a-2025": "on"}
    found = sharing.call("GetGround", pb.GetGroundRequest(ground_id="osl-10-15a-2025"), JURIST)
    assert {flow.flow: flow.switch for flow in found.flows}[FLOW] == "on"
    assert {flow.switch for flow in found.flows} == {"on", "off"}


def test_a_ground_is_told_with_its_text_its_fields_its_brake_and_its_versions(sharing: Sharing) -> None:
    found = sharing.call("GetGround", pb.GetGroundRequest(ground_id="underrattelselagen-2024"), JURIST)
    ground = law().grounds["underrattelselagen-2024"]
    assert (found.rule, found.ground.digest, tuple(found.fields_allowed)) == (ground.rule_sv, ground.digest, ground.fields_allowed)
    assert found.brake.startswith("Ni ska underrätta")
    assert [version.ground_id for version in found.versions] == [
        "underrattelselagen-2020",
        "underrattelselagen-2024",
        "underrattelselagen-2026",
    ]
    with pytest.raises(NotFound):
        sharing.call("GetGround", pb.GetGroundRequest(ground_id="finns-inte"), JURIST)


def test_every_ground_can_be_told(sharing: Sharing) -> None:
    for ground in law().grounds:
        assert sharing.call("GetGround", pb.GetGroundRequest(ground_id=ground), JURIST).decided_by


def test_a_question_names_its_ground_its_brake_and_what_it_is_about(sharing: Sharing) -> None:
    asked = pb.ExplainGroundRequest(
        record_kind="control_finding", sender_kinds=["kommun-tillsynsnamnd"], receiver="polisen-kontroll", on="2026-05-01", matter="x"
    )
    with pytest.raises(Invalid, match="matter: "):
        sharing.call("ExplainGround", asked, JURIST)
    asked = pb.ExplainGroundRequest(
        record_kind="folkbokforing_alert", sender_kinds=["kommun-namnd"], receiver="skatteverket-folkbokforing", on="2026-05-01"
    )
    told = sharing.call("ExplainGround", asked, JURIST)
    assert (told.allowed, told.channel, told.flow) == (True, True, "Underrättelse om fel i folkbokföringen")
    assert told.citation.startswith("32 c §")
    assert "särskilda skäl" in told.brake


def test_the_register_is_the_gateways_to_show_and_grows_with_what_a_jurist_opens(sharing: Sharing) -> None:
    before = sharing.as_gateway.ListRegister(pb.ListRegisterRequest(), timeout=10)
    switch(sharing)
    after = sharing.as_gateway.ListRegister(pb.ListRegisterRequest(), timeout=10)
    assert {entry.flow for entry in after.entries} - {entry.flow for entry in before.entries} == {FLOW}
    with pytest.raises(Denied):
        sharing.call("ListRegister", pb.ListRegisterRequest(), JURIST)
    with pytest.raises(grpc.RpcError):
        sharing.as_registry.ListRegister(pb.ListRegisterRequest(), timeout=10)
