"""What happened in a quarter is found without reading what happened in all the others."""

from alembic import op

revision = "0012"
down_revision = "0011"

INDEXES = """
CREATE INDEX history_happened ON history (record_kind, occurred_time);
"""


def upgrade() -> None:
    op.execute(INDEXES)
