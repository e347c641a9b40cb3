"""What is found at a visit, what is offered of it, and what is done about it."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE observation (
    id uuid PRIMARY KEY, operation_id uuid NOT NULL REFERENCES operation, visit_id uuid NOT NULL REFERENCES visit, unit text NOT NULL,
    observed_date date NOT NULL, control_ground_id text NOT NULL, area text NOT NULL, is_deficiency boolean NOT NULL, severity text,
    state text NOT NULL, revision bigint NOT NULL, recorded_time timestamptz NOT NULL, recorded_by text NOT NULL,
    nothing_by text NOT NULL, nothing_time timestamptz, data_key bytea NOT NULL, text bytea NOT NULL);
CREATE INDEX observation_visit ON observation (visit_id, unit, id);
CREATE INDEX observation_operation ON observation (operation_id);
CREATE TABLE finding_offer (
    observation_id uuid NOT NULL REFERENCES observation, receiver_kind text NOT NULL, revision bigint NOT NULL, withdrawn boolean NOT NULL,
    on_request boolean NOT NULL, matter text NOT NULL, outcome smallint NOT NULL, PRIMARY KEY (observation_id, receiver_kind));
CREATE TABLE measure (
    id uuid PRIMARY KEY, operation_id uuid NOT NULL REFERENCES operation, visit_id uuid NOT NULL REFERENCES visit, unit text NOT NULL,
    authority text NOT NULL, measure_type text NOT NULL, visited_date date NOT NULL, registered_time timestamptz NOT NULL,
    amount_sek numeric(14, 2), decided_date date, diary_no text NOT NULL, follow_up_date date, tells boolean NOT NULL,
    told_by text, told_date date, state text NOT NULL, revision bigint NOT NULL);
CREATE INDEX measure_unit ON measure (unit, id);
CREATE INDEX measure_visit ON measure (visit_id);
CREATE INDEX measure_operation ON measure (operation_id);
GRANT SELECT, INSERT, UPDATE ON observation, finding_offer, measure TO controls;
"""


def upgrade() -> None:
    op.execute(TABLES)
