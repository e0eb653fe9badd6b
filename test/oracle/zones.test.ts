import { describe, expect, it } from 'vitest';
import { afterQuiet, dayNumber, isQuiet, localDay, nextDay, zoneOf } from './zones.ts';

const utc = zoneOf('UTC');
const nairobi = zoneOf('Africa/Nairobi');
const berlin = zoneOf('Europe/Berlin');
const time = Date.parse;

describe('quiet hours', () => {
  it('begin with their first minute and end before their last', () => {
    const quiet = (iso: string) => isQuiet(time(iso), '21:00-08:00', utc);
    expect(['20:59:59.999', '21:00', '07:59:59.999', '08:00'].map((t) => quiet(`2026-03-02T${t}Z`))).toEqual([
      ...[false, true, true, false],
    ]);
    expect(isQuiet(time('2026-03-02T12:00Z'), '12:00-12:00', utc)).toBe(false);
    expect(() => isQuiet(0, '9-17', utc)).toThrow('write 21:00-08:00');
  });

  it('end at the user’s own time', () => {
    expect(afterQuiet(time('2026-03-02T20:00:30Z'), '21:00-08:00', nairobi)).toBe(time('2026-03-03T05:00Z'));
    expect(afterQuiet(time('2026-03-02T10:00:30Z'), '21:00-08:00', nairobi)).toBe(time('2026-03-02T10:00:30Z'));
  });

  it('end at the jump when DST skips their end', () => {
    // On 2026-03-29 Berlin's clocks go from 02:00 to 03:00 at 01:00 UTC.
    expect(afterQuiet(time('2026-03-29T00:30Z'), '22:00-02:30', berlin)).toBe(time('2026-03-29T01:00Z'));
  });

  it('end at the first of two equal local times', () => {
    // On 2026-10-25 Berlin's clocks go from 03:00 back to 02:00 at 01:00 UTC.
    expect(afterQuiet(time('2026-10-24T22:00Z'), '22:00-02:30', berlin)).toBe(time('2026-10-25T00:30Z'));
  });
});

describe('days', () => {
  it('begin at local midnight', () => {
    expect(localDay(time('2026-03-02T20:59:59.999Z'), nairobi)).toBe('2026-03-02');
    expect(localDay(time('2026-03-02T21:00Z'), nairobi)).toBe('2026-03-03');
    expect(nextDay(time('2026-03-02T20:30:05Z'), nairobi)).toBe(time('2026-03-02T21:00Z'));
    expect(nextDay(time('2026-03-02T21:00Z'), nairobi)).toBe(time('2026-03-03T21:00Z'));
    expect(dayNumber(time('2026-03-02T21:00Z'), nairobi) - dayNumber(time('2026-03-02T20:59Z'), nairobi)).toBe(1);
  });

  it('begin at the jump where DST skips midnight', () => {
    // On 2024-04-26 Cairo's clocks go from 00:00 to 01:00 at 22:00 UTC of the day before.
    expect(nextDay(time('2024-04-25T12:00Z'), zoneOf('Africa/Cairo'))).toBe(time('2024-04-25T22:00Z'));
  });

  it('are UTC’s in a zone that is unknown or absent', () => {
    expect([zoneOf('Mars/Olympus').name, zoneOf(null).name]).toEqual(['UTC', 'UTC']);
  });
});
