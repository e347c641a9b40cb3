"""Files that were read in, and which records are of them."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE imported (id uuid PRIMARY KEY, unit text NOT NULL, record_kind text NOT NULL, landlord bytea, "
        "imported_by text NOT NULL, imported_time timestamptz NOT NULL, undone_time timestamptz)"
    )
    op.execute("CREATE INDEX imported_unit ON imported (unit, id)")
    op.execute("CREATE INDEX imported_landlord ON imported (landlord, id)")
    op.execute("GRANT SELECT, INSERT, UPDATE (undone_time) ON imported TO registry")
    for table in ("alert", "suspected_payment"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN import_id uuid")
        op.execute(f"CREATE INDEX {table}_import ON {table} (import_id) WHERE import_id IS NOT NULL")
