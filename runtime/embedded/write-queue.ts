// What is appended and committed within one turn of the event loop is written as one atomic batch: tasks that commit at the
// same time share its cost, and a loop of commits leaves the event loop a turn for everything else.
import type { RocksDatabase } from '../../state/rocksdb/rocks-database.ts';
import type { StoreChange } from '../../state/store.ts';
import { Unrecoverable } from '../errors.ts';
import type { NewRecord } from '../log.ts';
import { type Chunk, encodeChunks, setFirstOffset } from './chunk.ts';
import { chunkKey } from './layout.ts';
import type { PartitionState, TopicState, Topics } from './topics.ts';

interface Output {
  readonly partition: PartitionState;
  readonly chunk: Chunk;
  /** Set when it is written. */
  firstOffset: number;
}

interface PendingWrite {
  readonly outputs: readonly Output[];
  readonly changes: readonly StoreChange[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class WriteQueue {
  readonly #database: RocksDatabase;
  readonly #topics: Topics;
  #pending: PendingWrite[] = [];

  constructor(database: RocksDatabase, topics: Topics) {
    this.#database = database;
    this.#topics = topics;
  }

  /**
   * Writes records and changes (of whole keys) in one step and resolves to the records' offsets once they are durable.
   * Records are encoded at once, so one that can't be fails its own write alone.
   */
  async submit(records: readonly NewRecord[], changes: readonly StoreChange[]): Promise<number[]> {
    const outputs = this.#encode(records);
    await new Promise<void>((resolve, reject) => {
      if (this.#pending.push({ outputs, changes, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
    const offsets = new Array<number>(records.length);
    for (const { chunk, firstOffset } of outputs) {
      chunk.members.forEach((member, i) => {
        offsets[member] = firstOffset + i;
      });
    }
    return offsets;
  }

  /**
   * 1. Gives every chunk its offsets, in the order of submission, from where its partition ends.
   * 2. Writes chunks, committed offsets and state in one batch: all of it or nothing.
   * 3. Only then moves the ends of partitions, so that no reader sees a record that may yet be lost, and a failed batch
   *    leaves no gap.
   */
  flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    const ends = new Map<PartitionState, number>();
    const batch: StoreChange[] = [];
    for (const { outputs, changes } of pending) {
      for (const output of outputs) batch.push(place(output, ends));
      for (const change of changes) batch.push(change);
    }
    try {
      this.#database.write(batch);
    } catch (error) {
      const failure = new Unrecoverable((error as Error).message, {}, { cause: error });
      for (const { reject } of pending) reject(failure);
      return;
    }
    for (const [partition, end] of ends) partition.end = end;
    for (const { resolve } of pending) resolve();
    notify(new Set([...ends.keys()].map(({ topic }) => topic)));
  }

  #encode(records: readonly NewRecord[]): Output[] {
    const members = new Map<PartitionState, number[]>();
    records.forEach((record, i) => {
      const partition = this.#topics.partition(record);
      const list = members.get(partition);
      if (list === undefined) members.set(partition, [i]);
      else list.push(i);
    });
    const outputs: Output[] = [];
    for (const [partition, list] of members) {
      for (const chunk of encodeChunks(records, list)) outputs.push({ partition, chunk, firstOffset: 0 });
    }
    return outputs;
  }
}

function place(output: Output, ends: Map<PartitionState, number>): StoreChange {
  const { partition, chunk } = output;
  output.firstOffset = ends.get(partition) ?? partition.end;
  setFirstOffset(chunk, output.firstOffset);
  const end = output.firstOffset + chunk.members.length;
  ends.set(partition, end);
  return { key: chunkKey(partition.topic.id, partition.partition, end - 1), value: chunk.bytes };
}

function notify(topics: ReadonlySet<TopicState>): void {
  for (const { listeners } of topics) {
    for (const listener of listeners) {
      // On its own, so that a listener that throws harms neither the others nor those who wait for the write.
      queueMicrotask(() => {
        if (listeners.has(listener)) listener();
      });
    }
  }
}
