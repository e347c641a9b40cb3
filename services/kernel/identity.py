"""Numbers that name a person or an organisation. They are types: whoever holds one holds a valid one.

Check digits and calendar are the libraries' work (`personnummer`, `organisationsnummer`); which forms users write, and the day that
decides a century or an age, are ours. No message and no repr holds the number.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Self

import organisationsnummer.organisationsnummer as organisations
import personnummer.personnummer as persons

from services.kernel.errors import Invalid

ADULT_AGE = 18
COORDINATION_DAYS = 60
_SPACES = re.compile(r"\s+")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_PERSON = re.compile(r"(?P<century>\d{2})?(?P<date>\d{6})(?P<separator>[-+]?)(?P<last>\d{4})", re.ASCII)
_LOOKS_LIKE_A_PERSON = re.compile(r"(?<!\d)(?:\d{8}|\d{6})\s?[-+\u2010-\u2014\u2212]?\s?\d{4}(?!\d)", re.ASCII)


def _plain(text: str) -> str:
    return _SPACES.sub("", text).translate(_DASHES)


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A personnummer, or a samordningsnummer: the same with 60 added to the day (folkbokföringslagen 18 §, lag 2022:1697 2 kap. 8 §).

    `digits` are twelve: YYYYMMDDNNNC.
    """

    digits: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, today: date) -> Self:
        """Read ten or twelve digits, with or without separator; `+` from the year the person turns 100.

        Raises Invalid with reason IDENTITY_NUMBER_FORM (not such digits) or IDENTITY_NUMBER (check digit, date or future birth).
        """
        match = _PERSON.fullmatch(_plain(text))
        if match is None:
            raise Invalid("skriv tio eller tolv siffror.", reason="IDENTITY_NUMBER_FORM")
        digits = (match["century"] or _century(match["date"], match["separator"], today)) + match["date"] + match["last"]
        wrong = Invalid("numret stämmer inte. Kontrollera siffrorna.", reason="IDENTITY_NUMBER")
        try:
            persons.parse(digits)
        except persons.PersonnummerException:
            raise wrong from None  # the library's text holds the number
        number = cls(digits)
        if number.birth_date > today:
            raise wrong
        return number

    @property
    def is_coordination(self) -> bool:
        """Whether it is a samordningsnummer: its holder has never been folkbokförd under it."""
        return int(self.digits[6:8]) > COORDINATION_DAYS

    @property
    def birth_date(self) -> date:
        """The day in the number; not proof of the day of birth (folkbokföringslagen 18 §)."""
        day = int(self.digits[6:8]) - (COORDINATION_DAYS if self.is_coordination else 0)
        return date(int(self.digits[:4]), int(self.digits[4:6]), day)

    def age(self, today: date) -> int:
        """Whole years on a day."""
        born = self.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    def is_adult(self, today: date) -> bool:
        """Whether the person is 18 or older on a day."""
        return self.age(today) >= ADULT_AGE


def _century(birth: str, separator: str, today: date) -> str:
    latest = today.year - (100 if separator == "+" else 0)
    return str((latest - (latest - int(birth[:2])) % 100) // 100)


def holds_identity_number(text: str, today: date) -> bool:
    """Whether a valid personnummer or samordningsnummer stands anywhere in a text."""
    for match in _LOOKS_LIKE_A_PERSON.finditer(text):
        try:
            IdentityNumber.parse(match[0], today)
        except Invalid:
            continue
        return True
    return False


def require_no_identity_number(field: str, text: str, today: date) -> None:
    """Raises Invalid, field first, when somebody's number stands in a free text, which is for what is no person's."""
    if holds_identity_number(text, today):
        raise Invalid(f"{field}: skriv inga personnummer här.")


@dataclass(frozen=True, slots=True)
class OrgNumber:
    """An organisation's number, ten digits. That of an enskild firma is its owner's personnummer, and so personal (`is_personal`)."""

    digits: str = field(repr=False)
    is_personal: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ten digits, with or without dash or the prefix 16, or a personnummer. Raises Invalid with reason ORG_NUMBER."""
        plain = _plain(text)
        wrong = Invalid("organisationsnumret stämmer inte.", reason="ORG_NUMBER")
        if _PERSON.fullmatch(plain) is None:
            raise wrong
        try:
            number = organisations.parse(plain)
        except organisations.OrganisationsnummerException:
            raise wrong from None
        return cls(number.format(), is_personal=number.is_personnummer())

    def __str__(self) -> str:
        """As people write it: NNNNNN-NNNN."""
        return f"{self.digits[:6]}-{self.digits[6:]}"
