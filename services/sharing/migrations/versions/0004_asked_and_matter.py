"""Whether an offer answers a question, and what it is about: both choose the ground."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE offer ADD COLUMN on_request boolean NOT NULL DEFAULT false, ADD COLUMN matter text")
    op.execute("ALTER TABLE offer ALTER COLUMN on_request DROP DEFAULT")
