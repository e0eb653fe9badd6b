// One RocksDB database in a folder. Its reads and writes are synchronous; stores (RocksStore) and the embedded log share it
// by key prefix, so that what they change together goes into one write batch. Keys have at least one byte.
import { type ChainedBatch, type QueryOptions, RocksLevel } from '@nxtedition/rocksdb';
import type { StoreChange } from '../store.ts';
import { ManifestWitness } from './manifest-witness.ts';

export interface RocksOptions {
  /**
   * Flushes every write to the disk, so that it survives a power cut too. Without it a write survives the end of the
   * process, `kill -9` included, and not that of the machine.
   */
  readonly sync?: boolean;
  /** Bytes of the cache of blocks read; 32 MiB when absent. */
  readonly cacheBytes?: number;
  /** Bytes of what was written and lies in no file yet; 128 MiB when absent. */
  readonly memtableBytes?: number;
}

/** Another process, or another part of this one, has the folder open. */
export class FolderInUse extends Error {
  override readonly name = 'FolderInUse';
  readonly folder: string;

  constructor(folder: string, options?: ErrorOptions) {
    super(`another instance is running on ${folder}; stop it or use another --dir`, options);
    this.folder = folder;
  }
}

const ENCODED = { keyEncoding: 'buffer', valueEncoding: 'buffer', asyncIO: false } as const;
const VALUE_ENCODED = { valueEncoding: 'buffer' } as const;
const CACHE_BYTES = 32 * 1024 * 1024;
/**
 * What was written last is changed or deleted soon: it is not compressed (the first two levels of files), and two memtables
 * (of a quarter of the budget) are merged before they become a file, which drops most timers without a trace. This took two
 * thirds off the CPU time of RocksDB's own threads.
 */
const WRITES = { walCompression: false, compaction: 'level' } as const;
const MEMTABLE_BYTES = 128 * 1024 * 1024;

export class RocksDatabase {
  readonly folder: string;
  readonly #level: RocksLevel;
  readonly #batch: ChainedBatch;
  readonly #sync: boolean;
  readonly #witness: ManifestWitness;
  #open = true;

  private constructor(folder: string, level: RocksLevel, sync: boolean) {
    this.folder = folder;
    this.#level = level;
    this.#batch = level._chainedBatch();
    this.#sync = sync;
    this.#witness = ManifestWitness.of(folder);
  }

  /** Opens the folder, made when missing. Throws `FolderInUse` while another instance holds it, and where it is damaged. */
  static async open(folder: string, options: RocksOptions = {}): Promise<RocksDatabase> {
    const doubt = ManifestWitness.doubt(folder);
    if (doubt !== undefined) throw new Error(`the database in ${folder} is damaged: ${doubt}`);
    const { cacheBytes: cacheSize = CACHE_BYTES, memtableBytes: memtableMemoryBudget = MEMTABLE_BYTES } = options;
    const level = new RocksLevel(folder, { ...WRITES, cacheSize, memtableMemoryBudget });
    try {
      await level.open();
    } catch (error) {
      const cause = (error as Error).cause as (Error & { readonly code?: string }) | undefined;
      if (cause?.code === 'LEVEL_LOCKED') throw new FolderInUse(folder, { cause });
      throw new Error(`the database in ${folder} does not open: ${(cause ?? (error as Error)).message}`, { cause });
    }
    return new RocksDatabase(folder, level, options.sync ?? false);
  }

  get(key: Buffer): Buffer | undefined {
    return this.#opened()._getManySync([key], VALUE_ENCODED)[0];
  }

  getMany(keys: readonly Buffer[]): (Buffer | undefined)[] {
    return this.#opened()._getManySync(keys, VALUE_ENCODED);
  }

  /** Entries with gte <= key < lt in key order, at most `limit` of them. */
  scan(gte: Buffer, lt: Buffer, limit = -1): [key: Buffer, value: Buffer][] {
    return this.#query({ ...ENCODED, gte, lt, limit });
  }

  /** The entry with the highest key in gte <= key < lt. */
  last(gte: Buffer, lt: Buffer): [key: Buffer, value: Buffer] | undefined {
    return this.#query({ ...ENCODED, gte, lt, limit: 1, reverse: true })[0];
  }

  /** The values alone of gte <= key < lt, at most `limit` of them, ending with the one that passes `maxBytes`. */
  values(gte: Buffer, lt: Buffer, limit: number, maxBytes: number): Buffer[] {
    const { rows } = this.#opened().querySync({
      ...ENCODED,
      gte,
      lt,
      limit,
      keys: false,
      highWaterMarkBytes: maxBytes,
    });
    const values: Buffer[] = [];
    for (let i = 1; i < rows.length; i += 2) values.push(rows[i] as Buffer);
    return values;
  }

  /** Applies all changes or none, in their order, and returns when they are written. */
  write(changes: readonly StoreChange[]): void {
    this.#opened();
    const batch = this.#batch;
    try {
      for (const { key, value } of changes) {
        if (value === undefined) batch._del(key);
        else batch._put(key, value);
      }
      batch._writeSync({ sync: this.#sync });
      this.#witness.note();
    } catch (error) {
      throw new Error(`writing to ${this.folder} failed: ${(error as Error).message}`, { cause: error });
    } finally {
      batch._clear();
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#level.close();
    this.#witness.note();
  }

  #query(options: QueryOptions): [key: Buffer, value: Buffer][] {
    const level = this.#opened();
    if (options.limit === 0 || options.gte.compare(options.lt) >= 0) return [];
    const { rows } = level.querySync(options);
    const entries: [Buffer, Buffer][] = [];
    for (let i = 0; i < rows.length; i += 2) entries.push([rows[i] as Buffer, rows[i + 1] as Buffer]);
    return entries;
  }

  /** A call into a closed database would end the process instead of throwing. */
  #opened(): RocksLevel {
    if (!this.#open) throw new Error(`the database in ${this.folder} is closed`);
    return this.#level;
  }
}
