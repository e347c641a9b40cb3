"""The servicer of controls: who asks, then one transaction, then the answer."""

from collections.abc import Mapping

import grpc
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1 import controls_pb2_grpc

from services.controls.domain.checklists import FINDING
from services.controls.service.after_work import AfterWorkMethods
from services.controls.service.day import DayMethods
from services.controls.service.measures import MeasureMethods
from services.controls.service.objects import ObjectMethods
from services.controls.service.route import RouteMethods
from services.controls.service.statistics import StatisticsMethods
from services.controls.service.tips import TipMethods
from services.kernel.callers import Role
from services.kernel.db import Transaction
from services.kernel.rpc import Rule, caller, people, services

COORDINATOR = people(Role.LOS_COORDINATOR)
LEADS = people(Role.LOS_COORDINATOR, Role.INSPECTOR)
INSPECTOR = people(Role.INSPECTOR)
RULES: Mapping[str, Rule] = {
    "RegisterObject": COORDINATOR,
    "ListObjects": COORDINATOR,
    "ImportObjects": COORDINATOR,
    "ListImports": COORDINATOR,
    "UndoImport": COORDINATOR,
    "GetObject": COORDINATOR,
    "ListCandidates": COORDINATOR,
    "UpdateObject": COORDINATOR,
    "RegisterTip": people(Role.SECURITY_COORDINATOR, Role.LOS_COORDINATOR, Role.INSPECTOR),
    "GetTip": COORDINATOR,
    "ListTips": COORDINATOR,
    "AssessTip": COORDINATOR,
    "DecideTip": COORDINATOR,
    "ForwardTip": COORDINATOR,
    "PlanOperation": COORDINATOR,
    "GetOperation": LEADS,
    "ListOperations": LEADS,
    "AddVisit": COORDINATOR,
    "InviteAuthority": COORDINATOR,
    "AnswerInvitation": LEADS,
    "ConfirmOperation": COORDINATOR,
    "UpdatePlan": COORDINATOR,
    "RemoveVisit": COORDINATOR,
    "PostponeOperation": COORDINATOR,
    "BriefOperation": LEADS,
    "StartOperation": LEADS,
    "StartVisit": LEADS,
    "FinishVisit": LEADS,
    "CompleteOperation": LEADS,
    "RecordSummary": LEADS,
    "ReportOperation": COORDINATOR,
    "FollowUpOperation": COORDINATOR,
    "CloseOperation": COORDINATOR,
    "CancelOperation": COORDINATOR,
    "GetChecklists": people(Role.INSPECTOR, Role.LOS_COORDINATOR),
    "RecordObservation": INSPECTOR,
    "ChangeObservation": INSPECTOR,
    "WithdrawObservation": INSPECTOR,
    "ListObservations": INSPECTOR,
    "OfferFinding": INSPECTOR,
    "WithdrawFinding": INSPECTOR,
    "DecideNothingToTell": INSPECTOR,
    "RecordMeasure": INSPECTOR,
    "UpdateMeasure": INSPECTOR,
    "ListMeasures": INSPECTOR,
    "RecordToldMeasure": COORDINATOR,
    "UpdateToldMeasure": COORDINATOR,
    "ListAfterWork": COORDINATOR,
    "SuggestRoute": COORDINATOR,
    "AcceptRoute": COORDINATOR,
    "GetCalendar": COORDINATOR,
    "GetStatistics": people(Role.SECURITY_CHIEF, Role.ANALYST, Role.LOS_COORDINATOR),
    "RecordOutcome": services("sharing"),
}


class ControlsServicer(
    ObjectMethods,
    TipMethods,
    DayMethods,
    RouteMethods,
    MeasureMethods,
    AfterWorkMethods,
    StatisticsMethods,
    controls_pb2_grpc.ControlsServiceServicer,
):
    """Objects, tips, operations, invitations and answers, what is found and what is done about it."""

    def RecordOutcome(self, request: pb.RecordOutcomeRequest, _context: grpc.ServicerContext) -> pb.RecordOutcomeResponse:  # noqa: N802, D102
        asking, outcome = caller(), request.outcome
        hear = self._hear_of_finding if outcome.record_kind == FINDING else self._hear_of_invitation

        def act(tx: Transaction) -> pb.RecordOutcomeResponse:
            hear(tx, outcome, asking)
            return pb.RecordOutcomeResponse()

        return self._requests.once(asking, request, outcome.request_id, pb.RecordOutcomeResponse, act)
