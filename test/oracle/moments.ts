// The earliest moment of a message, found by trying one instant after the other.
import type { IANAZone } from 'luxon';
import { DAY } from './common.ts';
import type { Campaign, Policy } from './model.ts';
import { isQuiet, localDay, wall } from './zones.ts';

/** Times of day in inputs, and changes of their zones, lie on this grid. */
const GRID = 5 * 60_000;
const MINUTE = 60_000;

/** What binds a message. */
export interface Bounds {
  readonly sendTime: Campaign['sendTime'];
  readonly quietHours: string | null;
  /** "YYYY-MM-DD" or "MM-DD". */
  readonly holidays: readonly string[];
  /** Local hours, where the message waits for the best ones. */
  readonly bestHours: readonly number[] | null;
  readonly zone: IANAZone;
}

export function boundsOf(
  campaign: Campaign,
  policy: Policy,
  zone: IANAZone,
  bestHours: readonly number[] | null,
): Bounds {
  const isMarketing = campaign.class === 'marketing';
  return {
    sendTime: campaign.sendTime,
    quietHours: campaign.quietHours ?? (isMarketing ? policy.quietHours : undefined) ?? null,
    holidays: isMarketing && !campaign.ignoresHolidays ? (policy.holidays ?? []) : [],
    bestHours: campaign.sendTime === 'best' ? bestHours : null,
    zone,
  };
}

/** The local hour of the day. */
export function hourOf(at: number, zone: IANAZone): number {
  return new Date(wall(at, zone)).getUTCHours();
}

function isHoliday(at: number, { holidays, zone }: Bounds): boolean {
  if (holidays.length === 0) return false;
  const day = localDay(at, zone);
  return holidays.some((holiday) => day === holiday || day.slice(5) === holiday);
}

/** The holidays between two instants, as "YYYY-MM-DD". */
export function holidaysBetween(from: number, to: number, bounds: Bounds): string[] {
  const days = new Set<string>();
  for (let at = from; bounds.holidays.length > 0 && at < to + DAY; at += DAY / 4) {
    if (isHoliday(at, bounds)) days.add(localDay(at, bounds.zone));
  }
  return [...days];
}

/** The first instant of the grid, or `from` itself, for which `fits` holds. */
function first(from: number, fits: (at: number) => boolean): number {
  let at = from;
  while (!fits(at)) at = (Math.floor(at / GRID) + 1) * GRID;
  return at;
}

/** The first instant from `from` on that all bounds allow. */
export function earliest(from: number, bounds: Bounds): number {
  const { sendTime, quietHours, zone } = bounds;
  const awake = (at: number): boolean => quietHours === null || !isQuiet(at, quietHours, zone);
  if (typeof sendTime === 'object' && 'localMinutes' in sendTime) {
    for (let at = from; ; ) {
      const wanted = nextPassing(at, sendTime.localMinutes, zone);
      const free = first(wanted, awake);
      const holiday = [wanted, free].find((one) => isHoliday(one, bounds));
      if (holiday === undefined) return free;
      at = first(holiday, (one) => localDay(one, zone) > localDay(holiday, zone));
    }
  }
  const best = bestHoursLeft(bounds);
  return first(from, (at) => awake(at) && !isHoliday(at, bounds) && (best === null || best.includes(hourOf(at, zone))));
}

/** The best hours, unless quiet hours leave nothing of them. */
function bestHoursLeft({ bestHours, quietHours }: Bounds): readonly number[] | null {
  if (bestHours === null || quietHours === null) return bestHours;
  const text = (minutes: number): string => new Date(minutes * MINUTE).toISOString().slice(11, 16);
  const [start = '', end = ''] = quietHours.split('-');
  const isQuietAt = (time: string): boolean =>
    start <= end ? start <= time && time < end : time >= start || time < end;
  const left = bestHours.some((hour) =>
    Array.from({ length: 60 }, (_, minute) => text(hour * 60 + minute)).some((time) => !isQuietAt(time)),
  );
  return left ? bestHours : null;
}

/** The first instant from `from` on at which, for some day, the local date and time comes to that day's time or jumps over it. */
function nextPassing(from: number, minutes: number, zone: IANAZone): number {
  // Highest local times up to each instant: where clocks are put back, what came before does not come again.
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = Math.floor(from / GRID) * GRID - 2 * DAY; ; at += GRID) {
    const local = wall(at, zone);
    const passed = Math.floor((local - minutes * MINUTE) / DAY) > Math.floor((highest - minutes * MINUTE) / DAY);
    if (passed && highest !== Number.NEGATIVE_INFINITY && at >= from) return at;
    highest = Math.max(highest, local);
  }
}
