"""Published statistics."""

from alembic import op

from services.kernel.releases import FIRST

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(FIRST.format(role="controls"))
