"""A kommun and an agency that know each other's keys, and valid things to change in a test."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from joserfc.jwk import ECKey

from partner import jose
from partner.contract import record_kinds
from partner.envelope import Record
from partner.feedback import Reply
from partner.kit import Broker, Kit, keyring
from services.sharing.sealing import Event, Key, Keys, Receiver, SealedRecord, content_bytes, seal_event

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
KINDS = {
    "skatteverket": ("skatteverket-folkbokforing", "skatteverket-beskattning"),
    "forsakringskassan": ("forsakringskassan",),
    "kronofogden": ("kronofogden",),
    "polisen": ("polismyndigheten",),
}
ENVELOPE: Mapping[str, str | list[str]] = {
    "sender.authority": "Linköpings kommun",
    "sender.unit": "Kontrollfunktionen",
    "sender.function_mailbox": "kontroll@kommunen.example",
    "sender.case_number": "LOS-2026-0123456789ab",
    "legal.basis_id": "fol-32c-2021",
}
AGENCY_OF = {kind: agency for agency, kinds in KINDS.items() for kind in kinds}


@dataclass(frozen=True, slots=True)
class World:
    """The kommun's keys and every agency's kit."""

    keys: Keys
    signing: ECKey
    encryption: ECKey
    kits: Mapping[str, Kit]
    private: Mapping[str, ECKey]


def a_key(kid: str, use: Literal["sig", "enc"] | None = None) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": use} if use else {"kid": kid})


@cache
def a_world() -> World:
    signing, encryption = a_key("0580-sig-2026-1", use="sig"), a_key("0580-enc-2026-1", use="enc")
    private = {kind: a_key(f"{kind}-2026-1") for kind in AGENCY_OF}
    kommun = [signing.as_dict(private=False), encryption.as_dict(private=False)]
    kits = {
        agency: Kit(
            agency=agency,
            kommun_source="urn:los:0580:sharing",
            receiver_kinds=kinds,
            share_topic=f"los.share.{agency}.v1",
            reply_topic=f"los.reply.{agency}.v1",
            group_prefix=f"{agency}.",
            broker=Broker("127.0.0.1:1", agency, "hemligt", "ca.crt"),
            keys=keyring([dict(private[kind].as_dict(private=True)) for kind in kinds], [dict(key) for key in kommun], kinds),
        )
        for agency, kinds in KINDS.items()
    }
    receivers = {
        kind: Receiver(agency, (Key.read(private[kind].as_dict(private=False), private=False),)) for kind, agency in AGENCY_OF.items()
    }
    return World(Keys((Key(signing),), (Key(encryption),), receivers), signing, encryption, kits, private)


def an_event(**changes: Any) -> Event:  # noqa: ANN401 - any part of an event
    """An event of a kind that its receiver kind gets."""
    told = record_kinds(changes["receiver_kind"]) if "receiver_kind" in changes else ()
    event = Event(
        id=uuid4(),
        kommun_code="0580",
        record_kind=told[0] if told else "folkbokforing_alert",
        change="shared",
        receiver_kind="skatteverket-folkbokforing",
        key=uuid4(),
        sequence=1,
        disclosure_id=uuid4(),
        time=NOW,
        recorded_time=NOW - timedelta(days=1),
        expiry_time=NOW + timedelta(days=30),
        secret=True,
    )
    return replace(event, **changes)


def a_content(event: Event, fields: Mapping[str, str | list[str]] | None = None, **changes: Any) -> bytes:  # noqa: ANN401 - any part
    """What the contract has every time, and these fields; a recall has these alone."""
    parts: dict[str, Any] = {
        "receiver_kind": event.receiver_kind,
        "disclosure_id": event.disclosure_id,
        "record_kind": event.record_kind,
        "purpose": "Utreda om folkbokföringen är rätt.",
        "basis_id": "fol-32c-2021",
        "citation": "32 c § folkbokföringslagen (1991:481)",
        "sfs": "2021:682",
        "secrecy": [],
        "fields": ({} if event.change == "recalled" else dict(ENVELOPE)) | dict(fields or {}),
    }
    return content_bytes(**parts | changes)


def sealed(event: Event, content: bytes | None = None) -> SealedRecord:
    return seal_event(event, a_content(event) if content is None else content, a_world().keys)


def a_record(event: Event, content: bytes | None = None, **changes: Any) -> Record:  # noqa: ANN401 - any part of a record
    record = sealed(event, content)
    topic = f"los.share.{AGENCY_OF[event.receiver_kind]}.v1"
    return replace(Record(topic, 0, 0, record.key, record.value, record.headers), **changes)


def forged(reply: Reply, kind: str, inside: Mapping[str, Any] | bytes | None = None, outside: Mapping[str, Any] | None = None) -> Reply:
    """An honest reply with parts changed (None leaves one out) and then signed by `kind`, as its agency could."""
    world = a_world()
    attributes = json.loads(reply.value)
    content = json.loads(jose.decrypt(attributes["data"], world.encryption))
    plain = inside if isinstance(inside, bytes) else json.dumps(content | dict(inside or {})).encode()
    attributes |= {"data": jose.encrypt(plain, world.encryption)} | dict(outside or {})
    value = json.dumps({name: text for name, text in attributes.items() if text is not None}).encode()
    return replace(reply, value=value, signature=jose.sign(value, world.private[kind]))


def a_folder(folder: Path, agency: str = "skatteverket", *, bootstrap_servers: str = "127.0.0.1:1") -> Path:
    """Write a partner's folder as the kommun hands it over."""
    world = a_world()
    folder.mkdir(parents=True)
    kinds = KINDS[agency]
    (folder / "partner.toml").write_text(
        f'agency = "{agency}"\n'
        'kommun_source = "urn:los:0580:sharing"\n'
        f"receiver_kinds = {json.dumps(kinds)}\n"
        f'share_topic = "los.share.{agency}.v1"\n'
        f'reply_topic = "los.reply.{agency}.v1"\n'
        f'group_prefix = "{agency}."\n'
        "[kafka]\n"
        f'bootstrap_servers = "{bootstrap_servers}"\n'
        'security_protocol = "SASL_SSL"\n'
        'sasl_mechanism = "SCRAM-SHA-512"\n'
        f'username = "{agency}"\n'
        'password_file = "password"\n'
        'ca_file = "ca.crt"\n'
        "[keys]\n"
        'private_file = "private.jwks"\n'
        'kommun_file = "kommun.jwks"\n',
        encoding="utf-8",
    )
    (folder / "password").write_text("hemligt\n", encoding="ascii")
    (folder / "ca.crt").write_text("", encoding="ascii")
    own = [world.private[kind].as_dict(private=True) for kind in kinds]
    (folder / "private.jwks").write_text(json.dumps({"keys": own}), encoding="ascii")
    kommun = [world.signing.as_dict(private=False), world.encryption.as_dict(private=False)]
    (folder / "kommun.jwks").write_text(json.dumps({"keys": kommun}), encoding="ascii")
    return folder
