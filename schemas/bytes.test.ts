// Bytes written and read by hand, against avsc, which nobody doubts.
import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

const read = <T>(bytes: Buffer, one: (reader: ByteReader) => T): T => {
  const reader = new ByteReader();
  reader.over(bytes, 0, bytes.length);
  const value = one(reader);
  reader.finish();
  return value;
};
const written = (one: (writer: ByteWriter) => void): Buffer => {
  // So small a slab that most things begin in one and end in another.
  const writer = new ByteWriter(16);
  writer.begin();
  writer.byte(7);
  writer.take();
  one(writer);
  return writer.take();
};
const wholes = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 200 }),
  fc
    .tuple(fc.nat(52), fc.integer({ min: -2, max: 2 }), fc.constantFrom(1, -1))
    .map(([e, d, s]) => s * (2 ** e + d) + 0),
);
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.toWellFormed()),
);

describe('a whole number', () => {
  it('is read back exactly, to 2^53 either way', () => {
    fc.assert(
      fc.property(wholes, (value) => {
        expect(
          read(
            written((w) => w.varint(value)),
            (r) => r.varint(),
          ),
        ).toBe(value);
      }),
      { numRuns: 5000, examples: [[Number.MAX_SAFE_INTEGER], [Number.MIN_SAFE_INTEGER], [0]] },
    );
  });

  it('is written as by avsc, where that is exact', () => {
    const long = avsc.Type.forSchema('long');
    fc.assert(
      fc.property(
        wholes.filter((n) => Math.abs(n) < 2 ** 52),
        (value) => {
          expect(written((w) => w.varint(value))).toEqual(long.toBuffer(value));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('beyond 2^53, or of too many bytes, is refused', () => {
    expect(() => read(Buffer.from('ffffffffffffffffff01', 'hex'), (r) => r.varint())).toThrow(RangeError);
    expect(() => read(Buffer.alloc(20, 0xff), (r) => r.varint())).toThrow(RangeError);
  });
});

describe('a text', () => {
  it('is written as by avsc and read back, whatever it holds', () => {
    const string = avsc.Type.forSchema('string');
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = written((w) => w.string(text));
        expect(bytes).toEqual(string.toBuffer(text));
        expect(read(bytes, (r) => r.string())).toBe(text);
        expect(read(bytes, (r) => r.repeated())).toBe(text);
        expect(written((w) => w.utf8(text))).toEqual(Buffer.from(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('among others is the right one, also where it is cut from the whole', () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 30 }), (list) => {
        const bytes = written((w) => {
          for (const text of list) w.string(text);
        });
        expect(read(bytes, (r) => list.map(() => r.string()))).toEqual(list);
      }),
    );
  });

  it('that ends beyond the bytes is refused', () => {
    for (const one of [(r: ByteReader) => r.string(), (r: ByteReader) => r.repeated()]) {
      expect(() => read(Buffer.from([20, 65, 66]), one)).toThrow(RangeError);
      expect(() => read(Buffer.from([3, 65, 66]), one)).toThrow(RangeError);
    }
  });
});

describe('a writer', () => {
  it('never touches again what was taken', () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 40 }), (list) => {
        const writer = new ByteWriter(64);
        const taken = list.map((text, i) => {
          writer.begin();
          writer.utf8(text);
          if (i % 5 === 4) {
            // Something that failed halfway.
            writer.drop();
            writer.utf8(text);
          }
          return writer.take();
        });
        expect(taken.map(String)).toEqual(list);
      }),
    );
  });
});
