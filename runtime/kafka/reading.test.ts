import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { type KafkaServer, NO_KAFKA, startKafka } from '../../test/servers/kafka.ts';
import { Unrecoverable } from '../errors.ts';
import type { TopicPartition } from '../log.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaClient } from './client.ts';
import { KafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const server = await startKafka();
const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-reading-'));
const run = process.hrtime.bigint().toString(36);
let names = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = (kind: string): string => `${kind}-${run}-${names++}`;
const options = (): KafkaLogOptions => {
  const { brokers } = server as KafkaServer;
  return { brokers, clientId: 'test', app: fresh('app'), stateDir: join(root, String(names++)) };
};
const opened: KafkaLog[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});
async function open(): Promise<KafkaLog> {
  const log = await KafkaLog.open(options());
  opened.push(log);
  return log;
}
async function topicOf(log: KafkaLog, partitions = 1): Promise<TopicPartition> {
  const topic = fresh('topic');
  await log.createTopics([{ topic, partitions, cleanup: 'delete' }]);
  return { topic, partition: 0 };
}

describe.skipIf(server === undefined)(
  server === undefined ? NO_KAFKA : 'reading from Kafka',
  { timeout: 60_000 },
  () => {
    test('passes over aborted transactions, in whatever order they began and ended', async () => {
      const log = await open();
      const output = await topicOf(log);
      const { brokers, clientId } = options();
      const client = new Kafka({ brokers: [...brokers], clientId, logLevel: logLevel.NOTHING });
      const producers = [0, 1, 2].map(() =>
        client.producer({
          transactionalId: fresh('producer'),
          createPartitioner:
            () =>
            ({ message }) =>
              message.partition as number,
        }),
      );
      for (const producer of producers) await producer.connect();
      const send = (value: string) => ({ topic: output.topic, messages: [{ value, partition: 0 }] });
      const [a, b, c] = await Promise.all(producers.map((producer) => producer.transaction()));
      await a?.send(send('aborted a'));
      await b?.send(send('aborted b'));
      await c?.send(send('kept'));
      await a?.send(send('aborted a'));
      await b?.abort();
      await c?.commit();
      await log.append([record(output, 'plain')]);
      expect(await log.read(output, 0, 10)).toEqual([]);
      await a?.abort();
      await log.append([record(output, 'end')]);
      expect(valuesOf(await readAll(log, output))).toEqual(['kept', 'plain', 'end']);
      for (const producer of producers) await producer.disconnect();
    });

    test('begins at the first record kept, and stops a reader to whom records are missing', async () => {
      const log = await open();
      const input = await topicOf(log);
      await log.append(['a', 'b', 'c', 'd'].map((value) => record(input, value)));
      const admin = new KafkaClient(options()).admin();
      await admin.connect();
      await admin.fetchTopicOffsets(input.topic);
      await admin.deleteTopicRecords({ topic: input.topic, partitions: [{ partition: 0, offset: '2' }] });
      await admin.disconnect();
      expect(valuesOf(await readAll(log, input))).toEqual(['c', 'd']);
      const missing = log.read(input, 1, 10);
      await expect(missing).rejects.toThrow(Unrecoverable);
      await expect(missing).rejects.toThrow(/deleted before they were read, the first one left is 2/);
      await expect(log.read(input, 9, 10)).rejects.toThrow(/ends at 4/);
    });

    test('goes on behind the end of a transaction, where retention has taken everything before it', async () => {
      const log = await open();
      const output = await topicOf(log);
      const task = await log.openTask('g', 0);
      for (const value of ['a', 'b']) await task.commit({ outputs: [record(output, value)], offsets: [], changes: [] });
      const read = await readAll(log, output);
      const behind = (read.at(-1)?.offset as number) + 1;
      const position = log.resumeAt(output, behind);
      expect(valuesOf(read)).toEqual(['a', 'b']);
      expect(position).toBe(behind + 1);
      await task.commit({ outputs: [], offsets: [{ ...output, offset: position }], changes: [] });
      await log.close();
      const admin = new KafkaClient(options()).admin();
      await admin.connect();
      // It knows no leader before it has asked for something else.
      await admin.fetchTopicOffsets(output.topic);
      await admin.deleteTopicRecords({ topic: output.topic, partitions: [{ partition: 0, offset: String(position) }] });
      await admin.disconnect();
      const again = await open();
      await again.createTopics([{ topic: output.topic, partitions: 1, cleanup: 'delete' }]);
      expect(await again.read(output, position, 10)).toEqual([]);
      await again.append([record(output, 'c')]);
      expect(valuesOf(await readAll(again, output, position))).toEqual(['c']);
      await expect(again.read(output, behind, 10)).rejects.toThrow(Unrecoverable);
    });

    test('goes on with all other topics while one is gone, also with those that it has not met before', async () => {
      const log = await open();
      const [gone, kept] = [await topicOf(log), await topicOf(log)];
      await log.append([record(gone, 'a'), record(kept, 'b')]);
      expect(valuesOf([...(await readAll(log, gone)), ...(await readAll(log, kept))])).toEqual(['a', 'b']);
      const admin = new KafkaClient(options()).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [gone.topic] });
      await admin.disconnect();
      const waits = log.read(gone, 1, 10).catch((error: Error) => error.message);
      const met = await topicOf(log);
      await log.append([record(met, 'c'), record(kept, 'd')]);
      expect(valuesOf([...(await readAll(log, met)), ...(await readAll(log, kept))])).toEqual(['c', 'b', 'd']);
      await log.close();
      expect(await waits).toBe('the log is closed');
    });

    test('goes on behind a segment whose end holds nothing but the end of a transaction', async () => {
      const log = await open();
      const output = await topicOf(log);
      const task = await log.openTask('g', 0);
      const commit = async (value: string, timestamp: number): Promise<void> => {
        await task.commit({ outputs: [{ ...record(output, value), timestamp }], offsets: [], changes: [] });
      };
      await commit('a', Date.UTC(2040, 0));
      expect(valuesOf(await readAll(log, output))).toEqual(['a']);
      // A leap of more than a week in the records' own times: the broker begins a new segment.
      await commit('b', Date.UTC(2041, 0));
      expect(valuesOf(await readAll(log, output))).toEqual(['a', 'b']);
    });

    test('serves several readers of a partition, each at its own place', async () => {
      const log = await open();
      const input = await topicOf(log);
      const values = Array.from({ length: 3000 }, (_, i) => `${i}`);
      await log.append(values.map((value) => record(input, value)));
      const reader = async (limit: number): Promise<string[]> => {
        const seen: string[] = [];
        for (let next = 0; ; ) {
          const records = await log.read(input, next, limit);
          if (records.length === 0) return seen;
          seen.push(...valuesOf(records));
          next = (records.at(-1)?.offset as number) + 1;
        }
      };
      for (const seen of await Promise.all([7, 100, 999, 5000].map(reader))) expect(seen).toEqual(values);
    });

    test('hears of what another instance appends, in order and without a gap', async () => {
      const [log, other] = [await open(), await open()];
      const input = await topicOf(log);
      await other.createTopics([{ topic: input.topic, partitions: 1, cleanup: 'delete' }]);
      let heard: () => void = () => {};
      const stop = log.onAppend(input.topic, () => heard());
      const seen: string[] = [];
      const reading = (async () => {
        for (let next = 0; seen.length < 60; ) {
          const arrival = new Promise<void>((resolve) => {
            heard = resolve;
          });
          const records = await log.read(input, next, 10);
          seen.push(...valuesOf(records));
          next = (records.at(-1)?.offset ?? next - 1) + 1;
          if (records.length === 0) await arrival;
        }
      })();
      for (let i = 0; i < 60; i += 2) await other.append([record(input, `${i}`), record(input, `${i + 1}`)]);
      await reading;
      stop();
      expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => `${i}`));
    });
  },
);
