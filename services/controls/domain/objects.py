"""A control object: a business and its premises, or an address alone when no company is known (workflows 4.2)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from uuid import UUID

from services.controls.domain.text import plain
from services.kernel.identity import OrgNumber


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
    def address(self) -> str:
        """The address on one line."""
        return f"{self.street_address}, {self.postal_code[:3]} {self.postal_code[3:]} {self.city}"

    @property
    def same_as(self) -> str:
        """Equal for two rows about the same object: number and address, or the address alone when no company is known."""
        number = "" if self.org_number is None else str(self.org_number)
        return "|".join((number, plain(self.street_address), self.postal_code, plain(self.city)))


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object with its id."""

    id: UUID
    object: ControlObject


@cache
def object_types() -> Mapping[str, str]:
    """Each word that users write for an object type, as `plain` has it, and the type it means."""
    path = Path(__file__).with_name("object_types.toml")
    types: list[list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))["object_types"]
    return {plain(word): words[0] for words in types for word in words}
