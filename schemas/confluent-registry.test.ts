import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { NO_REGISTRY, type RegistryServer, startRegistry } from '../test/servers/registry.ts';
import { codecOf } from './avro.ts';
import { confluentRegistry, RegistryRefused, RegistryUnavailable } from './confluent-registry.ts';
import { allTopics, type Topic } from './topics.ts';

const server = await startRegistry();
const run = process.hrtime.bigint().toString(36);
let names = 0;

/** A topic whose value is a record of these fields. */
function topicOf(name: string, fields: readonly object[]): Topic<unknown> {
  const codec = codecOf<unknown>(JSON.stringify({ type: 'record', name: 'Value', namespace: 'test', fields }));
  return { ...(allTopics[0] as Topic<unknown>), topic: name, codec };
}
const fresh = (): string => `topic-${run}-${names++}`;
const A = { name: 'a', type: 'string' };

describe.skipIf(server === undefined)(server === undefined ? NO_REGISTRY : 'a Confluent registry', () => {
  const { url } = (server ?? { url: 'http://none' }) as RegistryServer;

  test('gives every topic of ours an id, the same for every instance, under which others find the schema', async () => {
    const [mine, theirs] = [confluentRegistry({ url }), confluentRegistry({ url })];
    for (const topic of allTopics) {
      const id = await mine.register(topic);
      expect(await theirs.register(topic)).toBe(id);
      const text = await confluentRegistry({ url }).schema(id);
      expect(codecOf(text as string).fingerprint).toEqual(topic.codec.fingerprint);
    }
  });

  test('gives the same id to instances that register a new topic at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const topic = topicOf(fresh(), [A]);
      // One after the other by a little: each meets another moment of those before.
      const ids = await Promise.all(
        Array.from({ length: 8 }, (_, i) => delay(4 * i).then(() => confluentRegistry({ url }).register(topic))),
      );
      expect(new Set(ids).size).toBe(1);
    }
  });

  test('takes a schema that reads what was written before, and refuses one that does not', async () => {
    const registry = confluentRegistry({ url });
    const name = fresh();
    const first = await registry.register(topicOf(name, [A]));
    const second = await registry.register(topicOf(name, [A, { name: 'b', type: 'long', default: 0 }]));
    expect(second).not.toBe(first);
    const broken = registry.register(topicOf(name, [A, { name: 'c', type: 'long' }]));
    await expect(broken).rejects.toThrow(RegistryRefused);
    await expect(broken).rejects.toThrow(`the schema of ${name}-value can't be registered`);
    await expect(broken).rejects.toThrow('give new fields a default');
    expect(await registry.register(topicOf(name, [A]))).toBe(first);
  });

  test('knows no schema of an id that was never given, until it is', async () => {
    const registry = confluentRegistry({ url });
    const id = await registry.register(topicOf(fresh(), [A]));
    expect(await registry.schema(id + 100_000)).toBeUndefined();
    expect(await registry.schema(id + 100_000)).toBeUndefined();
  });
});

test('an address without the path of the registry is refused, with the setting that lacks it', async () => {
  const http = createServer((_, response) => {
    response.statusCode = 404;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ error: { name: 'not found' } }));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as { readonly port: number };
  const registering = confluentRegistry({ url: `http://user:secret@127.0.0.1:${port}/v7` }).register(topicOf('t', [A]));
  await expect(registering).rejects.toThrow(RegistryRefused);
  await expect(registering).rejects.toThrow(
    `there is no registry at http://127.0.0.1:${port}/v7: set SCHEMA_REGISTRY_URL with the path`,
  );
  await new Promise((resolve) => http.close(resolve));
});

describe('a Confluent registry that is away', () => {
  test('is unavailable, for as long as it is', async () => {
    let answers = false;
    const requests: string[] = [];
    const http = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.statusCode = answers ? 200 : 503;
      response.setHeader('content-type', 'application/vnd.schemaregistry.v1+json');
      response.end(JSON.stringify(answers ? { schema: '"string"' } : { error_code: 50301, message: 'away' }));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { readonly port: number };
    const registry = confluentRegistry({ url: `http://127.0.0.1:${port}/base` });
    await expect(registry.schema(7)).rejects.toThrow(RegistryUnavailable);
    await expect(registry.register(topicOf(fresh(), [A]))).rejects.toThrow(
      `the registry at http://127.0.0.1:${port} does not answer`,
    );
    answers = true;
    expect(await registry.schema(7)).toBe('"string"');
    const asked = requests.length;
    expect(await registry.schema(7)).toBe('"string"');
    expect(requests.length).toBe(asked);
    expect(requests.at(-1)).toBe('/base/schemas/ids/7');
    await new Promise((resolve) => http.close(resolve));
    await expect(registry.schema(8)).rejects.toThrow(RegistryUnavailable);
  });

  test('is unavailable too when it takes requests and answers none', async () => {
    const http = createServer(() => {});
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as { readonly port: number };
    const registry = confluentRegistry({ url: `http://127.0.0.1:${port}`, timeout: 100 });
    await expect(registry.schema(7)).rejects.toThrow(RegistryUnavailable);
    await expect(registry.register(topicOf(fresh(), [A]))).rejects.toThrow(RegistryUnavailable);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
});
