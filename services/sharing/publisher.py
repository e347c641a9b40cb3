"""From the outbox to Kafka: what the relay sends and when it may.

A message leaves when its ground is still in force and its protection check still valid; else it lapses, which its owner is told, and
never leaves. The broker has acknowledged it before the row is deleted; a crash between the two sends the same bytes with the same id
again.
"""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError
from psycopg.rows import namedtuple_row

from services.kernel.config import Kafka
from services.kernel.log import log
from services.kernel.records import BUCKETS
from services.sharing.domain import Status

ACK_TIMEOUT_S = 20
MESSAGES = """
SELECT event_id, topic, record_key, value, headers,
    (ground_last_date IS NULL OR ground_last_date >= (now() AT TIME ZONE 'Europe/Stockholm')::date)
    AND (protection_valid_until IS NULL OR protection_valid_until > now()) AS may_go,
    usable_until <= now() AS key_ended
FROM message WHERE event_id = ANY(%(events)s)
"""
NOTE = """
WITH done AS (
    SELECT m.event_id, m.disclosure_id, d.record_kind, d.record_id, d.receiver_kind, u.mark, u.notice, u.status, u.rank
    FROM unnest(%(events)s::uuid[], %(marks)s::uuid[], %(notices)s::uuid[], %(statuses)s::text[], %(ranks)s::smallint[])
        AS u (event_id, mark, notice, status, rank)
    JOIN message m USING (event_id) JOIN disclosure d ON d.id = m.disclosure_id),
marked AS (
    INSERT INTO disclosure_event (id, disclosure_id, status, rank, occurred_time, details)
    SELECT mark, disclosure_id, status, rank, now(), CASE WHEN status = 'void' THEN '{{"lapsed": true}}' ELSE '{{}}' END::jsonb
    FROM done ON CONFLICT DO NOTHING RETURNING 1),
corrected AS (  -- what the receiver has now been told corrects what it was told before
    INSERT INTO disclosure_event (id, disclosure_id, status, rank, occurred_time, details)
    SELECT gen_random_uuid(), d.id, %(corrected)s, %(corrected_rank)s, now(), '{{}}'
    FROM done JOIN disclosure d ON d.id <> done.disclosure_id AND done.status = 'sent'
        AND (d.record_kind, d.record_id, d.receiver_kind) = (done.record_kind, done.record_id, done.receiver_kind)
    WHERE %(due)s = (SELECT e.status FROM disclosure_event e WHERE e.disclosure_id = d.id ORDER BY e.rank DESC, e.id DESC LIMIT 1)
    RETURNING id, disclosure_id),
told AS (
    INSERT INTO feedback (event_id, key, bucket, kind, payload, next_time)
    SELECT notice, record_id, ('x' || right(replace(record_id::text, '-', ''), 4))::bit(16)::int %% {buckets}, 'outcome',
        jsonb_build_object('disclosure_event_id', mark), now()
    FROM (SELECT notice, record_id, mark FROM done
        UNION ALL SELECT gen_random_uuid(), d.record_id, c.id FROM corrected c JOIN disclosure d ON d.id = c.disclosure_id) AS told
    ON CONFLICT DO NOTHING RETURNING 1)
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
        """Send in order what may go; the `seq` of what is done with: sent and noted, lapsed and noted, or gone before."""
        if self._database is None or self._database.closed:
            self._database = psycopg.connect(self._conninfo, autocommit=True, row_factory=namedtuple_row)
        found = self._database.execute(MESSAGES, {"events": [row.event_id for row in rows]}).fetchall()
        messages = {message.event_id: message for message in found}
        lapsed = [row for row in rows if row.event_id in messages and not messages[row.event_id].may_go]
        # An earlier attempt may have reached the broker, even if nobody could note it: then the receiver has to be told.
        self._note(self._database, {row.event_id: Status.VOID if row.attempts == 1 else Status.RECALL_DUE for row in lapsed})
        going = [row for row in rows if row.event_id in messages and messages[row.event_id].may_go]
        # What is to be sealed again waits, and all behind it of the same key.
        ended = {row.seq: row.key for row in going if messages[row.event_id].key_ended}
        due = [row for row in going if not any(key == row.key and seq <= row.seq for seq, key in ended.items())]
        if due and self._producer is None:
            self._producer = producer(self._config)
        acknowledged = self.send(self._producer, due, messages) if due else set()
        self._note(self._database, {row.event_id: Status.SENT for row in due if row.seq in acknowledged})
        if len(acknowledged) < len(due):
            self.close()
        return {row.seq for row in rows} - {row.seq for row in going} | acknowledged

    @staticmethod
    def send(kafka: Any, rows: Sequence[Any], messages: Mapping[UUID, Any]) -> set[int]:  # noqa: ANN401  # kafka-python has no types
        """Hand all rows over, wait for the broker; the `seq` of those it acknowledged, of each key up to its first failure."""
        futures = []
        for row in rows:
            message = messages[row.event_id]
            headers = [(name, value.encode("ascii")) for name, value in message.headers]
            futures.append((row, kafka.send(message.topic, key=message.record_key, value=message.value, headers=headers)))
        kafka.flush(timeout=ACK_TIMEOUT_S)
        acknowledged: set[int] = set()
        failed: set[object] = set()
        for row, future in futures:
            try:
                future.get(timeout=0)
            except KafkaError as error:
                log.warning("broker_refused", event_id=str(row.event_id), error=type(error).__name__)
                failed.add(row.key)
            if row.key not in failed:
                acknowledged.add(row.seq)
        return acknowledged

    @staticmethod
    def _note(database: psycopg.Connection[Any], statuses: Mapping[UUID, Status]) -> None:
        """One statement: the events, the word to the owning service, and the ciphertext gone."""
        if statuses:
            database.execute(
                NOTE.format(buckets=BUCKETS),
                {
                    "events": list(statuses),
                    "marks": [uuid5(NAMESPACE_URL, f"{status}/{event}") for event, status in statuses.items()],
                    "notices": [uuid5(NAMESPACE_URL, f"{status}-notice/{event}") for event, status in statuses.items()],
                    "statuses": list(statuses.values()),
                    "ranks": [status.rank for status in statuses.values()],
                    "due": Status.CORRECTION_DUE,
                    "corrected": Status.CORRECTED,
                    "corrected_rank": Status.CORRECTED.rank,
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
