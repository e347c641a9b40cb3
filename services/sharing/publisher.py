"""From the outbox to Kafka: what the relay sends and when it may.

A message leaves when its ground is still in force, its protection check still valid and the roles of those who decided it still theirs;
else it lapses, which its owner is told, and never leaves. The broker has acknowledged it before the row is deleted; a crash between the
two sends the same bytes with the same id again.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg
from kafka import KafkaProducer
from kafka.errors import InvalidRecordError, InvalidTimestampError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.net.compat import KafkaNetClient
from psycopg.rows import namedtuple_row

from services.kernel.config import Kafka
from services.kernel.log import log
from services.kernel.outbox import Outbox, Outcome
from services.kernel.records import BUCKETS
from services.sharing.domain import Status

BOOTSTRAP_TIMEOUT_MS = 5_000
REQUEST_TIMEOUT_MS = 10_000
DELIVERY_TIMEOUT_MS = 20_000
ACK_TIMEOUT_S = 25
# What the broker, or its client, says of a record that it will never take; anything else it says is not the record's fault.
NEVER = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError, InvalidTimestampError)
# A message may go while its ground, its protection check and the roles of those who decided hold. What is not true here never leaves.
MAY_GO = """
(m.ground_last_date IS NULL OR m.ground_last_date >= (now() AT TIME ZONE 'Europe/Stockholm')::date)
AND (m.protection_valid_until IS NULL OR m.protection_valid_until > now())
AND NOT coalesce(m.deciders && (SELECT array_agg(holder) FROM ended_role), false)
"""
COLUMNS = f"""
claimed.seq, claimed.event_id, m.topic, m.record_key, m.value, m.headers, CASE WHEN m.event_id IS NOT NULL THEN {MAY_GO} END AS may_go,
m.usable_until <= now() AS key_ended
"""
JOIN = "LEFT JOIN message m USING (event_id)"
# Whoever takes the message away writes down why, once: what it became, and the word of it to the owning service.
NOTE = """
WITH gone AS (
    DELETE FROM message m USING outbox o WHERE o.seq = ANY(%(rows)s) AND m.event_id = o.event_id
    RETURNING m.event_id, m.disclosure_id, m.sent_status, o.attempts),
done AS (  -- an earlier attempt may have reached the broker, even if nobody could note it: then the receiver has to be told
    SELECT gone.disclosure_id,
        CASE WHEN %(sent)s THEN gone.sent_status WHEN gone.attempts = 1 THEN %(void)s ELSE %(recall)s END AS status,
        CASE WHEN NOT %(sent)s AND gone.attempts = 1 THEN %(void_rank)s WHEN NOT %(sent)s THEN %(recall_rank)s
            WHEN gone.sent_status = %(recalled)s THEN %(recalled_rank)s ELSE %(sent_rank)s END AS rank
    FROM gone),
given_back AS (  -- what never left gives its number back
    DELETE FROM sent_event s USING gone WHERE s.event_id = gone.event_id AND NOT %(sent)s AND gone.attempts = 1),
marked AS (
    INSERT INTO disclosure_event (id, disclosure_id, status, rank, occurred_time, details)
    SELECT uuidv7(), disclosure_id, status, rank, now(), CASE WHEN status = %(void)s THEN '{{"lapsed": true}}' ELSE '{{}}' END::jsonb
    FROM done RETURNING id, disclosure_id),
corrected AS (  -- what the receiver has now been told corrects what it was told before
    INSERT INTO disclosure_event (id, disclosure_id, status, rank, occurred_time, details)
    SELECT uuidv7(), old.id, %(corrected)s, %(corrected_rank)s, now(), '{{}}'
    FROM done JOIN disclosure d ON d.id = done.disclosure_id AND done.status = %(sent_status)s
        JOIN disclosure old ON old.id = ANY(d.replaces)
    WHERE %(due)s = (SELECT e.status FROM disclosure_event e WHERE e.disclosure_id = old.id ORDER BY e.rank DESC, e.id DESC LIMIT 1)
    RETURNING id, disclosure_id)
INSERT INTO feedback (event_id, key, bucket, kind, payload, next_time)
SELECT uuidv7(), d.record_id, ('x' || right(replace(d.record_id::text, '-', ''), 4))::bit(16)::int %% {buckets}, 'outcome',
    jsonb_build_object('disclosure_event_id', told.id), now()
FROM (SELECT *, 1 AS turn FROM marked UNION ALL SELECT *, 2 FROM corrected) AS told JOIN disclosure d ON d.id = told.disclosure_id
ORDER BY told.turn
"""
STATUSES = {
    "sent_status": Status.SENT, "sent_rank": Status.SENT.rank, "void": Status.VOID, "void_rank": Status.VOID.rank,
    "recall": Status.RECALL_DUE, "recall_rank": Status.RECALL_DUE.rank, "due": Status.CORRECTION_DUE,
    "recalled": Status.RECALLED, "recalled_rank": Status.RECALLED.rank,
    "corrected": Status.CORRECTED, "corrected_rank": Status.CORRECTED.rank,
}  # fmt: skip


def producer(config: Kafka) -> KafkaProducer:
    """An idempotent producer that waits for all replicas. It raises KafkaError when the broker cannot be reached."""
    made: list[KafkaNetClient] = []

    def client(**settings: Any) -> KafkaNetClient:  # noqa: ANN401  # what kafka-python hands over
        made.append(KafkaNetClient(**settings))
        return made[0]

    try:
        return KafkaProducer(
            **config.client(),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            batch_size=128 * 1024,
            bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            max_block_ms=REQUEST_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            reconnect_backoff_max_ms=1_000,
            client_id="relay",
            kafka_client=client,
        )
    except KafkaError:
        for one in made:  # kafka-python leaves the network thread of a producer that could not be made
            one.close()
            one._net.stop()  # noqa: SLF001  # there is no public way
        raise


def end(kafka: KafkaProducer) -> None:
    """Stop a producer for good: what it has not sent is given up, so that it does not leave after somebody has taken it back.

    Its own close() raises when something is unsent, and goes on trying to send that.
    """
    sender = kafka._sender  # noqa: SLF001  # there is no public way
    sender.force_close()
    sender.join(ACK_TIMEOUT_S)
    with suppress(KafkaError):
        kafka.close(timeout=0)


class Publisher:
    """Sends rows and notes that they were sent."""

    def __init__(self, conninfo: str, config: Kafka) -> None:
        """Both connections are made when they are needed, and made again after a failure."""
        self._conninfo = conninfo
        self._config = config
        self._producer: KafkaProducer | None = None
        self._database: psycopg.Connection[Any] | None = None

    def ready(self) -> bool:
        """Whether there is a broker. While there is none nothing is claimed: what has waited for it counts as never tried."""
        if self._producer is None:
            try:
                self._producer = producer(self._config)
            except KafkaError as error:
                log.warning("broker_away", error=type(error).__name__)
        return self._producer is not None

    def deliver(self, rows: Sequence[Any]) -> Iterable[tuple[int, Outcome]]:
        """Send what may go, note what was sent and what has lapsed; what became of each row."""
        if self._database is None or self._database.closed:
            self._database = psycopg.connect(self._conninfo, autocommit=True, row_factory=namedtuple_row)
        due = [row for row in rows if row.may_go and not row.key_ended]
        # One without a message has gone before, and needs no note: a crash came between that note and the end of the row.
        outcomes = dict.fromkeys((row.seq for row in rows if not row.may_go), Outcome.DONE)
        # What has a key that is of no use waits until it has been sealed again (renewal.py).
        outcomes |= dict.fromkeys((row.seq for row in rows if row.may_go and row.key_ended), Outcome.REFUSED)
        self._note([row.seq for row in rows if row.may_go is False], sent=False)
        if due:
            assert self._producer is not None  # noqa: S101  # asked for before the rows were claimed
            outcomes |= self.send(self._producer, due)
        self._note([row.seq for row in due if outcomes[row.seq] is Outcome.DONE], sent=True)
        if Outcome.AWAY in outcomes.values():
            self.close()
        return outcomes.items()

    @staticmethod
    def send(kafka: Any, rows: Sequence[Any]) -> Mapping[int, Outcome]:  # noqa: ANN401  # kafka-python has no types
        """Hand all rows over, wait for the broker; what it said of each."""
        outcomes: dict[int, Outcome] = {}
        futures = []
        away: set[str] = set()  # topics that the broker told nothing of: the client waits for long before it says so
        for row in rows:
            try:
                if row.topic in away:
                    outcomes[row.seq] = Outcome.AWAY
                else:
                    headers = [(name, value.encode("ascii")) for name, value in row.headers]
                    futures.append((row, kafka.send(row.topic, key=row.record_key, value=row.value, headers=headers)))
            except (KafkaError, ValueError, TypeError) as error:
                outcomes[row.seq] = _outcome(row, error)
                if outcomes[row.seq] is Outcome.AWAY:
                    away.add(row.topic)
        with suppress(KafkaError):
            kafka.flush(timeout=ACK_TIMEOUT_S)
        for row, future in futures:
            try:
                future.get(timeout=0)
            except KafkaError as error:
                outcomes[row.seq] = _outcome(row, error)
            else:
                outcomes[row.seq] = Outcome.DONE
        return outcomes

    def _note(self, rows: Sequence[int], *, sent: bool) -> None:
        """One statement: the ciphertext gone, what became of it, and the word to the owning service."""
        if rows and self._database is not None:
            self._database.execute(NOTE.format(buckets=BUCKETS), STATUSES | {"rows": rows, "sent": sent})

    def close(self) -> None:
        """Let both connections go."""
        if self._producer is not None:
            end(self._producer)
            self._producer = None
        if self._database is not None:
            self._database.close()
            self._database = None


def _outcome(row: Any, error: Exception) -> Outcome:  # noqa: ANN401  # a row
    """Whose fault it is that a row was not sent."""
    outcome = Outcome.REFUSED if isinstance(error, (*NEVER, ValueError, TypeError)) else Outcome.AWAY
    log.warning("row_not_sent", event_id=str(row.event_id), error=type(error).__name__, reason=outcome)
    return outcome


class Sending:
    """One loop of the relay: an outbox of its own, and a producer of its own. Several of them share the buckets as several relays do."""

    def __init__(self, conninfo: str, config: Kafka) -> None:
        """It connects when it runs."""
        self.publisher = Publisher(conninfo, config)
        self.outbox = Outbox(conninfo, self.publisher.deliver, columns=COLUMNS, join=JOIN, ready=self.publisher.ready)

    def run(self) -> None:
        """Send until stopped."""
        try:
            self.outbox.run()
        finally:
            self.publisher.close()

    def stop(self) -> None:
        """End after the round that is under way."""
        self.outbox.stop()
