// What runners commit of topics that transactions were written to: more than their last records.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { on } from '../../processors/processor.ts';
import { events, type Topic } from '../../schemas/topics.ts';
import type { UserEvent } from '../../schemas/types.ts';
import type { Sink } from '../../sinks/sink.ts';
import { NO_KAFKA, startKafka } from '../../test/servers/kafka.ts';
import { defineTopology, stream } from '../../topologies/graph.ts';
import { stopwatch } from '../clock.ts';
import { Serde } from '../serde.ts';
import { SinkRunner } from '../sink-runner.ts';
import { TaskRunner } from '../task-runner.ts';
import { silent } from '../testing/engine.ts';
import { event } from '../testing/tiny-topology.ts';
import { KafkaLog } from './kafka-log.ts';

const server = await startKafka();
const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-positions-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const run = process.hrtime.bigint().toString(36);

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'a runner on Kafka', () => {
  const brokers = [...(server?.brokers ?? [])];
  let log: KafkaLog;
  let serde: Serde;
  let topic: Topic<UserEvent>;
  let names = 0;

  beforeEach(async () => {
    const name = `positions-${run}-${names++}`;
    log = await KafkaLog.open({ brokers, clientId: 'test', app: name, stateDir: join(root, name) });
    topic = { ...events, topic: name };
    serde = new Serde({ register: async () => 1, schema: async () => events.codec.json });
    await serde.open([topic as Topic<unknown>]);
    await log.createTopics([{ topic: name, partitions: 1, cleanup: 'delete' }]);
  });
  afterEach(() => log.close());

  /** What a crashed producer leaves: a record that was taken back, and the mark of it. */
  async function abort(): Promise<void> {
    const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ transactionalId: `${topic.topic}-producer`, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic: topic.topic, messages: [{ value: 'lost', partition: 0 }] });
    await transaction.abort();
    await producer.disconnect();
  }

  /** The task is stopped, the topic emptied, and another owner of the task reads on from what is committed. */
  async function expectToGoOn(group: string, stop: () => Promise<void>): Promise<void> {
    const input = { topic: topic.topic, partition: 0 };
    await abort();
    const end = await log.endOffset(input);
    const committed = async (): Promise<number | undefined> =>
      (await log.admin.committed(group, [input.topic])).get(input.topic)?.get(0);
    await expect.poll(committed, { timeout: 10_000 }).toBe(end);
    await stop();
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    // It knows no leader before it has asked for something else.
    await admin.fetchTopicOffsets(input.topic);
    await admin.deleteTopicRecords({ topic: input.topic, partitions: [{ partition: 0, offset: String(end) }] });
    await admin.disconnect();
    const task = await log.openTask(group, 0);
    expect(await log.read(input, task.position(input), 10)).toEqual([]);
  }

  test('commits what a task passes over at the end of its input', async () => {
    const seen: string[] = [];
    const topology = defineTopology({
      name: 'seer',
      keyed: 'user',
      inputs: [stream(topic)],
      processors: [{ name: 'see', emits: [], on: [on(topic, ({ eventId }) => void seen.push(eventId))] }],
      outputs: [],
      globals: [],
    });
    const common = { log, serde, lateness: 0, maxJump: 1e12, clock: undefined, stopwatch, logger: silent };
    const runner = new TaskRunner({ ...common, topology, partition: 0 });
    const running = runner.run();
    await log.append([serde.encode(topic as Topic<unknown>, event('u', 1), 1)]);
    await expect.poll(() => seen).toEqual(['u@1']);
    await expectToGoOn('seer', async () => {
      runner.stop();
      await running;
    });
  });

  test('commits what a sink passes over at the end of its input', async () => {
    const seen: number[] = [];
    const sink: Sink = {
      name: 'seeing',
      consumes: [topic as Topic<unknown>],
      maxBatch: 10,
      open: async () => {},
      close: async () => {},
      write: async ({ records }) => void seen.push(...records.map(({ offset }) => offset)),
    };
    const runner = new SinkRunner({ sink, partition: 0, log, serde, clock: undefined, stopwatch, logger: silent });
    const running = runner.run();
    await log.append([serde.encode(topic as Topic<unknown>, event('u', 1), 1)]);
    await expect.poll(() => seen).toEqual([0]);
    await expectToGoOn('seeing', async () => {
      runner.stop();
      await running;
    });
  });
});
