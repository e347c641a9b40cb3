"""The tables that every service has, and the acts on them: audit, request ids, history, outbox."""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Protocol, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.callers import Caller
from services.kernel.clock import Clock
from services.kernel.db import Database, Row, Transaction
from services.kernel.errors import Conflict, ConflictReason, Failure
from services.kernel.ids import new_id
from services.kernel.vault import Vault

BUCKETS = 64
INSTANT = DateTime(timezone=True)


def audit_table(metadata: MetaData) -> Table:
    """Who did what to which record. The service's role may only INSERT and SELECT."""
    return Table(
        "audit",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("occurred_time", INSTANT, nullable=False),
        Column("event", Text, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("service", Text, nullable=False),
        Column("person", Text),
        Column("role", Text),
        Column("unit", Text),
        Column("object_kind", Text),
        Column("object_id", Uuid),
        Column("details", JSONB, nullable=False),
    )


def request_table(metadata: MetaData) -> Table:
    """Answers already given, so that the same request again has the same answer and one effect (design 14)."""
    return Table(
        "request",
        metadata,
        Column("principal", Text, primary_key=True),
        Column("method", Text, primary_key=True),
        Column("request_id", Uuid, primary_key=True),
        Column("body_hash", LargeBinary, nullable=False),
        Column("answer", LargeBinary, nullable=False),
        Column("created_time", INSTANT, nullable=False),
    )


def history_table(metadata: MetaData) -> Table:
    """Every step of a record from state to state; appended, never edited."""
    return Table(
        "history",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("record_kind", Text, nullable=False),
        Column("record_id", Uuid, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("from_state", Text),
        Column("to_state", Text, nullable=False),
        Column("occurred_time", INSTANT, nullable=False),
        Column("person", Text),
        Index("history_record", "record_id", "revision"),
        Index("history_happened", "record_kind", "occurred_time"),
    )


def outbox_table(metadata: MetaData, name: str = "outbox") -> Table:
    """What is promised and not yet accepted by the other side. Ids only: content is built when it is sent."""
    return Table(
        name,
        metadata,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Uuid, nullable=False, unique=True),
        Column("key", Uuid, nullable=False),
        Column("bucket", SmallInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("next_time", INSTANT, nullable=False),
        Index(f"{name}_key", "key", "seq"),
        Index(f"{name}_bucket", "bucket", "seq"),
    )


# The first form of these tables, for each service's first migration. A later change is a migration of its own.
FIRST = """
CREATE TABLE audit (
    id uuid PRIMARY KEY, occurred_time timestamptz NOT NULL, event text NOT NULL, outcome text NOT NULL, service text NOT NULL,
    person text, role text, unit text, object_kind text, object_id uuid, details jsonb NOT NULL);
CREATE TABLE request (
    principal text NOT NULL, method text NOT NULL, request_id uuid NOT NULL, body_hash bytea NOT NULL, answer bytea NOT NULL,
    created_time timestamptz NOT NULL, PRIMARY KEY (principal, method, request_id));
CREATE TABLE history (
    id uuid PRIMARY KEY, record_kind text NOT NULL, record_id uuid NOT NULL, revision bigint NOT NULL, from_state text,
    to_state text NOT NULL, occurred_time timestamptz NOT NULL, person text);
CREATE INDEX history_record ON history (record_id, revision);
GRANT SELECT, INSERT ON audit, request, history TO {role};
"""
# An outbox; a service may have one for each other side it promises to.
OUTBOX = """
CREATE TABLE {table} (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid NOT NULL UNIQUE, key uuid NOT NULL, bucket smallint NOT NULL,
    kind text NOT NULL, payload jsonb NOT NULL, attempts integer NOT NULL DEFAULT 0, next_time timestamptz NOT NULL);
CREATE INDEX {table}_key ON {table} (key, seq);
CREATE INDEX {table}_bucket ON {table} (bucket, seq);
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};
"""

# Whoever waits for rows of an outbox hears of them when they are committed (kernel/outbox.py); a statement tells once.
TELL = """
CREATE FUNCTION tell_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, '');
    RETURN NULL;
END $$;
"""
TELL_OF = "CREATE TRIGGER tell AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tell_outbox()"


class Audit(Protocol):
    """A function that writes one audit row in a transaction."""

    def __call__(  # noqa: D102
        self,
        tx: Transaction,
        event: str,
        caller: Caller,
        object_kind: str | None = None,
        object_id: UUID | None = None,
        outcome: str = "done",
        **details: object,
    ) -> None: ...


def auditor(table: Table, clock: Clock) -> Audit:
    """Writes to `table`. Details are field names, ids and codes, never values."""

    def audit(
        tx: Transaction,
        event: str,
        caller: Caller,
        object_kind: str | None = None,
        object_id: UUID | None = None,
        outcome: str = "done",
        **details: object,
    ) -> None:
        tx.insert(
            table,
            id=new_id(),
            occurred_time=clock.now(),
            event=event,
            outcome=outcome,
            service=caller.service,
            person=caller.person,
            role=caller.role,
            unit=caller.unit,
            object_kind=object_kind,
            object_id=object_id,
            details=Jsonb(details),
        )

    return audit


def refusals(database: Database, audit: Audit, service: str) -> Callable[[Caller, str, str, UUID | None], None]:
    """Writes the row of a refused call, in a transaction of its own: what was asked has been rolled back."""

    def refused(caller: Caller, method: str, reason: str, object_id: UUID | None) -> None:
        with database.transaction() as tx:
            audit(tx, f"{service}:{method}", caller, object_id=object_id, outcome="refused", reason=reason)

    return refused


def record_step(
    tx: Transaction,
    table: Table,
    record_kind: str,
    record_id: UUID,
    revision: int,
    steps: tuple[str | None, ...],
    now: datetime,
    person: str | None,
    **more: object,
) -> None:
    """Append history: `steps` are the states passed through, the first being the one before (None for a new record).

    `more`: what a service's history has in further columns.
    """
    for before, after in pairwise(steps):
        tx.insert(
            table,
            id=new_id(),
            record_kind=record_kind,
            record_id=record_id,
            revision=revision,
            from_state=before,
            to_state=after,
            occurred_time=now,
            person=person,
            **more,
        )


def enqueue(tx: Transaction, table: Table, event_id: UUID, key: UUID, kind: str, now: datetime, **ids: object) -> None:
    """Promise something to the other side: an outbox row. Order holds among rows with the same key."""
    tx.insert(
        table,
        event_id=event_id,
        key=key,
        bucket=key.int % BUCKETS,
        kind=kind,
        payload=Jsonb({name: str(value) for name, value in ids.items()}),
        next_time=now,
    )


Answer = TypeVar("Answer", bound=Message)


class Requests:
    """Runs an act once per request id (design 14)."""

    def __init__(self, database: Database, table: Table, vault: Vault, clock: Clock) -> None:
        """`table` is the service's request table; the body's hash is keyed, so a stored hash reveals no body."""
        self._database = database
        self._table = table
        self._vault = vault
        self._clock = clock

    def once(
        self,
        caller: Caller,
        request: Message,
        request_id: str,
        answer_type: type[Answer],
        act: Callable[[Transaction], Answer],
    ) -> Answer:
        """`act` in one transaction with its remembered answer; the earlier answer when the request was answered before.

        An answer that is remembered holds ids and states, nothing personal. Raises Conflict REQUEST_REUSED when the id
        came with another body, and whatever `act` raises.
        """
        method = type(request).__name__.removesuffix("Request")
        body_hash = self._vault.index(method, request.SerializeToString(deterministic=True).hex())
        try:
            with self._database.transaction() as tx:
                answer = act(tx)
                tx.insert(
                    self._table,
                    principal=caller.principal,
                    method=method,
                    request_id=UUID(request_id),
                    body_hash=body_hash,
                    answer=answer.SerializeToString(),
                    created_time=self._clock.now(),
                )
        except (UniqueViolation, Failure):
            earlier = self._earlier(caller, method, request_id)
            if earlier is None:
                raise
            if earlier.body_hash != body_hash:
                raise Conflict("request_id: numret har redan använts för en annan begäran.", reason=ConflictReason.REQUEST_REUSED) from None
            return answer_type.FromString(earlier.answer)
        return answer

    def _earlier(self, caller: Caller, method: str, request_id: str) -> Row | None:
        columns = self._table.c
        with self._database.transaction() as tx:
            return tx.one(
                select(columns.body_hash, columns.answer).where(
                    columns.principal == caller.principal,
                    columns.method == method,
                    columns.request_id == UUID(request_id),
                )
            )
