"""What happened in a quarter is found without reading what happened in all the others."""

from alembic import op

revision = "0014"
down_revision = "0013"

INDEXES = """
CREATE INDEX history_happened ON history (record_kind, occurred_time);
CREATE INDEX disclosure_event_happened ON disclosure_event (status, occurred_time);
"""


def upgrade() -> None:
    op.execute(INDEXES)
