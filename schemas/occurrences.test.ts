// Occurrences against a scan by the minute in every zone, and by example.
import { IANAZone } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { Timetable } from './campaign/timetable.ts';
import { parseCampaign } from './campaign.ts';
import { instantOfLocal, type Zone, zoneNamed } from './local-time.ts';
import { type Calendar, nextOccurrence } from './occurrences.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NEVER = Number.NEGATIVE_INFINITY;

function tableOf(schedule: object): Timetable {
  const parsed = parseCampaign({ id: 'c', trigger: { schedule }, channels: ['sms'], content: { text: 'hi' } });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ path, reason }) => `${path}: ${reason}`).join('\n'));
  const { trigger } = parsed.value;
  if (trigger.kind !== 'schedule') throw new Error('no schedule');
  return trigger.timetable;
}

const in_ = (zone: string, attributes: Record<string, string> = {}): Calendar => ({
  zone: zoneNamed(zone) as Zone,
  attribute: (name) => attributes[name] ?? null,
});
const next = (schedule: object, from: string, calendar: Calendar = in_('UTC'), after = NEVER): string | undefined => {
  const found = nextOccurrence(tableOf(schedule), Date.parse(from), after, calendar);
  return found === undefined ? undefined : new Date(found.at).toISOString().replace(':00.000Z', 'Z');
};

describe('instantOfLocal', () => {
  it('is the first minute at which clocks have come to the local time, in every zone and around every change', () => {
    const from = Date.UTC(2025, 11, 31);
    const wrong: unknown[] = [];
    for (const name of Intl.supportedValuesOf('timeZone')) {
      const luxon = IANAZone.create(name);
      const zone = zoneNamed(name) as Zone;
      for (let day = 0; day < 366; day++) {
        const at = from + day * DAY;
        if (day !== 61 && luxon.offset(at) === luxon.offset(at + DAY)) continue;
        // When each local minute comes first. Clocks change at full quarters of an hour.
        const seen = new Map<number, number>();
        let highest: number | undefined;
        let offset = 0;
        for (let instant = at - DAY; instant < at + 2 * DAY; instant += MINUTE) {
          if (instant % (15 * MINUTE) === 0) offset = luxon.offset(instant) * MINUTE;
          const local = instant + offset;
          for (let come = (highest ?? local) + MINUTE; come <= local; come += MINUTE) seen.set(come, instant);
          highest = Math.max(highest ?? local, local);
        }
        for (let local = at; local < at + DAY; local += 5 * MINUTE) {
          if (instantOfLocal(local, zone) !== seen.get(local)) wrong.push([name, local, seen.get(local)]);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('nextOccurrence', () => {
  it('of weekdays is the first of them, from the instant itself on', () => {
    const monday = { every: 'monday', at: '09:00' };
    expect(next(monday, '2026-03-02T09:00Z')).toBe('2026-03-02T09:00Z');
    expect(next(monday, '2026-03-02T09:00:00.001Z')).toBe('2026-03-09T09:00Z');
    expect(next(monday, '2026-03-01T22:00Z', in_('Africa/Nairobi'))).toBe('2026-03-02T06:00Z');
    expect(next({ every: ['friday', 'tuesday'], at: '23:59' }, '2026-03-02T09:00Z')).toBe('2026-03-03T23:59Z');
    expect(next({ every: 'day', at: '00:00' }, '2026-03-02T00:00:01Z')).toBe('2026-03-03T00:00Z');
  });

  it('of a month is its day, or the last of a month that has no such day', () => {
    const last = { every: 'month', day: 31, at: '08:00' };
    expect(next(last, '2026-01-31T08:00:01Z')).toBe('2026-02-28T08:00Z');
    expect(next(last, '2028-02-01T00:00Z')).toBe('2028-02-29T08:00Z');
    expect(next(last, '2026-03-01T00:00Z')).toBe('2026-03-31T08:00Z');
    expect(next({ every: 'month', day: 1, at: '08:00' }, '2026-03-01T08:00:01Z')).toBe('2026-04-01T08:00Z');
  });

  it('is the jump where DST skips the local time, and the first of two', () => {
    const daily = { every: 'day', at: '02:30' };
    const berlin = in_('Europe/Berlin');
    expect(next(daily, '2026-03-28T12:00Z', berlin)).toBe('2026-03-29T01:00Z');
    expect(next(daily, '2026-03-29T01:00:01Z', berlin)).toBe('2026-03-30T00:30Z');
    expect(next(daily, '2026-10-24T12:00Z', berlin)).toBe('2026-10-25T00:30Z');
    expect(next(daily, '2026-10-25T00:31Z', berlin)).toBe('2026-10-26T01:30Z');
  });

  it('of an attribute is around the day that it names', () => {
    const before = { attribute: 'due', before: '3d', at: '09:00' };
    const due = (value: string, zone = 'Africa/Nairobi'): Calendar => in_(zone, { due: value });
    expect(next(before, '2026-03-01T00:00Z', due('2026-03-10'))).toBe('2026-03-07T06:00Z');
    expect(next({ ...before, before: undefined, after: '1d' }, '2026-03-01T00:00Z', due('2026-03-10'))).toBe(
      '2026-03-11T06:00Z',
    );
    expect(next({ attribute: 'due', at: '09:00' }, '2026-03-01T00:00Z', due('2026-03-10T23:30'))).toBe(
      '2026-03-10T06:00Z',
    );
    // Late in the evening UTC it is the eleventh in Nairobi.
    expect(next({ attribute: 'due', at: '09:00' }, '2026-03-01T00:00Z', due('2026-03-10T23:30:00Z'))).toBe(
      '2026-03-11T06:00Z',
    );
    expect(next(before, '2026-03-07T06:00:01Z', due('2026-03-10'))).toBeUndefined();
    for (const value of ['', 'soon', '2026-02-30', '2026-13-01', '10/03/2026', '2026-03-10T25:00:00Z'])
      expect([value, next(before, '2026-01-01T00:00Z', due(value))]).toEqual([value, undefined]);
    expect(next(before, '2026-01-01T00:00Z')).toBeUndefined();
  });

  it('of one moment is that moment, at the local time or at one instant for everybody', () => {
    const local = { at: '2026-03-01T09:00' };
    expect(next(local, '2026-01-01T00:00Z', in_('America/New_York'))).toBe('2026-03-01T14:00Z');
    expect(next({ at: '2026-03-01T09:00+03:00' }, '2026-01-01T00:00Z', in_('America/New_York'))).toBe(
      '2026-03-01T06:00Z',
    );
    expect(next(local, '2026-03-01T14:00:01Z', in_('America/New_York'))).toBeUndefined();
  });

  it('never comes twice at one local time, wherever the user goes', () => {
    const nine = Date.UTC(2026, 2, 2, 9);
    expect(next({ every: 'day', at: '09:00' }, '2026-03-02T06:01Z', in_('America/New_York'), nine)).toBe(
      '2026-03-03T14:00Z',
    );
    expect(next({ at: '2026-03-02T09:00' }, '2026-03-02T06:01Z', in_('America/New_York'), nine)).toBeUndefined();
  });
});
