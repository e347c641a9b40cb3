"""The tables of the registry, and what is kept beside its records: what was shared of them, and their history.

Everything personal is one JSON text per record, sealed with the record's own data key. In plain text is only what lists and work need.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from services.kernel.db import Row, Transaction
from services.kernel.files import imported_table
from services.kernel.records import INSTANT, audit_table, history_table, outbox_table, request_table
from services.kernel.releases import release_table
from services.kernel.vault import Vault

metadata = MetaData()
audit = audit_table(metadata)
request = request_table(metadata)
history = history_table(metadata)
# Which track beside the state a step is of; empty: the state itself.
history.append_column(Column("track", Text, nullable=False, server_default=""))
outbox = outbox_table(metadata)
statistics_release = release_table(metadata)


def _record_table(name: str, *more: Column[Any] | Index) -> Table:
    return Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("unit", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("revision", BigInteger, nullable=False),
        Column("protection", Text, nullable=False),
        Column("protection_time", INSTANT),
        Column("registered_time", INSTANT, nullable=False),
        Column("registered_by", Text, nullable=False),
        # A blind index of what makes two records the same: one and the same thing is registered once, through whatever door.
        Column("duplicate", LargeBinary),
        Column("data_key", LargeBinary, nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("purge_date", Date),
        Column("officer", Text),
        Column("due_date", Date),
        Column("import_id", Uuid),
        *more,
        UniqueConstraint("duplicate", name=f"{name}_duplicate"),
        Index(f"{name}_unit", "unit", "id"),
        Index(f"{name}_state", "unit", "state", "id"),
        Index(f"{name}_import", "import_id", postgresql_where=text("import_id IS NOT NULL")),
        # The lists of work: what nobody has handled, one's own open cases, what is to be done by a day.
        Index(f"{name}_new", "unit", "id", postgresql_where=text("officer IS NULL AND purge_date IS NULL")),
        Index(f"{name}_officer", "unit", "officer", "id", postgresql_where=text("officer IS NOT NULL AND purge_date IS NULL")),
        Index(f"{name}_due_date", "unit", "due_date", "id", postgresql_where=text("due_date IS NOT NULL")),
    )


alert = _record_table(
    "alert",
    Column("needs_review", Boolean, nullable=False),
    Column("taken_back", Boolean, nullable=False, server_default=false()),
    # A blind index of the organisation whose reporter sent it.
    Column("landlord", LargeBinary),
    Column("payment_id", Uuid),
    Column("feedback_time", INSTANT),
    Index("alert_landlord", "landlord", "id"),
    Index("alert_payment", "payment_id"),
)
suspected_payment = _record_table(
    "suspected_payment",
    Column("notice", Text, nullable=False, server_default="none"),
    Column("police", Text, nullable=False, server_default="none"),
    Index("suspected_payment_due", "unit", "id", postgresql_where=text("police = 'due'")),
)
shared = Table(
    "shared",
    metadata,
    Column("disclosure_id", Uuid, primary_key=True),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("status", BigInteger, nullable=False),
    Column("occurred_time", INSTANT, nullable=False),
    Index("shared_record", "record_id", "disclosure_id"),
)
# A file that was read in. Its name may say whom it is about, so it is not kept.
imported = imported_table(
    metadata,
    # A blind index of the organisation whose reporter sent it.
    Column("landlord", LargeBinary),
    Index("imported_landlord", "landlord", "id"),
)
# A check of a supplier is made once and never changed; the next is another row.
supplier_check = Table(
    "supplier_check",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, nullable=False),
    # A blind index of the organisation: that of an enskild firma is its owner's personnummer.
    Column("supplier", LargeBinary, nullable=False),
    Column("result", Text, nullable=False),
    Column("next_check_date", Date),
    Column("registered_time", INSTANT, nullable=False),
    Column("registered_by", Text, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("supplier_check_unit", "unit", "id"),
    Index("supplier_check_supplier", "supplier", "id"),
)
# A person or company of one unit: each nämnd is an authority of its own, and the kommun keeps no register of persons across them (OSL 8:1).
# The newest register check is what counts. A report that knows nothing of a protection that the unit knows of is refused as it stands
# (protection is never null): the one statement that registers it then leaves nothing, and it is registered again as a protected person's.
subject = Table(
    "subject",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # A blind index of the number; the number itself is the sealed content.
    Column("number", LargeBinary, nullable=False),
    Column("identity_level", Text, nullable=False),
    Column("protection", Text, nullable=False),
    # When somebody looked in the register, or since when the person is known as protected; null: nobody has looked.
    Column("checked_time", INSTANT),
    Column("data_key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("unit", "number", name="subject_number"),
    info={
        "again": "ON CONFLICT (unit, number) DO UPDATE SET checked_time = excluded.checked_time, "
        "protection = CASE WHEN excluded.protection = 'protected' THEN excluded.protection END "
        "WHERE 'protected' IN (excluded.protection, subject.protection)"
    },
)
# Every question about a person, answered or refused; whom it was about is not kept. Only the review is written later.
look_up = Table(
    "look_up",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("occurred_time", INSTANT, nullable=False),
    Column("person", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("found", Integer, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("judgement", Text),
    Column("reviewed_by", Text),
    Column("reviewed_time", INSTANT),
    Index("look_up_person", "person", "occurred_time"),
    Index("look_up_review", "id", postgresql_where=text("needs_review AND judgement IS NULL")),
    Index("look_up_reviewed", "id", postgresql_where=text("judgement IS NOT NULL")),
)
# What a record says of whom and where, as blind indexes of what is compared (domain/linking.py).
KEYS = ("number", "dwelling", "near", "in_property")
mention = Table(
    "mention",
    metadata,
    Column("record_id", Uuid, primary_key=True),
    Column("record_kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    *(Column(key, LargeBinary) for key in KEYS),
    *(Index(f"mention_{key}", key, "unit", "record_id", postgresql_where=text(f"{key} IS NOT NULL")) for key in KEYS),
)
# What a person has said of the link between two records; one_id is the lower.
link = Table(
    "link",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("one_id", Uuid, nullable=False),
    Column("other_id", Uuid, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_time", INSTANT, nullable=False),
    UniqueConstraint("one_id", "other_id", name="link_pair"),
    Index("link_other", "other_id"),
)


def landlord_index(vault: Vault, organisation: str) -> bytes:
    """A blind index of a landlord's organisation, with its hyphen or without."""
    return vault.index("alert_landlord", organisation.replace("-", ""))


def put_shared(tx: Transaction, row: Mapping[str, object]) -> None:
    """What is known of one disclosure of a record; how far it has come, whatever order the words arrive in."""
    statement = insert(shared).values(**row)
    later = statement.excluded.status > shared.c.status
    changes = {"status": statement.excluded.status, "occurred_time": statement.excluded.occurred_time}
    tx.write(statement.on_conflict_do_update(index_elements=["disclosure_id"], set_=changes, where=later))


def shared_of(tx: Transaction, record_id: UUID) -> list[Row]:
    """All disclosures of a record."""
    return tx.read(select(shared).where(shared.c.record_id == record_id).order_by(shared.c.disclosure_id))


def history_of(tx: Transaction, record_id: UUID) -> list[Row]:
    """Every step of a record, in order. Steps of one act have one revision and one instant: they follow each other by their states."""
    rest = tx.read(select(history).where(history.c.record_id == record_id).order_by(history.c.revision, history.c.track, history.c.id))
    at: dict[str, str | None] = {}  # where each track stands
    steps: list[Row] = []
    while rest:
        together = [row for row in rest if (row.revision, row.track) == (rest[0].revision, rest[0].track)]
        step = next((row for row in together if row.from_state == at.get(row.track)), together[0])
        at[step.track] = step.to_state
        steps.append(step)
        rest.remove(step)
    return steps
