// A campaign's file: its zod model and its normalised form. Each part has a file of its own in campaign/.
import { IANAZone } from 'luxon';
import { z } from 'zod';
import { DEFAULT_BODY } from './campaign/bodies.ts';
import { type Budget, budget, budgetToFile, contradictions, normalBudget } from './campaign/budget.ts';
import { type Content, channelsOfTexts, content, contentFaults } from './campaign/content.ts';
import { type Conversion, conversion, conversionToFile } from './campaign/conversion.ts';
import { type Schedule, schedule, scheduleToFile } from './campaign/schedule.ts';
import { priors, type Scoring, strangers, urgency } from './campaign/scoring.ts';
import { type Trigger, trigger, triggerToFile } from './campaign/trigger.ts';
import { distinct, given, words } from './campaign/values.ts';
import { channelIds } from './channels.ts';
import { type Condition, conditionModel } from './condition.ts';
import { formatDuration, parseDuration } from './durations.ts';
import { channelId, duration, share, strict } from './file-values.ts';
import { hint, type Parsed, problem, quoted, readModel, said } from './problems.ts';

/** A campaign with every default filled in: durations and instants in milliseconds, money in micro-units. */
export interface Campaign extends Scoring {
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
  schedule,
  urgency: urgency.optional(),
  priors,
  budget: budget.optional(),
  holdout: share.default(0),
  conversion: conversion.optional(),
});

const model: z.ZodType<Campaign> = file.transform((parts, ctx): Campaign => {
  const spending = parts.budget === undefined ? null : normalBudget(parts.budget, parts.timezone);
  for (const [path, reason, mend] of spending === null ? [] : contradictions(spending, parts.channels)) {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path: ['budget', ...path], input: parts });
  }
  for (const [path, reason, mend] of contentFaults(parts.content, parts.trigger, parts.channels)) {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path: ['content', ...path], input: parts });
  }
  const scoring = {
    urgency: parts.urgency ?? (parts.class === 'transactional' ? 'high' : 'normal'),
    priors: parts.priors,
  };
  for (const [path, message] of strangers(scoring, parts.channels)) {
    ctx.issues.push({ code: 'custom', message, path, input: parts });
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
    schedule: parts.schedule,
    ...scoring,
    budget: spending,
    holdout: parts.holdout,
    conversion: parts.conversion ?? null,
  };
});

/**
 * The campaign of a file's content, or everything that is wrong with it; never throws.
 * `registered`: ids of channels that the policy knows besides the built-in ones; null: nobody knows, so any may be one.
 */
export function parseCampaign(input: unknown, registered: Iterable<string> | null = []): Parsed<Campaign> {
  const parsed = readModel(model, input);
  if (registered === null) return parsed;
  const known = [...new Set([...channelIds, ...registered])];
  // Also of a file that is wrong elsewhere, so that all is told at once.
  const wrong = parsed.ok ? [] : parsed.problems;
  const written: readonly unknown[] = parsed.ok ? parsed.value.channels : channelsIn(input);
  const strangers = written.flatMap((channel, i) =>
    typeof channel !== 'string' ||
    known.includes(channel) ||
    wrong.some(({ keys: [first, at] }) => first === 'channels' && (at === i || at === undefined))
      ? []
      : [
          problem(
            ['channels', i],
            `"${channel}" is not a known channel`,
            `${hint(channel, known)}; a new one is listed under channels: in the policy`,
          ),
        ],
  );
  if (!parsed.ok) return { ok: false, problems: [...wrong, ...strangers] };
  const unwritten = channelsOfTexts(parsed.value.content).flatMap(([path, channel]) =>
    known.includes(channel)
      ? []
      : [problem(['content', ...path], `"${channel}" is not a known channel`, hint(channel, [DEFAULT_BODY, ...known]))],
  );
  const problems = [...strangers, ...unwritten];
  return problems.length === 0 ? parsed : { ok: false, problems };
}

/** The campaign as JSON of the file's form, every default spelled out; `campaignFromJson` gives the same campaign back. */
export function campaignToJson(campaign: Campaign): string {
  const { trigger, audience, dedupe, schedule, budget, conversion, ...rest } = campaign;
  return JSON.stringify({
    ...rest,
    trigger: triggerToFile(trigger),
    ...given({ audience }),
    dedupe: { window: formatDuration(dedupe.windowMs), ...given({ key: dedupe.key }) },
    schedule: scheduleToFile(schedule),
    ...given({
      budget: budget === null ? null : budgetToFile(budget),
      conversion: conversion === null ? null : conversionToFile(conversion),
    }),
  });
}

/** What a file that may be wrong has for channels. */
function channelsIn(input: unknown): readonly unknown[] {
  const { channels } = (typeof input === 'object' && input !== null ? input : {}) as { readonly channels?: unknown };
  return Array.isArray(channels) ? channels : [];
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
