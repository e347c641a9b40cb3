"""What comes back: an answer is verified and opened, or refused with a code and never with its content."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode
from pydantic import ValidationError

from services.kernel.errors import Invalid
from services.sharing.sealing.bodies import BODIES, AboutNotice, Body, utc
from services.sharing.sealing.events import CONTENT_TYPE
from services.sharing.sealing.keys import ENCRYPTION_ALGORITHMS, JWE_FIXED, SIGNATURE_ALGORITHM, Key, Keys

REPLY_BYTES_MAX = 16_384
"""Largest value of a reply."""
SKEW = timedelta(seconds=60)
"""How far two clocks may be apart."""
TIMES_APART_MAX = timedelta(days=7)
"""How far the time that an answer states may be from the time it was sent."""

_JWE_HEADERS = {*JWE_FIXED, "kid", "epk"}
_TOPIC = re.compile(r"los\.reply\.(?P<agency>[a-z]+)\.v1")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer shown to come from one of the agency's own receiver kinds. (source, id) is unique per answer."""

    id: UUID
    source: str
    type: str
    agency: str
    key: UUID
    time: datetime
    body: Body


def open_reply(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    keys: Keys,
    now: datetime,
) -> Reply:
    """Verify and open one record of a reply topic. Raises Invalid, whose `reason` is a code and never any content."""
    value = value or b""
    if len(value) > REPLY_BYTES_MAX:
        raise _refused("TOO_LARGE")
    agency = _TOPIC.fullmatch(topic)
    if not agency:
        raise _refused("TOPIC_MISMATCH")
    receiver_kind = _signer(_signature(headers), value, keys, agency["agency"], now)
    event = _Envelope.read(value)
    if key != str(event.key).encode("ascii"):
        raise _refused("KEY_MISMATCH")
    if event.source != f"urn:los:agency:{agency['agency']}":
        raise _refused("SOURCE_MISMATCH")
    if event.type not in BODIES:
        raise _refused("TYPE_UNKNOWN")
    body = _body(event.type, _decrypted(event.data, keys.encryption, now))
    _check_times(event, body.time, now)
    if body.receiver_kind != receiver_kind:
        raise _refused("RECEIVER_KIND_MISMATCH")
    if body.about != event.correlation_id:
        raise _refused("DISCLOSURE_MISMATCH")
    if isinstance(body, AboutNotice) and event.key != body.notice_id:
        raise _refused("KEY_MISMATCH")  # order holds per key: what replaces a notice never overtakes it
    return Reply(event.id, event.source, event.type, agency["agency"], event.key, event.time, body)


@dataclass(frozen=True, slots=True)
class _Envelope:
    id: UUID
    source: str
    type: str
    key: UUID
    correlation_id: UUID
    time: datetime
    expiry_time: datetime
    data: str

    @classmethod
    def read(cls, value: bytes) -> Self:
        attributes = _read_json(value, "EVENT_MALFORMED")
        data = attributes.pop("data", None)
        try:
            # The library fills in an id and a time that are missing; the contract wants them sent.
            time = _parsed_instant(attributes["time"])
            CloudEvent(attributes | {"time": time})
            envelope = cls(
                id=UUID(attributes["id"]),
                source=attributes["source"],
                type=attributes["type"],
                key=UUID(attributes["partitionkey"]),
                correlation_id=UUID(attributes["correlationid"]),
                time=time,
                expiry_time=_parsed_instant(attributes["expirytime"]),
                data=data if isinstance(data, str) else "",
            )
        except (CloudEventValidationError, KeyError, ValueError, TypeError, AttributeError):
            raise _refused("EVENT_MALFORMED") from None
        if attributes.get("datacontenttype") != "application/jose":
            raise _refused("EVENT_MALFORMED")
        return envelope


def _check_times(event: _Envelope, answered_time: datetime, now: datetime) -> None:
    """What an agency's clock may say. The end of time is a fair expiry, so nothing is added to it."""
    if event.expiry_time < now - SKEW:
        raise _refused("EXPIRED")
    if event.time > now + SKEW:
        raise _refused("TIME_AHEAD")
    if abs(answered_time - event.time) > TIMES_APART_MAX:
        raise _refused("TIME_MISMATCH")


def _signature(headers: Sequence[tuple[str, bytes]]) -> bytes:
    if sorted(name for name, _ in headers) != ["content-type", "los-signature"]:
        raise _refused("HEADERS")
    found = dict(headers)
    if found["content-type"] != CONTENT_TYPE:
        raise _refused("CONTENT_TYPE")
    return found["los-signature"] or b""


def _signer(signature: bytes, value: bytes, keys: Keys, agency: str, now: datetime) -> str:
    """The receiver kind that signed. A key of another agency is as unknown as one nobody has."""
    segments = signature.split(b".")
    # An attached payload would be verified in place of the value, so its place must be empty.
    if len(segments) != 3 or segments[1]:  # noqa: PLR2004 - header, nothing, signature
        raise _refused("SIGNATURE_FORM")
    protected = _protected_header(segments[0], "SIGNATURE_FORM")
    if protected.get("alg") != SIGNATURE_ALGORITHM:
        raise _refused("SIGNATURE_ALGORITHM")
    if set(protected) != {"alg", "kid"}:
        raise _refused("SIGNATURE_FORM")
    own = [key for receiver in keys.receivers.values() if receiver.agency == agency for key in receiver.keys]
    key = _usable(own, protected["kid"], "SIGNATURE_KEY", now)
    try:
        jws.deserialize_compact(signature, key.jwk, algorithms=[SIGNATURE_ALGORITHM], payload=value)
    except (JoseError, ValueError):
        raise _refused("SIGNATURE_INVALID") from None
    return key.kind


def _usable(keys: Sequence[Key], kid: object, what: str, now: datetime) -> Key:
    """The key of that name, when it has neither ended nor been revoked."""
    key = next((key for key in keys if key.kid == kid), None)
    if key is None:
        raise _refused(f"{what}_UNKNOWN")
    ended = key.ended(now)
    if ended:
        raise _refused(f"{what}_{ended}")
    return key


def _decrypted(compact: str, keys: Sequence[Key], now: datetime) -> bytes:
    protected = _protected_header(compact.split(".", 1)[0], "ENCRYPTION_FORM")
    if set(protected) != _JWE_HEADERS or any(protected[name] != word for name, word in JWE_FIXED.items()):
        raise _refused("ENCRYPTION_FORM")
    key = _usable(keys, protected["kid"], "ENCRYPTION_KEY", now)
    try:
        return jwe.decrypt_compact(compact, key.jwk, algorithms=list(ENCRYPTION_ALGORITHMS)).plaintext or b""
    except Exception:  # noqa: BLE001 - joserfc lets errors of the base64 and curve libraries through on broken input
        raise _refused("ENCRYPTION_INVALID") from None


def _body(kind: str, content: bytes) -> Body:
    _read_json(content, "CONTENT_MALFORMED")
    try:
        body: Body = BODIES[kind].validate_json(content, strict=True)
    except ValidationError as error:
        aud = any(problem["loc"][-1:] == ("aud",) for problem in error.errors(include_input=False, include_url=False))
    else:
        return body
    raise _refused("AUD_MISMATCH" if aud else "CONTENT_MALFORMED")


def _refused(code: str) -> Invalid:
    """Why, as a code. Always raised `from None`: the errors of the libraries quote what they were given."""
    return Invalid(f"svar: myndighetens svar kan inte godtas ({code}).", reason=code)


def _read_json(text: bytes, code: str) -> dict[str, Any]:
    """One JSON object; a name said twice is refused, since two readers could choose differently."""
    try:
        found = json.loads(text, object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError):
        raise _refused(code) from None
    if not isinstance(found, dict):
        raise _refused(code)
    return found


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _protected_header(segment: bytes | str, code: str) -> dict[str, Any]:
    try:
        # A text may hold half a character (a lone surrogate), which no encoding has: also a ValueError.
        text = urlsafe_b64decode(segment.encode() if isinstance(segment, str) else segment)
    except (TypeError, ValueError):
        raise _refused(code) from None
    return _read_json(text, code)


def _parsed_instant(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError
    return utc(time)
