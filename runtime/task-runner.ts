// Runs one task on the log: fetch, process in slices, commit while the next slice runs.
import type { Logger } from 'pino';
import type { Topology } from '../topologies/graph.ts';
import type { Clock } from './clock.ts';
import { type InputRecord, Inputs } from './inputs.ts';
import type { Log, NewRecord, TaskLog } from './log.ts';
import { deadLetter, type Serde } from './serde.ts';
import { reach } from './steps.ts';
import { EARLIEST_TIME, LATEST_TIME, type Refusal, Task, type TaskToken } from './task.ts';

/** Records and timers between two looks at the rest of the process. */
const SLICE_RECORDS = 512;
const SLICE_TIMERS = 1024;
/** A commit is due after so many outputs and records, or so many ms. */
const COMMIT_RECORDS = 8192;
const COMMIT_MS = 100;
/** A task that stood at the end of every stream for so long (ms) follows the wall clock. */
const FOLLOW_AFTER = 1000;
/** The longest wait for something to happen, ms: time goes on although nothing is appended. */
const IDLE_WAIT = 200;
/** Where the number of dead letters is kept, beside the task's own state. */
const DEAD_LETTERS_KEY = Buffer.from('m/dead-letters');

export interface TaskRunnerOptions {
  readonly topology: Topology;
  readonly partition: number;
  readonly log: Log;
  readonly serde: Serde;
  readonly lateness: number;
  readonly maxJump: number;
  /** Absent: time follows the records alone. */
  readonly clock: Clock | undefined;
  /** Measures waits and slices; the wall clock also where time follows the records. */
  readonly stopwatch: Clock;
  readonly logger: Logger;
}

export class TaskRunner {
  readonly name: string;
  readonly #options: TaskRunnerOptions;
  #task: Task | undefined;
  #taskLog: TaskLog | undefined;
  #inputs: Inputs | undefined;
  #stopping = false;
  #wake: (() => void) | undefined;
  #woken = false;
  #committing: Promise<void> | undefined;
  #failure: unknown;
  #uncommitted = 0;
  #deadLetters: NewRecord[] = [];
  #deadLettersTotal = 0;
  #committedAt = 0;
  #atEndSince: number | undefined;
  #quiet = false;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.name = `${options.topology.name}.${options.partition}`;
  }

  /** Runs until `stop`; resolves when what was processed is committed. Rejects with what ended it. */
  async run(): Promise<void> {
    const { topology, partition, log, serde, lateness, maxJump } = this.#options;
    const taskLog = await log.openTask(topology.name, partition);
    this.#taskLog = taskLog;
    const task = new Task({ topology, lateness, maxJump, store: taskLog.store });
    this.#task = task;
    this.#deadLettersTotal = Number(taskLog.store.get(DEAD_LETTERS_KEY)?.toString('utf8') ?? 0);
    const inputs = new Inputs(
      log,
      serde,
      topology.inputs.map(({ topic, role }) => {
        const position = taskLog.position({ topic: topic.topic, partition });
        return { topic, role, partition, position, fetchAt: position, atEnd: false };
      }),
    );
    this.#inputs = inputs;
    for (const { topic } of topology.inputs) this.#unsubscribe.push(log.onAppend(topic.topic, () => this.#wakeUp()));
    this.#committedAt = this.#options.stopwatch.now();
    try {
      while (!this.#stopping) await this.#turn(task, inputs);
      await this.#commit(task, taskLog);
      await this.#committing;
      if (this.#failure !== undefined) throw this.#failure;
    } finally {
      for (const unsubscribe of this.#unsubscribe) unsubscribe();
      await taskLog.close();
    }
  }

  /** Lets the current slice end, commits, and ends `run`. */
  stop(): void {
    this.#stopping = true;
    this.#wakeUp();
  }

  /** Everything on the log was processed and committed, and no timer is due: live, as of the wall clock. */
  get quiet(): boolean {
    return this.#quiet;
  }

  get status(): TaskStatus {
    const task = this.#task;
    return {
      task: this.name,
      streamTime: task === undefined || task.streamTime < 0 ? null : new Date(task.streamTime).toISOString(),
      ...(task?.counts ?? { processed: 0, late: 0, duplicate: 0 }),
      deadLetters: this.#deadLettersTotal,
      timersFired: task?.fired ?? 0,
      positions: Object.fromEntries((this.#inputs?.all ?? []).map((i) => [i.topic.name, i.position])),
      quiet: this.#quiet,
    };
  }

  async #turn(task: Task, inputs: Inputs): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const keys = await inputs.fetch();
    if (keys.length > 0) task.prefetch(keys);
    reach(this.name, 'fetched');
    const moved = this.#slice(task, inputs);
    if (moved) reach(this.name, 'processed');
    const { stopwatch } = this.#options;
    const idle = inputs.peek() === undefined;
    if (
      this.#uncommitted > 0 &&
      (idle || this.#uncommitted >= COMMIT_RECORDS || stopwatch.now() - this.#committedAt >= COMMIT_MS)
    ) {
      await this.#commit(task, this.#taskLog as TaskLog);
    }
    const fired = task.fired;
    // Tables and internal records move no time, so they don't keep it from following the clock either.
    const caughtUp = this.#followWall(task, inputs) && !moved;
    if (moved || task.fired > fired) {
      this.#quiet = false;
      // Everything else in the process gets its turn between two slices.
      return new Promise((resolve) => setImmediate(resolve));
    }
    await this.#committing;
    if (!idle || inputs.mustFetch) return;
    this.#quiet = caughtUp && this.#uncommitted === 0 && !this.#woken;
    await this.#wait(IDLE_WAIT);
  }

  /** Processes records at hand, and the timers before them; returns whether there were any. */
  #slice(task: Task, inputs: Inputs): boolean {
    const fired = task.fired;
    let done = 0;
    let streamed = 0;
    // Passed timers that the slice before left, or the process before this one.
    const settled = task.advance(task.streamTime, SLICE_TIMERS);
    for (
      let next = settled ? inputs.peek() : undefined;
      next !== undefined && done < SLICE_RECORDS;
      next = inputs.peek()
    ) {
      // A stream that may have more must be asked before others go ahead of it.
      if (done > 0 && next.input.role === 'stream' && inputs.mustFetch) break;
      if (!this.#take(task, next)) break;
      inputs.take(next);
      done++;
      if (next.input.role === 'stream') streamed++;
    }
    const moved = done + task.fired - fired;
    this.#uncommitted += moved;
    if (streamed > 0) this.#atEndSince = undefined;
    return moved > 0;
  }

  /** Processes a record after the timers before it. False when more of them are left than one slice fires. */
  #take(task: Task, { input, record, mark, decoded }: InputRecord): boolean {
    const wall = this.#options.clock?.now();
    const { topic, partition } = input;
    const refusal =
      mark !== undefined ? markRefusal(mark) : 'code' in decoded ? decoded : task.refuse(topic, decoded.value, wall);
    if (refusal === undefined && mark !== undefined) {
      // Live, time is the wall clock's to tell.
      return wall !== undefined || task.advance(mark, SLICE_TIMERS);
    }
    if (refusal !== undefined) {
      this.#refuse(deadLetter(record, { topic: topic.topic, partition }, refusal));
      return true;
    }
    const { value } = decoded as { readonly value: unknown };
    if (!task.advance(task.timeAfter(topic, value, wall), SLICE_TIMERS)) return false;
    const fate = task.process(topic, value);
    if (typeof fate === 'object') this.#refuse(deadLetter(record, { topic: topic.topic, partition }, fate));
    // Timers it set for passed instants fire at once; what one slice leaves fires before the next record.
    task.advance(task.streamTime, SLICE_TIMERS);
    return true;
  }

  /** At the end of every stream for a second, live: time follows the wall clock. Returns whether it has caught up with it. */
  #followWall(task: Task, inputs: Inputs): boolean {
    const now = this.#options.clock?.now();
    if (now === undefined) return true;
    if (!inputs.streamsAtEnd) return false;
    this.#atEndSince ??= now;
    if (now - this.#atEndSince < FOLLOW_AFTER) return false;
    const before = task.fired;
    const caughtUp = task.advance(now, SLICE_TIMERS);
    this.#uncommitted += task.fired - before;
    return caughtUp;
  }

  #refuse(letter: NewRecord): void {
    this.#deadLetters.push(letter);
    this.#deadLettersTotal++;
  }

  /**
   * The commit, in steps: 1. the one before is done; 2. state changes, outputs and offsets are taken, at one instant;
   * 3. they go to the log in one step, while the next slice runs; 4. only then does the task forget that they are uncommitted.
   * If 3 fails nothing of it happened: the runner ends, and its successor starts from the last commit.
   */
  async #commit(task: Task, taskLog: TaskLog): Promise<void> {
    await this.#committing;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#uncommitted === 0) return;
    this.#uncommitted = 0;
    this.#committedAt = this.#options.stopwatch.now();
    const { changes, token } = task.takeChanges();
    if (this.#deadLetters.length > 0)
      changes.push({ key: DEAD_LETTERS_KEY, value: Buffer.from(String(this.#deadLettersTotal)) });
    const outputs = [...this.#outputs(task), ...this.#deadLetters];
    this.#deadLetters = [];
    const { partition } = this.#options;
    const offsets = (this.#inputs as Inputs).all.map(({ topic, position }) => ({
      topic: topic.topic,
      partition,
      offset: position,
    }));
    reach(this.name, 'changes-taken');
    this.#committing = this.#write(taskLog, { outputs, offsets, changes }, task, token);
  }

  async #write(
    taskLog: TaskLog,
    commit: Parameters<TaskLog['commit']>[0],
    task: Task,
    token: TaskToken,
  ): Promise<void> {
    try {
      const written = taskLog.commit(commit);
      reach(this.name, 'log-write-begun');
      await written;
      reach(this.name, 'log-write-done');
      task.committed(token);
      reach(this.name, 'committed');
    } catch (error) {
      this.#failure = error;
      this.#wakeUp();
    }
  }

  #outputs(task: Task): readonly NewRecord[] {
    const { log, serde, logger } = this.#options;
    for (const { at, refusal } of task.failures.splice(0)) {
      logger.error({ task: this.name, code: refusal.code, at }, `a timer failed: ${refusal.message}`);
    }
    return task.takeOutputs().map(({ topic, value }) => serde.encode(topic, value, log.partitions(topic.topic)));
  }

  #wakeUp(): void {
    this.#quiet = false;
    this.#woken = true;
    this.#wake?.();
  }

  /** Waits until something was appended, at most `ms`. */
  async #wait(ms: number): Promise<void> {
    if (!this.#woken && !this.#stopping) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#woken = false;
  }
}

/** A time mark beyond all times would make everything after it late. */
function markRefusal(mark: number): Refusal | undefined {
  if (mark >= EARLIEST_TIME && mark <= LATEST_TIME) return undefined;
  return { code: 'time-out-of-range', message: `the time mark ${mark} is outside 1970-01-01 to 2100-01-01` };
}

export interface TaskStatus {
  readonly task: string;
  readonly streamTime: string | null;
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
  readonly timersFired: number;
  /** The next offset to process, by input topic. */
  readonly positions: Readonly<Record<string, number>>;
  readonly quiet: boolean;
}
