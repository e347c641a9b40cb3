"""A suspected felaktig utbetalning: an officer's flag on a payment of the own nämnd, and what it may say about other benefits.

Source: workflows 6, sharing-matrix 4.2, 5.2, 5.5 and 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.kernel import cells, rows
from services.kernel.cells import Fault
from services.kernel.errors import Invalid
from services.kernel.reference import Scheme, Words, reference
from services.kernel.rows import Check, Field, Form, Judged, Layout, Result, Verdict
from services.registry.domain.record import Circumstance, Context, Offer, Offered, Protection, ProtectionCheck, handled, require_next

RECORD_KIND = "suspected_payment"
POLICE_REPORT = "police_report"
POLICE = "polismyndigheten"
# The scheme that the kommun decides itself and never notifies itself about (sharing-matrix 5.8), as a benefit.
OWN_BENEFITS: Mapping[str, str] = {
    "ekonomiskt_bistand": "ekonomiskt_bistand",
    "personlig_assistans": "personlig_assistans_lss",
    "bostadsanpassning": "bostadsanpassningsbidrag",
}


class State(StrEnum):
    """Where a suspected payment is, as far as the preliminary check (workflows 6.1)."""

    FLAGGED = "flagged"
    INTAKE_REVIEW = "intake_review"
    DISMISSED = "dismissed"
    PRELIMINARY_CHECK = "preliminary_check"
    AUTHORITY_ERROR = "authority_error"
    BLOCKED_PROTECTED = "blocked_protected"
    WITHDRAWN = "withdrawn"


NEXT: Mapping[State, frozenset[State]] = {
    State.FLAGGED: frozenset({State.INTAKE_REVIEW, State.BLOCKED_PROTECTED, State.WITHDRAWN}),
    State.INTAKE_REVIEW: frozenset({State.PRELIMINARY_CHECK, State.DISMISSED, State.BLOCKED_PROTECTED}),
    # It may be checked again: the register check of protection is only good for a day, and more may become known.
    State.PRELIMINARY_CHECK: frozenset(
        {State.PRELIMINARY_CHECK, State.AUTHORITY_ERROR, State.DISMISSED, State.BLOCKED_PROTECTED, State.WITHDRAWN}
    ),
    State.AUTHORITY_ERROR: frozenset(),
    State.DISMISSED: frozenset(),
    State.BLOCKED_PROTECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class Assessment(StrEnum):
    """What the investigator found."""

    PRELIMINARY_CHECK = "preliminary_check"
    DISMISSED = "dismissed"
    AUTHORITY_ERROR = "authority_error"


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
class Content:
    """The part of a suspected payment that is stored encrypted."""

    flag: Flag
    assessed: Assessed | None = None
    handled_by: tuple[str, ...] = ()
    offered: Offered = field(default_factory=Offered)


@dataclass(frozen=True, slots=True)
class Payment:
    """A suspected payment, held by one unit."""

    id: UUID
    unit: str
    state: State
    revision: int
    registered_time: datetime
    registered_by: str
    content: Content
    protection_check: ProtectionCheck = field(default_factory=ProtectionCheck)

    @property
    def registered_as(self) -> str:
        """What is registered once: the case, which names its unit. Empty when it hinders no other flag."""
        return "" if self.state is State.WITHDRAWN else self.content.flag.same_as


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


# --- what follows -----------------------------------------------------------------------------------------------------------------


def assess(payment: Payment, asked: Assessed, check: ProtectionCheck, person: str, now: datetime, today: date) -> Payment:
    """The payment as assessed. A protected person stops everything; the kommun's own error is told to nobody.

    Raises Conflict when it cannot be assessed now, Invalid when a guard of workflows 6.1 or sharing-matrix 7 is not met.
    """
    protected = check.result is Protection.PROTECTED
    after = State.BLOCKED_PROTECTED if protected else State(asked.assessment)
    for before, step in zip(steps := assessed_steps(payment.state, after), steps[1:], strict=False):
        require_next(NEXT, before, step)
    if not asked.no_conflict_of_interest:
        raise Invalid("no_conflict_of_interest: intyga att du inte är jävig och att ärendet inte är ditt eget.")
    if not asked.reasons:
        raise Invalid("reasons: skriv vad bedömningen grundas på.")
    offers = () if protected else _offers(payment, asked, today)
    if offers:
        check.require_fresh(now)
    revision = payment.revision + 1
    content = replace(
        payment.content,
        assessed=asked,
        handled_by=handled(payment.content.handled_by, person),
        offered=Offered(revision, offers),
    )
    return replace(payment, state=after, revision=revision, protection_check=check, content=content)


def assessed_steps(before: State, after: State) -> tuple[State, ...]:
    """The states an assessment passes through: the assessing person is who takes a flag in."""
    if after is before is State.PRELIMINARY_CHECK:
        return (before, after)
    steps = [before]
    if before is State.FLAGGED:
        steps.append(State.INTAKE_REVIEW)
    if after is State.AUTHORITY_ERROR and before is State.FLAGGED:
        steps.append(State.PRELIMINARY_CHECK)
    return (*steps, after)


def _offers(payment: Payment, asked: Assessed, today: date) -> tuple[Offer, ...]:
    told = asked.other_benefits or asked.crime_suspected
    if told and asked.assessment is not Assessment.PRELIMINARY_CHECK:
        raise Invalid("assessment: bara ett ärende i förhandskontroll kan lämnas vidare.")
    for place, other in enumerate(asked.other_benefits):
        _require_reason_to_assume(payment.content.flag, other, f"other_benefits[{place}]", today)
    bodies = [other.deciding_body for other in asked.other_benefits]
    if len(set(bodies)) < len(bodies):
        raise Invalid("other_benefits: ange en förmån för varje beslutande myndighet.")
    if bodies and not asked.own_error_ruled_out:
        raise Invalid("own_error_ruled_out: uteslut först att felet är kommunens eget.")
    if bodies and not asked.recipient_name:
        raise Invalid("recipient_name: ange mottagarens namn.")
    scheme = reference().schemes[payment.content.flag.payment_scheme]
    if asked.crime_suspected and payment.unit != scheme.decided_by:  # own benefits only (sharing-matrix 5.5)
        raise Invalid(
            "crime_suspected: bidragsbrott anmäls av den nämnd som har beslutat utbetalningen. "
            f"Er nämnd står inte som beslutande för {scheme.word}."
        )
    report = (Offer(POLICE_REPORT, POLICE),) if asked.crime_suspected else ()
    return (*(Offer(RECORD_KIND, body) for body in bodies), *report)


def _require_reason_to_assume(flag: Flag, other: OtherBenefit, place: str, today: date) -> None:
    """That this other benefit, of that body, may be asked about (sharing-matrix 7.1, 7.3 and 5.8), on dated facts (W2)."""
    facts = reference()
    if other.benefit_type not in facts.benefits:
        raise Invalid(f"{place}.benefit_type: förmånen finns inte i listan.")
    word = facts.benefits[other.benefit_type].word
    if not facts.decides(other.benefit_type, other.deciding_body):
        raise Invalid(f"{place}.deciding_body: {word} beslutas inte av den myndigheten, eller så saknas uppgiften.")
    if OWN_BENEFITS.get(flag.payment_scheme) == other.benefit_type:
        raise Invalid(f"{place}.benefit_type: kommunens egen utbetalning lämnas inte till någon annan.")
    if any(facts.causes[code].own_error for code in flag.causes):
        raise Invalid(f"{place}: orsaken är kommunens eget fel och säger inget om en annan förmån.")
    if other.suspected_error_kind not in flag.causes:
        raise Invalid(f"{place}.suspected_error_kind: ange en av ärendets orsaker.")
    told = {other.suspected_error_kind, *(fact.code for fact in other.circumstances)}
    if not all(code in facts.causes and facts.question_is_open([code], other.benefit_type) for code in told):
        raise Invalid(f"{place}: orsaken eller en omständighet säger inget om {word}.")
    if not other.circumstances:
        raise Invalid(f"{place}.circumstances: ange minst en daterad omständighet som gäller {word}.")
    if other.period_to < other.period_from:
        raise Invalid(f"{place}.period_to: slutdatum ligger före startdatum.")
    if other.observed_at > today:
        raise Invalid(f"{place}.observed_at: datumet ligger i framtiden.")


def block(payment: Payment, check: ProtectionCheck, person: str) -> Payment:
    """The payment of somebody who was found to be protected after it was registered. A final state stays; the check hides it."""
    after = State.BLOCKED_PROTECTED if State.BLOCKED_PROTECTED in NEXT[payment.state] else payment.state
    revision = payment.revision + 1
    content = replace(payment.content, handled_by=handled(payment.content.handled_by, person), offered=Offered(revision))
    return replace(payment, state=after, revision=revision, protection_check=check, content=content)


def withdraw(payment: Payment, person: str) -> Payment:
    """The payment as withdrawn, with no offer left. Raises Conflict when it cannot be."""
    require_next(NEXT, payment.state, State.WITHDRAWN)
    revision = payment.revision + 1
    content = replace(payment.content, handled_by=handled(payment.content.handled_by, person), offered=Offered(revision))
    return replace(payment, state=State.WITHDRAWN, revision=revision, content=content)
