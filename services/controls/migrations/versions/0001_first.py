"""The first tables of controls."""

from alembic import op

from services.kernel import records

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE control_object (
    id uuid PRIMARY KEY, same_as bytea NOT NULL UNIQUE, data_key bytea, owner bytea, org_number text, company_name text, trading_name text,
    sni_code text NOT NULL, object_type text NOT NULL, street_address text NOT NULL, postal_code text NOT NULL, city text NOT NULL,
    district text NOT NULL, north_m integer, east_m integer, opening_hours text NOT NULL, serving_permit boolean NOT NULL,
    last_control_date date, registered_time timestamptz NOT NULL);
CREATE TABLE operation (
    id uuid PRIMARY KEY, unit text NOT NULL, label text NOT NULL, own_control_ground_id text NOT NULL, state text NOT NULL,
    revision bigint NOT NULL, data_key bytea NOT NULL, plan bytea NOT NULL);
CREATE INDEX operation_unit ON operation (unit, id);
CREATE TABLE visit (
    id uuid PRIMARY KEY, operation_id uuid NOT NULL REFERENCES operation, position integer NOT NULL, object_id bytea NOT NULL);
CREATE INDEX visit_operation ON visit (operation_id, position);
CREATE TABLE participation (
    operation_id uuid NOT NULL REFERENCES operation, receiver_kind text NOT NULL, position integer NOT NULL, answer text, part text,
    control_ground_id text NOT NULL, function_mailbox text NOT NULL, remark text NOT NULL, PRIMARY KEY (operation_id, receiver_kind));
CREATE TABLE offer (
    record_id uuid NOT NULL, receiver_kind text NOT NULL, operation_id uuid NOT NULL REFERENCES operation, step text NOT NULL,
    revision bigint NOT NULL, withdrawn boolean NOT NULL, outcome smallint NOT NULL, PRIMARY KEY (record_id, receiver_kind));
CREATE INDEX offer_operation ON offer (operation_id);
GRANT SELECT, INSERT ON control_object, visit TO controls;
GRANT SELECT, INSERT, UPDATE ON operation, participation, offer TO controls;
"""


def upgrade() -> None:
    op.execute(records.FIRST.format(role="controls"))
    op.execute(records.OUTBOX.format(role="controls", table="outbox"))
    op.execute(TABLES)
