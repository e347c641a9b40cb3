"""From the outbox to Kafka: what the relay sends and when it may.

A row leaves when its record's ground is still in force, its protection check is still valid, and nothing earlier of the same key waits.
The broker has acknowledged it before the row is deleted; a crash between the two sends the same bytes with the same id again.
"""

import ssl
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError

from services.kernel.config import Kafka
from services.kernel.log import log
from services.kernel.records import BUCKETS
from services.sharing.domain import Status

ACK_TIMEOUT_S = 20
CLAIM = """
WITH due AS (
    SELECT o.seq, o.key, o.event_id, o.next_time, m.disclosure_id, m.topic, m.record_key, m.value, m.headers,
        (m.ground_last_date IS NULL OR m.ground_last_date >= (now() AT TIME ZONE 'Europe/Stockholm')::date)
        AND (m.protection_valid_until IS NULL OR m.protection_valid_until > now()) AND o.next_time <= now() AS may_go
    FROM {table} o JOIN message m USING (event_id)
    WHERE o.bucket = ANY(%(buckets)s)
    ORDER BY o.seq LIMIT %(limit)s)
SELECT * FROM due d WHERE d.may_go AND NOT EXISTS (SELECT 1 FROM due e WHERE e.key = d.key AND e.seq < d.seq AND NOT e.may_go)
ORDER BY d.seq
"""
SENT = """
WITH done AS (
    SELECT m.event_id, m.disclosure_id, d.record_id, u.mark, u.notice
    FROM unnest(%(events)s::uuid[], %(marks)s::uuid[], %(notices)s::uuid[]) AS u (event_id, mark, notice)
    JOIN message m USING (event_id) JOIN disclosure d ON d.id = m.disclosure_id),
marked AS (
    INSERT INTO disclosure_event (id, disclosure_id, status, rank, occurred_time, details)
    SELECT mark, disclosure_id, %(status)s, %(rank)s, now(), '{{}}' FROM done ON CONFLICT DO NOTHING RETURNING 1),
told AS (
    INSERT INTO feedback (event_id, key, bucket, kind, payload, next_time)
    SELECT notice, record_id, ('x' || right(replace(record_id::text, '-', ''), 4))::bit(16)::int %% {buckets}, 'outcome',
        jsonb_build_object('disclosure_event_id', mark), now() FROM done ON CONFLICT DO NOTHING RETURNING 1)
DELETE FROM message WHERE event_id = ANY(%(events)s)
"""


def producer(config: Kafka) -> KafkaProducer:
    """An idempotent producer that waits for all replicas. It raises KafkaError when the broker cannot be reached."""
    return KafkaProducer(
        bootstrap_servers=config.bootstrap_servers,
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=config.username,
        sasl_plain_password=config.password_file.read_text(encoding="utf-8").strip(),
        ssl_context=ssl.create_default_context(cafile=str(config.ca_file)),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        batch_size=128 * 1024,
        client_id="relay",
    )


class Publisher:
    """Sends rows and notes that they were sent."""

    def __init__(self, conninfo: str, config: Kafka) -> None:
        """Both connections are made at the first row, and made again after a failure."""
        self._conninfo = conninfo
        self._config = config
        self._producer: KafkaProducer | None = None
        self._database: psycopg.Connection[Any] | None = None

    def deliver(self, rows: Sequence[Any]) -> Iterable[int]:
        """Send in order; the `seq` of those that the broker acknowledged and that are noted as sent."""
        if self._producer is None:
            self._producer = producer(self._config)
        acknowledged = self.send(self._producer, rows)
        self.note_sent([row for row in rows if row.seq in acknowledged])
        if len(acknowledged) < len(rows):
            self.close()
        return acknowledged

    @staticmethod
    def send(kafka: KafkaProducer, rows: Sequence[Any]) -> set[int]:
        """Hand all rows over, wait for the broker; the `seq` of those it acknowledged, of each key up to its first failure."""
        futures = []
        for row in rows:
            headers = [(name, value.encode("ascii")) for name, value in row.headers]
            futures.append((row, kafka.send(row.topic, key=row.record_key, value=row.value, headers=headers)))
        kafka.flush(timeout=ACK_TIMEOUT_S)
        acknowledged: set[int] = set()
        failed: set[object] = set()
        for row, future in futures:
            try:
                future.get(timeout=0)
            except KafkaError as error:
                log.warning("broker_refused", event_id=str(row.event_id), topic=row.topic, error=type(error).__name__)
                failed.add(row.key)
            if row.key not in failed:
                acknowledged.add(row.seq)
        return acknowledged

    def note_sent(self, rows: Sequence[Any]) -> None:
        """One statement: the events, the word to the owning service, and the ciphertext gone."""
        if not rows:
            return
        if self._database is None or self._database.closed:
            self._database = psycopg.connect(self._conninfo, autocommit=True)
        events = [row.event_id for row in rows]
        self._database.execute(
            SENT.format(buckets=BUCKETS),
            {
                "events": events,
                "marks": [uuid5(NAMESPACE_URL, f"sent/{event}") for event in events],
                "notices": [uuid5(NAMESPACE_URL, f"sent-notice/{event}") for event in events],
                "status": Status.SENT,
                "rank": Status.SENT.rank,
            },
        )

    def close(self) -> None:
        """Let both connections go."""
        if self._producer is not None:
            self._producer.close(timeout=1)
            self._producer = None
        if self._database is not None:
            self._database.close()
            self._database = None
