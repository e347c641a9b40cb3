"""When somebody looked is kept with the person; whom a question was about is kept no more."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("ALTER TABLE subject ADD COLUMN checked_time timestamptz")
    op.execute("ALTER TABLE look_up DROP COLUMN number")
