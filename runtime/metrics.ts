// What an instance says of itself to Prometheus. What happens is counted when it is committed, as the worker tells it; where
// things stand is asked at each scrape. Counts begin with the process: summed over instances they are what was done, once each.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Topic, topicNamed } from '../schemas/topics.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Instruments, instruments } from './instruments.ts';
import type { Log, TopicPartition } from './log.ts';
import {
  type Answered,
  type HttpObserver,
  type Observer,
  type Rebalance,
  type RegistryFailure,
  type RestartReason,
  type Taken,
  type TaskName,
  taskNamed,
} from './observer.ts';
import { Refreshed } from './refreshed.ts';
import type { SinkStatus } from './sink-runner.ts';
import type { Output } from './task.ts';
import type { TaskStatus } from './task-runner.ts';

/** A scrape waits for brokers and the disk no longer than `wait` (ms), together. */
const END_OFFSETS = { every: 3000, wait: 250, maxAge: 30_000 };
const STATE_SIZES = { every: 15_000, wait: 250, maxAge: 120_000 };

/** Counts a topic's records as they are committed, by something in them: from a closed list, and nothing personal. */
export interface Tally<T = unknown> {
  readonly topic: Topic<T>;
  /** The counter's, after `beckon_`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  labels(value: T): Readonly<Record<string, string>>;
}

export interface MetricsOptions {
  /** Beckon's. */
  readonly version: string;
  readonly tallies?: readonly Tally[];
  /** Measures for how long the log is silent. */
  readonly stopwatch?: Clock;
}

/** Who is asked at a scrape. */
export interface Watched {
  readonly log: Pick<Log, 'endOffset'>;
  /** What moves time on: where the records alone do, there is no delay to tell. */
  readonly time: 'wall' | 'events';
  /** The folder that holds a task's state and nothing else; absent where there is none. */
  stateFolder?(task: TaskName): string;
  status(): { readonly tasks: readonly TaskStatus[]; readonly sinks: readonly SinkStatus[] };
  /** Requests of the HTTP API that wait for a decision. */
  waiting?(): number;
}

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

export class Metrics implements Observer, HttpObserver {
  readonly #instruments: Instruments;
  readonly #tallies: ReadonlyMap<
    Topic<unknown>,
    { readonly labels: Tally['labels']; readonly count: (labelled: Readonly<Record<string, string>>) => void }
  >;
  /** Known once: they are told of although no task of theirs runs here any more. */
  readonly #groups = new Set<string>();
  /** Records told of by the restores under way. */
  readonly #restoring = new Map<string, number>();
  readonly #ends: Refreshed<ReadonlyMap<string, number>>;
  readonly #sizes: Refreshed<ReadonlyMap<string, number>>;
  readonly #stopwatch: Clock;
  #watched: Watched | undefined;
  /** When the log last told all that it was asked. */
  #answeredAt = 0;

  constructor({ version, tallies = [], stopwatch = systemClock }: MetricsOptions) {
    this.#stopwatch = stopwatch;
    this.#instruments = instruments(version);
    this.#tallies = new Map(
      tallies.map(({ topic, name, labelNames, help, labels }) => {
        const counter = this.#instruments.tally(name, labelNames, help);
        return [topic, { labels, count: (labelled) => counter.inc(labelled) }];
      }),
    );
    this.#ends = new Refreshed(() => this.#askEnds(), END_OFFSETS);
    this.#sizes = new Refreshed(() => this.#askSizes(), STATE_SIZES);
  }

  /** From now on scrapes tell where the tasks of an instance stand. */
  watch(watched: Watched): void {
    this.#watched = watched;
    this.#answeredAt = this.#stopwatch.now();
  }

  /** Everything, in Prometheus's text format. */
  async scrape(): Promise<Scrape> {
    if (this.#watched !== undefined) {
      const [ends, sizes] = await Promise.all([this.#ends.get(), this.#sizes.get()]);
      this.#look(this.#watched, ends ?? new Map(), sizes ?? new Map());
    }
    const { registry } = this.#instruments;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  rebalanced(group: string, { lost }: Rebalance): void {
    this.#groups.add(group);
    this.#instruments.counters.rebalances.inc({ topology: group });
    for (const partition of lost) this.#restoring.delete(nameOf({ group, partition }));
  }

  restarted({ group }: TaskName, reason: RestartReason): void {
    this.#instruments.counters.restarts.inc({ topology: group, reason });
  }

  restoring(task: TaskName, records: number): void {
    const before = this.#restoring.get(nameOf(task)) ?? 0;
    // Fewer than before: the earlier restore failed, and this is another.
    this.#instruments.counters.restoredRecords.inc(labelsOf(task), records < before ? records : records - before);
    this.#restoring.set(nameOf(task), records);
  }

  restored(task: TaskName, records: number, ms: number): void {
    this.restoring(task, records);
    this.#restoring.delete(nameOf(task));
    this.#instruments.counters.restores.inc(labelsOf(task));
    this.#instruments.restoreSeconds.observe({ topology: task.group }, ms / 1000);
  }

  emitted(outputs: readonly Output[]): () => void {
    const counts: (() => void)[] = [];
    for (const { topic, value } of outputs) {
      const tally = this.#tallies.get(topic);
      if (tally === undefined) continue;
      const labelled = tally.labels(value);
      counts.push(() => tally.count(labelled));
    }
    return () => {
      for (const count of counts) count();
    };
  }

  committing(task: TaskName, taken: Taken): (ms: number) => void {
    return (ms) => {
      const { counters, commitSeconds } = this.#instruments;
      const labels = labelsOf(task);
      counters.processed.inc(labels, taken.processed);
      counters.late.inc(labels, taken.late);
      counters.duplicate.inc(labels, taken.duplicate);
      counters.timersFired.inc(labels, taken.timersFired);
      for (const code of taken.deadLetters) counters.deadLetters.inc({ ...labels, code });
      counters.commits.inc({ topology: task.group });
      commitSeconds.observe({ topology: task.group }, ms / 1000);
    };
  }

  delivered(task: TaskName, records: number, deadLetters: readonly string[]): void {
    const { counters } = this.#instruments;
    counters.sinkRecords.inc({ sink: task.group, partition: task.partition }, records);
    for (const code of deadLetters) counters.deadLetters.inc({ ...labelsOf(task), code });
  }

  sinkFailed(sink: string): void {
    this.#instruments.counters.sinkFailures.inc({ sink });
  }

  registryFailed(kind: RegistryFailure): void {
    this.#instruments.counters.registryErrors.inc({ kind });
  }

  answered({ method, route, status, ms }: Answered): void {
    this.#instruments.counters.httpRequests.inc({ method, route, status });
    this.#instruments.httpSeconds.observe({ method, route }, ms / 1000);
  }

  /** Sets the gauges. Those of tasks that went elsewhere are gone with it. */
  #look(watched: Watched, ends: ReadonlyMap<string, number>, sizes: ReadonlyMap<string, number>): void {
    const { gauges, counters } = this.#instruments;
    for (const gauge of Object.values(gauges)) gauge.reset();
    gauges.waitingRequests.set(watched.waiting?.() ?? 0);
    const { tasks, sinks } = watched.status();
    const held = new Map([...this.#groups].map((group) => [group, 0]));
    for (const one of [...tasks, ...sinks]) {
      const { group, partition } = taskNamed(one.task);
      held.set(group, (held.get(group) ?? 0) + 1);
      this.#groups.add(group);
      const labels = labelsOf({ group, partition });
      gauges.restoring.set(labels, one.phase === 'restoring' ? 1 : 0);
      const bytes = sizes.get(one.task);
      if (bytes !== undefined) gauges.stateBytes.set(labels, bytes);
    }
    gauges.logSilent.set((this.#stopwatch.now() - this.#answeredAt) / 1000);
    for (const [group, count] of held) gauges.tasks.set({ topology: group }, count);
    for (const task of tasks) {
      const labels = labelsOf(taskNamed(task.task));
      // So that the first record is seen as an increase.
      for (const name of ['processed', 'late', 'duplicate', 'timersFired'] as const) counters[name].inc(labels, 0);
      gauges.pendingTimers.set(labels, task.timersHeld);
      if (watched.time === 'wall' && task.watermark !== null)
        gauges.watermarkDelay.set(labels, (systemClock.now() - Date.parse(task.watermark)) / 1000);
      for (const [topic, lag] of lags(task, ends)) gauges.lag.set({ ...labels, topic }, lag);
    }
    for (const sink of sinks) {
      const { group, partition } = taskNamed(sink.task);
      counters.sinkRecords.inc({ sink: group, partition }, 0);
      counters.sinkFailures.inc({ sink: group }, 0);
      for (const [topic, lag] of lags(sink, ends)) gauges.sinkLag.set({ sink: group, partition, topic }, lag);
    }
  }

  /** The end offset of every input of every task, as far as it is told. */
  async #askEnds(): Promise<ReadonlyMap<string, number>> {
    const watched = this.#watched as Watched;
    const { tasks, sinks } = watched.status();
    const inputs = new Map<string, TopicPartition>();
    for (const one of [...tasks, ...sinks]) {
      for (const name of Object.keys(one.positions)) {
        const input = inputOf(one.task, name);
        if (input !== undefined) inputs.set(keyOf(input), input);
      }
    }
    const ends = new Map<string, number>();
    await Promise.all(
      [...inputs].map(async ([key, input]) => {
        const end = await watched.log.endOffset(input).catch(() => undefined);
        if (end !== undefined) ends.set(key, end);
      }),
    );
    if (ends.size === inputs.size) this.#answeredAt = this.#stopwatch.now();
    else if (ends.size === 0) throw new Error('the log tells no end');
    return ends;
  }

  async #askSizes(): Promise<ReadonlyMap<string, number>> {
    const watched = this.#watched as Watched;
    const { tasks, sinks } = watched.status();
    const sizes = new Map<string, number>();
    if (watched.stateFolder === undefined) return sizes;
    for (const { task } of [...tasks, ...sinks]) {
      const bytes = await sizeOf(watched.stateFolder(taskNamed(task)));
      if (bytes !== undefined) sizes.set(task, bytes);
    }
    return sizes;
  }
}

/** By topic. One whose end isn't known is left out. */
function* lags(
  { task, positions, atEnd }: Pick<TaskStatus, 'task' | 'positions' | 'atEnd'>,
  ends: ReadonlyMap<string, number>,
): Generator<readonly [topic: string, lag: number]> {
  for (const [topic, position] of Object.entries(positions)) {
    const input = inputOf(task, topic);
    const end = input === undefined ? undefined : ends.get(keyOf(input));
    if (end === undefined) continue;
    // On Kafka the ends of transactions take offsets too: behind the last record there are some that nobody will ever read.
    yield [topic, atEnd.includes(topic) ? 0 : Math.max(0, end - position)];
  }
}

/** Undefined when the folder isn't there. Files that go away meanwhile don't count. */
async function sizeOf(folder: string): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return undefined;
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function inputOf(task: string, topic: string): TopicPartition | undefined {
  const known = topicNamed(topic);
  return known === undefined ? undefined : { topic: known.topic, partition: taskNamed(task).partition };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function nameOf({ group, partition }: TaskName): string {
  return `${group}.${partition}`;
}

function labelsOf({ group, partition }: TaskName): { topology: string; partition: number } {
  return { topology: group, partition };
}
