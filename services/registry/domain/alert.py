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
from services.kernel.errors import Conflict, Invalid
from services.kernel.identity import holds_identity_number
from services.kernel.reference import reference
from services.kernel.rows import Check, Field, Form, Judged, Layout
from services.registry.domain.record import Circumstance, Context, Offer, Offered, Protection, ProtectionCheck, handled, require_next

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
    NO_ACTION = "no_action"
    WITHDRAWN = "withdrawn"


# An assessment may be made again until the notice has gone: the register check of protection is only good for a day.
_ASSESSABLE = frozenset({State.ASSESSED, State.NO_ACTION, State.NEEDS_COMPLETION, State.BLOCKED_PROTECTED, State.WITHDRAWN})
NEXT: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SUBMITTED, State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.SUBMITTED: frozenset({State.SCREENED, State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.SCREENED: _ASSESSABLE,
    State.NEEDS_COMPLETION: frozenset({State.SUBMITTED, State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.BLOCKED_PROTECTED: frozenset(),
    State.ASSESSED: _ASSESSABLE | {State.NOTICE_SENT},
    State.NOTICE_SENT: frozenset({State.ACKNOWLEDGED, State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.ACKNOWLEDGED: frozenset({State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.NO_ACTION: frozenset(),
    State.WITHDRAWN: frozenset(),
}

# A landlord learns "Mottagen" and "Avslutad hos kommunen"; whether it went on says something about the tenant (sharing-matrix 2.1).
CLOSED_TO_LANDLORD = frozenset({State.NOTICE_SENT, State.ACKNOWLEDGED, State.NO_ACTION, State.WITHDRAWN})
# Until the kommun has found something, the report is the landlord's to take back. What is found stays found.
LANDLORDS_OWN = frozenset({State.SUBMITTED, State.SCREENED, State.NEEDS_COMPLETION})


def shown_to_landlord(state: State, *, taken_back: bool) -> State:
    """The state as the reporting landlord sees it."""
    return State.NO_ACTION if taken_back or state in CLOSED_TO_LANDLORD else State.SUBMITTED


class Assessment(StrEnum):
    """What the officer found. A flat that is wrong only in the landlord's list is no alert."""

    ASSUME_ERROR = "assume_error"
    NOT_ENOUGH = "not_enough"
    WRONG_FLAT = "wrong_flat"
    NEEDS_COMPLETION = "needs_completion"


LEADS_TO: Mapping[Assessment, State] = {
    Assessment.ASSUME_ERROR: State.ASSESSED,
    Assessment.NOT_ENOUGH: State.NO_ACTION,
    Assessment.WRONG_FLAT: State.NO_ACTION,
    Assessment.NEEDS_COMPLETION: State.NEEDS_COMPLETION,
}


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
    def from_somebody_else(self) -> bool:
        """Whether a neighbour or a camera is the source: then an officer needs a dated fact of their own."""
        return bool(self.source_kind) and reference().sources[self.source_kind].needs_review


@dataclass(frozen=True, slots=True)
class Assessed:
    """An officer's assessment. `own_facts` are dated residence facts of the officer's own."""

    assessment: Assessment
    reasons: str
    wrong_flat_checked: bool = False
    suspected_error_kind: str = ""
    concerns_contract_holder: bool = False
    own_facts: tuple[Circumstance, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The part of an alert that is stored encrypted. `reporter` is the organisation of the landlord's reporter (digits), or empty."""

    report: Report
    reporter: str = ""
    assessed: Assessed | None = None
    handled_by: tuple[str, ...] = ()
    offered: Offered = field(default_factory=Offered)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert, held by one unit.

    `taken_back`: its landlord has taken it back, whatever became of it at the kommun. `payment_id` points to the suspected payment that
    made this draft; nothing of it is copied but the person.
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

    @property
    def registered_as(self) -> str:
        """What is registered once: the same report, by the same reporter, at the same unit. Empty when it hinders no other report.

        Another unit's is no reason to refuse (sharing-matrix 5.8), nor is what another organisation says in a landlord's name.
        """
        report, reporter = self.content.report, self.content.reporter
        is_in_force = report.observed_from is not None and self.state is not State.WITHDRAWN and not self.taken_back
        return f"{self.unit}|{reporter}|{report.same_as}" if is_in_force else ""

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


# --- what follows -----------------------------------------------------------------------------------------------------------------


def registered(state: State, protection: Protection) -> tuple[State, ...]:
    """The states that a report passes through when it comes in; screening is what the form has already done."""
    last = State.BLOCKED_PROTECTED if protection is Protection.PROTECTED else State.SCREENED
    return (state, State.SUBMITTED, last) if state is not State.SUBMITTED else (State.SUBMITTED, last)


def assess(alert: Alert, asked: Assessed, check: ProtectionCheck, person: str, now: datetime, today: date) -> Alert:
    """The alert as assessed. A protected person stops everything, whatever was found.

    Raises Conflict when the alert cannot be assessed now, Invalid when a guard of workflows 5.1 is not met.
    """
    found = LEADS_TO[asked.assessment]
    require_next(NEXT, alert.state, found)
    after = State.BLOCKED_PROTECTED if check.result is Protection.PROTECTED else found
    if not asked.reasons:
        raise Invalid("reasons: skriv vad bedömningen grundas på.")
    for fact in asked.own_facts:
        observation = reference().observations.find(fact.code)
        if observation is None or observation.weak or observation.code != fact.code:
            raise Invalid("own_facts: iakttagelsen finns inte i listan, eller räcker inte för en underrättelse.")
        if fact.from_date > today:
            raise Invalid("own_facts: datumet ligger i framtiden.")
    offers: tuple[Offer, ...] = ()
    assessed = replace(
        alert,
        state=after,
        revision=alert.revision + 1,
        protection_check=check,
        content=replace(alert.content, assessed=asked, handled_by=handled(alert.content.handled_by, person)),
    )
    if after is State.ASSESSED:
        _require_ground_to_assume(assessed, asked)
        check.require_fresh(now)
        offers = (Offer(RECORD_KIND, RECEIVER_KIND),)
    return replace(assessed, content=replace(assessed.content, offered=Offered(assessed.revision, offers)))


def _require_ground_to_assume(alert: Alert, asked: Assessed) -> None:
    """The guards of "kan antas" (workflows 5.1, sharing-matrix 1.4 and 2.1)."""
    if not asked.wrong_flat_checked:
        raise Invalid("wrong_flat_checked: kontrollera först om lägenhetsnumret är förväxlat.")
    if asked.suspected_error_kind not in reference().error_kinds:
        raise Invalid("suspected_error_kind: ange vilket fel i folkbokföringen som kan antas.")
    if not asked.concerns_contract_holder or not alert.content.report.contract_holder_id_number:
        raise Invalid("concerns_contract_holder: felet måste gälla en person med känt personnummer. Komplettera ärendet.")
    if alert.needs_review and not asked.own_facts:
        raise Invalid("own_facts: uppgiften kommer från någon annan. Ange en egen, daterad iakttagelse.")
    if not alert.circumstances:
        raise Invalid("own_facts: det som har iakttagits räcker inte för en underrättelse. Ange en egen, daterad iakttagelse.")


def withdraw(alert: Alert, person: str) -> Alert:
    """The alert as withdrawn, with no offer left. Raises Conflict when it cannot be."""
    require_next(NEXT, alert.state, State.WITHDRAWN)
    return _with_no_offer(alert, State.WITHDRAWN, person)


def block(alert: Alert, check: ProtectionCheck, person: str) -> Alert:
    """The alert of a person whose payment was found to be a protected person's. A final state stays; the check hides it all the same."""
    after = State.BLOCKED_PROTECTED if State.BLOCKED_PROTECTED in NEXT[alert.state] else alert.state
    return _with_no_offer(replace(alert, protection_check=check), after, person)


def _with_no_offer(alert: Alert, state: State, person: str) -> Alert:
    revision = alert.revision + 1
    content = replace(alert.content, handled_by=handled(alert.content.handled_by, person), offered=Offered(revision))
    return replace(alert, state=state, revision=revision, content=content)


def take_back(alert: Alert, person: str) -> Alert:
    """The alert as its landlord has taken it back: withdrawn while it is the landlord's own, otherwise as it is.

    To the landlord both are closed, so that nothing tells what the kommun has found. Raises Conflict when it is closed already.
    """
    if shown_to_landlord(alert.state, taken_back=alert.taken_back) is State.NO_ACTION:
        raise Conflict("state: ärendet är redan avslutat.")
    taken_back = replace(alert, taken_back=True)
    return withdraw(taken_back, person) if alert.state in LANDLORDS_OWN else taken_back
