"""Sealing what leaves the kommun and opening what comes back (design 17). Apart from the key files: no store, no clock, no network."""

from services.sharing.sealing.bodies import BODIES, InvitationAnswered, Notice, NoticeWithdrawn, Outcome, Receipt
from services.sharing.sealing.events import (
    CONTENT_BYTES_MAX,
    CONTENT_TYPE,
    RECALLED_PURPOSE,
    Change,
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
    Reply,
    open_reply,
)

__all__ = [
    "BODIES",
    "CONTENT_BYTES_MAX",
    "CONTENT_TYPE",
    "RECALLED_PURPOSE",
    "REPLY_BYTES_MAX",
    "SKEW",
    "TIMES_APART_MAX",
    "Change",
    "Event",
    "InvitationAnswered",
    "Key",
    "KeySource",
    "Keys",
    "KeysOnFile",
    "Notice",
    "NoticeWithdrawn",
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
