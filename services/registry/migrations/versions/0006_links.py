"""Persons and companies of each unit, what its records mention, and what people have said of the links between them."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE subject (id uuid PRIMARY KEY, unit text NOT NULL, kind text NOT NULL, number bytea NOT NULL, "
        "identity_level text NOT NULL, protection text NOT NULL, data_key bytea NOT NULL, content bytea NOT NULL, "
        "CONSTRAINT subject_number UNIQUE (unit, number))"
    )
    op.execute(
        "CREATE TABLE mention (record_id uuid PRIMARY KEY, record_kind text NOT NULL, unit text NOT NULL, "
        "number bytea, dwelling bytea, near bytea, in_property bytea)"
    )
    for key in ("number", "dwelling", "near", "in_property"):
        op.execute(f"CREATE INDEX mention_{key} ON mention ({key}, unit, record_id) WHERE {key} IS NOT NULL")
    op.execute(
        "CREATE TABLE link (id uuid PRIMARY KEY, one_id uuid NOT NULL, other_id uuid NOT NULL, decision text NOT NULL, "
        "reason text NOT NULL, revision bigint NOT NULL, decided_by text NOT NULL, decided_time timestamptz NOT NULL, "
        "CONSTRAINT link_pair UNIQUE (one_id, other_id))"
    )
    op.execute("CREATE INDEX link_other ON link (other_id)")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON subject, mention, link TO registry")
