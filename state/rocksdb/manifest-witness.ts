// Notices that a database's manifest has lost its end. RocksDB takes a shorter manifest for an older one, opens without the
// tables that only the lost end named, and replays the newest write-ahead log all the same: rows are missing in silence. So
// how long the manifest was is kept beside it, and a shorter one of that name is damage.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'beckon-manifest';
/** Names the manifest in force. */
const CURRENT = 'CURRENT';

interface Seen {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export class ManifestWitness {
  readonly #folder: string;
  #seen: Seen | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Why the manifest of a folder can't be whole, or undefined. To be asked before the database opens, which replaces it. */
  static doubt(folder: string): string | undefined {
    const witnessed = read(folder);
    const found = manifestOf(folder);
    if (witnessed === undefined || found === undefined || found.name !== witnessed.name) return undefined;
    const { name, size } = found;
    return size < witnessed.size ? `${name} has ${size} bytes, and had ${witnessed.size}: its end is lost` : undefined;
  }

  /** Of an open database. */
  static of(folder: string): ManifestWitness {
    const witness = new ManifestWitness(folder);
    witness.note();
    return witness;
  }

  /** Keeps how long the manifest is now, where that changed. One `stat`, after every write. */
  note(): void {
    const seen = this.#seen;
    const size = seen === undefined ? undefined : sizeOf(this.#folder, seen.name);
    if (seen !== undefined && size === seen.size) return;
    const found = seen === undefined || size === undefined ? manifestOf(this.#folder) : { name: seen.name, size };
    if (found === undefined) return;
    // A file that a crash left half written would accuse a manifest that is whole.
    const next = join(this.#folder, `${FILE}.next`);
    writeFileSync(next, `${JSON.stringify(found)}\n`);
    renameSync(next, join(this.#folder, FILE));
    this.#seen = found;
  }
}

function read(folder: string): Seen | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Seen;
  } catch {
    return undefined;
  }
}

function manifestOf(folder: string): Seen | undefined {
  let name: string;
  try {
    name = readFileSync(join(folder, CURRENT), 'utf8').trim();
  } catch {
    return undefined;
  }
  const size = sizeOf(folder, name);
  return size === undefined ? undefined : { name, size };
}

function sizeOf(folder: string, name: string): number | undefined {
  return statSync(join(folder, name), { throwIfNoEntry: false })?.size;
}
