"""What is new in an inbox, and who is protected, is found beside however much else."""

from alembic import op

revision = "0013"
down_revision = "0012"

INDEXES = """
CREATE INDEX inbound_state ON inbound (unit, state, id);
CREATE INDEX offer_protected ON offer (record_id) WHERE protection = 'protected';
"""


def upgrade() -> None:
    op.execute(INDEXES)
