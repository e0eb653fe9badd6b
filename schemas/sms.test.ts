import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smsSize } from './sms.ts';

const short = (text: string): string => {
  const { encoding, units, segments } = smsSize(text);
  return `${encoding} ${units} ${segments}`;
};

describe('an SMS', () => {
  it('of GSM-7 holds 160 characters, or 153 in each segment', () => {
    expect(short('')).toBe('GSM-7 0 1');
    expect(short('a'.repeat(160))).toBe('GSM-7 160 1');
    expect(short('a'.repeat(161))).toBe('GSM-7 161 2');
    expect(short('a'.repeat(306))).toBe('GSM-7 306 2');
    expect(short('a'.repeat(307))).toBe('GSM-7 307 3');
    expect(short('Ñandú à la Øl? ¡Sí! @£$¥')).toMatch(/^UCS-2/);
    expect(short('Año: ¿qué? Ø Å ß Ψ @£$¥')).toBe('GSM-7 23 1');
  });

  it('counts a character of the extension table twice and parts no escape from it', () => {
    expect(short('€'.repeat(80))).toBe('GSM-7 160 1');
    expect(short(`${'a'.repeat(152)}€${'a'.repeat(152)}`)).toBe('GSM-7 306 3');
    expect(short(`${'a'.repeat(151)}€${'a'.repeat(153)}`)).toBe('GSM-7 306 2');
  });

  it('of any other character is UCS-2, with 70 units or 67 in each segment, and parts no character', () => {
    expect(smsSize('Don’t miss out')).toEqual({ encoding: 'UCS-2', units: 14, segments: 1, stranger: '’' });
    expect(short('ä'.repeat(70))).toBe('GSM-7 70 1');
    expect(short('ş'.repeat(70))).toBe('UCS-2 70 1');
    expect(short('ş'.repeat(71))).toBe('UCS-2 71 2');
    expect(short('ş'.repeat(134))).toBe('UCS-2 134 2');
    expect(short(`${'ş'.repeat(66)}😀${'ş'.repeat(66)}`)).toBe('UCS-2 134 3');
  });

  it('has the size of a count made another way', () => {
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'Z', ' ', '\n', 'é', 'Δ', '@') },
      { weight: 3, arbitrary: fc.constantFrom(...'^{}\\[~]|€') },
      { weight: 1, arbitrary: fc.constantFrom('ş', '’', '😀', '`', 'ç', '\t') },
    );
    const plain = piece.filter((char) => /^[aZ \néΔ@^{}\\[~\]|€]$/.test(char));
    const text = fc.oneof(
      fc.array(piece, { maxLength: 400 }).map((chars) => chars.join('')),
      fc.array(plain, { minLength: 100, maxLength: 400 }).map((chars) => chars.join('')),
    );
    fc.assert(
      fc.property(text, (one) => {
        const { encoding, units, segments } = smsSize(one);
        expect({ encoding, units, segments }).toEqual(sizeByPacking(one));
      }),
      { numRuns: 2000 },
    );
  });
});

/** Writes out every unit and cuts the list, moving a cut that falls into a pair. */
function sizeByPacking(text: string): object {
  const gsm = /^[@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà\f^{}\\[~\]|€]*$/;
  const isGsm = gsm.test(text);
  const stream: string[] = isGsm
    ? [...text.replaceAll(/[\f^{}\\[~\]|€]/g, (char) => `\x1b${char}`)]
    : Array.from({ length: text.length }, (_, i) => text.charAt(i));
  const startsPair = (unit: string | undefined): boolean =>
    unit !== undefined && (isGsm ? unit === '\x1b' : unit >= '\ud800' && unit <= '\udbff');
  const encoding = isGsm ? 'GSM-7' : 'UCS-2';
  const units = stream.length;
  if (units <= (isGsm ? 160 : 70)) return { encoding, units, segments: 1 };
  let segments = 0;
  for (let from = 0; from < units; segments++) {
    const to = from + (isGsm ? 153 : 67);
    from = to < units && startsPair(stream[to - 1]) ? to - 1 : to;
  }
  return { encoding, units, segments };
}
