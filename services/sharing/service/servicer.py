"""The servicer of sharing: who may call what."""

from collections.abc import Mapping

from los.sharing.v1 import sharing_pb2_grpc

from services.kernel.callers import Role
from services.kernel.rpc import Rule, people, services
from services.sharing.service.deciding import DecisionMethods
from services.sharing.service.disclosures import DisclosureMethods
from services.sharing.service.inbound import InboundMethods
from services.sharing.service.law import LawMethods
from services.sharing.service.offers import OfferMethods
from services.sharing.service.oversight import OversightMethods
from services.sharing.service.records import RecordMethods
from services.sharing.service.roles import RoleMethods
from services.sharing.service.statistics import StatisticsMethods
from services.sharing.service.switches import SwitchMethods
from services.sharing.service.tasks import TaskMethods

OFFICERS = (Role.ALERT_OFFICER, Role.FUT_INVESTIGATOR, Role.APPROVER, Role.FUT_MANAGER, Role.LOS_COORDINATOR, Role.INSPECTOR)
INVESTIGATORS = (Role.FUT_INVESTIGATOR, Role.FUT_MANAGER)
RULES: Mapping[str, Rule] = {
    "OfferRecord": services("registry", "controls"),
    "ListOffers": people(*OFFICERS),
    "PreviewDisclosure": people(*OFFICERS),
    "DecideDisclosure": people(*OFFICERS),
    "ApproveDisclosure": people(*OFFICERS),
    "GetDisclosure": people(*OFFICERS),
    "ListDisclosures": people(*OFFICERS),
    "ExplainGround": people(*OFFICERS, Role.JURIST),
    "ListGrounds": people(*OFFICERS, Role.JURIST),
    "GetGround": people(*OFFICERS, Role.JURIST),
    "ListLawWords": people(*OFFICERS, Role.JURIST),
    "ListRegister": services("gateway"),
    "ListReleases": people(Role.SECURITY_OFFICER),
    "RecallDisclosure": people(*OFFICERS),
    "CorrectDisclosure": people(*OFFICERS),
    "RecordCarriedOut": people(*OFFICERS),
    "SwitchFlow": people(Role.JURIST),
    "ListFlowSwitches": people(*OFFICERS, Role.JURIST),
    "ListDisclosuresAbout": people(Role.RECORDS_OFFICER),
    "HoldDisclosure": people(Role.RECORDS_OFFICER),
    "ListHolds": people(Role.RECORDS_OFFICER),
    "EraseDisclosures": people(Role.RECORDS_OFFICER),
    "ListInbound": people(*INVESTIGATORS),
    "GetInbound": people(*INVESTIGATORS),
    "AcknowledgeInbound": people(*INVESTIGATORS),
    "GetStatistics": people(Role.SECURITY_CHIEF, Role.ANALYST),
    "RecordRoleChange": people(Role.SECURITY_OFFICER),
}


class SharingServicer(
    OfferMethods,
    DecisionMethods,
    DisclosureMethods,
    LawMethods,
    TaskMethods,
    SwitchMethods,
    RecordMethods,
    InboundMethods,
    RoleMethods,
    StatisticsMethods,
    OversightMethods,
    sharing_pb2_grpc.SharingServiceServicer,
):
    """Offers in, previews and decisions, disclosures out; and what agencies tell the kommun."""
