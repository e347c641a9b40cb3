"""Whoever sends what an outbox promises hears at once that there is something."""

from alembic import op

from services.kernel import records

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(records.TELL)
    for table in ("outbox", "feedback"):
        op.execute(records.TELL_OF.format(table=table))
