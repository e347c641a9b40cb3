"""Time is passed in. Instants are aware UTC cut to whole milliseconds, so PostgreSQL, protobuf and Kafka agree on them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

STOCKHOLM = ZoneInfo("Europe/Stockholm")
SKEW_MAX = timedelta(minutes=5)
"""How far the clock of a person who says when something was done may be ahead."""


class Clock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The instant, aware UTC, whole milliseconds."""
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def today(self) -> date:
        """The Swedish calendar day; law works on these."""
        return self.now().astimezone(STOCKHOLM).date()


@dataclass
class FixedClock(Clock):
    """A clock that stands still until it is moved; for tests."""

    moment: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.moment

    def advance(self, step: timedelta) -> None:
        """Move the clock forward."""
        self.moment += step


def timestamp(moment: datetime) -> Timestamp:
    """An instant as protobuf."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def instant(message: Timestamp) -> datetime:
    """A protobuf instant as aware UTC, whole milliseconds."""
    moment = message.ToDatetime(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(day: date | None) -> str:
    """A day as YYYY-MM-DD, as the contract writes it; empty for none."""
    return "" if day is None else day.isoformat()


def rfc3339(moment: datetime) -> str:
    """An instant as RFC 3339 text in UTC with `Z` and milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
