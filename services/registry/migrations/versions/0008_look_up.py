"""Questions about persons, and their review."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE look_up (id uuid PRIMARY KEY, occurred_time timestamptz NOT NULL, person text NOT NULL, unit text NOT NULL, "
        "record_kind text NOT NULL, record_id uuid NOT NULL, purpose text NOT NULL, number bytea NOT NULL, outcome text NOT NULL, "
        "found integer NOT NULL, needs_review boolean NOT NULL, judgement text, reviewed_by text, reviewed_time timestamptz)"
    )
    op.execute("CREATE INDEX look_up_person ON look_up (person, occurred_time)")
    op.execute("CREATE INDEX look_up_review ON look_up (id) WHERE needs_review AND judgement IS NULL")
    op.execute("CREATE INDEX look_up_reviewed ON look_up (id) WHERE judgement IS NOT NULL")
    op.execute("GRANT SELECT, INSERT, UPDATE (judgement, reviewed_by, reviewed_time) ON look_up TO registry")
