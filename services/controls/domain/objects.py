"""A control object: a business and its premises, or an address alone when no company is known (workflows 4.2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.kernel import cells, rows
from services.kernel.cells import Fault
from services.kernel.errors import Conflict, ConflictReason, Invalid
from services.kernel.identity import OrgNumber
from services.kernel.reference import reference
from services.kernel.rows import Check, Field, Form, Judged, Layout, Verdict

SNI_CODE = re.compile(r"\d{5}", re.ASCII)
NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?", re.ASCII)
SNI_VERSIONS = ("2007", "2025")
PROPERTY = re.compile(r"[A-ZÅÄÖÉÜ][A-ZÅÄÖÉÜ0-9 .:'-]* (?:S|\d+):\d+")
PERMITS_MAX = 20
# Corners of SWEREF 99 TM over Sweden, metres.
NORTH_M = range(6_100_000, 7_700_001)
EAST_M = range(250_000, 950_001)


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit of the business, such as serveringstillstånd; without `valid_to` it has no end."""

    type: str
    number: str = ""
    valid_to: date | None = None


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
    sni_version: str = ""
    property_designation: str = ""
    property_owner_org: OrgNumber | None = None
    permits: tuple[Permit, ...] = ()

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
        return f"{number}|{self.address_key}"

    @property
    def address_key(self) -> str:
        """Equal for two objects at one address."""
        return _address_key(self.street_address, self.postal_code, self.city)


def _address_key(street_address: str, postal_code: str, city: str) -> str:
    return "|".join((cells.words_apart(street_address), postal_code, cells.words_apart(city)))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with its id; `revision` names what was read, so that a change says what it was made from.

    `taken_back`: the file that it came with was undone. It is in no list; where it was planned or tipped of it is as before.
    """

    id: UUID
    object: ControlObject
    revision: int = 1
    taken_back: bool = False

    def require_etag(self, etag: str) -> None:
        """Raises Conflict ETAG when somebody has changed the object since it was read."""
        if etag != str(self.revision):
            raise Conflict("etag: objektet har ändrats sedan du läste det. Hämta det igen.", reason=ConflictReason.ETAG)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a tip says of where: an organisation number, an address, or both."""

    number: OrgNumber | None
    address_key: str


def sought(texts: Mapping[str, str]) -> Sought:
    """What to look for. Raises Invalid, field first.

    A personnummer alone is not looked for: that would be a search for a person.
    """
    try:
        number = cells.org_number(texts["org_number"]) if texts["org_number"].strip() else None
    except Fault as fault:
        raise Invalid(f"org_number: {fault.text}") from None
    where = {name: texts[name] for name in ("street_address", "postal_code", "city")}
    if not any(text.strip() for text in where.values()):
        if number is None or number.is_personal:
            raise Invalid("street_address: ange adressen.")
        return Sought(number, "")
    for name, text in where.items():
        if not text.strip():
            raise Invalid(f"{name}: uppgiften saknas.")
    try:
        return Sought(number, _address_key(where["street_address"], cells.postal_code(where["postal_code"]), where["city"]))
    except Fault as fault:
        raise Invalid(f"postal_code: {fault.text}") from None


def meant(looked_for: Sought, found: Sequence[tuple[StoredObject, bool]]) -> StoredObject | None:
    """Which of the objects with that number, or at that address, is meant; None: one that is not known yet.

    `found` says of each object whether it has the number looked for. At an address:
    - a number is the object of that number; else the only object there, when nobody knew its number;
    - without a number it is the object that has none; else the only object there.
    Where several businesses share an address and the tip does not say which, it is about the address.
    Raises Invalid when a number alone does not say where.
    """
    same = [stored for stored, has_number in found if has_number]
    unnamed = [stored for stored, _ in found if stored.object.org_number is None]
    if not looked_for.address_key:
        if len(same) != 1:
            where = "verksamheten finns på flera adresser. Ange vilken." if same else "verksamheten är inte känd. Ange adressen."
            raise Invalid(f"street_address: {where}")
        return same[0]
    alone = [stored for stored, _ in found] if len(found) == 1 else []
    if looked_for.number is not None:
        return next(iter(same or (unnamed if alone else [])), None)
    return next(iter(unnamed or alone), None)


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


def _sni_version(text: str, _: date) -> str:
    if text not in SNI_VERSIONS:
        raise Fault("unknown_word", choices=", ".join(SNI_VERSIONS))
    return text


def _property_designation(text: str, _: date) -> str:
    if PROPERTY.fullmatch(text.upper()) is None:
        raise Fault("property_designation")
    return text.upper()


def _company(text: str, _: date) -> OrgNumber:
    number = cells.org_number(text)
    if number.is_personal:  # who owns a property privately is not for this register
        raise Fault("org_number")
    return number


def read_permits(texts: Sequence[tuple[str, str, str]]) -> tuple[Permit, ...]:
    """Permits as type, number and last day. Raises Invalid, field first."""
    if len(texts) > PERMITS_MAX:
        raise Invalid(f"permits: högst {PERMITS_MAX} tillstånd.")
    try:
        read = tuple(
            Permit(cells.clean(type_, 60), cells.clean(number, 40), cells.day(day, date.max) if day.strip() else None)
            for type_, number, day in texts
        )
    except Fault as fault:
        raise Invalid(f"permits: {fault.text}") from None
    if not all(permit.type for permit in read):
        raise Invalid("permits: ange vilket slags tillstånd.")
    return read


FORM: Form[date] = Form(
    (
        Field("org_number", "Org.nr", lambda text, _: cells.org_number(text), needed=False, empty=None),
        Field("company_name", "Företag", length_max=120, needed=False),
        Field("trading_name", "Skylt", length_max=120, needed=False, column=False),
        Field("sni_code", "SNI 2025", _sni_code, needed=False, column=False),
        Field("object_type", "Objekttyp", lambda text, _: cells.word(text, reference().object_types).code),
        Field("street_address", "Adress"),
        Field("postal_code", "Postnr", lambda text, _: cells.postal_code(text)),
        Field("city", "Ort", length_max=60),
        Field("district", "Stadsdel", length_max=60),
        Field("north_m", "N (SWEREF 99 TM)", _metres(NORTH_M), needed=False, empty=None, column=False),
        Field("east_m", "E (SWEREF 99 TM)", _metres(EAST_M), needed=False, empty=None, column=False),
        Field("opening_hours", "Öppet", needed=False, column=False),
        Field("serving_permit", "Serveringstillstånd", lambda text, _: cells.yes_no(text), needed=False, empty=False, column=False),
        Field("last_control_date", "Senaste kontroll", cells.day, needed=False, empty=None, column=False),
        Field("sni_version", "SNI-version", _sni_version, needed=False, column=False),
        Field("property_designation", "Fastighetsbeteckning", _property_designation, needed=False, column=False),
        Field("property_owner_org", "Fastighetsägare", _company, needed=False, empty=None, column=False),
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
    return _object(FORM.read(texts, today))


def judge(layout: Layout[date], number: int, cells_: Sequence[str], today: date) -> Judged[ControlObject]:
    """One row of a list of objects."""
    _, read = layout.read(number, cells_, today)
    if isinstance(read, Verdict):
        return Judged(str(number), read)
    return Judged(str(number), rows.accepted(number, layout, ()), _object(read))


def _object(values: Mapping[str, Any]) -> ControlObject:
    """A code without a version is of the list that holds now; a version without a code says nothing."""
    version = values["sni_version"] or SNI_VERSIONS[-1]
    return ControlObject(**{**values, "sni_version": version if values["sni_code"] else ""})
