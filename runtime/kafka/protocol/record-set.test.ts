import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../schemas/byte-writer.ts';
import type { NewRecord } from '../../log.ts';
import { AT, BATCH_HEAD, encodeBatch } from './record-batch.ts';
import { readRecordSet, UnreadableRecords } from './record-set.ts';

const writer = new ByteWriter();
const [GZIP, SNAPPY, ZSTD, LOG_APPEND_TIME, CONTROL] = [1, 2, 4, 8, 32];
const [ABORT, COMMIT] = [0, 1];

const recordOf = (value: string | Buffer, more: Partial<NewRecord> = {}): NewRecord => ({
  topic: 't',
  partition: 0,
  timestamp: 1000,
  key: null,
  value: Buffer.from(value),
  ...more,
});

/** A batch as it lies on the log at an offset. */
function batchAt(offset: number, records: readonly NewRecord[], producerId = '7', transactional = false): Buffer {
  const batch = Buffer.from(
    encodeBatch(writer, records, { producerId, producerEpoch: 0, firstSequence: 0, transactional }),
  );
  batch.writeBigInt64BE(BigInt(offset));
  return batch;
}

function withAttributes(batch: Buffer, more: number): Buffer {
  batch.writeInt16BE(batch.readInt16BE(AT.attributes) | more, AT.attributes);
  return batch;
}

function markerAt(offset: number, producerId: string, type: number): Buffer {
  const key = Buffer.from([0, 0, 0, type]);
  return withAttributes(batchAt(offset, [recordOf('', { key })], producerId, true), CONTROL);
}

/** What compaction leaves of a batch all of whose records are gone, so that its producer's numbers are not forgotten. */
function emptiedAt(offset: number, count: number): Buffer {
  const head = batchAt(offset, [recordOf('x')]).subarray(0, BATCH_HEAD);
  head.writeInt32BE(BATCH_HEAD - 12, AT.length);
  head.writeInt32BE(count - 1, AT.lastOffset);
  head.writeInt32BE(0, AT.count);
  return head;
}

function compressed(batch: Buffer, codec: number, compress: (bytes: Buffer) => Buffer): Buffer {
  const whole = Buffer.concat([batch.subarray(0, BATCH_HEAD), compress(batch.subarray(BATCH_HEAD))]);
  whole.writeInt32BE(whole.length - 12, AT.length);
  return withAttributes(whole, codec);
}

const valuesOf = (bytes: Buffer, from = 0, aborted: Parameters<typeof readRecordSet>[2] = []): [string[], number] => {
  const { records, next } = readRecordSet(bytes, from, aborted);
  return [records.map(({ offset, value }) => `${offset} ${value}`), next];
};

describe('the records of a fetch', () => {
  const bytes = fc.uint8Array({ maxLength: 300, size: 'max' }).map((array) => Buffer.from(array));
  const text = fc.string({ unit: 'grapheme', maxLength: 60, size: 'max' }).filter((name) => name !== '__proto__');
  const anyRecord: fc.Arbitrary<NewRecord> = fc.record({
    topic: fc.constant('t'),
    partition: fc.constant(0),
    timestamp: fc.oneof(
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
    ),
    key: fc.option(bytes, { freq: 4 }),
    value: fc.option(bytes, { freq: 4 }),
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.dictionary(text, text, { maxKeys: 5 })),
  });
  const batches = fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 });

  test('are what was written, from the offset asked for, however the batches are compressed', () => {
    const codec = fc.constantFrom(undefined, [GZIP, gzipSync] as const, [ZSTD, zstdCompressSync] as const);
    fc.assert(
      fc.property(batches, codec, fc.double({ min: 0, max: 1, noNaN: true }), (written, by, share) => {
        const all = written.flat();
        let offset = 100;
        const set = written.map((records) => {
          const batch = batchAt(offset, records);
          offset += records.length;
          return by === undefined ? batch : compressed(batch, by[0] as number, by[1]);
        });
        const from = 100 + Math.floor(share * (written[0] as NewRecord[]).length);
        const { records, next } = readRecordSet(Buffer.concat(set), from, []);
        expect(next).toBe(100 + all.length);
        expect(records.map(({ offset: at }) => at)).toEqual(all.map((_, i) => 100 + i).slice(from - 100));
        const plain = ({
          timestamp,
          key,
          value,
          headers = {},
        }: Pick<NewRecord, 'timestamp' | 'key' | 'value' | 'headers'>) => ({
          timestamp,
          key,
          value,
          headers: { ...headers },
        });
        expect(records.map(plain)).toEqual(all.slice(from - 100).map(plain));
      }),
      { numRuns: 100 },
    );
  });

  test('end before a batch that is cut off', () => {
    const set = Buffer.concat([batchAt(0, [recordOf('a'), recordOf('b')]), batchAt(2, [recordOf('c')])]);
    for (let cut = 1; cut < 60; cut++) expect(valuesOf(set.subarray(0, -cut))).toEqual([['0 a', '1 b'], 2]);
    expect(valuesOf(set)).toEqual([['0 a', '1 b', '2 c'], 3]);
  });

  test('go on behind a batch that compaction has emptied, with the large one that had no room behind it', () => {
    const large = batchAt(10, [recordOf(Buffer.alloc(1_000_000, 'x'))]);
    const set = Buffer.concat([emptiedAt(3, 7), large]).subarray(0, (1 << 20) >> 1);
    expect(valuesOf(set, 3)).toEqual([[], 10]);
    expect(readRecordSet(large, 10, []).records).toHaveLength(1);
  });

  test('are those of committed transactions, and of no other', () => {
    const of = (offset: number, value: string, producer: string) => batchAt(offset, [recordOf(value)], producer, true);
    const set = Buffer.concat([
      of(0, 'a kept', '1'),
      of(1, 'b lost', '2'),
      of(2, 'c kept', '3'),
      markerAt(3, '2', ABORT),
      of(4, 'b kept', '2'),
      of(5, 'a kept', '1'),
      markerAt(6, '3', COMMIT),
      of(7, 'c lost', '3'),
      batchAt(8, [recordOf('plain')], '3'),
      markerAt(9, '1', COMMIT),
      markerAt(10, '2', COMMIT),
      markerAt(11, '3', ABORT),
    ]);
    const aborted = [
      { producerId: 3n, first: 7 },
      { producerId: 2n, first: 1 },
    ];
    const kept = ['0 a kept', '2 c kept', '4 b kept', '5 a kept', '8 plain'];
    expect(valuesOf(set, 0, aborted)).toEqual([kept, 12]);
  });

  test('have the time of the broker where the topic says so', () => {
    const batch = withAttributes(
      batchAt(0, [recordOf('a', { timestamp: 5 }), recordOf('b', { timestamp: 9 })]),
      LOG_APPEND_TIME,
    );
    expect(readRecordSet(batch, 0, []).records.map(({ timestamp }) => timestamp)).toEqual([9, 9]);
  });

  test('of another format, or compressed by what is not here, are refused', () => {
    const old = batchAt(0, [recordOf('a')]);
    old.writeInt8(1, AT.magic);
    expect(() => readRecordSet(old, 0, [])).toThrow(UnreadableRecords);
    const snappy = withAttributes(batchAt(0, [recordOf('a')]), SNAPPY);
    expect(() => readRecordSet(snappy, 0, [])).toThrow("a record is compressed in a way that can't be read");
  });
});
