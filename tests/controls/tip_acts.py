"""What coordinators and others do with tips, for the tests about them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from los.controls.v1 import tips_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from tests.controls.conftest import PERSON, Controls

RECEIVED = datetime(2026, 11, 20, 8, 10, tzinfo=UTC)
CONSULTED = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
INSPECTOR = Caller("cli", "mos-inspektor-1", Role.INSPECTOR, "MOS")
SECURITY = Caller("cli", "mos-sakerhetssamordnare-1", Role.SECURITY_COORDINATOR, "MOS")
ELSEWHERE = Caller("cli", "klf-samordnare-1", Role.LOS_COORDINATOR, "KLF")
GROUND = "miljobalken-tillsyn"


def an_id() -> str:
    return str(uuid4())


def a_place(**fields: str) -> pb.TipPlace:
    known = {"object_type": "garage", "street_address": "Garagegatan 3", "postal_code": "582 22", "city": "Linköping", "district": "Tornby"}
    return pb.TipPlace(**known | fields)


def a_company(**fields: str) -> pb.TipPlace:
    known = {"org_number": "559999-0008", "company_name": "Demo Bilvård AB", "sni_code": "95311", "object_type": "bilverkstad"}
    return a_place(**known | fields)


def a_tip(**fields: Any) -> pb.RegisterTipRequest:  # noqa: ANN401
    known: dict[str, Any] = {
        "request_id": an_id(),
        "source_type": "own_inspector",
        "received_time": timestamp(RECEIVED),
        "suspicion_types": ["illegal_lodging"],
        "summary": "Madrasser i lokalen enligt brandtillsyn",
    }
    if "object_id" not in fields:
        known["place"] = a_place()
    return pb.RegisterTipRequest(**known | fields)


def register(controls: Controls, who: Caller = INSPECTOR, **fields: Any) -> pb.RegisterTipResponse:  # noqa: ANN401
    answer: pb.RegisterTipResponse = controls.call("RegisterTip", a_tip(**fields), who)
    return answer


def read(controls: Controls, tip_id: str) -> pb.Tip:
    tip: pb.Tip = controls.call("GetTip", pb.GetTipRequest(tip_id=tip_id)).tip
    return tip


def assess(controls: Controls, tip_id: str, etag: str, who: Caller = PERSON, **fields: Any) -> pb.AssessTipResponse:  # noqa: ANN401
    known: dict[str, Any] = {"reliability": "probable", "relevance": "high", "control_ground_ids": [GROUND]}
    request = pb.AssessTipRequest(request_id=an_id(), tip_id=tip_id, etag=etag, **known | fields)
    answer: pb.AssessTipResponse = controls.call("AssessTip", request, who)
    return answer


def decide(controls: Controls, tip_id: str, etag: str, who: Caller = PERSON, **fields: Any) -> pb.DecideTipResponse:  # noqa: ANN401
    known: dict[str, Any] = {
        "decision": pb.TIP_DECISION_PRIORITISE,
        "reason": "serious_harm",
        "police_consulted_time": timestamp(CONSULTED),
    }
    answer: pb.DecideTipResponse = controls.call(
        "DecideTip", pb.DecideTipRequest(request_id=an_id(), tip_id=tip_id, etag=etag, **known | fields), who
    )
    return answer


def forward(controls: Controls, tip_id: str, etag: str, who: Caller = PERSON, **fields: Any) -> pb.ForwardTipResponse:  # noqa: ANN401
    known: dict[str, Any] = {
        "receiver_kind": "polismyndigheten",
        "ground": "10 kap. 24 § OSL",
        "forwarded_time": timestamp(CONSULTED),
    }
    answer: pb.ForwardTipResponse = controls.call(
        "ForwardTip", pb.ForwardTipRequest(request_id=an_id(), tip_id=tip_id, etag=etag, **known | fields), who
    )
    return answer


def prioritised(controls: Controls, **fields: Any) -> pb.RegisterTipResponse:  # noqa: ANN401
    """A tip that waits for an operation."""
    tip = register(controls, **fields)
    decide(controls, tip.tip_id, assess(controls, tip.tip_id, "1").etag)
    return tip
