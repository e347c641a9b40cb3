"""What can be counted of a process, for Prometheus: how much waits in an outbox, since when, and what became of what was sent.

Labels are from closed sets: the outboxes there are, and the outcomes. No ids, and nothing of a person or a record.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import psycopg
from prometheus_client import REGISTRY, Counter, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

BLOCKED_ATTEMPTS = 8
"""A row that has failed more often than this, for about four minutes, needs a person to look."""

ROWS = Counter("los_outbox_rows", "Rows of an outbox that were handed over, by what became of them", ["outbox", "outcome"])
GAUGES = (
    ("los_outbox_depth", "Rows that wait or are under way"),
    ("los_outbox_oldest_seconds", "Age of the oldest row; 0 when there is none"),
    ("los_outbox_blocked", f"Rows that were tried more than {BLOCKED_ATTEMPTS} times"),
)
# The id of an event holds the time when it was promised (UUIDv7).
READ = """
SELECT count(*),
    coalesce(extract(epoch FROM now() - (
        SELECT coalesce(uuid_extract_timestamp(event_id), next_time) FROM {table} ORDER BY seq LIMIT 1)), 0)::float,
    count(*) FILTER (WHERE attempts > %s)
FROM {table}
"""


class Outbox(Protocol):
    """What is asked about an outbox."""

    conninfo: str
    table: str

    @property
    def name(self) -> str:
        """`<schema>.<table>`."""


class Waiting(Collector):
    """Reads the outboxes when somebody asks. The whole table, so that several processes say the same: take the largest, not the sum."""

    def __init__(self, outboxes: Sequence[Outbox]) -> None:
        """Those of this process."""
        self._outboxes = {outbox.name: outbox for outbox in outboxes}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; an outbox whose database is away has none."""
        families = [GaugeMetricFamily(name, text, labels=["outbox"]) for name, text in GAUGES]
        for name, outbox in self._outboxes.items():
            try:
                with psycopg.connect(outbox.conninfo, application_name="los-metrics") as connection:
                    values = connection.execute(READ.format(table=outbox.table), [BLOCKED_ATTEMPTS]).fetchone()
            except psycopg.OperationalError:
                continue
            for family, value in zip(families, values or (), strict=True):
                family.add_metric([name], value)
        yield from families


def serve(address: str | None, outboxes: Sequence[Outbox]) -> None:
    """Answer `GET /metrics` at `address` (`host:port`) for as long as the process lives; without an address there is no endpoint."""
    if address is not None:
        host, port = address.rsplit(":", 1)
        REGISTRY.register(Waiting(outboxes))
        start_http_server(int(port), host)
