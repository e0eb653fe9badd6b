// A task's timers: a heap of the next ones in memory, all of them in the store in the order in which they fire.
import { compareBytes } from '../schemas/order.ts';
import type { Store, StoreChange } from './store.ts';

/** What the queue orders by: instant, rank of the kind, key, then the order within them. */
export interface QueuedTimer {
  readonly at: number;
  readonly rank: number;
  readonly key: string;
  readonly requestedAt: number;
  readonly priority: number;
  readonly campaignId: string;
  readonly id: string;
}

/** Instant, then rank, key (byte order), requestedAt, priority (highest first), campaign id, id. */
export function compareTimers(a: QueuedTimer, b: QueuedTimer): number {
  return (
    a.at - b.at ||
    a.rank - b.rank ||
    compareBytes(a.key, b.key) ||
    a.requestedAt - b.requestedAt ||
    b.priority - a.priority ||
    compareBytes(a.campaignId, b.campaignId) ||
    compareBytes(a.id, b.id)
  );
}

const PREFIX = 0x74; // 't'
const START = Buffer.from([PREFIX]);
const END = Buffer.from([PREFIX + 1]);
const ZERO = Buffer.from([0]);
/** Timers read from the store at once, and a quarter of what the heap may hold. */
const CHUNK = 16_384;

/** A set: a timer equal to one that is pending is the same timer. */
export class TimerQueue {
  readonly #store: Store | undefined;
  readonly #chunk: number;
  readonly #heap: QueuedTimer[] = [];
  /** Timers after this one are in the store, or in `#far` until they are committed; undefined: the heap holds all. */
  #horizon: QueuedTimer | undefined;
  #far: Set<QueuedTimer> = new Set();
  #added: Set<QueuedTimer> = new Set();
  #removed: QueuedTimer[] = [];
  /** Removed in the commit under way: the store may still have them. */
  #leaving: readonly QueuedTimer[] = [];

  /** Without a store the heap is all there is. `chunk` (at least 2) is how many timers one read brings into memory. */
  constructor(store?: Store, chunk = CHUNK) {
    this.#store = store;
    this.#chunk = chunk;
    if (store !== undefined) this.#load();
  }

  set(timer: QueuedTimer): void {
    if (this.#store !== undefined) this.#added.add(timer);
    if (this.#horizon !== undefined && compareTimers(timer, this.#horizon) > 0) this.#far.add(timer);
    else this.#push(timer);
  }

  /** The next timer to fire; undefined when there is none. */
  peek(): QueuedTimer | undefined {
    while (this.#heap.length === 0 && this.#horizon !== undefined) this.#load();
    return this.#heap[0];
  }

  /** Removes the next timer. */
  pop(): QueuedTimer | undefined {
    const first = this.peek();
    if (first === undefined) return undefined;
    // The heap may hold a timer as often as it was set; the store has it once.
    for (let same: QueuedTimer | undefined = first; same !== undefined; same = this.#heap[0]) {
      if (same !== first && compareTimers(same, first) !== 0) break;
      this.#dropFirst();
      if (this.#store !== undefined && !this.#added.delete(same)) this.#removed.push(same);
    }
    return first;
  }

  /** Timers held in memory. */
  get held(): number {
    return this.#heap.length + this.#far.size;
  }

  /**
   * What changed since the last call, for one write; call `committed` with the token once it is in the store, and before the
   * next call.
   */
  takeChanges(): { readonly changes: StoreChange[]; readonly token: ReadonlySet<QueuedTimer> } {
    const changes: StoreChange[] = [];
    for (const timer of this.#removed) changes.push({ key: encodeTimer(timer) });
    for (const timer of this.#added) changes.push({ key: encodeTimer(timer), value: EMPTY });
    const token = this.#added;
    this.#added = new Set();
    this.#leaving = this.#removed;
    this.#removed = [];
    return { changes, token };
  }

  committed(token: ReadonlySet<QueuedTimer>): void {
    for (const timer of token) this.#far.delete(timer);
    this.#leaving = [];
    if (this.#heap.length > 4 * this.#chunk) this.#spill();
  }

  /** Leaves the later timers to the store. Those not yet committed stay in memory. */
  #spill(): void {
    if (this.#store === undefined) return;
    this.#heap.sort(compareTimers);
    this.#horizon = this.#heap[this.#chunk - 1] as QueuedTimer;
    let kept = this.#chunk;
    while (kept < this.#heap.length && compareTimers(this.#heap[kept] as QueuedTimer, this.#horizon) === 0) kept++;
    for (const timer of this.#heap.splice(kept)) if (this.#added.has(timer)) this.#far.add(timer);
  }

  /** Reads on from the horizon. */
  #load(): void {
    const horizon = this.#horizon;
    const from = horizon === undefined ? START : Buffer.concat([encodeTimer(horizon), ZERO]);
    const found = (this.#store as Store).scan(from, END, this.#chunk).map(([key]) => decodeTimer(key));
    this.#horizon = found.length === this.#chunk ? found[this.#chunk - 1] : undefined;
    // A timer set for an instant long passed may have fired from beyond a horizon that a spill moved back.
    const gone = new Set<string>();
    if (horizon !== undefined) {
      for (const timer of [...this.#leaving, ...this.#removed]) {
        if (compareTimers(timer, horizon) > 0) gone.add(encodeTimer(timer).toString('latin1'));
      }
    }
    for (const timer of found) {
      if (gone.size === 0 || !gone.has(encodeTimer(timer).toString('latin1'))) this.#push(timer);
    }
    for (const timer of this.#far) {
      if (this.#horizon === undefined || compareTimers(timer, this.#horizon) <= 0) {
        this.#far.delete(timer);
        this.#push(timer);
      }
    }
  }

  #push(timer: QueuedTimer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const up = (at - 1) >> 2;
      const parent = heap[up] as QueuedTimer;
      if (compareTimers(parent, timer) <= 0) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = timer;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as QueuedTimer;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      const first = 4 * at + 1;
      if (first >= size) break;
      let least = first;
      const end = Math.min(first + 4, size);
      for (let i = first + 1; i < end; i++) {
        if (compareTimers(heap[i] as QueuedTimer, heap[least] as QueuedTimer) < 0) least = i;
      }
      const child = heap[least] as QueuedTimer;
      if (compareTimers(last, child) <= 0) break;
      heap[at] = child;
      at = least;
    }
    heap[at] = last;
  }
}

const EMPTY = Buffer.alloc(0);

/** Bytes whose order is the order of `compareTimers`. */
export function encodeTimer(timer: QueuedTimer): Buffer {
  const numbers = Buffer.alloc(10);
  numbers[0] = PREFIX;
  numbers.writeBigUInt64BE(BigInt(timer.at), 1);
  numbers[9] = timer.rank;
  const order = Buffer.alloc(9);
  order.writeBigUInt64BE(BigInt(timer.requestedAt), 0);
  order[8] = 255 - timer.priority;
  return Buffer.concat([numbers, text(timer.key), order, text(timer.campaignId), text(timer.id)]);
}

function decodeTimer(bytes: Buffer): QueuedTimer {
  const at = Number(bytes.readBigUInt64BE(1));
  const rank = bytes.readUInt8(9);
  const [key, afterKey] = readText(bytes, 10);
  const requestedAt = Number(bytes.readBigUInt64BE(afterKey));
  const priority = 255 - bytes.readUInt8(afterKey + 8);
  const [campaignId, afterCampaign] = readText(bytes, afterKey + 9);
  const [id] = readText(bytes, afterCampaign);
  return { at, rank, key, requestedAt, priority, campaignId, id };
}

/** A string's bytes, ended by 00 00; a zero byte within is written 00 ff, so that order is kept. */
function text(value: string): Buffer {
  const escaped = value.includes('\0')
    ? Buffer.from(value.replaceAll('\0', '\0\u00ff'), 'utf8')
    : Buffer.from(value, 'utf8');
  return Buffer.concat([escaped, TERMINATOR]);
}
const TERMINATOR = Buffer.from([0, 0]);

function readText(bytes: Buffer, start: number): [string, number] {
  let at = start;
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) at += bytes[at] === 0 ? 2 : 1;
  return [bytes.toString('utf8', start, at).replaceAll('\0\u00ff', '\0'), at + 2];
}
