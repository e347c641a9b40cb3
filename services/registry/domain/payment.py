"""A suspected felaktig utbetalning: an officer's flag on a payment of the own nämnd, and what it may say about other benefits.

Source: workflows 6, sharing-matrix 4.2, 5.2, 5.5 and 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.kernel import cells, rows
from services.kernel.cells import Fault
from services.kernel.errors import Invalid
from services.kernel.protection import Protection
from services.kernel.reference import Scheme, Words, reference
from services.kernel.rows import Check, Field, Form, Judged, Layout, Result, Verdict
from services.registry.domain.linking import Keys, keys
from services.registry.domain.record import Circumstance, Context, Offered, ProtectionCheck

RECORD_KIND = "suspected_payment"
POLICE_REPORT = "police_report"
POLICE = "polismyndigheten"
METHODS_MAX = 50
DOCUMENTS_MAX = 200
# The scheme that the kommun decides itself and never notifies itself about (sharing-matrix 5.8), as a benefit.
OWN_BENEFITS: Mapping[str, str] = {
    "ekonomiskt_bistand": "ekonomiskt_bistand",
    "personlig_assistans": "personlig_assistans_lss",
    "bostadsanpassning": "bostadsanpassningsbidrag",
}


class State(StrEnum):
    """Where a suspected payment is (workflows 6.1). The three decisions are states, because they lead to different places."""

    FLAGGED = "flagged"
    INTAKE_REVIEW = "intake_review"
    DISMISSED = "dismissed"
    PRELIMINARY_CHECK = "preliminary_check"
    AUTHORITY_ERROR = "authority_error"
    CORRECTED = "corrected"
    INVESTIGATION_OPEN = "investigation_open"
    COMMUNICATED = "communicated"
    NO_ERROR = "no_error"
    ERROR_NO_RECOVERY = "error_no_recovery"
    ERROR_RECOVERY = "error_recovery"
    RECOVERY_DECIDED = "recovery_decided"
    PAID = "paid"
    INSTALMENT = "instalment"
    COURT_ACTION = "court_action"
    CLOSED = "closed"
    BLOCKED_PROTECTED = "blocked_protected"
    WITHDRAWN = "withdrawn"


class Notice(StrEnum):
    """The track of notices to the bodies that decided other benefits; it runs beside the state."""

    NONE = "none"
    DUE = "due"
    SENT = "sent"


class Police(StrEnum):
    """The track of the report of a suspected crime: a duty once there is suspicion (bidragsbrottslagen 6 §); it runs beside the state."""

    NONE = "none"
    DUE = "due"
    FILED = "filed"
    FEEDBACK = "feedback"
    CLOSED = "closed"


class WhoseFault(StrEnum):
    """Whose error it was, as decided. What the applicant meant is for Polisen and a court, not for the nämnd."""

    APPLICANT_INTENT_UNCLEAR = "applicant_intent_unclear"
    APPLICANT = "applicant"
    AUTHORITY = "authority"
    THIRD_PARTY = "third_party"
    MIXED = "mixed"


class Assessment(StrEnum):
    """What the investigator found. `ongoing`: the case stays where it is, and what it says of other benefits and of crime is told again."""

    PRELIMINARY_CHECK = "preliminary_check"
    DISMISSED = "dismissed"
    AUTHORITY_ERROR = "authority_error"
    ONGOING = "ongoing"


@dataclass(frozen=True, slots=True)
class Flag:
    """What was flagged. The recipient's number is twelve digits; months are YYYY-MM; codes are reference data."""

    case_number: str
    diary_number: str
    owner_unit: str
    payment_scheme: str
    recipient_id_number: str = field(repr=False)
    causes: tuple[str, ...]
    period_from: str
    period_to: str
    suspected_amount_sek: Decimal | None
    impulse_source: str
    other_benefit: str
    deciding_body: str
    population_register_doubted: bool
    household_size: int | None = None

    @property
    def same_as(self) -> str:
        """Equal for two flags on the same case."""
        return f"{self.owner_unit}|{cells.words_apart(self.case_number)}"


@dataclass(frozen=True, slots=True)
class OtherBenefit:
    """What the officer knows about another benefit, decided by another body: the facts that give reason to assume an error in it (W2)."""

    benefit_type: str
    deciding_body: str
    period_from: str
    period_to: str
    suspected_error_kind: str
    circumstances: tuple[Circumstance, ...]
    observed_at: date


@dataclass(frozen=True, slots=True)
class Assessed:
    """The investigator's assessment."""

    assessment: Assessment
    reasons: str
    no_conflict_of_interest: bool
    own_error_ruled_out: bool = False
    recipient_name: str = ""
    other_benefits: tuple[OtherBenefit, ...] = ()
    crime_suspected: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """How something is found out: a code of the closed list of lawful methods, the ground of a look-up, the consent to a visit."""

    code: str
    ground: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Investigation:
    """What the investigator will do. Documents are references to files in the case system, never the files."""

    methods: tuple[Method, ...]
    documents: tuple[str, ...]
    no_conflict_of_interest: bool

    def and_also(self, more: "Investigation") -> "Investigation":
        """This one with more methods and documents, each once. Raises Invalid when they are more than can be kept."""
        methods = tuple(dict.fromkeys(self.methods + more.methods))
        documents = tuple(dict.fromkeys(self.documents + more.documents))
        if len(methods) > METHODS_MAX or len(documents) > DOCUMENTS_MAX:
            raise Invalid("investigation: ärendet har för många metoder eller handlingar. Samla dem i verksamhetssystemet.")
        return Investigation(methods, documents, more.no_conflict_of_interest)


@dataclass(frozen=True, slots=True)
class Communication:
    """When the person was told what the case holds, and until when they may answer (FL 25 §)."""

    communicated_date: date
    answer_due_date: date


@dataclass(frozen=True, slots=True)
class Decision:
    """What the nämnd decided about the payment. Amounts in SEK; `delegation_reference`: on what authority."""

    fault: WhoseFault | None
    answer_received: bool
    confirmed_amount_sek: Decimal | None
    prevented_amount_sek: Decimal | None
    prevented_months: int | None
    delegation_reference: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """What is to be paid back, on which grounds (codes): one for each part of the period."""

    grounds: tuple[str, ...]
    amount_sek: Decimal
    decided_date: date
    delegation_reference: str


@dataclass(frozen=True, slots=True)
class PoliceReport:
    """When and how the report went to Polisen, and their number. The report itself is in the case system."""

    filed_date: date
    sent_how: str
    report_number: str
    voluntary_correction_considered: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """When our own error was put right."""

    corrected_date: date


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a suspected payment that is stored encrypted.

    `flagged_by`: who flagged it by hand; a row of a file is nobody's own case. `told`: the receiver kinds that have had a notice.
    """

    flag: Flag
    assessed: Assessed | None = None
    handled_by: tuple[str, ...] = ()
    offered: Offered = field(default_factory=Offered)
    flagged_by: str = ""
    told: tuple[str, ...] = ()
    investigation: Investigation | None = None
    communication: Communication | None = None
    decision: Decision | None = None
    recovery: Recovery | None = None
    police_report: PoliceReport | None = None
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """A suspected payment, held by one unit.

    `officer`: whose case it is, the last one who handled it; nobody's while it is only registered. `purge_date`: when it may
    be erased, on the kommun's decision; none while it is open. `due_date`: the day by which something is to be done: a duty from the day it
    is known, a decision when the person's time to answer is out.
    """

    id: UUID
    unit: str
    state: State
    revision: int
    registered_time: datetime
    registered_by: str
    content: Content
    protection_check: ProtectionCheck = field(default_factory=ProtectionCheck)
    notice: Notice = Notice.NONE
    police: Police = Police.NONE
    officer: str | None = None
    purge_date: date | None = None
    due_date: date | None = None

    @property
    def registered_as(self) -> str:
        """What is registered once: the case, which names its unit. Empty when it hinders no other flag."""
        return "" if self.state is State.WITHDRAWN else self.content.flag.same_as

    @property
    def mentions(self) -> Keys[str]:
        """What it is linked to other records by: nothing once it is withdrawn, and never a protected person."""
        return keys("" if self.protection_check.result is Protection.PROTECTED else self.subject_number)

    @property
    def subject_number(self) -> str:
        """Whose payment it is; empty once it is withdrawn."""
        return "" if self.state is State.WITHDRAWN else self.content.flag.recipient_id_number


# --- reading a flag -------------------------------------------------------------------------------------------------------------


def _own_unit(text: str, context: Context) -> str:
    unit = reference().units.find(text)
    if unit is None or unit.code != context.unit or RECORD_KIND not in unit.holds:
        raise Fault("unit")  # a unit that is not yours looks like one that is not there
    return unit.code


def _schemes() -> Words[Scheme]:
    return Words(scheme for scheme in reference().schemes if scheme.record_kind == RECORD_KIND)


def _month(text: str, context: Context) -> str:
    return cells.month(text, context.today)


def _body(text: str, _: Context) -> str:
    receiver = reference().deciding_body(text)
    return receiver.code if receiver else text  # whether it fits is a question of benefit and body together


def _protection(text: str, _: Context) -> Protection:
    return Protection.PROTECTED if cells.yes_no(text) else Protection.NONE


def _in_order(values: Mapping[str, Any], _: Context) -> None:
    if values["period_to"] < values["period_from"]:
        raise Fault("date_order")


def _decided_there(values: Mapping[str, Any], _: Context) -> None:
    benefit, body = values["other_benefit"], values["deciding_body"]
    if (benefit or body) and not reference().decides(benefit, body):
        word = reference().benefits[benefit].word if benefit else "förmånen"
        raise Fault("deciding_body", benefit=word)


_FIELDS: tuple[Field[Context], ...] = (
    Field("case_number", "Ärendenummer", length_max=40),
    Field("diary_number", "Diarienummer", length_max=40, needed=False, column=False),
    Field("owner_unit", "Förvaltning", _own_unit),
    Field("payment_scheme", "Stödtyp", lambda text, _: cells.word(text, _schemes()).code),
    Field("recipient_id_number", "Personnummer", lambda text, context: cells.identity_number(text, context.today).digits),
    Field("causes", "Orsak", lambda text, _: cells.codes(text, reference().causes), length_max=500),
    Field("period_from", "Period fr.o.m.", _month),
    Field("period_to", "Period t.o.m.", _month),
    Field("suspected_amount_sek", "Misstänkt belopp (kr)", lambda text, _: cells.amount(text), needed=False, empty=None),
    Field("impulse_source", "Impuls", lambda text, _: cells.word(text, reference().impulses).code),
    Field("other_benefit", "Annan förmån", lambda text, _: cells.word(text, reference().benefits).code, needed=False),
    Field("deciding_body", "Beslutande myndighet", _body, needed=False),
    Field("household_size", "Hushåll", lambda text, _: cells.persons(text), needed=False, empty=None, column=False),
    Field("population_register_doubted", "Folkbokföring ifrågasatt", lambda text, _: cells.yes_no(text), needed=False, empty=False),
)
_CHECKS = (
    Check("period_to", ("period_from", "period_to"), _in_order),
    Check("deciding_body", ("other_benefit", "deciding_body"), _decided_there),
)
_PROTECTED = Field("protection", "Skyddade uppgifter", _protection, needed=False, empty=Protection.UNKNOWN)
FORM = Form(_FIELDS, _CHECKS)
TABLE = Form((*_FIELDS, _PROTECTED), _CHECKS)


def read_flag(texts: Mapping[str, str], context: Context) -> Flag:
    """The flag in a message's fields. Raises FieldFault."""
    return Flag(**FORM.read(texts, context))


def judge(layout: Layout[Context], number: int, cells_: Sequence[str], context: Context) -> Judged[tuple[Flag, Protection]]:
    """One row of an extract from the case system, with what it says about protection."""
    _, read = layout.read(number, cells_, context)
    label = str(number)
    if isinstance(read, Verdict):
        return Judged(label, read)
    protection = read.pop("protection")
    protected = Verdict(Result.PROTECTED)
    verdict = protected if protection is Protection.PROTECTED else rows.accepted(number, layout, ())
    return Judged(label, verdict, (Flag(**read), protection))
