"""The cryptography of the contract, on P-256 only: detached ES256 signatures, ECDH-ES+A256KW encryption.

Every refusal has a code of its own and never any content. Protected headers are an exact set: a `crit`, `zip`, `jwk`
or anything else that asks the reader to behave differently is refused rather than understood.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

if TYPE_CHECKING:
    from partner.envelope import Event

SIGNATURE_ALGORITHM = "ES256"
KEY_ALGORITHM = "ECDH-ES+A256KW"
CONTENT_ALGORITHM = "A256GCM"

VALUE_BYTES_MAX = 90_000
"""Largest record value; with this much, the signature's payload stays below joserfc's own limit."""

_JWE_HEADERS = {"alg", "enc", "kid", "typ", "cty", "epk"}
_JWE_FIXED = {"alg": KEY_ALGORITHM, "enc": CONTENT_ALGORITHM, "typ": "JOSE", "cty": "application/json"}


class Code(StrEnum):
    """Why a record is refused. The words travel in the receipt's `reason`."""

    TOO_LARGE = "too_large"
    HEADER_MISSING = "header_missing"
    HEADER_UNKNOWN = "header_unknown"
    CONTENT_TYPE = "content_type"
    SIGNATURE_FORM = "signature_form"
    SIGNATURE_ALGORITHM = "signature_algorithm"
    SIGNATURE_KEY_UNKNOWN = "signature_key_unknown"
    SIGNATURE_KEY_EXPIRED = "signature_key_expired"
    SIGNATURE_KEY_REVOKED = "signature_key_revoked"
    SIGNATURE_INVALID = "signature_invalid"
    EVENT_MALFORMED = "event_malformed"
    KEY_MISMATCH = "key_mismatch"
    TOPIC_MISMATCH = "topic_mismatch"
    SOURCE_MISMATCH = "source_mismatch"
    EXPIRED = "expired"
    ENCRYPTION_FORM = "encryption_form"
    ENCRYPTION_KEY_UNKNOWN = "encryption_key_unknown"
    ENCRYPTION_KEY_EXPIRED = "encryption_key_expired"
    ENCRYPTION_KEY_REVOKED = "encryption_key_revoked"
    ENCRYPTION_INVALID = "encryption_invalid"
    CONTENT_MALFORMED = "content_malformed"
    AUD_MISMATCH = "aud_mismatch"
    DISCLOSURE_MISMATCH = "disclosure_mismatch"
    KIND_MISMATCH = "kind_mismatch"
    CONTRACT_MISMATCH = "contract_mismatch"
    SEQUENCE_REPLAYED = "sequence_replayed"
    HANDLER_FAILED = "handler_failed"
    RECALLED = "recalled"
    REPLACED = "replaced"
    RECORD_UNREADABLE = "record_unreadable"
    COMPRESSION_MISSING = "compression_missing"


EXPLANATIONS: Mapping[Code, str] = {
    Code.TOO_LARGE: "Meddelandet är större än vad som får skickas.",
    Code.HEADER_MISSING: "Ett meddelandehuvud saknas eller finns två gånger.",
    Code.HEADER_UNKNOWN: "Meddelandet har ett okänt meddelandehuvud.",
    Code.CONTENT_TYPE: "Meddelandet säger sig inte vara ett CloudEvent i JSON.",
    Code.SIGNATURE_FORM: "Signaturen har inte den avtalade formen.",
    Code.SIGNATURE_ALGORITHM: "Signaturen är gjord med en annan metod än ES256.",
    Code.SIGNATURE_KEY_UNKNOWN: "Signaturen är gjord med en nyckel som kommunen inte har lämnat.",
    Code.SIGNATURE_KEY_EXPIRED: "Signaturen är gjord med en nyckel som kommunen har slutat använda.",
    Code.SIGNATURE_KEY_REVOKED: "Signaturen är gjord med en nyckel som kommunen har spärrat.",
    Code.SIGNATURE_INVALID: "Signaturen stämmer inte med innehållet.",
    Code.EVENT_MALFORMED: "Meddelandet är inte ett riktigt CloudEvent.",
    Code.KEY_MISMATCH: "Kafka-nyckeln är inte den som står i meddelandet.",
    Code.TOPIC_MISMATCH: "Meddelandet kom på fel ämne (topic).",
    Code.SOURCE_MISMATCH: "Meddelandet kommer från en annan avsändare än kommunen.",
    Code.EXPIRED: "Meddelandets sista dag har passerat.",
    Code.ENCRYPTION_FORM: "Krypteringen har inte den avtalade formen.",
    Code.ENCRYPTION_KEY_UNKNOWN: "Meddelandet är krypterat till en nyckel som inte är er.",
    Code.ENCRYPTION_KEY_EXPIRED: "Meddelandet är krypterat till en nyckel som ni har slutat använda.",
    Code.ENCRYPTION_KEY_REVOKED: "Meddelandet är krypterat till en nyckel som är spärrad.",
    Code.ENCRYPTION_INVALID: "Meddelandet går inte att öppna med nyckeln.",
    Code.CONTENT_MALFORMED: "Innehållet följer inte avtalet.",
    Code.AUD_MISMATCH: "Innehållet är avsett för en annan mottagare.",
    Code.DISCLOSURE_MISMATCH: "Innehållet hör till ett annat utlämnande än meddelandet.",
    Code.KIND_MISMATCH: "Innehållet är av ett annat slag än meddelandet säger.",
    Code.CONTRACT_MISMATCH: "Kontraktet har inget sådant meddelande till den mottagaren. Hämta ett nyare kontrakt av kommunen.",
    Code.SEQUENCE_REPLAYED: "Ett senare meddelande i samma ärende är redan mottaget.",
    Code.HANDLER_FAILED: "Ert eget system kunde inte ta emot meddelandet.",
    Code.RECALLED: "Uppgiften är återkallad av kommunen. Den får inte användas eller lämnas vidare.",
    Code.REPLACED: "Uppgiften är ersatt av en rättad uppgift från kommunen. Den får inte användas eller lämnas vidare.",
    Code.RECORD_UNREADABLE: "Meddelandet går inte att läsa: det är trasigt redan i det som Kafka lämnade.",
    Code.COMPRESSION_MISSING: "Meddelandet är packat med en metod som saknas här. Installera snappy, lz4 eller zstandard och läs om det.",
}


class Refused(Exception):
    """A record that must not be handled.

    `event` is there when the record was shown to come from the kommun, so that it may be answered.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code
        self.event: Event | None = None


def read_json(text: str | bytes, code: Code) -> dict[str, Any]:
    """One JSON object; a name said twice is refused, since two readers could choose differently."""
    try:
        found = json.loads(text, object_pairs_hook=_no_name_twice, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(code) from None
    if not isinstance(found, dict):
        raise Refused(code)
    return found


def sign(value: bytes, key: ECKey) -> bytes:
    """A detached signature over the whole value: RFC 7515 appendix F."""
    protected = {"alg": SIGNATURE_ALGORITHM, "kid": key.kid}
    compact = jws.serialize_compact(protected, value, key, algorithms=[SIGNATURE_ALGORITHM])
    return jws.detach_content(compact).encode("ascii")


def ended(key: ECKey, now: datetime) -> Literal["expired", "revoked"] | None:
    """Why a key is of no use any more, if so, by its own `exp` and `revoked` (Unix seconds)."""
    revoked: Any = key.get("revoked")  # partner.kit has seen to the form of both
    expiry: Any = key.get("exp")
    if revoked is not None and revoked["revoked_at"] <= now.timestamp():
        return "revoked"
    return "expired" if expiry is not None and expiry <= now.timestamp() else None


def usable(keys: Mapping[str, ECKey], kid: str, now: datetime, what: Literal["signature_key", "encryption_key"]) -> ECKey:
    """The key of that name, while it has neither ended nor been revoked. Raises Refused."""
    if kid not in keys:
        raise Refused(Code(f"{what}_unknown"))
    end = ended(keys[kid], now)
    if end:
        raise Refused(Code(f"{what}_{end}"))
    return keys[kid]


def verify(signature: bytes, value: bytes, keys: Mapping[str, ECKey], now: datetime) -> str:
    """The `kid` that signed `value`. Raises Refused."""
    segments = signature.split(b".")
    # An attached payload would be verified in place of the value, so its place must be empty.
    if len(segments) != 3 or segments[1]:  # noqa: PLR2004 - header, nothing, signature
        raise Refused(Code.SIGNATURE_FORM)
    protected = protected_header(signature, Code.SIGNATURE_FORM)
    if protected.get("alg") != SIGNATURE_ALGORITHM:
        raise Refused(Code.SIGNATURE_ALGORITHM)
    if set(protected) != {"alg", "kid"}:
        raise Refused(Code.SIGNATURE_FORM)
    kid = protected["kid"]
    if not isinstance(kid, str):
        raise Refused(Code.SIGNATURE_KEY_UNKNOWN)
    key = usable(keys, kid, now, "signature_key")
    try:
        jws.deserialize_compact(signature, key, algorithms=[SIGNATURE_ALGORITHM], payload=value)
    except (JoseError, ValueError):
        raise Refused(Code.SIGNATURE_INVALID) from None
    return kid


def encrypt(content: bytes, key: ECKey) -> str:
    """A compact JWE that only the holder of the private key opens."""
    return jwe.encrypt_compact(_JWE_FIXED | {"kid": key.kid}, content, key, algorithms=[KEY_ALGORITHM, CONTENT_ALGORITHM])


def addressed_to(compact: str) -> str:
    """The `kid` that a compact JWE names. Raises Refused when the header is not the agreed one."""
    protected = protected_header(compact, Code.ENCRYPTION_FORM)
    if set(protected) != _JWE_HEADERS or any(protected[name] != word for name, word in _JWE_FIXED.items()):
        raise Refused(Code.ENCRYPTION_FORM)
    kid = protected["kid"]
    if not isinstance(kid, str):
        raise Refused(Code.ENCRYPTION_FORM)
    return kid


def decrypt(compact: str, key: ECKey) -> bytes:
    """What was encrypted to `key`. Raises Refused."""
    addressed_to(compact)
    try:
        opened = jwe.decrypt_compact(compact, key, algorithms=[KEY_ALGORITHM, CONTENT_ALGORITHM])
    except Exception:  # noqa: BLE001 - joserfc lets errors of the base64 and curve libraries through on broken input
        raise Refused(Code.ENCRYPTION_INVALID) from None
    return opened.plaintext or b""


def protected_header(compact: bytes | str, code: Code) -> dict[str, Any]:
    """The first segment of a compact JWS or JWE. Raises Refused with `code`."""
    try:
        # A text may hold half a character (a lone surrogate), which no encoding has: also a ValueError.
        text = urlsafe_b64decode((compact.encode() if isinstance(compact, str) else compact).split(b".", 1)[0])
    except (TypeError, ValueError):
        raise Refused(code) from None
    return read_json(text, code)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> NoReturn:
    raise ValueError
