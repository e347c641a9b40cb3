"""What was not told is listed by itself."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX disclosure_event_refusal ON disclosure_event (disclosure_id)
        WHERE status IN ('refused', 'void', 'refused_by_receiver')
    """)
