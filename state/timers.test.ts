// The timer queue against a plain sorted list, over every engine, with chunks so small that it spills and reloads all the time.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ByteWriter } from '../schemas/byte-writer.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { openRocksStore } from './rocksdb/rocks-store.ts';
import type { Store } from './store.ts';
import { compareTimers, encodeTimer, type QueuedTimer } from './timer-order.ts';
import { TimerQueue } from './timers.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-timers-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const unicode = fc.string({
  unit: fc.constantFrom('a', 'b', '\0', '\u0001', 'é', 'ÿ', '\ud7ff', '\ue000', '\uffff', '😀', '/'),
});
const anyTimer: fc.Arbitrary<QueuedTimer> = fc.record({
  at: fc.oneof(fc.nat(3), fc.integer({ min: 0, max: Date.UTC(2200, 0) })),
  rank: fc.nat(4),
  key: unicode,
  requestedAt: fc.oneof(fc.nat(3), fc.integer({ min: 0, max: Date.UTC(2100, 0) })),
  priority: fc.nat(100),
  campaignId: unicode,
  id: unicode,
  recurs: fc.constant(false),
});

const timer = (at: number, key = 'k', id = ''): QueuedTimer => ({
  at,
  rank: 0,
  key,
  requestedAt: 0,
  priority: 50,
  campaignId: '',
  id,
  recurs: false,
});
const writer = new ByteWriter();
const bytesOf = (t: QueuedTimer): Buffer => encodeTimer(t, writer);

const drain = (queue: TimerQueue): QueuedTimer[] => {
  const all: QueuedTimer[] = [];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) all.push(next);
  return all;
};
async function commit(queue: TimerQueue, store: Store): Promise<void> {
  const { changes, token } = queue.takeChanges();
  await store.write(changes);
  queue.committed(token);
}

describe('the order of timers', () => {
  test('is instant, kind, key, request time, priority (highest first), campaign, id', () => {
    const base = { ...timer(5, 'k', 'i'), rank: 2, requestedAt: 7, campaignId: 'c' };
    const later: QueuedTimer[] = [
      { ...base, at: 6, rank: 0 },
      { ...base, rank: 3, key: 'a' },
      { ...base, key: 'l', requestedAt: 0 },
      { ...base, requestedAt: 8, priority: 99 },
      { ...base, priority: 49, campaignId: 'a' },
      { ...base, campaignId: 'd', id: 'a' },
      { ...base, id: 'j' },
    ];
    for (const other of later) {
      expect(compareTimers(base, other)).toBeLessThan(0);
      expect(compareTimers(other, base)).toBeGreaterThan(0);
    }
    expect(compareTimers(base, { ...base })).toBe(0);
  });

  test('is that of their bytes in the store', () => {
    fc.assert(
      fc.property(
        anyTimer,
        anyTimer,
        fc.subarray(['at', 'rank', 'key', 'requestedAt', 'priority', 'campaignId']),
        (a, other, same) => {
          const b = { ...other, ...Object.fromEntries(same.map((field) => [field, a[field as keyof QueuedTimer]])) };
          expect(Math.sign(bytesOf(a).compare(bytesOf(b)))).toBe(Math.sign(compareTimers(a, b)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('comes back from the store with every field', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyTimer, { selector: (t) => bytesOf(t).toString('hex') }), async (timers) => {
        const store = new MemoryStore();
        const queue = new TimerQueue(store);
        for (const t of timers) queue.set(t);
        await commit(queue, store);
        expect(drain(new TimerQueue(store))).toEqual([...timers].sort(compareTimers));
      }),
    );
  });
});

const engines: readonly (readonly [string, () => Promise<Store>])[] = [
  ['memory', async () => new MemoryStore()],
  ['rocksdb', () => openRocksStore(mkdtempSync(join(root, 'db-')))],
];

describe.each(engines)('a timer queue over a store in %s', (engine, open) => {
  type Step =
    | { readonly do: 'set'; readonly timers: readonly QueuedTimer[] }
    | { readonly do: 'pop'; readonly times: number }
    | { readonly do: 'take' | 'write' | 'done' | 'reopen' };
  const some = fc.tuple(fc.nat(30), fc.constantFrom('a', 'b', '\0')).map(([at, key]) => timer(at, key));
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('set' as const), timers: fc.array(some, { maxLength: 12 }) }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('pop' as const), times: fc.nat(6) }) },
    {
      weight: 6,
      arbitrary: fc.constantFrom({ do: 'take' as const }, { do: 'write' as const }, { do: 'done' as const }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
  );

  test('agrees with a sorted list whatever happens while a commit is under way', async () => {
    const store = await open();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 2, max: 4 }),
        async (steps, chunk) => {
          await store.write(store.scan(Buffer.alloc(0), Buffer.from([255])).map(([key]) => ({ key })));
          let queue = new TimerQueue(store, chunk);
          const name = (t: QueuedTimer): string => bytesOf(t).toString('hex');
          let model = new Map<string, QueuedTimer>();
          let durable = new Map<string, QueuedTimer>();
          let flight:
            | (ReturnType<TimerQueue['takeChanges']> & { readonly model: Map<string, QueuedTimer>; written: boolean })
            | undefined;
          const write = async (): Promise<void> => {
            if (flight === undefined || flight.written) return;
            flight.written = true;
            durable = flight.model;
            await store.write(flight.changes);
          };
          const done = async (): Promise<void> => {
            await write();
            if (flight !== undefined) queue.committed(flight.token);
            flight = undefined;
          };
          for (const s of steps) {
            if (s.do === 'set') {
              for (const t of s.timers) {
                queue.set(t);
                model.set(name(t), t);
              }
            } else if (s.do === 'pop') {
              for (let i = 0; i < s.times; i++) {
                const first = [...model.values()].sort(compareTimers)[0];
                expect(queue.peek()).toEqual(first);
                expect(queue.pop()).toEqual(first);
                if (first !== undefined) model.delete(name(first));
              }
            } else if (s.do === 'take') {
              await done();
              flight = { ...queue.takeChanges(), model: new Map(model), written: false };
            } else if (s.do === 'write') await write();
            else if (s.do === 'done') await done();
            else {
              flight = undefined;
              model = new Map(durable);
              queue = new TimerQueue(store, chunk);
            }
          }
          expect(drain(queue)).toEqual([...model.values()].sort(compareTimers));
        },
      ),
      { numRuns: engine === 'memory' ? 1500 : 150 },
    );
    await store.close();
  });

  test('holds few of many timers in memory once they are committed, and gives back all of them in order', async () => {
    const store = await open();
    const queue = new TimerQueue(store, 100);
    const count = 5000;
    // 1237 is prime to the count: every instant once, in no order.
    for (let i = 0; i < count; i++) queue.set(timer((i * 1237) % count));
    expect(queue.held).toBe(count);
    await commit(queue, store);
    expect(queue.held).toBeLessThanOrEqual(400);
    const reopened = new TimerQueue(store, 100);
    for (const q of [queue, reopened]) {
      let most = 0;
      for (let at = 0; at < count; at++) {
        expect(q.pop()?.at).toBe(at);
        most = Math.max(most, q.held);
      }
      expect(q.pop()).toBeUndefined();
      expect(most).toBeLessThanOrEqual(400);
    }
    await commit(queue, store);
    expect(new TimerQueue(store).peek()).toBeUndefined();
    await store.close();
  });
});

describe('a timer queue without a store', () => {
  test('tells the keys of those before an instant, and of no more than were asked for', () => {
    fc.assert(
      fc.property(fc.array(anyTimer), fc.nat(5), fc.nat(10), (timers, to, limit) => {
        const queue = new TimerQueue();
        for (const t of timers) queue.set(t);
        const due = timers.filter((t) => t.at < to).map((t) => t.key);
        expect([...queue.keysBefore(to, Number.POSITIVE_INFINITY)].sort()).toEqual(due.sort());
        expect(queue.keysBefore(to, limit)).toHaveLength(Math.min(limit, due.length));
      }),
    );
  });

  test('keeps all timers in order, each once', () => {
    fc.assert(
      fc.property(fc.array(anyTimer), (timers) => {
        const queue = new TimerQueue();
        for (const t of [...timers, ...timers]) queue.set(t);
        const unique = new Map(timers.map((t) => [bytesOf(t).toString('hex'), t]));
        expect(drain(queue)).toEqual([...unique.values()].sort(compareTimers));
        expect(queue.held).toBe(0);
      }),
    );
  });
});
