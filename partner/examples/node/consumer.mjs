// A conforming consumer in Node: kafkajs, jose, nothing of los. Run: node consumer.mjs KIT_FOLDER
// Prints one JSON object a line for each event that it hands out; what it says of itself goes to stderr.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, fsyncSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader, FlattenedSign, flattenedVerify, importJWK } from "jose";
import kafkajs from "kafkajs";
import { parse } from "smol-toml";

const { Kafka, logLevel } = kafkajs;
const CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8";
const JWE = { alg: "ECDH-ES+A256KW", enc: "A256GCM", typ: "JOSE", cty: "application/json" };
const SKEW_MS = 60_000, VALUE_BYTES_MAX = 90_000;

const folder = process.argv[2];
const file = (name) => readFileSync(join(folder, name));
const kit = parse(file("partner.toml").toString());
const jwks = (name) => JSON.parse(file(name).toString()).keys;
const usable = (key) => !key.revoked && (key.nbf ?? 0) <= Date.now() / 1000 && (key.exp ?? Infinity) > Date.now() / 1000;
const own = new Map(jwks(kit.keys.private_file).map((key) => [key.kid, key]));
const kommun = jwks(kit.keys.kommun_file);
const kindOf = (kid) => kit.receiver_kinds.find((kind) => new RegExp(`^${kind}-\\d{4}-\\d+$`).test(kid));
const newest = (keys) => keys.filter(usable).sort((a, b) => (b.nbf ?? 0) - (a.nbf ?? 0) || b.kid.localeCompare(a.kid))[0];

/** Why an event is not taken. With `event` the kommun gets to know; without, it was forged and gets silence. */
class Refused extends Error {
  constructor(reason, event) { super(reason); this.reason = reason; this.event = event; }
}
const must = (holds, reason, event) => { if (!holds) throw new Refused(reason, event); };

// What has been handled, on disk before anything is said of it: id, key, sequence, and what is recalled or replaced.
const journal = openSync(join(folder, "handled.jsonl"), "a", 0o600);
const handled = new Set(), latest = new Map(), gone = new Set();
const learn = ({ id, key, sequence, ended }) => {
  if (id) { handled.add(id); latest.set(key, Math.max(sequence, latest.get(key) ?? 0)); }
  for (const disclosure of ended ?? []) gone.add(disclosure);
};
const keep = (line) => { appendFileSync(journal, JSON.stringify(line) + "\n"); fsyncSync(journal); learn(line); };
if (existsSync(join(folder, "handled.jsonl"))) file("handled.jsonl").toString().split("\n").filter(Boolean).forEach((line) => learn(JSON.parse(line)));

function readJson(text, reason, event) {
  let found;
  try { found = JSON.parse(text); } catch { throw new Refused(reason, event); }
  must(found && typeof found === "object" && !Array.isArray(found), reason, event);
  return found;
}

async function verified(topic, message) {
  const value = message.value ?? Buffer.alloc(0), headers = Object.entries(message.headers ?? {});
  must(value.length <= VALUE_BYTES_MAX, "too_large");
  must(headers.every(([name]) => ["content-type", "los-signature"].includes(name)), "header_unknown");
  must(headers.length === 2 && headers.every(([, one]) => Buffer.isBuffer(one)), "header_missing");
  must(message.headers["content-type"].toString() === CONTENT_TYPE, "content_type");
  const [protectedHeader, payload, signature, more] = message.headers["los-signature"].toString().split(".");
  must(protectedHeader && payload === "" && signature && more === undefined, "signature_form");
  let header;
  try { header = decodeProtectedHeader({ protected: protectedHeader }); } catch { throw new Refused("signature_form"); }
  must(header.alg === "ES256", "signature_algorithm");
  must(Object.keys(header).sort().join() === "alg,kid", "signature_form");
  const key = kommun.find((one) => one.use === "sig" && one.kid === header.kid);
  must(key && usable(key), "signature_key_unknown");
  try {
    await flattenedVerify({ protected: protectedHeader, payload: value.toString("base64url"), signature }, await importJWK(key, "ES256"), { algorithms: ["ES256"] });
  } catch { throw new Refused("signature_invalid"); }
  const event = readJson(value.toString(), "event_malformed");
  const [, kind, change] = /^se\.los\.([a-z_]+)\.(shared|corrected|recalled)\.v1$/.exec(event.type) ?? [];
  must(event.specversion === "1.0" && kind && event.id && /^[1-9]\d*$/.test(event.sequence) && typeof event.data === "string", "event_malformed");
  must(message.key?.toString() === event.partitionkey, "key_mismatch");
  must(topic === kit.share_topic, "topic_mismatch");
  must(event.source === kit.kommun_source, "source_mismatch");
  return { ...event, kind, change, sequence: Number(event.sequence) };
}

async function opened(event) {
  must(Date.parse(event.expirytime) > Date.now() - SKEW_MS, "expired", event);
  let header;
  try { header = decodeProtectedHeader(event.data); } catch { throw new Refused("encryption_form", event); }
  must(Object.keys(header).sort().join() === "alg,cty,enc,epk,kid,typ" && Object.entries(JWE).every(([name, word]) => header[name] === word), "encryption_form", event);
  const key = own.get(header.kid);
  must(key && usable(key), "encryption_key_unknown", event);
  let plain;
  try { plain = (await compactDecrypt(event.data, await importJWK(key, JWE.alg))).plaintext; } catch { throw new Refused("encryption_invalid", event); }
  const content = readJson(Buffer.from(plain).toString(), "content_malformed", event);
  const values = Object.values(content.fields ?? { none: 1 });
  must(values.every((one) => typeof one === "string" || (Array.isArray(one) && one.every((part) => typeof part === "string"))), "content_malformed", event);
  must(content.aud === kindOf(header.kid), "aud_mismatch", event);
  must(content.disclosure_id === event.correlationid, "disclosure_mismatch", event);
  must(content.record_kind === event.kind, "kind_mismatch", event);
  const replaces = content.replaces ?? [];
  must(event.change === "corrected" ? replaces.length > 0 : replaces.length === 0, "content_malformed", event);
  must(event.change !== "recalled" || values.length === 0, "content_malformed", event);
  return { ...content, ended: event.change === "recalled" ? [event.correlationid] : replaces };
}

function uuid5(namespace, name) {
  const bytes = createHash("sha1").update(Buffer.from(namespace.replaceAll("-", ""), "hex")).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const canonical = (object) => JSON.stringify(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))));

/** A receipt: its id follows from the event and what is said, so that the same receipt sent twice is one. */
async function receipt(event, kind, reason) {
  const said = reason ? { status: "refused", reason } : { status: "received" }, now = new Date();
  const body = { ...said, aud: "kommun", disclosure_id: event.correlationid, event_id: event.id, receiver_kind: kind, time: now.toISOString() };
  const to = newest(kommun.filter((key) => key.use === "enc")), from = newest([...own.values()].filter((key) => kindOf(key.kid) === kind));
  const data = await new CompactEncrypt(Buffer.from(canonical(body))).setProtectedHeader({ ...JWE, kid: to.kid }).encrypt(await importJWK(to, JWE.alg));
  const value = Buffer.from(JSON.stringify({
    specversion: "1.0", id: uuid5(event.id, "se.los.receipt.v1" + canonical(said)), source: `urn:los:agency:${kit.agency}`, type: "se.los.receipt.v1",
    time: now.toISOString(), datacontenttype: "application/jose", partitionkey: event.partitionkey, correlationid: event.correlationid,
    recordedtime: now.toISOString(), expirytime: new Date(now.getTime() + 30 * 86_400_000).toISOString(), dataclassification: event.dataclassification, data,
  }));
  const signed = await new FlattenedSign(value).setProtectedHeader({ alg: "ES256", kid: from.kid }).sign(await importJWK(from, "ES256"));
  const headers = { "content-type": CONTENT_TYPE, "los-signature": `${signed.protected}..${signed.signature}` };
  await producer.send({ topic: kit.reply_topic, acks: -1, messages: [{ key: event.partitionkey, value, headers }] });
}

const addressed = (event) => { try { return kindOf(decodeProtectedHeader(event.data).kid); } catch { return undefined; } };

/** One record: hand it out once, answer, in that order; only then may its offset be committed. */
async function take(topic, message) {
  try {
    const event = await verified(topic, message);
    if (!handled.has(event.id)) {
      const content = await opened(event);
      must(event.sequence > (latest.get(event.partitionkey) ?? 0), "sequence_replayed", event);
      const shown = event.change === "recalled" || !gone.has(event.correlationid);
      if (shown) {
        process.stdout.write(JSON.stringify({
          event_id: event.id, disclosure_id: event.correlationid, record_kind: event.kind, change: event.change, receiver_kind: content.aud, fields: content.fields,
        }) + "\n");
      }
      // Handed out first: a crash in between hands it out again, and loses nothing. With a database of yours, one transaction does both.
      keep({ id: event.id, key: event.partitionkey, sequence: event.sequence, ended: content.ended });
    }
    await receipt(event, addressed(event));
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    console.error(`refused: ${refused.reason}`);
    const kind = refused.event && addressed(refused.event);
    if (kind) await receipt(refused.event, kind, refused.reason);
  }
}

const kafka = new Kafka({
  clientId: kit.agency, brokers: kit.kafka.bootstrap_servers.split(",").map((one) => one.trim()), logLevel: logLevel.ERROR,
  ssl: { ca: [file(kit.kafka.ca_file)] },
  sasl: { mechanism: "scram-sha-512", username: kit.kafka.username, password: file(kit.kafka.password_file).toString().trim() },
});
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });

/** What is recalled or replaced among what is already there: whoever was away for a day hands none of it out. */
async function lookAhead() {
  const admin = kafka.admin();
  await admin.connect();
  const ends = new Map((await admin.fetchTopicOffsets(kit.share_topic)).filter((one) => one.high !== one.low).map((one) => [one.partition, BigInt(one.high)]));
  await admin.disconnect();
  if (ends.size === 0) return;
  const scan = kafka.consumer({ groupId: `${kit.group_prefix}scan.${process.pid}.${Date.now()}` });
  await scan.connect();
  await scan.subscribe({ topic: kit.share_topic, fromBeginning: true });
  await new Promise((done, failed) => {
    scan.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        try { (await opened(await verified(topic, message))).ended.forEach((one) => gone.add(one)); } catch (refused) { if (!(refused instanceof Refused)) failed(refused); }
        if (BigInt(message.offset) + 1n >= (ends.get(partition) ?? 0n)) ends.delete(partition);
        if (ends.size === 0) done();
      },
    }).catch(failed);
  });
  await scan.disconnect();
}

await producer.connect();
await lookAhead();
// The session timeout is how soon a new process gets the partitions of one that died.
const consumer = kafka.consumer({ groupId: `${kit.group_prefix}inbox`, sessionTimeout: 6_000, heartbeatInterval: 2_000 });
await consumer.connect();
await consumer.subscribe({ topic: kit.share_topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ topic, partition, message }) => {
    await take(topic, message);
    await consumer.commitOffsets([{ topic, partition, offset: (BigInt(message.offset) + 1n).toString() }]);
  },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, async () => { await consumer.disconnect(); await producer.disconnect(); process.exit(0); });
