"""Records that a consumer must handle and records that it must refuse, made with keys that are thrown away.

`samples(kit)` gives a kit with those keys, and the records in the order they are to be received.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from joserfc.jwk import ECKey

from partner import jose
from partner.envelope import CONTENT_TYPE, Record
from partner.feedback import instant_text
from partner.jose import Code
from partner.kit import Keyring, Kit
from partner.receiver import Verdict
from partner.sender import Sender

_KOMMUN_KID = "kommun-sig-2026-1"


@dataclass(frozen=True, slots=True)
class Sample:
    """A record, what it is (Swedish), and what must become of it."""

    name: str
    record: Record
    expected: Verdict | Code


def samples(kit: Kit, now: datetime) -> tuple[Kit, list[Sample]]:
    """The kit to receive with, and the records."""
    signing = new_key(_KOMMUN_KID)
    own = {f"{kind}-2026-1": new_key(f"{kind}-2026-1") for kind in kit.receiver_kinds}
    kit = replace(
        kit,
        keys=Keyring(
            private=own,
            receiver_kind={f"{kind}-2026-1": kind for kind in kit.receiver_kinds},
            kommun_signing={_KOMMUN_KID: signing},
            kommun_encryption={"kommun-enc-2026-1": new_key("kommun-enc-2026-1")},
        ),
    )
    return kit, table(Sender(kit, signing, now))


def table(sender: Sender) -> list[Sample]:
    """The records of this sender, in the order they are to be received."""
    signing, other, now = sender.signing, new_key("okand-2026-1"), sender.now
    kid = str(signing.kid)
    valid = sender.record({"sequence": "2"})
    text = valid.key.decode("ascii") if valid.key else ""
    unsigned = [
        Sample("Ett meddelande utan signatur (alg none)", replace(valid, headers=_headers(_none(kid))), Code.SIGNATURE_ALGORITHM),
        Sample(
            "Ett meddelande som är signerat med HS256 och den öppna nyckeln som hemlighet",
            replace(valid, headers=_headers(_hmac(valid.value or b"", signing))),
            Code.SIGNATURE_ALGORITHM,
        ),
        Sample("Ett meddelande som är signerat med en okänd nyckel", sender.record(signing=other), Code.SIGNATURE_KEY_UNKNOWN),
        Sample(
            "Ett meddelande som är signerat med fel nyckel i kommunens namn",
            sender.record(signing=new_key(kid)),
            Code.SIGNATURE_INVALID,
        ),
        Sample("Ett meddelande som är ändrat på vägen", replace(valid, value=(valid.value or b"") + b" "), Code.SIGNATURE_INVALID),
        Sample("Ett tomt meddelande", replace(valid, value=None), Code.SIGNATURE_INVALID),
        Sample("Ett för stort meddelande", replace(valid, value=b" " * (jose.VALUE_BYTES_MAX + 1)), Code.TOO_LARGE),
    ]
    misplaced = [
        Sample(
            "Ett meddelande med ett okänt meddelandehuvud",
            replace(valid, headers=[*valid.headers, ("x-extra", b"1")]),
            Code.HEADER_UNKNOWN,
        ),
        Sample("Ett meddelande utan signaturhuvud", replace(valid, headers=valid.headers[:1]), Code.HEADER_MISSING),
        Sample("Ett meddelande med en annan Kafka-nyckel", replace(valid, key=str(uuid4()).encode()), Code.KEY_MISMATCH),
        Sample("Ett meddelande på ett annat ämne (topic)", replace(valid, topic="los.share.annan.v1"), Code.TOPIC_MISMATCH),
        Sample("Ett meddelande från en annan avsändare", sender.record({"source": "urn:los:0000:sharing"}), Code.SOURCE_MISMATCH),
        Sample(
            "Ett meddelande vars sista dag har passerat",
            sender.record({"expirytime": instant_text(now - timedelta(days=1))}),
            Code.EXPIRED,
        ),
        Sample("Ett meddelande som är krypterat till någon annan", sender.record(key=other), Code.ENCRYPTION_KEY_UNKNOWN),
        Sample("Ett meddelande som är avsett för en annan mottagare", sender.record(content={"aud": "annan"}), Code.AUD_MISMATCH),
        Sample("Ett meddelande med ett innehåll som inte är JSON", sender.record(content=b"{"), Code.CONTENT_MALFORMED),
    ]
    return [
        Sample("Ett riktigt meddelande", valid, Verdict.HANDLED),
        Sample("Samma meddelande en gång till", valid, Verdict.DUPLICATE),
        Sample(
            "Ett meddelande som är äldre än det sista i samma ärende",
            sender.record({"partitionkey": text, "sequence": "1"}),
            Code.SEQUENCE_REPLAYED,
        ),
        *unsigned,
        *misplaced,
        Sample(
            "Det följande meddelandet i samma ärende",
            sender.record({"partitionkey": text, "sequence": "3"}),
            Verdict.HANDLED,
        ),
    ]


def _headers(signature: bytes) -> list[tuple[str, bytes]]:
    return [("content-type", CONTENT_TYPE), ("los-signature", signature)]


def new_key(kid: str) -> ECKey:
    """A key pair on P-256."""
    return ECKey.generate_key("P-256", {"kid": kid})


def _none(kid: str) -> bytes:
    return _segment({"alg": "none", "kid": kid}) + b".."


def _hmac(value: bytes, public: ECKey) -> bytes:
    """The old trick: the public key, which everybody has, taken as the secret of a symmetric method."""
    head = _segment({"alg": "HS256", "kid": str(public.kid)})
    signed = hmac.digest(public.as_pem(private=False), head + b"." + _base64(value), hashlib.sha256)
    return head + b".." + _base64(signed)


def _segment(header: Mapping[str, str]) -> bytes:
    return _base64(json.dumps(header).encode("ascii"))


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
