"""What must hold before a suspected payment goes on: conflicts of interest, reason to assume, lawful methods, the person heard, a ground.

Each guard takes the payment, what is asked and who asks. Source: workflows 6.1, sharing-matrix 5.5, 5.8 and 7.
"""

from datetime import date

from services.kernel.errors import Conflict, Invalid
from services.kernel.life import Actor
from services.kernel.reference import reference
from services.registry.domain.payment import (
    OWN_BENEFITS,
    Assessed,
    Correction,
    Decision,
    Flag,
    Investigation,
    OtherBenefit,
    Payment,
    Police,
    PoliceReport,
    Recovery,
)

MONTHS = 12


# --- the preliminary check --------------------------------------------------------------------------------------------------------


def no_conflict(payment: Payment, asked: Assessed | Investigation, actor: Actor) -> None:
    """Neither by the officer's own word, nor because the case came from the officer's own handling of it."""
    if not asked.no_conflict_of_interest:
        raise Invalid("no_conflict_of_interest: intyga att du inte är jävig och att ärendet inte är ditt eget.")
    if payment.content.flag.impulse_source == "own_officer" and payment.content.flagged_by == actor.person:
        raise Conflict("no_conflict_of_interest: du har själv flaggat ärendet ur din egen handläggning. En kollega prövar det.")


def tells_nobody(_: Payment, asked: Assessed, __: Actor) -> None:
    """What is dismissed, or our own error, is told to nobody."""
    if asked.other_benefits or asked.crime_suspected:
        raise Invalid("assessment: bara ett ärende i förhandskontroll eller utredning kan lämnas vidare.")


def reason_to_assume(payment: Payment, asked: Assessed, actor: Actor) -> None:
    """Of each other benefit, on dated facts, with our own error ruled out (brake B2, W2)."""
    for place, other in enumerate(asked.other_benefits):
        _may_be_asked_about(payment.content.flag, other, f"other_benefits[{place}]", actor.today)
    bodies = [other.deciding_body for other in asked.other_benefits]
    if len(set(bodies)) < len(bodies):
        raise Invalid("other_benefits: ange en förmån för varje beslutande myndighet.")
    if bodies and not asked.own_error_ruled_out:
        raise Invalid("own_error_ruled_out: uteslut först att felet är kommunens eget.")
    if bodies and not asked.recipient_name:
        raise Invalid("recipient_name: ange mottagarens namn.")


def _may_be_asked_about(flag: Flag, other: OtherBenefit, place: str, today: date) -> None:
    """That this other benefit, of that body, may be asked about (sharing-matrix 7.1, 7.3 and 5.8)."""
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


# --- the report of a crime ---------------------------------------------------------------------------------------------------------


def crime_is_ours(payment: Payment, asked: Assessed, _: Actor) -> None:
    """Own benefits only (sharing-matrix 5.5), and what has been reported is not taken back by a tick."""
    scheme = reference().schemes[payment.content.flag.payment_scheme]
    if asked.crime_suspected and payment.unit != scheme.decided_by:
        raise Invalid(
            "crime_suspected: bidragsbrott anmäls av den nämnd som har beslutat utbetalningen. "
            f"Er nämnd står inte som beslutande för {scheme.word}."
        )
    if not asked.crime_suspected and payment.police not in {Police.NONE, Police.DUE}:
        raise Invalid("crime_suspected: anmälan är redan gjord.")


def filed_as_it_should(_: Payment, asked: PoliceReport, __: Actor) -> None:
    """Who reports says when and how, and has considered whether the person put it right before payment (bidragsbrottslagen 5 §; W3)."""
    if not asked.sent_how:
        raise Invalid("sent_how: skriv hur anmälan skickades.")
    if not asked.voluntary_correction_considered:
        raise Invalid("voluntary_correction_considered: pröva först om personen själv har rättat uppgiften.")


def no_duty_left(payment: Payment, _: object, __: Actor) -> None:
    """A duty cannot be closed away."""
    if payment.police is Police.DUE:
        raise Conflict("police_report: brott kan misstänkas. Ärendet kan inte avslutas förrän anmälan till Polisen är gjord.")


# --- the investigation and what follows ----------------------------------------------------------------------------------------------


def lawful_methods(_: Payment, asked: Investigation, __: Actor) -> None:
    """Only what the closed list has, each with what it needs."""
    methods = reference().methods
    if not asked.methods:
        raise Invalid(f"methods: ange hur ni utreder. Välj något av: {', '.join(methods.words)}.")
    for place, method in enumerate(asked.methods):
        if method.code not in methods:
            raise Invalid(f"methods[{place}].code: metoden är inte tillåten. Välj något av: {', '.join(methods.words)}.")
        if methods[method.code].needs_ground and not method.ground:
            raise Invalid(f"methods[{place}].ground: ange lagrummet för registerslagningen.")
        if methods[method.code].needs_consent and not method.consent:
            raise Invalid(f"methods[{place}].consent: hembesök görs bara anmälda och med personens samtycke.")


def heard(payment: Payment, asked: Decision, actor: Actor) -> None:
    """The person has answered, or has had the time to (FL 25 §)."""
    told = payment.content.communication
    if not asked.answer_received and (told is None or actor.today <= told.answer_due_date):
        raise Conflict("answer_received: personen har inte svarat och tiden för att svara har inte gått ut.")


def delegated(_: Payment, asked: Decision | Recovery, __: Actor) -> None:
    """A decision says on what authority it is taken (sharing-matrix 8)."""
    if not asked.delegation_reference:
        raise Invalid("delegation_reference: ange den punkt i delegationsordningen som du beslutar på.")


def no_error_is_nobodys(_: Payment, asked: Decision, __: Actor) -> None:
    """Without an error there is nobody's error and no wrong amount."""
    if asked.fault is not None or asked.confirmed_amount_sek:
        raise Invalid("fault: utan fel finns inget felaktigt belopp och ingen som har gjort fel.")


def fault_is_named(_: Payment, asked: Decision, __: Actor) -> None:
    """Whose error it was; the authority's own is a normal answer."""
    if asked.fault is None:
        raise Invalid("fault: ange vems felet var.")
    if (asked.prevented_amount_sek is None) != (asked.prevented_months is None):
        raise Invalid("prevented_months: ange både belopp och antal månader, eller inget av dem.")


def amount_is_confirmed(_: Payment, asked: Decision, __: Actor) -> None:
    """What is to be paid back is known in kronor."""
    if not asked.confirmed_amount_sek:
        raise Invalid("confirmed_amount_sek: ange det belopp som betalats ut felaktigt.")


def recovery_has_its_ground(payment: Payment, asked: Recovery, _: Actor) -> None:
    """One ground for each month of the period and none for another time, and no more than was decided to be wrong (sharing-matrix 5.8)."""
    known, flag, decision = reference().recovery_grounds, payment.content.flag, payment.content.decision
    named = [known[code] for code in asked.grounds if code in known and flag.payment_scheme in known[code].schemes]
    if not named or len(named) < len(asked.grounds):
        raise Invalid("grounds: ange lagrum för återkravet. Lagrummet finns inte i listan för den här sortens stöd.")
    months = months_of(flag.period_from, flag.period_to)
    if not all(any(ground.covers(month) for ground in named) for month in months) or not all(
        any(ground.covers(month) for month in months) for ground in named
    ):
        raise Invalid("grounds: lagrummet gäller inte för den tid då pengarna betalades ut.")
    confirmed = decision.confirmed_amount_sek if decision else None
    if not asked.amount_sek or confirmed is None or asked.amount_sek > confirmed:
        raise Invalid("amount_sek: återkravet kan inte vara noll eller större än det felaktiga beloppet.")


def corrected_in_time(payment: Payment, asked: Correction, _: Actor) -> None:
    """Our own error is put right after it was flagged."""
    if asked.corrected_date < payment.registered_time.date():
        raise Invalid("corrected_date: datumet ligger före den dag då ärendet registrerades.")


def months_of(first: str, last: str) -> list[str]:
    """Every month from YYYY-MM to YYYY-MM."""
    start, end = (int(text[:4]) * MONTHS + int(text[5:]) - 1 for text in (first, last))
    return [f"{number // MONTHS:04}-{number % MONTHS + 1:02}" for number in range(start, end + 1)]
