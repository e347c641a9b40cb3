"""How long what was shared is kept, and what is tested before the person it is about is told: rules as data, answers pure.

Source: retention.toml; arkivlagen (1990:782) 10 §, GDPR art. 15 and 5.1 e, dataskyddslagen (2018:218) 5:1.
"""

import tomllib
from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

from services.kernel.clock import STOCKHOLM
from services.kernel.life import months_after

FILE = Path(__file__).with_suffix(".toml")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Rule(_Row):
    """A record kind's clock, in whole months; `withhold`: Swedish, why a person tests it before the one it is about is told."""

    record_kind: str
    keep_months: Annotated[int, Field(ge=1)]
    withhold: str = ""
    source: str


class Retention(_Row):
    """All rules."""

    offer_lapse_months: Annotated[int, Field(ge=1)]
    rule: Annotated[tuple[Rule, ...], Strict(strict=False)]
    withheld: Mapping[str, str]

    def of(self, record_kind: str) -> Rule | None:
        """The rule of a record kind; None: kept."""
        return next((rule for rule in self.rule if rule.record_kind == record_kind), None)

    def keep_until(self, record_kind: str, last_time: datetime) -> date | None:
        """The Swedish day from which it may be erased, when nothing more happens; None without a rule."""
        rule = self.of(record_kind)
        return months_after(last_time.astimezone(STOCKHOLM).date(), rule.keep_months) if rule else None

    def why_withheld(self, record_kind: str, secrecy: Collection[str]) -> str:
        """Why a person tests it before the one it is about is told; empty when it may be told."""
        rule = self.of(record_kind)
        if rule is not None and rule.withhold:
            return rule.withhold
        return next((text for code, text in self.withheld.items() if code in secrecy), "")


def months_ago(months: int, now: datetime) -> datetime:
    """The instant at which the Swedish day began from which nothing may have happened for `months` whole months."""
    day = months_after(now.astimezone(STOCKHOLM).date(), -months)
    return datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM)


@cache
def retention() -> Retention:
    """The rules of this distribution, read once. Raises ValueError when the file is wrong."""
    return Retention.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
