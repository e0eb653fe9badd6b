// A heap of timers for each rank. The few timers of sessions about to end don't have to find their way past the many of users
// who may be silent for days; and instants lie in a list of their own, so that most comparisons touch no timer.
import { compareTimers, type QueuedTimer } from './timer-order.ts';

/** Children of a node. Four instead of two: fewer levels, and siblings lie side by side. */
const ARITY = 4;

export class TimerHeap {
  readonly #ranks: RankHeap[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(timer: QueuedTimer): void {
    this.#size++;
    let heap = this.#ranks[timer.rank];
    if (heap === undefined) {
      for (let rank = this.#ranks.length; rank <= timer.rank; rank++) this.#ranks.push(new RankHeap());
      heap = this.#ranks[timer.rank] as RankHeap;
    }
    heap.push(timer);
  }

  /** The first timer in the order of `compareTimers`. */
  peek(): QueuedTimer | undefined {
    return this.#first()?.timers[0];
  }

  /** Whether there is a timer with an instant before `to`. Touches no timer. */
  hasBefore(to: number): boolean {
    for (const { instants } of this.#ranks) if (instants.length > 0 && (instants[0] as number) < to) return true;
    return false;
  }

  dropFirst(): void {
    const heap = this.#first();
    if (heap === undefined) return;
    this.#size--;
    heap.dropFirst();
  }

  /** Keys of timers with an instant before `to`, in no order, a key as often as it has timers; at most `limit`. */
  keysBefore(to: number, limit: number): string[] {
    const keys: string[] = [];
    for (const heap of this.#ranks) heap.addKeysBefore(to, limit, keys);
    return keys;
  }

  /** Takes all timers out, in no order. */
  clear(): QueuedTimer[] {
    const all = this.#ranks.flatMap((heap) => heap.timers);
    this.#ranks.length = 0;
    this.#size = 0;
    return all;
  }

  /** Takes out all timers of a rank. */
  dropRank(rank: number): void {
    const heap = this.#ranks[rank];
    if (heap === undefined) return;
    this.#size -= heap.timers.length;
    this.#ranks[rank] = new RankHeap();
  }

  #first(): RankHeap | undefined {
    let first: RankHeap | undefined;
    let instant = Number.POSITIVE_INFINITY;
    // At one instant the lower rank goes first, which is the one that is met first here.
    for (const heap of this.#ranks) {
      const at = heap.instants[0];
      if (at !== undefined && at < instant) {
        instant = at;
        first = heap;
      }
    }
    return first;
  }
}

/** Timers of one rank. */
class RankHeap {
  readonly timers: QueuedTimer[] = [];
  readonly instants: number[] = [];

  push(timer: QueuedTimer): void {
    const { timers, instants } = this;
    const { at: instant } = timer;
    let at = timers.length;
    timers.push(timer);
    instants.push(instant);
    while (at > 0) {
      const up = Math.floor((at - 1) / ARITY);
      const above = instants[up] as number;
      if (above < instant || (above === instant && compareTimers(timers[up] as QueuedTimer, timer) <= 0)) break;
      timers[at] = timers[up] as QueuedTimer;
      instants[at] = above;
      at = up;
    }
    timers[at] = timer;
    instants[at] = instant;
  }

  dropFirst(): void {
    const { timers, instants } = this;
    const last = timers.pop() as QueuedTimer;
    const instant = instants.pop() as number;
    const size = timers.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      const first = ARITY * at + 1;
      if (first >= size) break;
      let least = first;
      const end = Math.min(first + ARITY, size);
      for (let i = first + 1; i < end; i++) if (this.#precedes(i, least)) least = i;
      const below = instants[least] as number;
      if (instant < below || (instant === below && compareTimers(last, timers[least] as QueuedTimer) <= 0)) break;
      timers[at] = timers[least] as QueuedTimer;
      instants[at] = below;
      at = least;
    }
    timers[at] = last;
    instants[at] = instant;
  }

  /** Below a timer that is not before `to` there is none that is. */
  addKeysBefore(to: number, limit: number, keys: string[]): void {
    const open = [0];
    for (let at = open.pop(); at !== undefined && keys.length < limit; at = open.pop()) {
      if ((this.instants[at] ?? Number.POSITIVE_INFINITY) >= to) continue;
      keys.push((this.timers[at] as QueuedTimer).key);
      for (let below = ARITY * at + 1; below <= ARITY * at + ARITY; below++) open.push(below);
    }
  }

  #precedes(a: number, b: number): boolean {
    const difference = (this.instants[a] as number) - (this.instants[b] as number);
    if (difference !== 0) return difference < 0;
    return compareTimers(this.timers[a] as QueuedTimer, this.timers[b] as QueuedTimer) < 0;
  }
}
