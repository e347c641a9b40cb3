"""From a Kafka record to what the kommun sent, or a refusal: the checks of the contract, in its order.

Pure: keys and the present moment come in, nothing is stored, nothing is fetched.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from partner import jose
from partner.contract import conforming
from partner.jose import Code, Refused
from partner.kit import Kit

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
HEADERS = ("content-type", "los-signature")
SKEW = timedelta(seconds=60)
"""How far two clocks may be apart."""

_TYPE = re.compile(r"se\.los\.(?P<kind>[a-z][a-z_]{0,59})\.(?P<change>shared|corrected|recalled)\.v1", re.ASCII)
_SHARED = re.compile(rb'"type"\s*:\s*"se\.los\.[a-z_]{1,60}\.shared\.v1"')
_SEQUENCE = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z", re.ASCII)
_CLASSIFICATION = re.compile(r"sekretess|open")
_DATA_TYPE = re.compile(r"application/jose")


class Change(StrEnum):
    """What an event does to a disclosure."""

    SHARED = "shared"
    CORRECTED = "corrected"
    RECALLED = "recalled"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A disclosure whose content may no longer be used: `replaced_by` another, or recalled."""

    disclosure_id: str
    replaced_by: str | None

    @property
    def code(self) -> Code:
        """Why an event of the disclosure is refused."""
        return Code.REPLACED if self.replaced_by else Code.RECALLED


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the broker delivered it; `fault` when the client could not read it, and then nothing but its place."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    fault: Code | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What may be read outside the encryption, shown to come from the kommun."""

    id: str
    source: str
    type: str
    change: Change
    record_kind: str
    time: datetime
    key: str
    sequence: int
    disclosure_id: str
    expiry_time: datetime
    classification: str
    data: str

    @property
    def recalls(self) -> tuple[Withdrawal, ...]:
        """What a recall withdraws. The kommun signed it outside the encryption, so it holds even if the inside cannot be read."""
        return (Withdrawal(self.disclosure_id, None),) if self.change is Change.RECALLED else ()


@dataclass(frozen=True, slots=True)
class Opened:
    """An event and its content. `fields` has the dotted names of the ground; a value is a text or a list of texts.

    `replaces`: the disclosures whose place a corrected one takes. The `fields` of a recalled one are empty.
    """

    event: Event
    receiver_kind: str
    record_kind: str
    purpose: str
    ground_id: str
    citation: str
    sfs: str
    secrecy: tuple[str, ...]
    fields: Mapping[str, str | list[str]]
    replaces: tuple[str, ...] = ()

    @property
    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """The disclosures whose content may not be used from now on."""
        return self.event.recalls or tuple(Withdrawal(old, self.event.disclosure_id) for old in self.replaces)


def open_record(record: Record, kit: Kit, now: datetime) -> Opened:
    """Verify and open one record. Raises Refused, with the event as soon as it is known to be authentic."""
    event = verified_event(record, kit, now)
    try:
        return _opened(event, kit, now)
    except Refused as refusal:
        refusal.event = event
        raise


def withdrawals_in(record: Record, kit: Kit, now: datetime) -> tuple[Withdrawal, ...]:
    """What a record withdraws, if it is an authentic recall or correction; a shared one costs a search for its type and no more."""
    if record.fault or _SHARED.search(record.value or b""):
        return ()
    try:
        return open_record(record, kit, now).withdrawals
    except Refused as refusal:
        return refusal.event.recalls if refusal.event else ()


def verified_event(record: Record, kit: Kit, now: datetime) -> Event:
    """Headers, signature, CloudEvent, and that key, topic and source are what they should be. Raises Refused."""
    if record.fault:
        raise Refused(record.fault)
    value = record.value or b""
    if len(value) > jose.VALUE_BYTES_MAX:
        raise Refused(Code.TOO_LARGE)
    jose.verify(signature_of(record.headers), value, kit.keys.kommun_signing, now)
    event = _event(jose.read_json(value, Code.EVENT_MALFORMED))
    if record.key != event.key.encode("ascii"):
        raise Refused(Code.KEY_MISMATCH)
    if record.topic != kit.share_topic:
        raise Refused(Code.TOPIC_MISMATCH)
    if event.source != kit.kommun_source:
        raise Refused(Code.SOURCE_MISMATCH)
    return event


def receiver_kind_of(event: Event, kit: Kit) -> str | None:
    """Which of the agency's own receiver kinds the event is encrypted to, if any."""
    try:
        return kit.keys.receiver_kind.get(jose.addressed_to(event.data))
    except Refused:
        return None


def signature_of(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """The signature among the headers, which are these two and no others. Raises Refused."""
    if any(name not in HEADERS for name, _ in headers):
        raise Refused(Code.HEADER_UNKNOWN)
    found = dict(headers)
    if len(headers) != len(HEADERS) or len(found) != len(HEADERS):
        raise Refused(Code.HEADER_MISSING)
    if found["content-type"] != CONTENT_TYPE:
        raise Refused(Code.CONTENT_TYPE)
    return found["los-signature"] or b""


def _event(attributes: dict[str, Any]) -> Event:
    data = attributes.pop("data", None)
    try:
        # The library fills in an id and a time that are missing; the contract wants them sent.
        time = _instant(attributes["time"])
        kind = _matching(_TYPE, attributes["type"])
        CloudEvent(attributes | {"time": time})
        event = Event(
            id=_uuid(attributes["id"]),
            source=attributes["source"],
            type=attributes["type"],
            change=Change(kind["change"]),
            record_kind=kind["kind"],
            time=time,
            key=_uuid(attributes["partitionkey"]),
            sequence=int(_matching(_SEQUENCE, attributes["sequence"])[0]),
            disclosure_id=_uuid(attributes["correlationid"]),
            expiry_time=_instant(attributes["expirytime"]),
            classification=_matching(_CLASSIFICATION, attributes["dataclassification"])[0],
            data=_text(data),
        )
        _matching(_DATA_TYPE, attributes["datacontenttype"])
        _instant(attributes["recordedtime"])
    except (CloudEventValidationError, KeyError, ValueError):
        raise Refused(Code.EVENT_MALFORMED) from None
    return event


def _opened(event: Event, kit: Kit, now: datetime) -> Opened:
    if event.expiry_time < now - SKEW:
        raise Refused(Code.EXPIRED)
    kid = jose.addressed_to(event.data)
    key = jose.usable(kit.keys.private, kid, now, "encryption_key")
    content = jose.read_json(jose.decrypt(event.data, key), Code.CONTENT_MALFORMED)
    receiver_kind = kit.keys.receiver_kind[kid]
    try:
        opened = Opened(
            event=event,
            receiver_kind=_text(content["aud"]),
            record_kind=_text(content["record_kind"]),
            purpose=_text(content["purpose"]),
            ground_id=_text(content["legal"]["basis_id"]),
            citation=_text(content["legal"]["citation"]),
            sfs=_text(content["legal"]["sfs"]),
            secrecy=tuple(_texts(content["secrecy"])),
            fields=_fields(event, content["fields"]),
            replaces=_replaces(event, content.get("replaces")),
        )
        disclosure_id = _uuid(content["disclosure_id"])
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Refused(Code.CONTENT_MALFORMED) from None
    if opened.receiver_kind != receiver_kind:
        raise Refused(Code.AUD_MISMATCH)
    if disclosure_id != event.disclosure_id:
        raise Refused(Code.DISCLOSURE_MISMATCH)
    if opened.record_kind != event.record_kind:
        raise Refused(Code.KIND_MISMATCH)
    return replace(opened, fields=conforming(content, event.type, receiver_kind)["fields"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - one kind of failure for every broken value
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004 - as above
    return [_text(part) for part in value]


def _field(value: object) -> str | list[str]:
    return value if isinstance(value, str) else _texts(value)


def _fields(event: Event, content: Mapping[str, object]) -> dict[str, str | list[str]]:
    """A recall tells nothing."""
    fields = {name: _field(value) for name, value in content.items()}
    if event.change is Change.RECALLED and fields:
        raise ValueError
    return fields


def _replaces(event: Event, value: object) -> tuple[str, ...]:
    """A correction names what it takes the place of: sorted, at least one, never itself. Nothing else does."""
    if event.change is not Change.CORRECTED:
        if value is not None:
            raise ValueError
        return ()
    found = [_uuid(one) for one in _texts(value)]
    if not found or found != sorted(set(found)) or event.disclosure_id in found:
        raise ValueError
    return tuple(found)


def _matching(pattern: re.Pattern[str], value: object) -> re.Match[str]:
    match = pattern.fullmatch(_text(value))
    if not match:
        raise ValueError
    return match


def _uuid(value: object) -> str:
    """A UUID in its one canonical text form, so that two spellings never count as two."""
    text = _text(value)
    if str(UUID(text)) != text:
        raise ValueError
    return text


def _instant(value: object) -> datetime:
    return datetime.fromisoformat(_matching(_INSTANT, value)[0])
