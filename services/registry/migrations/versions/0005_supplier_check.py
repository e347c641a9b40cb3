"""Checks of suppliers."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE supplier_check (id uuid PRIMARY KEY, unit text NOT NULL, supplier bytea NOT NULL, result text NOT NULL, "
        "next_check_date date, registered_time timestamptz NOT NULL, registered_by text NOT NULL, data_key bytea NOT NULL, "
        "content bytea NOT NULL)"
    )
    op.execute("CREATE INDEX supplier_check_unit ON supplier_check (unit, id)")
    op.execute("CREATE INDEX supplier_check_supplier ON supplier_check (supplier, id)")
    op.execute("GRANT SELECT, INSERT ON supplier_check TO registry")
