"""What people write in one cell or field, as a value, or a fault with a code and a Swedish text (sharing-matrix chapter 9).

A text tells what is wrong and what to write instead; it never repeats what was written, because that may be personal.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeVar

from services.kernel.errors import Invalid
from services.kernel.identity import IdentityNumber, OrgNumber
from services.kernel.reference import Word, Words

TEXTS: Mapping[str, str] = {
    "identity_number": "numret stämmer inte. Kontrollera siffrorna.",
    "identity_number_form": "skriv tio eller tolv siffror.",
    "org_number": "organisationsnumret stämmer inte.",
    "date_unknown": "datumet går inte att läsa. Skriv till exempel 2026-11-23.",
    "date_future": "datumet ligger i framtiden.",
    "date_order": "slutdatum ligger före startdatum.",
    "missing": "uppgiften saknas.",
    "unknown_word": "ordet finns inte i listan. Välj något av: {choices}.",
    "not_a_number": "skriv ett tal med siffror.",
    "amount": "beloppet går inte att läsa, eller är mindre än noll.",
    "postal_code": "skriv fem siffror, som 582 22.",
    "apartment_number": "skriv fyra siffror, som 1201.",
    "sni_code": "skriv fem siffror, som 56110.",
    "property_designation": "skriv kommun, trakt, block och enhet, som LINKÖPING EXEMPEL 1:1.",
    "coordinates": "koordinaten ligger utanför Sverige. Ange SWEREF 99 TM, i meter.",
    "too_long": "texten är för lång.",
    "characters": "texten innehåller tecken som inte går att läsa.",
    "too_few_cells": "raden har för få celler.",
    "too_many_cells": "raden har fler celler än rubriker.",
    "unit": "förvaltningen finns inte.",
    "deciding_body": "{benefit} beslutas inte av den myndigheten, eller så saknas uppgiften.",
    "under_18": "barn registreras inte här.",
    "note_left_out": "anteckningen har inte registrerats. Originalet finns i diariet.",
    "needs_own_fact": "uppgiften kommer från någon annan. En handläggare ser över den först.",
    "duplicate": "samma uppgift finns redan på rad {row}.",
    "duplicate_earlier": "samma uppgift finns redan.",
}

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet would compute."""
YEAR_MIN = 1900
PERSONS_MAX = 99
_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?$")
_DAY_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        r"(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[ /.-](?P<y>\d{4})",
        r"(?:den )?(?P<d>\d{1,2})(?::e)? (?P<name>[a-zåäö]{3,})\.? (?P<y>\d{4})",
    )
)
_MONTH_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})",
        r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})",
        r"(?P<name>[a-zåäö]{3,})\.? (?P<y>\d{4})",
        r"(?P<y>\d{4}) (?P<name>[a-zåäö]{3,})\.?",
    )
)
_MONTH_NAMES = ("januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december")
_AMOUNT = re.compile(r"(\d{1,3}(?: \d{3})+|\d{1,3}(?:\.\d{3})+(?=,|$)|\d{1,12})(?:[.,](\d{1,2}))?", re.ASCII)
_CURRENCY = re.compile(r"\s*(kr|kronor|sek|:-|,-)\.?$")
_POSTAL_CODE = re.compile(r"(?:se?-)?([1-9]\d{4})", re.ASCII)
_APARTMENT_NUMBER = re.compile(r"\d{4}", re.ASCII)
_WHOLE_NUMBER = re.compile(r"\d{1,3}", re.ASCII)
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_UNREADABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

W = TypeVar("W", bound=Word)


def inert(text: str) -> str:
    """A text for a cell of a file that we make: never a formula where it is opened, or saved anew as another kind (A32)."""
    readable = "".join(sign for sign in text if sign in "\t\r\n" or unicodedata.category(sign) not in _UNREADABLE)
    return f"'{readable}" if unicodedata.normalize("NFKC", readable.lstrip(" \n")[:1]) in FORMULA_SIGNS else readable


class Fault(Exception):
    """A cell that cannot be taken. `fill` holds words of ours, never what was written."""

    def __init__(self, code: str, **fill: str) -> None:
        self.code = code
        self.text = TEXTS[code].format(**fill)
        super().__init__(code)


def clean(text: str, length_max: int) -> str:
    """The text composed (NFC), without invisible characters, one space between words. Raises Fault: characters, too_long."""
    plain = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    if "\ufffd" in plain or (not plain.isprintable() and any(map(_unreadable, plain))):
        raise Fault("characters")
    plain = " ".join(plain.split())
    if len(plain) > length_max:
        raise Fault("too_long")
    return plain


def written(field: str, text: str, length_max: int) -> str:
    """Free text of a message, as it may be kept. Raises Invalid with the field first."""
    try:
        return clean(text, length_max)
    except Fault as fault:
        raise Invalid(f"{field}: {fault.text}") from None


def _unreadable(sign: str) -> bool:
    """Tab and line break are what a person can type into a cell; other control characters are not."""
    return unicodedata.category(sign) in _UNREADABLE and sign not in "\t\r\n"


def words_apart(text: str) -> str:
    """Text as addresses are compared: no capitals, no spaces, so that "56 C" equals "56c"."""
    return "".join(unicodedata.normalize("NFC", text).casefold().split())


def day(text: str, today: date) -> date:
    """A day, in any of the forms people write. Raises Fault: date_unknown, date_future."""
    plain = _MIDNIGHT.sub("", text.casefold())
    value = _dated(plain, _DAY_FORMS)
    if value > today:
        raise Fault("date_future")
    return value


def month(text: str, today: date) -> str:
    """A month as YYYY-MM; a day stands for its month. Raises Fault: date_unknown, date_future."""
    plain = _MIDNIGHT.sub("", text.casefold())
    try:
        value = _dated(plain, _MONTH_FORMS)
    except Fault:
        value = _dated(plain, _DAY_FORMS)
    if value.replace(day=1) > today:
        raise Fault("date_future")
    return f"{value:%Y-%m}"


def _dated(plain: str, forms: Iterable[re.Pattern[str]]) -> date:
    for form in forms:
        match = form.fullmatch(plain)
        if match is None:
            continue
        parts = match.groupdict()
        try:
            number = int(parts["m"]) if parts.get("m") else _month_number(parts["name"])
            value = date(int(parts["y"]), number, int(parts.get("d") or 1))
        except ValueError:
            continue
        if value.year >= YEAR_MIN:
            return value
    raise Fault("date_unknown")


def _month_number(name: str) -> int:
    return next((number for number, full in enumerate(_MONTH_NAMES, 1) if full.startswith(name)), 0)


def amount(text: str) -> Decimal:
    """An amount in kronor, not below zero; comma or point before the öre, spaces or points between thousands. Raises Fault: amount."""
    match = _AMOUNT.fullmatch(_CURRENCY.sub("", text.casefold()).strip())
    if match is None:
        raise Fault("amount")
    return Decimal(f"{match[1].replace(' ', '').replace('.', '')}.{(match[2] or '0'):0<2}")


def identity_number(text: str, today: date) -> IdentityNumber:
    """A personnummer or samordningsnummer of an adult. Raises Fault: identity_number, identity_number_form, under_18."""
    try:
        number = IdentityNumber.parse(text, today)
    except Invalid as error:
        raise Fault(error.reason.lower()) from None
    if not number.is_adult(today):
        raise Fault("under_18")
    return number


def org_number(text: str) -> OrgNumber:
    """An organisation number. Raises Fault: org_number."""
    try:
        return OrgNumber.parse(text)
    except Invalid:
        raise Fault("org_number") from None


def postal_code(text: str) -> str:
    """Five digits, however spaced. Raises Fault: postal_code."""
    match = _POSTAL_CODE.fullmatch(words_apart(text))
    if match is None:
        raise Fault("postal_code")
    return match[1]


def apartment_number(text: str) -> str:
    """A lägenhetsnummer of the folkbokföring, four digits. Raises Fault: apartment_number."""
    if _APARTMENT_NUMBER.fullmatch(text) is None:
        raise Fault("apartment_number")
    return text


def persons(text: str) -> int:
    """How many persons, 0 to 99. Raises Fault: not_a_number."""
    if _WHOLE_NUMBER.fullmatch(text) is None or int(text) > PERSONS_MAX:
        raise Fault("not_a_number")
    return int(text)


def yes_no(text: str) -> bool:
    """Ja or nej; a spreadsheet's own words too. Raises Fault: unknown_word."""
    plain = text.casefold()
    if plain in {"ja", "j", "sant"}:
        return True
    if plain in {"nej", "n", "falskt"}:
        return False
    raise Fault("unknown_word", choices="ja, nej")


def word(text: str, words: Words[W]) -> W:
    """The row of the list that the user means. Raises Fault: unknown_word."""
    row = words.find(text)
    if row is None:
        raise Fault("unknown_word", choices=", ".join(words.words))
    return row


def codes(text: str, words: Words[W]) -> tuple[str, ...]:
    """The codes of one or more words with commas or semicolons between them, each once. Raises Fault: unknown_word, missing."""
    parts = [part for part in re.split(r"[,;]", text) if part.strip()]
    if not parts:
        raise Fault("missing")
    return tuple(dict.fromkeys(word(part, words).code for part in parts))
