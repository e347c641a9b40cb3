"""What a coordinator does, as requests that would be taken; a test names what it changes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
from los.common.v1 import common_pb2
from los.controls.v1 import controls_pb2 as pb

from services.controls.wire.objects import object_message
from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp
from services.kernel.rpc import failure_of
from tests.controls.builders import OWN_GROUND, START, an_object
from tests.controls.conftest import Controls
from tests.controls.test_rows import GOOD

SKV, FK, KFM, POLICE = "skatteverket-beskattning", "forsakringskassan", "kronofogden", "polismyndigheten"
KLF_PERSON = Caller("cli", "klf-samordnare-1", Role.LOS_COORDINATOR, "KLF")
ACCEPTED, DECLINED = common_pb2.INVITATION_ANSWER_ACCEPTED, common_pb2.INVITATION_ANSWER_DECLINED
ON_SITE, PLANNING = common_pb2.PARTICIPATION_ROLE_ON_SITE, common_pb2.PARTICIPATION_ROLE_PLANNING_ONLY
SECRETS = ("Parkeringen vid Tornby", "sund konkurrens", "2026-12-01", "kod-7")


def an_id() -> str:
    return str(uuid4())


def register(controls: Controls, number: int = 1, **fields: Any) -> str:  # noqa: ANN401
    place = replace(an_object(street_address=f"Exempelgatan {number}").object, **fields)
    request = pb.RegisterObjectRequest(request_id=an_id(), object=object_message(place))
    return str(controls.call("RegisterObject", request).object_id)


def a_plan_request(**fields: Any) -> pb.PlanOperationRequest:  # noqa: ANN401
    known: dict[str, Any] = {
        "request_id": an_id(),
        "label": "LOS-2026-07",
        "purpose": "sund konkurrens",
        "planned_start": timestamp(START),
        "planned_end": timestamp(START + timedelta(hours=6)),
        "assembly_point": "Parkeringen vid Tornby",
        "own_control_ground_id": OWN_GROUND,
        "safety_code": "kod-7",
    }
    return pb.PlanOperationRequest(**known | fields)


class Operation:
    """An operation as its coordinator works with it: each call names the etag of the one before."""

    def __init__(self, controls: Controls, objects: int = 3, **plan: Any) -> None:  # noqa: ANN401
        self.controls = controls
        planned = controls.call("PlanOperation", a_plan_request(**plan))
        self.id, self.etag = planned.operation_id, planned.etag
        self.visits = [
            self.change("AddVisit", pb.AddVisitRequest(object_id=register(controls, number))).visit_id for number in range(1, objects + 1)
        ]

    def change(self, method: str, request: Any) -> Any:  # noqa: ANN401
        request.request_id, request.operation_id, request.etag = an_id(), self.id, self.etag
        answer = self.controls.call(method, request)
        self.etag = answer.etag
        return answer

    def invite(self, *kinds: str) -> None:
        for kind in kinds:
            self.change("InviteAuthority", pb.InviteAuthorityRequest(receiver_kind=kind))

    def confirm(self, reason: str = "") -> pb.ConfirmOperationResponse:
        answer: pb.ConfirmOperationResponse = self.change("ConfirmOperation", pb.ConfirmOperationRequest(override_reason=reason))
        return answer

    def read(self) -> pb.GetOperationResponse:
        found: pb.GetOperationResponse = self.controls.call("GetOperation", pb.GetOperationRequest(operation_id=self.id))
        self.etag = found.etag
        return found

    def outcome(self, kind: str, record_id: str = "", request_id: str = "", **fields: Any) -> None:  # noqa: ANN401
        """What sharing tells of an invitation or, with a record id, of a plan."""
        outcome = common_pb2.RecordOutcome(
            request_id=request_id or an_id(),
            record_kind="control_invitation",
            record_id=record_id or self.id,
            receiver_kind=kind,
            disclosure_id=fields.pop("disclosure_id", None) or an_id(),
            **fields,
        )
        try:
            self.controls.as_sharing.RecordOutcome(pb.RecordOutcomeRequest(outcome=outcome), timeout=10)
        except grpc.RpcError as error:
            raise failure_of(error) from None

    def answer(self, kind: str, answer: Any, role: Any = 0, ground: str = "", **about: Any) -> None:  # noqa: ANN401
        answered = common_pb2.AnsweredInvitation(
            answer=answer, role=role, control_ground_id=ground, function_mailbox="los@myndighet.example"
        )
        self.outcome(kind, status=common_pb2.OUTCOME_STATUS_RECEIVED, answered_invitation=answered, **about)

    def participation(self, kind: str) -> pb.Participation:
        return next(found for found in self.read().participations if found.receiver_kind == kind)


def hear(controls: Controls, record_id: str, kind: str, **fields: Any) -> None:  # noqa: ANN401
    """Sharing tells that an authority has received an invitation or a plan."""
    outcome = common_pb2.RecordOutcome(
        request_id=an_id(),
        record_kind="control_invitation",
        record_id=record_id,
        receiver_kind=kind,
        disclosure_id=an_id(),
        status=common_pb2.OUTCOME_STATUS_RECEIVED,
        **fields,
    )
    controls.as_sharing.RecordOutcome(pb.RecordOutcomeRequest(outcome=outcome), timeout=10)


def object_read(controls: Controls, object_id: str, who: Caller = KLF_PERSON) -> pb.GetObjectResponse:
    found: pb.GetObjectResponse = controls.call("GetObject", pb.GetObjectRequest(object_id=object_id), who)
    return found


def deliver(controls: Controls) -> None:
    while controls.outbox.run_once():
        pass


def a_file(*rows: dict[str, str]) -> list[pb.ImportObjectsRequest]:
    table = [GOOD | row for row in rows]
    return as_file(list(GOOD), [list(row.values()) for row in table])


def as_file(header: list[str], rows: list[list[str]]) -> list[pb.ImportObjectsRequest]:
    parts = [common_pb2.ImportRequest(header=common_pb2.TableHeader(columns=header))]
    parts += [common_pb2.ImportRequest(row=common_pb2.TableRow(number=number, cells=cells)) for number, cells in enumerate(rows, 1)]
    return [pb.ImportObjectsRequest(part=part) for part in parts]
