// Records as they go to a broker: one batch of a partition, in the log's own format (magic 2), uncompressed.
//
// kafkajs makes a growing buffer for every record and number, and a checksum byte by byte: a quarter of an instance's time.
import { crc32c } from '@node-rs/crc32';
import type { ByteWriter } from '../../../schemas/byte-writer.ts';
import type { NewRecord } from '../../log.ts';

/** Bytes of a batch before its records. */
export const BATCH_HEAD = 61;
/** The version of the format, which Kafka has had since 0.11. */
export const MAGIC = 2;
export const TRANSACTIONAL = 1 << 4;
const NO_ATTRIBUTES = 0;
const NULL = -1;
/** What a record's numbers take at most: its length, attributes, time and offset, and three lengths. */
const RECORD_NUMBERS = 36;
const HEADER_LENGTHS = 10;
const UTF8_MOST = 3;

/** Where in a batch's head what is: https://kafka.apache.org/documentation/#recordbatch */
export const AT = {
  length: 8,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffset: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  firstSequence: 53,
  count: 57,
} as const;

/** Who writes a batch, and what the broker knows it by when it comes again. */
export interface BatchHead {
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly transactional: boolean;
}

/** A batch of one record at least. Timestamps are whole ms, up to 2^52 either way. The bytes are never written again. */
export function encodeBatch(writer: ByteWriter, records: readonly NewRecord[], head: BatchHead): Buffer {
  let room = BATCH_HEAD;
  for (const record of records) room += mostBytes(record);
  writer.begin();
  writer.reserve(room);
  writer.at += BATCH_HEAD;
  const firstTimestamp = (records[0] as NewRecord).timestamp;
  let maxTimestamp = firstTimestamp;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as NewRecord;
    if (record.timestamp > maxTimestamp) maxTimestamp = record.timestamp;
    writeRecord(writer, record, record.timestamp - firstTimestamp, i);
  }
  const batch = writer.take();
  batch.fill(0, 0, BATCH_HEAD);
  batch.writeInt32BE(batch.length - AT.length - 4, AT.length);
  batch.writeInt8(MAGIC, AT.magic);
  batch.writeInt16BE(head.transactional ? TRANSACTIONAL : NO_ATTRIBUTES, AT.attributes);
  batch.writeInt32BE(records.length - 1, AT.lastOffset);
  batch.writeBigInt64BE(BigInt(firstTimestamp), AT.firstTimestamp);
  batch.writeBigInt64BE(BigInt(maxTimestamp), AT.maxTimestamp);
  batch.writeBigInt64BE(BigInt(head.producerId), AT.producerId);
  batch.writeInt16BE(head.producerEpoch, AT.producerEpoch);
  batch.writeInt32BE(head.firstSequence, AT.firstSequence);
  batch.writeInt32BE(records.length, AT.count);
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.checksum);
  return batch;
}

/** No record takes more bytes of a batch than this. */
export function mostBytes({ key, value, headers }: NewRecord): number {
  let most = RECORD_NUMBERS + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) most += HEADER_LENGTHS + UTF8_MOST * (name.length + (headers[name] as string).length);
  return most;
}

function writeRecord(writer: ByteWriter, record: NewRecord, timestampDelta: number, offsetDelta: number): void {
  const { key, value, headers } = record;
  let count = 0;
  let size = 1 + varintSize(timestampDelta) + varintSize(offsetDelta) + bytesSize(key) + bytesSize(value);
  for (const name in headers) {
    count++;
    size += textSize(name) + textSize(headers[name] as string);
  }
  writer.varint(size + varintSize(count));
  writer.byte(NO_ATTRIBUTES);
  writer.varint(timestampDelta);
  writer.varint(offsetDelta);
  writeBytes(writer, key);
  writeBytes(writer, value);
  writer.varint(count);
  for (const name in headers) {
    writer.string(name);
    writer.string(headers[name] as string);
  }
}

function writeBytes(writer: ByteWriter, bytes: Buffer | null): void {
  writer.varint(bytes?.length ?? NULL);
  if (bytes === null) return;
  writer.bytes.set(bytes, writer.at);
  writer.at += bytes.length;
}

function bytesSize(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintSize(bytes.length) + bytes.length;
}

function textSize(text: string): number {
  const size = Buffer.byteLength(text);
  return varintSize(size) + size;
}

/** Bytes of a zigzag varint: seven bits each, of a number whose lowest bit is the sign. */
function varintSize(value: number): number {
  const size = value >= 0 ? value : -value - 1;
  let bytes = 1;
  for (let above = 64; size >= above; above *= 128) bytes++;
  return bytes;
}
