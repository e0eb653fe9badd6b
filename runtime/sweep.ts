// Which keys a task visits because definitions changed: all that it holds, in their order, a few at a time, and on from where
// it was after a restart.
import type { Processor, Sweep } from '../processors/processor.ts';
import type { KeyedState } from '../state/keyed-state.ts';

/** Part of the task's meta. */
export interface SweepMeta {
  /** What was swept for, or is: an entry for each processor that sweeps. */
  readonly revisions: readonly string[];
  /** The last key that was visited; null: all were. */
  readonly cursor: string | null;
}

export class Sweeper {
  readonly sweeps: readonly { readonly processor: number; readonly sweep: Sweep }[];
  readonly #state: KeyedState;
  readonly #names: readonly string[];
  /** The revisions looked at last. */
  #seen: (number | undefined)[] | undefined;
  #meta: SweepMeta | undefined;
  /** What was changed before the sweep is in the store once the state has settled so far. */
  #barrier = 0;

  /** `meta`: undefined for a task that holds nothing yet, to which whatever comes is known by the definitions there are. */
  constructor(processors: readonly Processor[], state: KeyedState, meta: SweepMeta | undefined) {
    this.#state = state;
    this.#meta = meta;
    this.#names = processors.map(({ name }) => name);
    this.sweeps = processors.flatMap(({ sweep }, processor) => (sweep === undefined ? [] : [{ processor, sweep }]));
    if (meta === undefined) this.#changed();
  }

  get meta(): SweepMeta {
    return this.#meta ?? { revisions: [], cursor: null };
  }

  /** Keys are left to be visited. */
  get sweeping(): boolean {
    return this.meta.cursor !== null;
  }

  /** The next keys to visit, at most `limit`; undefined: there is nothing to do now. */
  take(limit: number): readonly string[] | undefined {
    if (this.#changed()) return [];
    const { cursor, revisions } = this.meta;
    if (cursor === null || !this.#state.isSettled(this.#barrier)) return undefined;
    const keys = this.#state.keysAfter(cursor, limit);
    this.#meta = { revisions, cursor: keys.length < limit ? null : (keys[keys.length - 1] as string) };
    // Rows within a key belong to it.
    return keys.filter((key) => !key.includes('\0'));
  }

  /** Looks whether there are new revisions; true when a sweep begins. */
  #changed(): boolean {
    const { sweeps } = this;
    const seen = this.#seen;
    let same = seen !== undefined;
    for (let i = 0; same && i < sweeps.length; i++) same = sweeps[i]?.sweep.revision() === seen?.[i];
    if (same) return false;
    this.#seen = sweeps.map(({ sweep }) => sweep.revision());
    const revisions = this.#seen.flatMap((revision, i) =>
      revision === undefined ? [] : [`${this.#names[sweeps[i]?.processor ?? 0]}:${revision}`],
    );
    const before = this.#meta;
    const isNew = before !== undefined && revisions.some((revision) => !before.revisions.includes(revision));
    if (before !== undefined && !isNew) {
      // A sweep under way goes on; what is gone needs no visit.
      this.#meta = { revisions, cursor: before.cursor };
      return false;
    }
    this.#meta = { revisions, cursor: isNew ? '' : null };
    this.#barrier = this.#state.barrier;
    return isNew;
  }
}
