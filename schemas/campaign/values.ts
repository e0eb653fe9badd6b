// Values that several parts of a campaign's file write.
import { DateTime } from 'luxon';
import { z } from 'zod';
import { quoted, said } from '../problems.ts';

export const words = z.string().refine((text) => text.trim() !== '', { error: () => said('is empty', 'write a text') });

export function distinct(list: z.ZodType<string[]>): z.ZodType<string[]> {
  return list.superRefine((items, ctx) => {
    items.forEach((item, i) => {
      if (items.indexOf(item) === i) return;
      ctx.addIssue({ code: 'custom', message: said(`${quoted(item)} is there twice`, 'keep one'), path: [i] });
    });
  });
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** An instant with its zone. */
export const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

export const MOMENT_MEND = 'write 2026-01-31, or 2026-01-31T18:00:00Z with its zone';

/** A date, or an instant with its zone; what instant a date is, only the campaign's zone can tell. */
export const moment = z
  .string()
  .refine((text) => (DATE.test(text) || INSTANT.test(text)) && DateTime.fromISO(text, { zone: 'utc' }).isValid, {
    error: (issue) => said(`${quoted(issue.input)} is no date and no instant with its zone`, MOMENT_MEND),
  });

export const INSTANT_MEND = 'write an instant with its zone, such as 2026-01-31T18:00:00Z';

/** An instant with its zone, as text. */
export const instant = z
  .string()
  .refine((text) => INSTANT.test(text) && DateTime.fromISO(text, { zone: 'utc' }).isValid, {
    error: (issue) => said(`${quoted(issue.input)} is no instant with its zone`, INSTANT_MEND),
  });

/** Records carry times from 1970 to before 2100. */
export const LAST_MOMENT = Date.UTC(2100, 0, 1) - 1;

/** What is there of an object: the file's form leaves out what the normalised form calls null. */
export function given(parts: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null));
}
