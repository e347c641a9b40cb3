"""`relay`: rows sealed beforehand, until the broker has acknowledged them and the outbox is empty, against a bare producer.

Both with the relay's own principal over TLS and SCRAM, idempotent, acks=all, the same bytes, each in a process of its own.
"""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from bench.harness import Result, alternate
from bench.sender import ROWS, WARM_ROWS
from infra import secrets, stack
from infra.folder import write_toml
from services.kernel.ids import new_id
from services.kernel.records import BUCKETS
from services.sharing.sealing import Event, Keys, SealedRecord, seal_event

TOPIC = "los.share.skatteverket.v1"
RECEIVER = "skatteverket-folkbokforing"


def run() -> Result:
    """A PostgreSQL and a Kafka of their own, no services."""
    with tempfile.TemporaryDirectory(prefix="los-bench-") as name, stack.parts(Path(name)) as running:
        config = Path(name) / "relay.toml"
        folder = running.folder
        write_toml(
            config,
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
        keys = Keys.load(secrets.signing_file(folder), secrets.encryption_file(folder), secrets.receivers_file(folder))
        sealed = [(key, _sealed(key, keys)) for key in (uuid4() for _ in range(WARM_ROWS + ROWS))]
        url = running.postgres.url()
        return alternate("relay", lambda: _round("ours", config, url, sealed), lambda: _round("bare", config, url, sealed))


def _sealed(key: UUID, keys: Keys) -> SealedRecord:
    now = datetime.now(UTC)
    event = Event(
        new_id(), "0580", "folkbokforing_alert", "shared", RECEIVER, key, 1, new_id(), now, now, now + timedelta(days=14), secret=False
    )
    return seal_event(event, b"x" * 700, keys)


def _round(which: str, config: Path, url: str, sealed: list[tuple[UUID, SealedRecord]]) -> float:
    """The same rows again, in place of what an earlier round left: a few to warm up, and all the others when the sender is ready."""
    with psycopg.connect(url, options="-c search_path=sharing") as database:
        database.execute("TRUNCATE outbox, feedback, message, disclosure, disclosure_event")
        _fill(database, sealed[:WARM_ROWS])
        database.commit()
        words = [sys.executable, "-m", "bench.sender", which, str(config)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdin is not None  # noqa: S101  # both are pipes
            assert sender.stdout is not None  # noqa: S101
            if sender.stdout.readline():
                _fill(database, sealed[WARM_ROWS:])
                database.execute("ANALYZE outbox, message, disclosure")
                sender.stdin.write("\n")
                sender.stdin.flush()
                database.commit()
            return float(sender.stdout.readline())


def _fill(database: psycopg.Connection[Any], sealed: list[tuple[UUID, SealedRecord]]) -> None:
    with database.cursor() as cursor:
        with cursor.copy(
            "COPY disclosure (id, offer_id, record_kind, record_id, receiver_kind, agency, unit, ground_id, ground_digest, decision_by,"
            " fields, secrecy, payload_hash, decided_by,"
            " decided_time, delegation_reference, key, task, flow, data_key, payload, written) FROM STDIN"
        ) as copy:
            made = [(new_id(), new_id(), key, record) for key, record in sealed]
            for disclosure, _, key, _ in made:
                words: tuple[object, ...] = (
                    "folkbokforing_alert",
                    uuid4(),
                    RECEIVER,
                    "skatteverket",
                    "KLF",
                    "fol-32c-2021",
                    "d",
                    "officer+second",
                    [],
                    [],
                )
                copy.write_row((disclosure, uuid4(), *words, "h", "p", datetime.now(UTC), "4.2", key, "", "", b"k", b"p", b"w"))
        with cursor.copy("COPY message (event_id, disclosure_id, topic, record_key, value, headers) FROM STDIN") as copy:
            for disclosure, event, _, record in made:
                headers = Jsonb([[name, value.decode()] for name, value in record.headers])
                copy.write_row((event, disclosure, TOPIC, record.key, record.value, headers))
        with cursor.copy("COPY outbox (event_id, key, bucket, kind, payload, next_time) FROM STDIN") as copy:
            for _, event, key, _ in made:
                copy.write_row((event, key, key.int % BUCKETS, "share", Jsonb({}), datetime.now(UTC)))
