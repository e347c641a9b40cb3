"""Tips, and what more is known of an object: permits, property, a revision, and what it is found by."""

from alembic import op

revision = "0006"
down_revision = "0005"

# The number of an enskild firma is sealed, so its index is made when the object is next written.
OBJECTS = r"""
ALTER TABLE control_object
    ADD COLUMN revision bigint NOT NULL DEFAULT 1, ADD COLUMN sni_version text NOT NULL DEFAULT '',
    ADD COLUMN property_designation text NOT NULL DEFAULT '', ADD COLUMN property_owner_org text, ADD COLUMN permits jsonb,
    ADD COLUMN permit_end_date date, ADD COLUMN address_key text, ADD COLUMN number_index bytea;
UPDATE control_object SET sni_version = CASE sni_code WHEN '' THEN '' ELSE '2025' END,
    address_key = concat_ws('|', lower(regexp_replace(street_address, '\s', '', 'g')), postal_code,
        lower(regexp_replace(city, '\s', '', 'g')));
ALTER TABLE control_object ALTER COLUMN address_key SET NOT NULL;
CREATE INDEX control_object_address ON control_object (address_key);
CREATE INDEX control_object_number ON control_object (number_index);
CREATE INDEX control_object_district ON control_object (district, object_type, id);
CREATE INDEX control_object_type ON control_object (object_type, id);
CREATE INDEX control_object_sni ON control_object (sni_code, id);
GRANT UPDATE ON control_object TO controls;
"""
TIPS = """
CREATE TABLE tip (
    id uuid PRIMARY KEY, unit text NOT NULL, object_id uuid NOT NULL REFERENCES control_object, source_type text NOT NULL,
    received_time timestamptz NOT NULL, registered_time timestamptz NOT NULL, registered_by text NOT NULL, state text NOT NULL,
    revision bigint NOT NULL, purge_date date NOT NULL, data_key bytea NOT NULL, content bytea NOT NULL);
CREATE INDEX tip_unit ON tip (unit, id);
CREATE INDEX tip_state ON tip (unit, state, id);
CREATE INDEX tip_object ON tip (object_id, unit, state);
GRANT SELECT, INSERT, UPDATE ON tip TO controls;
"""


def upgrade() -> None:
    op.execute(OBJECTS)
    op.execute(TIPS)
