"""What leaves: the content that a person previews, and the record that carries it. `seal_event` runs inside the deciding transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from joserfc import jwe, jws

from services.kernel.errors import Invalid
from services.sharing.sealing.attributes import ShareAttributes
from services.sharing.sealing.keys import ENCRYPTION_ALGORITHMS, JWE_FIXED, SIGNATURE_ALGORITHM, Key, Keys

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
CONTENT_BYTES_MAX = 45_000
"""Largest content of an event; joserfc opens no ciphertext above 64 KiB of base64."""

RECALLED_PURPOSE = "Uppgiften är återkallad. Använd den inte och lämna den inte vidare."

Change = Literal["shared", "corrected", "recalled"]

_FORMAT = JSONFormat()


@dataclass(frozen=True, slots=True)
class Event:
    """What is seen outside the encryption of an event: nothing personal.

    `key` is random per case and recipient, `sequence` counts from 1 for each key.
    """

    id: UUID
    kommun_code: str
    record_kind: str
    change: Change
    receiver_kind: str
    key: UUID
    sequence: int
    disclosure_id: UUID
    time: datetime
    recorded_time: datetime
    expiry_time: datetime
    secret: bool


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A Kafka record, ready to be sent, and the keys that it was made with. After `usable_until` one of them is of no use."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    kid: str
    signing_kid: str
    usable_until: datetime | None


def content_bytes(
    *,
    receiver_kind: str,
    disclosure_id: UUID,
    record_kind: str,
    purpose: str,
    basis_id: str,
    citation: str,
    sfs: str,
    secrecy: Sequence[str],
    fields: Mapping[str, str | Sequence[str]],
    replaces: Iterable[UUID] = (),
) -> bytes:
    """The canonical JSON that a person previews and that is then sent, byte for byte, inside the encryption.

    `replaces` are the disclosures that a correction takes the place of; the key is there only when there are any.
    """
    replaced = sorted(map(str, replaces))
    return _canonical(
        {
            "aud": receiver_kind,
            "disclosure_id": str(disclosure_id),
            "record_kind": record_kind,
            "purpose": purpose,
            "legal": {"basis_id": basis_id, "citation": citation, "sfs": sfs},
            "secrecy": list(secrecy),
            "fields": {name: value for name, value in fields.items() if value},
        }
        | ({"replaces": replaced} if replaced else {})
    )


def seal_event(event: Event, content: bytes, keys: Keys) -> SealedRecord:
    """Encrypt `content` to the receiver kind and sign the whole, with the keys that hold at the event's `time`.

    Raises Invalid when it is too large or there is no key.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise Invalid("innehåll: underlaget är för stort för att skickas.", reason="TOO_LARGE")
    receiver, signing = keys.receiver_key(event.receiver_kind, event.time), keys.signer(event.time)
    key = str(event.key)
    attributes = ShareAttributes(
        id=str(event.id),
        source=f"urn:los:{event.kommun_code}:sharing",
        type=f"se.los.{event.record_kind}.{event.change}.v1",
        time=event.time,
        partitionkey=key,
        sequence=str(event.sequence),
        correlationid=str(event.disclosure_id),
        recordedtime=_instant(event.recorded_time),
        expirytime=_instant(event.expiry_time),
        dataclassification="sekretess" if event.secret else "open",
    )
    value = _FORMAT.write(CloudEvent(attributes.model_dump(), _encrypted(content, receiver)))
    return _signed(key.encode("ascii"), value, receiver, signing)


def seal_again(key: bytes, value: bytes, content: bytes, receiver_kind: str, keys: Keys, now: datetime) -> SealedRecord:
    """The same event to the keys of today: every attribute and the content as they were. Raises Invalid when there is no key."""
    receiver, signing = keys.receiver_key(receiver_kind, now), keys.signer(now)
    event = json.loads(value) | {"data": _encrypted(content, receiver)}
    return _signed(key, json.dumps(event).encode("ascii"), receiver, signing)


def content_of(value: bytes, payload: bytes) -> bytes:
    """What lies inside the sealed event `value` of a disclosure whose stored content is `payload`: a recall has none of its own."""
    if not str(json.loads(value)["type"]).endswith(".recalled.v1"):
        return payload
    original = json.loads(payload)
    original.pop("replaces", None)
    return _canonical(original | {"fields": {}, "purpose": RECALLED_PURPOSE})


def _encrypted(content: bytes, receiver: Key) -> str:
    return jwe.encrypt_compact(JWE_FIXED | {"kid": receiver.kid}, content, receiver.jwk, algorithms=list(ENCRYPTION_ALGORITHMS))


def _signed(key: bytes, value: bytes, receiver: Key, signing: Key) -> SealedRecord:
    signature = jws.serialize_compact(
        {"alg": SIGNATURE_ALGORITHM, "kid": signing.kid}, value, signing.jwk, algorithms=[SIGNATURE_ALGORITHM]
    )
    return SealedRecord(
        key=key,
        value=value,
        headers=[("content-type", CONTENT_TYPE), ("los-signature", jws.detach_content(signature).encode("ascii"))],
        kid=receiver.kid,
        signing_kid=signing.kid,
        usable_until=min((end for end in (receiver.end, signing.end) if end), default=None),
    )


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _instant(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
