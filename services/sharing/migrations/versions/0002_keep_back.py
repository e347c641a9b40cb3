"""What was decided is found by its offer, its key and its message, when a record changes or is withdrawn."""

from alembic import op

revision = "0002"
down_revision = "0001"

INDEXES = """
CREATE INDEX disclosure_offer ON disclosure (offer_id);
CREATE INDEX disclosure_key ON disclosure (key);
CREATE INDEX preview_expire_time ON preview (expire_time);
CREATE INDEX message_disclosure ON message (disclosure_id);
"""


def upgrade() -> None:
    op.execute(INDEXES)
