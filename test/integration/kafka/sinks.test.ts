// What leaves instances on a cluster: one ClickHouse for all, an outbox for each. Instances are killed among their batches,
// join, and are told to stop, and the database is killed; every row is there once, and every message has left.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, expect, test } from 'vitest';
import { openCluster } from '../../../cli/cluster.ts';
import { readConfig } from '../../../runtime/config.ts';
import type { KafkaLog } from '../../../runtime/kafka/kafka-log.ts';
import { type Serde, timeMark } from '../../../runtime/serde.ts';
import type { SINK_STEPS } from '../../../runtime/steps.ts';
import { allTopics, type Topic } from '../../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../../schemas/types.ts';
import { startEmbedded } from '../../../sinks/clickhouse/front.ts';
import { clickhouseProblems } from '../../faults/clickhouse.ts';
import type { Placed } from '../../faults/outputs.ts';
import { campaignFolder, type Ground, openGround, UNTIL } from './ground.ts';
import { type Cluster, environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 240_000;
const PARTITIONS = 3;
const PIECES = 5;
const KILLED = { code: null, signal: 'SIGKILL' };

interface Aim {
  readonly group: 'clickhouse' | 'deliver';
  readonly step: (typeof SINK_STEPS)[number];
  readonly nth: number;
}

const opened = await openGround();
const ground = opened as Ground;
const instances: InstanceProcess[] = [];
afterAll(async () => {
  // Those that a test which failed left running.
  await Promise.all(instances.map((instance) => instance.kill('SIGKILL')));
  opened?.close();
});

test.skipIf(opened === undefined)('what leaves is whole, whoever is killed', { timeout: TIMEOUT }, async () => {
  const cluster = await ground.emptied('sinks');
  const folder = join(ground.folder, cluster.app);
  mkdirSync(folder, { recursive: true });
  const clickhouse = await startEmbedded({ folder: join(folder, 'clickhouse') });
  const env = { ...environment(cluster), CLICKHOUSE_URL: clickhouse.url, KAFKA_SESSION_TIMEOUT: '6000' };
  const start = (name: string, aim?: Aim): InstanceProcess => {
    const strike = new URL('./strike.ts', import.meta.url);
    if (aim !== undefined) strike.search = new URLSearchParams({ ...aim, nth: String(aim.nth) }).toString();
    const instance = new InstanceProcess(
      join(folder, name),
      aim === undefined ? env : { ...env, NODE_OPTIONS: `--import=${strike.href}` },
      [
        ...['--topology', 'deliver,clickhouse,engage,pace', '--partitions', String(PARTITIONS)],
        ...['--campaigns', campaignFolder('ample')],
      ],
    );
    instances.push(instance);
    return instance;
  };
  try {
    const stayer = start('a');
    const first = [
      start('b', { group: 'clickhouse', step: 'boundary-noted', nth: 4 }),
      start('c', { group: 'clickhouse', step: 'write-done', nth: 5 }),
    ];
    await Promise.all([stayer, ...first].map(({ ready }) => ready));
    const lines = readFileSync(ground.inputs.events, 'utf8').trim().split('\n');
    const size = Math.ceil(lines.length / PIECES);
    const pieces = Array.from({ length: PIECES }, (_, i) => lines.slice(i * size, (i + 1) * size).join('\n'));
    const publish = (): Promise<void> => stayer.publish('events', pieces.shift() as string);
    await stayer.publish('profiles', readFileSync(ground.inputs.profiles, 'utf8'));
    await stayer.publish('consents', readFileSync(ground.inputs.consents, 'utf8'));

    await publish();
    for (const { ended } of first) expect(await ended).toEqual(KILLED);
    // They come back on what they left on their disks, and take over what the stayer has taken over meanwhile, or not yet.
    const second = [
      start('b', { group: 'deliver', step: 'write-done', nth: 1 }),
      start('c', { group: 'clickhouse', step: 'write-begun', nth: 4 }),
    ];
    // What was left for them may be their end before they say that they are ready.
    await Promise.all(second.map(({ ready, ended }) => Promise.race([ready.catch(() => {}), ended])));
    await publish();
    process.kill(clickhouse.pid, 'SIGKILL');
    await publish();
    for (const { ended } of second) expect(await ended).toEqual(KILLED);
    await expect.poll(async () => (await stayer.status()).sinks.length, { timeout: 40_000 }).toBe(2 * PARTITIONS);
    const joined = start('d');
    await joined.ready;
    await publish();
    await expect.poll(async () => sinksOf(joined), { timeout: 40_000 }).toEqual(['clickhouse', 'deliver']);
    await publish();
    expect(await joined.kill('SIGTERM'), joined.log).toEqual({ code: 0, signal: null });
    await stayer.advance(UNTIL);
    await expect.poll(async () => (await stayer.status()).sinks.length, { timeout: 40_000 }).toBe(2 * PARTITIONS);
    await settled([stayer]);
    expect(await stayer.kill('SIGTERM'), stayer.log).toEqual({ code: 0, signal: null });
    // What it ran had gone to the one that joined, and came back.
    for (const group of ['clickhouse', 'deliver']) {
      const moves = stayer.lines('rebalance').filter((line) => line.group === group);
      const lost = new Set(moves.flatMap((line) => line.lost as number[]));
      const [, ...later] = moves;
      expect(later.flatMap((line) => line.gained as number[]).some((partition) => lost.has(partition))).toBe(true);
    }
  } finally {
    await clickhouse.close();
  }

  const records = await readPlaced(cluster, join(ground.folder, 'reader'));
  const empty = { deadLetters: [], outbox: [], published: [] };
  expect(await clickhouseProblems(folder, { ...empty, records })).toEqual([]);
  const sends = (records.get('sends') ?? []).map(({ value }) => value as SendCommand);
  const receipts = (records.get('receipts') ?? []).map(({ value }) => value as Receipt);
  expect(sends.length).toBeGreaterThan(100);
  // Receipts leave in one step with the batch's offset: none is missing, and none is there twice.
  expect(receipts.map(({ sendId }) => sendId).sort()).toEqual(sends.map(({ sendId }) => sendId).sort());

  const outboxes = ['a', 'b', 'c', 'd'].map((name) => outboxOf(join(folder, name)));
  const keys = outboxes.map((messages) => messages.map(({ idempotencyKey }) => idempotencyKey));
  for (const own of keys) expect(own.length, 'messages of an outbox, each once').toBe(new Set(own).size);
  expect([...new Set(keys.flat())].sort()).toEqual(sends.map(({ idempotencyKey }) => idempotencyKey).sort());
  // The batch that was in an outbox when its instance was killed is in another's too, and nobody could know.
  expect(keys.flat().length).toBeGreaterThan(sends.length);
});

/** The sinks of which it runs a partition. */
async function sinksOf(instance: InstanceProcess): Promise<readonly string[]> {
  const { sinks } = await instance.status();
  return [...new Set(sinks.map(({ task }) => task.slice(0, task.lastIndexOf('.'))))].sort();
}

/** Whole lines: a kill may leave the beginning of one, which its next life takes back. */
function outboxOf(dir: string): readonly SendCommand[] {
  const lines = readFileSync(join(dir, 'outbox', 'messages.ndjson'), 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as SendCommand);
}

/** The committed records of every topic, by its name. */
async function readPlaced(cluster: Cluster, folder: string): Promise<ReadonlyMap<string, readonly Placed[]>> {
  const { kafka } = readConfig(environment(cluster));
  if (kafka === undefined) throw new Error('no brokers');
  const { log, serde, close } = await openCluster(kafka, pino({ level: 'silent' }), folder);
  try {
    const records = new Map<string, readonly Placed[]>();
    for (const topic of allTopics) records.set(topic.name, await placed(log, serde, topic));
    return records;
  } finally {
    await close();
  }
}

async function placed(log: KafkaLog, serde: Serde, topic: Topic<unknown>): Promise<readonly Placed[]> {
  const all: Placed[] = [];
  for (let partition = 0; partition < log.partitions(topic.topic); partition++) {
    for (let at = 0; ; ) {
      const records = await log.read({ topic: topic.topic, partition }, at, 2000);
      const last = records.at(-1);
      if (last === undefined) break;
      at = last.offset + 1;
      await serde.learn(records);
      for (const record of records) {
        if (timeMark(record) !== undefined) continue;
        const decoded = serde.decode(topic, record);
        if ('code' in decoded) throw new Error(`${topic.name}: ${decoded.message}`);
        all.push({ partition, offset: record.offset, value: decoded.value });
      }
    }
  }
  return all;
}
