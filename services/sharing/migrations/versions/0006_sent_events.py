"""Every event that was sent is remembered, so that an answer is tied to the one it answers; corrections and recalls are obligations.

What waits says itself which event it is. Of what has left, only that it counted is known: its id went with the message, so an answer to
it that comes after this is refused and noted (EVENT_UNKNOWN).
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE sent_event (
    event_id uuid PRIMARY KEY, disclosure_id uuid NOT NULL, change text NOT NULL, key uuid NOT NULL, sequence bigint NOT NULL,
    kid text NOT NULL, sealed_time timestamptz NOT NULL, CONSTRAINT sent_event_sequence UNIQUE (key, sequence));
CREATE INDEX sent_event_disclosure ON sent_event (disclosure_id);
GRANT SELECT, INSERT, DELETE ON sent_event TO sharing;
ALTER TABLE message ADD COLUMN sent_status text NOT NULL DEFAULT 'sent';
ALTER TABLE disclosure ADD COLUMN replaces uuid[] NOT NULL DEFAULT '{}';
"""
EARLIER = """
INSERT INTO sent_event
SELECT coalesce(m.event_id, gen_random_uuid()), d.id, coalesce(split_part(m.event ->> 'type', '.', 4), 'shared'), d.key,
    row_number() OVER (PARTITION BY d.key ORDER BY e.id), coalesce(d.key_id, ''), e.occurred_time
FROM disclosure d JOIN disclosure_event e ON e.disclosure_id = d.id AND e.status = 'decided'
    LEFT JOIN (SELECT event_id, disclosure_id, convert_from(value, 'UTF8')::jsonb AS event FROM message) m ON m.disclosure_id = d.id
WHERE NOT EXISTS (SELECT 1 FROM disclosure_event v WHERE v.disclosure_id = d.id AND v.status = 'void')
"""
OBLIGATIONS = """
UPDATE disclosure_event SET
    status = CASE status WHEN 'corrected' THEN 'correction_confirmed' WHEN 'recalled' THEN 'recall_confirmed' ELSE status END,
    rank = CASE status WHEN 'corrected' THEN 15 WHEN 'recall_due' THEN 16 WHEN 'recalled' THEN 20 ELSE 21 END
WHERE status IN ('corrected', 'recall_due', 'recalled', 'erased')
"""


def upgrade() -> None:
    for statement in (TABLES, EARLIER, OBLIGATIONS):
        op.execute(statement)
