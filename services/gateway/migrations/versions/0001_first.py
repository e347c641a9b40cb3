"""The first tables of the gateway."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE audit (
    id uuid PRIMARY KEY, occurred_time timestamptz NOT NULL, event text NOT NULL, outcome text NOT NULL, service text NOT NULL,
    person text, role text, unit text, object_kind text, object_id uuid, details jsonb NOT NULL);
CREATE TABLE account (
    person text PRIMARY KEY, affiliation text NOT NULL UNIQUE, name text NOT NULL, role text NOT NULL, unit text NOT NULL,
    organisation text, active boolean NOT NULL);
CREATE TABLE sign_in (
    browser bytea PRIMARY KEY, state bytea NOT NULL, nonce text NOT NULL, verifier text NOT NULL, next_path text NOT NULL,
    started_time timestamptz NOT NULL);
CREATE TABLE session (
    token bytea PRIMARY KEY, person text NOT NULL REFERENCES account, csrf text NOT NULL, created_time timestamptz NOT NULL,
    seen_time timestamptz NOT NULL);
CREATE INDEX session_person ON session (person);
GRANT SELECT, INSERT ON audit TO gateway;
GRANT SELECT ON account TO gateway;
GRANT SELECT, INSERT, DELETE ON sign_in TO gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON session TO gateway;
"""


def upgrade() -> None:
    op.execute(TABLES)
