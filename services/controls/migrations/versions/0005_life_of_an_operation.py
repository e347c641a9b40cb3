"""The life of operations and visits, and what each participant tells after the day."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
ALTER TABLE operation ADD COLUMN day date, ADD COLUMN completed_time timestamptz, ADD COLUMN untold integer NOT NULL DEFAULT 0;
ALTER TABLE operation ALTER COLUMN untold DROP DEFAULT;
CREATE INDEX operation_day ON operation (unit, day, id);
ALTER TABLE visit ADD COLUMN state text NOT NULL DEFAULT 'scheduled', ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    ADD COLUMN again boolean NOT NULL DEFAULT false, ADD COLUMN arrived_time timestamptz, ADD COLUMN left_time timestamptz,
    ADD COLUMN persons_checked_count integer, ADD COLUMN reason_code text NOT NULL DEFAULT '';
ALTER TABLE visit ALTER COLUMN state DROP DEFAULT, ALTER COLUMN revision DROP DEFAULT, ALTER COLUMN again DROP DEFAULT,
    ALTER COLUMN reason_code DROP DEFAULT;
CREATE INDEX participation_party ON participation (receiver_kind, operation_id);
CREATE TABLE summary (
    operation_id uuid NOT NULL REFERENCES operation, party text NOT NULL, areas text[] NOT NULL, delivered_by text NOT NULL,
    delivered_time timestamptz NOT NULL, told_by text NOT NULL, told_date date, PRIMARY KEY (operation_id, party));
GRANT UPDATE, DELETE ON visit TO controls;
GRANT SELECT, INSERT, UPDATE ON summary TO controls;
"""


def upgrade() -> None:
    op.execute(TABLES)
