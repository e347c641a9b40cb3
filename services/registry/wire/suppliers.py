"""Checks of suppliers as messages and as domain words."""

from decimal import Decimal
from typing import Literal

from los.registry.v1 import registry_pb2 as pb

from services.kernel.clock import iso
from services.registry.domain.supplier import Findings, Phase, Result

PHASES = {phase: pb.SupplierPhase.Value(f"SUPPLIER_PHASE_{phase.name}") for phase in Phase}
RESULTS = {result: pb.SupplierResult.Value(f"SUPPLIER_RESULT_{result.name}") for result in Result}
_ANSWERS: tuple[Literal["f_tax", "vat", "employer_registered", "ivo_permit"], ...] = ("f_tax", "vat", "employer_registered", "ivo_permit")


def check_texts(message: pb.SupplierCheck) -> dict[str, str]:
    """The fields as a user could have written them, by name; what is absent is empty."""
    texts = {name: getattr(message, name) for name in ("org_number", "checked_date", "tax_debt_sek", "kfm_debt_sek", "next_check_date")}
    texts |= {name: _ja_nej(getattr(message, name)) for name in _ANSWERS if message.HasField(name)}
    texts["beneficial_owner_checked"] = _ja_nej(message.beneficial_owner_checked)
    texts["representatives_count"] = str(message.representatives_count) if message.HasField("representatives_count") else ""
    texts["warning_flags"] = ",".join(message.warning_flags)
    texts["phase"] = next(phase for phase, number in PHASES.items() if number == message.phase)
    texts["result"] = next(result for result, number in RESULTS.items() if number == message.result)
    return texts


def check_message(findings: Findings) -> pb.SupplierCheck:
    """A check with codes, digits and ISO days."""
    return pb.SupplierCheck(
        org_number=findings.org_number,
        checked_date=findings.checked_date.isoformat(),
        phase=PHASES[findings.phase],
        f_tax=findings.f_tax,
        vat=findings.vat,
        employer_registered=findings.employer_registered,
        tax_debt_sek=_text(findings.tax_debt_sek),
        kfm_debt_sek=_text(findings.kfm_debt_sek),
        representatives_count=findings.representatives_count,
        beneficial_owner_checked=findings.beneficial_owner_checked,
        ivo_permit=findings.ivo_permit,
        warning_flags=findings.warning_flags,
        result=RESULTS[findings.result],
        next_check_date=iso(findings.next_check_date),
    )


def _ja_nej(answer: bool) -> str:  # noqa: FBT001  # a value, not a switch
    return "ja" if answer else "nej"


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else str(amount)
