"""Decided and sealed rows for the benchmarks of the relay, and its configuration against a stack's parts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from infra import secrets
from infra.folder import write_toml
from infra.stack import Stack
from partner.contract import example
from services.kernel.ids import new_id
from services.kernel.records import BUCKETS
from services.sharing.sealing import Event, Keys, SealedRecord, seal_event

AGENCY = "skatteverket"
TOPIC = f"los.share.{AGENCY}.v1"
KIND, RECEIVER, GROUND = "folkbokforing_alert", "skatteverket-folkbokforing", "fol-32c-2021"


class Sealed(NamedTuple):
    """A record and the key of its stream, which it is alone on."""

    key: UUID
    record: SealedRecord


def sealed(count: int, running: Stack) -> list[Sealed]:
    """So many records, as a partner can open them."""
    folder = running.folder
    keys = Keys.load(secrets.signing_file(folder), secrets.encryption_file(folder), secrets.receivers_file(folder))
    return [_sealed(uuid4(), keys) for _ in range(count)]


def _sealed(key: UUID, keys: Keys) -> Sealed:
    now, disclosure_id = datetime.now(UTC), new_id()
    content = json.dumps(example(KIND, RECEIVER, "shared", str(disclosure_id)), ensure_ascii=False, sort_keys=True).encode()
    expiry = now + timedelta(days=14)
    event = Event(new_id(), secrets.KOMMUN_CODE, KIND, "shared", RECEIVER, key, 1, disclosure_id, now, now, expiry, secret=False)
    return Sealed(key, seal_event(event, content, keys))


def relay_config(running: Stack) -> Path:
    """The relay's configuration file, with its own principal."""
    folder = running.folder
    path = folder.root / "relay.toml"
    write_toml(
        path,
        {
            "environment": "local",
            "database_url": f"postgresql://sharing@127.0.0.1:{running.postgres.port}/los",
            "database_password_file": str(folder.password_file("postgres-sharing")),
            "kafka": {
                "bootstrap_servers": running.kafka.bootstrap_servers,
                "username": "relay",
                "password_file": str(folder.password_file("kafka-relay")),
                "ca_file": str(folder.tls / "ca.crt"),
            },
        },
    )
    return path


class Table(NamedTuple):
    """Rows of a table."""

    name: str
    columns: Sequence[str]
    rows: list[tuple[Any, ...]]


def rows(records: Sequence[Sealed]) -> list[Table]:
    """What a decision on each of them leaves."""
    now = datetime.now(UTC)
    made = [(new_id(), new_id(), one) for one in records]
    same = {
        "record_kind": KIND, "receiver_kind": RECEIVER, "agency": AGENCY, "unit": "KLF", "ground_id": GROUND, "ground_digest": "d",
        "decision_by": "officer+second", "fields": [], "secrecy": [], "payload_hash": "h", "decided_by": "p", "decided_time": now,
        "decided_role": "alert_officer",
        "delegation_reference": "4.2", "task": "", "flow": "", "data_key": b"k", "payload": b"p", "written": b"w",
    }  # fmt: skip
    headers = [Jsonb([[name, value.decode()] for name, value in one.record.headers]) for one in records]
    return [
        Table(
            "disclosure",
            ("id", "offer_id", "record_id", "key", *same),
            [(disclosure, uuid4(), uuid4(), one.key, *same.values()) for disclosure, _, one in made],
        ),
        Table(
            "message",
            ("event_id", "disclosure_id", "topic", "record_key", "value", "headers", "deciders"),
            [
                (event, disclosure, TOPIC, one.record.key, one.record.value, header, ["p/alert_officer/KLF", "q/approver/KLF"])
                for (disclosure, event, one), header in zip(made, headers, strict=True)
            ],
        ),
        Table(
            "outbox",
            ("event_id", "key", "bucket", "kind", "payload", "next_time"),
            [(event, one.key, one.key.int % BUCKETS, "share", Jsonb({}), now) for _, event, one in made],
        ),
    ]


def empty(database: psycopg.Connection[Any]) -> None:
    """Away with what an earlier round left."""
    database.execute("TRUNCATE outbox, feedback, message, disclosure, disclosure_event, sent_event")


def fill(database: psycopg.Connection[Any], records: Sequence[Sealed]) -> None:
    """Many at a time; the caller commits."""
    for table in rows(records):
        names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        with database.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)) as copy:
            for row in table.rows:
                copy.write_row(row)


def commit_one(database: psycopg.Connection[Any], one: Sealed) -> None:
    """One decision, in one pipeline with its commit."""
    with database.pipeline():
        for table in rows([one]):
            names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            values = sql.SQL(", ").join([sql.Placeholder()] * len(table.columns))
            database.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table.name), names, values), table.rows[0])
        database.commit()
