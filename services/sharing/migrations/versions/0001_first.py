"""The first tables of sharing."""

from alembic import op

from services.kernel import records

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE offer (
    id uuid PRIMARY KEY, record_kind text NOT NULL, record_id uuid NOT NULL, receiver_kind text NOT NULL, revision bigint NOT NULL,
    unit text NOT NULL, secrecy text[] NOT NULL, protection text NOT NULL, checked_time timestamptz, handled_by text[] NOT NULL,
    state text NOT NULL, offered_time timestamptz NOT NULL, data_key bytea, content bytea,
    CONSTRAINT offer_revision UNIQUE (record_kind, record_id, receiver_kind, revision));
CREATE INDEX offer_unit ON offer (unit, state, id);
CREATE TABLE preview (
    id uuid PRIMARY KEY, offer_id uuid NOT NULL, disclosure_id uuid NOT NULL, person text NOT NULL, ground_id text NOT NULL,
    ground_digest text NOT NULL, key_id text, payload_hash text NOT NULL, missing_points text[] NOT NULL, created_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL, data_key bytea NOT NULL, payload bytea NOT NULL, written bytea NOT NULL, shown bytea NOT NULL);
CREATE INDEX preview_offer ON preview (offer_id);
CREATE TABLE disclosure (
    id uuid PRIMARY KEY, offer_id uuid NOT NULL, record_kind text NOT NULL, record_id uuid NOT NULL, receiver_kind text NOT NULL,
    agency text, unit text NOT NULL, ground_id text NOT NULL, ground_digest text NOT NULL, decision_by text NOT NULL,
    fields text[] NOT NULL,
    secrecy text[] NOT NULL, key_id text, payload_hash text NOT NULL, decided_by text NOT NULL, decided_time timestamptz NOT NULL,
    delegation_reference text NOT NULL, key uuid NOT NULL, task text NOT NULL, data_key bytea NOT NULL, payload bytea NOT NULL,
    written bytea NOT NULL);
CREATE INDEX disclosure_record ON disclosure (record_kind, record_id, receiver_kind);
CREATE INDEX disclosure_unit ON disclosure (unit, id);
CREATE TABLE disclosure_event (
    id uuid PRIMARY KEY, disclosure_id uuid NOT NULL, status text NOT NULL, rank smallint NOT NULL,
    occurred_time timestamptz NOT NULL, person text,
    delegation_reference text, note bytea, details jsonb NOT NULL);
CREATE INDEX disclosure_event_disclosure ON disclosure_event (disclosure_id, id);
CREATE TABLE message (
    event_id uuid PRIMARY KEY, disclosure_id uuid NOT NULL, topic text NOT NULL, record_key bytea NOT NULL, value bytea NOT NULL,
    headers jsonb NOT NULL, ground_last_date date, protection_valid_until timestamptz);
CREATE TABLE reply (
    source text NOT NULL, id uuid NOT NULL, type text NOT NULL, disclosure_id uuid, received_time timestamptz NOT NULL, refused_code text,
    PRIMARY KEY (source, id));
GRANT SELECT, INSERT, UPDATE ON offer TO sharing;
GRANT SELECT, INSERT, DELETE ON preview, message TO sharing;
GRANT SELECT, INSERT ON disclosure, disclosure_event, reply TO sharing;
"""


def upgrade() -> None:
    op.execute(records.FIRST.format(role="sharing"))
    for table in ("outbox", "feedback"):
        op.execute(records.OUTBOX.format(role="sharing", table=table))
    op.execute(TABLES)
