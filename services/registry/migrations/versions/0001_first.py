"""The first tables of the registry."""

from alembic import op

from services.kernel import records

revision = "0001"
down_revision = None

RECORD = """
    id uuid PRIMARY KEY, unit text NOT NULL, state text NOT NULL, revision bigint NOT NULL, protection text NOT NULL,
    protection_time timestamptz, registered_time timestamptz NOT NULL, registered_by text NOT NULL, duplicate bytea,
    data_key bytea NOT NULL, content bytea NOT NULL"""
TABLES = f"""
CREATE TABLE alert ({RECORD}, needs_review boolean NOT NULL, landlord bytea, payment_id uuid,
    CONSTRAINT alert_duplicate UNIQUE (duplicate));
CREATE INDEX alert_unit ON alert (unit, id);
CREATE INDEX alert_landlord ON alert (landlord, id);
CREATE TABLE suspected_payment ({RECORD}, CONSTRAINT suspected_payment_duplicate UNIQUE (duplicate));
CREATE INDEX suspected_payment_unit ON suspected_payment (unit, id);
CREATE TABLE shared (
    disclosure_id uuid PRIMARY KEY, record_kind text NOT NULL, record_id uuid NOT NULL, receiver_kind text NOT NULL, status bigint NOT NULL,
    occurred_time timestamptz NOT NULL);
CREATE INDEX shared_record ON shared (record_id, disclosure_id);
GRANT SELECT, INSERT, UPDATE ON alert, suspected_payment, shared TO registry;
"""


def upgrade() -> None:
    op.execute(records.FIRST.format(role="registry"))
    op.execute(records.OUTBOX.format(role="registry", table="outbox"))
    op.execute(TABLES)
