import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { StoreChange } from '../../state/store.ts';
import { type KafkaServer, NO_KAFKA, startKafka } from '../../test/servers/kafka.ts';
import { StateCorrupted, TaskFenced, Unrecoverable } from '../errors.ts';
import type { TaskLog, TopicPartition } from '../log.ts';
import { logSuite, readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaClient } from './client.ts';
import { KafkaLog, type KafkaLogOptions } from './kafka-log.ts';
import { type Checkpoint, LocalStore } from './local-store.ts';
import { DELETE_RETENTION_MS, type Restored } from './restore.ts';
import { GROUP, STATE_KEY } from './testing/owner.ts';
import { changelogOf, consumerGroupOf } from './topic-config.ts';

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;
const server = await startKafka();
const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-'));
const run = process.hrtime.bigint().toString(36);
let names = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fresh = (kind: string): string => `${kind}-${run}-${names++}`;
const newFolder = (): string => join(root, String(names++));
const text = (value: string): Buffer => Buffer.from(value);
const set = (key: string, value: string): StoreChange => ({ key: text(key), value: text(value) });
const ALL = [Buffer.alloc(0), Buffer.alloc(16, 0xff)] as const;
const stateOf = (task: TaskLog): string[] => task.store.scan(...ALL).map(String);

const opened: KafkaLog[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});
const options = (more: Partial<KafkaLogOptions> = {}): KafkaLogOptions => {
  const { brokers } = server as KafkaServer;
  return { brokers, clientId: 'test', app: fresh('app'), stateDir: newFolder(), ...more };
};
async function open(more: Partial<KafkaLogOptions> = {}): Promise<KafkaLog> {
  const log = await KafkaLog.open(options(more));
  opened.push(log);
  return log;
}
async function topicOf(log: KafkaLog, partitions = 1): Promise<TopicPartition> {
  const topic = fresh('topic');
  await log.createTopics([{ topic, partitions, cleanup: 'delete' }]);
  return { topic, partition: 0 };
}

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'on a broker', { timeout: 60_000 }, () => {
  logSuite('Kafka', () => KafkaLog.open(options()));

  describe('a task on Kafka', () => {
    test('keeps a row as large as several inputs, and so does who takes it over', async () => {
      const app = fresh('app');
      const [here, there] = [await open({ app }), await open({ app })];
      const before = await here.openTask('g', 0);
      const row = Buffer.alloc(5 << 20, 'r');
      await before.commit({ outputs: [], offsets: [], changes: [{ key: text('k'), value: row }] });
      await before.close();
      const owner = await there.openTask('g', 0);
      expect(await owner.store.get(text('k'))).toEqual(row);
    });

    test('is taken from an owner on another machine, which can commit nothing more', async () => {
      const app = fresh('app');
      const [here, there] = [await open({ app }), await open({ app })];
      const output = await topicOf(here);
      await there.createTopics([{ topic: output.topic, partitions: 1, cleanup: 'delete' }]);
      const zombie = await here.openTask('g', 0);
      await zombie.commit({
        outputs: [record(output, 'first')],
        offsets: [{ ...output, offset: 5 }],
        changes: [set('k', '1')],
      });
      const owner = await there.openTask('g', 0);
      expect([owner.position(output), ...stateOf(owner)]).toEqual([5, 'k,1']);
      const late = {
        outputs: [record(output, 'late')],
        offsets: [{ ...output, offset: 9 }],
        changes: [set('k', 'late')],
      };
      await expect(zombie.commit(late)).rejects.toThrow(TaskFenced);
      await expect(zombie.commit(late)).rejects.toThrow(TaskFenced);
      await owner.commit({ outputs: [record(output, 'mine')], offsets: [], changes: [] });
      expect(valuesOf(await readAll(there, output))).toEqual(['first', 'mine']);

      const back = await here.openTask('g', 0);
      expect([back.position(output), ...stateOf(back)]).toEqual([5, 'k,1']);
    });

    test('leaves nothing of a commit whose owner was killed after it sent everything and before it ended it', async () => {
      const [app, topic, stateDir] = [fresh('app'), fresh('topic'), newFolder()];
      const { child, lines } = startChild('owner.ts', app, stateDir, topic, 'hold', '3');
      for await (const line of lines) if (line === 'held') break;
      child.kill('SIGKILL');
      await once(child, 'close');
      const log = await open({ app, stateDir });
      await log.createTopics([{ topic, partitions: 2, cleanup: 'delete' }]);
      const output = { topic, partition: 0 };
      expect(valuesOf(await readAll(log, output))).toEqual(['1', '2']);
      const begun = performance.now();
      const task = await log.openTask(GROUP, 0);
      console.log(`takeover of an open transaction: ${(performance.now() - begun).toFixed(0)} ms`);
      expect([task.position({ topic, partition: 1 }), ...stateOf(task)]).toEqual([2, 'commits,2']);
      await task.commit({ outputs: [record(output, 'next')], offsets: [], changes: [] });
      expect(valuesOf(await readAll(log, output))).toEqual(['1', '2', 'next']);
    });

    test('has outputs, offset and state of the same commits after every kill -9', async () => {
      const [app, topic, stateDir] = [fresh('app'), fresh('topic'), newFolder()];
      let acknowledged = 0;
      for (const wait of [3, 40, 11, 23]) {
        const { child, lines } = startChild('owner.ts', app, stateDir, topic);
        let more = 5;
        for await (const line of lines) {
          acknowledged = Number(line);
          if (--more === 0) setTimeout(() => child.kill('SIGKILL'), wait);
        }
        const log = await open({ app, stateDir });
        await log.createTopics([{ topic, partitions: 2, cleanup: 'delete' }]);
        const task = await log.openTask(GROUP, 0);
        const reached = task.position({ topic, partition: 1 });
        expect(reached).toBeGreaterThanOrEqual(acknowledged);
        expect(Number(task.store.get(STATE_KEY))).toBe(reached);
        const seen = valuesOf(await readAll(log, { topic, partition: 0 })).map(Number);
        expect(seen).toEqual(Array.from({ length: reached }, (_, i) => i + 1));
        await log.close();
      }
    });

    test('restores the state it lost, from the tail of its changelog or from all of it', async () => {
      const [app, stateDir] = [fresh('app'), newFolder()];
      const restored: Restored[] = [];
      const more = { app, stateDir, onRestored: (r: Restored): void => void restored.push(r) };
      const first = await open(more);
      const task = await first.openTask('g', 0);
      for (let i = 0; i < 6; i++) {
        const changes = Array.from({ length: 400 }, (_, k) => set(`k${(i * 150 + k) % 700}`, `${i}`.repeat(50)));
        await task.commit({
          outputs: [],
          offsets: [],
          changes: i === 4 ? changes.map(({ key }) => ({ key })) : changes,
        });
      }
      const lost = stateOf(task);
      expect(lost.length).toBeGreaterThan(400);
      await first.close();

      const elsewhere = await open({ ...more, stateDir: newFolder() });
      const moved = await elsewhere.openTask('g', 0);
      expect(stateOf(moved)).toEqual(lost);
      await moved.commit({ outputs: [], offsets: [], changes: [set('new', '1'), { key: text('k0') }] });
      const now = stateOf(moved);
      await elsewhere.close();

      const again = await open(more);
      expect(stateOf(await again.openTask('g', 0))).toEqual(now);
      expect(restored.map(({ records, wiped }) => [records, wiped])).toEqual([
        [0, 'missing'],
        [2400, 'missing'],
        [2, undefined],
      ]);
    });

    test('wipes a local state that it can not trust, and restores it', async () => {
      const [app, stateDir] = [fresh('app'), newFolder()];
      const restored: Restored[] = [];
      const log = await open({ app, stateDir, onRestored: (r: Restored): void => void restored.push(r) });
      const folder = join(stateDir, 'g', '0');
      const changes = [set('a', '1'), set('b', '2')];
      await (await log.openTask('g', 0)).commit({ outputs: [], offsets: [], changes });
      const damage = async (harm: (checkpoint: Checkpoint) => void | Promise<void>): Promise<void> => {
        await (await log.openTask('g', 0)).close();
        const store = (await LocalStore.open(folder)) as LocalStore;
        const checkpoint = store.checkpoint() as Checkpoint;
        await store.close();
        await harm(checkpoint);
        expect(stateOf(await log.openTask('g', 0))).toEqual(['a,1', 'b,2']);
      };
      const rewrite = async (checkpoint: Checkpoint): Promise<void> => {
        const store = (await LocalStore.open(folder)) as LocalStore;
        store.write([set('a', 'wrong'), set('c', 'deleted long ago')], checkpoint);
        await store.close();
      };
      await damage(() => {
        for (const file of readdirSync(folder)) {
          if (/^(MANIFEST|CURRENT|\d+)/.test(file)) writeFileSync(join(folder, file), 'garbage');
        }
      });
      await damage((checkpoint) => rewrite({ ...checkpoint, cluster: 'another' }));
      await damage((checkpoint) => rewrite({ ...checkpoint, at: checkpoint.at - DELETE_RETENTION_MS / 2 - 1 }));
      await damage(() => rmSync(folder, { recursive: true }));
      const reasons = restored.filter((_, i) => i % 2 === 0 || i === 0).map(({ wiped }) => wiped);
      expect(reasons).toEqual(['missing', 'unreadable', 'other-cluster', 'too-old', 'missing']);
      const aside = (await LocalStore.open(`${folder}.other-cluster`)) as LocalStore;
      expect(String(aside.store.get(text('c')))).toBe('deleted long ago');
      await aside.close();
    });

    test.each(['ends', 'begins'])('keeps a local state that its changelog lacks the records of (%s)', async (where) => {
      const [app, stateDir] = [fresh('app'), newFolder()];
      const log = await open({ app, stateDir });
      const folder = join(stateDir, 'g', '0');
      const task = await log.openTask('g', 0);
      for (const value of ['1', '2']) await task.commit({ outputs: [], offsets: [], changes: [set('a', value)] });
      await task.close();
      const rewrite = async (offset: (kept: number) => number): Promise<void> => {
        const store = (await LocalStore.open(folder)) as LocalStore;
        const checkpoint = store.checkpoint() as Checkpoint;
        store.write([], { ...checkpoint, offset: offset(checkpoint.offset) });
        await store.close();
      };
      if (where === 'ends') await rewrite((kept) => kept + 100);
      else {
        await rewrite(() => 0);
        const admin = new KafkaClient(options()).admin();
        await admin.connect();
        const topic = changelogOf(app, 'g');
        await admin.alterConfigs({
          validateOnly: false,
          resources: [
            {
              type: ConfigResourceTypes.TOPIC,
              name: topic,
              configEntries: [{ name: 'cleanup.policy', value: 'delete' }],
            },
          ],
        });
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
        await admin.disconnect();
      }
      const opening = log.openTask('g', 0);
      await expect(opening).rejects.toThrow(Unrecoverable);
      await expect(opening).rejects.toThrow(new RegExp(`the changelog ${where} at .*goes with .*move the folder away`));
      const store = (await LocalStore.open(folder)) as LocalStore;
      expect(String(store.store.get(text('a')))).toBe('2');
      await store.close();
      rmSync(folder, { recursive: true });
      await log.openTask('g', 0);
    });

    test.each(['kept', 'deleted'])(
      'does not begin again where the offsets of its state are gone (local state: %s)',
      async (local) => {
        const [app, stateDir] = [fresh('app'), newFolder()];
        const log = await open({ app, stateDir });
        const input = await topicOf(log);
        const task = await log.openTask('g', 0);
        await task.commit({ outputs: [], offsets: [{ ...input, offset: 7 }], changes: [set('k', '1')] });
        await task.close();
        if (local === 'deleted') rmSync(stateDir, { recursive: true });
        const admin = new KafkaClient(options()).admin();
        await admin.connect();
        await admin.deleteGroups([`${app}.g`]);
        await admin.disconnect();
        const opening = log.openTask('g', 0);
        await expect(opening).rejects.toThrow(Unrecoverable);
        await expect(opening).rejects.toThrow(
          `the committed offset of ${input.topic}/0 is none, and the state goes with 7`,
        );
      },
    );

    test('says where its state is in use', async () => {
      const [app, stateDir] = [fresh('app'), newFolder()];
      const [log, other] = [await open({ app, stateDir }), await open({ app, stateDir })];
      await log.openTask('g', 0);
      await expect(other.openTask('g', 0)).rejects.toThrow('give every instance a state folder of its own');
      await expect(other.openTask('g', 0)).rejects.toThrow(Unrecoverable);
    });

    test('stops at a record that the cluster will never take', async () => {
      const log = await open();
      const output = await topicOf(log);
      const task = await log.openTask('g', 0);
      const huge = { ...record(output, 'huge'), value: Buffer.alloc(1_200_000) };
      const commit = task.commit({ outputs: [huge], offsets: [], changes: [] });
      await expect(commit).rejects.toThrow(Unrecoverable);
      await expect(commit).rejects.toThrow('the cluster refuses a commit');
      await expect(commit).rejects.toThrow(`one of 1200004 bytes for the topic ${output.topic}: raise`);
      const append = log.append([huge]);
      await expect(append).rejects.toThrow(Unrecoverable);
      await expect(append).rejects.toThrow(`one of 1200004 bytes for the topic ${output.topic}: raise`);
    });

    test('whose local state can not be written leaves nothing open that would keep the process', async () => {
      const program = fileURLToPath(new URL('./testing/fill-task.ts', import.meta.url));
      // No file may grow over 2 MiB, which writes meet as they meet a full disk.
      const limited = ['-c', 'ulimit -f 2048 && exec "$0" "$@"', process.execPath, program];
      const args = [(server as KafkaServer).brokers.join(','), fresh('app'), newFolder()];
      const child = spawn('bash', [...limited, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      expect(await once(child, 'close')).toEqual([0, null]);
      expect(said).toBe('Unrecoverable\n');
    });

    test('reports a read after its end, and no corruption', async () => {
      const task = await (await open()).openTask('g', 0);
      await task.close();
      expect(() => task.store.get(text('a'))).toThrow(TaskFenced);
      expect(() => task.store.get(text('a'))).not.toThrow(StateCorrupted);
    });
  });

  test('that has too few others for the copies asked for says which setting asks for them', async () => {
    const log = await open({ replication: 3 });
    const creating = topicOf(log);
    await expect(creating).rejects.toThrow(Unrecoverable);
    await expect(creating).rejects.toThrow(/topics can not be created: .*eplication.*: set KAFKA_REPLICATION/);
  });

  describe('a group on Kafka', () => {
    test('is not joined with a session timeout that brokers refuse, and the setting is named', async () => {
      const log = await open({ sessionTimeout: 1 });
      const { topic } = await topicOf(log);
      await expect(log.join('g', [topic], watch())).rejects.toThrow(/session timeout .*: set KAFKA_SESSION_TIMEOUT/);
    });

    test('shares its tasks between two members, and gives those of one that leaves to the other', async () => {
      const app = fresh('app');
      const [log, other] = [await open({ app }), await open({ app })];
      const { topic } = await topicOf(log, 5);
      await other.createTopics([{ topic, partitions: 5, cleanup: 'delete' }]);
      const sets = [watch(), watch()] as const;
      const first = await log.join('g', [topic], sets[0]);
      expect(sets[0].now).toEqual([0, 1, 2, 3, 4]);
      const tasks = await Promise.all(sets[0].now.map((partition) => log.openTask('g', partition)));
      for (const task of tasks) await task.commit({ outputs: [], offsets: [], changes: [set('k', '1')] });

      const second = await other.join('g', [topic], sets[1]);
      await first.confirmed();
      expect([...sets[0].now, ...sets[1].now].sort()).toEqual([0, 1, 2, 3, 4]);
      expect(sets[0].now).toHaveLength(3);
      const [taken] = sets[1].now as [number];
      expect(stateOf(await other.openTask('g', taken))).toEqual(['k,1']);
      const zombie = (tasks[taken] as TaskLog).commit({ outputs: [], offsets: [], changes: [set('k', 'zombie')] });
      await expect(zombie).rejects.toThrow(TaskFenced);

      await first.confirmed();
      expect(sets[0].now).toHaveLength(3);
      await first.leave();
      await sets[1].until((owned) => owned.length === 5);
      for (const partition of sets[1].now) expect(stateOf(await other.openTask('g', partition))).toEqual(['k,1']);
      await second.leave();
    });

    test('a member that still joins when its log is closed leaves: it would hold tasks that nobody runs', async () => {
      const app = fresh('app');
      const log = await open({ app });
      const { topic } = await topicOf(log, 5);
      const mine = watch();
      const first = await log.join('g', [topic], mine);
      const closing = await KafkaLog.open(options({ app }));
      await closing.createTopics([{ topic, partitions: 5, cleanup: 'delete' }]);
      const joining = closing.join('g', [topic], watch()).catch(() => {});
      const admin = new Kafka({ brokers: [...(server as KafkaServer).brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      // It waits for the other member, which learns of it by its next heartbeat.
      for (let state = ''; state !== 'PreparingRebalance'; ) {
        state = (await admin.describeGroups([consumerGroupOf(app, 'g')])).groups[0]?.state ?? '';
      }
      await admin.disconnect();
      await closing.close();
      await joining;
      await first.confirmed();
      await mine.until((owned) => owned.length === 5);
    });

    test('is not joined where a consumer of another kind has its name', async () => {
      const app = fresh('app');
      const log = await open({ app });
      const { topic } = await topicOf(log);
      const kafka = new Kafka({ brokers: [...(server as KafkaServer).brokers], logLevel: logLevel.NOTHING });
      const consumer = kafka.consumer({ groupId: consumerGroupOf(app, 'g') });
      const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
      await consumer.connect();
      await consumer.subscribe({ topic });
      await consumer.run({ eachMessage: async () => {} });
      await joined;
      await expect(log.join('g', [topic], watch())).rejects.toMatchObject({ type: 'INCONSISTENT_GROUP_PROTOCOL' });
      await consumer.disconnect();
    });

    test('gives the tasks of a member that died to the others once its session has timed out', async () => {
      const [app, session] = [fresh('app'), 6000];
      const log = await open({ app, sessionTimeout: session });
      const { topic } = await topicOf(log, 2);
      const mine = watch();
      await log.join('g', [topic], mine);
      const { child, lines } = startChild('member.ts', app, newFolder(), topic, '2', String(session));
      let theirs: readonly number[] = [];
      for await (const line of lines) {
        theirs = JSON.parse(line) as number[];
        if (theirs.length === 1) break;
      }
      await mine.until((owned) => owned.length === 1);
      expect([...mine.now, ...theirs].sort()).toEqual([0, 1]);
      const begun = performance.now();
      child.kill('SIGKILL');
      await mine.until((owned) => owned.length === 2);
      const took = performance.now() - begun;
      console.log(`a dead member's tasks were assigned anew after ${(took / 1000).toFixed(1)} s`);
      expect(took).toBeGreaterThan(session / 2);
    });
  });
});

function startChild(file: string, ...more: string[]) {
  const script = fileURLToPath(new URL(`./testing/${file}`, import.meta.url));
  const args = [script, (server as KafkaServer).brokers.join(','), ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child, lines: createInterface({ input: child.stdout }) };
}

/** A listener that knows the latest set of partitions. */
function watch() {
  let changed: () => void = () => {};
  const watcher = {
    now: [] as readonly number[],
    assigned: async (partitions: readonly number[]): Promise<void> => {
      watcher.now = partitions;
      changed();
    },
    until: async (condition: (owned: readonly number[]) => boolean): Promise<void> => {
      while (!condition(watcher.now)) {
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
  };
  return watcher;
}
