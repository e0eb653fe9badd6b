// What a broker gives of a partition: batches of records in the log's own format (magic 2), one after the other.
//
// kafkajs makes a dozen objects of every record, and is silent about batches that compaction has emptied: a reader could not
// tell that it may go on behind them from a batch that was too large to come with them.
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { LogRecord } from '../../log.ts';
import { AT, BATCH_HEAD, MAGIC, TRANSACTIONAL } from './record-batch.ts';

/** Bytes of a batch before the ones that its length counts. */
const BEFORE_LENGTH = 12;
const CODEC = 7;
const LOG_APPEND_TIME = 1 << 3;
const CONTROL = 1 << 5;
/** The type of a marker that ends a transaction by taking it back. */
const ABORT = 0;
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

type Decompress = (bytes: Buffer) => Buffer;
const CODECS: readonly (Decompress | undefined)[] = [undefined, gunzipSync, undefined, undefined, zstdDecompressSync];

/** A transaction that was taken back, of which records lie from the offset on. */
export interface Aborted {
  readonly producerId: bigint;
  readonly first: number;
}

export interface RecordSet {
  /** Committed ones, in their order. */
  readonly records: readonly LogRecord[];
  /** The offset after the last whole batch: where to go on. The offset asked for when there is none. */
  readonly next: number;
}

/** Records that no try will ever read: of a format from before Kafka 0.11, or compressed by what Node has not. */
export class UnreadableRecords extends Error {
  override readonly name = 'UnreadableRecords';
}

/**
 * The committed records from the offset `from` on. The set's last batch may be cut off; the first may begin before `from`.
 * `aborted`: as the broker tells them with the set. Keys and values share the memory of `bytes`. Throws `UnreadableRecords`.
 */
export function readRecordSet(bytes: Buffer, from: number, aborted: readonly Aborted[]): RecordSet {
  // The broker lists them in the order in which they ended; readers meet them in the order in which they began.
  const toCome = [...aborted].sort((a, b) => a.first - b.first);
  const open = new Set<bigint>();
  let begun = 0;
  const records: LogRecord[] = [];
  let next = from;
  for (let at = 0; at + BATCH_HEAD <= bytes.length; ) {
    const end = at + BEFORE_LENGTH + bytes.readInt32BE(at + AT.length);
    if (end > bytes.length) break;
    if (bytes.readInt8(at + AT.magic) !== MAGIC)
      throw new UnreadableRecords('records are in a format from before Kafka 0.11');
    const first = Number(bytes.readBigInt64BE(at));
    const last = first + bytes.readInt32BE(at + AT.lastOffset);
    const attributes = bytes.readInt16BE(at + AT.attributes);
    for (let abort = toCome[begun]; abort !== undefined && abort.first <= last; abort = toCome[++begun])
      open.add(abort.producerId);
    if ((attributes & CONTROL) !== 0) {
      if (isAbort(bytes, at, end)) open.delete(bytes.readBigInt64BE(at + AT.producerId));
    } else if ((attributes & TRANSACTIONAL) === 0 || !open.has(bytes.readBigInt64BE(at + AT.producerId))) {
      readBatch(bytes, at, end, first, attributes, from, records);
    }
    // After the batch, not after its last record: compaction may have taken the rest of it.
    next = Math.max(next, last + 1);
    at = end;
  }
  return { records, next };
}

function readBatch(
  bytes: Buffer,
  at: number,
  end: number,
  first: number,
  attributes: number,
  from: number,
  records: LogRecord[],
): void {
  const count = bytes.readInt32BE(at + AT.count);
  if (count <= 0) return;
  const firstTime = Number(bytes.readBigInt64BE(at + AT.firstTimestamp));
  const brokersTime =
    (attributes & LOG_APPEND_TIME) === 0 ? undefined : Number(bytes.readBigInt64BE(at + AT.maxTimestamp));
  const reader = new RecordReader(bytes, at + BATCH_HEAD, end, attributes & CODEC);
  for (let i = 0; i < count; i++) {
    const ends = reader.varint() + reader.at;
    // Attributes of a record have no meaning yet.
    reader.at++;
    const timestamp = firstTime + reader.varint();
    const offset = first + reader.varint();
    if (offset >= from) {
      const key = reader.content();
      const value = reader.content();
      records.push({ offset, timestamp: brokersTime ?? timestamp, key, value, headers: reader.headers() });
    }
    reader.at = ends;
  }
}

/** Of a batch of one marker, whose key is its version and its type, two bytes each. */
function isAbort(bytes: Buffer, at: number, end: number): boolean {
  const reader = new RecordReader(bytes, at + BATCH_HEAD, end, 0);
  reader.varint();
  reader.at++;
  reader.varint();
  reader.varint();
  const key = reader.content();
  return key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT;
}

class RecordReader {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number, end: number, codec: number) {
    this.#bytes = bytes;
    this.at = at;
    if (codec === 0) return;
    const decompress = CODECS[codec];
    if (decompress === undefined) throw new UnreadableRecords("a record is compressed in a way that can't be read");
    this.#bytes = decompress(bytes.subarray(at, end));
    this.at = 0;
  }

  /** A zigzag varint: seven bits a byte, the lowest first, of a number whose lowest bit is the sign. Up to 2^53 either way. */
  varint(): number {
    const bytes = this.#bytes;
    let { at } = this;
    let byte = bytes[at++] as number;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++] as number;
      value |= (byte & 0x7f) << shift;
    }
    if (byte < 0x80) {
      this.at = at;
      return (value >>> 1) ^ -(value & 1);
    }
    let size = value >>> 1;
    for (let scale = 2 ** 27; byte >= 0x80; scale *= 128) {
      byte = bytes[at++] as number;
      size += (byte & 0x7f) * scale;
    }
    this.at = at;
    return (value & 1) === 0 ? size : -size - 1;
  }

  /** Bytes after their number, of which null has -1. */
  content(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const from = this.at;
    this.at += length;
    return this.#bytes.subarray(from, this.at);
  }

  /** Of several of one name the first. */
  headers(): Readonly<Record<string, string>> {
    const count = this.varint();
    if (count <= 0) return NO_HEADERS;
    const headers: Record<string, string> = {};
    for (let i = 0; i < count; i++) {
      const name = this.content()?.toString('utf8') ?? '';
      const value = this.content()?.toString('utf8') ?? '';
      if (!Object.hasOwn(headers, name)) headers[name] = value;
    }
    return headers;
  }
}
