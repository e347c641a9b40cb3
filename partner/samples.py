"""Records that a consumer must handle and records that it must refuse, made with keys that are thrown away.

`samples(kit)` gives a kit with those keys, and the records in the order they are to be received.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc import jwe, jws
from joserfc.jwk import ECKey

from partner import jose
from partner.contract import record_kinds
from partner.envelope import CONTENT_TYPE, Record
from partner.feedback import instant_text
from partner.jose import Code
from partner.kit import Keyring, Kit
from partner.receiver import Verdict
from partner.sender import Sender

_KOMMUN_KID = "kommun-sig-2026-1"
_ENDED = {"expired": "har slutat gälla", "revoked": "är spärrad", None: "gäller"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A record, what it is (Swedish), and what must become of it."""

    name: str
    record: Record
    expected: Verdict | Code


def samples(kit: Kit, now: datetime) -> tuple[Kit, list[Sample]]:
    """The kit to receive with, and the records."""
    signing = new_key(_KOMMUN_KID)
    ended = ended_keys("kommun-sig", now)
    own = {f"{kind}-2026-1": new_key(f"{kind}-2026-1") for kind in kit.receiver_kinds}
    old = {str(key.kid): key for key in ended_keys(kit.receiver_kinds[0], now)}
    kit = replace(
        kit,
        keys=Keyring(
            private=own | old,
            receiver_kind={f"{kind}-2026-1": kind for kind in kit.receiver_kinds} | dict.fromkeys(old, kit.receiver_kinds[0]),
            kommun_signing={_KOMMUN_KID: signing} | {str(key.kid): key for key in ended},
            kommun_encryption={"kommun-enc-2026-1": new_key("kommun-enc-2026-1")},
        ),
    )
    return kit, table(Sender(kit, signing, now, ended=ended))


def table(sender: Sender) -> list[Sample]:
    """The records of this sender, in the order they are to be received.

    What is forged is made from something real that is sent nowhere else: whoever takes it hands out what nobody else does.
    """
    valid = sender.record({"sequence": "2"})
    text = valid.key.decode("ascii") if valid.key else ""
    return [
        Sample("Ett riktigt meddelande", valid, Verdict.HANDLED),
        Sample("Samma meddelande en gång till", valid, Verdict.DUPLICATE),
        Sample(
            "Ett meddelande som är äldre än det sista i samma ärende",
            sender.record({"partitionkey": text, "sequence": "1"}),
            Code.SEQUENCE_REPLAYED,
        ),
        *_forged(sender),
        *_misplaced(sender),
        *_closed(sender),
        *_contents(sender),
        Sample(
            "Det följande meddelandet i samma ärende",
            sender.record({"partitionkey": text, "sequence": "3"}),
            Verdict.HANDLED,
        ),
    ]


def _forged(sender: Sender) -> Iterator[Sample]:
    signing, real = sender.signing, sender.record
    kid = str(signing.kid)
    yield Sample("Ett meddelande utan signatur (alg none)", replace(real(), headers=_headers(_none(kid))), Code.SIGNATURE_ALGORITHM)
    one = real()
    yield Sample(
        "Ett meddelande som är signerat med HS256 och den öppna nyckeln som hemlighet",
        replace(one, headers=_headers(_hmac(one.value or b"", signing))),
        Code.SIGNATURE_ALGORITHM,
    )
    one = real()
    yield Sample(
        "Ett meddelande vars signatur har innehållet i sig", replace(one, headers=_headers(_attached(one, signing))), Code.SIGNATURE_FORM
    )
    one = real()
    yield Sample(
        "Ett meddelande vars signatur säger mer än alg och kid",
        replace(one, headers=_headers(_talkative(one, signing))),
        Code.SIGNATURE_FORM,
    )
    yield Sample("Ett meddelande som är signerat med en okänd nyckel", real(signing=new_key("okand-2026-1")), Code.SIGNATURE_KEY_UNKNOWN)
    for key in sender.ended:
        end = jose.ended(key, sender.now)
        yield Sample(f"Ett meddelande som är signerat med en nyckel som {_ENDED[end]}", real(signing=key), Code(f"signature_key_{end}"))
    yield Sample("Ett meddelande som är signerat med fel nyckel i kommunens namn", real(signing=new_key(kid)), Code.SIGNATURE_INVALID)
    one = real()
    yield Sample("Ett meddelande som är ändrat på vägen", replace(one, value=(one.value or b"") + b" "), Code.SIGNATURE_INVALID)
    yield Sample("Ett tomt meddelande", replace(real(), value=None), Code.SIGNATURE_INVALID)
    yield Sample("Ett för stort meddelande", _too_large(real(), signing), Code.TOO_LARGE)


def _misplaced(sender: Sender) -> Iterator[Sample]:
    real = sender.record
    one = real()
    yield Sample(
        "Ett meddelande med ett okänt meddelandehuvud", replace(one, headers=[*one.headers, ("x-extra", b"1")]), Code.HEADER_UNKNOWN
    )
    one = real()
    yield Sample("Ett meddelande utan signaturhuvud", replace(one, headers=one.headers[:1]), Code.HEADER_MISSING)
    one = real()
    wrong = [("content-type", b"application/json"), *one.headers[1:]]
    yield Sample("Ett meddelande som säger sig vara något annat än ett CloudEvent", replace(one, headers=wrong), Code.CONTENT_TYPE)
    old = _rewritten(real(), sender.signing, {"specversion": "0.3"})
    yield Sample("Ett meddelande som är ett CloudEvent av en annan version", old, Code.EVENT_MALFORMED)
    yield Sample("Ett meddelande med en annan Kafka-nyckel", replace(real(), key=str(uuid4()).encode()), Code.KEY_MISMATCH)
    yield Sample("Ett meddelande på ett annat ämne (topic)", replace(real(), topic="los.share.annan.v1"), Code.TOPIC_MISMATCH)
    yield Sample("Ett meddelande från en annan avsändare", real({"source": "urn:los:0000:sharing"}), Code.SOURCE_MISMATCH)
    expiry = instant_text(sender.now - timedelta(days=1))
    yield Sample("Ett meddelande vars sista dag har passerat", real({"expirytime": expiry}), Code.EXPIRED)


def _closed(sender: Sender) -> Iterator[Sample]:
    yield Sample(
        "Ett meddelande som är krypterat till någon annan", sender.record(key=new_key("okand-2026-1")), Code.ENCRYPTION_KEY_UNKNOWN
    )
    key = sender.kit.keys.of_kind(sender.kit.receiver_kinds[0], sender.now)
    yield Sample("Ett meddelande vars kryptering säger sig hålla något annat än JSON", _with_form(sender, key), Code.ENCRYPTION_FORM)
    for key in sender.kit.keys.private.values():
        end = jose.ended(key, sender.now)
        if end:
            name = f"Ett meddelande som är krypterat till en egen nyckel som {_ENDED[end]}"
            yield Sample(name, sender.record(key=key), Code(f"encryption_key_{end}"))


def _contents(sender: Sender) -> Iterator[Sample]:
    real = sender.record
    yield Sample("Ett meddelande som är avsett för en annan mottagare", real(content={"aud": "annan"}), Code.AUD_MISMATCH)
    yield Sample(
        "Ett meddelande vars innehåll hör till ett annat utlämnande",
        real(content={"disclosure_id": str(uuid4())}),
        Code.DISCLOSURE_MISMATCH,
    )
    yield Sample("Ett meddelande vars innehåll är av ett annat slag", real(content={"record_kind": "annan"}), Code.KIND_MISMATCH)
    yield Sample("Ett meddelande med ett innehåll som inte är JSON", real(content=b"{"), Code.CONTENT_MALFORMED)
    yield Sample("Ett meddelande med ett fält som inte är text", real(content={"fields": {"sender.authority": 1}}), Code.CONTENT_MALFORMED)
    yield Sample("Ett nytt meddelande som säger sig ersätta något", real(content={"replaces": [str(uuid4())]}), Code.CONTENT_MALFORMED)
    recalled = f"se.los.{record_kinds(sender.kit.receiver_kinds[0])[0]}.recalled.v1"
    yield Sample("En återkallelse med ett innehåll", real({"type": recalled}), Code.CONTENT_MALFORMED)


def _headers(signature: bytes) -> list[tuple[str, bytes]]:
    return [("content-type", CONTENT_TYPE), ("los-signature", signature)]


def new_key(kid: str) -> ECKey:
    """A key pair on P-256."""
    return ECKey.generate_key("P-256", {"kid": kid})


def ended_keys(name: str, now: datetime, **more: str) -> tuple[ECKey, ECKey]:
    """One that expired a year ago and one that was revoked then."""
    year, then = now.year - 1, int((now - timedelta(days=365)).timestamp())
    ends: tuple[dict[str, Any], ...] = ({"exp": then}, {"revoked": {"revoked_at": then}})
    one, other = (
        ECKey.import_key(new_key(f"{name}-{year}-{number}").as_dict(private=True) | more | end) for number, end in enumerate(ends, 1)
    )
    return one, other


def _none(kid: str) -> bytes:
    return _segment({"alg": "none", "kid": kid}) + b".."


def _hmac(value: bytes, public: ECKey) -> bytes:
    """The old trick: the public key, which everybody has, taken as the secret of a symmetric method."""
    head = _segment({"alg": "HS256", "kid": str(public.kid)})
    signed = hmac.digest(public.as_pem(private=False), head + b"." + _base64(value), hashlib.sha256)
    return head + b".." + _base64(signed)


def _attached(record: Record, key: ECKey) -> bytes:
    return jws.serialize_compact({"alg": "ES256", "kid": key.kid}, record.value or b"", key).encode("ascii")


def _talkative(record: Record, key: ECKey) -> bytes:
    head, payload, signature = jws.serialize_compact({"alg": "ES256", "kid": key.kid, "typ": "JOSE"}, record.value or b"", key).split(".")
    assert payload  # noqa: S101 - taken out: the signature is detached
    return f"{head}..{signature}".encode("ascii")


def _too_large(record: Record, key: ECKey) -> Record:
    """A byte too much, and signed as it is: nothing else is wrong with it."""
    value = (record.value or b"").ljust(jose.VALUE_BYTES_MAX + 1)
    return replace(record, value=value, headers=_headers(jose.sign(value, key)))


def _with_form(sender: Sender, key: ECKey) -> Record:
    """Real but for one word of the encryption's header."""
    record = sender.record()
    event = json.loads(record.value or b"")
    header = jose.protected_header(event["data"], Code.ENCRYPTION_FORM)
    header = {name: word for name, word in header.items() if name != "epk"} | {"cty": "text/plain"}
    algorithms = [jose.KEY_ALGORITHM, jose.CONTENT_ALGORITHM]
    data = jwe.encrypt_compact(header, jose.decrypt(event["data"], key), key, algorithms=algorithms)
    return _rewritten(record, sender.signing, {"data": data})


def _rewritten(record: Record, key: ECKey, changes: Mapping[str, Any]) -> Record:
    value = json.dumps(json.loads(record.value or b"") | changes).encode()
    return replace(record, value=value, headers=_headers(jose.sign(value, key)))


def _segment(header: Mapping[str, str]) -> bytes:
    return _base64(json.dumps(header).encode("ascii"))


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
