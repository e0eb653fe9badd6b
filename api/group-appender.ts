// Appends what many requests publish in few steps: what comes while an append is under way goes with the next one. On a cluster an
// append takes a few ms, and they go one after the other.
import type { Log, NewRecord } from '../runtime/log.ts';

interface Pending {
  readonly records: readonly NewRecord[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The records may be on the log or not. Whoever sends them again under the same ids does no harm. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

export class GroupAppender {
  readonly #log: Pick<Log, 'append'>;
  #pending: Pending[] = [];
  #appending = false;

  constructor(log: Pick<Log, 'append'>) {
    this.#log = log;
  }

  /** Resolves once the records are durable, each call's in their order. Rejects with `LogUnavailable`. */
  append(records: readonly NewRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ records, resolve, reject });
      if (!this.#appending) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#appending = true;
    while (this.#pending.length > 0) {
      const taken = this.#pending;
      this.#pending = [];
      try {
        await this.#log.append(taken.flatMap(({ records }) => records));
        for (const { resolve } of taken) resolve();
      } catch (error) {
        const failure = new LogUnavailable((error as Error).message, { cause: error });
        for (const { reject } of taken) reject(failure);
      }
    }
    this.#appending = false;
  }
}
