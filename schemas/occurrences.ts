// The instants of a timetable for one user: which is the next.
import type { Timetable } from './campaign/timetable.ts';
import { DAY_MS } from './durations.ts';
import { instantOfLocal, localDay, type Zone } from './local-time.ts';
import type { FactValue } from './user-facts.ts';

export interface Occurrence {
  /** Epoch ms. */
  readonly at: number;
  /** Its local time, as epoch ms as if it were UTC: what stays the same wherever the user is. */
  readonly local: number;
}

/** Whose occurrences they are. */
export interface Calendar {
  readonly zone: Zone;
  attribute(name: string): FactValue;
}

/** A month has at most 31 days, and the search begins a day early. */
const LONGEST_SEARCH = 34;

/**
 * The first occurrence at or after `from` (epoch ms) whose local time is later than `after` (ms, as `Occurrence.local`): one
 * local time occurs once, also for a user who goes from zone to zone. A local time that the zone skips is the jump, one that
 * comes twice the first.
 */
export function nextOccurrence(
  table: Timetable,
  from: number,
  after: number,
  calendar: Calendar,
): Occurrence | undefined {
  const { zone } = calendar;
  if (table.kind === 'weekly' || table.kind === 'monthly') {
    const first = localDay(from, zone) - 1;
    for (let day = first; day < first + LONGEST_SEARCH; day++) {
      if (!(table.kind === 'weekly' ? table.days.includes(weekday(day)) : isDayOfMonth(day, table.day))) continue;
      const found = occurrence(day * DAY_MS + table.atMs, from, after, zone);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (table.kind === 'attribute') {
    const day = dayOf(calendar.attribute(table.attribute), zone);
    if (day === undefined) return undefined;
    return occurrence((day + table.offsetDays) * DAY_MS + table.atMs, from, after, zone);
  }
  if (table.local) return occurrence(table.at, from, after, zone);
  return table.at >= from && table.at > after ? { at: table.at, local: table.at } : undefined;
}

function occurrence(local: number, from: number, after: number, zone: Zone): Occurrence | undefined {
  if (local <= after) return undefined;
  const at = instantOfLocal(local, zone);
  return at >= from ? { at, local } : undefined;
}

/** 0 for Monday; the first of January 1970 was a Thursday. */
function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

function isDayOfMonth(day: number, wanted: number): boolean {
  const date = new Date(day * DAY_MS).getUTCDate();
  if (date === wanted) return true;
  return date < wanted && new Date((day + 1) * DAY_MS).getUTCDate() === 1;
}

const DATE = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * The local day (counted from 1970) of an attribute's text: of a date, or a date and time without a zone, itself; of an instant
 * with its zone, the day on which it falls in the user's. Anything else is no day.
 */
function dayOf(value: FactValue, zone: Zone): number | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = DATE.exec(value);
  if (parts === null) return undefined;
  const midnight = Date.parse(`${parts[1]}T00:00:00Z`);
  // Date.parse takes 2026-02-30 for the second of March.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== parts[1]) return undefined;
  if (parts[5] === undefined) return midnight / DAY_MS;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : localDay(instant, zone);
}
