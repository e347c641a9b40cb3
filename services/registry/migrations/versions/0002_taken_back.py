"""An alert remembers that its landlord has taken it back, also when the kommun keeps it; what is withdrawn hinders no new report."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE alert ADD COLUMN taken_back boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX alert_payment ON alert (payment_id)")
    for table in ("alert", "suspected_payment"):
        op.execute(f"UPDATE {table} SET duplicate = NULL WHERE state = 'withdrawn'")  # noqa: S608  # our own names
