"""The day of an operation and what follows, as its people act, for the tests about its life."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.wire.objects import object_message
from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from tests.controls.builders import an_object
from tests.controls.conftest import NOW, PERSON, Controls

LEAD = Caller("cli", "mos-inspektor-1", Role.INSPECTOR, "MOS")
SF_INSPECTOR = Caller("cli", "sf-inspektor-1", Role.INSPECTOR, "SF")
STRANGER = Caller("cli", "klf-samordnare-1", Role.LOS_COORDINATOR, "KLF")
START = NOW + timedelta(hours=22)
FACTS = (
    "purpose",
    "planned_start",
    "planned_end",
    "assembly_point",
    "safety_code",
    "field_lead",
)


def an_id() -> str:
    return str(uuid4())


class Course:
    """One operation of MOS, led by its inspector, and everything that can be done with it."""

    def __init__(self, controls: Controls, objects: int = 1, *, ground: str = "pbl-tillsyn", lead: str = LEAD.person or "") -> None:
        self.controls = controls
        request = pb.PlanOperationRequest(
            request_id=an_id(), label="LOS-2026-07", own_control_ground_id=ground, **self.plan(field_lead=lead)
        )
        self.id = controls.call("PlanOperation", request).operation_id
        self.visits = [self.add() for _ in range(objects)]

    @staticmethod
    def plan(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
        known: dict[str, Any] = {
            "purpose": "sund konkurrens",
            "planned_start": timestamp(START),
            "planned_end": timestamp(START + timedelta(hours=6)),
            "assembly_point": "Parkeringen",
            "safety_code": "normal",
            "field_lead": LEAD.person,
        }
        return known | fields

    def add(self, object_id: str = "") -> str:
        if not object_id:
            place = object_message(an_object(street_address=f"Exempelgatan {uuid4().int % 10**6}").object)
            object_id = self.controls.call("RegisterObject", pb.RegisterObjectRequest(request_id=an_id(), object=place)).object_id
        return str(self.act("AddVisit", object_id=object_id).visit_id)

    def read(self, who: Caller = PERSON) -> pb.GetOperationResponse:
        found: pb.GetOperationResponse = self.controls.call("GetOperation", pb.GetOperationRequest(operation_id=self.id), who)
        return found

    def etag(self) -> str:
        """The etag that it has now."""
        return self.read().etag

    def act(self, method: str, who: Caller = PERSON, etag: str = "", **fields: Any) -> Any:  # noqa: ANN401
        """An act on the operation, from the etag that it has now."""
        request = getattr(pb, f"{method}Request")(request_id=an_id(), operation_id=self.id, **fields)
        if "etag" in request.DESCRIPTOR.fields_by_name:
            request.etag = etag or self.etag()
        return self.controls.call(method, request, who)

    def step(self, method: str, visit_id: str, who: Caller = LEAD, request_id: str = "", **fields: Any) -> Any:  # noqa: ANN401
        request = getattr(pb, f"{method}Request")(request_id=request_id or an_id(), visit_id=visit_id, **fields)
        return self.controls.call(method, request, who)

    def invite(self, party: str) -> Any:  # noqa: ANN401
        return self.act("InviteAuthority", receiver_kind=party)

    def answer(self, party: str, ground: str = "", who: Caller = PERSON, *, role: int = 1) -> Any:  # noqa: ANN401
        answered = common_pb2.AnsweredInvitation(
            answer=common_pb2.INVITATION_ANSWER_ACCEPTED, role=common_pb2.ParticipationRole.ValueType(role), control_ground_id=ground
        )
        return self.act("AnswerInvitation", who, receiver_kind=party, answered_invitation=answered)

    def planned(self) -> None:
        """SF and Arbetsmiljöverket are invited and say yes, on their own grounds."""
        self.invite("SF")
        self.invite("arbetsmiljoverket")
        self.answer("SF", "alkohollagen-tillsyn", SF_INSPECTOR)
        self.answer("arbetsmiljoverket", "aml-tillsyn")

    def brief(self, who: Caller = LEAD, **fields: Any) -> Any:  # noqa: ANN401
        return self.act("BriefOperation", who, **{"risk_level": pb.RISK_LEVEL_MEDIUM, "risk_measures": "Två och två", **fields})

    def begun(self) -> None:
        """Confirmed, briefed, and the day has come."""
        self.planned()
        self.act("ConfirmOperation")
        self.brief()
        self.controls.clock.moment = START
        self.act("StartOperation", LEAD)

    def completed(self) -> None:
        """Every visit is made."""
        self.begun()
        for visit_id in self.visits:
            self.step("StartVisit", visit_id)
            self.step("FinishVisit", visit_id, outcome=pb.VISIT_STATE_DONE, persons_checked_count=6)
        self.act("CompleteOperation", LEAD)

    def told(self) -> None:
        """Everybody tells."""
        self.tell("MOS", LEAD, areas=["building_permit"])
        self.tell("SF", SF_INSPECTOR, nothing_to_report=True)
        self.tell("arbetsmiljoverket", PERSON, areas=["work_environment"], told_by="Registrator", told_date="2026-11-24")

    def tell(self, party: str, who: Caller, **fields: Any) -> Any:  # noqa: ANN401
        return self.act("RecordSummary", who, party=party, **fields)
