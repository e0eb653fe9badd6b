// The topics of the embedded log: what is kept of them, and where each of their partitions ends.
import type { RocksDatabase } from '../../state/rocksdb/rocks-database.ts';
import { Unrecoverable } from '../errors.ts';
import type { TopicPartition, TopicSpec } from '../log.ts';
import { nextOffset } from './chunk.ts';
import { chunkKey, chunksEnd, endOf, MAX_ID, TOPICS, topicKey } from './layout.ts';

export interface PartitionState {
  readonly topic: TopicState;
  readonly partition: number;
  /** The offset after the last record written. */
  end: number;
}

export interface TopicState {
  readonly id: number;
  readonly name: string;
  readonly cleanup: TopicSpec['cleanup'];
  readonly partitions: readonly PartitionState[];
  readonly listeners: Set<() => void>;
}

type TopicRow = Pick<TopicState, 'id' | 'cleanup'> & { readonly partitions: number };

export class Topics {
  readonly #database: RocksDatabase;
  readonly #states = new Map<string, TopicState>();

  constructor(database: RocksDatabase) {
    this.#database = database;
    for (const [key, value] of database.scan(TOPICS, endOf(TOPICS))) {
      const name = key.toString('utf8', TOPICS.length);
      this.#states.set(name, this.#load(name, JSON.parse(value.toString()) as TopicRow));
    }
  }

  /** All topics, by name. */
  specs(): TopicSpec[] {
    const specs = [...this.#states.values()].map(({ name, partitions, cleanup }) => ({
      topic: name,
      partitions: partitions.length,
      cleanup,
    }));
    return specs.sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  /** Creates the topic when it is missing. */
  create({ topic, partitions, cleanup }: TopicSpec): void {
    const existing = this.#states.get(topic);
    if (existing !== undefined) {
      const count = existing.partitions.length;
      if (count === partitions) return;
      const mend = `keep ${count}, or use another --dir`;
      throw new Unrecoverable(`topic ${topic} has ${count} partitions, not ${partitions}: ${mend}`);
    }
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_ID) {
      throw new Unrecoverable(`topic ${topic} can't have ${partitions} partitions: take 1 to ${MAX_ID}`);
    }
    const row: TopicRow = { id: this.#states.size, partitions, cleanup };
    this.#database.write([{ key: topicKey(topic), value: Buffer.from(JSON.stringify(row)) }]);
    this.#states.set(topic, this.#load(topic, row));
  }

  topic(name: string): TopicState {
    const state = this.#states.get(name);
    if (state === undefined) throw new Unrecoverable(`there is no topic ${name}: create it first`);
    return state;
  }

  partition({ topic, partition }: TopicPartition): PartitionState {
    const { partitions } = this.topic(topic);
    const state = partitions[partition];
    if (state === undefined) {
      throw new Unrecoverable(`topic ${topic} has partitions 0 to ${partitions.length - 1}, no ${partition}`);
    }
    return state;
  }

  #load(name: string, { id, cleanup, partitions: count }: TopicRow): TopicState {
    const partitions: PartitionState[] = [];
    const topic: TopicState = { id, name, cleanup, partitions, listeners: new Set() };
    for (let partition = 0; partition < count; partition++) {
      const last = this.#database.last(chunkKey(id, partition, 0), chunksEnd(id, partition));
      partitions.push({ topic, partition, end: last === undefined ? 0 : nextOffset(last[1]) });
    }
    return topic;
  }
}
