// Values that campaign and policy files both write: durations, amounts, quiet hours, shares.
import { z } from 'zod';
import { channelIds } from './channels.ts';
import { DURATION_MEND, parseDuration, parseQuietHours, QUIET_HOURS_MEND } from './durations.ts';
import { HOURS_MEND, parseHours } from './hours.ts';
import { AMOUNT_MEND, parseAmount } from './money.ts';
import { absence, hint, quoted, said, wording } from './problems.ts';

/** An object whose unknown keys are refused, each with the nearest known one. */
export function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => hint(key, known)).join('\n') : undefined,
  });
}

/** A value that `read` understands; what `read` throws is the reason. */
export function written<T>(read: (value: unknown) => T, mend: string): z.ZodType<T> {
  return z.unknown().transform((value, ctx) => {
    try {
      const missing = absence(value);
      if (missing === undefined) return read(value);
      ctx.issues.push({ code: 'custom', message: said(missing, mend), input: value });
    } catch (error) {
      ctx.issues.push({ code: 'custom', message: said((error as Error).message, mend), input: value });
    }
    return z.NEVER;
  });
}

/** Keys with values are read by one model, whatever else there is by the other. */
export function keysOr<K, T>(keys: z.ZodType<K>, other: z.ZodType<T>): z.ZodType<K | T> {
  return z.unknown().transform((value, ctx) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const read = (isObject ? keys : other).safeParse(value, { error: wording });
    if (read.success) return read.data;
    for (const issue of read.error.issues)
      ctx.issues.push({ ...issue, path: [...issue.path], input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError(`is ${quoted(value)}, not text`);
  return value;
}

/** Milliseconds of "7d". */
export const duration = written((value) => parseDuration(text(value)), DURATION_MEND);

/** Milliseconds of "5m"; "0s" too. */
export const durationOrNone = written((value) => parseDuration(text(value), { min: 0 }), `${DURATION_MEND}, or 0s`);

/** Micro-units of 500, 0.0075 or "0.0075". */
export const amount = written((value) => {
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new RangeError(`is ${quoted(value)}, not an amount`);
  return parseAmount(value);
}, AMOUNT_MEND);

/** "HH:MM-HH:MM", checked; `parseQuietHours` gives its minutes. */
export const quietHours = written((value) => {
  parseQuietHours(text(value));
  return text(value);
}, QUIET_HOURS_MEND);

/** A number from 0 to 1 of "10%" or 0.1. */
export const share = written((value) => {
  const percent = typeof value === 'string' ? /^(\d{1,3}(?:\.\d{1,6})?) ?%$/.exec(value)?.[1] : undefined;
  const number = percent === undefined ? value : Number(percent) / 100;
  if (typeof number !== 'number' || !(number >= 0 && number <= 1))
    throw new RangeError(`${quoted(value)} is not a share`);
  return number;
}, 'write a percentage from "0%" to "100%", or a fraction from 0 to 1');

/** Hours of the day of "18:00-20:00", a list of such, or any. */
export const hoursOfDay = written(parseHours, HOURS_MEND);

export const currency = z.string().regex(/^[A-Z]{3}$/, {
  error: (issue) =>
    said(`${quoted(issue.input)} is not a currency code`, 'write three capital letters, such as USD or KES'),
});

/** A channel's id, known or not. */
export const channelId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
  error: (issue) => said(`${quoted(issue.input)} is not a channel's id`, hint(issue.input, channelIds)),
});
