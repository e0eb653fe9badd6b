// Sweeps over both stores and without one: every key that was there is visited, whatever is under way and wherever it crashes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { on, type Processor } from '../processors/processor.ts';
import { codecOf } from '../schemas/avro.ts';
import { events, signals } from '../schemas/topics.ts';
import { MemoryStore } from '../state/memory/memory-store.ts';
import { openRocksStore } from '../state/rocksdb/rocks-store.ts';
import type { Cell, Store } from '../state/store.ts';
import { defineTopology, stream, type Topology } from '../topologies/graph.ts';
import { stopwatch } from './clock.ts';
import { Task } from './task.ts';
import { TaskRunner } from './task-runner.ts';
import { openEngine, silent, until } from './testing/engine.ts';
import { event, signal } from './testing/tiny-topology.ts';

interface Mark {
  readonly revision: number;
  readonly visits: number;
}
const codec = codecOf<Mark>(
  '{"type":"record","name":"Mark","fields":[{"name":"revision","type":"long"},{"name":"visits","type":"long"}]}',
);
const mark: Cell<Mark> = { name: 'mark', tag: 0, codec };

/** Marks each key with the revision by which it was seen or visited. */
function sweeping(definitions: { revision: number | undefined }): Topology {
  const revision = (): number | undefined => definitions.revision;
  const processor: Processor = {
    name: 'marks',
    emits: [signals],
    writes: [mark],
    on: [
      on(events, (_, context) => {
        context.set(mark, { visits: 0, ...context.get(mark), revision: revision() ?? 0 });
        // A row within the key, which is not to be visited.
        context.set(mark, { revision: 0, visits: 0 }, 'within');
      }),
    ],
    sweep: {
      revision,
      visit: (context) => {
        const visits = (context.get(mark)?.visits ?? 0) + 1;
        context.set(mark, { revision: revision() ?? 0, visits });
        context.emit(signals, signal(context.key, 'visit', context.time, context.key, {}));
      },
    },
  };
  return defineTopology({
    ...{ name: 'sweeping', keyed: 'user', inputs: [stream(events)], globals: [] },
    ...{ processors: [processor], outputs: [signals] },
  });
}

const root = mkdtempSync(join(tmpdir(), 'beckon-sweep-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Step =
  | { readonly kind: 'event'; readonly user: number }
  | { readonly kind: 'sweep' | 'commit' | 'settle' | 'crash' | 'define' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12).map((user) => ({ kind: 'event', user }) as const) },
  { weight: 6, arbitrary: fc.constant({ kind: 'sweep' } as const) },
  { weight: 3, arbitrary: fc.constantFrom({ kind: 'commit' } as const, { kind: 'settle' } as const) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'crash' } as const, { kind: 'define' } as const) },
);

describe.each<readonly [string, () => Promise<Store>]>([
  ['memory', async () => new MemoryStore()],
  ['rocksdb', () => openRocksStore(mkdtempSync(join(root, 'db-')))],
])('a sweep over a store in %s', (engine, open) => {
  it('comes to every key, between records, commits and crashes', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
      const definitions: { revision: number | undefined } = { revision: undefined };
      const store = await open();
      const topology = sweeping(definitions);
      let task = new Task({ topology, lateness: 0, store });
      let writing: { readonly token: Parameters<Task['committed']>[0]; readonly done: Promise<void> } | undefined;
      const settle = async (): Promise<void> => {
        await writing?.done;
        if (writing !== undefined) task.committed(writing.token);
        writing = undefined;
      };
      const commit = async (): Promise<void> => {
        await settle();
        const { changes, token } = task.takeChanges();
        writing = { token, done: store.write(changes) };
      };
      let time = 0;
      for (const { kind, ...rest } of steps) {
        if (kind === 'event') {
          const value = event(`u${(rest as { user: number }).user}`, ++time);
          task.advance(task.timeAfter(events, value));
          task.process(events, value);
        } else if (kind === 'sweep') task.sweep(2);
        else if (kind === 'commit') await commit();
        else if (kind === 'settle') await settle();
        else if (kind === 'define') definitions.revision = (definitions.revision ?? 0) + 1;
        else {
          // What was not yet committed is lost; a write under way is done.
          await writing?.done;
          writing = undefined;
          task = new Task({ topology, lateness: 0, store });
        }
      }
      for (let n = 0; n < 100 && (task.sweep(2) || task.sweeping); n++) {
        await commit();
        await settle();
      }
      expect(task.sweep(2)).toBe(false);
      for (let user = 0; user <= 12; user++) {
        const found = task.inspect(`t/u${user}`, mark);
        if (found !== undefined) expect([user, found.revision]).toEqual([user, definitions.revision ?? 0]);
        expect(task.inspect(`t/u${user}`, mark, 'within')?.visits ?? 0).toBe(0);
      }
      await store.close();
    });
    await fc.assert(property, { numRuns: engine === 'memory' ? 300 : 25 });
  });

  it('goes on after a restart from where it was, and ends', async () => {
    const definitions: { revision: number | undefined } = { revision: undefined };
    const store = await open();
    const topology = sweeping(definitions);
    const task = new Task({ topology, lateness: 0, store });
    const commit = async (of: Task): Promise<void> => {
      const { changes, token } = of.takeChanges();
      await store.write(changes);
      of.committed(token);
    };
    task.sweep();
    for (let user = 0; user < 10; user++) task.process(events, event(`u${user}`, 1));
    await commit(task);
    definitions.revision = 7;
    expect([task.sweep(4), task.sweep(8), task.sweeping]).toEqual([true, true, true]);
    await commit(task);
    const again = new Task({ topology, lateness: 0, store });
    while (again.sweep(4));
    await commit(again);
    const visits = Array.from({ length: 10 }, (_, user) => again.inspect(`t/u${user}`, mark)?.visits);
    expect(visits).toEqual(Array(10).fill(1));
    const third = new Task({ topology, lateness: 0, store });
    expect([third.sweep(4), third.sweeping]).toEqual([false, false]);
    await store.close();
  });

  it('visits what a version without sweeps left behind', async () => {
    const definitions = { revision: 3 };
    const store = await open();
    const old = new Task({ topology: sweeping({ revision: undefined }), lateness: 0, store });
    old.process(events, event('u', 1));
    const { changes } = old.takeChanges();
    // Its meta said nothing of sweeps.
    await store.write(
      changes.map(({ key, value }) =>
        key.toString() === 'm/task'
          ? { key, value: Buffer.from('{"streamTime":1,"counts":{"processed":1,"late":0,"duplicate":0}}') }
          : { key, ...(value === undefined ? {} : { value }) },
      ),
    );
    const task = new Task({ topology: sweeping(definitions), lateness: 0, store });
    while (task.sweep(1));
    expect([task.streamTime, task.inspect('t/u', mark)]).toEqual([1, { revision: 3, visits: 1 }]);
    await store.close();
  });
});

it('a task that holds nothing yet has nothing to visit, and without a store all is visited at once', () => {
  const definitions = { revision: 1 };
  const task = new Task({ topology: sweeping(definitions), lateness: 0 });
  expect(task.sweep()).toBe(false);
  for (const user of ['b', 'a', 'ü']) task.process(events, event(user, 5));
  definitions.revision = 2;
  while (task.sweep());
  expect(task.takeOutputs().map(({ value }) => (value as { signalId: string }).signalId)).toEqual([
    't/a',
    't/b',
    't/ü',
  ]);
});

it('a running task sweeps without a record to process', async () => {
  const engine = await openEngine();
  const definitions: { revision: number | undefined } = { revision: undefined };
  const runner = new TaskRunner({
    ...{ topology: sweeping(definitions), partition: 0, log: engine.log, serde: engine.serde, lateness: 0 },
    ...{ maxJump: Number.MAX_SAFE_INTEGER, clock: undefined, stopwatch, logger: silent },
  });
  const running = runner.run();
  await engine.put(events, ...Array.from({ length: 700 }, (_, i) => event(`u${i}`, 10)));
  await until(() => runner.quiet && runner.status.processed === 700);
  definitions.revision = 1;
  await until(async () => (await engine.values(signals)).length === 700);
  runner.stop();
  await running;
  await engine.close();
});
