import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEAD_LETTERS } from '../../schemas/topics.ts';
import { NO_KAFKA, whyNoOwnKafka } from '../../test/servers/kafka.ts';
import { TaskFenced, TaskLost } from '../errors.ts';
import type { TaskLog } from '../log.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaClient, type KafkaConnection } from './client.ts';
import { KafkaLog } from './kafka-log.ts';
import { POSITIONS_KEY } from './restore.ts';
import {
  ADD_OFFSETS,
  ADD_PARTITIONS,
  COMMIT_OFFSETS,
  END,
  GatedBroker,
  PRODUCE,
  type Verdict,
} from './testing/gated-broker.ts';

const settings = { 'broker.heartbeat.interval.ms': '300' };
const missing = whyNoOwnKafka();
const stateDir = mkdtempSync(join(tmpdir(), 'beckon-kafka-producer-'));
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

const KEY = Buffer.from('n');
const [FIRST, SECOND] = [1, 2];

/** The version of transactions from which on what is written to is added by the write itself. */
const IMPLICIT = 2;
const NAMES: Readonly<Record<number, string>> = {
  [PRODUCE]: 'Produce',
  [ADD_PARTITIONS]: 'AddPartitionsToTxn',
  [ADD_OFFSETS]: 'AddOffsetsToTxn',
  [COMMIT_OFFSETS]: 'TxnOffsetCommit',
  [END]: 'EndTxn',
};

describe.skipIf(missing !== undefined).each([1, IMPLICIT])(
  missing === undefined ? 'a transaction of version %d on two brokers' : NO_KAFKA,
  (version) => {
    let one: GatedBroker;
    let two: GatedBroker;
    let connection: KafkaConnection;
    let admin: Admin;
    let log: KafkaLog;
    let logs = 0;
    let app = '';
    let out = { topic: '', partition: 0 };

    beforeAll(async () => {
      const features = { 'transaction.version': version };
      one = (await GatedBroker.start({ settings, features })) as GatedBroker;
      two = (await GatedBroker.start({ settings, features, joins: one.server })) as GatedBroker;
      connection = { brokers: [one.address, two.address], clientId: 'test' };
      admin = new KafkaClient(connection).admin();
      await admin.connect();
    });
    afterAll(async () => {
      await admin.disconnect();
      await two.stop();
      await one.stop();
    });
    afterEach(async () => {
      for (const broker of [one, two]) broker.gate = () => 'pass';
      await log.close();
    });

    const openLog = (): Promise<KafkaLog> =>
      KafkaLog.open({ ...connection, app, stateDir: join(stateDir, `${version}-${logs++}`) });

    /** A task whose outputs are with the first broker, and whose changelog is with the second. */
    const opened = async (): Promise<TaskLog> => {
      app = `app-${logs}`;
      out = { topic: `out-${logs}`, partition: 0 };
      await admin.createTopics({
        topics: [
          { topic: out.topic, replicaAssignment: [{ partition: 0, replicas: [FIRST] }] },
          { topic: `${app}.g.changelog`, replicaAssignment: [{ partition: 0, replicas: [SECOND] }] },
        ],
      });
      log = await openLog();
      await log.createTopics([{ topic: out.topic, partitions: 1, cleanup: 'delete' }]);
      const task = await log.openTask('g', 0);
      await write(task, 1);
      return task;
    };
    const write = (task: TaskLog, n: number): Promise<void> =>
      task.commit({
        outputs: [record(out, `${n}`)],
        offsets: [{ ...out, offset: n }],
        changes: [{ key: KEY, value: Buffer.from(`${n}`) }],
      });
    const move = async (topic: string, to: number): Promise<void> => {
      await admin.alterPartitionReassignments({
        topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [to] }] }],
      });
      const leader = async (): Promise<number | undefined> =>
        (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.leader;
      while ((await leader()) !== to) await delay(20);
    };
    /** What was committed is there once: outputs, and the state as another instance restores it. */
    const expectOnce = async (last: number): Promise<void> => {
      const all = Array.from({ length: last }, (_, i) => `${i + 1}`);
      expect(valuesOf(await readAll(log, out))).toEqual(all);
      const other = await openLog();
      const restored = await other.openTask('g', 0);
      expect(String(restored.store.get(KEY))).toBe(String(last));
      expect(restored.position(out)).toBe(last);
      await other.close();
    };

    test('is not doubled where one still takes its part while the other has to be asked again', async () => {
      const task = await opened();
      let askedAgain: () => void = () => {};
      const again = new Promise<void>((resolve) => {
        askedAgain = resolve;
      });
      let asked = 0;
      one.gate = (api) => (api === PRODUCE ? again.then(() => 'pass') : 'pass');
      two.gate = (api) => {
        if (api !== PRODUCE) return 'pass';
        if (++asked === 1) return 'cut';
        askedAgain();
        return 'pass';
      };
      await write(task, 2);
      await write(task, 3);
      await expectOnce(3);
    });

    test('is not doubled where a part that is written moves to a broker that has to be asked again', async () => {
      const task = await opened();
      let asked = 0;
      two.gate = async (api) => {
        if (api !== PRODUCE || ++asked > 1) return 'pass';
        await move(out.topic, SECOND);
        return 'cut';
      };
      await write(task, 2);
      await write(task, 3);
      await expectOnce(3);
    });

    test('loses nothing where a part that failed moves to a broker that has taken its own', async () => {
      const task = await opened();
      let asked = 0;
      two.gate = async (api) => {
        if (api !== PRODUCE || ++asked > 1) return 'pass';
        await move(`${app}.g.changelog`, FIRST);
        return 'cut';
      };
      await write(task, 2);
      await expectOnce(2);
    });

    test('takes a dead letter of an input that was as large as a broker takes', async () => {
      const task = await opened();
      const letters = { topic: DEAD_LETTERS, partition: 0 };
      await log.createTopics([{ topic: DEAD_LETTERS, partitions: 1, cleanup: 'delete' }]);
      const value = Buffer.alloc((1 << 20) - 100, 'x');
      await log.append([{ ...record(out, 'input'), value }]);
      const letter = { ...record(letters, 'letter'), value, headers: { message: 'y'.repeat(2000) } };
      await task.commit({ outputs: [letter], offsets: [], changes: [] });
      expect((await readAll(log, letters)).map((kept) => kept.value?.length)).toEqual([value.length]);
    });

    test('takes a commit of many times what a broker takes at once, of which a part has to be asked again', async () => {
      const task = await opened();
      const keys = Array.from({ length: 9000 }, (_, i) => `user ${i}`);
      const body = (key: string): string => `${key}: ${'ü'.repeat(170)}`;
      const outputs = keys.map((key, i) => ({
        ...out,
        timestamp: 1_700_000_000_000 - i * i,
        key: i % 7 === 0 ? null : Buffer.from(key),
        value: i % 9 === 0 ? null : Buffer.from(body(key)),
        ...(i % 5 === 0 ? { headers: { trace: `ß${i}` } } : {}),
      }));
      const changes = keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from(body(key)) }));
      let asked = 0;
      two.gate = (api) => (api === PRODUCE && ++asked === 2 ? 'forget' : 'pass');
      await task.commit({ outputs, offsets: [{ ...out, offset: 2 }], changes });
      expect(asked).toBeGreaterThan(4);
      const written = (await readAll(log, out)).slice(1);
      expect(written.map(({ offset: _, ...kept }) => kept)).toEqual(
        outputs.map(({ timestamp, key, value, headers = {} }) => ({ timestamp, key, value, headers })),
      );
      const other = await openLog();
      const { store } = await other.openTask('g', 0);
      expect(store.getMany(changes.map(({ key }) => key)).map(String)).toEqual(keys.map(body));
      await other.close();
    });

    test('takes what is larger than a topic takes at once, in batches that it takes', async () => {
      const task = await opened();
      const small = { topic: `small-${app}`, partition: 0 };
      const configEntries = [{ name: 'max.message.bytes', value: '10000' }];
      await admin.createTopics({
        topics: [{ topic: small.topic, replicaAssignment: [{ partition: 0, replicas: [FIRST] }], configEntries }],
      });
      await log.createTopics([{ topic: small.topic, partitions: 1, cleanup: 'delete' }]);
      const values = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(i % 900)}`);
      const outputs = values.flatMap((value, i) => [
        record(small, value),
        ...(i % 100 === 0 ? [record(out, value)] : []),
      ]);
      let asked = 0;
      one.gate = (api) => (api === PRODUCE && ++asked === 4 ? 'forget' : 'pass');
      await task.commit({ outputs, offsets: [{ ...out, offset: 2 }], changes: [] });
      await task.commit({ outputs, offsets: [{ ...out, offset: 3 }], changes: [] });
      const twice = [...values, ...values];
      expect(valuesOf(await readAll(log, small))).toEqual(twice);
      expect(valuesOf(await readAll(log, out))).toEqual(['1', ...twice.filter((_, i) => i % 100 === 0)]);
      const offsets = await log.append(values.map((value) => record(small, value)));
      const last = await log.read(small, offsets.at(-1) as number, 1);
      expect(valuesOf(last)).toEqual([values.at(-1)]);
      const huge = { ...record(small, 'huge'), value: Buffer.alloc(20_000) };
      await expect(log.append([record(small, 'a'), huge])).rejects.toThrow(
        `one of 20004 bytes for the topic ${small.topic}: raise`,
      );
    });

    test('is not needed: an append is not doubled either', async () => {
      await opened();
      const other = { topic: `${app}.g.changelog`, partition: 0 };
      let asked = 0;
      two.gate = async (api) => {
        if (api !== PRODUCE || ++asked > 1) return 'pass';
        await move(out.topic, SECOND);
        return 'cut';
      };
      const offsets = await log.append([record(out, '2'), record(other, 'b'), record(out, '3')]);
      expect(valuesOf(await readAll(log, out))).toEqual(['1', '2', '3']);
      const logged = await readAll(log, other);
      expect(valuesOf(logged.filter(({ key }) => !key?.equals(POSITIONS_KEY)))).toEqual(['1', 'b']);
      expect(offsets).toHaveLength(3);
      expect((await log.read(out, offsets[2] as number, 1)).map((r) => String(r.value))).toEqual(['3']);
    });

    /** The requests of transactions while `work` is done, by their names, each of them once. */
    const requestsOf = async (work: () => Promise<void>): Promise<readonly string[]> => {
      const seen = new Set<string>();
      for (const broker of [one, two]) {
        broker.gate = (api) => {
          if (api in NAMES) seen.add(NAMES[api] as string);
          return 'pass';
        };
      }
      await work();
      return [...seen].sort();
    };

    test('asks no more than it has to, on one broker and on several', async () => {
      const task = await opened();
      const onTwo = await requestsOf(() => write(task, 2));
      const of = version < IMPLICIT ? ['AddOffsetsToTxn', 'AddPartitionsToTxn'] : [];
      expect(onTwo).toEqual([...new Set([...of, 'AddPartitionsToTxn', 'EndTxn', 'Produce', 'TxnOffsetCommit'])]);
      await move(`${app}.g.changelog`, FIRST);
      await write(task, 3);
      expect(await requestsOf(() => write(task, 4))).toEqual([...of, 'EndTxn', 'Produce', 'TxnOffsetCommit']);
      await expectOnce(4);
    });

    test('holds offsets alone, and records alone', async () => {
      const task = await opened();
      await task.commit({ outputs: [], offsets: [{ ...out, offset: 7 }], changes: [] });
      await task.commit({ outputs: [record(out, '2')], offsets: [], changes: [] });
      await task.commit({ outputs: [], offsets: [], changes: [{ key: KEY, value: Buffer.from('2') }] });
      expect(valuesOf(await readAll(log, out))).toEqual(['1', '2']);
      const other = await openLog();
      const restored = await other.openTask('g', 0);
      expect([restored.position(out), String(restored.store.get(KEY))]).toEqual([7, '2']);
      await other.close();
    });

    test('of a task that another owner took over commits nothing any more', async () => {
      const task = await opened();
      const other = await openLog();
      const owner = await other.openTask('g', 0);
      await expect(write(task, 2)).rejects.toThrow(TaskFenced);
      await other.createTopics([{ topic: out.topic, partitions: 1, cleanup: 'delete' }]);
      await write(owner, 2);
      await other.close();
      await expectOnce(2);
    });

    const requests =
      version < IMPLICIT
        ? { PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, COMMIT_OFFSETS, END }
        : { PRODUCE, ADD_PARTITIONS, COMMIT_OFFSETS, END };
    for (const [name, wanted] of Object.entries(requests)) {
      for (const verdict of ['cut', 'forget'] as const) {
        test(`goes on after a connection that ends at ${name} (${verdict})`, async () => {
          let task = await opened();
          let [asked, reopened] = [0, 0];
          for (const broker of [one, two]) {
            broker.gate = (api) => (api === wanted && ++asked === 1 ? verdict : 'pass');
          }
          while (task.position(out) < 3) {
            await write(task, task.position(out) + 1).catch(async (error: unknown) => {
              expect(error).toBeInstanceOf(TaskLost);
              task = await log.openTask('g', 0);
              reopened++;
            });
          }
          await expectOnce(3);
          expect(asked).toBeGreaterThan(1);
          const unrepeatable = version < IMPLICIT && (wanted === COMMIT_OFFSETS || wanted === END);
          expect(reopened).toBe(unrepeatable ? 1 : 0);
        });
      }
    }

    /** Writes the second, of which a request comes to the broker when the third is about to be ended: then `then` decides. */
    const writeWithLate = async (task: TaskLog, wanted: number, then: () => Promise<Verdict>): Promise<void> => {
      let [asked, ends] = [0, 0];
      let arrive: () => void = () => {};
      let answered: () => void = () => {};
      const arrives = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const wasAnswered = new Promise<void>((resolve) => {
        answered = resolve;
      });
      const gate = (api: number): Verdict | Promise<Verdict> => {
        if (api === wanted && ++asked === 1) return { arrives, answered };
        if (api !== END || ++ends === 1) return 'pass';
        arrive();
        return wasAnswered.then(then);
      };
      for (const broker of [one, two]) broker.gate = gate;
      await write(task, 2);
      ends = 1;
      await write(task, 3);
    };

    // With one epoch for all transactions nothing is repeated that could come late.
    if (version < IMPLICIT) return;

    test('is not ended by the end of the one before, which comes late', async () => {
      const task = await opened();
      const found: unknown[] = [];
      const writing = writeWithLate(task, END, async () => {
        // Had the late one ended it, this owner would find it committed.
        const other = await openLog();
        const owner = await other.openTask('g', 0);
        found.push(owner.position(out), String(owner.store.get(KEY)));
        await other.close();
        return 'pass';
      });
      await expect(writing).rejects.toThrow(TaskFenced);
      expect(found).toEqual([2, '2']);
      expect(valuesOf(await readAll(log, out))).toEqual(['1', '2']);
    });

    test('has its own offsets, though those of the one before come late', async () => {
      const task = await opened();
      await writeWithLate(task, COMMIT_OFFSETS, async () => 'pass');
      await expectOnce(3);
    });
  },
);
