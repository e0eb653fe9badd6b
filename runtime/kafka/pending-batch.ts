// Batches on their way to a broker, numbered and encoded: halved where their topic doesn't take them whole.
import type { ByteWriter } from '../../schemas/byte-writer.ts';
import type { NewRecord, TopicPartition } from '../log.ts';
import type { EncodedBatch } from './protocol/produce-request.ts';
import { BATCH_HEAD, type BatchHead, encodeBatch, mostBytes } from './protocol/record-batch.ts';

/** Numbers of records go round after the highest of 32 bits. */
const NUMBERS = 2 ** 31;

export type Sender = Pick<BatchHead, 'producerId' | 'producerEpoch' | 'transactional'>;

/** The same bytes are sent on every try, and the broker knows them by these numbers. */
export interface PendingBatch extends EncodedBatch {
  readonly records: readonly NewRecord[];
  readonly firstSequence: number;
}

export function pendingBatch(
  writer: ByteWriter,
  { topic, partition }: TopicPartition,
  records: readonly NewRecord[],
  sender: Sender,
  firstSequence: number,
): PendingBatch {
  return {
    topic,
    partition,
    records,
    firstSequence,
    bytes: encodeBatch(writer, records, { ...sender, firstSequence }),
  };
}

/** The number after `count` records from `sequence` on. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % NUMBERS;
}

/** The same records as two batches, of which the first must be written before the second is sent. */
export function halved(
  writer: ByteWriter,
  { records, firstSequence, ...of }: PendingBatch,
  sender: Sender,
): readonly [PendingBatch, PendingBatch] {
  const middle = records.length >> 1;
  return [
    pendingBatch(writer, of, records.slice(0, middle), sender, firstSequence),
    pendingBatch(writer, of, records.slice(middle), sender, sequenceAfter(firstSequence, middle)),
  ];
}

/** Runs of records whose batches have at most so many bytes each, or one record. */
export function* inPieces(records: readonly NewRecord[], most: number): Generator<readonly NewRecord[]> {
  let from = 0;
  let bytes = BATCH_HEAD;
  for (let at = 0; at < records.length; at++) {
    const size = mostBytes(records[at] as NewRecord);
    if (at > from && bytes + size > most) {
      yield records.slice(from, at);
      from = at;
      bytes = BATCH_HEAD;
    }
    bytes += size;
  }
  yield from === 0 ? records : records.slice(from);
}
