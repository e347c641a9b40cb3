"""The sandbox: a made-up kommun with sample records and a topic each way of its own, for a consumer that is being built.

Its folder is a partner's folder as any other (`partner.toml`, `password`, `ca.crt`, `private.jwks`, `kommun.jwks`), and beside them what
the made-up kommun has: `kommun-password` at the broker and `kommun-private.jwks`. There is nothing in it but samples: one may play both.
"""

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudevents.core.v1.event import CloudEvent
from joserfc.jwk import ECKey

from partner import jose, kit
from partner.envelope import signature_of
from partner.jose import Code, Refused
from partner.kit import Broker, Kit
from partner.receiver import utc_now
from partner.samples import ended_keys
from partner.sender import Sender

KOMMUN_PRINCIPAL = "sandboxkommun"
KOMMUN_PASSWORD = "kommun-password"  # noqa: S105 - the name of a file
KOMMUN_PRIVATE = "kommun-private.jwks"
_COPIED = ("partner.toml", "password", "ca.crt")
_STATUSES = ("received", "refused")
_OTHERS = ("se.los.outcome.v1", "se.los.invitation.answered.v1", "se.los.notice.v1")
"""What a consumer may say besides its receipts; it is not judged by that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt that the made-up kommun could verify and open."""

    id: str
    event_id: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Both sides of a sandbox. `kommun_broker` is how the made-up kommun reaches the topics."""

    folder: Path
    kit: Kit
    kommun_broker: Broker
    signing: ECKey
    encryption: ECKey
    ended: tuple[ECKey, ...]

    def sender(self, now: datetime) -> Sender:
        """The made-up kommun, as it writes."""
        return Sender(self.kit, self.signing, now, ended=self.ended)

    def answer(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], now: datetime) -> Answer | None:
        """Verify and open one answer as a kommun does; None for what is no receipt. Raises Refused."""
        kid = jose.verify(signature_of(headers), value or b"", self.kit.keys.private, now)
        attributes = jose.read_json(value or b"", Code.EVENT_MALFORMED)
        data = attributes.pop("data", None)
        try:
            CloudEvent(attributes | {"time": datetime.fromisoformat(attributes["time"])})
            ids = [str(uuid.UUID(attributes[name])) for name in ("id", "partitionkey", "correlationid")]
        except Exception:  # noqa: BLE001 - the library's errors and ours: whatever is wrong with it
            raise Refused(Code.EVENT_MALFORMED) from None
        if key != ids[1].encode():
            raise Refused(Code.KEY_MISMATCH)
        if attributes["source"] != self.kit.source:
            raise Refused(Code.SOURCE_MISMATCH)
        if attributes["type"] in _OTHERS:
            return None
        if attributes["type"] != "se.los.receipt.v1" or not isinstance(data, str):
            raise Refused(Code.KIND_MISMATCH)
        body = jose.read_json(jose.decrypt(data, self.encryption), Code.CONTENT_MALFORMED)
        return Answer(ids[0], *_receipt(body, ids[2], self.kit.keys.receiver_kind[kid]))


def _receipt(body: Mapping[str, Any], disclosure_id: str, receiver_kind: str) -> tuple[str, str, str]:
    names = {"aud", "disclosure_id", "event_id", "receiver_kind", "time", "status"} | (
        {"reason"} if body.get("status") == "refused" else set()
    )
    if set(body) != names or body["status"] not in _STATUSES or not all(isinstance(word, str) for word in body.values()):
        raise Refused(Code.CONTENT_MALFORMED)
    if body["aud"] != "kommun" or body["receiver_kind"] != receiver_kind:
        raise Refused(Code.AUD_MISMATCH)
    if body["disclosure_id"] != disclosure_id:
        raise Refused(Code.DISCLOSURE_MISMATCH)
    return body["event_id"], body["status"], body.get("reason", "")


def load(folder: Path) -> Sandbox:
    """The sandbox as it lies in its folder. Raises KitError."""
    found = kit.load(folder)
    try:
        private = json.loads((folder / KOMMUN_PRIVATE).read_text(encoding="utf-8"))["keys"]
        password = (folder / KOMMUN_PASSWORD).read_text(encoding="utf-8").strip()
        keys = [(key["use"], ECKey.import_key(key)) for key in private]
        now = utc_now()
        holds = {use: key for use, key in keys if not jose.ended(key, now)}
        ended = tuple(key for _, key in keys if jose.ended(key, now))
    except (OSError, ValueError, KeyError) as error:
        raise kit.KitError(f"{folder.name}: mappen saknar {KOMMUN_PASSWORD} eller {KOMMUN_PRIVATE}, eller så är de trasiga.") from error
    broker = replace(found.broker, username=KOMMUN_PRINCIPAL, password=password)
    return Sandbox(folder, found, broker, holds["sig"], holds["enc"], ended)


def write_keys(folder: Path, receiver_kinds: tuple[str, ...]) -> None:
    """New keys for both sides; what was signed with others is then as good as forged. Beside them some that have ended."""
    now = utc_now()
    own = [ECKey.generate_key("P-256", {"kid": f"{kind}-{now.year}-1"}) for kind in receiver_kinds]
    own += ended_keys(receiver_kinds[0], now)
    kommun = [ECKey.generate_key("P-256", {"kid": f"sandbox-{use}-{now.year}-1", "use": use}) for use in ("sig", "enc")]
    kommun += ended_keys("sandbox-sig", now, use="sig")
    for name, keys, private in (
        ("private.jwks", own, True),
        ("kommun.jwks", kommun, False),
        (KOMMUN_PRIVATE, kommun, True),
    ):
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(json.dumps({"keys": [key.as_dict(private=private) for key in keys]}, indent=2) + "\n", encoding="utf-8")


def fresh(folder: Path, into: Path) -> Sandbox:
    """A copy of the sandbox with keys of its own, so that what earlier runs left on the topics is nobody's. Raises KitError."""
    receiver_kinds = kit.load(folder).receiver_kinds
    into.mkdir(mode=0o700)
    for name in (*_COPIED, KOMMUN_PASSWORD):
        shutil.copyfile(folder / name, into / name)
        (into / name).chmod(0o600)
    write_keys(into, receiver_kinds)
    return load(into)
