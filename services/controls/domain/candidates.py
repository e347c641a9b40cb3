"""Candidates for a control: objects in the order of points that anybody can check; of places and businesses, never of a person."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as kept

from services.controls.domain.objects import StoredObject
from services.controls.domain.tips import Tip, tip_words
from services.kernel.errors import Invalid
from services.kernel.reference import reference

LENGTH_MAX = 60


@kept(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Weight:
    """One thing that speaks for a control, in Swedish, and its points."""

    kind: Literal["never_controlled", "months_since_control", "object_type", "serving_permit", "permit_ended", "tips", "several_tips"]
    word: str
    points: int
    from_months: int = 0
    to_months: int | None = None
    object_types: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()


@cache
def weights() -> tuple[Weight, ...]:
    """The rows of weights.toml. Raises ValueError for a word that is in no list."""
    data = tomllib.loads(Path(__file__).with_name("weights.toml").read_text(encoding="utf-8"))
    rows = TypeAdapter(tuple[Weight, ...]).validate_python(data["weight"])
    for row in rows:
        if any(code not in reference().object_types for code in row.object_types) or any(
            code not in tip_words().source_types for code in row.source_types
        ):
            raise ValueError(f"weights.toml, {row.word}: a word that is in no list")
    return rows


@dataclass(frozen=True, slots=True)
class Filter:
    """Which objects. At least one is said, so that a list is asked for something."""

    district: str = ""
    object_type: str = ""
    sni_code: str = ""
    only_with_tips: bool = False

    def require_something(self) -> None:
        """Raises Invalid when nothing narrows the list."""
        if self == Filter():
            raise Invalid("district: välj stadsdel, objekttyp eller SNI, eller visa bara objekt med tips.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after the object of these points, as they were on a day. A list goes on over midnight as it began."""

    day: date
    points: int | None = None
    id: UUID | None = None

    @classmethod
    def read(cls, token: str, today: date) -> Self:
        """Raises Invalid for a token that we did not give."""
        if not token:
            return cls(today)
        try:
            day, points, object_id = token.split("_")
            return cls(date.fromisoformat(day), int(points), UUID(object_id))
        except ValueError:
            raise Invalid("page.page_token: ange det värde som den förra sidan gav.") from None

    @property
    def token(self) -> str:
        """What asks for what follows."""
        return f"{self.day.isoformat()}_{self.points}_{self.id}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object, the weights that apply to it, and the tips that count."""

    stored: StoredObject
    applies: tuple[Weight, ...]
    tips: tuple[Tip, ...] = ()

    @property
    def points(self) -> int:
        """The sum."""
        return sum(weight.points for weight in self.applies)
