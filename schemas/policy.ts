// The workspace's policy.yaml.
import { z } from 'zod';
import { channelDefaults, channelIds } from './channels.ts';
import { DAY_MS, formatDuration, parseDuration } from './durations.ts';
import { amount, channelId, currency, duration, durationOrNone, quietHours, share, strict } from './file-values.ts';
import { formatAmount } from './money.ts';
import { hint, type Parsed, problem, quoted, readModel, said } from './problems.ts';
import { allTopics } from './topics.ts';

export type Frequency = 'high' | 'medium' | 'low';

/** At most `max` messages to one user within the window. Transactional and failed sends do not count. */
export interface Cap {
  readonly max: number;
  readonly windowMs: number;
  /** null: over all channels together. */
  readonly channel: string | null;
  /** null: whatever the class (which, transactional sends being uncapped, is marketing). */
  readonly class: 'marketing' | null;
  /** true: the window is calendar days in the user's zone, today included; false: it rolls. */
  readonly calendar: boolean;
  /** The rule as decisions name it: "3 per 1d", "1 per 1d on sms". */
  readonly rule: string;
}

export interface PolicyChannel {
  readonly enabled: boolean;
  /** The most one message costs, in micro-units of the policy's currency. */
  readonly costMicros: number;
}

export const scoreParts = ['customerType', 'engagement', 'device', 'urgency', 'timeOfDay'] as const;
export type ScorePart = (typeof scoreParts)[number];

/** The policy with every default filled in: durations in milliseconds, money in micro-units, shares from 0 to 1. */
export interface Policy {
  readonly sessionGapMs: number;
  /** Ascending. */
  readonly inactivityMs: readonly number[];
  readonly latenessMs: number;
  readonly maxJumpMs: number;
  readonly currency: string;
  readonly caps: readonly Cap[];
  /** What a user's wish multiplies every cap's maximum by. */
  readonly notificationFrequency: Readonly<Record<Frequency, number>>;
  /** "HH:MM-HH:MM" in the user's zone, for marketing; null: none. */
  readonly quietHours: string | null;
  /** Every known channel, and those that the policy names besides. */
  readonly channels: Readonly<Record<string, PolicyChannel>>;
  /** The global holdout. */
  readonly holdout: number;
  /** They add up to 1. */
  readonly weights: Readonly<Record<ScorePart, number>>;
  /** How long a topic's records are kept, by the topic's short name; absent: as the log is set up. */
  readonly retentionMs: Readonly<Record<string, number>>;
}

const factor = z.number().min(0).max(100);
const weight = z.union([z.number().min(0).max(100), share], {
  error: (issue) => said(`is ${quoted(issue.input)}`, 'write a percentage such as 30%, or a fraction such as 0.3'),
});

const cap = strict({
  max: z.int().min(0),
  window: duration,
  channel: channelId.optional(),
  class: z
    .literal('marketing', {
      error: (issue) =>
        issue.input === 'transactional'
          ? said('transactional messages are never capped', 'leave class out, or write class: marketing')
          : said(`is ${quoted(issue.input)}`, 'leave class out, or write class: marketing'),
    })
    .optional(),
  calendar: z.boolean().default(false),
}).transform(({ window: windowMs, channel = null, class: only = null, ...rest }, ctx): Cap => {
  if (rest.calendar && windowMs % DAY_MS !== 0) {
    ctx.issues.push({
      code: 'custom',
      message: said('a calendar window is whole days', 'write 1d, 7d and the like, or leave calendar out'),
      path: ['window'],
      input: windowMs,
    });
  }
  const cap = { ...rest, windowMs, channel, class: only };
  return { ...cap, rule: ruleOf(cap) };
});

function ruleOf({ max, windowMs, channel, class: only, calendar }: Omit<Cap, 'rule'>): string {
  const parts = [`${max} per ${calendar ? 'calendar ' : ''}${formatDuration(windowMs)}`];
  if (only !== null) parts.push(`of ${only}`);
  if (channel !== null) parts.push(`on ${channel}`);
  return parts.join(' ');
}

const ascending = z
  .array(duration)
  .min(1)
  .default(['3d', '7d', '14d', '30d'].map((text) => parseDuration(text)))
  .superRefine((thresholds, ctx) => {
    thresholds.forEach((threshold, i) => {
      if (i === 0 || threshold > (thresholds[i - 1] ?? 0)) return;
      const message = said(
        `${formatDuration(threshold)} does not follow in order`,
        'list each threshold once, shortest first',
      );
      ctx.addIssue({ code: 'custom', message, path: [i] });
    });
  });

const file = strict({
  sessionGap: duration.default(parseDuration('30m')),
  inactivity: ascending,
  lateness: durationOrNone.default(parseDuration('5m')),
  maxJump: duration.default(parseDuration('400d')),
  currency: currency.default('USD'),
  caps: z.array(cap).optional(),
  notificationFrequency: strict({
    high: factor.default(1),
    medium: factor.default(1),
    low: factor.default(1),
  }).prefault({}),
  costs: z.record(channelId, amount).default({}),
  quietHours: quietHours.optional(),
  channels: z.record(channelId, strict({ enabled: z.boolean().default(true) })).default({}),
  holdout: share.default(0),
  weights: strict({
    customerType: weight.default(0),
    engagement: weight.default(0),
    device: weight.default(0),
    urgency: weight.default(0),
    timeOfDay: weight.default(0),
  }).optional(),
  retention: strict(Object.fromEntries(allTopics.map((topic) => [topic.name, duration.optional()]))).default({}),
});

const defaultCaps = [
  { max: 3, window: '1d' },
  { max: 10, window: '7d' },
].map((rule) => cap.parse(rule));

const defaultWeights = { customerType: 0.3, engagement: 0.3, device: 0.2, urgency: 0.1, timeOfDay: 0.1 };

const model: z.ZodType<Policy> = file.transform((parts, ctx): Policy => {
  const refuse = (path: (string | number)[], reason: string, mend: string): void => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: parts });
  };
  const ids = [...new Set([...channelIds, ...Object.keys(parts.channels)])];
  const named = [
    ...Object.keys(parts.costs).map((id) => ({ id, path: ['costs', id] })),
    ...(parts.caps ?? []).flatMap(({ channel }, i) =>
      channel === null ? [] : [{ id: channel, path: ['caps', i, 'channel'] }],
    ),
  ];
  for (const { id, path } of named) {
    if (!ids.includes(id))
      refuse(path, `"${id}" is not a known channel`, `${hint(id, ids)} A new one is listed under channels:`);
  }
  if (parts.currency !== 'USD') {
    const priceless = ids.filter((id) => channelDefaults(id).costMicros > 0 && !Object.hasOwn(parts.costs, id));
    if (priceless.length > 0) {
      refuse(
        ['costs'],
        `says nothing in ${parts.currency} for ${priceless.join(', ')}`,
        'give their costs: the defaults are in USD',
      );
    }
  }
  const channels = ids.map((id): [string, PolicyChannel] => [
    id,
    {
      enabled: parts.channels[id]?.enabled ?? true,
      costMicros: (Object.hasOwn(parts.costs, id) ? parts.costs[id] : undefined) ?? channelDefaults(id).costMicros,
    },
  ]);
  return {
    sessionGapMs: parts.sessionGap,
    inactivityMs: parts.inactivity,
    latenessMs: parts.lateness,
    maxJumpMs: parts.maxJump,
    currency: parts.currency,
    caps: parts.caps ?? defaultCaps,
    notificationFrequency: parts.notificationFrequency,
    quietHours: parts.quietHours ?? null,
    channels: Object.fromEntries(channels),
    holdout: parts.holdout,
    weights: shares(parts.weights ?? defaultWeights, refuse),
    retentionMs: Object.fromEntries(
      Object.entries(parts.retention).flatMap(([topic, ms]) => (ms === undefined ? [] : [[topic, ms]])),
    ),
  };
});

type Refuse = (path: (string | number)[], reason: string, mend: string) => void;

function shares(weights: Readonly<Record<ScorePart, number>>, refuse: Refuse): Readonly<Record<ScorePart, number>> {
  const sum = scoreParts.reduce((total, part) => total + weights[part], 0);
  if (Math.abs(sum - 1) < 1e-9) return weights;
  if (Math.abs(sum - 100) < 1e-7) {
    return Object.fromEntries(scoreParts.map((part) => [part, weights[part] / 100])) as Record<ScorePart, number>;
  }
  refuse(['weights'], `add up to ${Number(sum.toFixed(6))}`, 'let them add up to 1 or 100%; a weight left out is 0');
  return weights;
}

/** The policy of a file's content. An empty object gives `defaultPolicy`. */
export function parsePolicy(input: unknown): Parsed<Policy> {
  return readModel(model, input);
}

/** What holds without a policy file. */
export const defaultPolicy: Policy = model.parse({});

/** What a policy says of a channel; one it does not name is enabled and costs its default. */
export function channelOf(policy: Policy, id: string): PolicyChannel {
  if (Object.hasOwn(policy.channels, id)) return policy.channels[id] as PolicyChannel;
  return { enabled: true, costMicros: channelDefaults(id).costMicros };
}

/** A cap's maximum for a user, scaled by the frequency the user wishes and rounded down. */
export function capMax(policy: Policy, cap: Cap, frequency: Frequency | null): number {
  // 100 × 0.29 is 28.999… in binary: the tiny addition keeps it 29.
  return frequency === null ? cap.max : Math.floor(cap.max * policy.notificationFrequency[frequency] + 1e-9);
}

/** The policy as JSON of the file's form, every default spelled out; `policyFromJson` gives the same policy back. */
export function policyToJson(policy: Policy): string {
  const entries = Object.entries(policy.channels);
  return JSON.stringify({
    sessionGap: formatDuration(policy.sessionGapMs),
    inactivity: policy.inactivityMs.map(formatDuration),
    lateness: formatDuration(policy.latenessMs),
    maxJump: formatDuration(policy.maxJumpMs),
    currency: policy.currency,
    caps: policy.caps.map(({ max, windowMs, channel, class: only, calendar }) => ({
      max,
      window: formatDuration(windowMs),
      ...(channel === null ? {} : { channel }),
      ...(only === null ? {} : { class: only }),
      calendar,
    })),
    notificationFrequency: policy.notificationFrequency,
    costs: Object.fromEntries(entries.map(([id, { costMicros }]) => [id, formatAmount(costMicros)])),
    ...(policy.quietHours === null ? {} : { quietHours: policy.quietHours }),
    channels: Object.fromEntries(entries.map(([id, { enabled }]) => [id, { enabled }])),
    holdout: policy.holdout,
    weights: policy.weights,
    retention: Object.fromEntries(Object.entries(policy.retentionMs).map(([topic, ms]) => [topic, formatDuration(ms)])),
  });
}

/** The policy of `CampaignDefinition.definition`. */
export function policyFromJson(json: string): Parsed<Policy> {
  try {
    return parsePolicy(JSON.parse(json));
  } catch {
    return { ok: false, problems: [problem([], 'is not JSON', 'write it with policyToJson')] };
  }
}
