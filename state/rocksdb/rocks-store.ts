// A store over a part of a RocksDB database: the keys that begin with its prefix.
import type { Store, StoreChange } from '../store.ts';
import { RocksDatabase, type RocksOptions } from './rocks-database.ts';

/** The prefix of a store that has its database for itself: RocksDB's binding takes no empty key, the contract does. */
const ONLY_PREFIX = Buffer.from([0]);

export class RocksStore implements Store {
  readonly #database: RocksDatabase;
  readonly #prefix: Buffer;
  readonly #ownsDatabase: boolean;

  /** The prefix isn't empty, and no prefix in use on the database begins another. With `ownsDatabase`, closing the store closes the database. */
  constructor(database: RocksDatabase, prefix: Buffer, ownsDatabase = false) {
    this.#database = database;
    this.#prefix = prefix;
    this.#ownsDatabase = ownsDatabase;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#database.get(prefixed(this.#prefix, key));
  }

  getMany(keys: readonly Buffer[]): (Buffer | undefined)[] {
    return this.#database.getMany(keys.map((key) => prefixed(this.#prefix, key)));
  }

  scan(gte: Buffer, lt: Buffer, limit?: number): [key: Buffer, value: Buffer][] {
    const entries = this.#database.scan(prefixed(this.#prefix, gte), prefixed(this.#prefix, lt), limit);
    for (const entry of entries) entry[0] = entry[0].subarray(this.#prefix.length);
    return entries;
  }

  async write(changes: readonly StoreChange[]): Promise<void> {
    this.#database.write(prefixedChanges(this.#prefix, changes));
  }

  async close(): Promise<void> {
    if (this.#ownsDatabase) await this.#database.close();
  }
}

/** Opens a folder as one store. Throws `FolderInUse` while another instance holds it. */
export async function openRocksStore(folder: string, options?: RocksOptions): Promise<Store> {
  return new RocksStore(await RocksDatabase.open(folder, options), ONLY_PREFIX, true);
}

/** The changes of a store as changes of its database. */
export function prefixedChanges(prefix: Buffer, changes: readonly StoreChange[]): StoreChange[] {
  return changes.map(({ key, value }) => {
    const full = prefixed(prefix, key);
    return value === undefined ? { key: full } : { key: full, value };
  });
}

function prefixed(prefix: Buffer, key: Buffer): Buffer {
  const full = Buffer.allocUnsafe(prefix.length + key.length);
  full.set(prefix);
  full.set(key, prefix.length);
  return full;
}
