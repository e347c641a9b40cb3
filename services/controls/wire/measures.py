"""Measures as messages."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from los.controls.v1 import findings_pb2 as pb

from services.controls.domain.measures import Measure, State, Terms, Told
from services.controls.wire.days import day_from, iso
from services.kernel import cells
from services.kernel.cells import Fault
from services.kernel.clock import timestamp
from services.kernel.errors import Invalid

STATES: Mapping[State, pb.MeasureState.ValueType] = {state: pb.MeasureState.Value(f"MEASURE_STATE_{state.name}") for state in State}
_STATE_OF = {message: state for state, message in STATES.items()}


def state_from(message: pb.MeasureState.ValueType, unsaid: State) -> State:
    """The state that is asked for, or what stands when nothing is said."""
    return _STATE_OF.get(message, unsaid)


def terms_from(message: pb.MeasureTerms) -> Terms:
    """What is known of a measure. Raises Invalid, field first."""
    return Terms(
        _amount(message.amount_sek),
        day_from("decided_date", message.decided_date),
        message.diary_no,
        day_from("follow_up_date", message.follow_up_date),
        message.tells_coordinator,
    )


def told_from(message: pb.ToldTerms) -> tuple[Terms, Told]:
    """What an authority outside has told: amount and date, and who told it. Raises Invalid, field first."""
    told_date = day_from("told_date", message.told_date)
    if told_date is None:
        raise Invalid("told_date: uppgiften saknas.")
    return Terms(_amount(message.amount_sek), day_from("decided_date", message.decided_date), tells=True), Told(message.told_by, told_date)


def measure_message(kept: Measure, today: date) -> pb.Measure:
    """A measure, for its own unit."""
    terms = kept.terms
    message = told_message(kept)
    message.terms.CopyFrom(
        pb.MeasureTerms(
            amount_sek=_text(terms.amount_sek),
            decided_date=iso(terms.decided_date),
            diary_no=terms.diary_no,
            follow_up_date=iso(terms.follow_up_date),
            tells_coordinator=terms.tells,
        )
    )
    message.overdue = kept.is_overdue(today)
    return message


def told_message(kept: Measure) -> pb.Measure:
    """What the coordinator learns of a measure that its owner tells of: type, state, amount, date (workflows 4.4)."""
    message = pb.Measure(
        measure_id=str(kept.id),
        etag=str(kept.revision),
        visit_id=str(kept.visit_id),
        authority=kept.authority,
        measure_type=kept.measure_type,
        state=STATES[kept.state],
        terms=pb.MeasureTerms(amount_sek=_text(kept.terms.amount_sek), decided_date=iso(kept.terms.decided_date), tells_coordinator=True),
        registered_time=timestamp(kept.registered_time),
    )
    if kept.told is not None:
        message.told_by, message.told_date = kept.told.by, kept.told.date.isoformat()
    return message


def _amount(text: str) -> Decimal | None:
    try:
        return cells.amount(text) if text else None
    except Fault as fault:
        raise Invalid(f"amount_sek: {fault.text}") from None


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else str(amount)
