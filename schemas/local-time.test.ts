// Local time against luxon and a scan by the minute, in every zone there is and around every change of its offset.
import { DateTime, IANAZone } from 'luxon';
import { describe, expect, it } from 'vitest';
import { type DailyWindow, parseQuietHours } from './durations.ts';
import {
  endOfWindow,
  isWithin,
  localDate,
  localDay,
  startOfNextDay,
  type Zone,
  zoneNamed,
  zoneOrUtc,
} from './local-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const zoneOf = (name: string): Zone => zoneNamed(name) as Zone;

/** Instants at which the zone's offset changes, by luxon, between two others. */
function changes(name: string, from: number, to: number): number[] {
  const zone = IANAZone.create(name);
  const found: number[] = [];
  for (let at = from; at < to; at += 7 * DAY) {
    let low = at;
    let high = at + 7 * DAY;
    if (zone.offset(low) === zone.offset(high)) continue;
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (zone.offset(middle) === zone.offset(low)) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** Local minute of the day and local date for each minute of a span, by luxon's zones alone, asked once in each `step`. */
function scan(name: string, from: number, minutes: number, step: number): { minute: Int16Array; day: Int32Array } {
  const zone = IANAZone.create(name);
  const minute = new Int16Array(minutes);
  const day = new Int32Array(minutes);
  let offset = 0;
  for (let i = 0; i < minutes; i++) {
    const at = from + i * MINUTE;
    if (at % step === 0 || i === 0) offset = zone.offset(at);
    const local = at / MINUTE + offset;
    day[i] = Math.floor(local / 1440);
    minute[i] = local - 1440 * (day[i] as number);
  }
  return { minute, day };
}

const windows: readonly DailyWindow[] = [
  '21:00-08:00',
  '00:00-00:30',
  '23:30-01:30',
  '01:00-02:30',
  '02:15-02:45',
  '08:00-07:59',
].map(parseQuietHours);
const outside = ({ start, end }: DailyWindow, minute: number): boolean =>
  start < end ? minute < start || minute >= end : minute < start && minute >= end;

/** Compares both functions with the scan for instants over two days around a change. */
function compareAround(name: string, change: number, step: number): void {
  const zone = zoneOf(name);
  const from = change - 30 * HOUR;
  const total = 96 * 60;
  const { minute, day } = scan(name, from, total, step === 1 ? MINUTE : 15 * MINUTE);
  for (let i = 0; i < 54 * 60; i += step) {
    const at = from + i * MINUTE;
    let next = i + 1;
    while (next < total && (day[next] as number) <= (day[i] as number)) next++;
    expect(startOfNextDay(at, zone), `the day after ${new Date(at).toISOString()} in ${name}`).toBe(
      from + next * MINUTE,
    );
    for (const window of windows) {
      let end = i;
      while (!outside(window, minute[end] as number)) end++;
      expect(
        endOfWindow(at, window, zone),
        `${JSON.stringify(window)} at ${new Date(at).toISOString()} in ${name}`,
      ).toBe(from + end * MINUTE);
    }
  }
}

describe('local time', () => {
  const zones = Intl.supportedValuesOf('timeZone');
  const from = Date.UTC(2025, 0, 1);
  const to = Date.UTC(2027, 0, 1);

  it('is the scan by the minute, in every zone around every change of 2025 and 2026', () => {
    const seen = new Set<string>();
    let compared = 0;
    for (const name of zones) {
      const all = changes(name, from, to);
      for (const change of all) {
        // Many zones share their rules: one with the same change and offset is compared by fewer instants.
        const rule = `${change}${zoneOf(name).offsetAt(change)}`;
        compareAround(name, change, seen.has(rule) ? 397 : 13);
        seen.add(rule);
        compared++;
      }
      if (all.length === 0) compareAround(name, Date.UTC(2026, 2, 29, 1), 397);
    }
    expect(compared).toBeGreaterThan(400);
  }, 60_000);

  it.each([
    'Africa/Cairo',
    'America/Havana',
    'Asia/Beirut',
    'Australia/Lord_Howe',
    'America/Scoresbysund',
    'Atlantic/Azores',
    'Africa/Casablanca',
    'Pacific/Chatham',
  ])('is the scan by the minute in %s, minute by minute', (name) => {
    const all = changes(name, from, Date.UTC(2026, 0, 1));
    expect(all.length).toBeGreaterThanOrEqual(2);
    for (const change of all) compareAround(name, change, 1);
  });

  it.each([
    ['America/Asuncion', 2023],
    ['America/Sao_Paulo', 2018],
    ['America/St_Johns', 2010],
    ['Antarctica/Casey', 2020],
    ['Asia/Amman', 2021],
    ['Asia/Tehran', 2021],
  ])('is the scan by the minute where the clock changed at or just after midnight: %s in %i', (name, year) => {
    const all = changes(name, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
    expect(all.length).toBeGreaterThan(0);
    for (const change of all) compareAround(name, change, 1);
  });

  it('has a day less where a zone crossed the date line', () => {
    const [change] = changes('Pacific/Apia', Date.UTC(2011, 11, 20), Date.UTC(2012, 0, 5));
    expect(localDate((change as number) - 1, zoneOf('Pacific/Apia'))).toBe('2011-12-29');
    expect(startOfNextDay((change as number) - HOUR, zoneOf('Pacific/Apia'))).toBe(change);
    expect(localDate(change as number, zoneOf('Pacific/Apia'))).toBe('2011-12-31');
  });

  it('takes milliseconds within a minute', () => {
    const zone = zoneOf('Europe/Berlin');
    const window = parseQuietHours('21:00-08:00');
    const end = DateTime.fromISO('2026-02-03T08:00', { zone: 'Europe/Berlin' }).toMillis();
    expect(isWithin(end - 1, window, zone)).toBe(true);
    expect(endOfWindow(end - 1, window, zone)).toBe(end);
    expect(endOfWindow(end, window, zone)).toBe(end);
    expect(endOfWindow(end + 1, window, zone)).toBe(end + 1);
  });

  it('gives the day and date that luxon gives', () => {
    for (const name of zones) {
      for (let i = 0; i < 6; i++) {
        const at = Date.UTC(2026, 0, 1) + i * 61 * DAY + i * 3_600_001;
        const local = DateTime.fromMillis(at, { zone: name });
        expect(localDate(at, zoneOf(name)), name).toBe(local.toISODate());
        expect(localDay(at, zoneOf(name))).toBe(Math.floor((at + local.offset * MINUTE) / DAY));
      }
    }
  });
});

describe('the zone of a user', () => {
  it('is UTC, and not known, for an unknown or missing name', () => {
    for (const name of [null, undefined, '', 'Mars/Base', '__proto__', 'a'.repeat(1000)]) {
      const { zone, known } = zoneOrUtc(name);
      expect([zone.name, known, zone.offsetAt(0)]).toEqual(['UTC', false, 0]);
    }
  });

  it('is the one that it names', () => {
    const { zone, known } = zoneOrUtc('Africa/Nairobi');
    expect([zone.name, known, zone.offsetAt(0)]).toEqual(['Africa/Nairobi', true, 3 * HOUR]);
    expect(zoneOrUtc('UTC')).toMatchObject({ known: true });
  });
});
