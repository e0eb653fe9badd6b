// A store in memory, ordered: for simulations and tests. Nothing of it survives the process.
import type { Store, StoreChange } from '../store.ts';

/** Keys per block at most: an insertion moves a part of one block, and one in many the list of blocks. */
const BLOCK = 512;

/**
 * Values lie in a map, keys in sorted blocks. A key is kept as a string with a character for each byte: such strings are
 * ordered as their bytes are. Values are copied in; those handed out belong to the store and are not to be changed.
 */
export class MemoryStore implements Store {
  readonly #values = new Map<string, Buffer>();
  readonly #blocks: string[][] = [];

  get(key: Buffer): Buffer | undefined {
    return this.#values.get(key.toString('latin1'));
  }

  getMany(keys: readonly Buffer[]): (Buffer | undefined)[] {
    return keys.map((key) => this.#values.get(key.toString('latin1')));
  }

  scan(gte: Buffer, lt: Buffer, limit = Number.POSITIVE_INFINITY): [key: Buffer, value: Buffer][] {
    const first = gte.toString('latin1');
    const end = lt.toString('latin1');
    const entries: [Buffer, Buffer][] = [];
    let at = this.#blockOf(first);
    let position = lowerBound(this.#blocks[at] ?? [], first);
    for (; at < this.#blocks.length; at++, position = 0) {
      const block = this.#blocks[at] as string[];
      for (; position < block.length; position++) {
        const key = block[position] as string;
        if (key >= end || entries.length >= limit) return entries;
        entries.push([Buffer.from(key, 'latin1'), this.#values.get(key) as Buffer]);
      }
    }
    return entries;
  }

  async write(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, value } of changes) {
      const name = key.toString('latin1');
      if (value === undefined) {
        if (this.#values.delete(name)) this.#remove(name);
      } else {
        if (!this.#values.has(name)) this.#insert(name);
        this.#values.set(name, Buffer.from(value));
      }
    }
  }

  async close(): Promise<void> {}

  #insert(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([key]);
      return;
    }
    block.splice(lowerBound(block, key), 0, key);
    if (block.length <= BLOCK) return;
    // Keys that come in order leave full blocks behind them; others split in the middle.
    const inOrder = at === this.#blocks.length - 1 && block[block.length - 1] === key;
    this.#blocks.splice(at + 1, 0, block.splice(inOrder ? BLOCK : BLOCK / 2));
  }

  #remove(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at] as string[];
    block.splice(lowerBound(block, key), 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** The last block that begins at or before the key, else the first. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** The position of the first key that is not before `key`. */
function lowerBound(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
