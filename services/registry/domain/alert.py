"""A folkbokföring alert: a landlord's or an officer's report that those registered at a dwelling are not those who live there.

Source: workflows 5, sharing-matrix 2.1, 4.2 and 5.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from string import capwords
from typing import Any
from uuid import UUID

from services.kernel import cells, rows
from services.kernel.cells import Fault
from services.kernel.identity import holds_identity_number
from services.kernel.protection import Protection
from services.kernel.reference import reference
from services.kernel.rows import Check, Field, Form, Judged, Layout
from services.registry.domain.linking import NOTHING, Keys, keys
from services.registry.domain.place import place
from services.registry.domain.record import Circumstance, Context, Offered, ProtectionCheck

RECORD_KIND = "folkbokforing_alert"
RECEIVER_KIND = "skatteverket-folkbokforing"
# What a landlord reports belongs to kommunledningsförvaltningen, säkerhetsenheten (sharing-matrix 2).
LANDLORD_UNIT = "KLF"
NOTE_LENGTH_MAX = 500


class State(StrEnum):
    """Where an alert is (workflows 5.1)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SCREENED = "screened"
    NEEDS_COMPLETION = "needs_completion"
    BLOCKED_PROTECTED = "blocked_protected"
    ASSESSED = "assessed"
    NOTICE_SENT = "notice_sent"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATION_OPEN = "investigation_open"
    CLOSED = "closed"
    NO_ACTION = "no_action"
    REFERRED_TO_LANDLORD = "referred_to_landlord"
    LINKED_TO_PAYMENT_CASE = "linked_to_payment_case"
    WITHDRAWN = "withdrawn"


class Assessment(StrEnum):
    """What the officer found. A flat that is wrong only in the landlord's list is no alert, nor is a matter of the tenancy alone.

    `payment_case`: nothing is wrong in the register, but the facts belong to a suspected payment of the own unit.
    """

    ASSUME_ERROR = "assume_error"
    NOT_ENOUGH = "not_enough"
    WRONG_FLAT = "wrong_flat"
    NEEDS_COMPLETION = "needs_completion"
    TENANCY_ONLY = "tenancy_only"
    PAYMENT_CASE = "payment_case"


@dataclass(frozen=True, slots=True)
class Report:
    """What was reported. Numbers of persons and organisations are digits, twelve and ten; codes are reference data.

    `city` is written as a name, addresses as they came. A draft has nothing but the contract holder's number, and no dates.
    """

    landlord_org_number: str = ""
    source_kind: str = ""
    property_designation: str = ""
    street_address: str = ""
    postal_code: str = ""
    city: str = ""
    apartment_number: str = ""
    landlord_unit_number: str = ""
    contract_holder_name: str = ""
    contract_holder_id_number: str = field(default="", repr=False)
    observed_from: date | None = None
    observed_to: date | None = None
    observation_types: tuple[str, ...] = ()
    estimated_persons: int | None = None

    @property
    def same_as(self) -> str:
        """Equal for two reports of the same thing: landlord, address, flat, person and period."""
        place = (self.street_address, self.postal_code, self.city, self.apartment_number)
        return "|".join((
            self.landlord_org_number,
            *map(cells.words_apart, place),
            self.contract_holder_id_number,
            f"{self.observed_from}/{self.observed_to}",
        ))  # fmt: skip

    @property
    def keys(self) -> Keys[str]:
        """Whom and which dwelling it is about, as records are linked by. The landlord is who tells, and links nothing."""
        where = (self.street_address, self.postal_code, self.city, self.apartment_number, self.property_designation)
        return keys(self.contract_holder_id_number, place(*where))

    @property
    def from_somebody_else(self) -> bool:
        """Whether a neighbour or a camera is the source: then an officer needs a dated fact of their own."""
        return bool(self.source_kind) and reference().sources[self.source_kind].needs_review


@dataclass(frozen=True, slots=True)
class Assessed:
    """An officer's assessment. `own_facts` are dated residence facts of the officer's own; `payment_id` is for a payment case alone."""

    assessment: Assessment
    reasons: str
    wrong_flat_checked: bool = False
    suspected_error_kind: str = ""
    concerns_contract_holder: bool = False
    own_facts: tuple[Circumstance, ...] = ()
    payment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The part of an alert that is stored encrypted. `reporter` is the organisation of the landlord's reporter (digits), or empty.

    `skv_reference` is Skatteverket's own reference, when they have told it another way than the bus.
    """

    report: Report
    reporter: str = ""
    assessed: Assessed | None = None
    handled_by: tuple[str, ...] = ()
    offered: Offered = field(default_factory=Offered)
    skv_reference: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, held by one unit.

    `taken_back`: its landlord has taken it back, whatever became of it at the kommun. `payment_id` points to the suspected payment that
    made this draft, or that it was linked to; nothing of it is copied but the person. `feedback_time`: when its landlord first saw that it
    is closed at the kommun. `officer`: whose case it is, the last one who handled it; nobody's while it is only registered.
    `purge_date`: when it may be erased, on the kommun's decision; none while it is open. `due_date`: since when Skatteverket is to be told,
    and has not been.
    """

    id: UUID
    unit: str
    state: State
    revision: int
    registered_time: datetime
    registered_by: str
    content: Content
    needs_review: bool = False
    taken_back: bool = False
    protection_check: ProtectionCheck = field(default_factory=ProtectionCheck)
    payment_id: UUID | None = None
    feedback_time: datetime | None = None
    officer: str | None = None
    purge_date: date | None = None
    due_date: date | None = None

    @property
    def registered_as(self) -> str:
        """What is registered once: the same report, by the same reporter, at the same unit. Empty when it hinders no other report.

        Another unit's is no reason to refuse (sharing-matrix 5.8), nor is what another organisation says in a landlord's name.
        """
        report, reporter = self.content.report, self.content.reporter
        is_in_force = report.observed_from is not None and self.state is not State.WITHDRAWN and not self.taken_back
        return reported_as(self.unit, reporter, report) if is_in_force else ""

    @property
    def mentions(self) -> Keys[str]:
        """What it is linked to other records by: nothing once it is withdrawn, and never a protected person."""
        is_linked = self.state is not State.WITHDRAWN and self.protection_check.result is not Protection.PROTECTED
        return self.content.report.keys if is_linked else NOTHING

    @property
    def subject_number(self) -> str:
        """Whose matter it is; empty when nobody has said, and once it is withdrawn."""
        return "" if self.state is State.WITHDRAWN else self.content.report.contract_holder_id_number

    @property
    def circumstances(self) -> tuple[Circumstance, ...]:
        """The coded facts that may be told: never the weak ones, and of somebody else's report only the officer's own."""
        report, assessed = self.content.report, self.content.assessed
        own = assessed.own_facts if assessed else ()
        if report.observed_from is None or report.from_somebody_else:
            return own
        told = (code for code in report.observation_types if not reference().observations[code].weak)
        return (*(Circumstance(code, report.observed_from, report.observed_to) for code in told), *own)

    @property
    def observed(self) -> tuple[date, date | None]:
        """The days that the told facts span, and no others: a neighbour's dates are the neighbour's. No end while one of them goes on."""
        ends = [fact.to_date for fact in self.circumstances]
        last = None if None in ends else max(end for end in ends if end)
        return min(fact.from_date for fact in self.circumstances), last

    @property
    def source_kind(self) -> str:
        """Whose facts they are, for the receiver: never the neighbour's, never which landlord."""
        report = self.content.report
        return "landlord" if report.landlord_org_number and not report.from_somebody_else else "kommun"


def reported_as(unit: str, reporter: str, report: Report) -> str:
    """Equal for two alerts of the same report, by the same reporter, at the same unit."""
    return f"{unit}|{reporter}|{report.same_as}"


# --- reading a report -----------------------------------------------------------------------------------------------------------


def _name(text: str, _: Context) -> str:
    """A place's name, when it was written all in capitals or all without."""
    return capwords(text) if text.isupper() or text.islower() else text


def _landlord(text: str, _: Context) -> str:
    # A manager of property reports for its owners too; what came in is shown to the reporter's own organisation only.
    return cells.org_number(text).digits


def _in_order(values: Mapping[str, Any], _: Context) -> None:
    if values["observed_to"] < values["observed_from"]:
        raise Fault("date_order")


_FIELDS: tuple[Field[Context], ...] = (
    Field("landlord_org_number", "Org.nr hyresvärd", _landlord),
    Field("property_designation", "Fastighet"),
    Field("street_address", "Gatuadress"),
    Field("postal_code", "Postnr", lambda text, _: cells.postal_code(text)),
    Field("city", "Ort", _name, length_max=60),
    Field("apartment_number", "Lgh-nr (folkbokf.)", lambda text, _: cells.apartment_number(text), needed=False),
    Field("landlord_unit_number", "Vårt objektsnr", length_max=40, needed=False, column=False),
    Field("contract_holder_name", "Kontraktsinnehavare", needed=False, column=False),
    Field(
        "contract_holder_id_number",
        "Personnr",
        lambda text, context: cells.identity_number(text, context.today).digits,
        needed=False,
    ),
    Field("observed_from", "Fr.o.m.", lambda text, context: cells.day(text, context.today)),
    Field("observed_to", "T.o.m.", lambda text, context: cells.day(text, context.today)),
    Field("observation_types", "Iakttagelse", lambda text, _: cells.codes(text, reference().observations), length_max=500),
    Field("source_kind", "Källa", lambda text, _: cells.word(text, reference().sources).code),
    Field("estimated_persons", "Antal pers.", lambda text, _: cells.persons(text), needed=False, empty=None, column=False),
)
_CHECKS = (Check("observed_to", ("observed_from", "observed_to"), _in_order),)

_RUNNING_NUMBER: Field[Context] = Field("running_number", "Löpnr", needed=False, column=False)
_NOTE: Field[Context] = Field("note", "Anteckning", length_max=NOTE_LENGTH_MAX, needed=False, column=False)
FORM = Form(_FIELDS, _CHECKS)
OFFICERS_FORM = Form((replace(_FIELDS[0], needed=False), *_FIELDS[1:]), _CHECKS)
TABLE = Form((_RUNNING_NUMBER, *_FIELDS, _NOTE), _CHECKS)


def read_report(texts: Mapping[str, str], context: Context) -> Report:
    """The report in a message's fields. Raises FieldFault. An officer's own report has no landlord."""
    return Report(**(OFFICERS_FORM if context.landlord is None else FORM).read(texts, context))


def judge(layout: Layout[Context], number: int, cells_: Sequence[str], context: Context) -> Judged[Report]:
    """One row of a landlord's list. The note is looked at and then left out (sharing-matrix 2.1)."""
    texts, read = layout.read(number, cells_, context)
    label = rows.label(texts.get("running_number", ""), number)
    if isinstance(read, rows.Verdict):
        return Judged(label, read)
    note = read.pop("note")
    read.pop("running_number")
    report = Report(**read)
    remarks = []
    if note:
        remarks.append(("note", "note_left_out", holds_identity_number(note, context.today)))
    if report.from_somebody_else:
        remarks.append(("source_kind", "needs_own_fact", True))
    return Judged(label, rows.accepted(number, layout, remarks), report)
