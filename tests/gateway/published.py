"""Made-up figures of last year, as the services would have published them: for tests and for whoever looks at the page."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from infra import stack

YEAR = datetime.now(UTC).year - 1
QUARTERS = ("12", None, "31", "18")
DISTRICTS = {"innerstaden": "24", "skäggetorp": "17", "ryd": "9", "berga": None, "lambohov": None}


def publish(running: stack.Stack) -> None:
    """Store them, unless they are there already."""
    with psycopg.connect(running.postgres.url()) as tables:
        for period, rows in _periods():
            tables.execute(
                "INSERT INTO controls.statistics_release (id, period, closed_time, rows) VALUES (%s, %s, now(), %s) ON CONFLICT DO NOTHING",
                (uuid4(), period, Jsonb(rows)),
            )


def _periods() -> Iterator[tuple[str, list[dict[str, object]]]]:
    for number, value in enumerate(QUARTERS, 1):
        since = f"{YEAR}-Q2" if number == 3 else ""
        yield f"{YEAR}-Q{number}", [_row(value=value, since=since)]
    by_district = [_row(breakdown="district", code=code, value=value) for code, value in DISTRICTS.items()]
    yield str(YEAR), [_row(value="61"), _row(value="12500", of_amount=True), *by_district, _row(breakdown="district", code="rest")]


def _row(**known: object) -> dict[str, object]:
    return {"indicator": "visits", "breakdown": "", "code": "", "of_amount": False, "value": None, "since": ""} | known
