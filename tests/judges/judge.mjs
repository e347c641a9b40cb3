// Asks judges that nobody of ours wrote: the official AsyncAPI parser, Ajv for JSON Schema 2020-12, the CloudEvents SDK.
// One question a line on stdin, one answer a line on stdout: {"problems": [...]}, and what was read.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Parser, fromFile } from '@asyncapi/parser';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Kafka, HTTP } from 'cloudevents';

const folder = process.argv[2];
const ROOT = '/los/contract/v1/';
const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
addFormats(ajv);
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.json'));
const schemas = files.filter((name) => !['asyncapi.json', 'released.json'].includes(name)).sort();
for (const name of schemas) ajv.addSchema(JSON.parse(readFileSync(join(folder, name), 'utf8')));

const judges = {
  async asyncapi() {
    const { document, diagnostics } = await fromFile(new Parser(), join(folder, 'asyncapi.json')).parse();
    const problems = diagnostics.map((found) => `${found.severity} ${found.code} ${found.path.join('.')}: ${found.message}`);
    if (!document) return { problems: ['no document', ...problems] };
    return {
      problems,
      channels: document.channels().all().map((channel) => channel.address()),
      operations: document.operations().all().map((operation) => `${operation.action()} ${operation.id()}`),
      messages: document.messages().all().length,
    };
  },
  schemas() {
    const problems = [];
    for (const name of schemas) {
      try {
        ajv.getSchema(ROOT + name) ?? problems.push(`${name}: missing`);
      } catch (error) {
        problems.push(`${name}: ${error.message}`);
      }
    }
    return { problems, count: schemas.length };
  },
  conforms({ schema, value }) {
    const validate = ajv.getSchema(ROOT + schema);
    if (!validate) return { problems: [`${schema}: missing`] };
    validate(value);
    return { problems: (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`) };
  },
  event({ key, value, headers }) {
    const body = Buffer.from(value, 'base64').toString('utf8');
    const event = Kafka.toEvent({ key, value: body, headers, timestamp: '0' });
    // Its HTTP binding knows the content type by these very letters alone.
    const over = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' }, body });
    event.validate();
    const [read, also] = [event, over].map((found) => JSON.parse(JSON.stringify(found)));
    const differ = Object.keys({ ...read, ...also }).filter((name) => read[name] !== also[name]);
    return { problems: differ.map((name) => `Kafka and HTTP read ${name} differently`), event: read };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...question } = JSON.parse(line);
  let answer;
  try {
    answer = await judges[ask](question);
  } catch (error) {
    answer = { problems: [`${error.name}: ${error.message}`] };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
