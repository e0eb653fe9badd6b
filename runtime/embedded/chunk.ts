// A chunk: the records one commit appended to one partition, as one value of the database. That is what makes the log fast,
// for an entry costs a microsecond to write and another to read, whatever its size.
//
//   first offset (6 bytes), newest timestamp (8), count (4), then for each record:
//   timestamp (8), key, value, number of headers, and for each header its name and value
//
// The number of headers is a varint. Bytes and text are preceded by their length as a varint; that of a key or value is
// their length + 1, and 0 says null.
import type { LogRecord, NewRecord } from '../log.ts';

const FIRST_OFFSET_BYTES = 6;
const NEWEST_AT = FIRST_OFFSET_BYTES;
const COUNT_AT = NEWEST_AT + 8;
const HEADER = COUNT_AT + 4;

/** A chunk ends with the record that passes this size: whoever keeps one record's bytes keeps its whole chunk in memory. */
const CHUNK_BYTES = 64 * 1024;

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** Records encoded together; their first offset is set when they are written. */
export interface Chunk {
  readonly bytes: Buffer;
  /** Positions, in the list they came from, of the records within. */
  readonly members: readonly number[];
}

/** Encodes the records of `members`, all of one partition, as chunks. */
export function encodeChunks(records: readonly NewRecord[], members: readonly number[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0; from < members.length; ) {
    let size = HEADER;
    let to = from;
    while (to < members.length && size < CHUNK_BYTES) size += sizeOf(records[members[to++] as number] as NewRecord);
    const within = from === 0 && to === members.length ? members : members.slice(from, to);
    chunks.push({ bytes: encode(records, within, size), members: within });
    from = to;
  }
  return chunks;
}

export function setFirstOffset(chunk: Chunk, offset: number): void {
  chunk.bytes.writeUIntBE(offset, 0, FIRST_OFFSET_BYTES);
}

export function firstOffset(bytes: Buffer): number {
  return bytes.readUIntBE(0, FIRST_OFFSET_BYTES);
}

/** The offset after the last record's. */
export function nextOffset(bytes: Buffer): number {
  return firstOffset(bytes) + bytes.readUInt32BE(COUNT_AT);
}

export function newestTimestamp(bytes: Buffer): number {
  return bytes.readDoubleBE(NEWEST_AT);
}

/**
 * Adds the chunk's records from offset `from` on to `into`, until that holds `limit` records or `maxBytes` are reached, and
 * returns the bytes added. Keys and values share the chunk's memory.
 */
export function decodeChunk(bytes: Buffer, from: number, limit: number, maxBytes: number, into: LogRecord[]): number {
  const reader = new Reader(bytes, HEADER);
  const next = nextOffset(bytes);
  let added = 0;
  for (let offset = firstOffset(bytes); offset < next; offset++) {
    const start = reader.at;
    if (offset < from) {
      reader.skip();
      continue;
    }
    if (into.length >= limit || added >= maxBytes) break;
    into.push(reader.record(offset));
    added += reader.at - start;
  }
  return added;
}

function encode(records: readonly NewRecord[], members: readonly number[], size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  let newest = Number.NEGATIVE_INFINITY;
  let at = HEADER;
  for (const member of members) {
    const { timestamp, key, value, headers } = records[member] as NewRecord;
    if (timestamp > newest) newest = timestamp;
    at = bytes.writeDoubleBE(timestamp, at);
    at = writeBytes(bytes, key, at);
    at = writeBytes(bytes, value, at);
    const names = headers === undefined ? [] : Object.keys(headers);
    at = writeVarint(bytes, names.length, at);
    for (const name of names) {
      at = writeText(bytes, name, at);
      at = writeText(bytes, headers?.[name] ?? '', at);
    }
  }
  bytes.writeDoubleBE(newest, NEWEST_AT);
  bytes.writeUInt32BE(members.length, COUNT_AT);
  return bytes;
}

function sizeOf({ key, value, headers }: NewRecord): number {
  let size = 8 + bytesSize(key) + bytesSize(value);
  if (headers === undefined) return size + 1;
  const names = Object.keys(headers);
  size += varintSize(names.length);
  for (const name of names) size += textSize(name) + textSize(headers[name] ?? '');
  return size;
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length + 1) + bytes.length;
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text);
  return varintSize(length) + length;
}

function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function writeVarint(into: Buffer, value: number, at: number): number {
  let rest = value;
  let position = at;
  while (rest >= 0x80) {
    into[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[position++] = rest;
  return position;
}

function writeBytes(into: Buffer, bytes: Buffer | null, at: number): number {
  if (bytes === null) return writeVarint(into, 0, at);
  const start = writeVarint(into, bytes.length + 1, at);
  into.set(bytes, start);
  return start + bytes.length;
}

function writeText(into: Buffer, text: string, at: number): number {
  const start = writeVarint(into, Buffer.byteLength(text), at);
  return start + into.write(text, start);
}

class Reader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  record(offset: number): LogRecord {
    const timestamp = this.#bytes.readDoubleBE(this.at);
    this.at += 8;
    return { offset, timestamp, key: this.#nullable(), value: this.#nullable(), headers: this.#headers() };
  }

  skip(): void {
    this.at += 8;
    for (let i = 0; i < 2; i++) {
      const length = this.#varint();
      if (length > 0) this.at += length - 1;
    }
    for (let left = 2 * this.#varint(); left > 0; left--) {
      const length = this.#varint();
      this.at += length;
    }
  }

  #headers(): Readonly<Record<string, string>> {
    const count = this.#varint();
    if (count === 0) return NO_HEADERS;
    const headers: Record<string, string> = {};
    for (let i = 0; i < count; i++) {
      const name = this.#text();
      headers[name] = this.#text();
    }
    return headers;
  }

  #nullable(): Buffer | null {
    const length = this.#varint();
    if (length === 0) return null;
    const start = this.at;
    this.at += length - 1;
    return this.#bytes.subarray(start, this.at);
  }

  #text(): string {
    const length = this.#varint();
    const start = this.at;
    this.at += length;
    return this.#bytes.toString('utf8', start, this.at);
  }

  #varint(): number {
    let byte = this.#bytes[this.at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; ; shift += 7) {
      byte = this.#bytes[this.at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
}
