// Runs one task on the log: fetch, process in slices, commit while the next slice runs.
import type { Logger } from 'pino';
import { StateUnreadable } from '../state/keyed-state.ts';
import type { Store } from '../state/store.ts';
import type { Topology } from '../topologies/graph.ts';
import type { Clock } from './clock.ts';
import { Unrecoverable } from './errors.ts';
import { type InputRecord, Inputs } from './inputs.ts';
import type { Log, NewRecord, TaskLog } from './log.ts';
import { type Observer, type Taken, type TaskName, unobserved } from './observer.ts';
import { type Decoded, deadLetter, type Serde } from './serde.ts';
import type { TaskMemory } from './state-memory.ts';
import { reach } from './steps.ts';
import { type Counts, EARLIEST_TIME, LATEST_TIME, type Refusal, Task, type TaskToken } from './task.ts';

/** Records and timers between two looks at the rest of the process. */
const SLICE_RECORDS = 512;
const SLICE_TIMERS = 1024;
/** Keys visited in a slice, where definitions changed. */
const SLICE_KEYS = 256;
/**
 * A task that has processed all there is commits at once, or after the log's pause between two commits. One that is behind commits after so many records and timers, or so
 * many ms: the more of a user's records are in one commit, the fewer records the changelog has (0.6 an event of the bench's
 * load of 400,000 users, against 0.9 with a quarter of the records).
 */
const COMMIT_RECORDS = 32_768;
const COMMIT_MS = 300;
/** A task that stood at the end of every stream for so long (ms) follows the wall clock. */
const FOLLOW_AFTER = 1000;
/** What comes within so many ms is processed before a commit. */
const PATIENCE = 2;
/** A task at rest for so long (ms) commits what lies behind its last record and holds none. */
const REST = 1000;
/** The longest wait for something to happen, ms: time goes on although nothing is appended. */
const IDLE_WAIT = 200;
/** What shows why a processor failed. */
const MEND = 'simulate the same events to see why';
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
  /** What the task's state may take; absent: as much as it gains by. */
  readonly memory?: TaskMemory;
  /** Is told of commits; nobody when absent. */
  readonly observer?: Observer | undefined;
}

export class TaskRunner {
  readonly name: string;
  readonly #observer: Observer;
  readonly #observed: TaskName;
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
  /** To be committed. */
  #outputs: NewRecord[] = [];
  /** To be called when they are. */
  readonly #counts: (() => void)[] = [];
  #deadLetters: NewRecord[] = [];
  #deadLettersTotal = 0;
  /** What the observer was told of so far, or need not be: it was restored. */
  #told: Counts & { fired: number } = { processed: 0, late: 0, duplicate: 0, fired: 0 };
  #phase: TaskPhase = 'restoring';
  #committedAt = 0;
  #atEndSince: number | undefined;
  #quiet = false;
  readonly #unsubscribe: (() => void)[] = [];

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
    this.name = `${options.topology.name}.${options.partition}`;
    this.#observer = options.observer ?? unobserved;
    this.#observed = { group: options.topology.name, partition: options.partition };
  }

  /** Runs until `stop`; resolves when what was processed is committed. Rejects with what ended it. */
  async run(): Promise<void> {
    const { topology, partition, log, serde, lateness, maxJump, memory } = this.#options;
    const taskLog = await log.openTask(topology.name, partition, memory);
    this.#taskLog = taskLog;
    try {
      const task = new Task({
        topology,
        lateness,
        maxJump,
        store: taskLog.store,
        ...(memory === undefined ? {} : { hotBytes: memory.rows }),
      });
      this.#task = task;
      this.#told = { ...task.counts, fired: task.fired };
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
      this.#phase = 'running';
      while (!this.#stopping) await this.#turn(task, inputs);
      if (this.#uncommitted > 0 || this.#passesOver(inputs, taskLog)) await this.#commit(task, taskLog);
      await this.#committing;
      if (this.#failure !== undefined) throw this.#failure;
    } catch (error) {
      // To restore it anew would bring the same: its bytes are whole, and this version can't read them.
      if (!(error instanceof StateUnreadable)) throw error;
      throw new Unrecoverable(error.message, { task: this.name }, { cause: error });
    } finally {
      this.#phase = 'ended';
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

  /** The task's state as of its last commit, while it runs. */
  get store(): Store | undefined {
    return this.#phase === 'running' ? this.#taskLog?.store : undefined;
  }

  get status(): TaskStatus {
    const task = this.#task;
    return {
      task: this.name,
      phase: this.#phase,
      streamTime: task === undefined || task.streamTime < 0 ? null : new Date(task.streamTime).toISOString(),
      watermark:
        task === undefined || task.streamTime < 0 ? null : new Date(task.streamTime - task.lateness).toISOString(),
      ...(task?.counts ?? { processed: 0, late: 0, duplicate: 0 }),
      deadLetters: this.#deadLettersTotal,
      timersFired: task?.fired ?? 0,
      timersHeld: task?.heldTimers ?? 0,
      positions: Object.fromEntries((this.#inputs?.all ?? []).map((i) => [i.topic.name, i.position])),
      atEnd: (this.#inputs?.all ?? []).filter((i) => i.atEnd && i.position >= i.fetchAt).map((i) => i.topic.name),
      quiet: this.#quiet,
    };
  }

  async #turn(task: Task, inputs: Inputs): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await this.#fetch(task, inputs);
    reach(this.name, 'fetched');
    const moved = this.#slice(task, inputs);
    this.#encode(task);
    if (moved) reach(this.name, 'processed');
    const { stopwatch } = this.#options;
    const idle = inputs.peek() === undefined;
    const isDue = this.#uncommitted >= COMMIT_RECORDS || stopwatch.now() - this.#committedAt >= COMMIT_MS;
    if (this.#uncommitted > 0 && (isDue || (idle && !inputs.mustFetch && this.#pause <= 0))) {
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
    if (!idle || inputs.mustFetch || task.sweeping) return;
    const taskLog = this.#taskLog as TaskLog;
    if (stopwatch.now() - this.#committedAt >= REST && this.#passesOver(inputs, taskLog))
      await this.#commit(task, taskLog);
    this.#quiet = caughtUp && this.#uncommitted === 0 && !this.#woken;
    await this.#wait(this.#uncommitted > 0 ? Math.max(1, this.#pause) : IDLE_WAIT);
  }

  /** ms until the next commit may begin, of a task that is not behind. */
  get #pause(): number {
    const { log, stopwatch } = this.#options;
    return this.#committedAt + log.commitPause - stopwatch.now();
  }

  /** Fetches what more there is. What was processed before is committed meanwhile, unless more comes at once. */
  async #fetch(task: Task, inputs: Inputs): Promise<void> {
    const fetching = inputs.fetch();
    const isIdle = this.#uncommitted > 0 && inputs.peek() === undefined && this.#pause <= 0;
    if (isIdle && !(await settlesWithin(fetching, PATIENCE))) {
      await this.#commit(task, this.#taskLog as TaskLog);
    }
    const keys = await fetching;
    if (keys.length > 0) task.prefetch(keys, inputs.reach, SLICE_TIMERS);
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
    const swept = task.sweep(SLICE_KEYS) ? 1 : 0;
    const moved = done + task.fired - fired + swept;
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
    const { value, key } = decoded as Extract<Decoded, { readonly value: unknown }>;
    if (!task.advance(task.timeAfter(topic, value, wall), SLICE_TIMERS)) return false;
    const fate = task.process(topic, value, key);
    if (typeof fate === 'object') {
      // Not why: what a processor threw may quote a property's value, and messages are shown where values are not.
      const refused = { code: fate.code, message: `a processor failed and what it did was undone: ${MEND}` };
      this.#refuse(deadLetter(record, { topic: topic.topic, partition }, refused));
    }
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
    this.#uncommitted = 0;
    this.#committedAt = this.#options.stopwatch.now();
    const { changes, token } = task.takeChanges();
    if (this.#deadLetters.length > 0)
      changes.push({ key: DEAD_LETTERS_KEY, value: Buffer.from(String(this.#deadLettersTotal)) });
    this.#encode(task);
    const outputs = [...this.#outputs, ...this.#deadLetters];
    this.#outputs = [];
    const committed = this.#observer.committing(this.#observed, this.#taken(task));
    const counts = this.#counts.splice(0);
    const done = (ms: number): void => {
      for (const count of counts) count();
      committed(ms);
    };
    this.#deadLetters = [];
    const { log } = this.#options;
    const offsets = (this.#inputs as Inputs).all.map((input) => {
      const from = { topic: input.topic.topic, partition: input.partition };
      return { ...from, offset: log.resumeAt(from, input.position) };
    });
    reach(this.name, 'changes-taken');
    this.#committing = this.#write(taskLog, { outputs, offsets, changes }, task, token, done);
  }

  /** Whether something lies behind an input's last record that holds none, and is not committed. */
  #passesOver(inputs: Inputs, taskLog: TaskLog): boolean {
    const { log } = this.#options;
    return inputs.all.some(({ topic, partition, position }) => {
      const input = { topic: topic.topic, partition };
      return log.resumeAt(input, position) > Math.max(position, taskLog.position(input));
    });
  }

  async #write(
    taskLog: TaskLog,
    commit: Parameters<TaskLog['commit']>[0],
    task: Task,
    token: TaskToken,
    done: (ms: number) => void,
  ): Promise<void> {
    const begun = performance.now();
    try {
      const written = taskLog.commit(commit);
      reach(this.name, 'log-write-begun');
      await written;
      reach(this.name, 'log-write-done');
      task.committed(token);
      done(performance.now() - begun);
      reach(this.name, 'committed');
    } catch (error) {
      this.#failure = error;
      this.#wakeUp();
    }
  }

  #taken({ counts, fired }: Task): Taken {
    const { processed, late, duplicate, fired: firedBefore } = this.#told;
    this.#told = { ...counts, fired };
    return {
      processed: counts.processed - processed,
      late: counts.late - late,
      duplicate: counts.duplicate - duplicate,
      timersFired: fired - firedBefore,
      deadLetters: this.#deadLetters.map(({ headers }) => headers?.code ?? ''),
    };
  }

  /**
   * Encodes what was emitted, slice by slice: values that lived until the commit were moved about by the garbage collector
   * first (a tenth of all time, with campaigns), their bytes lie outside its heap.
   */
  #encode(task: Task): void {
    const { log, serde, logger } = this.#options;
    for (const { at, refusal } of task.failures.splice(0)) {
      // Not why, here neither.
      logger.error({ task: this.name, code: refusal.code, at }, `a timer failed and what it did was undone: ${MEND}`);
    }
    const emitted = task.takeOutputs();
    if (emitted.length === 0) return;
    for (const { topic, value } of emitted) {
      this.#outputs.push(serde.encode(topic, value, log.partitions(topic.topic)));
    }
    this.#counts.push(this.#observer.emitted(emitted));
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

/** Whether a promise is settled soon, ms. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    // In a turn of its own: what became of I/O while the thread was busy is seen first.
    timer = setTimeout(() => setImmediate(resolve, false), ms);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([settled, late]);
  clearTimeout(timer);
  return inTime;
}

/** A time mark beyond all times would make everything after it late. */
function markRefusal(mark: number): Refusal | undefined {
  if (mark >= EARLIEST_TIME && mark <= LATEST_TIME) return undefined;
  return { code: 'time-out-of-range', message: `the time mark ${mark} is outside 1970-01-01 to 2100-01-01` };
}

/** restoring: the task is taken over and its state restored. */
export type TaskPhase = 'restoring' | 'running' | 'ended';

export interface TaskStatus {
  readonly task: string;
  readonly phase: TaskPhase;
  readonly streamTime: string | null;
  /** Stream time less the lateness: older events are late. */
  readonly watermark: string | null;
  readonly processed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly deadLetters: number;
  readonly timersFired: number;
  /** Timers in memory: the soonest; where there are very many, later ones lie in the store alone. */
  readonly timersHeld: number;
  /** The next offset to process, by input topic. */
  readonly positions: Readonly<Record<string, number>>;
  /** The input topics of which a moment ago nothing more could be read; there may be offsets without a record left. */
  readonly atEnd: readonly string[];
  readonly quiet: boolean;
}
