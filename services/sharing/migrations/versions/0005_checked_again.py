"""A message that waits may get the time of a new check of protection; an offer knows more of what it holds.

Whom it is about, by a blind index; and which secrecy the sender saw of single fields.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("GRANT UPDATE (protection_valid_until) ON message TO sharing")
    op.execute("ALTER TABLE offer ADD COLUMN subject bytea, ADD COLUMN field_secrecy jsonb NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE offer ALTER COLUMN field_secrecy DROP DEFAULT")
