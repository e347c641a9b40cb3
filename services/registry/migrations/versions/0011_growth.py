"""A list of one state takes as long however many records there are in others."""

from alembic import op

revision = "0011"
down_revision = "0010"

INDEXES = """
CREATE INDEX alert_state ON alert (unit, state, id);
CREATE INDEX suspected_payment_state ON suspected_payment (unit, state, id);
"""


def upgrade() -> None:
    op.execute(INDEXES)
