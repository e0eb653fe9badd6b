// Instants of a scenario as people write them: "-3d", "day 8 09:30", "2026-03-09T06:30:00Z".
import { DateTime } from 'luxon';
import { parseDuration } from '../../schemas/durations.ts';

/** `offset`: ms from the first day's midnight. `day`: counted from 1, with the time of day in minutes, null: any. */
export type Moment =
  | { readonly kind: 'instant'; readonly at: number }
  | { readonly kind: 'offset'; readonly ms: number }
  | { readonly kind: 'day'; readonly day: number; readonly minutes: number | null };

/** The first day of a scenario and the zone of its user. */
export interface Calendar {
  /** YYYY-MM-DD. */
  readonly start: string;
  /** IANA name. */
  readonly zone: string;
}

export const MOMENT_MEND = 'write -3d, 2h, day 8 09:30, or 2026-03-09T06:30:00Z with its zone';

const DAY = /^day (-?\d{1,5})(?: ([01]\d|2[0-3]):([0-5]\d))?$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;
const OFFSET = /^([+-]?)(\d{1,12}[smhd])$/;

/** Throws a RangeError that says what is wrong. */
export function parseMoment(text: string): Moment {
  const day = DAY.exec(text);
  if (day !== null) {
    const minutes = day[2] === undefined ? null : Number(day[2]) * 60 + Number(day[3]);
    return { kind: 'day', day: Number(day[1]), minutes };
  }
  const offset = OFFSET.exec(text);
  if (offset !== null) {
    const ms = parseDuration(offset[2] as string, { min: 0 });
    return { kind: 'offset', ms: offset[1] === '-' ? -ms : ms };
  }
  const at = INSTANT.test(text) ? DateTime.fromISO(text).toMillis() : Number.NaN;
  if (Number.isNaN(at)) throw new RangeError(`${JSON.stringify(text.slice(0, 40))} is no moment`);
  return { kind: 'instant', at };
}

/** Epoch ms; of a day without a time, its midnight. */
export function instantOf(moment: Moment, { start, zone }: Calendar): number {
  if (moment.kind === 'instant') return moment.at;
  const midnight = DateTime.fromISO(start, { zone });
  if (moment.kind === 'offset') return midnight.toMillis() + moment.ms;
  const minutes = moment.minutes ?? 0;
  return midnight
    .plus({ days: moment.day - 1 })
    .set({ hour: Math.floor(minutes / 60), minute: minutes % 60 })
    .toMillis();
}

/** Whether an instant is the one meant: to the minute, or on the day where no time is written. */
export function isMeant(moment: Moment, at: number, calendar: Calendar): boolean {
  if (moment.kind === 'day' && moment.minutes === null) return dayOf(at, calendar) === moment.day;
  const meant = instantOf(moment, calendar);
  return Math.floor(meant / 60_000) === Math.floor(at / 60_000);
}

/** "day 8 09:30" in the user's zone, with seconds where there are any. */
export function momentText(at: number, calendar: Calendar): string {
  const local = DateTime.fromMillis(at, { zone: calendar.zone });
  return `day ${dayOf(at, calendar)} ${local.toFormat(at % 60_000 === 0 ? 'HH:mm' : 'HH:mm:ss')}`;
}

/** A moment as it was written, more or less. */
export function writtenText(moment: Moment, calendar: Calendar): string {
  if (moment.kind === 'day' && moment.minutes === null) return `day ${moment.day}`;
  return momentText(instantOf(moment, calendar), calendar);
}

function dayOf(at: number, { start, zone }: Calendar): number {
  const day = DateTime.fromMillis(at, { zone }).startOf('day').setZone('utc', { keepLocalTime: true });
  return Math.round(day.diff(DateTime.fromISO(start, { zone: 'utc' }), 'days').days) + 1;
}
