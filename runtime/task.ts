// A task: one topology on one partition. It runs the processors over records and timers, synchronously, on the task's own
// time, and gathers what is to be committed. It knows neither log nor clock.
import type { Context, Counter, TimerKind, TimerOrder } from '../processors/processor.ts';
import { formatDuration } from '../schemas/durations.ts';
import { isoTime } from '../schemas/iso-time.ts';
import type { Stream, Topic } from '../schemas/topics.ts';
import { KeyedState, StateUnreadable } from '../state/keyed-state.ts';
import type { Row } from '../state/row.ts';
import type { Cell, Store, StoreChange } from '../state/store.ts';
import type { QueuedTimer } from '../state/timer-order.ts';
import { TimerQueue } from '../state/timers.ts';
import type { InputRole, Topology } from '../topologies/graph.ts';
import { Router } from './router.ts';
import { Sweeper, type SweepMeta } from './sweep.ts';

/** Times before and at or after which no record is taken. */
export const EARLIEST_TIME = 0;
export const LATEST_TIME = Date.UTC(2100, 0, 1);
/** ms a record may be ahead of the wall clock, live. */
export const MAX_AHEAD = 10 * 60_000;

export interface Output {
  readonly topic: Topic<unknown>;
  readonly value: unknown;
}

export interface Counts {
  processed: number;
  late: number;
  duplicate: number;
}

export interface TaskOptions {
  readonly topology: Topology;
  /** ms; window timers wait for it, records behind it are late. */
  readonly lateness: number;
  /** ms a record may jump beyond stream time, where time follows the records; undefined: any jump. */
  readonly maxJump?: number;
  readonly store?: Store;
  readonly hotRows?: number;
  /** Bytes of rows at hand; absent: as `KeyedState` has it. */
  readonly hotBytes?: number;
}

/** What became of an input record. */
export type Fate = 'processed' | 'late' | 'duplicate' | Refusal;

/** Why a record can't be taken; it goes to the dead letters. */
export interface Refusal {
  readonly code: 'time-out-of-range' | 'time-ahead' | 'time-jump' | 'processing-failed';
  readonly message: string;
}

const META = Buffer.from('m/task');
const NO_ORDER: TimerOrder = { requestedAt: 0, priority: 0, campaignId: '' };

export class Task implements Context {
  readonly topology: Topology;
  readonly lateness: number;
  readonly counts: Counts = { processed: 0, late: 0, duplicate: 0 };
  /** What was emitted to topics since the last `takeOutputs`. */
  outputs: Output[] = [];
  /** Timers whose processor threw, since somebody last emptied this: dead letters without a record. */
  readonly failures: { readonly key: string; readonly at: number; readonly refusal: Refusal }[] = [];
  /** Epoch ms; -1 before the first stream record. */
  streamTime = -1;
  round = 0;
  key = '';
  time = 0;
  late = false;
  /** What is set now follows from a timer that recurs; where several tasks are one pipeline, from one of any of them. */
  recurs = false;

  readonly #router: Router;
  readonly #state: KeyedState;
  readonly #timers: TimerQueue;
  readonly #sweeper: Sweeper;
  readonly #roles = new Map<Topic<unknown>, InputRole>();
  readonly #maxJump: number;
  #lastTopic: Topic<unknown> | undefined;
  #lastRole: InputRole | undefined;
  #row: Row | undefined;
  /** The row within the key that was asked for last. */
  #sub = '';
  #subRow: Row | undefined;
  #pending: QueuedTimer[] = [];
  #counter: Counter | undefined;
  #fired = 0;

  constructor({ topology, lateness, maxJump, store, hotRows, hotBytes }: TaskOptions) {
    this.topology = topology;
    this.lateness = lateness;
    this.#maxJump = maxJump ?? Number.POSITIVE_INFINITY;
    this.#router = new Router(topology);
    this.#state = new KeyedState({
      cells: this.#router.cells,
      ...(store === undefined ? {} : { store }),
      ...(hotRows === undefined ? {} : { hotRows }),
      ...(hotBytes === undefined ? {} : { hotBytes }),
    });
    this.#state.checkSchemas();
    this.#timers = new TimerQueue(store);
    for (const { topic, role } of topology.inputs) this.#roles.set(topic, role);
    const meta = store?.get(META);
    const restored = meta === undefined ? undefined : (JSON.parse(meta.toString('utf8')) as TaskMeta);
    if (restored !== undefined) this.#restore(restored);
    // Before there were sweeps, nothing was swept.
    const swept = restored === undefined ? undefined : (restored.sweep ?? { revisions: [], cursor: null });
    this.#sweeper = new Sweeper(topology.processors, this.#state, swept);
  }

  /** Timers fired so far. */
  get fired(): number {
    return this.#fired;
  }

  /** Why the record can't be taken, or undefined. `wall` (epoch ms) is given live, where nothing may be far ahead of it. */
  refuse(topic: Topic<unknown>, value: unknown, wall?: number): Refusal | undefined {
    const role = this.#roleOf(topic);
    if ((role === 'internal' || role === 'clocked') && topic.fromOutside !== true) return undefined;
    const time = topic.timeOf(value);
    if (!(time >= EARLIEST_TIME && time < LATEST_TIME)) {
      return { code: 'time-out-of-range', message: `${topic.name} time ${time} is outside 1970-01-01 to 2100-01-01` };
    }
    if (wall !== undefined) {
      if (time <= wall + MAX_AHEAD || topic.countsAtOnce?.(value) === true) return undefined;
      return {
        code: 'time-ahead',
        message: `${topic.name} time ${isoTime(time)} is more than ${formatDuration(MAX_AHEAD)} ahead of the clock`,
      };
    }
    // A table's record moves no time.
    if (role !== 'stream' || this.streamTime < 0 || time <= this.streamTime + this.#maxJump) return undefined;
    const highest = isoTime(this.streamTime);
    return {
      code: 'time-jump',
      message: `${topic.name} time ${isoTime(time)} is further than the policy's maxJump beyond the highest so far, ${highest}`,
    };
  }

  /** Stream time once the record is taken. `wall`: live, stream time is never ahead of it. */
  timeAfter(topic: Topic<unknown>, value: unknown, wall = Number.POSITIVE_INFINITY): number {
    const role = this.#roleOf(topic);
    if (role !== 'stream' && role !== 'clocked') return this.streamTime;
    return Math.max(this.streamTime, Math.min(topic.timeOf(value), wall));
  }

  /** Lets time begin; timers set before are passed ones then. Nothing where it has begun. */
  begin(time: number): void {
    if (this.streamTime < 0) this.streamTime = time;
  }

  /** Whether a timer is left that neither recurs nor follows from one that does; for a task without a store. */
  get hasPassingTimers(): boolean {
    return this.streamTime >= 0 && this.#timers.hasPassing;
  }

  /** Forgets the timers that recur, and those whose work nobody sees; for a task without a store. */
  dropRecurring(): void {
    for (const { timers = [] } of this.topology.processors) {
      for (const { kind } of timers) if (kind.recurring || kind.unseen) this.#timers.dropRank(kind.rank);
    }
  }

  /** The next timer, or undefined. */
  peek(): QueuedTimer | undefined {
    return this.#timers.peek();
  }

  /** Whether a timer has an instant before `to`. */
  hasTimerBefore(to: number): boolean {
    return this.#timers.hasBefore(to);
  }

  /**
   * Fires the timers with an instant before `to`, in order, at most `limit` of them. Returns true when none is left; stream
   * time is `to` then, and no more than the last instant before.
   */
  advance(to: number, limit = Number.POSITIVE_INFINITY): boolean {
    this.begin(to);
    for (let n = 0; this.#timers.hasBefore(to); n++) {
      if (n >= limit) return false;
      this.fireNext();
    }
    this.#move(to);
    return true;
  }

  /** Fires the next timer. */
  fireNext(): void {
    const timer = this.#timers.pop();
    if (timer === undefined) return;
    this.#fired++;
    const handler = this.#router.fire(timer.rank);
    const at = handler?.kind.opens === true ? timer.at + 1 : timer.at;
    this.#move(at);
    if (handler === undefined) return;
    this.#enter(timer.key, at, false);
    this.#row = timer.row;
    this.recurs = timer.recurs;
    const outputs = this.outputs.length;
    try {
      const { key, id, requestedAt, priority, campaignId } = timer;
      handler.fire({ kind: handler.kind, at, key, id, requestedAt, priority, campaignId }, this);
    } catch (error) {
      this.failures.push({ key: timer.key, at, refusal: this.#undo(error, outputs) });
      return;
    }
    this.#leave();
  }

  /**
   * Runs the processors on an input record whose stream time was advanced to. A processor that throws leaves nothing behind:
   * the refusal says so. `key` is the record's key, where it is at hand. Throws `StateUnreadable`.
   */
  process(topic: Topic<unknown>, value: unknown, key?: string): Fate {
    const time = topic.timeOf(value);
    const isStream = this.#roleOf(topic) === 'stream';
    const row = key === undefined ? this.#state.rowOf(topic.tenantOf(value), topic.idOf(value)) : this.#state.row(key);
    this.round++;
    this.#enter(row.key, time, isStream && time < this.streamTime - this.lateness);
    this.#row = row;
    const outputs = this.outputs.length;
    try {
      this.#router.deliver(topic, value, this);
    } catch (error) {
      return this.#undo(error, outputs);
    }
    const fate = this.#counter ?? 'processed';
    if (isStream) this.counts[fate]++;
    this.#leave();
    return fate;
  }

  /** Visits keys where definitions changed, at most `limit`; false when there was nothing to do. */
  sweep(limit = Number.POSITIVE_INFINITY): boolean {
    if (this.#sweeper.sweeps.length === 0) return false;
    const keys = this.#sweeper.take(limit);
    if (keys === undefined) return false;
    this.#state.prefetch(keys);
    this.recurs = false;
    for (const key of keys) this.#visit(key);
    return true;
  }

  /** Keys are left to be visited. */
  get sweeping(): boolean {
    return this.#sweeper.sweeping;
  }

  #visit(key: string): void {
    this.round++;
    this.#enter(key, this.streamTime, false);
    const outputs = this.outputs.length;
    try {
      for (const { processor, sweep } of this.#sweeper.sweeps) {
        this.#router.visit(processor);
        sweep.visit(this);
      }
    } catch (error) {
      this.failures.push({ key, at: this.streamTime, refusal: this.#undo(error, outputs) });
      return;
    }
    this.#leave();
  }

  /**
   * Reads the state of the keys at once, before their records are processed, and that of at most `timers` keys whose timers
   * fire before `to`.
   */
  prefetch(keys: readonly string[], to = 0, timers = 0): void {
    this.#state.prefetch(timers === 0 ? keys : [...keys, ...this.#timers.keysBefore(to, timers)]);
  }

  /** What a commit must hold of the state; call `committed` with the token once it is durable. */
  takeChanges(): { readonly changes: StoreChange[]; readonly token: TaskToken } {
    const rows = this.#state.takeChanges();
    const timers = this.#timers.takeChanges();
    const { streamTime, round } = this;
    const meta: TaskMeta = { streamTime, round, counts: { ...this.counts }, sweep: this.#sweeper.meta };
    const changes = [...rows.changes, ...timers.changes, { key: META, value: Buffer.from(JSON.stringify(meta)) }];
    return { changes, token: { rows: rows.token, timers: timers.token } };
  }

  committed(token: TaskToken): void {
    this.#state.committed(token.rows);
    this.#timers.committed(token.timers);
  }

  /** Outputs since the last call. */
  takeOutputs(): Output[] {
    const outputs = this.outputs;
    this.outputs = [];
    return outputs;
  }

  /** A cell's value of any key, for tests and inspection. */
  inspect<T>(key: string, cell: Cell<T>, sub?: string): T | undefined {
    return this.#state.get(this.#state.rowWithin(this.#state.row(key), sub), cell);
  }

  /** Sets a cell's value of any key, for tests. */
  seed<T>(key: string, cell: Cell<T>, value: T | undefined, sub?: string): void {
    this.#state.set(this.#state.rowWithin(this.#state.row(key), sub), cell, value);
    this.#state.savepoint();
  }

  get heldRows(): number {
    return this.#state.held;
  }

  get heldTimers(): number {
    return this.#timers.held;
  }

  // What follows is the processors' context.

  get<T>(cell: Cell<T>, sub?: string): T | undefined {
    this.#router.checkRead(cell);
    return this.#state.get(this.#rowOf(sub), cell);
  }

  set<T>(cell: Cell<T>, value: T | undefined, sub?: string): void {
    this.#router.checkWrite(cell);
    this.#state.set(this.#rowOf(sub), cell, value);
  }

  emit<T>(stream: Stream<T>, value: T): void {
    const topic = this.#router.emit(stream, value, this);
    if (topic !== undefined) this.outputs.push({ topic, value });
  }

  setTimer(kind: TimerKind, at: number, id = '', order: TimerOrder = NO_ORDER): void {
    const { requestedAt, priority, campaignId } = order;
    const { rank, opens } = kind;
    // The last timer of the millisecond before fires when stream time is past that: before anything of this one.
    const instant = opens === true ? at - 1 : at;
    if (!(isInstant(instant) && isInstant(requestedAt) && priority >= 0 && priority <= 255)) {
      throw new Error(
        `timer ${kind.name} at ${at} (${requestedAt}, ${priority}) can't be kept: give whole ms since 1970, priority 0 to 255`,
      );
    }
    const row = this.#state.keepsRows ? this.#rowOf(undefined) : undefined;
    // What nobody sees is waited for no more than what recurs.
    const recurs = this.recurs || kind.recurring === true || kind.unseen === true;
    this.#pending.push({ at: instant, rank, key: this.key, requestedAt, priority, campaignId, id, recurs, row });
  }

  count(counter: Counter): void {
    this.#counter = counter;
  }

  /** Asked several times a record, and many records of one topic come in a row. */
  #roleOf(topic: Topic<unknown>): InputRole | undefined {
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic;
      this.#lastRole = this.#roles.get(topic);
    }
    return this.#lastRole;
  }

  /** Leaves nothing of a processor that threw. Damaged state is not the record's fault: it is thrown on. */
  #undo(error: unknown, outputs: number): Refusal {
    this.#state.rollback();
    this.#pending.length = 0;
    this.outputs.length = outputs;
    if (error instanceof StateUnreadable) throw error;
    return { code: 'processing-failed', message: error instanceof Error ? error.message : String(error) };
  }

  #move(to: number): void {
    if (to <= this.streamTime) return;
    this.streamTime = to;
    this.round++;
  }

  #enter(key: string, time: number, late: boolean): void {
    this.key = key;
    this.time = time;
    this.late = late;
    this.#row = undefined;
    this.#subRow = undefined;
    this.#counter = undefined;
  }

  #leave(): void {
    if (this.#pending.length > 0) {
      for (const timer of this.#pending) this.#timers.set(timer);
      this.#pending.length = 0;
    }
    this.#state.savepoint();
  }

  #rowOf(sub: string | undefined): Row {
    if (sub !== undefined) {
      if (this.#subRow === undefined || sub !== this.#sub) {
        this.#sub = sub;
        this.#subRow = this.#state.rowWithin(this.#rowOf(undefined), sub);
      }
      return this.#subRow;
    }
    this.#row ??= this.#state.row(this.key);
    return this.#row;
  }

  #restore({ streamTime, round = 0, counts }: TaskMeta): void {
    this.streamTime = streamTime;
    this.round = round;
    Object.assign(this.counts, counts);
  }
}

interface TaskMeta {
  readonly streamTime: number;
  /** Absent in what an older version wrote. */
  readonly round?: number;
  readonly counts: Counts;
  /** Absent in what an older version wrote. */
  readonly sweep?: SweepMeta;
}

export interface TaskToken {
  readonly rows: number;
  readonly timers: ReadonlySet<QueuedTimer>;
}

function isInstant(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms >= 0;
}
