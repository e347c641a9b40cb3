"""What the pages of operations have in common: who may, days and clocks of a form, and an operation that has changed meanwhile."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from los.controls.v1 import controls_pb2 as pb
from los.controls.v1.controls_pb2_grpc import ControlsServiceStub

from services.gateway import controls_words as words
from services.gateway.door import Door, Who
from services.gateway.forms import Sent, asked
from services.gateway.web import PAGES, go_to
from services.gateway.words import word
from services.kernel.callers import Role
from services.kernel.clock import STOCKHOLM, instant, timestamp
from services.kernel.errors import Conflict, Invalid
from services.kernel.identity import OrgNumber
from services.kernel.reference import reference

COORDINATOR = frozenset({Role.LOS_COORDINATOR})
LEADS = frozenset({Role.LOS_COORDINATOR, Role.INSPECTOR})
NUMBER_MAX = 2**31 - 1
Act = Callable[[ControlsServiceStub], object]
Show = Callable[[Who, Sent, int], Response]
# How the contract names what a form has one of.
FIELDS: Mapping[str, str] = {
    "planned_start": "starts",
    "planned_end": "ends",
    "occurred_time": "clock",
    "received_time": "received_day",
    "police_consulted_time": "police_consulted_day",
    "forwarded_time": "forwarded_day",
}


class Frame:
    """Who asks, and one way to do something and come back."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def _controls(self, who: Who) -> ControlsServiceStub:
        return self._door.services(who).controls

    def _operation(self, who: Who, operation_id: UUID) -> pb.GetOperationResponse:
        return self._controls(who).GetOperation(pb.GetOperationRequest(operation_id=str(operation_id)))

    def _seen(self, op: pb.GetOperationResponse) -> list[tuple[str, str]]:
        """What a form about an operation was opened with: how it stands, who has answered, who was last there."""
        answered = [row for row in op.participations if row.answer]
        return [
            ("Läge", words.OPERATIONS.get(op.state, "")),
            ("När", hours(op.planned_start, op.planned_end)),
            ("Syfte", op.purpose),
            ("Samlingsplats", op.assembly_point),
            ("Säkerhetskod", op.safety_code),
            ("Åtgärder mot risk", op.risk_measures),
            ("Objekt", ", ".join(place(visit.object) for visit in op.visits)),
            ("Inbjudna", ", ".join(words.party(row.receiver_kind) for row in op.participations)),
            ("Har svarat", ", ".join(words.party(row.receiver_kind) for row in answered)),
            ("Återrapport från", ", ".join(words.party(row.party) for row in op.summaries)),
            ("Senaste steg av", self._door.last_there(op.history)),
        ]

    def _done(self, request: Request, roles: Iterable[Role], form: Sent, act: Act, show: Show, path: str) -> Response:
        """Do it and see `path`; what is wrong is shown by `show`, with all that was written."""
        who = self._door.allowed(request, roles, form)
        try:
            asked(lambda: act(self._controls(who)))
        except Invalid as problem:
            return show(who, told(form, problem), 400)
        except Conflict as problem:
            return show(who, told(form, problem), 409)
        return go_to(path)


def told(form: Sent, problem: Invalid | Conflict) -> Sent:
    """What was filled in with what is wrong, at the field as a form has it."""
    wrong = form.wrong(problem)
    return wrong.at(FIELDS.get(wrong.field, wrong.field))


def named(form: Sent, record_id: UUID, field: str = "operation_id") -> dict[str, Any]:
    """What each change of something names: the request, the thing, in its field of the contract, and what it looked like."""
    return {"request_id": form.request_id, field: str(record_id), "etag": form.text("etag")}


def span(form: Sent) -> tuple[Timestamp, Timestamp]:
    """The day with its hours; an end that is not after the start is after midnight. Raises Invalid."""
    day = day_in(form, "day")
    starts, ends = (clock_in(form, name) for name in ("starts", "ends"))
    last = day if ends > starts else day + timedelta(days=1)
    return at(day, starts), at(last, ends)


def day_in(form: Sent, name: str) -> date:
    """A day. Raises Invalid."""
    try:
        return date.fromisoformat(form.text(name))
    except ValueError:
        raise Invalid(f"{name}: ange en dag.") from None


def clock_in(form: Sent, name: str) -> time:
    """A time of day. Raises Invalid."""
    try:
        return time.fromisoformat(form.text(name)).replace(tzinfo=None)
    except ValueError:
        raise Invalid(f"{name}: ange ett klockslag, till exempel 18:30.") from None


def at(day: date, clock: time) -> Timestamp:
    """A Swedish day and clock as an instant."""
    return timestamp(datetime.combine(day, clock, STOCKHOLM))


def local(value: Timestamp) -> datetime:
    """An instant by Swedish clocks."""
    return instant(value).astimezone(STOCKHOLM)


def whole(value: str) -> int | None:
    """A whole number that the contract has room for, or None for an empty text. Raises ValueError."""
    if not value:
        return None
    number = int(value)
    if abs(number) > NUMBER_MAX:
        raise ValueError
    return number


def hours(start: Timestamp, end: Timestamp) -> str:
    """The day and hours of an operation as they are read."""
    first, last = local(start), local(end)
    day = "" if first.date() == last.date() else f"{last.date().isoformat()} "
    return f"{first:%Y-%m-%d} kl. {first:%H:%M}–{day}{last:%H:%M}"


def place(row: pb.ControlObject) -> str:
    """What an object is called: its sign, its company, or the address alone."""
    return row.trading_name or row.company_name or row.street_address


def address(row: pb.ControlObject) -> str:
    """Where an object is."""
    return ", ".join(
        part for part in (row.street_address, f"{row.postal_code[:3]}\u00a0{row.postal_code[3:]} {row.city}".strip(), row.district) if part
    )


def may_be_a_home(row: pb.ControlObject) -> bool:
    """Whether an object may be where somebody lives: an enskild firma, or no company that we know of. Unknown means protected."""
    return not row.org_number or OrgNumber.parse(row.org_number).is_personal


def on_map(row: pb.ControlObject) -> bool:
    """Whether a map may show where an object is: the place is known, and it is nobody's home."""
    return row.HasField("north_m") and row.HasField("east_m") and not may_be_a_home(row)


PAGES.filters |= {
    "operation_state": lambda state: words.OPERATIONS.get(state, ""),
    "visit_state": lambda state: words.VISITS.get(state, ""),
    "tip_state": lambda state: words.TIPS.get(state, ""),
    "short": words.short,
    "party": words.party,
    "ground": words.ground,
    "outcome": lambda status: words.OUTCOMES.get(status, ""),
    "measure_state": lambda state: words.MEASURES.get(state, ""),
    "control_step": words.step,
    "overdue": lambda code: words.OVERDUE.get(code, code),
    "suspicions": lambda codes: ", ".join(word(reference().suspicion_types, code) for code in codes),
    "tip_source": lambda code: word(reference().tip_sources, code),
    "place": place,
    "address": address,
    "clock": lambda value: f"{local(value):%H:%M}",
}
PAGES.tests |= {"on_map": on_map, "told_by_hand": words.answered_by_hand}
