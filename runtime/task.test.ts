// The engine's rules of time, failure and restart, on a topology of two small processors.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { campaigns, consents, events, profiles, receipts, verdicts } from '../schemas/topics.ts';
import type { BudgetVerdict, Signal, UserEvent, UserProfile } from '../schemas/types.ts';
import { StateUnreadable } from '../state/keyed-state.ts';
import { MemoryStore } from '../state/memory/memory-store.ts';
import { openRocksStore } from '../state/rocksdb/rocks-store.ts';
import type { Store } from '../state/store.ts';
import { internal } from '../topologies/graph.ts';
import { LATEST_TIME, MAX_AHEAD, Task, type TaskOptions } from './task.ts';
import { event, type Orders, stray, tally, tinyTopology } from './testing/tiny-topology.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-task-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const LATENESS = 10;
const taskOn = (options: Partial<TaskOptions> = {}): Task =>
  new Task({ topology: tinyTopology(), lateness: LATENESS, ...options });

/** Takes an event as a worker does: the timers before it, itself, the timers it set for passed instants. */
function take(task: Task, value: UserEvent): ReturnType<Task['process']> {
  task.advance(task.timeAfter(events, value));
  const fate = task.process(events, value);
  task.advance(task.streamTime);
  return fate;
}
const signalsOf = (task: Task): Signal[] => task.takeOutputs().map((o) => o.value as Signal);
/** "kind:id@time" of what came out, in order. */
const story = (task: Task): string[] =>
  signalsOf(task).map((s) => `${s.kind}:${s.signalId.split('+')[0]}@${s.firedAt}`);
async function commit(task: Task, store: Store): Promise<void> {
  const { changes, token } = task.takeChanges();
  await store.write(changes);
  task.committed(token);
}

it('is in one round with a record and the timers that fire because of it, also after a restart between them', async () => {
  const store = new MemoryStore();
  const task = taskOn({ store });
  take(task, event('clock', 100));
  task.process(events, event('u', 95, { timerAt: 97 }));
  const { round } = task;
  await commit(task, store);
  const restarted = taskOn({ store });
  for (const each of [task, restarted]) {
    each.fireNext();
    expect(each.round).toBe(round);
    each.advance(101);
    expect(each.round).toBe(round + 1);
    each.process(events, event('u', 99, {}, `then ${each === task}`));
    expect(each.round).toBe(round + 2);
  }
});

describe('a timer', () => {
  it('fires when stream time is strictly greater, before the record that moved it, with its own instant as the time', () => {
    const task = taskOn();
    take(task, event('u', 100, { timerAt: 150 }, 'a'));
    take(task, event('v', 150, {}, 'b'));
    expect(story(task)).toEqual(['record:a@100', 'record:b@150']);
    take(task, event('v', 151, {}, 'c'));
    const fired = signalsOf(task);
    expect(fired.map((s) => [s.kind, s.userId, s.firedAt, s.facts.streamTime])).toEqual([
      ['due', 'u', 150, 150],
      ['record', 'v', 151, 151],
    ]);
    expect(task.fired).toBe(1);
  });

  it('fires in order of instant, kind and key, whatever the order of setting', () => {
    const task = taskOn();
    const orders: readonly (readonly [string, Orders])[] = [
      ['b', { timerAt: 50, timerKind: 'due' }],
      ['a', { timerAt: 50, timerKind: 'session' }],
      ['a', { timerAt: 50, timerKind: 'due' }],
      ['c', { timerAt: 49, timerKind: 'inactive' }],
    ];
    orders.forEach(([user, order], i) => void take(task, event(user, i, order, `${user}${i}`)));
    task.takeOutputs();
    task.advance(60);
    expect(story(task)).toEqual(['inactive:c3@49', 'due:a2@50', 'due:b0@50', 'session:a1@50']);
    expect(task.streamTime).toBe(60);
  });

  it('set for a passed instant fires as soon as the record is done, and time does not go back', () => {
    const task = taskOn();
    take(task, event('u', 100, { timerAt: 40 }, 'a'));
    expect(signalsOf(task).map((s) => [s.kind, s.firedAt, s.facts.streamTime])).toEqual([
      ['record', 100, 100],
      ['due', 40, 100],
    ]);
    expect(task.streamTime).toBe(100);
  });

  it('may set another, which fires in its turn', () => {
    const task = taskOn();
    take(task, event('u', 0, { timerAt: 10, again: 5 }, 'a'));
    take(task, event('v', 0, { timerAt: 12 }, 'b'));
    task.takeOutputs();
    task.advance(100);
    expect(story(task)).toEqual(['due:a@10', 'due:b@12', 'due:a@15']);
  });

  it('that is set twice is one', async () => {
    const undisturbed = taskOn();
    const store = new MemoryStore();
    const before = taskOn({ store });
    for (const task of [undisturbed, before])
      for (let i = 0; i < 2; i++) take(task, event('u', i, { timerAt: 10 }, 'same'));
    await commit(before, store);
    const restarted = taskOn({ store });
    for (const task of [undisturbed, restarted]) {
      task.takeOutputs();
      task.advance(20);
      expect(story(task)).toEqual(['due:same@10']);
    }
  });

  it('whose processor throws leaves nothing, is reported, and the next one fires', () => {
    const task = taskOn();
    take(task, event('u', 0, { timerAt: 10, fail: 'timer' }, 'a'));
    take(task, event('u', 0, { timerAt: 11 }, 'b'));
    task.takeOutputs();
    task.advance(20);
    expect(story(task)).toEqual(['due:b@11']);
    expect(task.failures).toEqual([
      { key: 't/u', at: 10, refusal: { code: 'processing-failed', message: 'timer failed' } },
    ]);
    expect(task.inspect('t/u', tally)).toEqual({ count: 3 });
  });

  it.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, 2 ** 53])(
    'can not be set for %d: the record is refused, and the task can commit',
    (timerAt) => {
      const task = taskOn({ store: new MemoryStore() });
      expect(take(task, event('u', 5, { timerAt }))).toMatchObject({
        code: 'processing-failed',
        message: expect.stringContaining('timer'),
      });
      expect(task.takeOutputs()).toEqual([]);
      expect(() => task.takeChanges()).not.toThrow();
    },
  );

  it('fires a few at a time where a limit is given, and says that more are left', () => {
    const task = taskOn();
    for (let i = 0; i < 5; i++) take(task, event('u', 0, { timerAt: 10 + i }, `e${i}`));
    expect([task.advance(100, 2), task.fired, task.streamTime]).toEqual([false, 2, 11]);
    expect([task.advance(100, 3), task.fired, task.streamTime]).toEqual([true, 5, 100]);
  });
});

describe('stream time', () => {
  const profile = { tenantId: 't', userId: 'u', updatedAt: 5000 } as UserProfile;
  const verdict = { tenantId: 't', userId: 'u', requestedAt: 5000 } as BudgetVerdict;

  it('is moved by streams, and neither by tables nor by internal topics, which are never late', () => {
    const task = taskOn();
    take(task, event('u', 100));
    for (const [topic, value] of [
      [profiles, { ...profile, updatedAt: 1 }],
      [verdicts, { ...verdict, requestedAt: 1 }],
      [profiles, profile],
      [verdicts, verdict],
    ] as const) {
      expect(task.timeAfter(topic, value)).toBe(100);
      expect(task.process(topic, value)).toBe('processed');
    }
    const told = signalsOf(task).slice(1);
    expect(told.map((s) => [s.kind, s.firedAt, s.facts.late, s.facts.streamTime])).toEqual([
      ['table', 1, false, 100],
      ['internal', 1, false, 100],
      ['table', 5000, false, 100],
      ['internal', 5000, false, 100],
    ]);
    expect(task.counts).toEqual({ processed: 1, late: 0, duplicate: 0 });
  });

  it('makes late what is older than it by more than the lateness, and processes it at its own time', () => {
    const task = taskOn();
    expect([100, 90, 89, 101].map((at) => take(task, event('u', at)))).toEqual([
      'processed',
      'processed',
      'late',
      'processed',
    ]);
    expect(signalsOf(task).map((s) => [s.firedAt, s.facts.late])).toEqual([
      [100, false],
      [90, false],
      [89, true],
      [101, false],
    ]);
    expect(task.counts).toEqual({ processed: 3, late: 1, duplicate: 0 });
  });

  it('is never ahead of the wall clock, live', () => {
    const task = taskOn();
    expect(task.timeAfter(events, event('u', 1000), 900)).toBe(900);
    expect(task.timeAfter(events, event('u', 1000))).toBe(1000);
  });
});

describe('a record is refused', () => {
  const tiny = tinyTopology();
  /** Of a topology that takes receipts. */
  const answered = (): Task => taskOn({ topology: { ...tiny, inputs: [...tiny.inputs, internal(receipts)] } });
  const codeOf = (task: Task, at: number, wall?: number): string | undefined =>
    task.refuse(events, event('u', at), wall)?.code;

  it('when its time is out of range, also in a table, and not in an internal topic', () => {
    const task = taskOn();
    expect([-1, 0, LATEST_TIME - 1, LATEST_TIME, Number.NaN].map((at) => codeOf(task, at))).toEqual([
      'time-out-of-range',
      undefined,
      undefined,
      'time-out-of-range',
      'time-out-of-range',
    ]);
    expect(task.refuse(profiles, { updatedAt: -1 })?.code).toBe('time-out-of-range');
    expect(task.refuse(verdicts, { requestedAt: -1 })).toBeUndefined();
    expect(answered().refuse(receipts, { occurredAt: -1 })?.code).toBe('time-out-of-range');
  });

  it('live, when it is more than ten minutes ahead of the wall clock', () => {
    const task = taskOn({ maxJump: 1 });
    take(task, event('u', 0));
    expect([MAX_AHEAD, MAX_AHEAD + 1].map((at) => codeOf(task, at + 50, 50))).toEqual([undefined, 'time-ahead']);
  });

  it('live, also as a receipt, which providers hand in, and no other record of an internal topic', () => {
    const task = answered();
    const at = MAX_AHEAD + 51;
    expect(task.refuse(receipts, { occurredAt: at }, 50)?.code).toBe('time-ahead');
    expect(task.refuse(receipts, { occurredAt: at - 1 }, 50)).toBeUndefined();
    expect(task.refuse(receipts, { occurredAt: at, status: 'unsubscribed' }, 50)).toBeUndefined();
    expect(task.refuse(receipts, { occurredAt: at })).toBeUndefined();
    expect(task.refuse(verdicts, { requestedAt: at }, 50)).toBeUndefined();
  });

  it('live, also in a table, but for a revocation: that counts as soon as it is known', () => {
    const task = taskOn({ maxJump: 1 });
    take(task, event('u', 0));
    const at = MAX_AHEAD + 51;
    expect(task.refuse(profiles, { updatedAt: at }, 50)?.code).toBe('time-ahead');
    expect(task.refuse(profiles, { updatedAt: at - 1 }, 50)).toBeUndefined();
    expect(task.refuse(consents, { granted: true, changedAt: at }, 50)?.code).toBe('time-ahead');
    expect(task.refuse(consents, { granted: false, changedAt: at }, 50)).toBeUndefined();
    // Where time follows the records, tables are read ahead of events, and move no time.
    expect(task.refuse(profiles, { updatedAt: at })).toBeUndefined();
  });

  it('by the time of events, when it jumps beyond the highest so far by more than allowed', () => {
    const task = taskOn({ maxJump: 1000 });
    expect(codeOf(task, 1e12)).toBeUndefined();
    take(task, event('u', 100));
    expect([1100, 1101].map((at) => codeOf(task, at))).toEqual([undefined, 'time-jump']);
    expect(codeOf(taskOn(), LATEST_TIME - 1)).toBeUndefined();
  });
});

describe('a processor that throws', () => {
  it.each<[Orders, string]>([
    [{ fail: 'first' }, 'first failed'],
    [{ fail: 'second' }, 'after the second'],
    [{ undeclared: 'emit' }, "count emitted to sessions: add it to the processor's `emits`"],
    [{ undeclared: 'read' }, "count read cell stray: add it to the processor's `reads`"],
    [{ undeclared: 'write' }, "count wrote cell stray: add it to the processor's `writes`"],
  ])('leaves no output, state or timer of the record: %j', (orders, message) => {
    const task = taskOn();
    take(task, event('u', 1));
    task.takeOutputs();
    expect(take(task, event('u', 2, { ...orders, timerAt: 5 }))).toEqual({ code: 'processing-failed', message });
    task.advance(100);
    expect(task.takeOutputs()).toEqual([]);
    expect([task.inspect('t/u', tally), task.inspect('t/u', stray)]).toEqual([{ count: 1 }, undefined]);
    expect([task.heldTimers, task.fired, task.counts.processed]).toEqual([0, 0, 1]);
    expect(take(task, event('u', 101))).toBe('processed');
    expect(task.inspect('t/u', tally)).toEqual({ count: 2 });
  });

  it('is no excuse for damaged state, which is thrown on', async () => {
    const store = new MemoryStore();
    await store.write([{ key: Buffer.from('rt/u'), value: Buffer.from([1, 2, 3]) }]);
    expect(() => take(taskOn({ store }), event('u', 1))).toThrow(StateUnreadable);
  });
});

describe.each<readonly [string, () => Promise<Store>]>([
  ['memory', async () => new MemoryStore()],
  ['rocksdb', () => openRocksStore(mkdtempSync(join(root, 'db-')))],
])('a task restarted from a store in %s', (engine, open) => {
  it('has its stream time, counts, rows and timers again', async () => {
    const store = await open();
    const task = taskOn({ store });
    for (const value of [
      event('u', 100, { timerAt: 150 }, 'a'),
      event('u', 200, { timerAt: 300, sub: 's' }, 'b'),
      event('u', 5),
    ])
      take(task, value);
    await commit(task, store);
    const again = taskOn({ store });
    expect([again.streamTime, again.counts]).toEqual([200, { processed: 2, late: 1, duplicate: 0 }]);
    expect([again.inspect('t/u', tally), again.inspect('t/u', tally, 's')]).toEqual([{ count: 3 }, { count: 1 }]);
    again.advance(400);
    expect(story(again)).toEqual(['due:b@300']);
    await store.close();
  });

  it('has nothing of what was not committed', async () => {
    const store = await open();
    const task = taskOn({ store });
    take(task, event('u', 100));
    await commit(task, store);
    take(task, event('u', 200, { timerAt: 500 }));
    task.takeChanges();
    const again = taskOn({ store });
    expect([again.streamTime, again.inspect('t/u', tally), again.advance(1000), again.fired]).toEqual([
      100,
      { count: 1 },
      true,
      0,
    ]);
    await store.close();
  });

  const anyEvent = fc.record({
    user: fc.constantFrom('a', 'b', 'c'),
    step: fc.integer({ min: -20, max: 20 }),
    orders: fc.record(
      {
        timerAt: fc.nat(400),
        timerKind: fc.constantFrom('due' as const, 'session' as const),
        again: fc.nat(30),
        fail: fc.oneof(
          { weight: 8, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.constantFrom('first' as const, 'timer' as const) },
        ),
        sub: fc.constantFrom('s1', 's2', 's3'),
      },
      { requiredKeys: [] },
    ),
  });

  it('gives the outputs of an undisturbed run, wherever it crashed and whatever was under way', async () => {
    const store = await open();
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyEvent, { maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(40), { maxLength: 4 }),
        fc.nat(3),
        async (planned, every, crashes, hotRows) => {
          await store.write(store.scan(Buffer.alloc(0), Buffer.from([255])).map(([key]) => ({ key })));
          let time = 50;
          const records = planned.map(({ user, step, orders }, i) => {
            time = Math.max(0, time + step);
            return event(user, time, orders as Orders, `e${i % 15}`);
          });
          const undisturbed = taskOn();
          for (const record of records) take(undisturbed, record);
          undisturbed.advance(1000);
          const expected = signalsOf(undisturbed);

          const committed: Signal[] = [];
          let position = 0;
          let task = taskOn({ store, hotRows });
          const crashAt = [...crashes].sort((x, y) => x - y);
          let flight:
            | (ReturnType<Task['takeChanges']> & { readonly outputs: Signal[]; readonly position: number })
            | undefined;
          const land = async (): Promise<void> => {
            if (flight === undefined) return;
            await store.write(flight.changes);
            committed.push(...flight.outputs);
            position = flight.position;
            task.committed(flight.token);
            flight = undefined;
          };
          for (let next = 0; next < records.length; next++) {
            if (crashAt[0] !== undefined && next >= crashAt[0]) {
              crashAt.shift();
              flight = undefined;
              next = position;
              task = taskOn({ store, hotRows });
            }
            const record = records[next] as UserEvent;
            take(task, record);
            // The write of one commit lasts until half way to the next.
            if (next % every === Math.floor(every / 2)) await land();
            if (next % every === every - 1) {
              await land();
              flight = { ...task.takeChanges(), outputs: signalsOf(task), position: next + 1 };
            }
          }
          await land();
          task.advance(1000);
          expect([...committed, ...signalsOf(task)]).toEqual(expected);
          expect([task.counts, task.streamTime]).toEqual([undisturbed.counts, undisturbed.streamTime]);
          for (const user of ['a', 'b', 'c']) {
            for (const sub of [undefined, 's1', 's2', 's3']) {
              expect(task.inspect(`t/${user}`, tally, sub)).toEqual(undisturbed.inspect(`t/${user}`, tally, sub));
            }
          }
        },
      ),
      { numRuns: engine === 'memory' ? 500 : 60 },
    );
    await store.close();
  });
});

describe('a million pending timers', () => {
  it('fire in order, with few of them in memory', async () => {
    const store = await openRocksStore(mkdtempSync(join(root, 'db-')));
    const task = taskOn({ store });
    const count = 1_000_000;
    const started = performance.now();
    for (let i = 0; i < count; i++) {
      // 7919 is prime to the count: every instant once, far apart.
      task.process(events, event(`u${i % 1000}`, 0, { timerAt: 1 + ((i * 7919) % count), timerKind: 'inactive' }, 'm'));
      if (i % 50_000 === 49_999) {
        task.takeOutputs();
        await commit(task, store);
      }
    }
    const set = performance.now();
    expect(task.heldTimers).toBeLessThan(100_000);
    let inOrder = 0;
    let most = 0;
    while (!task.advance(count + 1, 50_000)) {
      for (const { value } of task.takeOutputs()) {
        if ((value as Signal).firedAt === inOrder + 1) inOrder++;
      }
      most = Math.max(most, task.heldTimers);
      await commit(task, store);
    }
    const fired = performance.now();
    for (const { value } of task.takeOutputs()) if ((value as Signal).firedAt === inOrder + 1) inOrder++;
    expect([task.fired, inOrder]).toEqual([count, count]);
    expect(most).toBeLessThan(100_000);
    const rate = (ms: number): string => Math.round(count / (ms / 1000)).toLocaleString('en');
    process.stderr.write(
      `1,000,000 timers over RocksDB: ${rate(set - started)}/s set, ${rate(fired - set)}/s fired, at most ${most} in memory\n`,
    );
    await store.close();
  }, 60_000);
});

describe('a topic of another topology', () => {
  it('is delivered to nobody', () => {
    const task = taskOn();
    expect(task.process(campaigns, { tenantId: 't', campaignId: 'c', effectiveFrom: 0 })).toBe('processed');
    expect(task.takeOutputs()).toEqual([]);
  });
});
