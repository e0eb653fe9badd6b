// The engine of one instance: a runner for every task and every sink partition, on one log.
import type { Logger } from 'pino';
import type { Topic } from '../schemas/topics.ts';
import { DEAD_LETTERS } from '../schemas/topics.ts';
import type { Sink } from '../sinks/sink.ts';
import { SinkUnavailable } from '../sinks/sink.ts';
import type { Topology } from '../topologies/graph.ts';
import { type Clock, systemClock } from './clock.ts';
import { GlobalReader, type GlobalTable } from './global-tables.ts';
import type { Log } from './log.ts';
import type { Serde } from './serde.ts';
import { SinkRunner } from './sink-runner.ts';
import { TaskRunner, type TaskStatus } from './task-runner.ts';

export interface WorkerOptions {
  readonly log: Log;
  readonly serde: Serde;
  readonly topologies: readonly Topology[];
  readonly sinks: readonly Sink[];
  readonly globals: readonly GlobalTable[];
  /** Partitions of each topic, for those that are missing. */
  readonly partitions: number;
  /** ms. */
  readonly lateness: number;
  /** ms a record may jump ahead where time follows the records. */
  readonly maxJump: number;
  /** wall: stream time follows the wall clock at the end of the streams. events: the records alone. */
  readonly time: 'wall' | 'events';
  readonly logger: Logger;
  /** Called once when a runner fails: the instance can't go on. */
  readonly onFailure: (error: unknown) => void;
}

type Runner = TaskRunner | SinkRunner;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #globals: readonly GlobalReader[];
  #runners: Runner[] = [];
  #running: Promise<unknown>[] = [];
  #stopping = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { log, serde, globals, logger, onFailure } = options;
    this.#globals = globals.map((table) => new GlobalReader(log, serde, table, logger, onFailure));
  }

  /** Creates what is missing and starts every runner. Throws when the log or a sink can't be opened. */
  async start(): Promise<void> {
    const { log, serde, topologies, sinks, time, logger } = this.#options;
    const topics = topicsOf(this.#options);
    await log.createTopics([
      ...topics.map((t) => ({ topic: t.topic, partitions: this.#options.partitions, cleanup: t.cleanup })),
      { topic: DEAD_LETTERS, partitions: this.#options.partitions, cleanup: 'delete' },
    ]);
    await serde.open(topics);
    for (const reader of this.#globals) await reader.open();
    const clock: Clock | undefined = time === 'wall' ? systemClock : undefined;
    const common = { log, serde, clock, stopwatch: systemClock, logger };
    for (const topology of topologies) {
      const [first] = topology.inputs;
      const partitions = first === undefined ? 0 : log.partitions(first.topic.topic);
      const { lateness, maxJump } = this.#options;
      for (let partition = 0; partition < partitions; partition++) {
        this.#runners.push(new TaskRunner({ ...common, topology, partition, lateness, maxJump }));
      }
    }
    for (const sink of sinks) {
      await openSink(sink, logger);
      const partitions = Math.max(...(sink.consumes as readonly Topic<unknown>[]).map((t) => log.partitions(t.topic)));
      for (let partition = 0; partition < partitions; partition++)
        this.#runners.push(new SinkRunner({ ...common, sink, partition }));
    }
    this.#running = this.#runners.map((runner) =>
      runner.run().catch((error: unknown) => {
        if (this.#stopping) throw error;
        logger.error({ task: runner.name, err: error }, 'a task ended');
        this.#options.onFailure(error);
      }),
    );
  }

  /** Ends every runner after its slice and commit, tasks before sinks. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const runner of this.#runners) runner.stop();
    const ended = await Promise.allSettled(this.#running);
    for (const reader of this.#globals) await reader.close();
    for (const sink of this.#options.sinks) await sink.close();
    const failed = ended.find((e) => e.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Every record on the log was processed, committed and delivered, and no timer is due. */
  get quiet(): boolean {
    return this.#runners.every((runner) => runner.quiet);
  }

  status(): { readonly tasks: readonly TaskStatus[]; readonly sinks: readonly SinkRunner['status'][] } {
    const tasks = this.#runners.filter((r) => r instanceof TaskRunner).map((r) => r.status);
    const sinks = this.#runners.filter((r) => r instanceof SinkRunner).map((r) => r.status);
    return { tasks, sinks };
  }
}

const OPEN_TRIES = 30;
const OPEN_WAIT = 1000;

async function openSink(sink: Sink, logger: Logger): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sink.open();
    } catch (error) {
      if (!(error instanceof SinkUnavailable) || attempt === OPEN_TRIES) throw error;
      logger.warn({ sink: sink.name, attempt }, `the sink can't be opened yet: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, OPEN_WAIT));
    }
  }
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
