"""The plan of an operation: what of it is secret until it is over (OSL 17:1), and what its texts must be."""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.controls.domain.visits import PlannedVisit
from services.kernel.cells import written
from services.kernel.clock import STOCKHOLM
from services.kernel.errors import Invalid
from services.kernel.identity import require_no_identity_number

TEXT_LENGTH_MAX = 100
CODE = re.compile(r"[\w-]*")


class RiskLevel(StrEnum):
    """How dangerous the day may be, as its lead has assessed it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is secret of an operation until it is over (OSL 17:1)."""

    purpose: str
    start: datetime
    end: datetime
    assembly_point: str = ""
    safety_code: str = ""
    override_reason: str = ""
    """Why it was confirmed before everybody had answered."""
    field_lead: str = ""
    """The person who leads the day."""
    risk_level: RiskLevel | None = None
    risk_measures: str = ""
    risk_signed_by: str = ""
    risk_signed_time: datetime | None = None
    began_time: datetime | None = None
    ended_time: datetime | None = None
    handed_over_to: str = ""
    """Who follows the measures that were open when it was closed."""
    timetable: tuple[PlannedVisit, ...] = ()

    @property
    def days(self) -> tuple[date, date]:
        """The Swedish days that those who are invited are told."""
        return self.start.astimezone(STOCKHOLM).date(), self.end.astimezone(STOCKHOLM).date()


def sound_plan(plan: Plan, now: datetime, known_start: datetime | None = None) -> Plan:
    """The plan as it may be kept. A start that was known may have passed. Raises Invalid, field first."""
    texts = {
        "purpose": written("purpose", plan.purpose, TEXT_LENGTH_MAX),
        "assembly_point": written("assembly_point", plan.assembly_point, TEXT_LENGTH_MAX),
        "field_lead": plan.field_lead.strip(),
    }
    for name, text in texts.items():
        require_no_identity_number(name, text, now.astimezone(STOCKHOLM).date())
    if not texts["purpose"]:
        raise Invalid("purpose: uppgiften saknas.")
    if not CODE.fullmatch(plan.safety_code):
        raise Invalid("safety_code: skriv en kod utan mellanslag, som normal.")
    if not CODE.fullmatch(texts["field_lead"]):
        raise Invalid("field_lead: ange personens användarnamn.")
    if plan.start < now and plan.start != known_start:
        raise Invalid("planned_start: tiden har redan varit.")
    if plan.end <= plan.start:
        raise Invalid("planned_end: sluttiden måste ligga efter starttiden.")
    return replace(plan, purpose=texts["purpose"], assembly_point=texts["assembly_point"], field_lead=texts["field_lead"])
