// The contract of a processor, to be read first. A processor is synchronous and deterministic: it consumes a stream's record
// or a timer, reads and writes its declared cells of the record's key, sets timers and emits to declared streams. It has no
// clock, no I/O and no randomness: time is `context.time`.
import type { Stream } from '../schemas/topics.ts';
import type { Cell } from '../state/store.ts';

/** A kind of timer. Timers of one instant fire in order of `rank`. */
export interface TimerKind {
  readonly name: string;
  readonly rank: number;
  /** There is always a next one: a simulation does not wait for it. */
  readonly recurring?: true;
  /** Nobody sees what it does: a simulation that is at its end leaves it. */
  readonly unseen?: true;
  /** It fires as soon as stream time reaches its instant, before every record and timer of that instant. */
  readonly opens?: true;
}

/** The kinds of timer there are, in their order at one instant. */
export const timers = {
  /** A message is due. Its instant is the moment of sending. */
  due: { name: 'due', rank: 0 },
  /** A session may be over. A window timer: its instant is the close plus the lateness. */
  session: { name: 'session', rank: 1 },
  /** A silence may have lasted for a threshold. A window timer. */
  inactive: { name: 'inactive', rank: 2 },
  /** A silence before an event is certain. A window timer. */
  returned: { name: 'returned', rank: 3 },
  /** Something kept for idempotence may be forgotten; nobody sees when. */
  forget: { name: 'forget', rank: 4, unseen: true },
  /** What an event was the outcome of is known. A window timer. */
  outcome: { name: 'outcome', rank: 5 },
  /** Membership of a segment may change by time alone. Its instant is that of the change. */
  segment: { name: 'segment', rank: 6 },
  /** A schedule asks, once or on a date of the profile. Its instant is the occurrence. */
  occasion: { name: 'occasion', rank: 7 },
  /** A schedule that asks again and again. Its instant is the occurrence. */
  recurrence: { name: 'recurrence', rank: 8, recurring: true },
  /** The time of a profile has come that was known ahead of it. */
  profile: { name: 'profile', rank: 9, opens: true },
} as const satisfies Record<string, TimerKind>;

/** Orders timers of one instant, kind and key. */
export interface TimerOrder {
  readonly requestedAt: number;
  /** Highest first. */
  readonly priority: number;
  readonly campaignId: string;
}

export interface Timer extends TimerOrder {
  readonly kind: TimerKind;
  /** Epoch ms on stream time; it fires when stream time is strictly greater. */
  readonly at: number;
  readonly key: string;
  /** What the timer is about; free for the processor that set it. */
  readonly id: string;
}

export type Counter = 'duplicate' | 'late';

export interface Context {
  /** `tenantId/userId` or `tenantId/campaignId`. */
  readonly key: string;
  /** Epoch ms: the record's own time, or the timer's instant. */
  readonly time: number;
  /** Epoch ms: the highest time seen in the task's stream inputs, this record's included. */
  readonly streamTime: number;
  /** ms a record may come behind stream time. */
  readonly lateness: number;
  /**
   * Tells what belongs together: a record and the timers for passed instants that fire because of it are of one round, and so
   * are timers of one instant. Another record, or another stream time, begins the next.
   */
  readonly round: number;
  /** The record is older than stream time less the lateness. */
  readonly late: boolean;
  /** The cell's value for this key (or for `sub` within it), or undefined. Never change it in place. */
  get<T>(cell: Cell<T>, sub?: string): T | undefined;
  /** Replaces the cell's value; undefined deletes it. */
  set<T>(cell: Cell<T>, value: T | undefined, sub?: string): void;
  /** Hands a value to every processor that consumes the stream and, where it is a topic, to the log. */
  emit<T>(stream: Stream<T>, value: T): void;
  /**
   * Sets a timer on this key. A timer is never cancelled: one that finds nothing to do does nothing. One set for an instant
   * that has passed fires as soon as the record is done.
   */
  setTimer(kind: TimerKind, at: number, id?: string, order?: TimerOrder): void;
  /** Says what became of the input record; without a word it was processed. */
  count(counter: Counter): void;
}

export interface Handler {
  readonly stream: Stream<unknown>;
  handle(value: unknown, context: Context): void;
}

export interface TimerHandler {
  readonly kind: TimerKind;
  fire(timer: Timer, context: Context): void;
}

/** Has every key visited that the task holds when the definitions change that the processor goes by. */
export interface Sweep {
  /** Stands for those definitions, also after a restart; undefined: it goes by none. Asked for every record. */
  revision(): number | undefined;
  /**
   * Called for each key, between records, with stream time as the time (-1 before it has begun). A visit that was made before
   * must change nothing.
   */
  visit(context: Context): void;
}

export interface Processor {
  readonly name: string;
  readonly on: readonly Handler[];
  readonly timers?: readonly TimerHandler[];
  readonly emits: readonly Stream<unknown>[];
  /** Cells of other processors that it looks at. */
  readonly reads?: readonly Cell<unknown>[];
  /** Cells that it alone writes. */
  readonly writes?: readonly Cell<unknown>[];
  readonly sweep?: Sweep;
}

/** Joins a stream to what is done with its records. */
export function on<T>(stream: Stream<T>, handle: (value: T, context: Context) => void): Handler {
  return { stream, handle: handle as Handler['handle'] };
}
