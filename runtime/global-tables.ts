// Topics that every instance reads whole, from the beginning: the campaigns and the policy.
import type { Logger } from 'pino';
import type { Topic } from '../schemas/topics.ts';
import type { Log } from './log.ts';
import type { Serde } from './serde.ts';

/** What is made of a global topic's records. `apply` throws for one that it can't take. */
export interface GlobalTable<T = unknown> {
  readonly topic: Topic<T>;
  apply(value: T): void;
}

const FETCH = 1024;

export class GlobalReader {
  readonly #log: Log;
  readonly #serde: Serde;
  readonly #table: GlobalTable;
  readonly #logger: Logger;
  readonly #onFailure: (error: unknown) => void;
  readonly #positions: number[] = [];
  #reading: Promise<void> = Promise.resolve();
  #unsubscribe: (() => void) | undefined;

  /** `onFailure` is told when the topic can't be read on. */
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
        await this.#serde.learn(records);
        for (const record of records) {
          const decoded = this.#serde.decode(topic, record);
          try {
            if ('code' in decoded) throw new Error(decoded.message);
            this.#table.apply(decoded.value);
          } catch (error) {
            const why = error instanceof Error ? error.message : String(error);
            this.#logger.error({ topic: topic.name, partition, offset: record.offset }, `skipped: ${why}`);
          }
        }
        this.#positions[partition] = last.offset + 1;
      }
    }
  }
}
