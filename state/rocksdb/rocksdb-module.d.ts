// The part of @nxtedition/rocksdb that we use: the package brings no types. The underscored methods are its synchronous
// layer below abstract-level; they check nothing, so a call on a closed database ends the process (see RocksDatabase).
declare module '@nxtedition/rocksdb' {
  export interface OpenOptions {
    /** Bytes of the block cache. */
    readonly cacheSize?: number;
    readonly walCompression?: boolean;
    readonly compaction?: 'level' | 'universal';
    /** Bytes; a memtable is a quarter of it. */
    readonly memtableMemoryBudget?: number;
  }

  export interface QueryOptions {
    readonly gte: Buffer;
    readonly lt: Buffer;
    readonly reverse?: boolean;
    readonly keys?: boolean;
    readonly values?: boolean;
    /** -1: all of them. */
    readonly limit: number;
    /** Ends the query after the entry that passes this size. */
    readonly highWaterMarkBytes?: number;
    readonly keyEncoding: 'buffer';
    readonly valueEncoding: 'buffer';
    readonly asyncIO?: boolean;
    readonly fillCache?: boolean;
  }

  export class ChainedBatch {
    _put(key: Buffer, value: Buffer): void;
    _del(key: Buffer): void;
    _clear(): void;
    _writeSync(options: { readonly sync: boolean }): void;
  }

  export class RocksLevel {
    constructor(folder: string, options: OpenOptions);
    open(): Promise<void>;
    close(): Promise<void>;
    _getManySync(keys: readonly Buffer[], options: { readonly valueEncoding: 'buffer' }): (Buffer | undefined)[];
    /** Keys and values take turns in `rows`. */
    querySync(options: QueryOptions): { readonly rows: (Buffer | undefined)[]; readonly finished: boolean };
    _chainedBatch(): ChainedBatch;
  }
}
