"""The day of an operation as an .ics file (RFC 5545) that a coordinator downloads and sends on.

Such a file ends up in mail systems and calendars that others read, and the plan is secret (OSL 17:1). So it holds only the open facts
that every invited authority is told (sharing-matrix 4.1, set INV): the label and the Swedish days. No time of day, no place, no
assembly point, no object, no person: those who come find the rest in los.
"""

from datetime import datetime, timedelta

from icalendar import Calendar, Event

from services.controls.domain.operations import Operation, State

TENTATIVE = frozenset({State.DRAFT, State.PLANNED})
OFF = frozenset({State.CANCELLED, State.POSTPONED})


def invitation_file(operation: Operation, now: datetime) -> bytes:
    """The file. The same UID with a higher SEQUENCE takes the place of an earlier one; one that is cancelled or postponed takes it away."""
    cancelled = operation.state in OFF
    first, last = operation.plan.days
    event = Event()
    event.add("uid", f"{operation.id}@los")
    event.add("dtstamp", now)
    event.add("sequence", operation.revision)
    event.add("dtstart", first)
    event.add("dtend", last + timedelta(days=1))
    event.add("summary", operation.label)
    event.add("description", "Se los.")
    event.add("class", "CONFIDENTIAL")
    event.add("status", "CANCELLED" if cancelled else "TENTATIVE" if operation.state in TENTATIVE else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//los//los//SV")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content
