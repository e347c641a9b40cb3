"""Questions about a person: asked for an open case, with a purpose, by whoever handles it. Others are refused and come up for review.

Source: workflows 3 rule 6 and chapter 9 (no search for its own sake); the list of what must be looked at is a project decision.
"""

from datetime import date
from enum import StrEnum

A_DAY = 20  # questions of one person in a day; more are looked at. A proposal: a case needs a few


class Outcome(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    NO_CASE = "no_case"
    CLOSED = "closed"
    NOT_HANDLING = "not_handling"


class Judgement(StrEnum):
    """What the reviewer came to."""

    PROPER = "proper"
    IMPROPER = "improper"


def outcome(person: str, officer: str | None, purge_date: date | None) -> Outcome:
    """Whether a case, that whoever asks may read, lets them ask: it is open and theirs. Who only registered it does not handle it."""
    if purge_date is not None:
        return Outcome.CLOSED
    return Outcome.ANSWERED if person == officer else Outcome.NOT_HANDLING


def calls_for_review(found: Outcome, before_today: int) -> bool:
    """Whether somebody has to look at it: a refusal, and each question after `A_DAY` of one person's in one day."""
    return found is not Outcome.ANSWERED or before_today >= A_DAY
