"""When an authority last answered: of two answers the later one counts, whichever is read first."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE participation ADD COLUMN said_time timestamptz")
