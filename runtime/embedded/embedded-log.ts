// The log in one local database: topics, committed offsets and state of all tasks, written together in one batch. One
// process at a time; a commit survives its `kill -9`.
import { setImmediate as turn } from 'node:timers/promises';
import { RocksDatabase, type RocksOptions } from '../../state/rocksdb/rocks-database.ts';
import { RocksStore } from '../../state/rocksdb/rocks-store.ts';
import type { Store, StoreChange } from '../../state/store.ts';
import { Unrecoverable } from '../errors.ts';
import type {
  AssignmentListener,
  Log,
  LogRecord,
  Membership,
  NewRecord,
  TaskLog,
  TopicPartition,
  TopicSpec,
} from '../log.ts';
import { decodeChunk, firstOffset, newestTimestamp, nextOffset } from './chunk.ts';
import { EmbeddedTask, type TaskHost } from './embedded-task.ts';
import {
  chunkKey,
  chunksEnd,
  encodeId,
  endOf,
  GROUPS,
  groupKey,
  LAYOUT_VERSION,
  MAX_ID,
  META,
  VERSION_KEY,
} from './layout.ts';
import { type PartitionState, Topics } from './topics.ts';
import { WriteQueue } from './write-queue.ts';

/** Where the log lies unless another folder is given. */
export const DEFAULT_FOLDER = '.beckon/log';

const READ_BYTES = 4 * 1024 * 1024;
/** A read fetches chunks in pages of so many bytes or chunks, lest a small one fetches far more than it returns. */
const PAGE_BYTES = 256 * 1024;
const PAGE_CHUNKS = 1024;
/** What a record is taken to need before it is read. */
const RECORD_BYTES = 256;
const TRIM_CHUNKS = 64;
const ANY_KEY_END = Buffer.alloc(16, 0xff);

export class EmbeddedLog implements Log {
  readonly commitPause = 0;
  /** Small named values that belong to the log, such as the schemas of what it holds (`schemas/<id>`). */
  readonly meta: Store;
  readonly #host: TaskHost;
  readonly #groups = new Map<string, number>();

  private constructor(database: RocksDatabase) {
    checkVersion(database);
    const topics = new Topics(database);
    this.#host = { database, topics, queue: new WriteQueue(database, topics), owners: new Map() };
    this.meta = new RocksStore(database, META);
    for (const [key, id] of database.scan(GROUPS, endOf(GROUPS))) {
      this.#groups.set(key.toString('utf8', GROUPS.length), id.readUInt16BE());
    }
  }

  /**
   * Opens the log in the folder, made when missing. Throws `FolderInUse` while another instance holds it, and
   * `Unrecoverable` when its layout is not this version's.
   */
  static async open(folder = DEFAULT_FOLDER, options?: RocksOptions): Promise<EmbeddedLog> {
    const database = await RocksDatabase.open(folder, options);
    try {
      return new EmbeddedLog(database);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    for (const spec of specs) this.#host.topics.create(spec);
  }

  /** All topics, by name. */
  topics(): TopicSpec[] {
    return this.#host.topics.specs();
  }

  partitions(topic: string): number {
    return this.#host.topics.topic(topic).partitions.length;
  }

  async endOffset(input: TopicPartition): Promise<number> {
    return this.#host.topics.partition(input).end;
  }

  /**
   * Records of one commit share their memory (64 KiB and a record at most): copy a key or value that you keep. A read from
   * before the first record kept begins there.
   */
  async read(input: TopicPartition, from: number, limit: number, maxBytes = READ_BYTES): Promise<readonly LogRecord[]> {
    const partition = this.#host.topics.partition(input);
    const records: LogRecord[] = [];
    let next = Math.max(0, from);
    let bytes = 0;
    // At least one record, however large, or a reader would never get past it.
    const full = (): boolean => records.length >= limit || (records.length > 0 && bytes >= maxBytes);
    while (next < partition.end && !full()) {
      for (const chunk of this.#page(partition, next, limit - records.length, Math.max(1, maxBytes - bytes))) {
        if (full()) break;
        if (records.length > 0 && firstOffset(chunk) !== next) throw damaged(partition, next);
        bytes += decodeChunk(chunk, next, limit, Math.max(1, maxBytes - bytes), records);
        next = (records[records.length - 1]?.offset ?? next) + 1;
      }
    }
    // A reader with more ahead of it would otherwise keep timers and sockets waiting until it has caught up.
    if (next < partition.end) await turn();
    return records;
  }

  /** Nothing but records lies here. */
  resumeAt(_input: TopicPartition, from: number): number {
    return from;
  }

  append(records: readonly NewRecord[]): Promise<readonly number[]> {
    return this.#host.queue.submit(records, []);
  }

  onAppend(topic: string, listener: () => void): () => void {
    const { listeners } = this.#host.topics.topic(topic);
    const own = (): void => listener();
    listeners.add(own);
    return () => listeners.delete(own);
  }

  /** Nobody shares the log: all partitions are this instance's. */
  async join(_group: string, topics: readonly string[], listener: AssignmentListener): Promise<Membership> {
    const tasks = Math.max(0, ...topics.map((topic) => this.partitions(topic)));
    await listener.assigned(Array.from({ length: tasks }, (_, partition) => partition));
    return { confirmed: async () => {}, leave: async () => {} };
  }

  async openTask(group: string, partition: number): Promise<TaskLog> {
    // What the earlier owner has committed so far is in before the new one looks.
    this.#host.queue.flush();
    const name = `${group}.${partition}`;
    const task = new EmbeddedTask(this.#host, name, this.#groupId(group), partition);
    this.#host.owners.set(name, task);
    return task;
  }

  /**
   * Deletes a topic's oldest records while their time is before `olderThan` (epoch ms), a commit's records at a time, and
   * returns their number. The newest commit's always stay.
   */
  async trim(topic: string, olderThan: number): Promise<number> {
    let trimmed = 0;
    for (const partition of this.#host.topics.topic(topic).partitions) {
      for (let from = 0; ; ) {
        const old = this.#oldChunks(partition, from, olderThan);
        if (old.next === undefined) break;
        this.#host.database.write(old.deletions);
        trimmed += old.records;
        from = old.next;
        await turn();
      }
    }
    return trimmed;
  }

  async close(): Promise<void> {
    this.#host.queue.flush();
    await this.#host.database.close();
  }

  #page({ topic, partition, end }: PartitionState, from: number, limit: number, maxBytes: number): Buffer[] {
    const page = this.#host.database.values(
      chunkKey(topic.id, partition, from),
      chunksEnd(topic.id, partition),
      Math.min(limit, PAGE_CHUNKS),
      Math.min(maxBytes, PAGE_BYTES, limit * RECORD_BYTES),
    );
    if (page.length === 0 && from < end) throw damaged({ topic, partition, end }, from);
    return page;
  }

  #oldChunks(
    { topic, partition, end }: PartitionState,
    from: number,
    olderThan: number,
  ): { readonly deletions: StoreChange[]; readonly records: number; readonly next: number | undefined } {
    const deletions: StoreChange[] = [];
    let records = 0;
    let next: number | undefined;
    const { database } = this.#host;
    for (const [key, chunk] of database.scan(
      chunkKey(topic.id, partition, from),
      chunksEnd(topic.id, partition),
      TRIM_CHUNKS,
    )) {
      if (newestTimestamp(chunk) >= olderThan || nextOffset(chunk) >= end) break;
      deletions.push({ key });
      next = nextOffset(chunk);
      records += next - firstOffset(chunk);
    }
    return { deletions, records, next };
  }

  #groupId(group: string): number {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const id = this.#groups.size;
    if (id > MAX_ID) throw new Unrecoverable(`the log has ${id} groups already, the most it takes: use another --dir`);
    this.#host.database.write([{ key: groupKey(group), value: encodeId(id) }]);
    this.#groups.set(group, id);
    return id;
  }
}

function checkVersion(database: RocksDatabase): void {
  const written = database.get(VERSION_KEY);
  if (written === undefined) {
    if (database.scan(VERSION_KEY, ANY_KEY_END, 1).length > 0) {
      throw new Unrecoverable(`${database.folder} holds something else than a log of Beckon: use another --dir`);
    }
    database.write([{ key: VERSION_KEY, value: Buffer.from(String(LAYOUT_VERSION)) }]);
    return;
  }
  if (written.toString() === String(LAYOUT_VERSION)) return;
  const mend = 'run the version of Beckon that wrote it, or use another --dir';
  throw new Unrecoverable(
    `the log in ${database.folder} has layout ${written}, this version reads ${LAYOUT_VERSION}: ${mend}`,
  );
}

function damaged({ topic, partition }: PartitionState, offset: number): Unrecoverable {
  const message = 'the log is damaged, records are missing: restore its folder from a backup or use another --dir';
  return new Unrecoverable(message, { topic: topic.name, partition, offset });
}
