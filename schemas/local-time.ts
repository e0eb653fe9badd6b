// Instants in a time zone: whether a local time of day is within a daily window, when it leaves it, which local day it is.
import { IANAZone } from 'luxon';
import { DAY_MS, type DailyWindow } from './durations.ts';
import { type Hours, hasHour } from './hours.ts';
import { isoDay } from './iso-time.ts';

/** On a day on which the offset changes, a zone is asked for it once for each step of this length. */
const OFFSET_STEP = 15 * 60_000;
const HOUR_MS = 3_600_000;
const DAYS_KEPT = 20_000;
const STEPS_KEPT = 20_000;

export interface Zone {
  /** IANA name; "UTC" where the name was unknown. */
  readonly name: string;
  /** ms to add to an instant for its local time. */
  offsetAt(instant: number): number;
}

const UTC: Zone = { name: 'UTC', offsetAt: () => 0 };
const zones = new Map<string, Zone | null>([
  ['UTC', UTC],
  ['Etc/UTC', UTC],
]);

/** The zone of an IANA name; undefined when there is none of that name. */
export function zoneNamed(name: string): Zone | undefined {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = IANAZone.isValidZone(name) ? cachedZone(name) : null;
    zones.set(name, zone);
  }
  return zone ?? undefined;
}

/** A user's zone; UTC, and `known: false`, where the profile names none or an unknown one. */
export function zoneOrUtc(name: string | null | undefined): { readonly zone: Zone; readonly known: boolean } {
  const zone = name === null || name === undefined ? undefined : zoneNamed(name);
  return { zone: zone ?? UTC, known: zone !== undefined };
}

function cachedZone(name: string): Zone {
  const zone = IANAZone.create(name);
  const ofDays = offsetsOf(zone, DAY_MS, DAYS_KEPT);
  const ofSteps = offsetsOf(zone, OFFSET_STEP, STEPS_KEPT);
  return {
    name,
    // Most changes are on the quarter of an hour. Not all: Newfoundland's were at 00:01.
    offsetAt: (instant) => ofDays(instant) ?? ofSteps(instant) ?? zone.offset(instant) * 60_000,
  };
}

/**
 * The zone's offset (ms) at an instant, or undefined where it changes within the instant's span of `length` ms. It is asked for
 * once a span: the answer costs luxon some microseconds.
 */
function offsetsOf(zone: IANAZone, length: number, kept: number): (instant: number) => number | undefined {
  const offsets = new Map<number, number | undefined>();
  return (instant) => {
    const span = Math.floor(instant / length);
    let offset = offsets.get(span);
    if (offset !== undefined || offsets.has(span)) return offset;
    const start = span * length;
    const first = zone.offset(start) * 60_000;
    offset = zone.offset(start + length - 1) * 60_000 === first ? first : undefined;
    if (offsets.size >= kept) offsets.clear();
    offsets.set(span, offset);
    return offset;
  };
}

/** The local day of an instant, as a number that counts up by one a day (days since 1970-01-01). */
export function localDay(instant: number, zone: Zone): number {
  return Math.floor((instant + zone.offsetAt(instant)) / DAY_MS);
}

/** The local day as YYYY-MM-DD. */
export function localDate(instant: number, zone: Zone): string {
  return isoDay(localDay(instant, zone)).slice(0, 10);
}

/** The first instant after the given one on a later local day. */
export function startOfNextDay(instant: number, zone: Zone): number {
  const today = localDay(instant, zone);
  return firstInstant(
    instant,
    zone,
    (at) => localDay(at, zone) > today,
    () => 0,
  );
}

/** Whether the local time of day is in `[start, end)`, over midnight where the end is before the start. */
export function isWithin(instant: number, { start, end }: DailyWindow, zone: Zone): boolean {
  const minute = localMs(instant, zone) / 60_000;
  return start < end ? minute >= start && minute < end : minute >= start || minute < end;
}

/** The first instant from the given one on whose local time of day is not in the window; across a skipped local time, the jump. */
export function endOfWindow(instant: number, window: DailyWindow, zone: Zone): number {
  if (!isWithin(instant, window, zone)) return instant;
  return firstInstant(
    instant,
    zone,
    (at) => !isWithin(at, window, zone),
    () => window.end * 60_000,
  );
}

/** The local hour of the day, 0 to 23. */
export function localHour(instant: number, zone: Zone): number {
  return Math.floor(localMs(instant, zone) / HOUR_MS);
}

/** The first instant from the given one on whose local hour is in the set; where it is skipped, on a later day. */
export function firstInHours(instant: number, set: Hours, zone: Zone): number {
  const fits = (at: number): boolean => hasHour(set, localHour(at, zone));
  if (fits(instant)) return instant;
  return firstInstant(instant, zone, fits, (at) => {
    let hour = (localHour(at, zone) + 1) % 24;
    while (!hasHour(set, hour)) hour = (hour + 1) % 24;
    return hour * HOUR_MS;
  });
}

/** No local time is further from UTC. */
const MOST_AHEAD = 16 * HOUR_MS;

/**
 * The first instant from the given one on that is some day's local time of day (minutes after midnight). Of a day on which the
 * time is skipped that is the jump; of one on which it comes twice, the first.
 */
export function nextTimeOfDay(instant: number, minutes: number, zone: Zone): number {
  for (let day = localDay(instant, zone) - 1; ; day++) {
    const at = instantOfLocal(day * DAY_MS + minutes * 60_000, zone);
    if (at >= instant) return at;
  }
}

/**
 * The instant of a local date and time, given as epoch ms as if it were UTC: the first one at which clocks show it, or a later
 * time where they skip it.
 */
export function instantOfLocal(wanted: number, zone: Zone): number {
  let at = wanted - MOST_AHEAD;
  for (;;) {
    const target = wanted - zone.offsetAt(at);
    if (zone.offsetAt(target) === zone.offsetAt(at)) return target;
    at = offsetChange(at, target, zone);
    if (at + zone.offsetAt(at) >= wanted) return at;
  }
}

function localMs(instant: number, zone: Zone): number {
  const local = (instant + zone.offsetAt(instant)) % DAY_MS;
  return local < 0 ? local + DAY_MS : local;
}

/**
 * The first instant after `from` that is wanted, where within one offset it is wanted first at a local time of day (ms):
 * looks there, unless the offset changes before; then at the change; then goes on from it.
 */
function firstInstant(
  from: number,
  zone: Zone,
  wanted: (at: number) => boolean,
  timeOfDay: (at: number) => number,
): number {
  let at = from;
  for (;;) {
    const wait = (timeOfDay(at) - localMs(at, zone) + DAY_MS) % DAY_MS || DAY_MS;
    const target = at + wait;
    at = zone.offsetAt(target) === zone.offsetAt(at) ? target : offsetChange(at, target, zone);
    // A clock put back over midnight comes to the same day again.
    if (wanted(at)) return at;
  }
}

/** The first instant in (from, to] with another offset than `from`. */
function offsetChange(from: number, to: number, zone: Zone): number {
  const before = zone.offsetAt(from);
  let low = from;
  let high = to;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offsetAt(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
