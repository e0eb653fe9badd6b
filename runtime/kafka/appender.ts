// Appends outside any task, by one idempotent producer: a send that is repeated is not doubled.
import type { NewRecord } from '../log.ts';
import type { KafkaClient } from './client.ts';
import type { Fetcher } from './fetcher.ts';
import { RecordProducer } from './producer.ts';
import { refusal } from './refusals.ts';
import { inSends, offsetsOf } from './sends.ts';

export class Appender {
  readonly #client: KafkaClient;
  readonly #fetcher: Fetcher;
  #producer: RecordProducer | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: KafkaClient, fetcher: Fetcher) {
    this.#client = client;
    this.#fetcher = fetcher;
  }

  async connect(): Promise<void> {
    await this.#connected();
  }

  /** One call after the other: sends must arrive in the order in which they were numbered. */
  append(records: readonly NewRecord[]): Promise<readonly number[]> {
    const appending = this.#last.then(() => this.#append(records));
    this.#last = appending.catch(() => {});
    return appending;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#producer?.close();
  }

  async #append(records: readonly NewRecord[]): Promise<readonly number[]> {
    const all: number[] = [];
    for (const send of inSends(records)) {
      const producer = await this.#connected();
      const begun = performance.now();
      const offsets = offsetsOf(
        send,
        await producer.send(send.batches).catch((error: unknown) => {
          // Whether the broker has it is unknown, and so is the number it expects next: a new producer starts anew.
          this.#producer = undefined;
          producer.close().catch(() => {});
          const topics = [...new Set(send.records.map(({ topic }) => topic))];
          throw refusal(error, 'the cluster refuses to append', { records: send.records, topics }) ?? error;
        }),
      );
      const took = performance.now() - begun;
      for (const [i, { topic, partition }] of send.records.entries()) {
        const offset = offsets[i] as number;
        all.push(offset);
        this.#fetcher.note({ topic, partition }, offset + 1, took);
      }
      this.#fetcher.call(new Set(send.records.map(({ topic }) => topic)));
    }
    return all;
  }

  async #connected(): Promise<RecordProducer> {
    this.#producer ??= await RecordProducer.open(this.#client);
    return this.#producer;
  }
}
