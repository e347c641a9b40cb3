"""Published statistics."""

from alembic import op

from services.kernel.releases import FIRST

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(FIRST.format(role="sharing"))
