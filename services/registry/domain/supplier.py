"""A check of a supplier to the kommun: what public registers said on a day, and what a person made of it. Shared with nobody.

Source: workflows 6.2, sharing-matrix 7.2. It is made once and never changed; the next check is another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.kernel import cells
from services.kernel.cells import Fault
from services.kernel.reference import reference
from services.kernel.rows import Check, Field, Form
from services.registry.domain.record import Context

RECORD_KIND = "supplier_check"


class Phase(StrEnum):
    """Before the contract, or during it."""

    BEFORE = "before"
    DURING = "during"


class Result(StrEnum):
    """What a person made of it."""

    OK = "ok"
    WATCH = "watch"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found. None: not looked up, or not asked of this supplier. Amounts in SEK; signs are reference data."""

    org_number: str = field(repr=False)
    checked_date: date
    phase: Phase
    result: Result
    f_tax: bool | None
    vat: bool | None
    employer_registered: bool | None
    tax_debt_sek: Decimal | None
    kfm_debt_sek: Decimal | None
    representatives_count: int | None
    beneficial_owner_checked: bool
    ivo_permit: bool | None
    warning_flags: tuple[str, ...]
    next_check_date: date | None


@dataclass(frozen=True, slots=True)
class SupplierCheck:
    """A check, held by the unit that made it."""

    id: UUID
    unit: str
    registered_time: datetime
    registered_by: str
    findings: Findings


def _yes_no(text: str, _: Context) -> bool:
    return cells.yes_no(text)


def _amount(text: str, _: Context) -> Decimal:
    return cells.amount(text)


def _later(values: Mapping[str, Any], _: Context) -> None:
    if values["next_check_date"] is None and values["result"] is not Result.DENY:
        raise Fault("missing")
    if values["next_check_date"] is not None and values["next_check_date"] <= values["checked_date"]:
        raise Fault("date_order")


_FIELDS: tuple[Field[Context], ...] = (
    Field("org_number", "Organisationsnummer", lambda text, _: cells.org_number(text).digits),
    Field("checked_date", "Kontrollerad", lambda text, context: cells.day(text, context.today)),
    Field("phase", "Skede", lambda text, _: Phase(text)),
    Field("result", "Resultat", lambda text, _: Result(text)),
    Field("f_tax", "F-skatt", _yes_no, needed=False, empty=None),
    Field("vat", "Moms", _yes_no, needed=False, empty=None),
    Field("employer_registered", "Arbetsgivarregistrerad", _yes_no, needed=False, empty=None),
    Field("tax_debt_sek", "Skatteskuld (kr)", _amount, needed=False, empty=None),
    Field("kfm_debt_sek", "Skuld hos Kronofogden (kr)", _amount, needed=False, empty=None),
    Field("representatives_count", "Antal företrädare", lambda text, _: cells.persons(text), needed=False, empty=None),
    Field("beneficial_owner_checked", "Verklig huvudman kontrollerad", _yes_no),
    Field("ivo_permit", "Tillstånd från IVO", _yes_no, needed=False, empty=None),
    Field("warning_flags", "Tecken", lambda text, _: cells.codes(text, reference().supplier_signs), length_max=500, needed=False, empty=()),
    Field("next_check_date", "Nästa kontroll", lambda text, _: cells.day(text, date.max), needed=False, empty=None),
)
FORM = Form(_FIELDS, (Check("next_check_date", ("checked_date", "result", "next_check_date"), _later),))


def read_findings(texts: Mapping[str, str], context: Context) -> Findings:
    """The findings in a message's fields. Raises FieldFault."""
    return Findings(**FORM.read(texts, context))
