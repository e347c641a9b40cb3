"""Published statistics."""

from alembic import op

from services.kernel.releases import FIRST

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(FIRST.format(role="registry"))
