"""The fields of the wire, of the flows and of the law are the same words (design 5)."""

import tomllib
from pathlib import Path

import pytest
from google.protobuf.message import Message
from los.common.v1 import common_pb2
from los.sharing.v1 import sharing_pb2

from services.sharing import legal
from services.sharing.legal import law
from services.sharing.wire import paths

FLOWS = tomllib.loads((Path(legal.__file__).parents[1] / "matrix" / "flows.toml").read_text(encoding="utf-8"))
CONTENT: dict[str, type[Message]] = {
    "folkbokforing_alert": common_pb2.FolkbokforingAlert,
    "suspected_payment": common_pb2.SuspectedPayment,
    "control_invitation": common_pb2.ControlInvitation,
    "control_finding": common_pb2.ControlFinding,
    "police_report": common_pb2.PoliceReport,
}
ENVELOPE = frozenset(FLOWS["sets"]["ENV"])


def test_an_offer_has_one_form_for_each_record_kind() -> None:
    forms = {field.name for field in sharing_pb2.OfferRecordRequest.DESCRIPTOR.oneofs_by_name["content"].fields}
    assert forms - {"withdrawn"} == set(CONTENT)


@pytest.mark.parametrize("kind", CONTENT)
def test_an_offer_can_say_nothing_that_no_ground_names(kind: str) -> None:
    named = {field for ground in law().grounds.values() if kind in ground.record_kinds for field in ground.fields_allowed}
    assert sorted(paths(CONTENT[kind]) - named) == []


@pytest.mark.parametrize("kind", CONTENT)
def test_an_offer_can_say_everything_that_an_open_flow_carries(kind: str) -> None:
    carried = {
        field
        for rule in law().rules
        for (record_kind, _), routes in rule.routes.items()
        for route in routes
        if record_kind == kind and route.channel and route.switch == "on" and not rule.only_asked  # an answer is no offer
        for field in route.fields[None]
    }
    assert sorted(carried - ENVELOPE - paths(CONTENT[kind])) == []


def test_no_offer_can_say_what_goes_nowhere() -> None:
    never = FLOWS["sets"]["NEVER"]
    exact = {field for field in never if not field.endswith(".*")}
    under = tuple(field.removesuffix("*") for field in never if field.endswith(".*"))
    said = {field for message in CONTENT.values() for field in paths(message)}
    assert [field for field in sorted(said) if field in exact or field.startswith(under)] == []
