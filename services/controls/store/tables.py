"""The tables of controls.

An operation's plan is secret until it is over (OSL 17:1): what, when and where is sealed with the operation's own data key, also which
objects it visits. Objects are public, except the number and names of an enskild firma, which are its owner's.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.files import imported_table
from services.kernel.records import INSTANT, audit_table, history_table, outbox_table, request_table
from services.kernel.releases import release_table

metadata = MetaData()
audit = audit_table(metadata)
request = request_table(metadata)
history = history_table(metadata)
outbox = outbox_table(metadata)
statistics_release = release_table(metadata)
imported = imported_table(metadata)

control_object = Table(
    "control_object",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("same_as", LargeBinary, nullable=False, unique=True),
    Column("data_key", LargeBinary),
    Column("owner", LargeBinary),
    Column("org_number", Text),
    Column("company_name", Text),
    Column("trading_name", Text),
    Column("sni_code", Text, nullable=False),
    Column("object_type", Text, nullable=False),
    Column("street_address", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("district", Text, nullable=False),
    Column("north_m", Integer),
    Column("east_m", Integer),
    Column("opening_hours", Text, nullable=False),
    Column("serving_permit", Boolean, nullable=False),
    Column("last_control_date", Date),
    Column("registered_time", INSTANT, nullable=False),
    Column("revision", BigInteger, nullable=False, server_default=text("1")),
    Column("sni_version", Text, nullable=False, server_default=""),
    Column("property_designation", Text, nullable=False, server_default=""),
    Column("property_owner_org", Text),
    Column("permits", JSONB),
    # The first day on which some permit ends; of an enskild firma permits are the owner's, and sealed.
    Column("permit_end_date", Date),
    Column("address_key", Text, nullable=False),
    Column("number_index", LargeBinary),
    # The file that it came with, and as which revision.
    Column("import_id", Uuid),
    Column("import_revision", BigInteger),
    # That file was undone: it is in no list, and stays where it was planned or tipped of. Registered again it is the same one.
    Column("taken_back_time", INSTANT),
    Index("control_object_in_use", "id", postgresql_where=text("taken_back_time IS NULL")),
    Index("control_object_import", "import_id", postgresql_where=text("import_id IS NOT NULL")),
    Index("control_object_address", "address_key"),
    Index("control_object_number", "number_index"),
    Index("control_object_district", "district", "object_type", "id"),
    Index("control_object_type", "object_type", "id"),
    Index("control_object_sni", "sni_code", "id"),
)
tip = Table(
    "tip",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("object_id", Uuid, ForeignKey("control_object.id"), nullable=False),
    Column("source_type", Text, nullable=False),
    Column("received_time", INSTANT, nullable=False),
    Column("registered_time", INSTANT, nullable=False),
    Column("registered_by", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("purge_date", Date, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("tip_unit", "unit", "id"),
    Index("tip_state", "unit", "state", "id"),
    Index("tip_object", "object_id", "unit", "state"),
)
operation = Table(
    "operation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("own_control_ground_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("plan", LargeBinary, nullable=False),
    # Known when it is over: before that the day is secret.
    Column("day", Date),
    Column("completed_time", INSTANT),
    # How many participants have told nothing yet.
    Column("untold", Integer, nullable=False),
    Index("operation_unit", "unit", "id"),
    Index("operation_day", "unit", "day", "id"),
)
visit = Table(
    "visit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("operation_id", Uuid, ForeignKey("operation.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("object_id", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("arrived_time", INSTANT),
    Column("left_time", INSTANT),
    Column("persons_checked_count", Integer),
    Column("reason_code", Text, nullable=False),
    Index("visit_operation", "operation_id", "position"),
)
# Which objects were controlled when: written when the operation is over, since it is secret until then.
object_visit = Table(
    "object_visit",
    metadata,
    Column("visit_id", Uuid, ForeignKey("visit.id"), primary_key=True),
    Column("object_id", Uuid, ForeignKey("control_object.id"), nullable=False),
    Column("day", Date, nullable=False),
    Index("object_visit_object", "object_id", "day"),
)
participation = Table(
    "participation",
    metadata,
    Column("operation_id", Uuid, ForeignKey("operation.id"), primary_key=True),
    Column("receiver_kind", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("answer", Text),
    Column("part", Text),
    Column("control_ground_id", Text, nullable=False),
    Column("function_mailbox", Text, nullable=False),
    Column("remark", Text, nullable=False),
    Column("said_time", INSTANT),
    Index("participation_party", "receiver_kind", "operation_id"),
)
summary = Table(
    "summary",
    metadata,
    Column("operation_id", Uuid, ForeignKey("operation.id"), primary_key=True),
    Column("party", Text, primary_key=True),
    Column("areas", ARRAY(Text), nullable=False),
    Column("delivered_by", Text, nullable=False),
    Column("delivered_time", INSTANT, nullable=False),
    Column("told_by", Text, nullable=False),
    Column("told_date", Date),
)
offer = Table(
    "offer",
    metadata,
    Column("record_id", Uuid, primary_key=True),
    Column("receiver_kind", Text, primary_key=True),
    Column("operation_id", Uuid, ForeignKey("operation.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Index("offer_operation", "operation_id"),
)
