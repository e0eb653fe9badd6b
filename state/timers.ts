// A task's timers: a heap of the next ones in memory, all of them in the store in the order in which they fire.
import { ByteWriter } from '../schemas/byte-writer.ts';
import type { Store, StoreChange } from './store.ts';
import { TimerHeap } from './timer-heap.ts';
import { compareTimers, decodeTimer, encodeTimer, type QueuedTimer, TIMER_PREFIX } from './timer-order.ts';

const START = Buffer.from([TIMER_PREFIX]);
const END = Buffer.from([TIMER_PREFIX + 1]);
const ZERO = Buffer.from([0]);
/** Timers read from the store at once, and a quarter of what the heap may hold. */
const CHUNK = 16_384;
const EMPTY = Buffer.alloc(0);

/** A set: a timer equal to one that is pending is the same timer. */
export class TimerQueue {
  readonly #store: Store | undefined;
  readonly #chunk: number;
  readonly #heap = new TimerHeap();
  readonly #writer: ByteWriter | undefined;
  /** Timers after this one are in the store, or in `#far` until they are committed; undefined: the heap holds all. */
  #horizon: QueuedTimer | undefined;
  #far: Set<QueuedTimer> = new Set();
  #added: Set<QueuedTimer> = new Set();
  #removed: QueuedTimer[] = [];
  /** Of those in memory, timers that neither recur nor follow from one that does. */
  #passing = 0;
  /** Removed in the commit under way: the store may still have them. */
  #leaving: readonly QueuedTimer[] = [];

  /** Without a store the heap is all there is. `chunk` (at least 2) is how many timers one read brings into memory. */
  constructor(store?: Store, chunk = CHUNK) {
    this.#store = store;
    this.#writer = store === undefined ? undefined : new ByteWriter();
    this.#chunk = chunk;
    if (store !== undefined) this.#load();
  }

  set(timer: QueuedTimer): void {
    if (this.#store !== undefined) this.#added.add(timer);
    else if (!timer.recurs) this.#passing++;
    if (this.#horizon !== undefined && compareTimers(timer, this.#horizon) > 0) this.#far.add(timer);
    else this.#heap.push(timer);
  }

  /** The next timer to fire; undefined when there is none. */
  peek(): QueuedTimer | undefined {
    while (this.#heap.size === 0 && this.#horizon !== undefined) this.#load();
    return this.#heap.peek();
  }

  /** Whether a timer fires before `to`. */
  hasBefore(to: number): boolean {
    if (this.#heap.size === 0 && this.#horizon !== undefined) this.peek();
    return this.#heap.hasBefore(to);
  }

  /** Removes the next timer. */
  pop(): QueuedTimer | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    // The heap may hold a timer as often as it was set; the store has it once.
    for (let same: QueuedTimer | undefined = first; same !== undefined; same = this.#heap.peek()) {
      if (same !== first && compareTimers(same, first) !== 0) break;
      this.#heap.dropFirst();
      if (this.#store === undefined) {
        if (!same.recurs) this.#passing--;
      } else if (!this.#added.delete(same)) this.#removed.push(same);
      // Instants are whole: a later one is at least one more.
      if (!this.#heap.hasBefore(first.at + 1)) break;
    }
    return first;
  }

  /** Whether a timer is left that neither recurs nor follows from one that does. Without a store alone. */
  get hasPassing(): boolean {
    return this.#passing > 0;
  }

  /** Forgets the timers of a rank, all of which recur. Without a store alone. */
  dropRank(rank: number): void {
    this.#heap.dropRank(rank);
  }

  /** Keys of timers that fire before `to`, in no order: of those in memory, at most `limit`. */
  keysBefore(to: number, limit: number): readonly string[] {
    return this.#heap.keysBefore(to, limit);
  }

  /** Timers held in memory. */
  get held(): number {
    return this.#heap.size + this.#far.size;
  }

  /**
   * What changed since the last call, for one write; call `committed` with the token once it is in the store, and before the
   * next call.
   */
  takeChanges(): { readonly changes: StoreChange[]; readonly token: ReadonlySet<QueuedTimer> } {
    const changes: StoreChange[] = [];
    for (const timer of this.#removed) changes.push({ key: this.#encode(timer) });
    for (const timer of this.#added) changes.push({ key: this.#encode(timer), value: EMPTY });
    const token = this.#added;
    this.#added = new Set();
    this.#leaving = this.#removed;
    this.#removed = [];
    return { changes, token };
  }

  committed(token: ReadonlySet<QueuedTimer>): void {
    for (const timer of token) this.#far.delete(timer);
    this.#leaving = [];
    if (this.#heap.size > 4 * this.#chunk) this.#spill();
  }

  #encode(timer: QueuedTimer): Buffer {
    return encodeTimer(timer, this.#writer as ByteWriter);
  }

  /** Leaves the later timers to the store. Those not yet committed stay in memory. */
  #spill(): void {
    if (this.#store === undefined) return;
    const all = this.#heap.clear().sort(compareTimers);
    this.#horizon = all[this.#chunk - 1] as QueuedTimer;
    all.forEach((timer, i) => {
      if (i < this.#chunk || compareTimers(timer, this.#horizon as QueuedTimer) === 0) this.#heap.push(timer);
      else if (this.#added.has(timer)) this.#far.add(timer);
    });
  }

  /** Reads on from the horizon. */
  #load(): void {
    const horizon = this.#horizon;
    const from = horizon === undefined ? START : Buffer.concat([this.#encode(horizon), ZERO]);
    const found = (this.#store as Store).scan(from, END, this.#chunk).map(([key]) => decodeTimer(key));
    this.#horizon = found.length === this.#chunk ? found[this.#chunk - 1] : undefined;
    // A timer set for an instant long passed may have fired from beyond a horizon that a spill moved back.
    const gone = new Set<string>();
    if (horizon !== undefined) {
      for (const timer of [...this.#leaving, ...this.#removed]) {
        if (compareTimers(timer, horizon) > 0) gone.add(this.#encode(timer).toString('latin1'));
      }
    }
    for (const timer of found) {
      if (gone.size === 0 || !gone.has(this.#encode(timer).toString('latin1'))) this.#heap.push(timer);
    }
    for (const timer of this.#far) {
      if (this.#horizon === undefined || compareTimers(timer, this.#horizon) <= 0) {
        this.#far.delete(timer);
        this.#heap.push(timer);
      }
    }
  }
}
