"""The servicer of controls: who asks, then one transaction, then the answer."""

from collections.abc import Mapping

from los.controls.v1 import controls_pb2_grpc

from services.controls.service.objects import ObjectMethods
from services.controls.service.operations import OperationMethods
from services.kernel.callers import Role
from services.kernel.rpc import Rule, people, services

COORDINATOR = people(Role.LOS_COORDINATOR)
RULES: Mapping[str, Rule] = {
    "RegisterObject": COORDINATOR,
    "ListObjects": COORDINATOR,
    "ImportObjects": COORDINATOR,
    "PlanOperation": COORDINATOR,
    "GetOperation": COORDINATOR,
    "ListOperations": COORDINATOR,
    "AddVisit": COORDINATOR,
    "InviteAuthority": COORDINATOR,
    "AnswerInvitation": COORDINATOR,
    "ConfirmOperation": COORDINATOR,
    "CancelOperation": COORDINATOR,
    "RecordOutcome": services("sharing"),
}


class ControlsServicer(ObjectMethods, OperationMethods, controls_pb2_grpc.ControlsServiceServicer):
    """Objects, operations, invitations and answers."""
