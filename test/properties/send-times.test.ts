// The earliest moment near changes of the clock, in every zone there is, against one found by looking at one instant after the
// other.
import fc from 'fast-check';
import { IANAZone } from 'luxon';
import { expect, it } from 'vitest';
import { earliestMoment } from '../../processors/decide/moments.ts';
import { caseOf } from '../../processors/testing/case.ts';
import { timeOfDayText } from '../../schemas/campaign/schedule.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import { earliest } from '../oracle/moments.ts';
import { localDay, zoneOf } from '../oracle/zones.ts';
import { runs } from './runs.ts';

const MINUTE = 60_000;
const YEARS = [2025, 2026, 2027, 2028];

/** The instants of a year at which the zone's offset changes. */
function changesOf(name: string, year: number): number[] {
  const zone = IANAZone.create(name);
  const changes: number[] = [];
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += DAY) {
    if (zone.offset(day) === zone.offset(day + DAY)) continue;
    let [before, after] = [day, day + DAY];
    while (after - before > MINUTE) {
      const middle = before + Math.floor((after - before) / 2 / MINUTE) * MINUTE;
      if (zone.offset(middle) === zone.offset(day)) before = middle;
      else after = middle;
    }
    changes.push(after);
  }
  return changes;
}

/** Minutes after midnight, on the oracle's grid; most of them when clocks change. */
const time = fc.oneof(
  fc.nat(47).map((n) => n * 5),
  fc.nat(287).map((n) => n * 5),
  fc.integer({ min: 270, max: 287 }).map((n) => n * 5),
);
const rules = fc.record({
  quiet: fc.option(
    fc.tuple(time, time).filter(([start, end]) => start !== end),
    { freq: 2 },
  ),
  sendTime: fc.oneof(fc.constant(null), fc.constant('best' as const), time, time),
  bestHours: fc.uniqueArray(fc.nat(23), { minLength: 1, maxLength: 3 }),
  /** Days from the change. */
  holidays: fc.uniqueArray(fc.constantFrom(-1, 0, 1, 2), { maxLength: 2 }),
  yearly: fc.boolean(),
});
const around = fc.record({
  year: fc.constantFrom(...YEARS),
  change: fc.nat(1),
  minutes: fc.integer({ min: -30 * 60, max: 6 * 60 }),
  off: fc.constantFrom(0, 0, -1, 1),
});

it('is the first that quiet hours, holidays, best hours or a local time allow, near both changes of every zone', () => {
  const zones = Intl.supportedValuesOf('timeZone');
  expect(zones.length).toBeGreaterThan(400);
  let changing = 0;
  for (const name of zones) {
    const zone = zoneOf(name);
    const changes = new Map(YEARS.map((year) => [year, changesOf(name, year)]));
    if ([...changes.values()].some((list) => list.length > 0)) changing++;
    const property = fc.property(rules, around, (rule, { year, change, minutes, off }) => {
      const list = changes.get(year) ?? [];
      // Where the clock never changes, any day will do.
      const at = list[change % Math.max(1, list.length)] ?? Date.UTC(year, 2, 29, 1);
      const now = at + minutes * MINUTE + off;
      const quietHours = rule.quiet === null ? null : rule.quiet.map(timeOfDayText).join('-');
      const days = rule.holidays.map((day) => localDay(at + day * DAY, zone));
      const holidays = rule.yearly ? days.map((day) => day.slice(5)) : days;
      const local = typeof rule.sendTime === 'number' ? { localMinutes: rule.sendTime } : null;
      const c = caseOf({
        ...{ now, profile: { timezone: name }, policy: { holidays } },
        campaign: {
          schedule: {
            ...(quietHours === null ? {} : { quietHours }),
            sendTime: local === null ? (rule.sendTime ?? 'asap') : timeOfDayText(local.localMinutes),
            bestHours: rule.bestHours.map(
              (hour) => `${timeOfDayText(hour * 60)}-${timeOfDayText(((hour + 1) % 24) * 60)}`,
            ),
          },
        },
      });
      const sendTime = local ?? (rule.sendTime === 'best' ? 'best' : undefined);
      const bestHours = sendTime === 'best' ? rule.bestHours : null;
      const expected = earliest(now, { sendTime, quietHours, holidays, bestHours, zone });
      expect([name, iso(earliestMoment(c, 'sms'))]).toEqual([name, iso(expected)]);
      expect(expected).toBeLessThan(now + 8 * DAY + HOUR);
    });
    fc.assert(property, runs(6));
  }
  expect(changing).toBeGreaterThan(100);
}, 120_000);

function iso(at: number): string {
  return new Date(at).toISOString();
}
