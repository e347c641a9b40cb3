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
from typing import Any
from uuid import uuid4

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from joserfc.jwk import ECKey

from partner import jose
from partner.envelope import CONTENT_TYPE, Record
from partner.feedback import instant_text
from partner.jose import Code
from partner.kit import Keyring, Kit
from partner.receiver import Verdict

_KOMMUN_KID = "kommun-sig-2026-1"


@dataclass(frozen=True, slots=True)
class Sample:
    """A record, what it is (Swedish), and what must become of it."""

    name: str
    record: Record
    expected: Verdict | Code


@dataclass(frozen=True, slots=True)
class _Sender:
    """A kommun of its own with keys of its own, that writes records as the contract says, or almost."""

    kit: Kit
    signing: ECKey
    now: datetime

    def record(
        self,
        attributes: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | bytes | None = None,
        *,
        key: ECKey | None = None,
        signing: ECKey | None = None,
    ) -> Record:
        """A valid record, save for what is given."""
        kind = self.kit.receiver_kinds[0]
        disclosure_id = str(uuid4())
        inside = {
            "aud": kind,
            "disclosure_id": disclosure_id,
            "record_kind": "control_invitation",
            "purpose": "Prov av mottagningen.",
            "legal": {"basis_id": "prov", "citation": "prov", "sfs": "prov"},
            "secrecy": [],
            "fields": {"sender.authority": "Provkommunen"},
        }
        plain = content if isinstance(content, bytes) else json.dumps(inside | dict(content or {})).encode()
        outside: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": self.kit.kommun_source,
            "type": "se.los.control_invitation.shared.v1",
            "time": self.now,
            "datacontenttype": "application/jose",
            "partitionkey": str(uuid4()),
            "sequence": "1",
            "correlationid": disclosure_id,
            "recordedtime": instant_text(self.now),
            "expirytime": instant_text(self.now + timedelta(days=1)),
            "dataclassification": "open",
        } | dict(attributes or {})
        data = jose.encrypt(plain, key or self.kit.keys.of_kind(kind, self.now))
        value = JSONFormat().write(CloudEvent(dict(outside), data))
        return Record(
            topic=self.kit.share_topic,
            partition=0,
            offset=0,
            key=outside["partitionkey"].encode("ascii"),
            value=value,
            headers=_headers(jose.sign(value, signing or self.signing)),
        )


def samples(kit: Kit, now: datetime) -> tuple[Kit, list[Sample]]:
    """The kit to receive with, and the records."""
    signing, other = _new_key(_KOMMUN_KID), _new_key("okand-2026-1")
    own = {f"{kind}-2026-1": _new_key(f"{kind}-2026-1") for kind in kit.receiver_kinds}
    kit = replace(
        kit,
        keys=Keyring(
            private=own,
            receiver_kind={f"{kind}-2026-1": kind for kind in kit.receiver_kinds},
            kommun_signing={_KOMMUN_KID: signing},
            kommun_encryption={"kommun-enc-2026-1": _new_key("kommun-enc-2026-1")},
        ),
    )
    sender = _Sender(kit, signing, now)
    valid = sender.record({"sequence": "2"})
    text = valid.key.decode("ascii") if valid.key else ""
    unsigned = [
        Sample("Ett meddelande utan signatur (alg none)", replace(valid, headers=_headers(_none())), Code.SIGNATURE_ALGORITHM),
        Sample(
            "Ett meddelande som är signerat med HS256 och den öppna nyckeln som hemlighet",
            replace(valid, headers=_headers(_hmac(valid.value or b"", signing))),
            Code.SIGNATURE_ALGORITHM,
        ),
        Sample("Ett meddelande som är signerat med en okänd nyckel", sender.record(signing=other), Code.SIGNATURE_KEY_UNKNOWN),
        Sample(
            "Ett meddelande som är signerat med fel nyckel i kommunens namn",
            sender.record(signing=_new_key(_KOMMUN_KID)),
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
    return kit, [
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


def _new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def _none() -> bytes:
    return _segment({"alg": "none", "kid": _KOMMUN_KID}) + b".."


def _hmac(value: bytes, public: ECKey) -> bytes:
    """The old trick: the public key, which everybody has, taken as the secret of a symmetric method."""
    head = _segment({"alg": "HS256", "kid": _KOMMUN_KID})
    signed = hmac.digest(public.as_pem(private=False), head + b"." + _base64(value), hashlib.sha256)
    return head + b".." + _base64(signed)


def _segment(header: Mapping[str, str]) -> bytes:
    return _base64(json.dumps(header).encode("ascii"))


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
