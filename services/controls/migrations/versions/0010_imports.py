"""Files of objects that were read in, and which objects are of them."""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE imported (
    id uuid PRIMARY KEY, unit text NOT NULL, record_kind text NOT NULL, imported_by text NOT NULL, imported_time timestamptz NOT NULL,
    undone_time timestamptz);
CREATE INDEX imported_unit ON imported (unit, id);
GRANT SELECT, INSERT, UPDATE (undone_time) ON imported TO controls;
ALTER TABLE control_object ADD COLUMN import_id uuid, ADD COLUMN import_revision bigint, ADD COLUMN taken_back_time timestamptz;
CREATE INDEX control_object_in_use ON control_object (id) WHERE taken_back_time IS NULL;
CREATE INDEX control_object_import ON control_object (import_id) WHERE import_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(TABLES)
