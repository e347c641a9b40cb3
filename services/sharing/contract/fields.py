"""Every field that can be told a receiver, with its type: a field that is not here has no place in the contract and never leaves.

Words and dates as in proto/los/common: days YYYY-MM-DD, months YYYY-MM, whole kronor in digits. Codes are closed lists of the reference
data; a code that is never told (a cause without a sentence) is no value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from services.kernel.reference import Word, reference
from services.sharing.sealing.attributes import UUID_PATTERN

TEXT = Annotated[str, StringConstraints(min_length=1)]
UUID_TEXT = Annotated[str, Field(pattern=UUID_PATTERN)]

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MINUTE = rf"{_DAY}T[0-9]{{2}}:[0-9]{{2}}[+-][0-9]{{2}}:[0-9]{{2}}"


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of one field; what it is, in English and Swedish; and a value of a person and a place that do not exist."""

    type: Any
    english: str
    swedish: str
    example: str | list[str]

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema: the title is Swedish, the description English."""
        shape = TypeAdapter(self.type).json_schema()
        said = {"title": self.swedish, "description": self.english, "type": shape["type"]}
        return said | shape | {"examples": [self.example]}


def one_of(*words: str) -> Any:  # noqa: ANN401  # a type made at run time
    """The type whose values are these words."""
    return Literal[words]


def _of(type_: Any) -> Callable[[str, str, str], FieldType]:  # noqa: ANN401  # any annotated type
    return lambda english, swedish, example: FieldType(type_, english, swedish, example)


def _like(pattern: str) -> Callable[[str, str, str], FieldType]:
    return _of(Annotated[str, Field(pattern=f"^{pattern}$")])


def _codes(rows: Iterable[Word]) -> Callable[[str, str, str], FieldType]:
    return _of(one_of(*(row.code for row in rows)))


def _texts(english: str, swedish: str, example: str) -> FieldType:
    return FieldType(Annotated[list[TEXT], Field(min_length=1)], english, swedish, [example])


_text, _month = _of(TEXT), _like("[0-9]{4}-[0-9]{2}")
_day = _of(Annotated[str, Field(pattern=f"^{_DAY}$", json_schema_extra={"format": "date"})])
_org_number = _like("[0-9]{6}-?[0-9]{4}")
_identity_number = _like("[0-9]{12}")
_control_ground = _codes(reference().control_grounds)
_day_or_minute = _like(f"(?:{_DAY}|{_MINUTE})")

TYPES: Mapping[str, FieldType] = {
    # the envelope, in every event
    "sender.authority": _text("The municipal board that is the authority", "Nämnden som är myndighet", "Linköpings kommun, provnämnden"),
    "sender.unit": _text("Neutral name of its function", "Neutralt namn på funktionen", "Kontrollfunktionen"),
    "sender.function_mailbox": _like(r"[^@\s]+@[^@\s]+")("Mailbox of the function", "Funktionsbrevlåda", "kontroll@kommunen.example"),
    "sender.case_number": _like("LOS-[0-9]{4}-[0-9a-f]{12}")(
        "Reference made for this disclosure alone", "Referens som bara gäller det här utlämnandet", "LOS-2026-0123456789ab"
    ),
    "legal.basis_id": _text("The ground in law, as in legal.basis_id of the content", "Lagstödet, samma som i legal", "fol-32c-2021"),
    # whom it is about
    "subject.full_name": _text("Name of the person", "Personens namn", "Alma Demo"),
    "subject.personal_identity_number": _identity_number("Personnummer, twelve digits", "Personnummer, tolv siffror", "193805259169"),
    "subject.coordination_number": _identity_number("Samordningsnummer, twelve digits", "Samordningsnummer, tolv siffror", "193805859166"),
    # an alert about the population register
    "dwelling.property_designation": _text("Property designation", "Fastighetsbeteckning", "LINKÖPING PROVET 1:1"),
    "dwelling.street_address": _text("Address", "Adress", "Exempelgatan 1, 582 22 Linköping"),
    "dwelling.apartment_number": _like("[0-9]{4}")("Apartment number", "Lägenhetsnummer", "1201"),
    "alert.suspected_error_kind": _codes(reference().error_kinds)(
        "Which error in the register may be assumed", "Vilket fel i folkbokföringen som kan antas", "not_living_at_registered_dwelling"
    ),
    "alert.observed_from": _day("First day of what was observed", "Första dagen för iakttagelserna", "2026-10-01"),
    "alert.observed_to": _day("Last day; absent while it goes on", "Sista dagen; saknas om det pågår", "2026-11-01"),
    "alert.circumstances": _texts("What was observed, in sentences", "Vad som har iakttagits, i meningar", "Lägenheten har stått tom."),
    # whose facts they are, never which landlord (sharing-matrix 4.2)
    "alert.source_kind": _of(one_of("kommun", "landlord"))("Whose facts they are", "Vems iakttagelserna är", "landlord"),
    # a suspected payment
    "payment.benefit_type": _codes(reference().benefits)("The benefit", "Förmånen", "bostadsbidrag"),
    "payment.deciding_body": _codes(row for row in reference().receivers if row.decides)(
        "Kind of body that decided the benefit", "Vem som har beslutat förmånen", "forsakringskassan"
    ),
    "payment.period_from": _month("First month", "Första månaden", "2026-02"),
    "payment.period_to": _month("Last month", "Sista månaden", "2026-08"),
    "payment.suspected_error_kind": _codes(row for row in reference().causes if row.sentence is not None)(
        "Why the payment may be wrong", "Varför utbetalningen kan vara felaktig", "cohabitation"
    ),
    "payment.circumstances": _texts(
        "What points to it, in sentences", "Vad som talar för det, i meningar", "Personen har bott tillsammans med en annan vuxen."
    ),
    "payment.observed_at": _day("The day it was seen", "Dagen då det iakttogs", "2026-11-01"),
    "payment.paid_amount": _like("[0-9]+")("What the kommun has paid, whole kronor", "Vad kommunen har betalat, hela kronor", "12500"),
    "request.external_reference": _text("Your own reference of what you asked", "Er egen referens för frågan", "2026-55"),
    # a control that several authorities take part in
    "control.reference": _text("Reference of the control", "Kontrollens referens", "LOS-2026-7"),
    "control.window_start": _day_or_minute("When it starts, Swedish time", "När den börjar, svensk tid", "2026-12-01"),
    "control.window_end": _day_or_minute("When it ends, Swedish time", "När den slutar, svensk tid", "2026-12-01"),
    "control.participating_authorities": _texts("Who takes part", "Vilka som deltar", "Linköpings kommun, provnämnden"),
    "control.meeting_point": _text("Where to meet", "Samlingsplats", "Räddningsstationen"),
    "control.object_org_number": _org_number("Organisation number of the object", "Objektets organisationsnummer", "559999-0008"),
    "control.object_trade_name": _text("Trade name of the object", "Objektets namn", "Provbolaget"),
    "control.object_address": _text("Address of the object", "Objektets adress", "Exempelgatan 1, 582 22 Linköping"),
    "control.safety_code": _text("Code for safety on the spot", "Kod för säkerheten på plats", "normal"),
    "control.own_legal_ground_id": _control_ground("The kommun's own ground", "Kommunens egen grund", "miljobalken-tillsyn"),
    # what was found at a control
    "finding.observed_at": _day("The day of the control", "Dagen för kontrollen", "2026-12-01"),
    "finding.observing_authority": _text("Who made the observation", "Vem som gjorde iakttagelsen", "Linköpings kommun, provnämnden"),
    "finding.own_legal_ground_id": _control_ground("The observer's own ground", "Egen grund för kontrollen", "miljobalken-tillsyn"),
    "finding.category": _codes(reference().findings)("Area", "Område", "environment"),
    "finding.facts": _texts("What was found, in sentences", "Vad som fanns, i meningar", "Vid kontrollen fanns brister."),
    "finding.object_org_number": _org_number("Organisation number of the object", "Objektets organisationsnummer", "559999-0008"),
    "finding.object_address": _text("Address of the object", "Objektets adress", "Exempelgatan 1, 582 22 Linköping"),
    "licence.holder": _text("Who holds the licence", "Vem som har tillståndet", "Provkrogen AB"),
    "licence.status": _text("The licence as it stands", "Tillståndets läge", "gäller"),
}

OPEN_FACTS: Mapping[str, FieldType] = {
    "control.window_start": _day("First day of the window", "Första dagen", "2026-12-01"),
    "control.window_end": _day("Last day of the window", "Sista dagen", "2026-12-01"),
}
"""Where only open facts may go (brake B8), a time of day is none of them."""

REFERENCES = frozenset({"request.external_reference", "control.reference"})
"""What is nothing to tell by itself: with these alone, an envelope about a person (sharing-matrix 1.3)."""
