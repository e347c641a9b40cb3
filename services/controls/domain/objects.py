"""A control object: a business and its premises, or an address alone when no company is known (workflows 4.2)."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from services.kernel import cells, rows
from services.kernel.cells import Fault
from services.kernel.identity import OrgNumber
from services.kernel.reference import Word, Words
from services.kernel.rows import Check, Field, Form, Judged, Layout, Verdict

SNI_CODE = re.compile(r"\d{5}", re.ASCII)
NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
# Corners of SWEREF 99 TM over Sweden, metres.
NORTH_M = range(6_100_000, 7_700_001)
EAST_M = range(250_000, 950_001)


@dataclass(frozen=True, slots=True)
class ControlObject:
    """Public facts, except where the business is an enskild firma: then number and names are the owner's.

    Coordinates are SWEREF 99 TM in metres. `postal_code` is five digits.
    """

    street_address: str
    postal_code: str
    city: str
    district: str
    object_type: str
    org_number: OrgNumber | None = None
    company_name: str = ""
    trading_name: str = ""
    sni_code: str = ""
    north_m: int | None = None
    east_m: int | None = None
    opening_hours: str = ""
    serving_permit: bool = False
    last_control_date: date | None = None

    @property
    def is_sole_trader(self) -> bool:
        """Whether the business is an enskild firma, whose number is a personnummer (sharing-matrix 1.4)."""
        return self.org_number is not None and self.org_number.is_personal

    @property
    def may_be_a_home(self) -> bool:
        """Whether the address may be somebody's home: an enskild firma, or no company that we know of. Unknown means protected."""
        return self.org_number is None or self.is_sole_trader

    @property
    def address(self) -> str:
        """The address on one line."""
        return f"{self.street_address}, {self.postal_code[:3]} {self.postal_code[3:]} {self.city}"

    @property
    def same_as(self) -> str:
        """Equal for two rows about the same object: number and address, or the address alone when no company is known."""
        number = "" if self.org_number is None else str(self.org_number)
        return "|".join((number, cells.words_apart(self.street_address), self.postal_code, cells.words_apart(self.city)))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with its id."""

    id: UUID
    object: ControlObject


@cache
def object_types() -> Words[Word]:
    """What an object may be, and the words that users write for it; the code is the first of them."""
    path = Path(__file__).with_name("object_types.toml")
    types: list[list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))["object_types"]
    return Words(Word(code=words[0], word=words[0], also=tuple(words[1:])) for words in types)


# --- reading an object ----------------------------------------------------------------------------------------------------------


def _sni_code(text: str, _: date) -> str:
    code = text.replace(".", "").replace(" ", "")
    if SNI_CODE.fullmatch(code) is None:
        raise Fault("sni_code")
    return code


def _metres(bounds: range) -> Callable[[str, date], int]:
    def read(text: str, _: date) -> int:
        number = text.replace(" ", "").replace(",", ".")
        if NUMBER.fullmatch(number) is None:
            raise Fault("not_a_number")
        metres = round(Decimal(number))
        if metres not in bounds:
            raise Fault("coordinates")
        return metres

    return read


def _needed_with(name: str, *others: str) -> Check[date]:
    """That a field is there when one of the others is."""

    def check(values: Mapping[str, Any], _: date) -> None:
        if values[name] in {"", None} and any(values[other] not in {"", None} for other in others):
            raise Fault("missing")

    return Check(name, (name, *others), check)


FORM: Form[date] = Form(
    (
        Field("org_number", "Org.nr", lambda text, _: cells.org_number(text), needed=False, empty=None),
        Field("company_name", "Företag", length_max=120, needed=False),
        Field("trading_name", "Skylt", length_max=120, needed=False, column=False),
        Field("sni_code", "SNI 2025", _sni_code, needed=False, column=False),
        Field("object_type", "Objekttyp", lambda text, _: cells.word(text, object_types()).code),
        Field("street_address", "Adress"),
        Field("postal_code", "Postnr", lambda text, _: cells.postal_code(text)),
        Field("city", "Ort", length_max=60),
        Field("district", "Stadsdel", length_max=60),
        Field("north_m", "N (SWEREF 99 TM)", _metres(NORTH_M), needed=False, empty=None, column=False),
        Field("east_m", "E (SWEREF 99 TM)", _metres(EAST_M), needed=False, empty=None, column=False),
        Field("opening_hours", "Öppet", needed=False, column=False),
        Field("serving_permit", "Serveringstillstånd", lambda text, _: cells.yes_no(text), needed=False, empty=False, column=False),
        Field("last_control_date", "Senaste kontroll", cells.day, needed=False, empty=None, column=False),
    ),
    (
        _needed_with("org_number", "company_name"),
        _needed_with("company_name", "org_number"),
        _needed_with("sni_code", "org_number", "company_name"),
        _needed_with("north_m", "east_m"),
        _needed_with("east_m", "north_m"),
    ),
)


def read_object(texts: Mapping[str, str], today: date) -> ControlObject:
    """The object in a message's fields. Raises FieldFault."""
    return ControlObject(**FORM.read(texts, today))


def judge(layout: Layout[date], number: int, cells_: Sequence[str], today: date) -> Judged[ControlObject]:
    """One row of a list of objects."""
    _, read = layout.read(number, cells_, today)
    if isinstance(read, Verdict):
        return Judged(str(number), read)
    return Judged(str(number), rows.accepted(number, layout, ()), ControlObject(**read))
