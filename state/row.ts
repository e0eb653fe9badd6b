// A row: the cells kept for one key, as they lie in the store. Each cell is written with the fingerprint of its schema, so
// that newer code reads what older code wrote.
import type { ByteWriter } from '../schemas/byte-writer.ts';
import type { Cell } from './store.ts';

const FINGERPRINT = 1; // after the tag
const LENGTH = 9; // after the fingerprint (8 bytes)
const HEADER = 13; // then the length (4 bytes), then the Avro bytes

export interface Row {
  readonly key: string;
  /** Decoded values by tag; undefined where absent or not decoded yet. */
  readonly values: unknown[];
  /** The row as it was read from the store. */
  readonly bytes: Buffer;
  /** Where each cell begins in `bytes`, by tag; undefined where absent or changed since. */
  readonly cellAt: (number | undefined)[];
  /** Cells written before that did not change since, by tag, as they lie in the store: a byte a character. */
  written: (string | undefined)[] | undefined;
  /** Tags of the cells changed since the last commit, a bit each. */
  changed: number;
  dirty: boolean;
  /** Number of the commit that last took it; it stays in the cache until that commit is done. */
  takenBy: number;
}

const NONE: Buffer = Buffer.alloc(0);

/** `cells` is how many there may be: a list made for them takes half the memory of one that grows. */
export function emptyRow(key: string, cells = 0, bytes: Buffer = NONE): Row {
  return {
    key,
    values: new Array<unknown>(cells).fill(undefined),
    bytes,
    cellAt: [],
    written: undefined,
    changed: 0,
    dirty: false,
    takenBy: 0,
  };
}

/** Throws when the bytes are no row's. */
export function decodeRow(key: string, bytes: Buffer, cells = 0): Row {
  const row = emptyRow(key, cells, bytes);
  for (let at = 0; at < bytes.length; at = endOf(row, at)) {
    row.cellAt[bytes.readUInt8(at)] = at;
    if (endOf(row, at) > bytes.length) throw new RangeError('the row ends within a cell');
  }
  return row;
}

/** Whether the stored cell was written by the codec's own schema. */
export function isOf({ bytes }: Row, at: number, { codec: { fingerprint } }: Cell<unknown>): boolean {
  for (let i = 0; i < fingerprint.length; i++) if (bytes[at + FINGERPRINT + i] !== fingerprint[i]) return false;
  return true;
}

/** The fingerprint of the schema that wrote the stored cell. */
export function fingerprintAt({ bytes }: Row, at: number): Buffer {
  return bytes.subarray(at + FINGERPRINT, at + LENGTH);
}

/** Where the stored cell's Avro bytes begin. */
export function avroAt(at: number): number {
  return at + HEADER;
}

/** Where the stored cell's Avro bytes end. */
export function endOf({ bytes }: Row, at: number): number {
  return at + HEADER + bytes.readUInt32BE(at + LENGTH);
}

/**
 * Writes the row's bytes to `into`; nothing when no cell is left. Cells as they were read, those of tags that only a newer
 * version knows among them, are copied. The others are encoded. Of one that sat out a commit the bytes are kept, for it may sit
 * out many: as a string, because a Buffer for each cost the garbage collector more than it saved.
 */
export function encodeRow(row: Row, cells: readonly (Cell<unknown> | undefined)[], into: ByteWriter): void {
  const tags = Math.max(cells.length, row.cellAt.length);
  for (let tag = 0; tag < tags; tag++) {
    const at = row.cellAt[tag];
    if (at !== undefined) {
      into.copy(row.bytes, at, endOf(row, at));
      continue;
    }
    const written = row.written?.[tag];
    if (written !== undefined) {
      into.latin1(written);
      continue;
    }
    const value = row.values[tag];
    const cell = cells[tag];
    if (value === undefined || cell === undefined) continue;
    const { codec } = cell;
    const start = into.length;
    into.byte(tag);
    into.copy(codec.fingerprint);
    into.uint32(0); // the length, once it is known
    const before = into.length;
    codec.write(value, into);
    const length = into.length - before;
    into.uint32Back(length, length + 4);
    if ((row.changed & (1 << tag)) !== 0) continue;
    row.written ??= [];
    row.written[tag] = into.latin1Since(start);
  }
  row.changed = 0;
}
