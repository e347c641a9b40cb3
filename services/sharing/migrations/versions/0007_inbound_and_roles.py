"""Notices to the kommun, and when a person's role ends: then nothing leaves that the person decided.

What a notice held can be taken away, and who took it noted; nothing else of it is changed.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE inbound (
    id uuid PRIMARY KEY, notice_id uuid NOT NULL, agency text NOT NULL, receiver_kind text NOT NULL, type text NOT NULL,
    scheme text NOT NULL, unit text NOT NULL, ground_id text NOT NULL, ground_digest text NOT NULL, state text NOT NULL,
    protection text NOT NULL, said_time timestamptz NOT NULL, received_time timestamptz NOT NULL, last_time timestamptz NOT NULL,
    acknowledged_by text, case_number text, subject bytea, data_key bytea, content bytea);
CREATE INDEX inbound_notice ON inbound (receiver_kind, notice_id);
CREATE INDEX inbound_subject ON inbound (subject);
CREATE INDEX inbound_unit ON inbound (unit, id);
CREATE TABLE role_change (
    id uuid PRIMARY KEY, person text NOT NULL, role text NOT NULL, unit text NOT NULL, holds boolean NOT NULL,
    changed_time timestamptz NOT NULL, changed_by text NOT NULL, decision_reference text NOT NULL);
CREATE INDEX role_change_holder ON role_change (person, role, unit, id);
CREATE INDEX role_change_ended ON role_change (id) WHERE NOT holds;
CREATE VIEW ended_role AS
    SELECT c.person || '/' || c.role || '/' || c.unit AS holder FROM role_change c WHERE NOT c.holds AND NOT EXISTS (
        SELECT 1 FROM role_change l WHERE (l.person, l.role, l.unit) = (c.person, c.role, c.unit) AND l.id > c.id);
ALTER TABLE disclosure ADD COLUMN decided_role text NOT NULL DEFAULT '';
ALTER TABLE disclosure ALTER COLUMN decided_role DROP DEFAULT;
ALTER TABLE message ADD COLUMN deciders text[];
GRANT SELECT, INSERT ON inbound, role_change TO sharing;
GRANT SELECT ON ended_role TO sharing;
GRANT UPDATE (state, protection, said_time, last_time, acknowledged_by, case_number, subject, data_key, content) ON inbound TO sharing;
"""


def upgrade() -> None:
    op.execute(TABLES)
