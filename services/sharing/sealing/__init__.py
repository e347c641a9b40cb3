"""Sealing what leaves the kommun and opening what comes back (design 17). Apart from the key files: no store, no clock, no network."""

from services.sharing.sealing.events import (
    CONTENT_BYTES_MAX,
    CONTENT_TYPE,
    Event,
    SealedRecord,
    content_bytes,
    content_of,
    seal_again,
    seal_event,
)
from services.sharing.sealing.keys import Key, Keys, KeysOnFile, KeySource, Receiver
from services.sharing.sealing.replies import (
    REPLY_BYTES_MAX,
    SKEW,
    TIMES_APART_MAX,
    InvitationAnswered,
    Outcome,
    Receipt,
    Reply,
    open_reply,
)

__all__ = [
    "CONTENT_BYTES_MAX",
    "CONTENT_TYPE",
    "REPLY_BYTES_MAX",
    "SKEW",
    "TIMES_APART_MAX",
    "Event",
    "InvitationAnswered",
    "Key",
    "KeySource",
    "Keys",
    "KeysOnFile",
    "Outcome",
    "Receipt",
    "Receiver",
    "Reply",
    "SealedRecord",
    "content_bytes",
    "content_of",
    "open_reply",
    "seal_again",
    "seal_event",
]
