"""Whoever sends what an outbox promises hears at once that there is something."""

from alembic import op

from services.kernel import records

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(records.TELL)
    op.execute(records.TELL_OF.format(table="outbox"))
