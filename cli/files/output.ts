// Writes a folder of NDJSON files and counts what goes into them.
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FLUSH_AT = 1 << 20;

/** A file of lines, written in large pieces. */
export class LineWriter {
  readonly #file: number;
  #lines: string[] = [];
  #length = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  write(line: string): void {
    this.#lines.push(line);
    this.#length += line.length + 1;
    if (this.#length >= FLUSH_AT) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const bytes = Buffer.from(`${this.#lines.join('\n')}\n`);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    this.#lines = [];
    this.#length = 0;
  }
}

/** Opens one writer for each name, as `<folder>/<name>.ndjson`; makes the folder. */
export function openWriters(folder: string, names: readonly string[]): ReadonlyMap<string, LineWriter> {
  mkdirSync(folder, { recursive: true });
  return new Map(names.map((name) => [name, new LineWriter(join(folder, `${name}.ndjson`))]));
}
