import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RegistryUnavailable } from '../schemas/confluent-registry.ts';
import { StateCorrupted, TaskFenced, TaskLost, Unrecoverable } from './errors.ts';
import { GroupRunner, type Runner } from './group-runner.ts';
import type { AssignmentListener } from './log.ts';
import { type Observer, unobserved } from './observer.ts';

/** Runs until it is stopped and let go, or fails as it is told. */
class Scripted implements Runner {
  readonly name: string;
  readonly partition: number;
  quiet = false;
  running = false;
  stopped = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(partition: number) {
    this.partition = partition;
    this.name = `g.${partition}`;
  }

  async run(): Promise<void> {
    this.running = true;
    this.quiet = true;
    try {
      await this.#ended.promise;
    } finally {
      this.running = false;
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Its last commit is done. */
  end(): void {
    this.#ended.resolve();
  }

  fail(error: unknown): void {
    this.#ended.reject(error);
  }
}

let listener: AssignmentListener;
let made: Scripted[];
let failures: unknown[];
let told: string[];
let logged: string[];
let left: boolean;
let confirmed: Promise<void>;
/** When the group lets it in. */
let admitted: Promise<void>;
let group: GroupRunner<Scripted>;
beforeEach(() => {
  vi.useFakeTimers();
  made = [];
  failures = [];
  told = [];
  logged = [];
  left = false;
  confirmed = Promise.resolve();
  admitted = Promise.resolve();
  const observer: Observer = {
    ...unobserved,
    rebalanced: (name, change) => told.push(`${name} ${JSON.stringify(change)}`),
    restarted: (task, reason) => told.push(`${task.group}.${task.partition} ${reason}`),
  };
  group = new GroupRunner({
    group: 'g',
    topics: ['t'],
    log: {
      join: async (_, __, given) => {
        listener = given;
        await admitted;
        await given.assigned([0, 1]);
        return {
          confirmed: () => confirmed,
          leave: async () => {
            left = true;
          },
        };
      },
    },
    runnerOf: (partition) => {
      const runner = new Scripted(partition);
      made.push(runner);
      return runner;
    },
    logger: pino({}, { write: (line) => void logged.push(line) }),
    observer,
    onFailure: (error) => failures.push(error),
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What is ready to happen happens. */
const turn = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const running = (): number[] => made.filter((r) => r.running).map((r) => r.partition);

test('runs what is assigned, keeps what stays, and ends what is lost', async () => {
  expect(group.quiet).toBe(false);
  await group.start();
  await turn();
  expect(running()).toEqual([0, 1]);
  expect(group.quiet).toBe(true);
  await listener.assigned([1, 2]);
  await turn();
  expect(made.map((r) => [r.partition, r.stopped])).toEqual([
    [0, true],
    [1, false],
    [2, false],
  ]);
  expect(group.runners.map((r) => r.partition)).toEqual([1, 2]);
  // What was lost still commits.
  expect(group.quiet).toBe(false);
  made[0]?.end();
  await turn();
  expect(group.quiet).toBe(true);
  expect(told).toEqual(['g {"gained":[0,1],"kept":[],"lost":[]}', 'g {"gained":[2],"kept":[1],"lost":[0]}']);
});

test('a partition that comes back waits for its earlier runner to end', async () => {
  await group.start();
  await listener.assigned([1]);
  await listener.assigned([0, 1]);
  await turn();
  expect(made).toHaveLength(3);
  expect(made[2]?.running).toBe(false);
  expect(group.quiet).toBe(false);
  made[0]?.end();
  await turn();
  expect(made[2]?.running).toBe(true);
  expect(group.quiet).toBe(true);
});

test.each([
  [new TaskLost('the broker is away'), 50, 'lost'],
  [new StateCorrupted('a block is damaged'), 50, 'state-corrupted'],
  [new RegistryUnavailable('no answer'), 50, 'registry-unavailable'],
  [new TaskFenced('another owner'), 50, 'fenced'],
])('%s: the task is opened again after %i ms', async (error, wait, reason) => {
  await group.start();
  made[0]?.fail(error);
  await turn();
  expect(group.quiet).toBe(false);
  await vi.advanceTimersByTimeAsync(wait - 1);
  expect(running()).toEqual([1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(running().sort()).toEqual([0, 1]);
  expect(group.quiet).toBe(true);
  expect(told[1]).toBe(`g.0 ${reason}`);
  expect(failures).toEqual([]);
});

test('what was fenced is not opened again before the group has said whose it is: the new owner would be fenced', async () => {
  await group.start();
  let confirm = (): void => {};
  confirmed = new Promise((resolve) => {
    confirm = resolve;
  });
  made[0]?.fail(new TaskFenced('another owner'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(running()).toEqual([1]);
  confirm();
  await turn();
  expect(running().sort()).toEqual([0, 1]);
});

test('what is lost before the group has confirmed it is not opened again', async () => {
  await group.start();
  confirmed = new Promise(() => {});
  made[0]?.fail(new TaskLost('the broker is away'));
  await vi.advanceTimersByTimeAsync(60_000);
  await listener.assigned([1]);
  await turn();
  expect(running()).toEqual([1]);
  expect(group.quiet).toBe(true);
});

test('waits longer for every fault in a row, five seconds at most, and forgets them after a while', async () => {
  await group.start();
  const waits: number[] = [];
  const failAndWait = async (): Promise<void> => {
    made.findLast((r) => r.partition === 0)?.fail(new TaskLost('away'));
    await turn();
    let waited = 0;
    while (!made.findLast((r) => r.partition === 0)?.running) {
      await vi.advanceTimersByTimeAsync(50);
      waited += 50;
    }
    waits.push(waited);
  };
  for (let i = 0; i < 9; i++) await failAndWait();
  await vi.advanceTimersByTimeAsync(60_000);
  await failAndWait();
  expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 50]);
});

test('what was lost while it waited is not opened again', async () => {
  await group.start();
  made[0]?.fail(new TaskFenced('another owner'));
  await turn();
  await listener.assigned([1]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(made.filter((r) => r.partition === 0 && r.running)).toEqual([]);
  expect(group.quiet).toBe(true);
});

test('a last commit that the new owner fenced is no failure', async () => {
  await group.start();
  await listener.assigned([1]);
  made[0]?.fail(new TaskFenced('another owner'));
  await turn();
  expect(failures).toEqual([]);
  expect(told).toHaveLength(2);
  expect(group.quiet).toBe(true);
});

const cause = new Error("a record's value");
test.each([new Unrecoverable('offsets were reset', {}, { cause }), new TypeError('a fault in the program', { cause })])(
  'tells of what does not pass: %s',
  async (error) => {
    await group.start();
    made[1]?.fail(error);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(failures).toEqual([error]);
    expect(running()).toEqual([0]);
    expect(group.quiet).toBe(false);
    // Neither its stack nor its causes, which may quote a record.
    const { name, message } = error;
    expect(logged.map((line) => JSON.parse(line)).at(-1)).toMatchObject({ task: 'g.1', error: { name, message } });
    expect(logged.at(-1)).not.toMatch(/stack|a record's value/);
  },
);

test('stopping ends every runner first, and only then leaves', async () => {
  await group.start();
  const stopping = group.stop();
  await listener.assigned([0, 1, 2]);
  await turn();
  expect(made.map((r) => r.stopped)).toEqual([true, true]);
  expect(left).toBe(false);
  for (const runner of made) runner.end();
  await stopping;
  expect(left).toBe(true);
  expect(made).toHaveLength(2);
});

test('stopping waits ten seconds for a last commit, and not for ever', async () => {
  await group.start();
  const stopping = group.stop();
  await vi.advanceTimersByTimeAsync(9999);
  expect(left).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await stopping;
  expect(left).toBe(true);
});

test('stopping tells of a last commit that failed for good', async () => {
  await group.start();
  const stopping = group.stop();
  made[0]?.fail(new Unrecoverable('the cluster refuses it'));
  made[1]?.fail(new TaskLost('away'));
  await expect(stopping).rejects.toThrow('the cluster refuses it');
  expect(left).toBe(true);
});

test('a group that is still being joined when it is stopped is left once it was joined', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  admitted = promise;
  const starting = group.start();
  let stopped = false;
  const stopping = group.stop().then(() => {
    stopped = true;
  });
  await turn();
  expect([left, stopped]).toEqual([false, false]);
  resolve();
  await Promise.all([starting, stopping]);
  expect(left).toBe(true);
  expect(made).toEqual([]);
});

test('a group that is not joined within ten seconds does not keep it from stopping, and is left when it is joined after all', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  admitted = promise;
  const starting = group.start();
  const stopping = group.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  await stopping;
  expect(left).toBe(false);
  resolve();
  await starting;
  await turn();
  expect(left).toBe(true);
});

test('a group that could not be joined has nothing to leave', async () => {
  admitted = Promise.reject(new Error('no right to it'));
  await expect(group.start()).rejects.toThrow('no right to it');
  await group.stop();
  expect(left).toBe(false);
});
