"""What somebody had written when their session ended; and that a session was ended by the next one."""

from alembic import op

revision = "0002"
down_revision = "0001"

CHANGES = """
ALTER TABLE session ADD COLUMN ended boolean NOT NULL DEFAULT false;
CREATE TABLE kept_form (
    session bytea NOT NULL, path text NOT NULL, person text NOT NULL, content bytea NOT NULL, kept_time timestamptz NOT NULL,
    PRIMARY KEY (session, path));
CREATE INDEX kept_form_kept_time ON kept_form (kept_time);
GRANT SELECT, INSERT, DELETE ON kept_form TO gateway;
"""


def upgrade() -> None:
    op.execute(CHANGES)
