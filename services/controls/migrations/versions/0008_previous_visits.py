"""The controls that an object has had, once each is over."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE object_visit (
    visit_id uuid PRIMARY KEY REFERENCES visit, object_id uuid NOT NULL REFERENCES control_object, day date NOT NULL);
CREATE INDEX object_visit_object ON object_visit (object_id, day);
GRANT SELECT, INSERT ON object_visit TO controls;
"""


def upgrade() -> None:
    op.execute(TABLES)
