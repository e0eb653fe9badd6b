import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frame } from '../../schemas/avro.ts';
import { confluentRegistry, RegistryUnavailable } from '../../schemas/confluent-registry.ts';
import { events, type Topic } from '../../schemas/topics.ts';
import { kafkaJars, missing } from '../../test/servers/jars.ts';
import { NO_KAFKA, startKafka } from '../../test/servers/kafka.ts';
import { startRegistry } from '../../test/servers/registry.ts';
import type { LogRecord, NewRecord } from '../log.ts';
import { partitionOf } from '../partition.ts';
import { Serde } from '../serde.ts';
import { readAll } from '../testing/log-suite.ts';
import { KafkaLog } from './kafka-log.ts';

const PARTITIONS = 3;
const COUNT = 10;
const noJava = missing() !== undefined;
const [kafka, registry] = noJava ? [] : [await startKafka(), await startRegistry()];
const folder = mkdtempSync(join(tmpdir(), 'beckon-producers-'));
const topic = { ...events, topic: `events-${process.hrtime.bigint().toString(36)}` } as Topic<unknown>;
let log: KafkaLog;

const expected = Array.from({ length: COUNT }, (_, i) => ({
  eventId: `java-${i}`,
  tenantId: 't',
  userId: `user-${i}`,
  sessionId: i % 2 === 0 ? null : `s${i}`,
  occurredAt: 1_700_000_000_000 + i,
  type: 'product_view',
  properties: { n: i, name: 'Ünï', none: null },
}));

interface Field {
  readonly name: string;
}
/** The events' schema with other fields. */
function schemaWith(change: (fields: readonly Field[]) => readonly object[]): string {
  const schema = JSON.parse(events.codec.json) as { readonly fields: readonly Field[] };
  return JSON.stringify({ ...schema, fields: change(schema.fields) });
}

/** Has Kafka's own producer write the events by a schema. */
async function produce(schema: string): Promise<void> {
  const file = join(folder, 'schema.avsc');
  writeFileSync(file, schema);
  const source = fileURLToPath(new URL('../../test/servers/Produce.java', import.meta.url));
  const brokers = (kafka?.brokers ?? []).join(',');
  const args = ['-XX:TieredStopAtLevel=1', '-cp', join(await kafkaJars(), '*'), source, brokers, registry?.url ?? ''];
  await promisify(execFile)('java', [...args, topic.topic, file, String(COUNT)]);
}

async function all(): Promise<readonly { readonly partition: number; readonly record: LogRecord }[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const read = await Promise.all(partitions.map((partition) => readAll(log, { topic: topic.topic, partition })));
  return read.flatMap((records, partition) => records.map((record) => ({ partition, record })));
}

describe.skipIf(noJava)(noJava ? NO_KAFKA : 'events of a producer in Java', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    const brokers = kafka?.brokers ?? [];
    log = await KafkaLog.open({ brokers, clientId: 'test', app: topic.topic, stateDir: folder });
    await log.createTopics([{ topic: topic.topic, partitions: PARTITIONS, cleanup: 'delete' }]);
  });
  afterAll(async () => {
    await log?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('are in the partitions of their keys, and are read whatever version of the schema they were written by', async () => {
    const serde = new Serde(confluentRegistry({ url: registry?.url ?? '' }));
    await serde.open([topic]);
    await produce(schemaWith((fields) => [...fields, { name: 'channel', type: 'string', default: 'web' }]));
    const records = await all();
    expect(records).toHaveLength(COUNT);
    await serde.learn(records.map(({ record }) => record));
    const values = records.map(({ record, partition }) => {
      expect(partition).toBe(partitionOf(String(record.key), PARTITIONS));
      return serde.decode(topic, record);
    });
    const inOrder = [...values].sort((a, b) => timeOf(a) - timeOf(b));
    expect(inOrder).toMatchObject(expected.map((value) => ({ value })));
  });

  test('of a schema id that nobody registered are refused, and of a registry that is away are kept for later', async () => {
    const away = new Serde({
      ...confluentRegistry({ url: 'http://127.0.0.1:9' }),
      register: confluentRegistry({ url: registry?.url ?? '' }).register,
    });
    await away.open([topic]);
    const strange: NewRecord = {
      topic: topic.topic,
      partition: 0,
      timestamp: 1,
      key: Buffer.from('t/u'),
      value: frame(987_654, Buffer.from('x')),
    };
    await log.append([strange]);
    const records = (await all()).map(({ record }) => record);
    await expect(away.learn(records)).rejects.toThrow(RegistryUnavailable);
    const serde = new Serde(confluentRegistry({ url: registry?.url ?? '' }));
    await serde.open([topic]);
    await serde.learn(records);
    const refused = records.map((record) => serde.decode(topic, record)).filter((decoded) => 'code' in decoded);
    expect(refused).toEqual([{ code: 'unknown-schema', message: 'no schema has the id 987654' }]);
  });
});

function timeOf(decoded: unknown): number {
  return (decoded as { readonly value: { readonly occurredAt: number } }).value.occurredAt;
}
