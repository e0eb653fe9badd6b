// A scenario file: what is given, how long to wait, what to expect. Its zod model.
import { DateTime, IANAZone } from 'luxon';
import { z } from 'zod';
import { channelId, durationOrNone, strict } from '../../schemas/file-values.ts';
import { absence, type Parsed, quoted, readModel, said } from '../../schemas/problems.ts';
import { type Reason, reasons } from '../../schemas/reasons.ts';
import { MOMENT_MEND, type Moment, parseMoment } from './moments.ts';

const words = z.string().refine((text) => text.trim() !== '', { error: () => said('is empty', 'write a text') });

/** A value that a function reads from text; what it throws is the reason. */
const moment: z.ZodType<Moment> = z.unknown().transform((value, ctx): Moment => {
  const refuse = (reason: string): never => {
    ctx.issues.push({ code: 'custom', message: said(reason, MOMENT_MEND), input: value });
    return z.NEVER;
  };
  const missing = absence(value);
  if (missing !== undefined) return refuse(missing);
  if (typeof value !== 'string') return refuse(`is ${quoted(value)}, not a moment`);
  try {
    return parseMoment(value);
  } catch (error) {
    return refuse((error as Error).message);
  }
});

const values = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

const consent = z.preprocess(
  (value) => (typeof value === 'string' ? { purpose: value } : value),
  strict({
    purpose: words,
    channel: channelId.optional(),
    granted: z.boolean().default(true),
    at: moment.optional(),
  }),
);

const STATUSES = ['accepted', 'sent', 'delivered', 'failed', 'unknown', 'opened', 'clicked', 'replied', 'unsubscribed'];

const given = strict({
  user: words.optional(),
  variant: words.optional(),
  holdout: z.boolean().optional(),
  profile: z.record(z.string(), z.unknown()).optional(),
  consents: z.array(consent).optional(),
  events: z
    .array(
      strict({
        at: moment,
        type: words,
        id: words.optional(),
        session: words.optional(),
        properties: values.default({}),
        repeat: z.int().min(1).max(10_000).default(1),
      }),
    )
    .optional(),
  requests: z
    .array(
      strict({
        at: moment,
        campaign: words.optional(),
        id: words.optional(),
        data: values.default({}),
        notBefore: moment.optional(),
      }),
    )
    .optional(),
  receipts: z
    .array(
      strict({
        at: moment,
        status: z.enum(STATUSES as [string, ...string[]]),
        message: z.int().min(1).optional(),
        error: words.optional(),
      }),
    )
    .optional(),
});

const reason = z.enum(reasons);
const sent = strict({
  channel: channelId.optional(),
  at: moment.optional(),
  text: words.optional(),
  variant: words.optional(),
});
const scheduled = strict({ channel: channelId.optional(), at: moment.optional(), variant: words.optional() });
const blocked = strict({ reason: reason.optional(), at: moment.optional(), missing: words.optional() });

const KINDS = ['sent', 'scheduled', 'blocked'] as const;

/** What is to become of one request. */
export interface Expected {
  /** null: the file's. */
  readonly campaign: string | null;
  readonly kind: (typeof KINDS)[number];
  readonly channel?: string | undefined;
  readonly at?: Moment | undefined;
  /** Is in one of the message's fields. */
  readonly text?: string | undefined;
  readonly variant?: string | undefined;
  readonly reason?: Reason | undefined;
  /** The variable that the text lacks. */
  readonly missing?: string | undefined;
}

/** "sent" is { sent: {} }; { blocked: no-consent } is { blocked: { reason: no-consent } }. */
function spelledOut(value: unknown): unknown {
  if (typeof value === 'string') return { [value]: {} };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => {
      if (key === 'blocked' && typeof part === 'string') return [key, { reason: part }];
      return [key, part === null ? {} : part];
    }),
  );
}

const entry = z.preprocess(
  spelledOut,
  strict({
    sent: sent.optional(),
    scheduled: scheduled.optional(),
    blocked: blocked.optional(),
    campaign: words.optional(),
  }).transform(({ campaign = null, ...kinds }, ctx): Expected => {
    const named = KINDS.filter((kind) => kinds[kind] !== undefined);
    const [kind] = named;
    if (kind !== undefined && named.length === 1) return { campaign, kind, ...kinds[kind] };
    const reason = kind === undefined ? 'says nothing' : `says ${named.join(' and ')} at once`;
    ctx.issues.push({ code: 'custom', message: said(reason, `give one of ${KINDS.join(', ')}`), input: kinds });
    return z.NEVER;
  }),
);

/** One for each request, in order; none: nothing is to happen. */
const expected = z.preprocess((value) => (value === 'nothing' ? [] : value), z.array(entry));

const scenario = strict({
  name: words,
  given: given.optional(),
  after: durationOrNone.optional(),
  until: moment.optional(),
  expect: expected,
}).superRefine(({ after, until }, ctx) => {
  if (after === undefined || until === undefined) return;
  ctx.addIssue({ code: 'custom', message: said('has after and until', 'keep one of the two'), path: ['until'] });
});

const day = z.string().refine((text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && DateTime.fromISO(text).isValid, {
  error: (issue) => said(`${quoted(issue.input)} is not a date`, 'write a day, such as 2026-03-02'),
});

const file = strict({
  campaign: words.optional(),
  start: day.default('2026-03-02'),
  lateness: durationOrNone.default(0),
  given: given.optional(),
  scenarios: z.array(scenario).min(1),
});

export type Given = z.output<typeof given>;
export type ScenarioFile = z.output<typeof file>;
export type Scenario = ScenarioFile['scenarios'][number];

/** The scenarios of a file's content, or everything that is wrong with it; never throws. */
export function parseScenarios(input: unknown): Parsed<ScenarioFile> {
  return readModel(file as z.ZodType<ScenarioFile>, input);
}

/** The zone of a scenario's user; UTC where the profile names none that there is. */
export function zoneOf(profile: Given['profile']): string {
  const zone = profile?.timezone;
  return typeof zone === 'string' && /^[A-Za-z]/.test(zone) && IANAZone.isValidZone(zone) ? zone : 'UTC';
}
