"""A message that waits may get the time of a new check of protection; an offer knows whom it is about by a blind index."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("GRANT UPDATE (protection_valid_until) ON message TO sharing")
    op.execute("ALTER TABLE offer ADD COLUMN subject bytea")
