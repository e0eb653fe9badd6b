import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration, parseQuietHours } from './durations.ts';

describe('durations', () => {
  it('reads seconds, minutes, hours and days', () => {
    expect(['90s', '30m', '6h', '7d'].map((text) => parseDuration(text))).toEqual([
      90_000, 1_800_000, 21_600_000, 604_800_000,
    ]);
  });

  it('writes the largest unit that divides', () => {
    expect(formatDuration(parseDuration('168h'))).toBe('7d');
    expect(formatDuration(parseDuration('90s'))).toBe('90s');
    expect(formatDuration(parseDuration('120s'))).toBe('2m');
    expect(formatDuration(parseDuration('36h'))).toBe('36h');
    expect(formatDuration(0)).toBe('0s');
  });

  it('reads back everything it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36_500 * 86_400 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it.each(['', '7', 'd', '7 d', '7D', '1.5h', '-1d', '+1d', '1w', '1h30m', '٣d', ' 7d', '7d\n'])(
    'refuses %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(/is not a duration such as 90s, 30m, 6h or 7d/);
    },
  );

  it('refuses nothing and eternity, but nothing on request is a duration', () => {
    expect(() => parseDuration('0s')).toThrow(/not longer than nothing/);
    expect(() => parseDuration('36501d')).toThrow(/longer than 36500d/);
    expect(parseDuration('0s', { min: 0 })).toBe(0);
  });

  it('does not write what has no whole seconds', () => {
    for (const ms of [1, 1500, -1000, Number.NaN, 0.5])
      expect(() => formatDuration(ms)).toThrow(/whole number of seconds/);
  });
});

describe('quiet hours', () => {
  it('are minutes of the local day and may pass midnight', () => {
    expect(parseQuietHours('21:00-08:00')).toEqual({ start: 1260, end: 480 });
    expect(parseQuietHours('00:00-23:59')).toEqual({ start: 0, end: 1439 });
  });

  it.each(['9:00-17:00', '21:00', '24:00-08:00', '21:60-08:00', '21:00–08:00', ''])('refuse %j', (text) => {
    expect(() => parseQuietHours(text)).toThrow(/is not a daily window/);
  });

  it('refuse a window that starts where it ends', () => {
    expect(() => parseQuietHours('08:00-08:00')).toThrow(/starts where it ends/);
  });
});
