import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAmount, formatMicros, parseAmount } from './money.ts';

describe('money', () => {
  it('is read to the micro-unit from numbers and from text', () => {
    expect(parseAmount(500)).toBe(500_000_000);
    expect(parseAmount(0.0075)).toBe(7500);
    expect(parseAmount('0.0075')).toBe(7500);
    expect(parseAmount(0.000001)).toBe(1);
    expect(parseAmount('1.10000000')).toBe(1_100_000);
    expect(parseAmount(0)).toBe(0);
    expect(parseAmount('9007199254.740991')).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('reads back every amount it writes', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (micros) => {
        expect(parseAmount(formatAmount(micros))).toBe(micros);
      }),
    );
  });

  it.each([
    [1e-7, /more than 6 decimals/],
    ['0.0000001', /more than 6 decimals/],
    [-1, /negative/],
    ['-0.5', /negative/],
    [Number.NaN, /not an amount/],
    [Number.POSITIVE_INFINITY, /not an amount/],
    ['', /not an amount/],
    ['1,000', /not an amount/],
    ['5 USD', /not an amount/],
    ['1e3', /not an amount/],
    ['.5', /not an amount/],
    [1e10, /more than 9007199254\.740991/],
    [1e300, /more than/],
    ['9007199254.740992', /more than/],
  ])('refuses %j', (amount, message) => {
    expect(() => parseAmount(amount)).toThrow(message);
  });

  it('is written with its currency and at least two decimals', () => {
    expect(formatMicros(500_000_000, 'USD')).toBe('500.00 USD');
    expect(formatMicros(7500, 'USD')).toBe('0.0075 USD');
    expect(formatMicros(1_234_567_890_123, 'KES')).toBe('1234567.890123 KES');
    expect(formatMicros(-100_000, 'USD')).toBe('-0.10 USD');
    expect(() => formatMicros(0.5, 'USD')).toThrow(/whole number of micro-units/);
  });
});
