import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { on, timers } from '../processors/processor.ts';
import { events, profiles, signals, type Topic } from '../schemas/topics.ts';
import type { Signal } from '../schemas/types.ts';
import type { Sink } from '../sinks/sink.ts';
import { defineTopology, stream, type Topology } from '../topologies/graph.ts';
import { type Clock, stopwatch } from './clock.ts';
import type { Log } from './log.ts';
import { SinkRunner } from './sink-runner.ts';
import { LATEST_TIME } from './task.ts';
import { TaskRunner, type TaskRunnerOptions } from './task-runner.ts';
import { type Engine, openEngine, profile, silent, timeMarkTo, told, until } from './testing/engine.ts';
import { event, signal, tinyTopology } from './testing/tiny-topology.ts';

let engine: Engine;
let running: { readonly runner: TaskRunner; readonly ended: Promise<void> }[];
beforeEach(async () => {
  engine = await openEngine();
  running = [];
});
afterEach(async () => {
  for (const { runner } of running) runner.stop();
  await Promise.allSettled(running.map(({ ended }) => ended));
  await engine.close();
});

function start(options: Partial<TaskRunnerOptions> = {}): {
  readonly runner: TaskRunner;
  readonly ended: Promise<void>;
} {
  const runner = new TaskRunner({
    topology: tinyTopology(),
    partition: 0,
    log: engine.log,
    serde: engine.serde,
    lateness: 10,
    maxJump: 1_000_000,
    clock: undefined,
    stopwatch,
    logger: silent,
    ...options,
  });
  const started = { runner, ended: runner.run() };
  started.ended.catch(() => {});
  running.push(started);
  return started;
}

/** The log, but for what is given in its place. */
function logWith(log: Log, instead: Partial<Log>): Log {
  return {
    createTopics: (specs) => log.createTopics(specs),
    partitions: (topic) => log.partitions(topic),
    commitPause: log.commitPause,
    endOffset: (input) => log.endOffset(input),
    resumeAt: (input, from) => log.resumeAt(input, from),
    read: (input, from, limit, maxBytes) => log.read(input, from, limit, maxBytes),
    append: (records) => log.append(records),
    onAppend: (topic, listener) => log.onAppend(topic, listener),
    join: (group, topics, listener) => log.join(group, topics, listener),
    openTask: (group, partition) => log.openTask(group, partition),
    close: () => log.close(),
    ...instead,
  };
}

/** Opens tasks of the engine's log, and tells of their commits. */
function openTaskTelling(committing: () => void): Log['openTask'] {
  return async (group, partition) => {
    const taskLog = await engine.log.openTask(group, partition);
    return {
      store: taskLog.store,
      position: (input) => taskLog.position(input),
      commit: (commit) => {
        committing();
        return taskLog.commit(commit);
      },
      close: () => taskLog.close(),
    };
  };
}

const story = async (): Promise<string[]> => (await engine.values<Signal>(signals)).map(told);
const rest = (runner: TaskRunner): Promise<void> => until(() => runner.quiet);

/** Sets as many timers as an event's property `storm` says, for instants a ms apart from 1 on. */
function storm(): Topology {
  return defineTopology({
    name: 'storm',
    keyed: 'user',
    inputs: [stream(events)],
    processors: [
      {
        name: 'storm',
        emits: [signals],
        on: [
          on(events, ({ properties }, context) => {
            for (let i = 1; i <= Number(properties.storm); i++) context.setTimer(timers.due, i, String(i));
          }),
        ],
        timers: [
          {
            kind: timers.due,
            fire: ({ at, id, key }, context) => context.emit(signals, signal(key, 'due', at, id, {})),
          },
        ],
      },
    ],
    outputs: [signals],
    globals: [],
  });
}
const stormOf = (count: number, at: number): ReturnType<typeof event> => ({
  ...event('u', at),
  properties: { storm: count },
});

describe('a task', () => {
  test('processes tables before streams, and streams by time', async () => {
    await engine.put(events, event('u', 20, {}, 'b'));
    await engine.put(profiles, profile('u', 50));
    const { runner } = start();
    await rest(runner);
    expect(await story()).toEqual(['table:p', 'record:b']);
    expect(runner.status).toMatchObject({
      processed: 1,
      late: 0,
      deadLetters: 0,
      positions: { events: 1, profiles: 1 },
    });
  });

  test('goes on where its forerunner was told to stop, and counts on', async () => {
    await engine.put(events, event('u', 20, { timerAt: 25 }, 'a'));
    const first = start();
    await rest(first.runner);
    first.runner.stop();
    await first.ended;
    engine = await engine.reopened();
    await engine.put(events, event('u', 30, {}, 'b'), event('u', 5, {}, 'late'));
    const { runner } = start();
    await rest(runner);
    expect(await story()).toEqual(['record:a', 'due:a', 'record:b', 'record:late']);
    const [, , b] = await engine.values<Signal>(signals);
    // The row counts the first event and its timer.
    expect(b?.facts.count).toBe(3);
    expect(runner.status).toMatchObject({ processed: 2, late: 1 });
  });

  test('commits what it has processed when it is told to stop, whenever that is', async () => {
    await engine.put(events, ...Array.from({ length: 3000 }, (_, i) => event('u', i, {}, `${i}`)));
    for (let turns = 0; ; turns += 3) {
      const { runner, ended } = start();
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      runner.stop();
      await ended;
      const processed = runner.status.positions.events as number;
      expect(await story()).toEqual(Array.from({ length: processed }, (_, i) => `record:${i}`));
      if (processed === 3000) break;
    }
  });

  test('commits what it has processed while it waits for more', async () => {
    await engine.put(events, event('u', 20, {}, 'a'));
    let more = (): void => {};
    const asked = new Promise<void>((resolve) => {
      more = resolve;
    });
    const { runner } = start({
      log: logWith(engine.log, {
        read: async (input, from, limit, maxBytes) => {
          if (input.topic === events.topic && from > 0) await asked;
          return engine.log.read(input, from, limit, maxBytes);
        },
      }),
    });
    await until(async () => (await story()).length > 0);
    await engine.put(events, event('u', 30, {}, 'b'));
    more();
    await rest(runner);
    expect(await story()).toEqual(['record:a', 'record:b']);
  });

  test('takes into few commits what is there to be read at once', async () => {
    const all = Array.from({ length: 5000 }, (_, i) => event('u', i, {}, `${i}`));
    await engine.put(events, ...all);
    let commits = 0;
    const { runner } = start({
      // Fetches are smaller than what is there, and no time goes by.
      stopwatch: { now: () => 0 },
      log: logWith(engine.log, {
        read: (input, from) => engine.log.read(input, from, 100),
        openTask: openTaskTelling(() => commits++),
      }),
    });
    await rest(runner);
    expect(await story()).toHaveLength(all.length);
    // One, unless the machine is busy; never one for each of the 50 fetches.
    expect(commits).toBeLessThan(20);
  });

  test('pauses between two commits as long as the log wants it, and takes in one what came meanwhile', async () => {
    let now = 1000;
    let commits = 0;
    const commitPause = 100;
    const openTask = openTaskTelling(() => commits++);
    const { runner } = start({ stopwatch: { now: () => now }, log: logWith(engine.log, { commitPause, openTask }) });
    await until(() => runner.status.phase === 'running');
    now += commitPause;
    await engine.put(events, event('u', 1, {}, 'a'));
    await rest(runner);
    expect([await story(), commits]).toEqual([['record:a'], 1]);
    now += commitPause - 1;
    for (const id of ['b', 'c']) {
      await engine.put(events, event('u', 2, {}, id));
      await until(() => runner.status.positions.events === (id === 'b' ? 2 : 3));
    }
    expect([await story(), commits, runner.quiet]).toEqual([['record:a'], 1, false]);
    now++;
    await rest(runner);
    expect([await story(), commits]).toEqual([['record:a', 'record:b', 'record:c'], 2]);
  });

  test('leaves to its successor what was not committed when the process ended', async () => {
    await engine.put(events, event('u', 20, {}, 'a'));
    const { ended } = start();
    // A new owner of the task fences the one that was killed, at whatever point it is.
    const taken = await engine.log.openTask('tiny', 0);
    await taken.close();
    await expect(ended).rejects.toThrow(/taken over/);
    const next = start();
    await rest(next.runner);
    expect(await story()).toEqual(['record:a']);
  });

  test('rejects with what the log refused, and its successor starts from the last commit', async () => {
    await engine.put(events, event('u', 20, {}, 'a'));
    const first = start();
    await rest(first.runner);
    await (await engine.log.openTask('tiny', 0)).close();
    await engine.put(events, event('u', 30, {}, 'b'));
    await expect(first.ended).rejects.toThrow(/taken over/);
    const second = start();
    await rest(second.runner);
    expect(await story()).toEqual(['record:a', 'record:b']);
  });
});

describe('dead letters', () => {
  test('hold what can not be taken, with the reason; the rest goes on, and they are counted over restarts', async () => {
    const [good] = engine.records(events, [event('u', 20, {}, 'good')]);
    const record = good as NonNullable<typeof good>;
    await engine.log.append([
      { ...record, value: Buffer.from('x') },
      { ...record, key: Buffer.from('t/other') },
      record,
    ]);
    await engine.put(
      events,
      event('u', -1),
      event('u', LATEST_TIME),
      event('u', 2_000_000),
      event('u', 30, { fail: 'first' }),
    );
    await engine.log.append([timeMarkTo(events, String(LATEST_TIME + 1))]);
    const first = start();
    await rest(first.runner);
    expect((await engine.letters()).map(({ headers }) => `${headers.offset} ${headers.code}`)).toEqual([
      '0 not-avro',
      '1 bad-key',
      '3 time-out-of-range',
      '4 time-out-of-range',
      '5 time-jump',
      '6 processing-failed',
      '7 time-out-of-range',
    ]);
    expect(await story()).toEqual(['record:good']);
    first.runner.stop();
    await first.ended;
    engine = await engine.reopened();
    const { runner } = start();
    await rest(runner);
    expect(runner.status).toMatchObject({ processed: 1, deadLetters: 7, positions: { events: 8 } });
  });

  test('hold what lies in another partition than its key says, also where a sink reads it', async () => {
    const two = await openEngine(2);
    const [record] = two.records(events, [event('u', 20, {}, 'a')]);
    const right = record as NonNullable<typeof record>;
    await two.log.append([right, { ...right, partition: 1 - right.partition }]);
    const batches: number[] = [];
    const sink: Sink = {
      name: 'test',
      consumes: [events as Topic<unknown>],
      maxBatch: 10,
      open: async () => {},
      close: async () => {},
      write: async ({ records }) => void batches.push(records.length),
    };
    try {
      for (const partition of [0, 1]) {
        const common = { partition, log: two.log, serde: two.serde, clock: undefined, stopwatch, logger: silent };
        const { runner } = start(common);
        const reader = new SinkRunner({ ...common, sink, refuses: () => false });
        const read = reader.run();
        await until(() => runner.quiet && reader.quiet);
        runner.stop();
        reader.stop();
        await Promise.all([read, running.at(-1)?.ended]);
      }
      expect((await two.values<Signal>(signals)).map(told)).toEqual(['record:a']);
      expect(batches.filter((records) => records > 0)).toEqual([1]);
      const letters = (await two.letters()).map(({ headers }) => `${headers.partition} ${headers.code}`);
      expect(letters).toEqual([`${1 - right.partition} wrong-partition`]);
    } finally {
      await two.close();
    }
  });

  test('live, hold what is more than ten minutes ahead of the clock', async () => {
    const clock: Clock = { now: () => 1_000_000 };
    await engine.put(events, event('u', 1_600_001, {}, 'ahead'), event('u', 1_600_000, {}, 'just'));
    const { runner } = start({ clock });
    await until(() => runner.status.positions.events === 2);
    runner.stop();
    await running[0]?.ended;
    expect((await engine.letters()).map(({ headers }) => headers.code)).toEqual(['time-ahead']);
    // Stream time is never ahead of the clock.
    expect(runner.status.streamTime).toBe(new Date(1_000_000).toISOString());
  });
});

describe('time', () => {
  test('follows the records alone, and time marks', async () => {
    await engine.put(events, event('u', 20, { timerAt: 100 }, 'a'));
    const { runner } = start();
    await rest(runner);
    expect(await story()).toEqual(['record:a']);
    await engine.log.append([timeMarkTo(events, 100)]);
    await until(() => runner.status.positions.events === 2 && runner.quiet);
    expect(await story()).toEqual(['record:a']);
    await engine.log.append([timeMarkTo(events, 101)]);
    await until(() => runner.status.positions.events === 3 && runner.quiet);
    expect(await story()).toEqual(['record:a', 'due:a']);
    expect(runner.status.processed).toBe(1);
  });

  test('live, follows the clock after a second at the end of the streams, and is at rest only then', async () => {
    let now = 1000;
    const clock: Clock = { now: () => now };
    await engine.put(events, event('u', 900, { timerAt: 1500 }, 'a'));
    const { runner } = start({ clock });
    await until(() => runner.status.positions.events === 1);
    // A second of the clock must pass; each look at the task is a millisecond of it.
    let before = 0;
    await until(() => {
      if (now < 2000 && runner.quiet) before++;
      now++;
      return runner.quiet;
    });
    expect(before).toBe(0);
    expect(await story()).toEqual(['record:a', 'due:a']);
    expect(Date.parse(runner.status.streamTime as string)).toBeGreaterThanOrEqual(2000);
  });

  test('live, takes the task out of its rest when a timer fires', async () => {
    let now = 1000;
    await engine.put(events, event('u', 900, { timerAt: 5000 }, 'a'));
    const { runner } = start({ clock: { now: () => now } });
    await until(() => {
      now = Math.min(now + 1, 3000);
      return runner.quiet;
    });
    now = 6000;
    await until(() => !runner.quiet);
    await rest(runner);
    expect(await story()).toEqual(['record:a', 'due:a']);
  });

  test('live, follows the clock although a table is never at rest', async () => {
    let now = 1000;
    await engine.put(events, event('u', 900, { timerAt: 1500 }, 'a'));
    const { runner } = start({ clock: { now: () => now } });
    await until(() => runner.status.positions.events === 1);
    for (let written = 1; now < 20_000 && !(await story()).includes('due:a'); written++) {
      await engine.put(profiles, profile('v', 900));
      await until(() => runner.status.positions.profiles === written);
      now += 50;
    }
    expect(now).toBeLessThan(20_000);
  });

  test('live, is not moved by a time mark', async () => {
    const clock: Clock = { now: () => 1000 };
    await engine.log.append([timeMarkTo(events, 5000)]);
    const { runner } = start({ clock });
    await until(() => runner.status.positions.events === 1);
    expect(runner.status).toMatchObject({ streamTime: null, deadLetters: 0 });
  });
});

test('logs and dead letters tell of processors that fail, and not what these said: it may quote a value', async () => {
  const quote = (): never => {
    throw new Error('not a number: +10000000001');
  };
  const failing = defineTopology({
    name: 'failing',
    keyed: 'user',
    inputs: [stream(events)],
    processors: [
      {
        name: 'fail',
        emits: [],
        on: [on(events, ({ userId }, context) => (userId === 'u' ? context.setTimer(timers.due, 1, 'a') : quote()))],
        timers: [{ kind: timers.due, fire: quote }],
      },
    ],
    outputs: [],
    globals: [],
  });
  const lines: string[] = [];
  await engine.put(events, event('u', 20), event('v', 21));
  const { runner } = start({ topology: failing, logger: pino({}, { write: (line) => void lines.push(line) }) });
  await rest(runner);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { task: 'failing.0', code: 'processing-failed', at: 1 },
  ]);
  expect(lines.join()).not.toContain('+1000');
  const [letter] = await engine.letters();
  expect(letter?.headers).toMatchObject({ code: 'processing-failed', message: expect.stringContaining('simulate') });
  expect(letter?.headers.message).not.toContain('+1000');
});

describe('a storm of timers', () => {
  const wanted = Array.from({ length: 5000 }, (_, i) => `due:${i + 1}`);

  test('fires whole and in order before the task is at rest, when it is set for instants that have passed', async () => {
    await engine.put(events, stormOf(5000, 10_000));
    const { runner } = start({ topology: storm() });
    await rest(runner);
    expect(await story()).toEqual(wanted);
  });

  test('fires whole and in order when time moves past all of it at once', async () => {
    await engine.put(events, stormOf(5000, 1));
    await engine.log.append([timeMarkTo(events, 10_000)]);
    const { runner } = start({ topology: storm() });
    await rest(runner);
    expect(await story()).toEqual(wanted);
  });

  test.each([
    ['the past', [stormOf(5000, 10_000)]],
    ['the future, and time moves on', [stormOf(5000, 1), event('u', 10_000)]],
  ])('set for %s can be stopped at any moment and loses and repeats nothing', async (_, values) => {
    await engine.put(events, ...values);
    for (let turns = 1; ; turns++) {
      const { runner, ended } = start({ topology: storm() });
      for (let i = 0; i < turns && !runner.quiet; i++) await new Promise((resolve) => setImmediate(resolve));
      const done = runner.quiet;
      runner.stop();
      await ended;
      const fired = await story();
      expect(fired).toEqual(wanted.slice(0, fired.length));
      if (done) break;
    }
    expect(await story()).toEqual(wanted);
  });
});

test('a task is no longer at rest as soon as something was appended', async () => {
  const { runner } = start();
  await rest(runner);
  await engine.put(events, event('u', 20, {}, 'a'));
  expect(runner.quiet).toBe(false);
  await rest(runner);
  expect(await story()).toEqual(['record:a']);
});
