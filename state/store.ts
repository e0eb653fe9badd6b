// The contract of a state store: what a task remembers. Engines (memory, RocksDB) hold bytes in key order; everything
// above them (rows, cells, timers) is the same code for both.
import type { AvroCodec } from '../schemas/avro.ts';

/** A change to the store; `value` absent deletes. */
export interface StoreChange {
  readonly key: Buffer;
  readonly value?: Buffer;
}

/** An ordered, synchronous byte store. Keys are ordered byte by byte. */
export interface Store {
  get(key: Buffer): Buffer | undefined;
  /** The values of the keys, in their order; one call for a whole batch. */
  getMany(keys: readonly Buffer[]): (Buffer | undefined)[];
  /** Entries with gte <= key < lt in key order, at most `limit` of them. */
  scan(gte: Buffer, lt: Buffer, limit?: number): [key: Buffer, value: Buffer][];
  /** Applies all changes or none. Resolves when they survive the end of the process. */
  write(changes: readonly StoreChange[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A typed value kept for a key (a user, a campaign). `tag` tells the cells of a topology's rows apart on disk: it is unique
 * within the topology and never reused for something else. Values are immutable: `set` a new one.
 */
export interface Cell<T> {
  readonly name: string;
  readonly tag: number;
  readonly codec: AvroCodec<T>;
}
