import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../schemas/byte-writer.ts';
import type { NewRecord } from '../log.ts';
import { encodeBatch } from './protocol/record-batch.ts';
import { inSends, offsetsOf } from './sends.ts';

/** What a broker takes in one batch unless it is told otherwise. */
const BROKER_TAKES = 1_048_588;
const head = { producerId: '1', producerEpoch: 0, firstSequence: 0, transactional: true };

const recordOf = (size: number, partition = 0, topic = 't'): NewRecord => ({
  topic,
  partition,
  timestamp: 1,
  key: null,
  value: Buffer.alloc(size),
});
const partsOf = (records: readonly NewRecord[]): number[][] =>
  [...inSends(records)].map(({ batches }) => batches.map((batch) => batch.records.length));

describe('the sends of records', () => {
  test('have every record in its order, in one batch a partition that a broker takes', () => {
    const some = fc.record({
      topic: fc.constantFrom('a', 'b'),
      partition: fc.nat(3),
      size: fc.oneof(fc.nat(300), fc.integer({ min: 100_000, max: 800_000 })),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 25, size: 'max' }), (wanted) => {
        const records = wanted.map(({ size, partition, topic }) => recordOf(size, partition, topic));
        const sends = [...inSends(records)];
        expect(sends.flatMap((send) => send.records)).toEqual(records);
        for (const { records: sent, batches } of sends) {
          const places = batches.map(({ topic, partition }) => `${topic}/${partition}`);
          expect(new Set(places).size).toBe(places.length);
          for (const batch of batches) {
            const { topic, partition } = batch;
            expect(batch.records).toEqual(sent.filter((r) => r.topic === topic && r.partition === partition));
            expect(encodeBatch(new ByteWriter(), batch.records, head).length).toBeLessThan(BROKER_TAKES);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('are one for what four thousand small records of a commit make', () => {
    expect(partsOf(Array.from({ length: 4000 }, (_, i) => recordOf(170, i % 4)))).toEqual([[1000, 1000, 1000, 1000]]);
  });

  test('end where a batch is full, and where all of them together are large', () => {
    expect(partsOf(Array.from({ length: 5 }, () => recordOf(400_000)))).toEqual([[2], [2], [1]]);
    expect(partsOf(Array.from({ length: 5 }, (_, i) => recordOf(800_000, i)))).toEqual([
      [1, 1, 1],
      [1, 1],
    ]);
  });

  test('have a record that is larger than a batch in one of its own', () => {
    expect(partsOf([recordOf(10), recordOf(1_200_000), recordOf(10)])).toEqual([[1], [1], [1]]);
  });

  test('give each record its offset from those of its batches', () => {
    const [send] = [...inSends([recordOf(1, 0), recordOf(1, 1), recordOf(1, 0), recordOf(1, 0, 'u')])];
    const at = (first: number, count = 1) => ({ first, count });
    expect(send && offsetsOf(send, [[at(10, 2)], [at(20)], [at(30)]])).toEqual([10, 20, 11, 30]);
    expect(send && offsetsOf(send, [[at(10), at(15)], [at(20)], [at(30)]])).toEqual([10, 20, 15, 30]);
  });
});
