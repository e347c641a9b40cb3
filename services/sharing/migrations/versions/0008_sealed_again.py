"""A message knows its keys, and from when one of them is of no use: it is then sealed again."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE message ADD COLUMN kid text, ADD COLUMN signing_kid text, ADD COLUMN usable_until timestamptz")
    op.execute("CREATE INDEX message_usable_until ON message (usable_until) WHERE usable_until IS NOT NULL")
    op.execute("GRANT UPDATE (value, headers, kid, signing_kid, usable_until) ON message TO sharing")
