// When a campaign's message may be sent.
import { z } from 'zod';
import { formatDuration, parseDuration } from '../durations.ts';
import { duration, hoursOfDay, keysOr, quietHours, strict, written } from '../file-values.ts';
import { type Hours, hoursToFile } from '../hours.ts';
import { isoTime } from '../iso-time.ts';
import { quoted, said } from '../problems.ts';
import { given, INSTANT_MEND, instant, LAST_MOMENT } from './values.ts';

/**
 * `asap`: the first allowed moment; `best`: within the best hours; `localMinutes`: a time of the user's day, in minutes after
 * midnight; `at`: not before an instant (epoch ms).
 */
export type SendTime = 'asap' | 'best' | { readonly localMinutes: number } | { readonly at: number };

export interface Schedule {
  /** "HH:MM-HH:MM" in the user's zone; null: none of the campaign's own. */
  readonly quietHours: string | null;
  /** ignore: the policy's holidays do not bind the campaign. */
  readonly holidays: 'keep' | 'ignore';
  readonly sendTime: SendTime;
  /** For users of whom no hours are learned; null: the channel's. */
  readonly bestHours: Hours | null;
  readonly expiresAfterMs: number;
}

const SEND_TIME_MEND = `write asap, best, a time of the user's day such as "09:00", or { at: 2026-01-31T18:00:00Z }`;

const words = written<SendTime>((value) => {
  if (value === 'asap' || value === 'best') return value;
  const match = typeof value === 'string' ? /^([01]\d|2[0-3]):([0-5]\d)$/.exec(value) : null;
  if (match === null) throw new RangeError(`${quoted(value)} is no time to send at`);
  return { localMinutes: Number(match[1]) * 60 + Number(match[2]) };
}, SEND_TIME_MEND);

const moment = strict({
  at: instant.transform((text, ctx) => {
    const at = Date.parse(text);
    if (at >= 0 && at <= LAST_MOMENT) return at;
    ctx.issues.push({ code: 'custom', message: said('is not from 1970 to 2099', INSTANT_MEND), input: text });
    return z.NEVER;
  }),
});

const sendTime: z.ZodType<SendTime> = keysOr(moment, words);

export const schedule = strict({
  quietHours: quietHours.optional(),
  holidays: z.enum(['keep', 'ignore']).default('keep'),
  sendTime: sendTime.default('asap'),
  bestHours: hoursOfDay.optional(),
  expiresAfter: duration.default(parseDuration('48h')),
})
  .prefault({})
  .transform(
    ({ quietHours = null, holidays, sendTime, bestHours = null, expiresAfter }): Schedule => ({
      quietHours,
      holidays,
      sendTime,
      bestHours,
      expiresAfterMs: expiresAfter,
    }),
  );

export function scheduleToFile({ quietHours, holidays, sendTime, bestHours, expiresAfterMs }: Schedule): object {
  return {
    ...given({ quietHours, bestHours: bestHours === null ? null : hoursToFile(bestHours) }),
    holidays,
    sendTime: sendTimeToFile(sendTime),
    expiresAfter: formatDuration(expiresAfterMs),
  };
}

function sendTimeToFile(sendTime: SendTime): string | object {
  if (typeof sendTime === 'string') return sendTime;
  return 'at' in sendTime ? { at: isoTime(sendTime.at) } : timeOfDayText(sendTime.localMinutes);
}

/** "HH:MM" of minutes after midnight. */
export function timeOfDayText(minutes: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
