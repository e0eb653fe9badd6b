import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { murmur2, partitionOf } from './partition.ts';

describe('murmur2', () => {
  // From Kafka's own UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %j is what Kafka computes', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('is a signed 32-bit number for every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const hash = murmur2(Buffer.from(bytes));
        expect(hash).toBe(hash | 0);
      }),
    );
  });
});

describe('the partition of a key', () => {
  it('is one of the partitions, and Kafka takes the sign off first', () => {
    expect(partitionOf('21', 100)).toBe((-973932308 & 0x7fffffff) % 100);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 64 }), (key, partitions) => {
        const partition = partitionOf(key, partitions);
        expect(partition).toBe((murmur2(Buffer.from(key)) & 0x7fffffff) % partitions);
        expect(partition).toBeLessThan(partitions);
        expect(partition).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('spreads keys evenly', () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const at = partitionOf(`default/user-${i}`, 4);
      counts[at] = (counts[at] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
