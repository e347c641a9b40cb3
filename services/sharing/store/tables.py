"""Sharing's tables. Content is sealed by the vault; plain columns hold ids, codes and times."""

from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    desc,
    exists,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.records import INSTANT, audit_table, history_table, outbox_table, request_table
from services.kernel.releases import release_table
from services.sharing.domain import BEGINS, BY_HAND, OBLIGATIONS, STANDING, Status

metadata = MetaData()
audit = audit_table(metadata)
request = request_table(metadata)
history = history_table(metadata)
outbox = outbox_table(metadata)
feedback = outbox_table(metadata, "feedback")
statistics_release = release_table(metadata)

offer = Table(
    "offer",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("secrecy", ARRAY(Text), nullable=False),
    Column("protection", Text, nullable=False),
    Column("checked_time", INSTANT),
    Column("handled_by", ARRAY(Text), nullable=False),
    Column("on_request", Boolean, nullable=False),
    Column("matter", Text),
    Column("field_secrecy", JSONB, nullable=False),
    # A blind index of the person it is about, while somebody can decide on it.
    Column("subject", LargeBinary),
    Column("state", Text, nullable=False),
    Column("offered_time", INSTANT, nullable=False),
    Column("data_key", LargeBinary),
    Column("content", LargeBinary),
    UniqueConstraint("record_kind", "record_id", "receiver_kind", "revision", name="offer_revision"),
    Index("offer_unit", "unit", "state", "id"),
    Index("offer_tray", "unit", "id"),
    Index("offer_record", "record_id"),
    Index("offer_protected", "record_id", postgresql_where=text("protection = 'protected'")),
    Index("offer_subject", "subject"),
)
preview = Table(
    "preview",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("disclosure_id", Uuid, nullable=False),
    Column("person", Text, nullable=False),
    Column("ground_id", Text, nullable=False),
    Column("ground_digest", Text, nullable=False),
    Column("key_id", Text),
    Column("payload_hash", Text, nullable=False),
    Column("missing_points", ARRAY(Text), nullable=False),
    Column("created_time", INSTANT, nullable=False),
    Column("expire_time", INSTANT, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("written", LargeBinary, nullable=False),
    Column("shown", LargeBinary, nullable=False),
    Index("preview_offer", "offer_id"),
    Index("preview_expire_time", "expire_time"),
)
disclosure = Table(
    "disclosure",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("offer_id", Uuid, nullable=False),
    Column("record_kind", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("agency", Text),
    Column("unit", Text, nullable=False),
    Column("ground_id", Text, nullable=False),
    Column("ground_digest", Text, nullable=False),
    Column("decision_by", Text, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("secrecy", ARRAY(Text), nullable=False),
    Column("key_id", Text),
    Column("payload_hash", Text),
    Column("decided_by", Text, nullable=False),
    Column("decided_role", Text, nullable=False),
    Column("decided_time", INSTANT, nullable=False),
    Column("delegation_reference", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("task", Text, nullable=False),
    Column("flow", Text, nullable=False),
    # The disclosures that it takes the place of: it is a correction of them.
    Column("replaces", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    # A blind index of the person it is about; None when it names nobody.
    Column("subject", LargeBinary),
    # None once it is gallrad, as are the three before.
    Column("data_key", LargeBinary),
    Column("payload", LargeBinary),
    Column("written", LargeBinary),
    Index("disclosure_subject", "subject"),
    Index("disclosure_record", "record_kind", "record_id", "receiver_kind"),
    Index("disclosure_unit", "unit", "id"),
    Index("disclosure_offer", "offer_id"),
    Index("disclosure_key", "key"),
    Index("disclosure_task", "unit", "id", postgresql_where=text("task <> ''")),
)
_REFUSALS = "status IN ('refused', 'void', 'refused_by_receiver')"
disclosure_event = Table(
    "disclosure_event",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("occurred_time", INSTANT, nullable=False),
    Column("person", Text),
    Column("delegation_reference", Text),
    Column("note", LargeBinary),
    Column("details", JSONB, nullable=False),
    Index("disclosure_event_disclosure", "disclosure_id", "id"),
    Index("disclosure_event_happened", "status", "occurred_time"),
    Index("disclosure_event_refusal", "disclosure_id", postgresql_where=text(_REFUSALS)),
)
REFUSAL = text(_REFUSALS)
"""An event by which what was to be told was not: a person refused, it never left, the receiver refused it."""
message = Table(
    "message",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("topic", Text, nullable=False),
    Column("record_key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("ground_last_date", Date),
    Column("protection_valid_until", INSTANT),
    # What the disclosure is when this has been sent.
    Column("sent_status", Text, nullable=False, server_default=text("'sent'")),
    # Who decided, as the view ended_role names them: the relay sends nothing of theirs once a role has ended. None: whoever it was.
    Column("deciders", ARRAY(Text)),
    # The keys that it was sealed and signed with, and from when one of them is of no use: then it waits and is sealed again.
    Column("kid", Text),
    Column("signing_kid", Text),
    Column("usable_until", INSTANT),
    Index("message_disclosure", "disclosure_id"),
    Index("message_usable_until", "usable_until", postgresql_where=text("usable_until IS NOT NULL")),
)
# Every event that was sent or is to be sent, kept when the message is gone: what an answer answers. No content.
sent_event = Table(
    "sent_event",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("change", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kid", Text, nullable=False),
    Column("sealed_time", INSTANT, nullable=False),
    UniqueConstraint("key", "sequence", name="sent_event_sequence"),
    Index("sent_event_disclosure", "disclosure_id"),
)
reply = Table(
    "reply",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("disclosure_id", Uuid),
    Column("received_time", INSTANT, nullable=False),
    Column("refused_code", Text),
    Index("reply_disclosure", "disclosure_id"),
)

flow_switch = Table(
    "flow_switch",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("switched_time", INSTANT, nullable=False),
    Column("decision_reference", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
hold = Table(
    "hold",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("disclosure_id", Uuid, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("held_time", INSTANT, nullable=False),
    Column("reason", Text, nullable=False),
    Index("hold_disclosure", "disclosure_id", "id"),
)
# The protocol of gallring: what went, by which rule and decision.
erasure = Table(
    "erasure",
    metadata,
    Column("disclosure_id", Uuid, primary_key=True),
    Column("record_kind", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("keep_months", Integer, nullable=False),
    Column("erasure_decision", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("erased_time", INSTANT, nullable=False),
)
# What an agency told the kommun. A notice that replaces another is a row of its own, with the same notice id.
inbound = Table(
    "inbound",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("notice_id", Uuid, nullable=False),
    Column("agency", Text, nullable=False),
    Column("receiver_kind", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("scheme", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("ground_id", Text, nullable=False),
    Column("ground_digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("protection", Text, nullable=False),
    Column("said_time", INSTANT, nullable=False),
    Column("received_time", INSTANT, nullable=False),
    Column("last_time", INSTANT, nullable=False),
    Column("acknowledged_by", Text),
    Column("case_number", Text),
    # A blind index of the person it is about; None once it is gallrad, as are the two after.
    Column("subject", LargeBinary),
    Column("data_key", LargeBinary),
    Column("content", LargeBinary),
    Index("inbound_notice", "receiver_kind", "notice_id"),
    Index("inbound_subject", "subject"),
    Index("inbound_unit", "unit", "id"),
    Index("inbound_state", "unit", "state", "id"),
)
# Whether a person's role at a unit holds, as it was said; the latest word counts. The view `ended_role` has those that ended.
role_change = Table(
    "role_change",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("changed_time", INSTANT, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("decision_reference", Text, nullable=False),
    Index("role_change_holder", "person", "role", "unit", "id"),
    Index("role_change_ended", "id", postgresql_where=text("NOT holds")),
)

LATEST_STATUS = (
    select(disclosure_event.c.status)
    .where(disclosure_event.c.disclosure_id == disclosure.c.id)
    .order_by(desc(disclosure_event.c.rank), desc(disclosure_event.c.id))
    .limit(1)
    .scalar_subquery()
)

LAST_TIME = select(func.max(disclosure_event.c.occurred_time)).where(disclosure_event.c.disclosure_id == disclosure.c.id).scalar_subquery()
OBLIGATION_IS_OPEN = LATEST_STATUS.in_(OBLIGATIONS)
_BEGUN = select(func.min(disclosure_event.c.occurred_time)).where(disclosure_event.c.disclosure_id == disclosure.c.id)
OBLIGATION_SINCE = func.coalesce(
    _BEGUN.where(disclosure_event.c.status.in_(BEGINS - {Status.CORRECTION_DUE})).scalar_subquery(),
    _BEGUN.where(disclosure_event.c.status == Status.CORRECTION_DUE).scalar_subquery(),
)
SENT_TIME = _BEGUN.where(disclosure_event.c.status == Status.SENT).scalar_subquery()
REFUSED_REASON = func.coalesce(
    select(disclosure_event.c.details["reason"].as_string())
    .where(disclosure_event.c.disclosure_id == disclosure.c.id, disclosure_event.c.details.has_key("reason"))
    .order_by(desc(disclosure_event.c.rank), desc(disclosure_event.c.id))
    .limit(1)
    .scalar_subquery(),
    "",
)


def is_held(what: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether what has this id is held."""
    latest = select(hold.c.held).where(hold.c.disclosure_id == what).order_by(desc(hold.c.id)).limit(1)
    return func.coalesce(latest.scalar_subquery(), false())


IS_HELD = is_held(disclosure.c.id)
TASK_IS_OPEN = or_(
    LATEST_STATUS.in_(BY_HAND),
    and_(
        disclosure.c.task != "",
        or_(
            LATEST_STATUS.in_(STANDING | {Status.REFUSED_BY_RECEIVER}),
            # It lapsed at the relay: what a person carries out is still owed. Taken back, it is not.
            exists().where(disclosure_event.c.disclosure_id == disclosure.c.id, disclosure_event.c.details["lapsed"].as_boolean()),
        ),
        ~exists().where(disclosure_event.c.disclosure_id == disclosure.c.id, disclosure_event.c.status == Status.CARRIED_OUT),
    ),
)
IS_PROTECTED = exists().where(offer.c.record_id == disclosure.c.record_id, offer.c.protection == "protected")
WAITS_FOR_KEY = exists().where(message.c.disclosure_id == disclosure.c.id, message.c.usable_until <= func.now())
SEEN = (
    disclosure,
    LATEST_STATUS.label("status"),
    LAST_TIME.label("last_time"),
    IS_HELD.label("held"),
    TASK_IS_OPEN.label("task_open"),
    OBLIGATION_IS_OPEN.label("obligation_open"),
    OBLIGATION_SINCE.label("obligation_since"),
    SENT_TIME.label("sent_time"),
    REFUSED_REASON.label("refused_reason"),
    IS_PROTECTED.label("protected"),
    WAITS_FOR_KEY.label("waits_for_key"),
)
"""A disclosure as a person sees it: what was decided, how far it has come, and what is left to do."""
