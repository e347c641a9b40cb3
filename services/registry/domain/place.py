"""A dwelling's address in the form that addresses are compared in. It is told to nobody: what is shown is what was written.

An address of the folkbokföring is a street, a number with its letter, and the flat's number of four digits (lag 2006:378). A flat's number
is the flat's own only inside its entrance. What cannot be read is compared as it stands, never guessed.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.kernel.reference import plain

_NUMBERED = re.compile(r"(?P<street>[^\d,]*[^\d,\s])\s*(?P<number>[1-9]\d{0,3})\s?(?P<letter>[a-zåäö])?(?:[\s,.]+(?P<rest>.*))?")
_UNIT = re.compile(r"(?P<name>.*\S)\s+(?P<block>\d+)\s*:\s*(?P<unit>\d+)")
_CARE_OF = re.compile(r"^c/o\b.*?,\s*")


@dataclass(frozen=True, slots=True)
class Place:
    """The parts of an address, each as it is compared; empty where nothing was said.

    `street` is the whole text where it could not be read. `floor` is what was said of a floor: it tells flats without a number apart.
    """

    street: str
    number: str
    letter: str
    entrance: str
    floor: str
    apartment_number: str
    postal_code: str
    city: str
    property_designation: str

    @property
    def _building(self) -> str:
        return f"{self.street}|{self.number}|{self.letter}|{self.entrance}"

    @property
    def dwelling(self) -> str:
        """Equal for two addresses of one dwelling, and for no others. Empty without a flat's number."""
        return f"{self._building}|{self.postal_code}|{self.apartment_number}" if self.street and self.apartment_number else ""

    @property
    def near(self) -> str:
        """Equal for two addresses that may be of one dwelling: the postal code may be wrong; both flats' numbers may be missing."""
        return f"{self._building}|{self.city}|{self.apartment_number}|{'' if self.apartment_number else self.floor}" if self.street else ""

    @property
    def in_property(self) -> str:
        """Equal for two flats of one number in one property. A property has several entrances, so they may be two dwellings."""
        known = self.property_designation and self.apartment_number
        return f"{self.property_designation}|{self.apartment_number}" if known else ""


@dataclass(frozen=True, slots=True)
class _Words:
    endings: dict[str, str]
    beginnings: dict[str, str]
    flat: re.Pattern[str]
    entrance: re.Pattern[str]
    floor: re.Pattern[str]
    property: re.Pattern[str]


@cache
def _words() -> _Words:
    data = tomllib.loads(Path(__file__).with_name("addresses.toml").read_text(encoding="utf-8"))

    def any_of(words: Iterable[str]) -> str:
        return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

    return _Words(
        endings={word: row[0] for row in data["endings"] for word in row},
        beginnings={word: row[0] for row in data["beginnings"] for word in row},
        flat=re.compile(rf"\b(?:{any_of(data['flat'])})[\s.:]*(\d{{4}})\b"),
        entrance=re.compile(rf"\b(?:{any_of(data['entrance'])})[\s.:]*([a-zåäö]|\d{{1,2}})\b"),
        floor=re.compile(rf"(?:.*[\s\d])?(?:{any_of(data['floor'])})(?:[\s.].*)?"),
        property=re.compile(rf"^(?:{any_of(data['property'])})\.?\s+"),
    )


def place(street_address: str, postal_code: str = "", city: str = "", apartment_number: str = "", property_designation: str = "") -> Place:
    """An address as it was written, in the form it is compared in. A flat's number of its own stands before one in the street's line."""
    town, whole = plain(city), _CARE_OF.sub("", plain(street_address))
    text, flat = _taken(_words().flat, whole)
    text, entrance = _taken(_words().entrance, text)
    match = _NUMBERED.fullmatch(text)
    floor = (match["rest"] or "").strip(" ,.()") if match else ""
    agrees = not (flat and apartment_number) or flat == apartment_number
    if match is not None and agrees and (not floor or _words().floor.fullmatch(floor)):
        street, number, letter = _street(match["street"]), match["number"], match["letter"] or ""
    else:
        street, number, letter, entrance, floor, flat = _street(whole), "", "", "", "", ""
    return Place(
        street=street,
        number=number,
        letter=letter,
        entrance=entrance,
        floor=floor,
        apartment_number=apartment_number or flat,
        postal_code="".join(postal_code.split()),
        city=town,
        property_designation=_property(property_designation, town),
    )


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    """The text without what the pattern finds once in it, and what it found."""
    found = pattern.findall(text)
    if len(found) != 1:
        return text, ""
    return plain(pattern.sub(" ", text)).rstrip(" ,()"), found[0]


def _street(text: str) -> str:
    """A street's name with its first word and its end in one form, and no spaces."""
    words = text.strip(" ,").split()
    if not words:
        return ""
    if len(words) > 1:
        words[0] = _words().beginnings.get(words[0], words[0])
    last, endings = words[-1], _words().endings
    ending = next((end for end in sorted(endings, key=len, reverse=True) if last.endswith(end)), "")
    if ending and (last != ending or len(words) > 1):
        words[-1] = last.removesuffix(ending) + endings[ending]
    return "".join(words)


def _property(text: str, town: str) -> str:
    """A property's designation without the kommun's name before it, which people leave out, when that is the town of the address."""
    words = plain(text)
    if town and words.startswith(f"{town} "):
        words = words.removeprefix(f"{town} ")
    words = _words().property.sub("", words)
    match = _UNIT.fullmatch(words)
    return f"{match['name']} {match['block']}:{match['unit']}" if match else words
