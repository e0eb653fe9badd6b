// Topics that every instance reads whole, from the beginning: the campaigns and the policy.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { RegistryUnavailable } from '../schemas/confluent-registry.ts';
import type { Topic } from '../schemas/topics.ts';
import type { Log, LogRecord } from './log.ts';
import type { Serde } from './serde.ts';

/** What is made of a global topic's records. `apply` throws for one that it can't take. */
export interface GlobalTable<T = unknown> {
  readonly topic: Topic<T>;
  apply(value: T): void;
}

const FETCH = 1024;
/** Waits (ms) before the registry is asked again: the first, and the longest, as each is twice the one before. */
const FIRST_WAIT = 50;
const LONGEST_WAIT = 5000;

export class GlobalReader {
  readonly #log: Log;
  readonly #serde: Serde;
  readonly #table: GlobalTable;
  readonly #logger: Logger;
  readonly #onFailure: (error: unknown) => void;
  readonly #positions: number[] = [];
  readonly #closed = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  #unsubscribe: (() => void) | undefined;

  /** `onFailure` is told when the topic can't be read on. A registry that doesn't answer is asked until it does. */
  constructor(log: Log, serde: Serde, table: GlobalTable, logger: Logger, onFailure: (error: unknown) => void) {
    this.#log = log;
    this.#serde = serde;
    this.#table = table;
    this.#logger = logger;
    this.#onFailure = onFailure;
  }

  /** Reads all there is, then follows. */
  async open(): Promise<void> {
    const { topic } = this.#table.topic;
    for (let p = 0; p < this.#log.partitions(topic); p++) this.#positions[p] = 0;
    // Before the first read, lest what is appended meanwhile goes unnoticed.
    this.#unsubscribe = this.#log.onAppend(topic, () => void this.#readOn().catch(this.#onFailure));
    await this.#readOn();
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#closed.abort();
    await this.#reading;
  }

  /** Reads once more after what is being read. Rejects for this call alone, so that `close` needn't. */
  #readOn(): Promise<void> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async #read(): Promise<void> {
    const { topic } = this.#table;
    for (let partition = 0; partition < this.#positions.length; partition++) {
      for (;;) {
        const from = this.#positions[partition] as number;
        const records = await this.#log.read({ topic: topic.topic, partition }, from, FETCH);
        const last = records[records.length - 1];
        if (last === undefined) break;
        if (!(await this.#learned(records))) return;
        for (const record of records) {
          const decoded = this.#serde.decode(topic, record);
          try {
            if ('code' in decoded) throw new Error(decoded.message);
            this.#table.apply(decoded.value);
          } catch (error) {
            const why = error instanceof Error ? error.message : String(error);
            const mend = 'what was in force before stays so; apply it anew, with `beckon campaigns apply`';
            this.#logger.error({ topic: topic.name, partition, offset: record.offset }, `skipped: ${why}: ${mend}`);
          }
        }
        this.#positions[partition] = last.offset + 1;
      }
    }
  }

  /** Knows the schemas of the records when it resolves to true; to false when it was closed before. */
  async #learned(records: readonly LogRecord[]): Promise<boolean> {
    const { signal } = this.#closed;
    for (let wait = FIRST_WAIT; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      try {
        await this.#serde.learn(records);
        return true;
      } catch (error) {
        if (!(error instanceof RegistryUnavailable)) throw error;
        this.#logger.warn({ topic: this.#table.topic.name, wait }, `${error.message}, trying again`);
        await delay(wait, undefined, { signal }).catch(() => {});
      }
    }
    return false;
  }
}
