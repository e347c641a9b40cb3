"""Whose case a record is and by which day something is to be done with it: the lists of work."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("alert", "suspected_payment"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN officer text, ADD COLUMN due_date date")
        op.execute(f"CREATE INDEX {table}_new ON {table} (unit, id) WHERE officer IS NULL AND purge_date IS NULL")
        op.execute(f"CREATE INDEX {table}_officer ON {table} (unit, officer, id) WHERE officer IS NOT NULL AND purge_date IS NULL")
        op.execute(f"CREATE INDEX {table}_due_date ON {table} (unit, due_date, id) WHERE due_date IS NOT NULL")
