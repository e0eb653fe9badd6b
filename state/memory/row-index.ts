// Rows by id, for a state that is all in memory: an open-addressed table. Half the cost of a `Map`, which looks at the text of
// every id on its way, each somewhere else in memory; here it goes by hashes that lie side by side.
import type { Row } from '../row.ts';

const SMALLEST = 64;

export class RowIndex {
  /** By place; 0 where there is no row. */
  #hashes = new Int32Array(SMALLEST);
  /** Id and row by place, in turn. */
  #entries: (string | Row | undefined)[] = emptyEntries(SMALLEST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): Row | undefined {
    const hashes = this.#hashes;
    const hash = hashOf(id);
    const last = hashes.length - 1;
    for (let at = hash & last; ; at = (at + 1) & last) {
      const held = hashes[at];
      if (held === 0) return undefined;
      if (held === hash && this.#entries[2 * at] === id) return this.#entries[2 * at + 1] as Row;
    }
  }

  /** Adds the row of an id that has none. */
  add(id: string, row: Row): void {
    if (2 * ++this.#size > this.#hashes.length) this.#grow();
    this.#put(hashOf(id), id, row);
  }

  /** Of all rows, in no order. */
  keys(): string[] {
    return this.#entries.flatMap((entry) => (typeof entry === 'object' ? [entry.key] : []));
  }

  #put(hash: number, id: string, row: Row): void {
    const hashes = this.#hashes;
    const last = hashes.length - 1;
    let at = hash & last;
    while (hashes[at] !== 0) at = (at + 1) & last;
    hashes[at] = hash;
    this.#entries[2 * at] = id;
    this.#entries[2 * at + 1] = row;
  }

  #grow(): void {
    const [hashes, entries] = [this.#hashes, this.#entries];
    this.#hashes = new Int32Array(2 * hashes.length);
    this.#entries = emptyEntries(2 * hashes.length);
    for (let at = 0; at < hashes.length; at++) {
      const hash = hashes[at] as number;
      if (hash !== 0) this.#put(hash, entries[2 * at] as string, entries[2 * at + 1] as Row);
    }
  }
}

/** Filled one by one: an array made with a great length at once is kept as a dictionary. */
function emptyEntries(places: number): undefined[] {
  const entries: undefined[] = [];
  for (let i = 0; i < 2 * places; i++) entries.push(undefined);
  return entries;
}

/** 32 bits, never 0; the low ones, which say the place, depend on all of the text. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return hash === 0 ? 1 : hash;
}
