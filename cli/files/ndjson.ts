// Reads NDJSON files of a topic's JSON form, plain or gzipped, as a stream of batches; bad lines are reported, never fatal.
import { isUtf8 } from 'node:buffer';
import { closeSync, createReadStream, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadValue, type JsonForm, jsonForm } from '../../schemas/json-form.ts';
import { type JsonScan, jsonScan } from '../../schemas/json-scan.ts';
import type { Topic } from '../../schemas/topics.ts';
import { BadInput } from '../errors.ts';

export interface Line<T> {
  /** From 1. */
  readonly line: number;
  readonly value: T;
}

export interface BadLine {
  readonly line: number;
  readonly code: 'not-utf8' | 'too-long' | 'not-json' | 'bad-value';
  readonly message: string;
  /** The line as it came. */
  readonly original: Buffer;
}

export interface LineBatch<T> {
  readonly lines: readonly Line<T>[];
  readonly bad: readonly BadLine[];
  /** Bytes of the file read so far (of a gzipped one: compressed bytes). */
  readonly bytesRead: number;
}

/** A file can't be read at all. */
export class UnreadableFile extends BadInput {
  override readonly name = 'UnreadableFile';
}

const CHUNK = 1 << 16;
/** So many chunks of a regular file are read in a row: a thread asked for each costs several times the reading. */
const CHUNKS_AT_ONCE = 8;
/** No record needs a longer line; one that is longer is skipped without being held whole. */
export const MAX_LINE = 8 << 20;
const NEWLINE = 10;

/** The file's size in bytes; 0 where it has none, as a pipe. Throws `UnreadableFile` when it is missing or no NDJSON file. */
export function fileSize(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) {
      throw new UnreadableFile(`${path}: is a directory; name an .ndjson or .ndjson.gz file in it`);
    }
    // Opening a pipe would take from it.
    if (!stat.isFile()) return 0;
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(2);
      readSync(file, head, 0, 2, 0);
      const isGzip = head.equals(GZIP);
      const { size } = fstatSync(file);
      if (isGzip === isNamedGzip(path) || size === 0) return size;
      const mend = isGzip ? 'name it .gz, or unpack it' : 'drop the .gz from its name, or pack it';
      throw new UnreadableFile(`${path}: ${isGzip ? 'is a gzip file' : 'is no gzip file'}; ${mend}`);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof UnreadableFile) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new UnreadableFile(
      `${path}: ${missing ? 'no such file; check the path' : `can't be read (${code}); check its permissions`}`,
    );
  }
}

const GZIP = Buffer.from([0x1f, 0x8b]);

function isNamedGzip(path: string): boolean {
  return path.endsWith('.gz');
}

/** The file's records in batches; those that name no tenant are of `tenantId`. Throws `UnreadableFile`. */
export async function* readNdjson<T>(
  path: string,
  topic: Topic<T>,
  tenantId: string = DEFAULT_TENANT,
): AsyncGenerator<LineBatch<T>> {
  const parser = new LineParser(withTenant(topic, tenantId));
  let line = 1;
  for await (const { bytes, tooLong, bytesRead } of readBlocks(path)) {
    const early = tooLong === undefined ? [] : [badLength(line++, tooLong)];
    if (bytes === undefined) {
      yield { lines: [], bad: early, bytesRead };
      continue;
    }
    const { lines, bad, count } = parser.parse(bytes, line);
    line += count;
    yield { lines, bad: [...early, ...bad], bytesRead };
  }
}

/**
 * The records whose line holds a text, without parsing the others: a search through a large file. Lines that are no record
 * of the topic are passed over. Throws `UnreadableFile`.
 */
export async function* readNdjsonWith<T>(
  path: string,
  topic: Topic<T>,
  text: string,
  tenantId: string = DEFAULT_TENANT,
): AsyncGenerator<T> {
  const parser = new LineParser(withTenant(topic, tenantId));
  const wanted = Buffer.from(text);
  for await (const { bytes } of readBlocks(path)) {
    const found = bytes === undefined ? undefined : linesWith(bytes, wanted);
    if (found !== undefined) for (const { value } of parser.parse(found, 1).lines) yield value;
  }
}

/** The topic as records are of that name no tenant but belong to this one. */
function withTenant<T>(topic: Topic<T>, tenantId: string): Topic<T> {
  if (tenantId === DEFAULT_TENANT) return topic;
  const fields = topic.schema.fields.map((field) =>
    field.name === 'tenantId' ? { ...field, default: tenantId } : field,
  );
  return { ...topic, schema: { ...topic.schema, fields } };
}

function linesWith(bytes: Buffer, wanted: Buffer): Buffer | undefined {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf(wanted); at >= 0; ) {
    const start = bytes.lastIndexOf(NEWLINE, at) + 1;
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    found.push(bytes.subarray(start, end), LINE_END);
    at = bytes.indexOf(wanted, end);
  }
  return found.length === 0 ? undefined : Buffer.concat(found);
}

const LINE_END = Buffer.from([NEWLINE]);

/** Whole lines of a file, as many as a chunk holds. */
interface Block {
  /** A line that comes before and is too long. */
  readonly tooLong: TooLong | undefined;
  /** Without the last line's end; undefined when there are none. */
  readonly bytes: Buffer | undefined;
  readonly bytesRead: number;
}

interface TooLong {
  /** Bytes. */
  readonly length: number;
  readonly beginning: readonly Buffer[];
}

async function* readBlocks(path: string): AsyncGenerator<Block> {
  fileSize(path);
  const read = { bytes: 0 };
  let rest: Buffer[] = [];
  let restLength = 0;
  let skipping = false;
  try {
    for await (const chunk of isNamedGzip(path) ? unpackedChunks(path, read) : chunksOf(path, read)) {
      let end = chunk.lastIndexOf(NEWLINE);
      if (end < 0) {
        if (restLength + chunk.length > MAX_LINE) skipping = true;
        // Of a line that is too long the beginning is kept, to be shown.
        if (!skipping) rest.push(Buffer.from(chunk));
        restLength += chunk.length;
        continue;
      }
      let start = 0;
      let tooLong: TooLong | undefined;
      if (skipping) {
        start = chunk.indexOf(NEWLINE) + 1;
        tooLong = { length: restLength + start - 1, beginning: rest };
        skipping = false;
        rest = [];
      }
      end = Math.max(end, start - 1);
      const bytes = end < start ? undefined : Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = end + 1 < chunk.length ? [Buffer.from(chunk.subarray(end + 1))] : [];
      restLength = chunk.length - end - 1;
      yield { tooLong, bytes, bytesRead: read.bytes };
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code?.startsWith('Z_')
      ? `is not a whole gzip file (${message}); unpack it anew`
      : `can't be read (${code ?? message}); check the file and the disk`;
    throw new UnreadableFile(`${path}: ${what}`);
  }
  const { bytes: bytesRead } = read;
  if (skipping) yield { tooLong: { length: restLength, beginning: rest }, bytes: undefined, bytesRead };
  else if (restLength > 0) yield { tooLong: undefined, bytes: Buffer.concat(rest), bytesRead };
}

/** The file in pieces that lie in one block of memory, each only until the next is asked for: a third of a stream's cost. */
async function* chunksOf(path: string, read: { bytes: number }): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    const block = Buffer.allocUnsafe(CHUNK);
    const isFile = (await file.stat()).isFile();
    for (let n = 0; ; n++) {
      // Not to make the rest of the process wait for long: now and then it is let go first.
      if (isFile && n % CHUNKS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      const bytesRead = isFile
        ? readSync(file.fd, block, 0, CHUNK, null)
        : (await file.read(block, 0, CHUNK)).bytesRead;
      if (bytesRead === 0) return;
      read.bytes += bytesRead;
      yield block.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* unpackedChunks(path: string, read: { bytes: number }): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  const unpacked = file.pipe(createGunzip({ chunkSize: CHUNK }));
  file.on('error', (error) => unpacked.destroy(error));
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    read.bytes = file.bytesRead;
    yield chunk;
  }
  read.bytes = file.bytesRead;
}

function badLength(line: number, { length, beginning }: TooLong): BadLine {
  const original = Buffer.concat(beginning).subarray(0, 1024);
  return { line, code: 'too-long', message: `is ${length} bytes long; at most ${MAX_LINE}`, original };
}

/** After a block of which most lines had to be read the long way, so many more are not scanned at all. */
const BLOCKS_UNSCANNED = 31;

/** Reads lines of one topic: by scanning them where that can be, or the long way. */
class LineParser<T> {
  readonly #form: JsonForm<T>;
  readonly #scan: JsonScan<T> | undefined;
  #unscanned = 0;

  constructor(topic: Topic<T>) {
    this.#form = jsonForm(topic);
    this.#scan = jsonScan(topic);
  }

  parse(bytes: Buffer, firstLine: number): { lines: Line<T>[]; bad: BadLine[]; count: number } {
    const lines: Line<T>[] = [];
    const bad: BadLine[] = [];
    const scan = this.#scan;
    // Checked at once; only where some line is not UTF-8 are they looked at one by one.
    const allUtf8 = isUtf8(bytes);
    if (scan === undefined || !allUtf8 || this.#unscanned > 0) {
      if (this.#unscanned > 0) this.#unscanned--;
      const texts = allUtf8 ? bytes.toString('utf8').split('\n') : splitLines(bytes);
      for (let i = 0; i < texts.length; i++) this.#take(texts[i] as string | Buffer, firstLine + i, lines, bad);
      return { lines, bad, count: texts.length };
    }
    scan.open(bytes);
    let texts: readonly string[] | undefined;
    let missed = 0;
    let count = 0;
    for (let start = 0; start <= bytes.length; count++) {
      const value = scan.read(start);
      if (value !== undefined) {
        lines.push({ line: firstLine + count, value });
        start = scan.end + 1;
        continue;
      }
      missed++;
      texts ??= bytes.toString('utf8').split('\n');
      this.#take(texts[count] as string, firstLine + count, lines, bad);
      const newline = bytes.indexOf(NEWLINE, start);
      start = (newline < 0 ? bytes.length : newline) + 1;
    }
    if (missed > count / 2) this.#unscanned = BLOCKS_UNSCANNED;
    return { lines, bad, count };
  }

  #take(text: string | Buffer, line: number, lines: Line<T>[], bad: BadLine[]): void {
    if (typeof text !== 'string') {
      bad.push({ line, code: 'not-utf8', message: 'is not valid UTF-8', original: text });
      return;
    }
    const trimmed = line === 1 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    if (trimmed.length === 0 || trimmed === '\r') return;
    try {
      lines.push({ line, value: this.#form.read(JSON.parse(trimmed)) });
    } catch (error) {
      const code = error instanceof BadValue ? 'bad-value' : 'not-json';
      const message = error instanceof BadValue ? error.message : 'is not JSON (truncated, or not one object a line)';
      bad.push({ line, code, message, original: Buffer.from(text) });
    }
  }
}

function splitLines(bytes: Buffer): (string | Buffer)[] {
  const texts: (string | Buffer)[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    texts.push(isUtf8(line) ? line.toString('utf8') : line);
    start = end + 1;
  }
  return texts;
}
