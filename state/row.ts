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
  /** The row as it was read: its bytes, a character a byte. */
  readonly packed: string;
  /** Where each cell begins in `packed`, by tag; undefined where absent or changed since. */
  readonly cellAt: (number | undefined)[];
  /** Changed since the last commit. */
  dirty: boolean;
}

const NO_CELLS: (number | undefined)[] = [];

/** `cells` is how many there may be: a list made for them takes half the memory of one that grows. */
export function emptyRow(key: string, cells = 0): Row {
  return { key, values: new Array<unknown>(cells).fill(undefined), packed: '', cellAt: NO_CELLS, dirty: false };
}

/** Throws when the bytes are no row's. */
export function unpackRow(key: string, packed: string, cells = 0): Row {
  const cellAt = new Array<number | undefined>(cells).fill(undefined);
  for (let at = 0; at < packed.length; ) {
    cellAt[packed.charCodeAt(at)] = at;
    if (at + HEADER > packed.length) throw new RangeError('the row ends within the head of a cell');
    at = endOf(packed, at);
    if (at > packed.length) throw new RangeError('the row ends within a cell');
  }
  return { key, values: new Array<unknown>(cells).fill(undefined), packed, cellAt, dirty: false };
}

/** Whether the cell at `at` was written by the codec's own schema. */
export function isOf(bytes: Buffer, at: number, { codec: { fingerprint } }: Cell<unknown>): boolean {
  for (let i = 0; i < fingerprint.length; i++) if (bytes[at + FINGERPRINT + i] !== fingerprint[i]) return false;
  return true;
}

/** The fingerprint of the schema that wrote the cell at `at`. */
export function fingerprintAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + FINGERPRINT, at + LENGTH);
}

/** Where the Avro bytes of the cell at `at` begin. */
export function avroAt(at: number): number {
  return at + HEADER;
}

/** Where the cell at `at` ends. */
export function endOf(packed: string, at: number): number {
  const length = at + LENGTH;
  const high = packed.charCodeAt(length) * 0x100_0000;
  const low =
    (packed.charCodeAt(length + 1) << 16) | (packed.charCodeAt(length + 2) << 8) | packed.charCodeAt(length + 3);
  return at + HEADER + high + low;
}

/**
 * Writes the row's bytes to `into`; nothing when no cell is left. Cells that did not change since they were read, those of
 * tags that only a newer version knows among them, are copied. The others are encoded.
 */
export function encodeRow(row: Row, cells: readonly (Cell<unknown> | undefined)[], into: ByteWriter): void {
  const tags = Math.max(cells.length, row.cellAt.length);
  for (let tag = 0; tag < tags; tag++) {
    const at = row.cellAt[tag];
    if (at !== undefined) {
      into.latin1(row.packed.slice(at, endOf(row.packed, at)));
      continue;
    }
    const value = row.values[tag];
    const cell = cells[tag];
    if (value === undefined || cell === undefined) continue;
    const { codec } = cell;
    into.byte(tag);
    into.copy(codec.fingerprint);
    into.uint32(0); // the length, once it is known
    const before = into.length;
    codec.write(value, into);
    const length = into.length - before;
    into.uint32Back(length, length + 4);
  }
}
