"""What a step in a record's life counts as in the statistics (workflows 10; the indicators are in statistics.toml)."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from services.kernel.statistics import Happened, Plan
from services.registry.domain import alert as alerts
from services.registry.domain import payment as payments
from services.registry.domain.alert import Alert
from services.registry.domain.payment import Payment, WhoseFault

ASSESSED = frozenset(
    {alerts.State.ASSESSED, alerts.State.NO_ACTION, alerts.State.REFERRED_TO_LANDLORD, alerts.State.LINKED_TO_PAYMENT_CASE}
)
ERRORS = frozenset({payments.State.ERROR_NO_RECOVERY, payments.State.ERROR_RECOVERY, payments.State.AUTHORITY_ERROR})
DAY_S = 86_400


@cache
def plan() -> Plan:
    """The registry's indicators."""
    return Plan.read(Path(__file__).with_suffix(".toml"))


def of_alert(alert: Alert, steps: list[tuple[str | None, str, datetime]], sent_time: datetime | None) -> Iterator[Happened]:
    """What happened to an alert in a quarter; `steps` are the quarter's (from, to, when), `sent_time` when its notice went."""
    assessed = False
    for before, after, when in steps:
        if before is None:
            yield Happened("alerts_received", {"source": alert.content.report.source_kind})
        if after in ASSESSED and not assessed and alert.content.assessed is not None:
            assessed = True
            yield Happened("alerts_assessed", {"assessment": alert.content.assessed.assessment}, _days(alert.registered_time, when))
        if after == alerts.State.ACKNOWLEDGED:
            yield Happened("alerts_acknowledged", amount=_days(sent_time, when) if sent_time else None)
        if after == alerts.State.CLOSED:
            yield Happened("alerts_closed", amount=_days(alert.registered_time, when))


def of_payment(payment: Payment, steps: list[tuple[str, str | None, str]]) -> Iterator[Happened]:
    """What happened to a suspected payment in a quarter; `steps` are the quarter's (track, from, to)."""
    flag, decision, recovery = payment.content.flag, payment.content.decision, payment.content.recovery
    confirmed = decision.confirmed_amount_sek if decision else None
    recovered = recovery.amount_sek if recovery else None
    prevented = None
    if decision and decision.prevented_amount_sek is not None and decision.prevented_months is not None:
        prevented = decision.prevented_amount_sek * decision.prevented_months
    fault = decision.fault if decision and decision.fault else WhoseFault.AUTHORITY
    error = (Happened("errors_found", {"fault": fault}, confirmed), *([Happened("prevented", amount=prevented)] if prevented else []))
    counts: dict[tuple[str, str], tuple[Happened, ...]] = {
        ("police", payments.Police.FILED): (Happened("police_reports", amount=confirmed),),
        ("", payments.State.INVESTIGATION_OPEN): (Happened("payments_opened"),),
        ("", payments.State.NO_ERROR): (Happened("no_error_decided"),),
        ("", payments.State.RECOVERY_DECIDED): (Happened("recovery_decided", amount=recovered),),
        ("", payments.State.PAID): (Happened("paid_back", amount=recovered),),
        **{("", state): error for state in ERRORS},
    }
    for track, before, after in steps:
        if before is None:
            yield Happened("payments_flagged", {"impulse": flag.impulse_source, "cause": next(iter(flag.causes), "")})
        elif before != after:  # else told again, or more methods
            yield from counts.get((track, after), ())


def _days(start: datetime, end: datetime) -> Decimal:
    return Decimal(round((end - start).total_seconds())) / DAY_S
