import { afterEach, beforeEach, expect, test } from 'vitest';
import { campaigns, events, receipts, sends, signals, type Topic } from '../schemas/topics.ts';
import type { Signal, UserEvent } from '../schemas/types.ts';
import { type Sink, SinkUnavailable } from '../sinks/sink.ts';
import type { NewRecord } from './log.ts';
import { type Engine, openEngine, silent, told, until } from './testing/engine.ts';
import { event, tinyTopology } from './testing/tiny-topology.ts';
import { Worker, type WorkerOptions } from './worker.ts';

let engine: Engine;
let workers: Worker[];
let failures: unknown[];
beforeEach(async () => {
  engine = await openEngine(4);
  workers = [];
  failures = [];
});
afterEach(async () => {
  await Promise.allSettled(workers.map((worker) => worker.stop()));
  await engine.close();
});

function workerOf(options: Partial<WorkerOptions> = {}): Worker {
  const { log, serde } = engine;
  const worker = new Worker({
    log,
    serde,
    topologies: [tinyTopology()],
    sinks: [],
    globals: [],
    partitions: 4,
    lateness: 10,
    maxJump: 1_000_000,
    time: 'events',
    logger: silent,
    onFailure: (error) => failures.push(error),
    ...options,
  });
  workers.push(worker);
  return worker;
}

function sinkOf(
  topic: Topic<unknown>,
  write: Sink['write'] = async () => {},
  open = async (): Promise<void> => {},
): Sink {
  return { name: `to-${topic.name}`, consumes: [topic], maxBatch: 100, open, close: async () => {}, write };
}

const some = (from: number, count: number): UserEvent[] =>
  Array.from({ length: count }, (_, i) => event(`u${i % 7}`, from + i, {}, `e${from + i}`));

test('a task for every partition takes what is there, and a sink what comes of it', async () => {
  await engine.put(events, ...some(0, 200));
  const delivered: string[] = [];
  const write: Sink['write'] = async ({ records }) =>
    void delivered.push(...records.map((r) => (r.value as Signal).signalId));
  const worker = workerOf({ sinks: [sinkOf(signals, write)] });
  await worker.start();
  await until(() => worker.quiet);
  const wanted = some(0, 200).map((e) => e.eventId);
  expect((await engine.values<Signal>(signals)).map((s) => s.signalId).sort()).toEqual(wanted.sort());
  expect(delivered.sort()).toEqual(wanted.sort());
  const { tasks, sinks } = worker.status();
  expect(tasks.map((t) => t.task)).toEqual(['tiny.0', 'tiny.1', 'tiny.2', 'tiny.3']);
  expect(tasks.reduce((sum, t) => sum + t.processed, 0)).toBe(200);
  expect(sinks).toHaveLength(4);
});

test('is at rest only when what it was given went all the way: one look is enough', async () => {
  let delivered = 0;
  const write: Sink['write'] = async ({ records }) => {
    delivered += records.length;
  };
  const worker = workerOf({ sinks: [sinkOf(signals, write)] });
  await worker.start();
  for (let sum = 0; sum < 300; sum += 10) {
    await engine.put(events, ...some(sum, 10));
    await until(() => worker.quiet);
    expect(delivered).toBe(sum + 10);
  }
});

test('told to stop, it commits what it has processed, and the next goes on from there', async () => {
  await engine.put(events, ...some(0, 5000));
  for (let turns = 0, done = false; !done; turns += 5) {
    const worker = workerOf();
    await worker.start();
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
    done = worker.quiet;
    await worker.stop();
    const processed = worker.status().tasks.reduce((sum, t) => sum + t.processed, 0);
    expect(await engine.values(signals)).toHaveLength(processed);
  }
  const ids = (await engine.values<Signal>(signals)).map(told);
  expect(ids).toHaveLength(5000);
  expect(new Set(ids).size).toBe(5000);
});

test('a record that can not be decoded is one dead letter, however many groups read its topic', async () => {
  const broken = (topic: Topic<unknown>): NewRecord => ({
    topic: topic.topic,
    partition: 0,
    timestamp: 1,
    key: Buffer.from('t/u'),
    value: Buffer.from('x'),
  });
  await engine.log.append([broken(events), broken(sends), broken(receipts)]);
  const two = (name: string): Sink => ({ ...sinkOf(events), name, consumes: [events, sends] as Topic<unknown>[] });
  const elsewhere = [
    { group: 'tiny', reads: [events.topic] },
    { group: 'second', reads: [sends.topic] },
    { group: 'first', reads: [events.topic, sends.topic] },
    { group: 'not-here', reads: [receipts.topic] },
  ];
  const worker = workerOf({ sinks: [two('first'), two('second'), sinkOf(receipts)], groups: elsewhere });
  await worker.start();
  await until(() => worker.quiet);
  const topics = async (): Promise<unknown> => (await engine.letters()).map(({ headers }) => headers.topic).sort();
  expect(await topics()).toEqual([events.topic, sends.topic].sort());
  await worker.stop();
  await engine.log.append([broken(events), broken(sends)]);
  const alone = workerOf({ sinks: [two('first'), two('second')] });
  await alone.start();
  await until(() => alone.quiet);
  expect(await topics()).toEqual([events.topic, events.topic, sends.topic, sends.topic].sort());
});

test('tells of a runner that failed', async () => {
  await engine.put(events, ...some(0, 1));
  const worker = workerOf({ sinks: [sinkOf(events, () => Promise.reject(new Error('broken')))] });
  await worker.start();
  await until(() => failures.length > 0);
  expect(failures).toMatchObject([{ message: 'broken' }]);
  expect(worker.quiet).toBe(false);
  await worker.stop();
});

test('waits for a sink that can not be opened yet, and gives up on one that never will', async () => {
  let tries = 0;
  const worker = workerOf({
    sinks: [
      sinkOf(events, undefined, async () => {
        if (tries++ === 0) throw new SinkUnavailable('not yet');
      }),
    ],
  });
  await worker.start();
  expect(tries).toBe(2);
  await worker.stop();
  const never = workerOf({ sinks: [sinkOf(events, undefined, () => Promise.reject(new Error('never')))] });
  await expect(never.start()).rejects.toThrow('never');
});

const STOPPED = 'the instance was stopped before it had started';

test('told to stop while a sink can not be opened yet, it tries no more and starts nothing', async () => {
  const tried = Promise.withResolvers<void>();
  let tries = 0;
  const open = async (): Promise<void> => {
    tries++;
    tried.resolve();
    throw new SinkUnavailable('not yet');
  };
  await engine.put(events, ...some(0, 1));
  const worker = workerOf({ sinks: [sinkOf(events, undefined, open)] });
  const refused = expect(worker.start()).rejects.toThrow(STOPPED);
  await tried.promise;
  await worker.stop();
  await refused;
  expect(tries).toBe(1);
  expect(await engine.values(signals)).toEqual([]);
});

test('told to stop while a sink is being opened, it leaves it closed', async () => {
  const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isOpen = false;
  const sink: Sink = {
    ...sinkOf(events),
    open: async () => {
      asked.resolve();
      await answered.promise;
      isOpen = true;
    },
    close: async () => {
      isOpen = false;
    },
  };
  const worker = workerOf({ sinks: [sink] });
  const refused = expect(worker.start()).rejects.toThrow(STOPPED);
  await asked.promise;
  await worker.stop();
  answered.resolve();
  await refused;
  expect(isOpen).toBe(false);
  expect(worker.status().sinks).toEqual([]);
});

test('has read its global tables before the first record is processed', async () => {
  const definition = { tenantId: 't', campaignId: 'c', version: 1, effectiveFrom: 0, definition: '{}' };
  await engine.put(campaigns, definition);
  const order: string[] = [];
  const globals = [{ topic: campaigns, apply: () => void order.push('table') }];
  await engine.put(events, ...some(0, 1));
  const worker = workerOf({ globals, sinks: [sinkOf(events, async () => void order.push('record'))] });
  await worker.start();
  await until(() => order.length === 2);
  expect(order).toEqual(['table', 'record']);
});
