"""What a person is to carry out is found without reading all that has been told."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("CREATE INDEX disclosure_task ON disclosure (unit, id) WHERE task <> ''")
