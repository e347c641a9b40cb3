"""What a control object must be, cell by cell. One judgement for a row of a file and for a form: every door gives the same answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.controls.domain.objects import ControlObject, object_types
from services.controls.domain.text import plain, unreadable
from services.kernel.errors import Invalid
from services.kernel.identity import OrgNumber

POSTAL_CODE = re.compile(r"[1-9][0-9]{4}")
SNI_CODE = re.compile(r"[0-9]{5}")
NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
DATE_FORMS = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"),
    re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
    re.compile(r"(?P<day>[0-9]{1,2})[/.] ?(?P<month>[0-9]{1,2})[/. ] ?(?P<year>[0-9]{4})"),
)
# Corners of SWEREF 99 TM over Sweden, metres.
NORTH_M = range(6_100_000, 7_700_001)
EAST_M = range(250_000, 950_001)

TEXTS: Mapping[str, str] = {
    "org_number": "organisationsnumret stämmer inte.",
    "date_unknown": "datumet går inte att läsa. Skriv till exempel 2026-11-23.",
    "date_future": "datumet ligger i framtiden.",
    "missing": "uppgiften saknas.",
    "not_a_number": "skriv ett tal med siffror.",
    "too_long": "texten är för lång.",
    "characters": "texten innehåller tecken som inte går att läsa.",
    "postal_code": "skriv fem siffror, som 582 22.",
    "sni_code": "skriv fem siffror, som 56110.",
    "coordinates": "koordinaten ligger utanför Sverige. Ange SWEREF 99 TM, i meter.",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A field of an object: its name, the heading users have for it, its longest text, and whether a file must have it."""

    field: str
    heading: str
    length_max: int
    needed: bool = True


COLUMNS = (
    Column("org_number", "Org.nr", 20),
    Column("company_name", "Företag", 120),
    Column("trading_name", "Skylt", 120, needed=False),
    Column("sni_code", "SNI 2025", 10, needed=False),
    Column("object_type", "Objekttyp", 60),
    Column("street_address", "Adress", 100),
    Column("postal_code", "Postnr", 10),
    Column("city", "Ort", 60),
    Column("district", "Stadsdel", 60),
    Column("north_m", "N (SWEREF 99 TM)", 20, needed=False),
    Column("east_m", "E (SWEREF 99 TM)", 20, needed=False),
    Column("opening_hours", "Öppet", 100, needed=False),
    Column("serving_permit", "Serveringstillstånd", 10, needed=False),
    Column("last_control_date", "Senaste kontroll", 20, needed=False),
)
LENGTH_MAX = {column.field: column.length_max for column in COLUMNS}


class Fault(Exception):
    """A cell that cannot be taken; `field` is the field's name, `text` is Swedish."""

    def __init__(self, field: str, code: str, text: str = "") -> None:
        self.field = field
        self.code = code
        self.text = text or TEXTS[code]
        super().__init__(f"{field}: {self.text}")


def judge(cells: Mapping[str, str], today: date) -> ControlObject:
    """An object from the text of its fields. Raises Fault for the first field at fault, in the order of `cells`."""
    texts = {column.field: "" for column in COLUMNS} | {field: " ".join(text.split()) for field, text in cells.items()}
    values: dict[str, object] = {}
    for field in (*cells, *(texts.keys() - cells.keys())):
        _readable(field, cells.get(field, "").strip())
        values[field] = READERS[field](texts, today)
    return ControlObject(**values)  # type: ignore[arg-type]  # each reader gives its field's type


def _readable(field: str, text: str) -> None:
    if unreadable(text):
        raise Fault(field, "characters")
    if len(text) > LENGTH_MAX[field]:
        raise Fault(field, "too_long")


Texts = Mapping[str, str]
Reader = Callable[[Texts, date], object]


def _text(field: str, *, needed: Callable[[Texts], bool]) -> Reader:
    def read(texts: Texts, _today: date) -> str:
        if not texts[field] and needed(texts):
            raise Fault(field, "missing")
        return texts[field]

    return read


def _always(_texts: Texts) -> bool:
    return True


def _never(_texts: Texts) -> bool:
    return False


def _company_is_known(texts: Texts) -> bool:
    return bool(texts["org_number"] or texts["company_name"])


def _org_number(texts: Texts, _today: date) -> OrgNumber | None:
    text = texts["org_number"]
    if not text:
        if texts["company_name"]:
            raise Fault("org_number", "missing")
        return None
    try:
        return OrgNumber.parse(text)
    except Invalid:
        raise Fault("org_number", "org_number") from None


def _sni_code(texts: Texts, _today: date) -> str:
    text = texts["sni_code"].replace(".", "").replace(" ", "")
    if not text:
        if _company_is_known(texts):
            raise Fault("sni_code", "missing")
        return ""
    if not SNI_CODE.fullmatch(text):
        raise Fault("sni_code", "sni_code")
    return text


def _object_type(texts: Texts, _today: date) -> str:
    text = texts["object_type"]
    if not text:
        raise Fault("object_type", "missing")
    types = object_types()
    if plain(text) not in types:
        known = ", ".join(dict.fromkeys(types.values()))
        raise Fault("object_type", "unknown_word", f"ordet finns inte i listan. Välj något av: {known}.")
    return types[plain(text)]


def _postal_code(texts: Texts, _today: date) -> str:
    text = texts["postal_code"].replace(" ", "")
    if not text:
        raise Fault("postal_code", "missing")
    if not POSTAL_CODE.fullmatch(text):
        raise Fault("postal_code", "postal_code")
    return text


def _coordinate(field: str, other: str, bounds: range) -> Reader:
    def read(texts: Texts, _today: date) -> int | None:
        text = texts[field].replace(" ", "").replace(",", ".")
        if not text:
            if texts[other]:
                raise Fault(field, "missing")
            return None
        if not NUMBER.fullmatch(text):
            raise Fault(field, "not_a_number")
        metres = round(Decimal(text))
        if metres not in bounds:
            raise Fault(field, "coordinates")
        return metres

    return read


def _serving_permit(texts: Texts, _today: date) -> bool:
    words = {"": False, "nej": False, "n": False, "ja": True, "j": True}
    text = plain(texts["serving_permit"])
    if text not in words:
        raise Fault("serving_permit", "unknown_word", "ordet finns inte i listan. Välj något av: ja, nej.")
    return words[text]


def _last_control_date(texts: Texts, today: date) -> date | None:
    text = texts["last_control_date"]
    if not text:
        return None
    found = next((match for form in DATE_FORMS if (match := form.fullmatch(text))), None)
    try:
        day = None if found is None else date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        day = None
    if day is None:
        raise Fault("last_control_date", "date_unknown")
    if day > today:
        raise Fault("last_control_date", "date_future")
    return day


READERS: Mapping[str, Reader] = {
    "org_number": _org_number,
    "company_name": _text("company_name", needed=lambda texts: bool(texts["org_number"])),
    "trading_name": _text("trading_name", needed=_never),
    "sni_code": _sni_code,
    "object_type": _object_type,
    "street_address": _text("street_address", needed=_always),
    "postal_code": _postal_code,
    "city": _text("city", needed=_always),
    "district": _text("district", needed=_always),
    "north_m": _coordinate("north_m", "east_m", NORTH_M),
    "east_m": _coordinate("east_m", "north_m", EAST_M),
    "opening_hours": _text("opening_hours", needed=_never),
    "serving_permit": _serving_permit,
    "last_control_date": _last_control_date,
}
