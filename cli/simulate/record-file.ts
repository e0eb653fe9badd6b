// The files a simulation writes its records to, as lines of JSON.
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonAppend, JsonBytes, jsonAppend } from '../../schemas/json-bytes.ts';
import type { Topic } from '../../schemas/topics.ts';

/** Bytes gathered before they are written. */
const FLUSH_AT = 1 << 16;
/** Bytes written at once. Measured on ext4: a write of 128 KiB or more costs the kernel ten times as much a byte. */
const WRITE_AT_ONCE = 1 << 16;
const NEWLINE = 10;

export class RecordFile {
  readonly #file: number;
  readonly #append: JsonAppend<unknown>;
  readonly #lines = new JsonBytes(FLUSH_AT + (1 << 14));

  constructor(path: string, topic: Topic<unknown>) {
    this.#file = openSync(path, 'w');
    this.#append = jsonAppend(topic);
  }

  write(value: unknown): void {
    const lines = this.#lines;
    this.#append(value, lines);
    lines.byte(NEWLINE);
    if (lines.length >= FLUSH_AT) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    const { bytes, length } = this.#lines;
    for (let at = 0; at < length; ) at += writeSync(this.#file, bytes, at, Math.min(length - at, WRITE_AT_ONCE));
    this.#lines.length = 0;
  }
}

/** One for each topic, as `<folder>/<name>.ndjson`; the folder must be there. */
export function openRecordFiles(
  folder: string,
  topics: readonly Topic<unknown>[],
): ReadonlyMap<Topic<unknown>, RecordFile> {
  return new Map(topics.map((topic) => [topic, new RecordFile(join(folder, `${topic.name}.ndjson`), topic)]));
}
