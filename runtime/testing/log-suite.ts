// What every log must do, whatever keeps it. Offsets grow and may have gaps; reads see committed records alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoreChange } from '../../state/store.ts';
import { TaskFenced } from '../errors.ts';
import type { Log, LogRecord, NewRecord, TopicPartition } from '../log.ts';

const HIGHEST = Buffer.alloc(16, 0xff);
const LOWEST = Buffer.alloc(0);
const T0 = 1_700_000_000_000;

const text = (value: string): Buffer => Buffer.from(value);
const set = (key: string, value: string): StoreChange => ({ key: text(key), value: text(value) });
const noChange = { outputs: [], offsets: [], changes: [] } as const;

/** A record whose value says what it is. */
export function record({ topic, partition }: TopicPartition, value: string, key: string | null = value): NewRecord {
  return { topic, partition, timestamp: T0, key: key === null ? null : text(key), value: text(value) };
}

/** All records of a partition from an offset on. */
export async function readAll(log: Log, input: TopicPartition, from = 0): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (let next = from; ; next = (all[all.length - 1]?.offset ?? next) + 1) {
    const records = await log.read(input, next, 100);
    if (records.length === 0) return all;
    all.push(...records);
  }
}

export const valuesOf = (records: readonly LogRecord[]): string[] => records.map(({ value }) => String(value));

/** Runs the suite over the log that `open` opens; topics and groups have names of their own in every run. */
export function logSuite(name: string, open: () => Promise<Log>): void {
  describe(`a log: ${name}`, () => {
    const run = process.hrtime.bigint().toString(36);
    let log: Log;
    let names = 0;
    const fresh = (kind: string): string => `${kind}-${run}-${names++}`;
    const topicOf = async (partitions = 1): Promise<TopicPartition> => {
      const topic = fresh('topic');
      await log.createTopics([{ topic, partitions, cleanup: 'delete' }]);
      return { topic, partition: 0 };
    };

    beforeAll(async () => {
      log = await open();
    });
    afterAll(() => log.close());

    test('lets a reader that has taken everything go on behind it, and one that has not where it is', async () => {
      const input = await topicOf();
      await log.append([record(input, 'a'), record(input, 'b')]);
      const [first, last] = await readAll(log, input);
      const behind = (last?.offset as number) + 1;
      expect(log.resumeAt(input, behind)).toBeGreaterThanOrEqual(behind);
      for (const { offset } of [first, last] as LogRecord[]) expect(log.resumeAt(input, offset)).toBe(offset);
      await log.append([record(input, 'c')]);
      expect(valuesOf(await readAll(log, input, log.resumeAt(input, behind)))).toEqual(['c']);
    });

    test('creates missing topics and leaves existing ones as they are', async () => {
      const [a, b] = [fresh('topic'), fresh('topic')];
      await log.createTopics([{ topic: a, partitions: 3, cleanup: 'delete' }]);
      await log.append([record({ topic: a, partition: 2 }, 'kept')]);
      await log.createTopics([
        { topic: a, partitions: 3, cleanup: 'delete' },
        { topic: b, partitions: 1, cleanup: 'compact' },
      ]);
      expect([log.partitions(a), log.partitions(b)]).toEqual([3, 1]);
      expect(valuesOf(await readAll(log, { topic: a, partition: 2 }))).toEqual(['kept']);
    });

    test('refuses a topic that exists with another number of partitions', async () => {
      const { topic } = await topicOf(2);
      const other = log.createTopics([{ topic, partitions: 4, cleanup: 'delete' }]);
      await expect(other).rejects.toThrow(/has 2 partitions, not 4/);
      expect(log.partitions(topic)).toBe(2);
    });

    test('knows no topic that was not created', async () => {
      expect(() => log.partitions(fresh('topic'))).toThrow(/no topic/);
    });

    test('gives back every part of a record', async () => {
      const input = await topicOf();
      const records: NewRecord[] = [
        { ...input, timestamp: T0, key: text('k'), value: text('v'), headers: { a: '1', ünï: '' } },
        { ...input, timestamp: T0 - 5, key: null, value: text('no key') },
        { ...input, timestamp: T0, key: text('no value'), value: null },
        { ...input, timestamp: T0 + 1, key: null, value: null, headers: { 'advance-to': '5' } },
        { ...input, timestamp: T0 + 2, key: LOWEST, value: LOWEST },
        { ...input, timestamp: T0 + 3, key: HIGHEST, value: Buffer.alloc(300_000, 7) },
      ];
      const offsets = await log.append(records);
      const wanted = records.map(({ timestamp, key, value, headers = {} }, i) => {
        return { offset: offsets[i], timestamp, key, value, headers };
      });
      expect(await readAll(log, input)).toEqual(wanted);
    });

    test('appends in order, to the partitions named, and says at which offsets', async () => {
      const { topic } = await topicOf(2);
      const [zero, one] = [
        { topic, partition: 0 },
        { topic, partition: 1 },
      ];
      const offsets = await log.append([record(one, 'a'), record(zero, 'b'), record(one, 'c'), record(zero, 'd')]);
      const more = await log.append([record(one, 'e')]);
      expect(await log.append([])).toEqual([]);
      const [zeros, ones] = [await readAll(log, zero), await readAll(log, one)];
      expect(valuesOf(zeros)).toEqual(['b', 'd']);
      expect(valuesOf(ones)).toEqual(['a', 'c', 'e']);
      expect(zeros.map((r) => r.offset)).toEqual([offsets[1], offsets[3]]);
      expect(ones.map((r) => r.offset)).toEqual([offsets[0], offsets[2], more[0]]);
    });

    test('reads from any offset, at most as many records as asked for', async () => {
      const input = await topicOf();
      const wanted = Array.from({ length: 500 }, (_, i) => `value ${i}`);
      const offsets: number[] = [];
      for (let i = 0; i < 500; i += 125) {
        offsets.push(...(await log.append(wanted.slice(i, i + 125).map((v) => record(input, v)))));
      }
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      for (const from of [0, 1, 124, 125, 126, 260, 499]) {
        const some = await log.read(input, offsets[from] as number, 130);
        expect(some.length).toBeGreaterThan(0);
        expect(some.length).toBeLessThanOrEqual(130);
        expect(valuesOf(some)).toEqual(wanted.slice(from, from + some.length));
      }
      expect(valuesOf(await readAll(log, input, offsets[100]))).toEqual(wanted.slice(100));
    });

    test('keeps about to the bytes asked for, and gives one record at least', async () => {
      const input = await topicOf();
      await log.append(Array.from({ length: 20 }, (_, i) => record(input, `${i}`.padEnd(1000))));
      const some = await log.read(input, 0, 100, 5000);
      expect(some.length).toBeGreaterThan(0);
      expect(some.length).toBeLessThanOrEqual(6);
      const one = await log.read(input, 0, 100, 1);
      expect(one).toHaveLength(1);
    });

    test('ends after its last record', async () => {
      const input = await topicOf();
      expect(await log.endOffset(input)).toBe(0);
      expect(await log.read(input, 0, 10)).toEqual([]);
      const offsets = await log.append([record(input, 'a'), record(input, 'b')]);
      const end = await log.endOffset(input);
      expect(end).toBeGreaterThan(offsets[1] as number);
      expect(await log.read(input, end, 10)).toEqual([]);
    });

    test('commits outputs, offsets and state of a task, which its next owner finds', async () => {
      const [input, output, group] = [await topicOf(), await topicOf(), fresh('group')];
      const offsets = await log.append([record(input, 'a'), record(input, 'b')]);
      const task = await log.openTask(group, 0);
      expect(task.position(input)).toBe(0);
      const next = (offsets[0] as number) + 1;
      const changes = [set('k', '1'), set('l', '2')];
      await task.commit({ outputs: [record(output, 'A')], offsets: [{ ...input, offset: next }], changes });
      await task.commit({ ...noChange, changes: [{ key: text('l') }, set('m', '3')] });
      expect(task.position(input)).toBe(next);
      await task.close();

      const owner = await log.openTask(group, 0);
      expect(owner.position(input)).toBe(next);
      expect(valuesOf(await log.read(input, owner.position(input), 10))).toEqual(['b']);
      expect(valuesOf(await readAll(log, output))).toEqual(['A']);
      expect(owner.store.scan(LOWEST, HIGHEST).map(String)).toEqual(['k,1', 'm,3']);
      await owner.close();
    });

    test('keeps the tasks of a group, and groups, apart', async () => {
      const { topic } = await topicOf(2);
      const group = fresh('group');
      const tasks = [await log.openTask(group, 0), await log.openTask(group, 1), await log.openTask(fresh('group'), 0)];
      await log.append([record({ topic, partition: 0 }, 'a'), record({ topic, partition: 1 }, 'b')]);
      for (const [i, task] of tasks.slice(0, 2).entries()) {
        await task.commit({ outputs: [], offsets: [{ topic, partition: i, offset: 1 }], changes: [set('k', `${i}`)] });
      }
      expect(tasks.map((task, i) => task.position({ topic, partition: i % 2 }))).toEqual([1, 1, 0]);
      expect(tasks.map((task) => task.store.scan(LOWEST, HIGHEST).map(String))).toEqual([['k,0'], ['k,1'], []]);
      for (const task of tasks) await task.close();
    });

    test('keeps nothing of a commit that fails', async () => {
      const [input, output, group] = [await topicOf(), await topicOf(), fresh('group')];
      const task = await log.openTask(group, 0);
      const outputs = [record(output, 'lost'), record({ topic: fresh('topic'), partition: 0 }, 'nowhere')];
      const commit = task.commit({ outputs, offsets: [{ ...input, offset: 1 }], changes: [set('k', 'lost')] });
      await expect(commit).rejects.toThrow();
      const owner = await log.openTask(group, 0);
      expect(await readAll(log, output)).toEqual([]);
      expect(owner.position(input)).toBe(0);
      expect(owner.store.get(text('k'))).toBeUndefined();
      await owner.commit({ outputs: [record(output, 'kept')], offsets: [], changes: [] });
      expect(valuesOf(await readAll(log, output))).toEqual(['kept']);
      await owner.close();
    });

    test('fences the earlier owner of a task', async () => {
      const [input, output, group] = [await topicOf(), await topicOf(), fresh('group')];
      const zombie = await log.openTask(group, 0);
      await zombie.commit({ outputs: [], offsets: [{ ...input, offset: 1 }], changes: [set('k', 'zombie')] });
      const owner = await log.openTask(group, 0);
      expect(owner.position(input)).toBe(1);
      expect(owner.store.get(text('k'))).toEqual(text('zombie'));
      const late = {
        outputs: [record(output, 'late')],
        offsets: [{ ...input, offset: 9 }],
        changes: [set('k', 'late')],
      };
      await expect(zombie.commit(late)).rejects.toThrow(TaskFenced);
      await zombie.close();
      await owner.commit({ ...noChange, outputs: [record(output, 'mine')] });
      expect(valuesOf(await readAll(log, output))).toEqual(['mine']);
      expect([owner.position(input), String(owner.store.get(text('k')))]).toEqual([1, 'zombie']);
      await owner.close();
    });

    test('shows a reader every record once and in order while four tasks commit', async () => {
      const [output, group] = [await topicOf(), fresh('group')];
      const tasks = await Promise.all([0, 1, 2, 3].map((partition) => log.openTask(group, partition)));
      const rounds = 25;
      const seen: LogRecord[] = [];
      const reader = async (): Promise<void> => {
        while (seen.length < tasks.length * rounds * 2) {
          seen.push(...(await log.read(output, (seen[seen.length - 1]?.offset ?? -1) + 1, 7)));
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const work = tasks.map(async (task, t) => {
        for (let i = 0; i < rounds; i++) {
          const outputs = [record(output, `${t} ${2 * i}`), record(output, `${t} ${2 * i + 1}`)];
          await task.commit({ outputs, offsets: [], changes: [set('n', `${i}`)] });
        }
      });
      await Promise.all([reader(), ...work]);
      const offsets = seen.map(({ offset }) => offset);
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
      for (const t of tasks.keys()) {
        const own = valuesOf(seen).filter((value) => value.startsWith(`${t} `));
        expect(own).toEqual(Array.from({ length: 2 * rounds }, (_, i) => `${t} ${i}`));
      }
      expect(await readAll(log, output)).toEqual(seen);
      for (const task of tasks) await task.close();
    });

    test('calls back after an append and after a commit, until told to stop', async () => {
      const [input, other] = [await topicOf(), await topicOf()];
      let calls = 0;
      let called: () => void = () => {};
      const stop = log.onAppend(input.topic, () => {
        calls++;
        called();
      });
      const nextCall = (): Promise<void> =>
        new Promise((resolve) => {
          called = resolve;
        });
      await Promise.all([nextCall(), log.append([record(input, 'a')])]);
      const task = await log.openTask(fresh('group'), 0);
      await Promise.all([nextCall(), task.commit({ ...noChange, outputs: [record(input, 'b')] })]);
      stop();
      const before = calls;
      const others = log.onAppend(other.topic, () => called());
      await log.append([record(input, 'c')]);
      await Promise.all([nextCall(), log.append([record(other, 'd')])]);
      expect(calls).toBe(before);
      others();
      await task.close();
    });
  });
}
