// One task's hold on the embedded log.
import type { RocksDatabase } from '../../state/rocksdb/rocks-database.ts';
import { prefixedChanges, RocksStore } from '../../state/rocksdb/rocks-store.ts';
import type { Store, StoreChange } from '../../state/store.ts';
import { TaskFenced } from '../errors.ts';
import type { Commit, TaskLog, TopicPartition } from '../log.ts';
import { committedKey, decodeOffset, encodeOffset, statePrefix } from './layout.ts';
import type { Topics } from './topics.ts';
import type { WriteQueue } from './write-queue.ts';

/** What the tasks of one log share. */
export interface TaskHost {
  readonly database: RocksDatabase;
  readonly topics: Topics;
  readonly queue: WriteQueue;
  /** The present owner of every task by its name. */
  readonly owners: Map<string, TaskLog>;
}

export class EmbeddedTask implements TaskLog {
  readonly store: Store;
  readonly #host: TaskHost;
  readonly #name: string;
  readonly #groupId: number;
  readonly #prefix: Buffer;

  constructor(host: TaskHost, name: string, groupId: number, partition: number) {
    this.#host = host;
    this.#name = name;
    this.#groupId = groupId;
    this.#prefix = statePrefix(groupId, partition);
    const store = new RocksStore(host.database, this.#prefix);
    this.store = {
      get: (key) => store.get(key),
      getMany: (keys) => store.getMany(keys),
      scan: (gte, lt, limit) => store.scan(gte, lt, limit),
      // Through the commit, so that a fenced owner can't write past the new one.
      write: (changes) => this.commit({ outputs: [], offsets: [], changes }),
      close: () => store.close(),
    };
  }

  position(input: TopicPartition): number {
    const committed = this.#host.database.get(this.#committedKey(input));
    return committed === undefined ? 0 : decodeOffset(committed);
  }

  async commit({ outputs, offsets, changes }: Commit): Promise<void> {
    if (this.#host.owners.get(this.#name) !== this) {
      throw new TaskFenced('the task was closed or taken over by another owner', { task: this.#name });
    }
    const all: StoreChange[] = offsets.map((input) => ({
      key: this.#committedKey(input),
      value: encodeOffset(input.offset),
    }));
    for (const change of prefixedChanges(this.#prefix, changes)) all.push(change);
    await this.#host.queue.submit(outputs, all);
  }

  async close(): Promise<void> {
    this.#host.queue.flush();
    if (this.#host.owners.get(this.#name) === this) this.#host.owners.delete(this.#name);
  }

  #committedKey(input: TopicPartition): Buffer {
    const { topic, partition } = this.#host.topics.partition(input);
    return committedKey(this.#groupId, topic.id, partition);
  }
}
