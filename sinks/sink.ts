// The contract of a sink: where records leave. Sinks are asynchronous, run outside every processing transaction, and read
// committed records only. The runtime hands a sink stable batches and keeps, durably, what the sink must remember.
import type { Stream, Topic } from '../schemas/topics.ts';

/** A committed record of a topic. */
export interface SinkRecord<T = unknown> {
  readonly key: string;
  readonly value: T;
  readonly partition: number;
  readonly offset: number;
}

/**
 * A run of records of one topic partition. Its boundaries are recorded before the first `write` and are the same on every
 * retry, after a crash too, so `id` (topic, partition, first and last offset) can serve as a deduplication token.
 */
export interface SinkBatch<T = unknown> {
  readonly id: string;
  readonly topic: Topic<T>;
  readonly partition: number;
  readonly records: readonly SinkRecord<T>[];
}

/** Durable notes of one sink and one topic partition, e.g. delivery intents. A note is durable when `put` resolves. */
export interface SinkNotes {
  get(key: string): Promise<string | undefined>;
  put(key: string, note: string): Promise<void>;
}

export interface SinkContext {
  /** Records to publish, written in one step with the batch's offset: at least once, so ids must be deterministic. */
  emit<T>(stream: Topic<T>, value: T): void;
  readonly notes: SinkNotes;
  /** Epoch ms: the wall clock live, the given event time where the instance follows event time. */
  now(eventTime: number): number;
  /** Aborts when the worker shuts down. */
  readonly signal: AbortSignal;
  /** The batch was begun before, perhaps by another instance, and nobody knows how far that came. */
  readonly resumed?: boolean;
}

export interface Sink {
  readonly name: string;
  readonly consumes: readonly Stream<unknown>[];
  /** The most records the sink wants in one batch. */
  readonly maxBatch: number;
  /** ms to wait for more records after a batch, so that the next is not small; default 0. */
  readonly lingerMs?: number;
  /** Prepares the outside (connections, migrations). Throws `SinkUnavailable` to be called again with back-off. */
  open(): Promise<void>;
  /**
   * Writes a batch; when it resolves, all of it is durable outside. Throws `SinkUnavailable` to be called again with the
   * same batch, `RecordRefused` to send one record to the dead letters and be called again without it.
   */
  write(batch: SinkBatch, context: SinkContext): Promise<void>;
  close(): Promise<void>;
}

/** The outside can't be reached or is overloaded: try the same batch again later. */
export class SinkUnavailable extends Error {
  override readonly name = 'SinkUnavailable';
}

/** The outside will never take this record. */
export class RecordRefused extends Error {
  override readonly name = 'RecordRefused';
  readonly offset: number;
  constructor(offset: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.offset = offset;
  }
}
