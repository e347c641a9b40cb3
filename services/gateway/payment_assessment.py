"""The investigator's assessment of a suspected payment: whose error it is, whom it concerns beside us, and whether a crime is suspected."""

from datetime import UTC, datetime
from typing import Any

from los.common.v1 import common_pb2
from los.registry.v1 import registry_pb2 as pb

from services.gateway.forms import Sent, all_needed, chosen
from services.gateway.questions import Group, Question
from services.gateway.words import PROTECTION, Choice, benefit_code, benefit_of, benefits, choices, options, word
from services.kernel.clock import STOCKHOLM, instant, timestamp
from services.kernel.errors import Invalid
from services.kernel.reference import reference

ASSESSMENTS = {
    "preliminary_check": ("Ärendet ska granskas vidare", pb.PAYMENT_ASSESSMENT_PRELIMINARY_CHECK),
    "ongoing": ("Ärendet granskas vidare: det jag skriver nu ersätter det som stod förut", pb.PAYMENT_ASSESSMENT_ONGOING),
    "authority_error": ("Det är kommunens eget fel", pb.PAYMENT_ASSESSMENT_AUTHORITY_ERROR),
    "dismissed": ("Det finns inget att gå vidare med: ärendet avslutas", pb.PAYMENT_ASSESSMENT_DISMISSED),
}
OTHERS_MAX = 5
OTHER_HELP = (
    "Fyll i bara om du har en egen, daterad omständighet som talar om just den förmånen. "
    "Det som flaggan säger står redan här: rätta det, och skriv från vilken dag det gäller, eller välj bort förmånen."
)
OTHER_NEEDED = {
    "period_from": "Skriv från och med vilken månad, till exempel 2026-06.",
    "period_to": "Skriv till och med vilken månad, till exempel 2026-10.",
    "suspected_error_kind": "Välj vad som kan vara fel.",
    "circumstance": "Välj en omständighet.",
    "observed_at": "Skriv vilken dag uppgiften kom fram.",
}
OTHER_TEXTS = ("period_from", "period_to", "suspected_error_kind", "observed_at")
OF_BENEFIT = frozenset({"", "benefit_type", "deciding_body"})
"""Places in the contract that are one choice in the form."""
FIRST = (pb.PAYMENT_STATE_FLAGGED, pb.PAYMENT_STATE_INTAKE_REVIEW)


def assess_questions(row: pb.GetSuspectedPaymentResponse) -> tuple[Question, ...]:
    """What is asked of every case; only what its state lets be answered."""
    answers: tuple[str, ...]
    if row.state in FIRST:
        answers = ("preliminary_check", "authority_error", "dismissed")
    elif row.state == pb.PAYMENT_STATE_PRELIMINARY_CHECK:
        answers = ("ongoing", "authority_error", "dismissed")
    else:
        answers = ("ongoing",)
    return (
        Question("radio", "assessment", "Vad kommer du fram till?", tuple((code, ASSESSMENTS[code][0]) for code in answers)),
        Question("tick", "own_error_ruled_out", "Det är inte kommunens eget fel: det har jag undersökt"),
        Question("tick", "no_conflict_of_interest", "Jag är inte jävig, och ärendet är inte mitt eget"),
        Question(
            "radio", "protection_check", "Har personen skyddade personuppgifter? Kontrollera i registret nu.", tuple(options(PROTECTION))
        ),
        Question("area", "reasons", "Vad grundas bedömningen på?", help="Skriv inga personnummer."),
        Question(
            "tick", "crime_suspected", "Brott mot kommunens egen utbetalning kan misstänkas. Då ska ni anmäla (6 § bidragsbrottslagen)"
        ),
    )


def assess_groups(row: pb.GetSuspectedPaymentResponse) -> tuple[Group, ...]:
    """The other benefits: those that have been named, and one more."""
    known = reference()
    causes: tuple[Choice, ...] = tuple((code, word(known.causes, code)) for code in row.flag.causes)
    decided, circumstances = tuple(benefits()), tuple(choices(known.causes))
    groups = []
    for number in range(1, min(len(row.other_benefits) + 1, OTHERS_MAX) + 1):
        end = _end(number)
        questions = (
            Question("select", f"benefit{end}", "Förmån, och vem som har beslutat den", decided),
            Question("month", f"period_from{end}", "Period från och med"),
            Question("month", f"period_to{end}", "Period till och med"),
            Question("select", f"suspected_error_kind{end}", "Misstänkt fel", causes),
            Question("select", f"circumstance{end}", "Omständighet", circumstances),
            Question("date", f"circumstance{end}_from", "Omständigheten gäller från"),
            Question("date", f"circumstance{end}_to", "Omständigheten gäller till, om den har upphört"),
            Question("date", f"observed_at{end}", "Uppgiften kom fram"),
        )
        name = (Question("text", "recipient_name", "Personens namn"),) if number == 1 else ()
        heading = "Någon annan har beslutat en förmån som också kan vara fel" if number == 1 else "Ännu en förmån"
        help_ = OTHER_HELP if number == 1 else ""
        groups.append(Group(heading, help_, (*name, *questions), unfolded=number == 1 and bool(row.flag.other_benefit)))
    return tuple(groups)


def assessed_before(row: pb.GetSuspectedPaymentResponse) -> dict[str, list[str]]:
    """What the latest assessment says of others: a new one takes its place, so it begins with that; the first with what the flag says."""
    if row.state in FIRST:
        return _flagged_other(row)
    values = {"assessment": ["ongoing"], "reasons": [row.reasons], "recipient_name": [row.recipient_name]}
    values["crime_suspected"] = ["1" if row.police > pb.POLICE_TRACK_NONE else ""]
    for number, other in enumerate(row.other_benefits, start=1):
        end = _end(number)
        values |= {f"{name}{end}": [getattr(other, name)] for name in OTHER_TEXTS}
        values[f"benefit{end}"] = [benefit_code(other.benefit_type, other.deciding_body)]
        for fact in other.circumstances[:1]:
            values |= {
                f"circumstance{end}": [fact.code],
                f"circumstance{end}_from": [fact.from_date],
                f"circumstance{end}_to": [fact.to_date],
            }
    return values


def _flagged_other(row: pb.GetSuspectedPaymentResponse) -> dict[str, list[str]]:
    """What the flag says of another benefit, where its cause can concern it too: to be read, put right or emptied.

    Since when it is so nobody has said: that day is the investigator's own to write (W2).
    """
    flag, known = row.flag, reference()
    if not flag.other_benefit or not known.question_is_open(flag.causes, flag.other_benefit):
        return {}
    cause = next(code for code in flag.causes if known.causes[code].opens_question_about(known.benefits[flag.other_benefit]))
    values = {
        "benefit": benefit_code(flag.other_benefit, flag.deciding_body),
        "period_from": flag.period_from,
        "period_to": flag.period_to,
        "suspected_error_kind": cause,
        "circumstance": cause,
        "observed_at": instant(row.history[0].occurred_time).astimezone(STOCKHOLM).date().isoformat(),
    }
    return {name: [value] for name, value in values.items()}


def assess(form: Sent, named: dict[str, Any]) -> pb.AssessSuspectedPaymentRequest:
    """The assessment of a form. Raises Invalid."""
    return pb.AssessSuspectedPaymentRequest(
        **named,
        assessment=chosen(form, "assessment", ASSESSMENTS),
        no_conflict_of_interest=bool(form.text("no_conflict_of_interest")),
        own_error_ruled_out=bool(form.text("own_error_ruled_out")),
        protection_check=protection_check(form),
        recipient_name=form.text("recipient_name"),
        other_benefits=_others(form),
        crime_suspected=bool(form.text("crime_suspected")),
        reasons=form.text("reasons"),
    )


def assess_warning(form: Sent) -> str:
    """What of it cannot be undone."""
    if form.text("protection_check") == "protected":
        return "Ärendet stoppas genast, och ingen på din enhet ser det mer. Det hanteras av en särskild funktion. Det kan inte ångras."
    if form.text("assessment") == "dismissed":
        return "Ärendet avslutas. Det kan inte öppnas igen."
    return ""


def protection_check(form: Sent) -> common_pb2.ProtectionCheck:
    """The officer looks while filling in the form: not before it was shown. The same form sent twice says the same. Raises Invalid."""
    result = chosen(form, "protection_check", PROTECTION)
    try:
        looked = datetime.fromisoformat(form.text("shown_time")).astimezone(UTC)
        return common_pb2.ProtectionCheck(result=result, checked_time=timestamp(looked))
    except (ValueError, OverflowError):
        raise Invalid("protection_check: ladda om sidan, och kontrollera i registret.") from None


def facts(form: Sent, name: str) -> list[common_pb2.Circumstance]:
    """One coded fact with its days; none when nothing is chosen."""
    if not form.text(name):
        return []
    all_needed(form, {f"{name}_from": "Skriv från vilken dag omständigheten gäller."})
    return [common_pb2.Circumstance(code=form.text(name), from_date=form.text(f"{name}_from"), to_date=form.text(f"{name}_to"))]


def numbers(form: Sent) -> list[int]:
    """Which of the form's places for another benefit are filled in."""
    return [number for number in range(1, OTHERS_MAX + 1) if form.text(f"benefit{_end(number)}")]


def _others(form: Sent) -> list[pb.OtherBenefit]:
    ends = [_end(number) for number in numbers(form)]
    all_needed(form, {f"{name}{end}": sentence for end in ends for name, sentence in OTHER_NEEDED.items()})
    return [_other(form, end) for end in ends]


def _other(form: Sent, end: str) -> pb.OtherBenefit:
    benefit, body = benefit_of(form.text(f"benefit{end}"))
    texts = {name: form.text(f"{name}{end}") for name in OTHER_TEXTS}
    return pb.OtherBenefit(benefit_type=benefit, deciding_body=body, circumstances=facts(form, f"circumstance{end}"), **texts)


def at_field(form: Sent, name: str) -> str:
    """The form's field for one of the contract's."""
    if not name.startswith("other_benefits["):
        return name
    place, _, rest = name.removeprefix("other_benefits[").partition("]")
    filled = numbers(form)
    end = _end(filled[int(place)]) if place.isdecimal() and int(place) < len(filled) else ""
    part = rest.removeprefix(".")
    if part.startswith("circumstances"):
        return f"circumstance{end}"
    return f"{'benefit' if part in OF_BENEFIT else part}{end}"


def _end(number: int) -> str:
    return "" if number == 1 else f"_{number}"
