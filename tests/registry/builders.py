"""Something valid of each kind; a test names only what matters to it. Numbers are Skatteverket's published test numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.kernel.callers import Caller, Role
from services.kernel.clock import timestamp

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LANDLORD = Caller("cli", "hyresvard-1", Role.LANDLORD_REPORTER, "hyresvard", "559999-0180")
OTHER_LANDLORD = Caller("cli", "hyresvard-2", Role.LANDLORD_REPORTER, "hyresvard", "559999-0016")
OFFICER = Caller("cli", "klf-handlaggare-1", Role.ALERT_OFFICER, "KLF")
MOS_OFFICER = Caller("cli", "mos-handlaggare-1", Role.ALERT_OFFICER, "MOS")
INVESTIGATOR = Caller("cli", "iaf-utredare-1", Role.FUT_INVESTIGATOR, "IAF")
CASE_OFFICER = Caller("cli", "iaf-handlaggare-1", Role.CASE_OFFICER, "IAF")
BUYER = Caller("cli", "vss-handlaggare-1", Role.CASE_OFFICER, "VSS")
APPROVER = Caller("cli", "iaf-beslutare-1", Role.APPROVER, "IAF")
MANAGER = Caller("cli", "iaf-chef-1", Role.FUT_MANAGER, "IAF")
VOF_INVESTIGATOR = Caller("cli", "vof-utredare-1", Role.FUT_INVESTIGATOR, "VOF")
COORDINATOR = Caller("cli", "klf-samordnare-1", Role.LOS_COORDINATOR, "KLF")

PERSON = "198810162399"
OTHER_PERSON = "199411302392"
COORDINATION_PERSON = "193104819093"


def a_report(**more: Any) -> pb.AlertReport:  # noqa: ANN401  # any field
    """A landlord's report of one flat."""
    values: dict[str, Any] = {
        "landlord_org_number": "559999-0180",
        "source_kind": "dokument",
        "property_designation": "LINKÖPING EXEMPLET 1:1",
        "street_address": "Exempelgatan 1",
        "postal_code": "582 22",
        "city": "linköping",
        "apartment_number": "1201",
        "contract_holder_name": "Demo Person",
        "contract_holder_id_number": PERSON,
        "observed_from": "2026-09-24",
        "observed_to": "2026-10-06",
        "observation_types": ["hyresgästen bor inte där", "misstänkt andrahand"],
    }
    return pb.AlertReport(**values | more)


def a_registration(**more: Any) -> pb.RegisterAlertRequest:  # noqa: ANN401
    """The same as a request."""
    return pb.RegisterAlertRequest(request_id=str(uuid4()), report=a_report(**more))


def a_check(
    result: "common_pb2.Protection.ValueType" = common_pb2.PROTECTION_NONE, age: timedelta = timedelta()
) -> common_pb2.ProtectionCheck:
    """A register check made some time ago."""
    return common_pb2.ProtectionCheck(result=result, checked_time=timestamp(NOW - age))


def an_assessment(alert_id: str, etag: str = "1", **more: Any) -> pb.AssessAlertRequest:  # noqa: ANN401
    """An officer who assumes an error."""
    values: dict[str, Any] = {
        "assessment": pb.ALERT_ASSESSMENT_ASSUME_ERROR,
        "wrong_flat_checked": True,
        "suspected_error_kind": "not_living_at_registered_dwelling",
        "concerns_contract_holder": True,
        "protection_check": a_check(),
        "reasons": "Jämfört med folkbokföringen.",
    }
    return pb.AssessAlertRequest(request_id=str(uuid4()), alert_id=alert_id, etag=etag, **values | more)


def a_flag(**more: Any) -> pb.PaymentFlag:  # noqa: ANN401
    """An officer's flag on ekonomiskt bistånd that may say something about bostadsbidrag."""
    values: dict[str, Any] = {
        "case_number": "IAF-2026-1",
        "diary_number": "IAF 2026/1",
        "owner_unit": "IAF",
        "payment_scheme": "ekonomiskt bistånd",
        "recipient_id_number": PERSON,
        "causes": ["fel boendekostnad"],
        "period_from": "2026-02",
        "period_to": "2026-09",
        "suspected_amount_sek": "12 500,50",
        "impulse_source": "hyresvärd",
        "other_benefit": "bostadsbidrag",
        "deciding_body": "Försäkringskassan",
    }
    return pb.PaymentFlag(**values | more)


def a_payment(**more: Any) -> pb.RegisterSuspectedPaymentRequest:  # noqa: ANN401
    """The same as a request."""
    return pb.RegisterSuspectedPaymentRequest(request_id=str(uuid4()), flag=a_flag(**more))


def other_benefit(**more: Any) -> pb.OtherBenefit:  # noqa: ANN401
    """Dated facts about bostadsbidrag."""
    values: dict[str, Any] = {
        "benefit_type": "bostadsbidrag",
        "deciding_body": "forsakringskassan",
        "period_from": "2026-02",
        "period_to": "2026-09",
        "suspected_error_kind": "housing_cost",
        "circumstances": [common_pb2.Circumstance(code="housing_cost", from_date="2026-02-01", to_date="2026-09-30")],
        "observed_at": "2026-11-16",
    }
    return pb.OtherBenefit(**values | more)


def a_payment_assessment(payment_id: str, etag: str = "1", **more: Any) -> pb.AssessSuspectedPaymentRequest:  # noqa: ANN401
    """An investigator who has reason to assume an error in bostadsbidrag."""
    values: dict[str, Any] = {
        "assessment": pb.PAYMENT_ASSESSMENT_PRELIMINARY_CHECK,
        "no_conflict_of_interest": True,
        "own_error_ruled_out": True,
        "protection_check": a_check(),
        "recipient_name": "Demo Person",
        "other_benefits": [other_benefit()],
        "reasons": "Akten genomgången.",
    }
    return pb.AssessSuspectedPaymentRequest(request_id=str(uuid4()), payment_id=payment_id, etag=etag, **values | more)
