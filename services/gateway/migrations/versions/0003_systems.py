"""Which accounts are systems: they call the API, and nobody chooses one to lead a day."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE account ADD COLUMN is_system boolean NOT NULL DEFAULT false")
