// When a campaign asks by the calendar: every so often, on days around a date of the profile, or once.
import { DateTime } from 'luxon';
import { z } from 'zod';
import { DAY_MS, formatDuration } from '../durations.ts';
import { duration, strict } from '../file-values.ts';
import { quoted, said } from '../problems.ts';
import { distinct, given, INSTANT, words } from './values.ts';

/** The days of a week as files name them, Monday first. */
export const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

/** Local times are those of the user's zone. `atMs`: a time of day, in ms after midnight. */
export type Timetable =
  /** `days`: 0 for Monday to 6, ascending. */
  | { readonly kind: 'weekly'; readonly days: readonly number[]; readonly atMs: number }
  /** `day`: 1 to 31; the last of a month that is shorter. */
  | { readonly kind: 'monthly'; readonly day: number; readonly atMs: number }
  /** `offsetDays` after the date that the attribute holds; negative: before it. */
  | { readonly kind: 'attribute'; readonly attribute: string; readonly offsetDays: number; readonly atMs: number }
  /** Epoch ms; `local`: of the local time, as if it were UTC. */
  | { readonly kind: 'once'; readonly at: number; readonly local: boolean };

const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;
const LOCAL = /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/;
const MINUTE = 60_000;
const FIRST = 0;
const END = Date.UTC(2100, 0, 1);

const MOMENT_MEND = "write 2026-03-01T09:00 (in the user's zone), or 2026-03-01T09:00:00Z with its zone";
const every = ['day', 'month', ...weekdays] as const;

export const timetable = strict({
  every: z
    .union([z.enum(every), distinct(z.array(z.enum(weekdays)).min(1) as z.ZodType<string[]>)], {
      error: (issue) =>
        said(`is ${quoted(issue.input)}`, `write day, month, ${weekdays[0]} to ${weekdays[6]}, or a list of weekdays`),
    })
    .optional(),
  day: z.int().min(1).max(31).optional(),
  attribute: words.optional(),
  before: duration.optional(),
  after: duration.optional(),
  at: z.string(),
}).transform((parts, ctx): Timetable => {
  const refuse = (path: string[], reason: string, mend: string): typeof z.NEVER => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: parts });
    return z.NEVER;
  };
  const { every: often, day, attribute, before, after, at } = parts;
  if (often !== undefined && attribute !== undefined)
    return refuse([], 'names every and attribute at once', 'keep one; a second schedule is a campaign of its own');
  if (day !== undefined && often !== 'month')
    refuse(['day'], 'belongs to every: month', 'leave it out, or write it there');
  if (often === 'month' && day === undefined) refuse(['day'], 'is missing', 'add it: 1 to 31');
  for (const [name, ms] of Object.entries({ before, after })) {
    if (ms === undefined) continue;
    if (attribute === undefined) refuse([name], 'belongs to an attribute', 'leave it out, or name the attribute');
    else if (ms % DAY_MS !== 0) refuse([name], `${formatDuration(ms)} is not whole days`, 'write 1d, 3d and the like');
  }
  if (before !== undefined && after !== undefined) refuse([], 'names before and after at once', 'keep one');
  if (often === undefined && attribute === undefined) {
    const once = onceOf(at);
    return once ?? refuse(['at'], `${quoted(at)} is no moment from 1970 to 2099`, MOMENT_MEND);
  }
  const time = TIME.exec(at);
  if (time === null) return refuse(['at'], `${quoted(at)} is not a time of day`, 'write "HH:MM", such as "09:00"');
  const atMs = (Number(time[1]) * 60 + Number(time[2])) * MINUTE;
  if (attribute !== undefined) {
    return { kind: 'attribute', attribute, offsetDays: ((after ?? 0) - (before ?? 0)) / DAY_MS, atMs };
  }
  if (often === 'month') return { kind: 'monthly', day: day ?? 1, atMs };
  return { kind: 'weekly', days: daysOf(often as string | string[]), atMs };
});

function daysOf(often: string | readonly string[]): readonly number[] {
  if (often === 'day') return weekdays.map((_, i) => i);
  const names = typeof often === 'string' ? [often] : often;
  return weekdays.flatMap((name, i) => (names.includes(name) ? [i] : []));
}

function onceOf(text: string): Timetable | undefined {
  const local = LOCAL.test(text);
  if (!(local || INSTANT.test(text))) return undefined;
  const at = DateTime.fromISO(text, { zone: 'utc' }).toMillis();
  return at >= FIRST && at < END ? { kind: 'once', at, local } : undefined;
}

export function timetableToFile(table: Timetable): object {
  switch (table.kind) {
    case 'weekly': {
      const names = table.days.map((day) => weekdays[day]);
      return { every: names.length === weekdays.length ? 'day' : names, at: timeText(table.atMs) };
    }
    case 'monthly':
      return { every: 'month', day: table.day, at: timeText(table.atMs) };
    case 'attribute': {
      const { attribute, offsetDays: days, atMs } = table;
      const distance = days === 0 ? null : formatDuration(Math.abs(days) * DAY_MS);
      return {
        attribute,
        ...given({ before: days < 0 ? distance : null, after: days > 0 ? distance : null }),
        at: timeText(atMs),
      };
    }
    case 'once': {
      const text = new Date(table.at).toISOString();
      return { at: table.local ? text.slice(0, 19) : text };
    }
  }
}

/** "09:00" */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 16);
}

/** In words: "every monday and friday at 09:00". */
export function timetableText(table: Timetable): string {
  switch (table.kind) {
    case 'weekly': {
      const names = table.days.map((day) => weekdays[day]);
      return `every ${names.length === weekdays.length ? 'day' : names.join(' and ')} at ${timeText(table.atMs)}`;
    }
    case 'monthly':
      return `every month on day ${table.day} at ${timeText(table.atMs)}`;
    case 'attribute': {
      const { attribute, offsetDays: days } = table;
      const distance = `${formatDuration(Math.abs(days) * DAY_MS)} ${days < 0 ? 'before' : 'after'}`;
      return `${days === 0 ? 'on' : distance} the day of ${attribute} at ${timeText(table.atMs)}`;
    }
    case 'once': {
      const text = new Date(table.at).toISOString().slice(0, 16).replace('T', ' ');
      return `once, at ${text} ${table.local ? "in the user's zone" : 'UTC'}`;
    }
  }
}
