"""What is asked for by record, person and disclosure has an index, so that an answer takes as long however much there is."""

from alembic import op

revision = "0011"
down_revision = "0010"

INDEXES = """
CREATE INDEX offer_tray ON offer (unit, id);
CREATE INDEX offer_record ON offer (record_id);
CREATE INDEX offer_subject ON offer (subject);
CREATE INDEX reply_disclosure ON reply (disclosure_id);
"""


def upgrade() -> None:
    op.execute(INDEXES)
