// A task's keyed state: typed cells over a byte store, with a cache of hot rows, savepoints and one set of changes a commit.
// The cache is the overlay: what was set is read back at once, and reaches the store only with the commit that takes it.
//
// Rows are decoded from when they are asked for until the next commit. The cache beyond it holds their bytes, each row as one
// string: decoded rows that lived from commit to commit were most of what the garbage collector copied and marked, and
// nearly all were let go or replaced before anybody looked at them again.
import { schemaNameOf } from '../schemas/avro.ts';
import { ByteWriter } from '../schemas/byte-writer.ts';
import { compareBytes } from '../schemas/order.ts';
import { keyOf } from '../schemas/topics.ts';
import { RowIndex } from './memory/row-index.ts';
import { avroAt, emptyRow, encodeRow, endOf, fingerprintAt, isOf, type Row, unpackRow } from './row.ts';
import type { Cell, Store, StoreChange } from './store.ts';

const ROW = 0x72; // 'r'
const SCHEMA = 0x73; // 's'
const DEFAULT_HOT_ROWS = 200_000;
const DEFAULT_HOT_BYTES = 64 << 20;

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
  /** Bytes of them, alike. */
  readonly hotBytes?: number;
}

export class KeyedState {
  readonly #store: Store | undefined;
  readonly #cells: (Cell<unknown> | undefined)[] = [];
  readonly #hotRows: number;
  readonly #hotBytes: number;
  readonly #writers = new Map<string, string>();
  /** All rows, by tenant and id, where there is no store; the others are empty then. */
  readonly #byId = new Map<string, RowIndex>();
  /** Those within each of them, where there are any: a campaign has one for each message. */
  readonly #within = new Map<Row, RowIndex>();
  /** The tenant asked for last, and its rows. */
  #tenant: string | undefined;
  #ofTenant = new RowIndex();
  /** Rows decoded since the last commit was taken; all that changed are among them. */
  #decoded = new Map<string, Row>();
  // The bytes of rows as of the last commit taken, '' of those that there are none of. Two generations: what is read from the
  // old one is also put into the young one; when that is full, the old one is let go.
  #young = new Map<string, string>();
  #youngBytes = 0;
  #old = new Map<string, string>();
  /** The bytes of one row, to decode its cells from. */
  #bytes: Buffer = Buffer.allocUnsafeSlow(4096);
  #inBytes: Row | undefined;
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

  constructor({ store, cells, hotRows = DEFAULT_HOT_ROWS, hotBytes = DEFAULT_HOT_BYTES }: KeyedStateOptions) {
    this.#store = store;
    this.#writer = store === undefined ? undefined : new ByteWriter();
    this.#hotRows = hotRows;
    this.#hotBytes = hotBytes;
    for (const cell of cells) {
      this.#cells[cell.tag] = cell;
      const key = schemaKey(cell.codec.fingerprint);
      if (store !== undefined && store.get(key) === undefined) {
        this.#newSchemas.push({ key, value: Buffer.from(cell.codec.json) });
      }
    }
  }

  /**
   * Throws `StateUnreadable` when a schema that wrote some of the state does not resolve with that of this version's cell of
   * the same name. A row that nobody changed since lies as it was written however long ago, so it is asked of all of them, and
   * before anything is written that the version before could not read in its turn.
   */
  checkSchemas(): void {
    if (this.#store === undefined) return;
    for (const [key, value] of this.#store.scan(Buffer.from([SCHEMA]), Buffer.from([SCHEMA + 1]))) {
      const json = value.toString('utf8');
      const fingerprint = key.subarray(1).toString('hex');
      const name = this.#nameOf(json, fingerprint);
      const cells = this.#cells.filter((cell) => cell?.codec.name === name);
      const refusals = cells.map((cell) => (cell === undefined ? undefined : refusalOf(cell, json)));
      if (refusals.length === 0 || refusals.includes(undefined)) continue;
      const what = `cell ${cells[0]?.name}: state that the schema ${name} ${fingerprint} wrote can't be read by this version`;
      const mend =
        'start a version whose schema can: a field that is new there needs a default, and a type may not change';
      throw new StateUnreadable(`${what}: ${refusals[0]}: ${mend}; the state is kept as it was`);
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
    return this.#decoded.get(key) ?? this.#decode(key, this.#packed(key));
  }

  /** The row within a key's (one of a campaign's reservations); without `sub` the key's own. */
  rowWithin(row: Row, sub: string | undefined): Row {
    if (sub === undefined) return row;
    if (this.#store !== undefined) return this.row(keyWithin(row.key, sub));
    let rows = this.#within.get(row);
    if (rows === undefined) {
      rows = new RowIndex();
      this.#within.set(row, rows);
    }
    let found = rows.get(sub);
    if (found === undefined) {
      found = emptyRow(keyWithin(row.key, sub), this.#cells.length);
      rows.add(sub, found);
    }
    return found;
  }

  /** Reads the rows of the keys that are not in memory, in one call to the store. */
  prefetch(keys: Iterable<string>): void {
    if (this.#store === undefined) return;
    const missing = new Set<string>();
    for (const key of keys) {
      if (!(this.#decoded.has(key) || this.#young.has(key) || this.#old.has(key))) missing.add(key);
    }
    if (missing.size === 0) return;
    const list = [...missing];
    const found = this.#store.getMany(list.map(rowKey));
    for (let i = 0; i < list.length; i++) this.#keep(list[i] as string, found[i]?.toString('latin1') ?? '');
    this.#age();
  }

  /** The value of a row's cell. Throws `StateUnreadable`. */
  get<T>(row: Row, cell: Cell<T>): T | undefined {
    const value = row.values[cell.tag];
    if (value !== undefined) return value as T;
    const at = row.cellAt[cell.tag];
    if (at === undefined) return undefined;
    const bytes = this.#bytesOf(row);
    const writer = isOf(bytes, at, cell) ? undefined : this.#writerOf(fingerprintAt(bytes, at), cell);
    let decoded: T;
    try {
      const [start, end] = [avroAt(at), endOf(row.packed, at)];
      decoded =
        writer === undefined
          ? cell.codec.decode(bytes, start, end)
          : cell.codec.decodeFrom(writer, bytes.subarray(start, end));
    } catch (cause) {
      throw new StateUnreadable(`cell ${cell.name} can't be read by this version's schema: ${messageOf(cause)}`, {
        cause,
      });
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
    if (!row.dirty) {
      row.dirty = true;
      this.#dirty.push(row);
      // It may have been let go while its holder looked at others.
      if (this.#store !== undefined) this.#decoded.set(row.key, row);
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
      const at = this.#undoCellAt[i];
      if (at !== undefined) row.cellAt[tag] = at;
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
      if (writer === undefined) continue;
      writer.begin();
      writer.byte(ROW);
      writer.utf8(row.key);
      const key = writer.take();
      encodeRow(row, this.#cells, writer);
      this.#keep(row.key, writer.latin1Since(0));
      changes.push(writer.length === 0 ? { key } : { key, value: writer.take() });
    }
    this.#dirty = [];
    this.#inBytes = undefined;
    if (this.#decoded.size > 0) this.#decoded = new Map();
    return { changes, token };
  }

  committed(token: number): void {
    this.#committed = token;
    this.#age();
  }

  /** A row stays in memory for good: who holds it need not ask for it again. */
  get keepsRows(): boolean {
    return this.#store === undefined;
  }

  /** What was changed until now lies in the store when `isSettled` of this. */
  get barrier(): number {
    return this.#dirty.length > 0 ? this.#commit + 1 : this.#commit;
  }

  isSettled(barrier: number): boolean {
    return this.#store === undefined || this.#committed >= barrier;
  }

  /** Keys of rows that come after the key, in order, at most `limit`: of those in the store, or, without one, of all. */
  keysAfter(key: string, limit: number): readonly string[] {
    if (this.#store !== undefined) {
      const from = Buffer.concat([rowKey(key), Buffer.from([0])]);
      return this.#store.scan(from, Buffer.from([ROW + 1]), limit).map(([found]) => found.toString('utf8', 1));
    }
    const all = this.#indexes()
      .flatMap((rows) => rows.keys())
      .filter((found) => compareBytes(found, key) > 0);
    return all.sort(compareBytes).slice(0, limit);
  }

  /** Rows held in memory, decoded or as bytes; those held as both count twice. */
  get held(): number {
    let held = this.#decoded.size + this.#young.size + this.#old.size;
    for (const rows of this.#indexes()) held += rows.size;
    return held;
  }

  #indexes(): readonly RowIndex[] {
    return [...this.#byId.values(), ...this.#within.values()];
  }

  #inMemory(tenantId: string, id: string, key?: string): Row {
    if (tenantId !== this.#tenant) this.#ofTenant = this.#rowsOf(tenantId);
    this.#tenant = tenantId;
    const rows = this.#ofTenant;
    let row = rows.get(id);
    if (row === undefined) {
      row = emptyRow(key ?? keyOf(tenantId, id), this.#cells.length);
      rows.add(id, row);
    }
    return row;
  }

  #rowsOf(tenantId: string): RowIndex {
    let rows = this.#byId.get(tenantId);
    if (rows === undefined) {
      rows = new RowIndex();
      this.#byId.set(tenantId, rows);
    }
    return rows;
  }

  /** The row's bytes, from memory or the store. */
  #packed(key: string): string {
    let packed = this.#young.get(key);
    if (packed !== undefined) return packed;
    packed = this.#old.get(key) ?? this.#store?.get(rowKey(key))?.toString('latin1') ?? '';
    this.#keep(key, packed);
    this.#age();
    return packed;
  }

  #keep(key: string, packed: string): void {
    this.#youngBytes += packed.length - (this.#young.get(key)?.length ?? 0);
    this.#young.set(key, packed);
  }

  #age(): void {
    if (this.#young.size <= this.#hotRows && this.#youngBytes <= this.#hotBytes) return;
    // The store does not have the rows of a commit under way: they can't be let go.
    if (this.#committed < this.#commit) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  #decode(key: string, packed: string): Row {
    let row: Row;
    try {
      row = packed === '' ? emptyRow(key, this.#cells.length) : unpackRow(key, packed, this.#cells.length);
    } catch (cause) {
      throw new StateUnreadable('a row of the state is damaged', { cause });
    }
    const unchanged = this.#decoded.size - this.#dirty.length;
    if (unchanged > this.#hotRows) this.#decoded = new Map(this.#dirty.map((dirty) => [dirty.key, dirty]));
    this.#decoded.set(key, row);
    return row;
  }

  #bytesOf(row: Row): Buffer {
    if (this.#inBytes === row) return this.#bytes;
    const { packed } = row;
    if (packed.length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(2 * packed.length);
    this.#bytes.write(packed, 0, 'latin1');
    this.#inBytes = row;
    return this.#bytes;
  }

  #nameOf(json: string, fingerprint: string): string {
    try {
      return schemaNameOf(json);
    } catch (cause) {
      throw new StateUnreadable(`the schema ${fingerprint} that wrote the state is damaged`, { cause });
    }
  }

  #writerOf(fingerprint: Buffer, cell: Cell<unknown>): string {
    const name = fingerprint.toString('hex');
    let json = this.#writers.get(name);
    if (json === undefined) {
      json = this.#store?.get(schemaKey(fingerprint))?.toString('utf8');
      if (json === undefined)
        throw new StateUnreadable(`cell ${cell.name}: the schema ${name} that wrote it is unknown`);
      this.#writers.set(name, json);
    }
    return json;
  }
}

/** Why what the schema wrote can't be read as the cell; undefined when it can. */
function refusalOf({ codec }: Cell<unknown>, writerJson: string): string | undefined {
  try {
    codec.checkReads(writerJson);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function rowKey(key: string): Buffer {
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(key));
  bytes[0] = ROW;
  bytes.write(key, 1);
  return bytes;
}

/** Rows within a key are separated from it by a zero byte. */
function keyWithin(key: string, sub: string): string {
  return `${key}\0${sub}`;
}

function schemaKey(fingerprint: Buffer): Buffer {
  return Buffer.concat([Buffer.from([SCHEMA]), fingerprint]);
}
