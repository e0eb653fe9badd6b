// A task's keyed state: typed cells over a byte store, with a cache of hot rows, savepoints and one set of changes a commit.
// The cache is the overlay: what was set is read back at once, and reaches the store only with the commit that takes it.
import { ByteWriter } from '../schemas/byte-writer.ts';
import { keyOf } from '../schemas/topics.ts';
import { avroAt, decodeRow, emptyRow, encodeRow, endOf, fingerprintAt, isOf, type Row } from './row.ts';
import type { Cell, Store, StoreChange } from './store.ts';

const ROW = 0x72; // 'r'
const SCHEMA = 0x73; // 's'
const DEFAULT_HOT_ROWS = 100_000;

/** The state can't be read: its bytes are damaged, or were written by a schema that is unknown or does not resolve. */
export class StateUnreadable extends Error {
  override readonly name = 'StateUnreadable';
}

export interface KeyedStateOptions {
  /** Without a store everything stays in memory, decoded: for simulation and tests. */
  readonly store?: Store;
  readonly cells: readonly Cell<unknown>[];
  /** Rows kept in memory; twice as many may be held for a moment. */
  readonly hotRows?: number;
}

export class KeyedState {
  readonly #store: Store | undefined;
  readonly #cells: (Cell<unknown> | undefined)[] = [];
  readonly #hotRows: number;
  readonly #writers = new Map<string, string>();
  /** All rows, by tenant and id, where there is no store; the two generations are empty then. */
  readonly #byId = new Map<string, Map<string, Row>>();
  // Two generations: a row read from the old one moves to the young one; when that is full, the old one is let go.
  #young = new Map<string, Row>();
  #old = new Map<string, Row>();
  #dirty: Row[] = [];
  #newSchemas: StoreChange[] = [];
  #commit = 0;
  #committed = 0;
  // The savepoint: what each cell held before it was set, newest last. Only the first `#undos` of the lists count: they are
  // overwritten rather than emptied, which would let go of their memory for every record.
  #undos = 0;
  readonly #undoRows: Row[] = [];
  readonly #undoTags: number[] = [];
  readonly #undoValues: unknown[] = [];
  readonly #undoCellAt: Row['cellAt'] = [];
  /** Keys and rows of commits. */
  readonly #writer: ByteWriter | undefined;

  constructor({ store, cells, hotRows = DEFAULT_HOT_ROWS }: KeyedStateOptions) {
    this.#store = store;
    this.#writer = store === undefined ? undefined : new ByteWriter();
    this.#hotRows = hotRows;
    for (const cell of cells) {
      this.#cells[cell.tag] = cell;
      const key = schemaKey(cell.codec.fingerprint);
      if (store !== undefined && store.get(key) === undefined) {
        this.#newSchemas.push({ key, value: Buffer.from(cell.codec.json) });
      }
    }
  }

  /**
   * The row of a tenant's user or campaign. Where everything stays in memory it is found by the id alone, whose letters need
   * not be put together and hashed anew for each record.
   */
  rowOf(tenantId: string, id: string): Row {
    return this.#store === undefined ? this.#inMemory(tenantId, id) : this.row(keyOf(tenantId, id));
  }

  /** The row of a key, from memory or the store; an empty one where there is none. */
  row(key: string): Row {
    if (this.#store === undefined) {
      const slash = key.indexOf('/');
      return this.#inMemory(key.slice(0, Math.max(0, slash)), key.slice(slash + 1), key);
    }
    const hot = this.#young.get(key);
    if (hot !== undefined) return hot;
    let row = this.#old.get(key);
    if (row === undefined) {
      const bytes = this.#store.get(rowKey(key));
      row = bytes === undefined ? emptyRow(key, this.#cells.length) : this.#decode(key, bytes);
    } else this.#old.delete(key);
    this.#keep(key, row);
    return row;
  }

  /** Reads the rows of the keys that are not in memory, in one call to the store. */
  prefetch(keys: Iterable<string>): void {
    if (this.#store === undefined) return;
    const missing = new Set<string>();
    for (const key of keys) if (!this.#young.has(key) && !this.#old.has(key)) missing.add(key);
    if (missing.size === 0) return;
    const list = [...missing];
    const found = this.#store.getMany(list.map(rowKey));
    list.forEach((key, i) => {
      const bytes = found[i];
      this.#keep(key, bytes === undefined ? emptyRow(key, this.#cells.length) : this.#decode(key, bytes));
    });
  }

  /** The value of a row's cell. Throws `StateUnreadable`. */
  get<T>(row: Row, cell: Cell<T>): T | undefined {
    const value = row.values[cell.tag];
    if (value !== undefined) return value as T;
    const at = row.cellAt[cell.tag];
    if (at === undefined) return undefined;
    let decoded: T;
    try {
      const [start, end] = [avroAt(at), endOf(row, at)];
      decoded = isOf(row, at, cell)
        ? cell.codec.decode(row.bytes, start, end)
        : cell.codec.decodeFrom(this.#writerOf(fingerprintAt(row, at)), row.bytes.subarray(start, end));
    } catch (cause) {
      throw new StateUnreadable(`cell ${cell.name} can't be read by this version's schema`, { cause });
    }
    row.values[cell.tag] = decoded;
    return decoded;
  }

  set<T>(row: Row, cell: Cell<T>, value: T | undefined): void {
    const { tag } = cell;
    const undo = this.#undos++;
    this.#undoRows[undo] = row;
    this.#undoTags[undo] = tag;
    this.#undoValues[undo] = row.values[tag];
    this.#undoCellAt[undo] = row.cellAt[tag];
    row.values[tag] = value;
    // In memory nothing is ever stored, and no list of places should grow for each row.
    if (row.cellAt[tag] !== undefined) row.cellAt[tag] = undefined;
    if (row.written?.[tag] !== undefined) row.written[tag] = undefined;
    row.changed |= 1 << tag;
    if (!row.dirty) {
      row.dirty = true;
      this.#dirty.push(row);
      // It may have been let go while its holder looked at others.
      if (this.#store !== undefined && !this.#old.has(row.key)) this.#young.set(row.key, row);
    }
  }

  /** Forgets how to undo: what was set since the last savepoint stays. */
  savepoint(): void {
    this.#undos = 0;
  }

  /** Undoes what was set since the last savepoint. */
  rollback(): void {
    for (let i = this.#undos - 1; i >= 0; i--) {
      const row = this.#undoRows[i] as Row;
      const tag = this.#undoTags[i] as number;
      row.values[tag] = this.#undoValues[i];
      row.cellAt[tag] = this.#undoCellAt[i];
    }
    this.savepoint();
  }

  /** What changed since the last call, for one write; call `committed` with the token once it is in the store. */
  takeChanges(): { readonly changes: StoreChange[]; readonly token: number } {
    const token = ++this.#commit;
    const changes = this.#newSchemas;
    const writer = this.#writer;
    this.#newSchemas = [];
    for (const row of this.#dirty) {
      row.dirty = false;
      row.takenBy = token;
      if (writer === undefined) continue;
      writer.begin();
      writer.byte(ROW);
      writer.utf8(row.key);
      const key = writer.take();
      encodeRow(row, this.#cells, writer);
      changes.push(writer.length === 0 ? { key } : { key, value: writer.take() });
    }
    this.#dirty = [];
    return { changes, token };
  }

  committed(token: number): void {
    this.#committed = token;
  }

  /** A row stays in memory for good: who holds it need not ask for it again. */
  get keepsRows(): boolean {
    return this.#store === undefined;
  }

  /** Rows held in memory. */
  get held(): number {
    let held = this.#young.size + this.#old.size;
    for (const rows of this.#byId.values()) held += rows.size;
    return held;
  }

  #inMemory(tenantId: string, id: string, key?: string): Row {
    let rows = this.#byId.get(tenantId);
    if (rows === undefined) {
      rows = new Map();
      this.#byId.set(tenantId, rows);
    }
    let row = rows.get(id);
    if (row === undefined) {
      row = emptyRow(key ?? keyOf(tenantId, id), this.#cells.length);
      rows.set(id, row);
    }
    return row;
  }

  #keep(key: string, row: Row): void {
    this.#young.set(key, row);
    if (this.#young.size <= this.#hotRows) return;
    const old = this.#old;
    this.#old = this.#young;
    this.#young = new Map();
    // A row that the store does not have yet can't be let go.
    for (const [k, r] of old) if (r.dirty || r.takenBy > this.#committed) this.#young.set(k, r);
  }

  #decode(key: string, bytes: Buffer): Row {
    try {
      return decodeRow(key, bytes, this.#cells.length);
    } catch (cause) {
      throw new StateUnreadable('a row of the state is damaged', { cause });
    }
  }

  #writerOf(fingerprint: Buffer): string {
    const name = fingerprint.toString('hex');
    let json = this.#writers.get(name);
    if (json === undefined) {
      json = this.#store?.get(schemaKey(fingerprint))?.toString('utf8');
      if (json === undefined) throw new StateUnreadable(`the schema ${name} that wrote the state is unknown`);
      this.#writers.set(name, json);
    }
    return json;
  }
}

function rowKey(key: string): Buffer {
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(key));
  bytes[0] = ROW;
  bytes.write(key, 1);
  return bytes;
}

function schemaKey(fingerprint: Buffer): Buffer {
  return Buffer.concat([Buffer.from([SCHEMA]), fingerprint]);
}
