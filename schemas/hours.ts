// Sets of hours of the local day ("18:00-20:00"), as best hours are given and learned.
import { parseQuietHours } from './durations.ts';
import { quoted } from './problems.ts';

/** Bit h stands for the hour from h:00 to before h+1:00. Never empty. */
export type Hours = number;

/** Any hour is as good as another. */
export const ANY_HOUR: Hours = 0xff_ffff;

export const HOURS_MEND = 'write whole hours as "18:00-20:00", a list of such, or any';

const ANY = 'any';

/** Local hours from `start`:00 to before `end`:00, over midnight where the end is before the start. */
export function hours(start: number, end: number): Hours {
  let bits = 0;
  for (let hour = start; hour !== end; hour = (hour + 1) % 24) bits |= 1 << hour;
  return bits;
}

export function hasHour(set: Hours, hour: number): boolean {
  return (set & (1 << hour)) !== 0;
}

/** The hours of "18:00-20:00", of a list of such, or of "any". Throws RangeError with one line that says what is wrong. */
export function parseHours(value: unknown): Hours {
  if (value === ANY) return ANY_HOUR;
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (parts.length === 0) throw new RangeError('names no hour');
  return parts.reduce<Hours>((bits, part) => bits | range(part), 0);
}

function range(part: unknown): Hours {
  if (typeof part !== 'string') throw new RangeError(`is ${quoted(part)}, not hours`);
  const { start, end } = parseQuietHours(part);
  if (start % 60 !== 0 || end % 60 !== 0) throw new RangeError(`"${part}" does not lie on whole hours`);
  return hours(start / 60, end / 60);
}

const texts = new Map<Hours, readonly string[]>();

/** The set as `parseHours` reads it. */
export function hoursToFile(set: Hours): string | readonly string[] {
  return set === ANY_HOUR ? ANY : rangesOf(set);
}

/** The set in words: "10:00-12:00, 18:00-19:00". */
export function hoursText(set: Hours): string {
  return set === ANY_HOUR ? ANY : rangesOf(set).join(', ');
}

function rangesOf(set: Hours): readonly string[] {
  let ranges = texts.get(set);
  if (ranges === undefined) {
    ranges = [];
    for (let hour = 0; hour < 24; hour++) {
      if (!hasHour(set, hour) || hasHour(set, (hour + 23) % 24)) continue;
      let end = hour;
      while (hasHour(set, end)) end = (end + 1) % 24;
      ranges = [...ranges, `${two(hour)}:00-${two(end)}:00`];
    }
    texts.set(set, ranges);
  }
  return ranges;
}

function two(hour: number): string {
  return String(hour).padStart(2, '0');
}

/** How far the hour is from the nearest of the set, in hours round the clock: 0 to 12. */
export function distanceTo(set: Hours, hour: number): number {
  let distance = 0;
  while (!hasHour(set, (hour + distance) % 24) && !hasHour(set, (hour + 24 - distance) % 24)) distance++;
  return distance;
}
