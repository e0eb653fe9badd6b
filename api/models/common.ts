// Values that several routes share. These models check what comes in, give its types, and are what the OpenAPI document shows.
import { z } from 'zod';
import { LATEST_TIME } from '../../runtime/task.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';

const LONGEST_ID = 256;
/** Seconds. */
export const MOST_WAIT = 30;
export const DEFAULT_WAIT = 2;

/** Avro takes no lone surrogates: each becomes the replacement character, as wherever Beckon takes JSON. */
export const text = () => z.string().overwrite((value) => value.toWellFormed());

/** State keeps rows apart by U+0000, and keys tenants from users by "/". Patterns, so that the document has them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const ZEROLESS = /^[^\u0000]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const TENANT = /^[^/\u0000]*$/;
const NO_ZERO = 'must not contain the character U+0000';

export const id = (what: string) => text().min(1).max(LONGEST_ID).regex(ZEROLESS, NO_ZERO).describe(what);

export const userId = id('The user within the tenant.');
export const campaignId = id('The campaign within the tenant.');
/** Those of a batch are made of its id and the user's. */
export const requestId = text()
  .min(1)
  .max(2 * LONGEST_ID)
  .regex(ZEROLESS, NO_ZERO)
  .describe('The id of the request.');
export const tenantId = text()
  .min(1)
  .max(LONGEST_ID)
  .regex(TENANT, 'must not contain "/" or the character U+0000')
  .describe('The workspace.')
  .default(DEFAULT_TENANT);

const TIME_MEND = 'write a time as ISO-8601 with a zone, such as 2026-01-31T09:00:00Z, or epoch ms';

/** Epoch ms of ISO-8601 with a zone, or of epoch ms. */
export const time = (what: string) =>
  z
    .union(
      [
        z.iso.datetime({ offset: true, error: TIME_MEND }).meta({ pattern: '^(19[7-9]|20[0-9])[0-9]-' }),
        z
          .int()
          .min(0)
          .max(LATEST_TIME - 1),
      ],
      TIME_MEND,
    )
    .describe(`${what} ISO-8601 with a zone, or epoch ms; from 1970 to 2099.`)
    .transform((value, ctx) => {
      const at = typeof value === 'number' ? value : Date.parse(value);
      if (at >= 0 && at < LATEST_TIME) return at;
      ctx.addIssue('is outside 1970-01-01 to 2100-01-01');
      return z.NEVER;
    });

export const instant = (what: string) => z.iso.datetime().describe(what);

export const data = z
  .record(
    text().max(LONGEST_ID),
    z.union([z.null(), z.boolean(), z.number(), text()], 'must be text, a number, true, false or null'),
  )
  .describe("Values for the message's text and for conditions, by name.");

export const wait = z.coerce
  .number()
  .min(0)
  .max(MOST_WAIT)
  .default(DEFAULT_WAIT)
  .describe(`Seconds to wait for a decision, at most ${MOST_WAIT}; 0: don't.`);

export function iso(at: number): string {
  return new Date(at).toISOString();
}

export function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
