"""Records live on to their end: the tracks beside a payment's state, a landlord's feedback, when a record may be erased."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE history ADD COLUMN track text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE alert ADD COLUMN feedback_time timestamptz, ADD COLUMN purge_date date")
    op.execute(
        "ALTER TABLE suspected_payment ADD COLUMN notice text NOT NULL DEFAULT 'none', "
        "ADD COLUMN police text NOT NULL DEFAULT 'none', ADD COLUMN purge_date date"
    )
    op.execute("CREATE INDEX suspected_payment_due ON suspected_payment (unit, id) WHERE police = 'due'")
