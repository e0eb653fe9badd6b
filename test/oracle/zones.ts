// Local time of a zone, found by looking at one minute after the other.
import { IANAZone } from 'luxon';
import { DAY } from './common.ts';

const MINUTE = 60_000;

const zones = new Map<string, IANAZone>();

/** The zone of that name; one that is absent or unknown is UTC. */
export function zoneOf(name: string | null | undefined): IANAZone {
  const known = zones.get(name ?? 'UTC');
  if (known) return known;
  const zone = IANAZone.create(name && IANAZone.isValidZone(name) ? name : 'UTC');
  zones.set(name ?? 'UTC', zone);
  return zone;
}

const offsets = new Map<string, number>();

/** The local wall time as if it were UTC, in epoch ms. Zones change their offset at full minutes. */
export function wall(at: number, zone: IANAZone): number {
  const key = `${zone.name} ${Math.floor(at / MINUTE)}`;
  const offset = offsets.get(key) ?? zone.offset(at);
  if (offsets.size > 300_000) offsets.clear();
  offsets.set(key, offset);
  return at + offset * MINUTE;
}

/** The local day, e.g. "2026-01-31". */
export function localDay(at: number, zone: IANAZone): string {
  return new Date(wall(at, zone)).toISOString().slice(0, 10);
}

/** The local day counted from 1970-01-01. */
export function dayNumber(at: number, zone: IANAZone): number {
  return Math.floor(wall(at, zone) / DAY);
}

/** Whether the local wall time lies in `[start, end)` of "HH:MM-HH:MM"; equal ends are no quiet hours at all. */
export function isQuiet(at: number, quietHours: string, zone: IANAZone): boolean {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(quietHours)?.map(Number);
  if (!parts) throw new RangeError(`"${quietHours}" are no quiet hours: write 21:00-08:00`);
  const [, startHour = 0, startMinute = 0, endHour = 0, endMinute = 0] = parts;
  const start = startHour * 60 + startMinute;
  const end = endHour * 60 + endMinute;
  const minute = Math.floor((wall(at, zone) % DAY) / MINUTE);
  return start <= end ? start <= minute && minute < end : minute >= start || minute < end;
}

/** The first instant at or after `at` for which `fits` holds; it can only begin to hold at a full minute. */
function firstMinute(at: number, fits: (instant: number) => boolean): number {
  let instant = at;
  while (!fits(instant)) instant = (Math.floor(instant / MINUTE) + 1) * MINUTE;
  return instant;
}

/** The first instant at or after `at` outside the quiet hours (null: there are none). */
export function afterQuiet(at: number, quietHours: string | null, zone: IANAZone): number {
  return quietHours === null ? at : firstMinute(at, (instant) => !isQuiet(instant, quietHours, zone));
}

/** The first instant of the next local day. */
export function nextDay(at: number, zone: IANAZone): number {
  const today = localDay(at, zone);
  return firstMinute(at, (instant) => localDay(instant, zone) > today);
}
