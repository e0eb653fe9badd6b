import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes } from './order.ts';

describe('the order of strings', () => {
  it('is that of their UTF-8 bytes, for any string, lone surrogates included', () => {
    const unit = fc.oneof(
      fc.constantFrom(
        'a',
        'z',
        '\0',
        '\ud7ff',
        '\ud800',
        '\ud83d',
        '\udbff',
        '\udc00',
        '\ude00',
        '\udfff',
        '\ue000',
        '\ufffd',
        '\uffff',
        '😀',
        '𐀀',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const text = fc.string({ unit });
    fc.assert(
      fc.property(text, text, text, (prefix, a, b) => {
        const [x, y] = [prefix + a, prefix + b];
        expect(Math.sign(compareBytes(x, y))).toBe(Buffer.compare(Buffer.from(x), Buffer.from(y)));
      }),
      { numRuns: 5000 },
    );
  });

  it('puts what JavaScript calls greater, a character above U+FFFF, last', () => {
    expect(['😀', '\uffff', 'a'].sort(compareBytes)).toEqual(['a', '\uffff', '😀']);
    expect(['😀', '\uffff', 'a'].sort()).toEqual(['a', '😀', '\uffff']);
  });
});
