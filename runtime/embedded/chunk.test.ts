import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogRecord, NewRecord } from '../log.ts';
import { decodeChunk, encodeChunks, firstOffset, newestTimestamp, nextOffset, setFirstOffset } from './chunk.ts';

const OUT = { topic: 'out', partition: 0 };
const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' }).map((b) => Buffer.from(b));
const sizes = fc.oneof({ weight: 8, arbitrary: bytes(200) }, bytes(20_000));
// `__proto__` is no name an object can hold.
const name = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => text !== '__proto__');
const records: fc.Arbitrary<NewRecord[]> = fc.array(
  fc.record({
    topic: fc.constant(OUT.topic),
    partition: fc.constant(OUT.partition),
    timestamp: fc.oneof(fc.integer({ min: -1e15, max: 1e15 }), fc.constant(1.5)),
    key: fc.option(bytes(40)),
    value: fc.option(sizes),
    headers: fc.dictionary(name, fc.string({ unit: 'binary', maxLength: 200 }), { maxKeys: 3, noNullPrototype: true }),
  }),
  { minLength: 1, maxLength: 60 },
);

test('chunks give back all records they were made of, from any offset on', () => {
  fc.assert(
    fc.property(
      records,
      fc.nat(2 ** 48 - 100),
      fc.nat(60),
      fc.integer({ min: 1, max: 60 }),
      (all, start, skip, limit) => {
        const chunks = encodeChunks(all, [...all.keys()]);
        let next = start;
        const decoded: LogRecord[] = [];
        const some: LogRecord[] = [];
        for (const chunk of chunks) {
          setFirstOffset(chunk, next);
          expect(firstOffset(chunk.bytes)).toBe(next);
          expect(newestTimestamp(chunk.bytes)).toBe(Math.max(...chunk.members.map((i) => all[i]?.timestamp ?? 0)));
          decodeChunk(chunk.bytes, 0, all.length, Number.POSITIVE_INFINITY, decoded);
          decodeChunk(chunk.bytes, start + skip, limit, Number.POSITIVE_INFINITY, some);
          next = nextOffset(chunk.bytes);
        }
        const wanted = all.map(({ timestamp, key, value, headers }, i) => ({
          offset: start + i,
          timestamp,
          key,
          value,
          headers,
        }));
        expect(next).toBe(start + all.length);
        expect(decoded).toEqual(wanted);
        expect(some).toEqual(wanted.slice(skip, skip + limit));
      },
    ),
    { numRuns: 150 },
  );
});

test('a chunk ends soon after 64 KiB, so that keeping one record keeps little else', () => {
  const all = Array.from({ length: 100 }, () => ({ ...OUT, timestamp: 0, key: null, value: Buffer.alloc(10_000) }));
  const members = encodeChunks(all, [...all.keys()]).map((chunk) => chunk.members);
  expect(members.flat()).toEqual([...all.keys()]);
  expect(Math.max(...members.map((list) => list.length))).toBe(7);
});
