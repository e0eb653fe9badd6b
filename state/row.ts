// A row: the cells kept for one key, as they lie in the store. Each cell is written with the fingerprint of its schema, so
// that newer code reads what older code wrote.
import type { Cell } from './store.ts';

const HEADER = 13; // tag (1), fingerprint (8), length (4)

/** A cell as it was read: bytes until somebody asks for the value. */
export interface StoredCell {
  readonly fingerprint: Buffer;
  readonly avro: Buffer;
}

export interface Row {
  readonly key: string;
  /** Decoded values by tag; undefined where absent or not decoded yet. */
  readonly values: unknown[];
  /** Bytes by tag, as of the last read or write; undefined where absent or changed since. */
  readonly stored: (StoredCell | undefined)[];
  dirty: boolean;
  /** Number of the commit that last took it; it stays in the cache until that commit is done. */
  takenBy: number;
}

export function emptyRow(key: string): Row {
  return { key, values: [], stored: [], dirty: false, takenBy: 0 };
}

export function decodeRow(key: string, bytes: Buffer): Row {
  const row = emptyRow(key);
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    const length = bytes.readUInt32BE(at + 9);
    const end = at + HEADER + length;
    if (end > bytes.length) throw new RangeError('the row ends within a cell');
    row.stored[tag] = { fingerprint: bytes.subarray(at + 1, at + 9), avro: bytes.subarray(at + HEADER, end) };
    at = end;
  }
  return row;
}

/**
 * The row's bytes; undefined when no cell is left. Encodes only the cells that changed, and keeps those of tags that only a
 * newer version knows.
 */
export function encodeRow(row: Row, cells: readonly (Cell<unknown> | undefined)[]): Buffer | undefined {
  const parts: Buffer[] = [];
  const tags = Math.max(cells.length, row.stored.length);
  for (let tag = 0; tag < tags; tag++) {
    let stored = row.stored[tag];
    if (stored === undefined) {
      const value = row.values[tag];
      const cell = cells[tag];
      if (value === undefined || cell === undefined) continue;
      stored = { fingerprint: cell.codec.fingerprint, avro: cell.codec.encode(value) };
      row.stored[tag] = stored;
    }
    const header = Buffer.allocUnsafe(HEADER);
    header[0] = tag;
    stored.fingerprint.copy(header, 1);
    header.writeUInt32BE(stored.avro.length, 9);
    parts.push(header, stored.avro);
  }
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}
