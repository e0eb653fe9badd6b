// A campaign's file: its zod model and its normalised form.
import { DateTime, IANAZone } from 'luxon';
import { z } from 'zod';
import { channelIds } from './channels.ts';
import { type Condition, conditionModel } from './condition.ts';
import { formatDuration, parseDuration } from './durations.ts';
import { amount, channelId, currency, duration, quietHours, share, strict } from './file-values.ts';
import { formatAmount } from './money.ts';
import { hint, type Parsed, problem, quoted, readModel, said } from './problems.ts';

/** A campaign with every default filled in: durations and instants in milliseconds, money in micro-units. */
export interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly class: 'marketing' | 'transactional';
  /** What users consent to; the class, unless the file says otherwise. */
  readonly purpose: string;
  /** 0 to 100; the higher is decided first. */
  readonly priority: number;
  readonly status: 'active' | 'draft' | 'paused' | 'ended';
  /** IANA zone of the budget's dates and days. */
  readonly timezone: string;
  readonly trigger: Trigger;
  readonly audience: Condition | null;
  /** In the file's order, each once. */
  readonly channels: readonly string[];
  readonly content: Content;
  /** `key` null: the campaign's own. */
  readonly dedupe: { readonly windowMs: number; readonly key: string | null };
  readonly schedule: Schedule;
  readonly budget: Budget | null;
  /** Share of users from 0 to 1 that get no message. */
  readonly holdout: number;
  readonly conversion: Conversion | null;
}

export type Trigger =
  | { readonly kind: 'event'; readonly event: string; readonly where: Condition | null }
  | { readonly kind: 'session'; readonly session: 'closed'; readonly where: Condition | null }
  | {
      readonly kind: 'signal';
      readonly signal: 'inactive' | 'returned';
      /** inactive: the threshold, null: each of them; returned: the least silence, null: any. */
      readonly afterMs: number | null;
      readonly where: Condition | null;
    }
  | { readonly kind: 'api' };

export type Content =
  | { readonly text: string }
  | {
      readonly template: string;
      /** At least one; the first serves users of every other locale. */
      readonly locales: readonly string[];
    };

export interface Schedule {
  /** "HH:MM-HH:MM" in the user's zone; null: none of the campaign's own. */
  readonly quietHours: string | null;
  readonly sendTime: 'asap' | 'best';
  readonly expiresAfterMs: number;
}

/** What may be spent. Null: no such limit. */
export interface Budget {
  readonly currency: string;
  readonly totalMicros: number | null;
  /** Per calendar day in the campaign's zone. */
  readonly dailyMicros: number | null;
  readonly perChannelMicros: Readonly<Record<string, number>>;
  /** even: from, to and total are given. */
  readonly pacing: 'even' | 'asap';
  /** Epoch ms, inclusive. */
  readonly fromAt: number | null;
  /** Epoch ms, exclusive. */
  readonly toAt: number | null;
}

export interface Conversion {
  readonly event: string;
  readonly withinMs: number;
  /** The event's property that holds the value; null: conversions are only counted. */
  readonly value: string | null;
}

const words = z.string().refine((text) => text.trim() !== '', { error: () => said('is empty', 'write a text') });

/** A word of the design that this version has no meaning for. */
const notYet = (what: string, mend: string): z.ZodType<undefined> =>
  z.undefined({ error: () => said(`${what} is not in this version`, mend) }).optional();

const id = z.string().regex(/^(?!policy$)[a-z0-9][a-z0-9._-]{0,99}$/, {
  error: (issue) =>
    issue.input === 'policy'
      ? said('"policy" names the policy itself', 'give the campaign another id')
      : said(`${quoted(issue.input)} is not an id`, 'write small letters, digits, ".", "_" or "-", such as winback-7d'),
});

const timezone = z.string().refine((zone) => /^[A-Za-z]/.test(zone) && IANAZone.isValidZone(zone), {
  error: (issue) =>
    said(`${quoted(issue.input)} is not a time zone`, 'write an IANA name, such as Africa/Nairobi or UTC'),
});

const where = conditionModel.optional();

const TRIGGERS = ['event', 'session', 'signal', 'api'] as const;

const trigger = strict({
  event: words.optional(),
  session: z.literal('closed').optional(),
  signal: z.enum(['inactive', 'returned']).optional(),
  api: z.literal(true).optional(),
  segment: notYet('a segment trigger', 'use event, session, signal or api'),
  schedule: notYet(
    'a schedule trigger',
    'use event, session, signal or api; a batch of send-requests serves a schedule',
  ),
  after: duration.optional(),
  where,
}).transform(({ event, session, signal, after, where = null, ...rest }, ctx): Trigger => {
  const refuse = (path: string[], reason: string, mend: string): void => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: rest });
  };
  const given = TRIGGERS.filter((kind) => ({ event, session, signal, api: rest.api })[kind] !== undefined);
  if (given.length !== 1) {
    const reason =
      given.length === 0 ? 'does not say what triggers the campaign' : `names ${given.join(' and ')} at once`;
    refuse([], reason, `give exactly one of ${TRIGGERS.join(', ')}; a second trigger is a campaign of its own`);
  }
  if (after !== undefined && signal === undefined)
    refuse(['after'], 'belongs to a signal', 'leave it out, or use signal:');
  if (event !== undefined) return { kind: 'event', event, where };
  if (session !== undefined) return { kind: 'session', session, where };
  if (signal !== undefined) return { kind: 'signal', signal, afterMs: after ?? null, where };
  if (where !== null) refuse(['where'], 'has no event, session or signal to ask', 'use audience: instead');
  return { kind: 'api' };
});

const locale = z.string().regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, {
  error: (issue) => said(`${quoted(issue.input)} is not a locale`, 'write a BCP 47 tag, such as en or sw-KE'),
});

const content = strict({
  text: words.optional(),
  template: words.optional(),
  locales: distinct(z.array(locale).min(1)).optional(),
}).transform(({ text, template, locales }, ctx): Content => {
  if (template !== undefined && text === undefined) return { template, locales: locales ?? ['en'] };
  if (text !== undefined && template === undefined && locales === undefined) return { text };
  const reason = text === undefined ? 'has neither text nor template' : 'mixes text with template or locales';
  ctx.issues.push({ code: 'custom', message: said(reason, 'give text, or template and its locales'), input: text });
  return z.NEVER;
});

function distinct(list: z.ZodType<string[]>): z.ZodType<string[]> {
  return list.superRefine((items, ctx) => {
    items.forEach((item, i) => {
      if (items.indexOf(item) === i) return;
      ctx.addIssue({ code: 'custom', message: said(`${quoted(item)} is there twice`, 'keep one'), path: [i] });
    });
  });
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

const MOMENT_MEND = 'write 2026-01-31, or 2026-01-31T18:00:00Z with its zone';

/** A date, or an instant with its zone; what instant a date is, only the campaign's zone can tell. */
const moment = z
  .string()
  .refine((text) => (DATE.test(text) || INSTANT.test(text)) && DateTime.fromISO(text, { zone: 'utc' }).isValid, {
    error: (issue) => said(`${quoted(issue.input)} is no date and no instant with its zone`, MOMENT_MEND),
  });

/** Records carry times from 1970 to before 2100. */
const LAST_MOMENT = Date.UTC(2100, 0, 1) - 1;

const pacing = z.enum(['even', 'asap'], {
  error: (issue) =>
    typeof issue.input === 'object' && issue.input !== null
      ? said('a curve of points is not in this version', 'write even or asap')
      : said(`is ${quoted(issue.input)}`, hint(issue.input, ['even', 'asap'])),
});

const budget = strict({
  currency: currency.default('USD'),
  total: amount.optional(),
  daily: amount.optional(),
  perChannel: z.record(channelId, amount).default({}),
  pacing: pacing.optional(),
  from: moment.optional(),
  to: moment.optional(),
}).superRefine(({ total, daily, perChannel, pacing, from, to }, ctx) => {
  const refuse = (path: string[], reason: string, mend: string): void => {
    ctx.addIssue({ code: 'custom', message: said(reason, mend), path });
  };
  const missing = Object.entries({ from, to, total }).flatMap(([key, value]) => (value === undefined ? [key] : []));
  if (pacing === 'even' && missing.length > 0) {
    refuse(['pacing'], `even pacing needs ${missing.join(', ')}`, `give ${missing.join(', ')}, or write pacing: asap`);
  }
  if (total !== undefined && daily !== undefined && daily > total) {
    refuse(['daily'], 'impossible budget: daily is more than total', 'lower daily or raise total');
  }
  if (missing.length === 3 && daily === undefined && Object.keys(perChannel).length === 0) {
    refuse([], 'limits nothing', 'give total, daily, perChannel, from or to, or leave budget out');
  }
});

const file = strict({
  id,
  name: words.optional(),
  class: z.enum(['marketing', 'transactional']).default('marketing'),
  purpose: words.optional(),
  priority: z.int().min(0).max(100).default(50),
  status: z.enum(['active', 'draft', 'paused', 'ended']).default('active'),
  timezone: timezone.default('UTC'),
  trigger,
  audience: conditionModel.optional(),
  channels: distinct(z.array(channelId).min(1)),
  content,
  dedupe: strict({ window: duration.default(parseDuration('24h')), key: words.optional() }).prefault({}),
  schedule: strict({
    quietHours: quietHours.optional(),
    sendTime: z.enum(['asap', 'best']).default('asap'),
    expiresAfter: duration.default(parseDuration('48h')),
  }).prefault({}),
  budget: budget.optional(),
  holdout: share.default(0),
  conversion: strict({ event: words, within: duration, value: words.optional() }).optional(),
});

const model: z.ZodType<Campaign> = file.transform((parts, ctx): Campaign => {
  const refuse = (path: string[], reason: string, mend: string): void => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: parts });
  };
  const spending = parts.budget === undefined ? null : normalBudget(parts.budget, parts.timezone);
  for (const channel of Object.keys(spending?.perChannelMicros ?? {})) {
    if (parts.channels.includes(channel)) continue;
    refuse(
      ['budget', 'perChannel', channel],
      'is not among the channels',
      `${hint(channel, parts.channels)} Or add it to channels:`,
    );
  }
  for (const [key, at] of [
    ['from', spending?.fromAt ?? 0],
    ['to', spending?.toAt ?? 0],
  ] as const) {
    if (at < 0 || at > LAST_MOMENT) refuse(['budget', key], 'is not between 1970 and 2100', MOMENT_MEND);
  }
  if (spending !== null && spending.fromAt !== null && spending.toAt !== null && spending.toAt <= spending.fromAt) {
    refuse(['budget', 'to'], 'is not after from', 'write a later date; to itself is no longer in the budget');
  }
  return {
    id: parts.id,
    name: parts.name ?? parts.id,
    class: parts.class,
    purpose: parts.purpose ?? parts.class,
    priority: parts.priority,
    status: parts.status,
    timezone: parts.timezone,
    trigger: parts.trigger,
    audience: parts.audience ?? null,
    channels: parts.channels,
    content: parts.content,
    dedupe: { windowMs: parts.dedupe.window, key: parts.dedupe.key ?? null },
    schedule: {
      quietHours: parts.schedule.quietHours ?? null,
      sendTime: parts.schedule.sendTime,
      expiresAfterMs: parts.schedule.expiresAfter,
    },
    budget: spending,
    holdout: parts.holdout,
    conversion:
      parts.conversion === undefined
        ? null
        : { event: parts.conversion.event, withinMs: parts.conversion.within, value: parts.conversion.value ?? null },
  };
});

function normalBudget(parts: z.output<typeof budget>, zone: string): Budget {
  const at = (text: string | undefined): number | null =>
    text === undefined ? null : DateTime.fromISO(text, { zone }).toMillis();
  const paceable = parts.total !== undefined && parts.from !== undefined && parts.to !== undefined;
  return {
    currency: parts.currency,
    totalMicros: parts.total ?? null,
    dailyMicros: parts.daily ?? null,
    perChannelMicros: parts.perChannel,
    pacing: parts.pacing ?? (paceable ? 'even' : 'asap'),
    fromAt: at(parts.from),
    toAt: at(parts.to),
  };
}

/**
 * The campaign of a file's content, or everything that is wrong with it; never throws.
 * `registered`: ids of channels that the policy knows besides the built-in ones.
 */
export function parseCampaign(input: unknown, registered: Iterable<string> = []): Parsed<Campaign> {
  const parsed = readModel(model, input);
  if (!parsed.ok) return parsed;
  const known = [...new Set([...channelIds, ...registered])];
  const strangers = parsed.value.channels.flatMap((channel, i) =>
    known.includes(channel)
      ? []
      : [
          problem(
            ['channels', i],
            `"${channel}" is not a known channel`,
            `${hint(channel, known)} A new one is listed under channels: in the policy`,
          ),
        ],
  );
  return strangers.length === 0 ? parsed : { ok: false, problems: strangers };
}

/** The campaign as JSON of the file's form, every default spelled out; `campaignFromJson` gives the same campaign back. */
export function campaignToJson(campaign: Campaign): string {
  const { trigger, audience, dedupe, schedule, budget, conversion, ...rest } = campaign;
  return JSON.stringify({
    ...rest,
    trigger: triggerToFile(trigger),
    ...given({ audience }),
    dedupe: { window: formatDuration(dedupe.windowMs), ...given({ key: dedupe.key }) },
    schedule: {
      ...given({ quietHours: schedule.quietHours }),
      sendTime: schedule.sendTime,
      expiresAfter: formatDuration(schedule.expiresAfterMs),
    },
    ...given({ budget: budget === null ? null : budgetToFile(budget) }),
    ...given({
      conversion:
        conversion === null
          ? null
          : {
              event: conversion.event,
              within: formatDuration(conversion.withinMs),
              ...given({ value: conversion.value }),
            },
    }),
  });
}

function triggerToFile(trigger: Trigger): object {
  switch (trigger.kind) {
    case 'event':
      return { event: trigger.event, ...given({ where: trigger.where }) };
    case 'session':
      return { session: trigger.session, ...given({ where: trigger.where }) };
    case 'signal': {
      const after = trigger.afterMs === null ? null : formatDuration(trigger.afterMs);
      return { signal: trigger.signal, ...given({ after, where: trigger.where }) };
    }
    case 'api':
      return { api: true };
  }
}

function budgetToFile(budget: Budget): object {
  const money = (micros: number | null): string | null => (micros === null ? null : formatAmount(micros));
  const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  return {
    currency: budget.currency,
    ...given({ total: money(budget.totalMicros), daily: money(budget.dailyMicros) }),
    perChannel: Object.fromEntries(
      Object.entries(budget.perChannelMicros).map(([id, micros]) => [id, formatAmount(micros)]),
    ),
    pacing: budget.pacing,
    ...given({ from: instant(budget.fromAt), to: instant(budget.toAt) }),
  };
}

/** What is there of an object: the file's form leaves out what the normalised form calls null. */
function given(parts: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null));
}

/**
 * The campaign of `CampaignDefinition.definition`. Channels need not be known: that was checked when it was published, and
 * the policy that names them may arrive later.
 */
export function campaignFromJson(json: string): Parsed<Campaign> {
  try {
    return readModel(model, JSON.parse(json));
  } catch {
    return { ok: false, problems: [problem([], 'is not JSON', 'write it with campaignToJson')] };
  }
}
