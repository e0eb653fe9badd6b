// A log for one case of the bench: what tasks read is in memory, encoded as on the wire, and of what they commit only what
// they read themselves is kept; the rest is counted. State lies on the disk, as on Kafka. So a task's own cost is measured.
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { type Chunk, decodeChunk, encodeChunks, nextOffset, setFirstOffset } from '../runtime/embedded/chunk.ts';
import { LocalStore } from '../runtime/kafka/local-store.ts';
import type { Log, LogRecord, Membership, NewRecord, TaskLog, TopicPartition, TopicSpec } from '../runtime/log.ts';
import type { SchemaRegistry } from '../schemas/registry.ts';
import type { Topic } from '../schemas/topics.ts';

/** ms a commit takes: that of a broker on the same machine, or a little less. */
const COMMIT_TAKES = 5;
const READ_BYTES = 4 << 20;

export interface Committed {
  commits: number;
  outputs: number;
  outputBytes: number;
  /** Records of the changelog. */
  changes: number;
  changeBytes: number;
}

interface Kept {
  readonly chunks: Buffer[];
  /** The chunk that the next read begins with. */
  at: number;
  end: number;
  readonly listeners: Set<() => void>;
  withheld: boolean;
}

/** One partition; one reader a topic, from the beginning on. */
export class DurableLog implements Log {
  readonly commitPause = 0;
  readonly committed: Committed = { commits: 0, outputs: 0, outputBytes: 0, changes: 0, changeBytes: 0 };
  readonly ends = new Map<string, number>();
  readonly #folder: string;
  readonly #kept = new Map<string, Kept>();

  /** Of the topics in `kept` records are kept to be read. */
  constructor(folder: string, kept: readonly Topic<unknown>[]) {
    this.#folder = folder;
    for (const { topic } of kept)
      this.#kept.set(topic, { chunks: [], at: 0, end: 0, listeners: new Set(), withheld: false });
  }

  /** Whether readers of the topic find nothing for now. */
  withhold({ topic }: Topic<unknown>, withheld: boolean): void {
    const kept = this.#kept.get(topic) as Kept;
    kept.withheld = withheld;
    for (const listener of kept.listeners) listener();
  }

  async createTopics(_specs: readonly TopicSpec[]): Promise<void> {}

  partitions(): number {
    return 1;
  }

  async endOffset({ topic }: TopicPartition): Promise<number> {
    return this.ends.get(topic) ?? 0;
  }

  async read({ topic }: TopicPartition, from: number, limit: number, maxBytes = READ_BYTES): Promise<LogRecord[]> {
    const kept = this.#kept.get(topic);
    const records: LogRecord[] = [];
    if (kept === undefined || kept.withheld) return records;
    while (nextOffset(kept.chunks[kept.at] ?? END) <= from) kept.at++;
    let bytes = 0;
    for (let at = kept.at; at < kept.chunks.length && records.length < limit && bytes < maxBytes; at++) {
      bytes += decodeChunk(kept.chunks[at] as Buffer, from, limit, maxBytes - bytes, records);
    }
    return records;
  }

  resumeAt(_input: TopicPartition, from: number): number {
    return from;
  }

  async append(records: readonly NewRecord[]): Promise<number[]> {
    const byTopic = new Map<string, number[]>();
    records.forEach(({ topic, key, value }, i) => {
      this.ends.set(topic, (this.ends.get(topic) ?? 0) + 1);
      this.committed.outputs++;
      this.committed.outputBytes += (key?.length ?? 0) + (value?.length ?? 0);
      if (!this.#kept.has(topic)) return;
      const members = byTopic.get(topic);
      if (members === undefined) byTopic.set(topic, [i]);
      else members.push(i);
    });
    for (const [topic, members] of byTopic) {
      const kept = this.#kept.get(topic) as Kept;
      for (const chunk of encodeChunks(records, members)) keep(kept, chunk);
      for (const listener of kept.listeners) listener();
    }
    return [];
  }

  onAppend(topic: string, listener: () => void): () => void {
    const listeners = this.#kept.get(topic)?.listeners;
    listeners?.add(listener);
    return () => listeners?.delete(listener);
  }

  async join(_group: string, _topics: readonly string[], listener: Parameters<Log['join']>[2]): Promise<Membership> {
    await listener.assigned([0]);
    return { confirmed: async () => {}, leave: async () => {} };
  }

  async openTask(group: string): Promise<TaskLog> {
    const local = (await LocalStore.open(`${this.#folder}/${group}`)) as LocalStore;
    let commits = 0;
    return {
      store: local.store,
      position: () => 0,
      commit: async ({ outputs, changes }) => {
        this.committed.commits++;
        for (const { key, value } of changes) {
          this.committed.changes++;
          this.committed.changeBytes += key.length + (value?.length ?? 0);
        }
        await sleep(COMMIT_TAKES);
        local.write(changes, { offset: ++commits, cluster: 'bench', at: 0, positions: {} });
        await this.append(outputs);
      },
      close: () => local.close(),
    };
  }

  async close(): Promise<void> {
    await turn();
  }
}

/** Stands for a chunk after the last. */
const END = Buffer.alloc(18, 0xff);

function keep(kept: Kept, chunk: Chunk): void {
  setFirstOffset(chunk, kept.end);
  kept.end += chunk.members.length;
  kept.chunks.push(chunk.bytes);
}

/** Ids in the order of registration. */
export function countingRegistry(): SchemaRegistry {
  const schemas: string[] = [];
  return {
    async register({ codec }) {
      const known = schemas.indexOf(codec.json);
      return known >= 0 ? known : schemas.push(codec.json) - 1;
    },
    async schema(id) {
      return schemas[id];
    },
  };
}
