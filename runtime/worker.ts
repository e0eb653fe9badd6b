// The engine of one instance: a part in the group of every topology and every sink, on one log.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Topic } from '../schemas/topics.ts';
import { DEAD_LETTERS } from '../schemas/topics.ts';
import type { Sink } from '../sinks/sink.ts';
import { SinkUnavailable } from '../sinks/sink.ts';
import type { Store } from '../state/store.ts';
import type { Topology } from '../topologies/graph.ts';
import { type Clock, stopwatch, systemClock } from './clock.ts';
import { GlobalReader, type GlobalTable } from './global-tables.ts';
import { GroupRunner } from './group-runner.ts';
import type { Log } from './log.ts';
import type { Observer } from './observer.ts';
import type { Readiness } from './readiness.ts';
import type { Serde } from './serde.ts';
import { SinkRunner } from './sink-runner.ts';
import { DEFAULT_STATE_MEMORY, MIB, taskMemory } from './state-memory.ts';
import { TaskRunner, type TaskStatus } from './task-runner.ts';

export interface ReadingGroup {
  readonly group: string;
  /** Names of topics on the log. */
  readonly reads: readonly string[];
}

export interface WorkerOptions {
  readonly log: Log;
  readonly serde: Serde;
  readonly topologies: readonly Topology[];
  readonly sinks: readonly Sink[];
  readonly globals: readonly GlobalTable[];
  /**
   * Every group that reads topics, in whatever instance it runs: the first that reads a topic makes the dead letters of its
   * records that can't be decoded, so that each becomes one. Absent: those of `topologies`, then of `sinks`.
   */
  readonly groups?: readonly ReadingGroup[];
  /** Of topics that are missing, which are created; absent: all are there. */
  readonly partitions?: number;
  /** Bytes that the state of all tasks may take; absent: a GiB. */
  readonly stateMemory?: number;
  /** ms. */
  readonly lateness: number;
  /** ms a record may jump ahead where time follows the records. */
  readonly maxJump: number;
  /** wall: stream time follows the wall clock at the end of the streams. events: the records alone. */
  readonly time: 'wall' | 'events';
  readonly logger: Logger;
  /** Is told what happens; nobody when absent. */
  readonly observer?: Observer | undefined;
  /** Is told how far the start is. */
  readonly readiness?: Readiness | undefined;
  /** Called once when a runner fails: the instance can't go on. */
  readonly onFailure: (error: unknown) => void;
}

export class Worker {
  readonly #options: WorkerOptions;
  readonly #globals: readonly GlobalReader[];
  readonly #tasks: GroupRunner<TaskRunner>[] = [];
  readonly #sinks: GroupRunner<SinkRunner>[] = [];
  readonly #stopping = new AbortController();
  #failed = false;
  #started = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { log, serde, globals, logger } = options;
    this.#globals = globals.map(
      (table) => new GlobalReader(log, serde, table, logger, (error) => this.#onFailure(error)),
    );
  }

  /**
   * Opens what is shared, joins every group and starts a runner for what it is assigned. Throws when that can't be done, and
   * when `stop` is called meanwhile; nothing runs or stays open then.
   */
  async start(): Promise<void> {
    const { log, serde, topologies, sinks, partitions, time, logger, lateness, maxJump, observer, readiness } =
      this.#options;
    const { stateMemory = DEFAULT_STATE_MEMORY * MIB } = this.#options;
    const topics = topicsOf(this.#options);
    if (partitions !== undefined) {
      const specs = topics.map(({ topic, cleanup }) => ({ topic, partitions, cleanup }));
      await log.createTopics([...specs, { topic: DEAD_LETTERS, partitions, cleanup: 'delete' }]);
    }
    await serde.open(topics);
    for (const reader of this.#globals) {
      this.#goesOn();
      await reader.open();
      if (this.#stopping.signal.aborted) await reader.close();
    }
    this.#goesOn();
    readiness?.reached('tables');
    const clock: Clock | undefined = time === 'wall' ? systemClock : undefined;
    const common = { log, serde, clock, stopwatch, logger, observer };
    const memory = taskMemory(stateMemory, tasksOf(topologies, log));
    const group = { log, logger, observer, onFailure: (error: unknown) => this.#onFailure(error) };
    for (const topology of topologies) {
      this.#tasks.push(
        new GroupRunner({
          ...group,
          group: topology.name,
          topics: topology.inputs.map(({ topic }) => topic.topic),
          runnerOf: (partition) => new TaskRunner({ ...common, topology, partition, lateness, maxJump, memory }),
        }),
      );
    }
    const groups = this.#options.groups ?? groupsOf(this.#options);
    for (const sink of sinks) {
      const refuses = ({ topic }: Topic<unknown>): boolean =>
        (groups.find(({ reads }) => reads.includes(topic))?.group ?? sink.name) === sink.name;
      await openSink(sink, logger, observer, this.#stopping.signal);
      // Whoever stopped it has closed the sink already, while it was opened.
      if (this.#stopping.signal.aborted) await sink.close();
      this.#goesOn();
      this.#sinks.push(
        new GroupRunner({
          ...group,
          group: sink.name,
          topics: (sink.consumes as readonly Topic<unknown>[]).map(({ topic }) => topic),
          runnerOf: (partition) => new SinkRunner({ ...common, sink, partition, refuses }),
        }),
      );
    }
    readiness?.reached('sinks');
    // All of them, so that none still joins when a start that failed is stopped.
    const started = await Promise.allSettled(this.#groups.map((g) => g.start()));
    const refused = started.find((s) => s.status === 'rejected');
    if (refused !== undefined) throw refused.reason;
    readiness?.reached('assignments');
    this.#started = true;
  }

  /**
   * Ends every runner after its slice and commit, and leaves every group, so that other instances take over at once. A start
   * that is still under way ends, too.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = await Promise.allSettled(this.#groups.map((group) => group.stop()));
    for (const reader of this.#globals) await reader.close();
    for (const sink of this.#options.sinks) await sink.close();
    const failed = ended.find((e) => e.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /**
   * Every record on the log that is this instance's to process was processed, committed and delivered, and no timer is due.
   * Never while it takes an assignment over.
   */
  get quiet(): boolean {
    return this.#started && !this.#failed && this.#groups.every((group) => group.quiet);
  }

  /** Of the tasks and sinks that this instance runs. */
  status(): { readonly tasks: readonly TaskStatus[]; readonly sinks: readonly SinkRunner['status'][] } {
    const tasks = this.#tasks.flatMap((group) => group.runners.map((runner) => runner.status));
    const sinks = this.#sinks.flatMap((group) => group.runners.map((runner) => runner.status));
    return { tasks, sinks };
  }

  /** A task's state as of its last commit; undefined where it doesn't run here, or not yet. */
  storeOf(topology: string, partition: number): Store | undefined {
    const name = `${topology}.${partition}`;
    return this.#tasks.flatMap((group) => group.runners).find((runner) => runner.name === name)?.store;
  }

  get #groups(): readonly (GroupRunner<TaskRunner> | GroupRunner<SinkRunner>)[] {
    return [...this.#tasks, ...this.#sinks];
  }

  #goesOn(): void {
    if (this.#stopping.signal.aborted) throw new Error('the instance was stopped before it had started');
  }

  /** The first failure is the one that is told: others are most often what came of it. */
  #onFailure(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailure(error);
  }
}

const OPEN_TRIES = 30;
const OPEN_WAIT = 1000;

async function openSink(
  sink: Sink,
  logger: Logger,
  observer: Observer | undefined,
  stopped: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sink.open();
    } catch (error) {
      if (!(error instanceof SinkUnavailable) || attempt === OPEN_TRIES) throw error;
      observer?.sinkFailed(sink.name);
      logger.warn({ sink: sink.name, attempt }, `the sink can't be opened yet: ${error.message}`);
      await delay(OPEN_WAIT, undefined, { signal: stopped }).catch(() => {});
      if (stopped.aborted) return;
    }
  }
}

function groupsOf({ topologies, sinks }: WorkerOptions): readonly ReadingGroup[] {
  return [
    ...topologies.map(({ name, inputs }) => ({ group: name, reads: inputs.map(({ topic }) => topic.topic) })),
    ...sinks.map(({ name, consumes }) => ({
      group: name,
      reads: (consumes as readonly Topic<unknown>[]).map(({ topic }) => topic),
    })),
  ];
}

/** As many as there are of all groups: an instance that is alone owns them all. */
function tasksOf(topologies: readonly Topology[], log: Log): number {
  const ofOne = ({ inputs }: Topology): number => Math.max(...inputs.map(({ topic }) => log.partitions(topic.topic)));
  return topologies.reduce((sum, topology) => sum + ofOne(topology), 0);
}

/** Every topic that a topology, a sink or a global table touches. */
function topicsOf({ topologies, sinks, globals }: WorkerOptions): readonly Topic<unknown>[] {
  const topics = new Set<Topic<unknown>>();
  for (const topology of topologies) {
    for (const topic of [...topology.inputs.map((i) => i.topic), ...topology.outputs, ...topology.globals])
      topics.add(topic);
  }
  for (const sink of sinks) for (const topic of sink.consumes as readonly Topic<unknown>[]) topics.add(topic);
  for (const { topic } of globals) topics.add(topic);
  return [...topics];
}
