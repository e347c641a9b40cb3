"""A jurist's switches, legal hold, gallring and its protocol, and what has been shared about a person.

What a disclosure held can be taken away, and nothing else of it changed: the role may update those columns alone.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
ALTER TABLE disclosure ADD COLUMN flow text NOT NULL DEFAULT '', ADD COLUMN subject bytea;
ALTER TABLE disclosure ALTER COLUMN flow DROP DEFAULT;
ALTER TABLE disclosure ALTER COLUMN data_key DROP NOT NULL, ALTER COLUMN payload DROP NOT NULL, ALTER COLUMN written DROP NOT NULL,
    ALTER COLUMN payload_hash DROP NOT NULL;
CREATE INDEX disclosure_subject ON disclosure (subject);
CREATE TABLE flow_switch (
    id uuid PRIMARY KEY, name text NOT NULL, open boolean NOT NULL, person text NOT NULL, switched_time timestamptz NOT NULL,
    decision_reference text NOT NULL, reason text NOT NULL);
CREATE TABLE hold (
    id uuid PRIMARY KEY, disclosure_id uuid NOT NULL, held boolean NOT NULL, person text NOT NULL, held_time timestamptz NOT NULL,
    reason text NOT NULL);
CREATE INDEX hold_disclosure ON hold (disclosure_id, id);
CREATE TABLE erasure (
    disclosure_id uuid PRIMARY KEY, record_kind text NOT NULL, unit text NOT NULL, keep_months integer NOT NULL,
    erasure_decision text NOT NULL, person text NOT NULL, erased_time timestamptz NOT NULL);
GRANT SELECT, INSERT ON flow_switch, hold, erasure TO sharing;
GRANT UPDATE (data_key, payload, written, payload_hash, subject) ON disclosure TO sharing;
GRANT UPDATE (note) ON disclosure_event TO sharing;
"""


def upgrade() -> None:
    op.execute(TABLES)
