"""A kommun that is played: it writes records as the contract says, or almost. For samples and for the judge of a consumer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from joserfc.jwk import ECKey

from partner import jose
from partner.contract import example, record_kinds
from partner.envelope import CONTENT_TYPE, Record
from partner.feedback import instant_text
from partner.kit import Kit

RECALL_DAYS = 3653
"""A recall is in force for ten years: an obligation does not lapse."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one event says: its record, and what a consumer has to find in it."""

    record: Record
    event_id: str
    disclosure_id: str
    record_kind: str
    change: str
    receiver_kind: str
    content: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The case that it belongs to."""
        return (self.record.key or b"").decode("ascii")

    @property
    def fields(self) -> Mapping[str, Any]:
        """What is handed out."""
        found: Mapping[str, Any] = self.content["fields"]
        return found


@dataclass(frozen=True, slots=True)
class Sender:
    """A kommun of its own with a signing key of its own, that writes to the partner of `kit`. What it writes expires after `days`."""

    kit: Kit
    signing: ECKey
    now: datetime
    days: int = 1
    ended: Sequence[ECKey] = ()
    """Signing keys that the partner knows have expired or been revoked, for what has to be refused."""

    def record(
        self,
        attributes: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | bytes | None = None,
        *,
        key: ECKey | None = None,
        signing: ECKey | None = None,
    ) -> Record:
        """A valid record of the first kind, save for what is given."""
        kind = self.kit.receiver_kinds[0]
        record_kind, disclosure_id = record_kinds(kind)[0], str(uuid4())
        plain = content if isinstance(content, bytes) else _json(example(record_kind, kind, "shared", disclosure_id) | dict(content or {}))
        outside = self._outside(record_kind, "shared", disclosure_id) | dict(attributes or {})
        return self._sealed(outside, plain, key or self.kit.keys.of_kind(kind, self.now), signing or self.signing)

    def told(  # what a sample is made of
        self,
        receiver_kind: str,
        record_kind: str,
        change: str = "shared",
        *,
        key: str | None = None,
        sequence: int = 1,
        disclosure_id: str | None = None,
        replaces: Sequence[str] = (),
    ) -> Told:
        """An event of any kind, as the contract has it."""
        disclosure_id = disclosure_id or str(uuid4())
        inside = example(record_kind, receiver_kind, change, disclosure_id)
        if replaces:
            inside["replaces"] = sorted(replaces)
        outside = self._outside(record_kind, change, disclosure_id) | {"partitionkey": key or str(uuid4()), "sequence": str(sequence)}
        record = self._sealed(outside, _json(inside), self.kit.keys.of_kind(receiver_kind, self.now), self.signing)
        return Told(record, outside["id"], disclosure_id, record_kind, change, receiver_kind, inside)

    def _outside(self, record_kind: str, change: str, disclosure_id: str) -> dict[str, Any]:
        days = RECALL_DAYS if change == "recalled" else self.days
        return {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": self.kit.kommun_source,
            "type": f"se.los.{record_kind}.{change}.v1",
            "time": self.now,
            "datacontenttype": "application/jose",
            "partitionkey": str(uuid4()),
            "sequence": "1",
            "correlationid": disclosure_id,
            "recordedtime": instant_text(self.now),
            "expirytime": instant_text(self.now + timedelta(days=days)),
            "dataclassification": "open",
        }

    def _sealed(self, outside: Mapping[str, Any], plain: bytes, key: ECKey, signing: ECKey) -> Record:
        value = JSONFormat().write(CloudEvent(dict(outside), jose.encrypt(plain, key)))
        return Record(
            topic=self.kit.share_topic,
            partition=0,
            offset=0,
            key=outside["partitionkey"].encode("ascii"),
            value=value,
            headers=[("content-type", CONTENT_TYPE), ("los-signature", jose.sign(value, signing))],
        )


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
