"""A conforming consumer in Python without the SDK: confluent-kafka, jwcrypto, SQLite. Run: python consumer.py KIT_FOLDER.

Prints one JSON object a line for each event that it hands out; what it says of itself goes to stderr.
"""

import base64
import json
import re
import signal
import sqlite3
import sys
import time
import tomllib
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from jwcrypto import jwe, jwk, jws

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
JWE = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "typ": "JOSE", "cty": "application/json"}
SKEW, VALUE_BYTES_MAX = timedelta(seconds=60), 90_000
TYPE = re.compile(r"se\.los\.([a-z_]+)\.(shared|corrected|recalled)\.v1")

FOLDER = Path(sys.argv[1])
KIT = tomllib.loads((FOLDER / "partner.toml").read_text(encoding="utf-8"))
OWN = {key["kid"]: key for key in json.loads((FOLDER / KIT["keys"]["private_file"]).read_text())["keys"]}
KOMMUN = json.loads((FOLDER / KIT["keys"]["kommun_file"]).read_text())["keys"]


class Refused(Exception):
    """Why an event is not taken. With `event` the kommun gets to know; without, it was forged and gets silence."""

    def __init__(self, reason, event=None):
        super().__init__(reason)
        self.reason, self.event = reason, event


def must(holds, reason, event=None):
    if not holds:
        raise Refused(reason, event)


def usable(key):
    return not key.get("revoked") and key.get("nbf", 0) <= time.time() < key.get("exp", float("inf"))


def newest(keys):
    return max((key for key in keys if usable(key)), key=lambda key: (key.get("nbf", 0), key["kid"]))


def kind_of(kid):
    return next((kind for kind in KIT["receiver_kinds"] if re.fullmatch(rf"{re.escape(kind)}-\d{{4}}-\d+", str(kid))), None)


def once(pairs):
    """A name said twice is refused: two readers could choose differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def read_json(text, reason, event=None):
    try:
        found = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Refused(reason, event) from None
    must(isinstance(found, dict), reason, event)
    return found


def part(segment):
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


def header_of(segment, reason, event=None):
    try:
        return read_json(part(segment), reason, event)
    except ValueError:
        raise Refused(reason, event) from None


def verified(message):
    """The event, shown to come from the kommun and to be where it belongs."""
    value, headers = message.value() or b"", message.headers() or []
    must(len(value) <= VALUE_BYTES_MAX, "too_large")
    must(all(name in ("content-type", "los-signature") for name, _ in headers), "header_unknown")
    must(len(headers) == 2 and len(dict(headers)) == 2, "header_missing")
    must(dict(headers)["content-type"] == CONTENT_TYPE, "content_type")
    segments = (dict(headers)["los-signature"] or b"").split(b".")
    must(len(segments) == 3 and segments[1] == b"", "signature_form")
    header = header_of(segments[0], "signature_form")
    must(header.get("alg") == "ES256", "signature_algorithm")
    must(set(header) == {"alg", "kid"}, "signature_form")
    key = next((key for key in KOMMUN if key.get("use") == "sig" and key["kid"] == header["kid"]), None)
    must(key and usable(key), "signature_key_unknown")
    try:
        token = jws.JWS()
        token.allowed_algs = ["ES256"]
        token.deserialize(b".".join([segments[0], base64.urlsafe_b64encode(value).rstrip(b"="), segments[2]]).decode(), jwk.JWK(**key))
    except (jws.InvalidJWSSignature, jws.InvalidJWSObject, ValueError):
        raise Refused("signature_invalid") from None
    event = read_json(value, "event_malformed")
    try:
        kind, change = TYPE.fullmatch(event["type"]).groups()
        event |= {"kind": kind, "change": change, "number": int(event["sequence"]), "until": datetime.fromisoformat(event["expirytime"])}
        must(event["specversion"] == "1.0" and event["id"] and isinstance(event["data"], str), "event_malformed")
        key, source = event["partitionkey"], event["source"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused("event_malformed") from None
    must(message.key() == key.encode(), "key_mismatch")
    must(message.topic() == KIT["share_topic"], "topic_mismatch")
    must(source == KIT["kommun_source"], "source_mismatch")
    return event


def opened(event):
    """The content, and the disclosures that it recalls or replaces."""
    must(event["until"] > datetime.now(timezone.utc) - SKEW, "expired", event)
    header = header_of(event["data"].split(".")[0].encode(), "encryption_form", event)
    must(set(header) == {*JWE, "kid", "epk"} and all(header[name] == word for name, word in JWE.items()), "encryption_form", event)
    must(header["kid"] in OWN and usable(OWN[header["kid"]]), "encryption_key_unknown", event)
    try:
        token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
        token.deserialize(event["data"], jwk.JWK(**OWN[header["kid"]]))
    except Exception:
        raise Refused("encryption_invalid", event) from None
    content = read_json(token.payload, "content_malformed", event)
    fields, replaces = content.get("fields"), content.get("replaces", [])
    texts = isinstance(fields, dict) and [one for value in fields.values() for one in (value if isinstance(value, list) else [value])]
    must(isinstance(texts, list) and all(isinstance(one, str) for one in texts), "content_malformed", event)
    must(content.get("aud") == kind_of(header["kid"]), "aud_mismatch", event)
    must(content.get("disclosure_id") == event["correlationid"], "disclosure_mismatch", event)
    must(content.get("record_kind") == event["kind"], "kind_mismatch", event)
    must(isinstance(replaces, list) and bool(replaces) == (event["change"] == "corrected"), "content_malformed", event)
    must(event["change"] != "recalled" or fields == {}, "content_malformed", event)
    return content, [event["correlationid"]] if event["change"] == "recalled" else replaces


def canonical(thing):
    return json.dumps(thing, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def receipt(event, kind, reason=None):
    """A receipt: its id follows from the event and what is said, so that the same receipt sent twice is one."""
    said = {"status": "refused", "reason": reason} if reason else {"status": "received"}
    now = datetime.now(timezone.utc)
    instant = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    until = (now + timedelta(days=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = said | {
        "aud": "kommun",
        "disclosure_id": event["correlationid"],
        "event_id": event["id"],
        "receiver_kind": kind,
        "time": instant,
    }
    to = newest([key for key in KOMMUN if key.get("use") == "enc"])
    sender = newest([key for key in OWN.values() if kind_of(key["kid"]) == kind])
    data = jwe.JWE(canonical(body).encode(), json.dumps(JWE | {"kid": to["kid"]}), recipient=jwk.JWK(**to))
    value = canonical(
        {
            "specversion": "1.0",
            "id": str(uuid.uuid5(uuid.UUID(event["id"]), "se.los.receipt.v1" + canonical(said))),
            "source": f"urn:los:agency:{KIT['agency']}",
            "type": "se.los.receipt.v1",
            "time": instant,
            "datacontenttype": "application/jose",
            "partitionkey": event["partitionkey"],
            "correlationid": event["correlationid"],
            "recordedtime": instant,
            "expirytime": until,
            "dataclassification": event["dataclassification"],
            "data": data.serialize(compact=True),
        }
    ).encode()
    token = jws.JWS(value)
    token.add_signature(jwk.JWK(**sender), "ES256", json.dumps({"alg": "ES256", "kid": sender["kid"]}))
    protected, _, signature = token.serialize(compact=True).split(".")
    headers = [("content-type", CONTENT_TYPE), ("los-signature", f"{protected}..{signature}".encode())]
    producer.produce(KIT["reply_topic"], key=event["partitionkey"], value=value, headers=headers)
    if producer.flush(20):
        raise SystemExit("the reply topic does not take the receipt")


def take(message):
    """One record: on disk, handed out once, answered, in that order; only then may its offset be committed."""
    try:
        event = verified(message)
        if not database.execute("SELECT 1 FROM handled WHERE id = ?", (event["id"],)).fetchone():
            content, ended = opened(event)
            (last,) = database.execute("SELECT coalesce(max(sequence), 0) FROM handled WHERE key = ?", (event["partitionkey"],)).fetchone()
            must(event["number"] > last, "sequence_replayed", event)
            is_gone = database.execute("SELECT 1 FROM gone WHERE disclosure = ?", (event["correlationid"],)).fetchone()
            with database:  # your own system's effect belongs in this transaction: a crash leaves both of them or none
                database.execute("INSERT INTO handled VALUES (?, ?, ?)", (event["id"], event["partitionkey"], event["number"]))
                forget(ended)
                if event["change"] == "recalled" or not is_gone:
                    hand_out(event, content)
        receipt(event, addressed(event))
    except Refused as refused:
        print(f"refused: {refused.reason}", file=sys.stderr)
        kind = refused.event and addressed(refused.event)
        if kind:
            receipt(refused.event, kind, refused.reason)


def hand_out(event, content):
    shown = {"event_id": event["id"], "disclosure_id": event["correlationid"], "record_kind": event["kind"], "change": event["change"]}
    print(json.dumps(shown | {"receiver_kind": content["aud"], "fields": content["fields"]}, ensure_ascii=False), flush=True)


def addressed(event):
    try:
        return kind_of(header_of(event["data"].split(".")[0].encode(), "").get("kid"))
    except Refused:
        return None


def forget(disclosures):
    database.executemany("INSERT OR IGNORE INTO gone VALUES (?)", [(one,) for one in disclosures])


def look_ahead():
    """What is recalled or replaced among what is already there: whoever was away for a day hands none of it out."""
    scan = Consumer(CLIENT | {"group.id": f"{KIT['group_prefix']}scan.{uuid.uuid4()}", "enable.auto.commit": False})
    places = [
        TopicPartition(KIT["share_topic"], number)
        for number in scan.list_topics(KIT["share_topic"], 20).topics[KIT["share_topic"]].partitions
    ]
    for place in places:
        low, high = scan.get_watermark_offsets(place, 20)
        if low == high:
            continue
        scan.assign([TopicPartition(place.topic, place.partition, OFFSET_BEGINNING)])
        while True:
            message = scan.poll(20)
            if message is None or message.error():
                raise SystemExit("the topic cannot be read to its end")
            try:
                with database:
                    forget(opened(verified(message))[1])
            except Refused:
                pass
            if message.offset() + 1 >= high:
                break
    scan.close()


CLIENT = {
    "bootstrap.servers": KIT["kafka"]["bootstrap_servers"],
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": KIT["kafka"]["username"],
    "sasl.password": (FOLDER / KIT["kafka"]["password_file"]).read_text().strip(),
    "ssl.ca.location": str(FOLDER / KIT["kafka"]["ca_file"]),
}
QUICK = {"session.timeout.ms": 6000}  # how soon a new process gets the partitions of one that died
database = sqlite3.connect(FOLDER / "handled.db")
database.executescript(
    "CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY, key TEXT, sequence INTEGER);"
    "CREATE TABLE IF NOT EXISTS gone (disclosure TEXT PRIMARY KEY);"
)
producer = Producer(CLIENT | {"enable.idempotence": True})
stopping = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stopping.append(True))
look_ahead()
consumer = Consumer(
    CLIENT | {"group.id": f"{KIT['group_prefix']}inbox", "enable.auto.commit": False, "auto.offset.reset": "earliest"} | QUICK
)
consumer.subscribe([KIT["share_topic"]])
while not stopping:
    message = consumer.poll(0.5)
    if message is None:
        continue
    if message.error():
        print(message.error().str(), file=sys.stderr)
        continue
    take(message)
    consumer.commit(message, asynchronous=False)
consumer.close()
