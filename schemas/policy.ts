// The workspace's policy.yaml: its zod model and its normalised form. Its larger parts have files of their own in policy/.
import { z } from 'zod';
import { channelDefaults, channelIds } from './channels.ts';
import { formatDuration, parseDuration } from './durations.ts';
import { amount, channelId, currency, duration, durationOrNone, quietHours, share, strict } from './file-values.ts';
import { formatAmount } from './money.ts';
import { type Cap, cap, capToFile, defaultCaps } from './policy/caps.ts';
import { channelSettings, channelToFile, type PolicyChannel, policyChannel } from './policy/channels.ts';
import { holidays } from './policy/holidays.ts';
import { type Fits, fits, normalWeights, sumOf, type Weights, weights } from './policy/scores.ts';
import { type Segments, segments } from './policy/segments.ts';
import { hint, type Parsed, problem, readModel, said } from './problems.ts';
import { allTopics } from './topics.ts';

export type Frequency = 'high' | 'medium' | 'low';

/** The policy with every default filled in: durations in milliseconds, money in micro-units, shares from 0 to 1. */
export interface Policy extends Fits {
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
  /** How long, in ms, a user's marketing requests are collected before they are decided together; 0: not at all. */
  readonly holdMs: number;
  /** Days without marketing in the user's zone: "YYYY-MM-DD", or "MM-DD" of every year. */
  readonly holidays: readonly string[];
  /** Every known channel, and those that the policy names besides. */
  readonly channels: Readonly<Record<string, PolicyChannel>>;
  /** The global holdout. */
  readonly holdout: number;
  /** They add up to 1. */
  readonly weights: Weights;
  /** Conditions on users, by name. */
  readonly segments: Segments;
  /** How long a topic's records are kept, by the topic's short name; absent: as the log is set up. */
  readonly retentionMs: Readonly<Record<string, number>>;
}

const factor = z.number().min(0).max(100);
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
  hold: duration.optional(),
  holidays,
  channels: z.record(channelId, channelSettings).default({}),
  holdout: share.default(0),
  weights,
  scores: fits,
  segments,
  retention: strict(Object.fromEntries(allTopics.map((topic) => [topic.name, duration.optional()]))).default({}),
});

const model: z.ZodType<Policy> = file.transform((parts, ctx): Policy => {
  const refuse = (path: (string | number)[], reason: string, mend: string): void => {
    ctx.issues.push({ code: 'custom', message: said(reason, mend), path, input: parts });
  };
  const ids = [...new Set([...channelIds, ...Object.keys(parts.channels)])];
  const known = (id: string, path: (string | number)[]): void => {
    if (ids.includes(id)) return;
    refuse(path, `"${id}" is not a known channel`, `${hint(id, ids)}; a new one is listed under channels:`);
  };
  for (const id of Object.keys(parts.costs)) known(id, ['costs', id]);
  parts.caps?.forEach(({ channel }, i) => void (channel === null || known(channel, ['caps', i, 'channel'])));
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
  const { customerTypes, devices } = parts.scores;
  for (const [table, rows] of Object.entries({ customerTypes, devices })) {
    for (const [kind, row] of Object.entries(rows)) {
      for (const id of Object.keys(row)) known(id, ['scores', table, kind, id]);
    }
  }
  const weights = normalWeights(parts.weights);
  if (weights === undefined) {
    const sum = Number(sumOf(parts.weights as Weights).toFixed(6));
    refuse(['weights'], `add up to ${sum}`, 'let them add up to 1 or 100%; a weight left out is 0');
    return z.NEVER;
  }
  const channels = ids.map((id): [string, PolicyChannel] => [
    id,
    policyChannel(id, own(parts.channels, id), own(parts.costs, id)),
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
    holdMs: parts.hold ?? 0,
    holidays: parts.holidays,
    channels: Object.fromEntries(channels),
    holdout: parts.holdout,
    weights,
    ...parts.scores,
    segments: parts.segments,
    retentionMs: Object.fromEntries(
      Object.entries(parts.retention).flatMap(([topic, ms]) => (ms === undefined ? [] : [[topic, ms]])),
    ),
  };
});

/** The policy of a file's content. An empty object gives `defaultPolicy`. */
export function parsePolicy(input: unknown): Parsed<Policy> {
  return readModel(model, input);
}

/** What holds without a policy file. */
export const defaultPolicy: Policy = model.parse({});

/** What a policy says of a channel; one it does not name is enabled and costs its default. */
export function channelOf(policy: Policy, id: string): PolicyChannel {
  return own(policy.channels, id) ?? policyChannel(id, undefined, undefined);
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
    caps: policy.caps.map(capToFile),
    notificationFrequency: policy.notificationFrequency,
    costs: Object.fromEntries(entries.map(([id, { costMicros }]) => [id, formatAmount(costMicros)])),
    ...(policy.quietHours === null ? {} : { quietHours: policy.quietHours }),
    ...(policy.holdMs === 0 ? {} : { hold: formatDuration(policy.holdMs) }),
    holidays: policy.holidays,
    channels: Object.fromEntries(entries.map(([id, channel]) => [id, channelToFile(channel)])),
    holdout: policy.holdout,
    weights: policy.weights,
    scores: { customerTypes: policy.customerTypes, devices: policy.devices },
    // Left out where there are none: what was published before there were segments stays as it was.
    ...(Object.keys(policy.segments).length === 0 ? {} : { segments: policy.segments }),
    retention: Object.fromEntries(Object.entries(policy.retentionMs).map(([topic, ms]) => [topic, formatDuration(ms)])),
  });
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** The policy of `CampaignDefinition.definition`. */
export function policyFromJson(json: string): Parsed<Policy> {
  try {
    return parsePolicy(JSON.parse(json));
  } catch {
    return { ok: false, problems: [problem([], 'is not JSON', 'write it with policyToJson')] };
  }
}
