// The test driver: the real topologies in one process, in memory and synchronous, with the time in the test's hands.

import { parseDuration } from '../../schemas/durations.ts';
import type { Topic } from '../../schemas/topics.ts';
import type { Cell } from '../../state/store.ts';
import type { Topology } from '../../topologies/graph.ts';
import { partitionOf } from '../partition.ts';
import { Pipeline } from '../pipeline.ts';
import type { Counts, Fate, Task } from '../task.ts';

const DEFAULT_LATENESS = parseDuration('5m');
const DURATION = /^\d+[smhd]$/;

export interface TestDriverOptions {
  /** As `beckon start` runs them, e.g. `[engage(definitions), pace(definitions)]`. */
  readonly topologies: readonly Topology[];
  /** ms that a record may come behind the highest time so far; default 5 minutes. Session and signal timers wait for it. */
  readonly lateness?: number;
  /** Tasks of each topology; default 1. Each has a time of its own, as on a real log. */
  readonly partitions?: number;
}

export class TestDriver {
  readonly #pipeline: Pipeline;
  readonly #partitions: number;
  readonly #outputs = new Map<Topic<unknown>, unknown[]>();
  readonly #read = new Map<Topic<unknown>, number>();
  readonly #failures: string[] = [];

  constructor({ topologies, lateness = DEFAULT_LATENESS, partitions = 1 }: TestDriverOptions) {
    this.#partitions = partitions;
    this.#pipeline = new Pipeline({
      topologies,
      partitions,
      lateness,
      onOutput: (topic, value) => this.#outputsOf(topic).push(value),
      onFailure: (where, { message }) => this.#failures.push(`${where}: ${message}`),
    });
  }

  /**
   * Takes records in this order: each fires the timers that come before it, then is processed, with all that follows from it.
   * Returns what became of each: "processed", "late", "duplicate", or a refusal with its code. Throws an Error when no topology
   * reads the topic, and when a processor failed on something that followed.
   */
  pipe<T>(topic: Topic<T>, ...values: readonly T[]): readonly Fate[] {
    const { tasks } = this.#pipeline;
    if (!tasks.some(({ topology }) => topology.inputs.some((input) => input.topic === topic))) {
      const known = new Set(tasks.flatMap(({ topology }) => topology.inputs.map((input) => input.topic.name)));
      throw new Error(`no topology reads ${topic.name}: pipe to one of ${[...known].join(', ')}`);
    }
    const fates = values.map((value) => this.#pipeline.pipe(topic, value));
    this.#throwFailures();
    return fates;
  }

  /**
   * Moves time on, to an instant (epoch ms, or ISO-8601 with a zone) or by a duration ("90s", "30m", "6h", "7d") from `time`, and
   * fires every timer with an instant before it. Throws a RangeError for anything else and for a time that has passed.
   */
  advance(to: number | string): void {
    const instant = this.#instant(to);
    if (instant < this.time) {
      throw new RangeError(
        `${new Date(instant).toISOString()} has passed: it is ${new Date(this.time).toISOString()}; advance to a later time`,
      );
    }
    this.#pipeline.advance(instant);
    this.#throwFailures();
  }

  /** What was emitted to the topic since it was last read, in order. */
  read<T>(topic: Topic<T>): readonly T[] {
    const all = this.outputs(topic);
    const from = this.#read.get(topic) ?? 0;
    this.#read.set(topic, all.length);
    return all.slice(from);
  }

  /** Everything that was ever emitted to the topic, in order; reading it this way drains nothing. */
  outputs<T>(topic: Topic<T>): readonly T[] {
    return [...this.#outputsOf(topic)] as T[];
  }

  /**
   * Gives a key (`tenantId/userId`, or `tenantId/campaignId`) a cell's value, as if earlier records had left it; undefined
   * removes it. Sets no timers. `sub` is a row within the key, such as one reservation of a campaign.
   */
  seed<T>(key: string, cell: Cell<T>, value: T | undefined, sub?: string): void {
    this.#taskOf(key, cell).seed(key, cell, value, sub);
  }

  /** The value that a cell has for a key, or undefined. Never change it in place. */
  state<T>(key: string, cell: Cell<T>, sub?: string): T | undefined {
    return this.#taskOf(key, cell).inspect(key, cell, sub);
  }

  /** Epoch ms: the highest time of any record, and where `advance` went; -1 before both. */
  get time(): number {
    return Math.max(...this.#pipeline.tasks.map((task) => task.streamTime));
  }

  /** How many stream records were processed, late and duplicates, over all topologies. */
  get counts(): Readonly<Counts> {
    const counts: Counts = { processed: 0, late: 0, duplicate: 0 };
    for (const task of this.#pipeline.tasks) {
      counts.processed += task.counts.processed;
      counts.late += task.counts.late;
      counts.duplicate += task.counts.duplicate;
    }
    return counts;
  }

  #instant(to: number | string): number {
    if (typeof to === 'number') return to;
    if (DURATION.test(to)) {
      if (this.time < 0) throw new RangeError(`no time to add ${to} to: pipe a record first, or advance to an instant`);
      return this.time + parseDuration(to);
    }
    const instant = /(Z|[+-]\d\d:\d\d)$/.test(to) ? Date.parse(to) : Number.NaN;
    if (Number.isNaN(instant)) {
      throw new RangeError(
        `${JSON.stringify(to)} is neither an instant nor a duration: write 2026-01-31T18:00:00Z, epoch ms, or 90s, 30m, 6h, 7d`,
      );
    }
    return instant;
  }

  #taskOf(key: string, cell: Cell<unknown>): Task {
    const tasks = this.#pipeline.tasks.filter(({ topology }) =>
      topology.processors.some((processor) => processor.writes?.includes(cell)),
    );
    const task = tasks[partitionOf(key, this.#partitions)];
    if (task === undefined)
      throw new Error(`no topology keeps ${cell.name}: pass the topology whose processor writes it`);
    return task;
  }

  #outputsOf(topic: Topic<unknown>): unknown[] {
    let outputs = this.#outputs.get(topic);
    if (outputs === undefined) {
      outputs = [];
      this.#outputs.set(topic, outputs);
    }
    return outputs;
  }

  #throwFailures(): void {
    const failures = this.#failures.splice(0);
    if (failures.length > 0) throw new Error(`a processor failed: ${failures.join('; ')}`);
  }
}
