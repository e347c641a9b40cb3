"""What two records have in common: the same person or company, the same dwelling. Each link says on what it rests.

Whether two records are linked is a question about those two alone, so it makes no difference which came first. A number is the same or it
is another person's: one digit off is no evidence. Source: sharing-matrix 5.8; docs/glossary.md.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Generic, TypeVar

from services.registry.domain.place import Place

Key = TypeVar("Key", str, bytes | None)


class Evidence(StrEnum):
    """Why two records are linked, in the order they are told."""

    SAME_NUMBER = "same_number"
    SAME_DWELLING = "same_dwelling"
    SAME_ADDRESS = "same_address"
    SAME_FLAT_IN_PROPERTY = "same_flat_in_property"


# What is enough by itself. The rest is a suggestion, "kan vara samma", until a person has confirmed it.
ENOUGH = frozenset({Evidence.SAME_NUMBER, Evidence.SAME_DWELLING})


class SubjectKind(StrEnum):
    """A person; or a company, which an enskild firma is not: its number is its owner's."""

    PERSON = "person"
    COMPANY = "company"


class Decision(StrEnum):
    """What a person has said of a link. It stays, whatever comes later."""

    CONFIRMED = "confirmed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Keys(Generic[Key]):
    """What a record mentions, each as it is compared: in plain words, or blinded. Empty: nothing said.

    `number` is the person's or company's, in digits.
    """

    number: Key = field(repr=False)
    dwelling: Key
    near: Key
    in_property: Key


NOTHING: Keys[str] = Keys("", "", "", "")
_TOLD_BY = dict(zip((each.name for each in fields(Keys)), Evidence, strict=True))


def keys(number: str, place: Place | None = None) -> Keys[str]:
    """What a record mentions."""
    return Keys(number, place.dwelling, place.near, place.in_property) if place else Keys(number, "", "", "")


def evidence(one: Keys[Key], other: Keys[Key]) -> tuple[Evidence, ...]:
    """What the two have in common; nothing: they are not linked. The same dwelling is the same address, so that is not told twice."""
    found = tuple(told for name, told in _TOLD_BY.items() if getattr(one, name) and getattr(one, name) == getattr(other, name))
    if Evidence.SAME_DWELLING in found:
        return tuple(told for told in found if told in ENOUGH)
    return found


def is_same(found: tuple[Evidence, ...]) -> bool:
    """Whether the evidence is enough by itself."""
    return not ENOUGH.isdisjoint(found)
