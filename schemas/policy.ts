// The workspace's policy.yaml, and the vocabulary of problems and values that it shares with campaign files.
import { z } from 'zod';
import { channelDefaults, channelIds } from './channels.ts';
import {
  DAY_MS,
  DURATION_MEND,
  formatDuration,
  parseDuration,
  parseQuietHours,
  QUIET_HOURS_MEND,
} from './durations.ts';
import { AMOUNT_MEND, formatAmount, parseAmount } from './money.ts';
import { allTopics } from './topics.ts';

// ---- Problems ------------------------------------------------------------------------------------------------------

/** What is wrong with a file, where, and how to mend it. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** For people: "budget.perChannel.sms", "channels[1]"; "(file)" for the whole. */
  readonly path: string;
  /** For programs: the keys and indexes that lead there. */
  readonly keys: readonly (string | number)[];
  readonly reason: string;
  readonly mend: string;
}

/** The outcome of reading a file's content: its normalised form, or everything that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function problem(keys: readonly (string | number)[], reason: string, mend: string): Problem {
  return { severity: 'error', path: pathText(keys), keys, reason, mend };
}

function pathText(keys: readonly (string | number)[]): string {
  if (keys.length === 0) return '(file)';
  const parts = keys.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return `.${/^[\w.-]+$/.test(key) ? key : quoted(key)}`;
  });
  return parts.join('').replace(/^\./, '');
}

/** A zod message with two lines: what is wrong, and how to mend it. */
export function said(reason: string, mend: string): string {
  return `${reason}\n${mend}`;
}

/** A value in words, shortened: files may hold long texts. */
export function quoted(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value);
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 56)}…"` : text;
}

function kindOf(value: object | string): string {
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return 'a list';
  return value instanceof Date ? 'a date object' : 'keys with values';
}

/** Reads a file's content by its model; never throws for any input that JSON or YAML can give. */
export function readModel<T>(model: z.ZodType<T>, input: unknown): Parsed<T> {
  if (deeperThan(input, 32)) {
    return { ok: false, problems: [problem([], 'is nested more than 32 levels deep', 'write it flatter')] };
  }
  const result = model.safeParse(input, { error: wording });
  if (result.success) return { ok: true, value: result.data };
  const { issues } = result.error;
  // What a misspelt key leaves undone would be reported a second time at the object that holds it.
  const misspelt = new Set(issues.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? [path.join('\n')] : [])));
  const told = issues.filter(({ code, path }) => code !== 'custom' || !misspelt.has(path.join('\n')));
  return { ok: false, problems: told.flatMap(problemsOf) };
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const keys = issue.path.map((key) => (typeof key === 'number' ? key : String(key)));
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? '') : issue.message;
  const lines = message.split('\n');
  if (issue.code !== 'unrecognized_keys') return [problem(keys, lines[0] ?? '', lines[1] ?? '')];
  return issue.keys.map((key, i) => problem([...keys, key], 'is not a known key', lines[i] ?? ''));
}

function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => deeperThan(part, levels - 1));
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
};

// Words for zod's own findings; models word theirs themselves.
function wording(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const kind = kinds[issue.expected] ?? issue.expected;
      if (issue.input === undefined) return said('is missing', `add it: ${kind}`);
      if (issue.input === null) return said('has no value', `give it one (${kind}), or delete the key`);
      const quotes = issue.expected === 'string' && typeof issue.input !== 'object' ? ' (in quotes)' : '';
      // Text in the place of a structure may be a message's: it is not repeated.
      const structure = issue.expected === 'object' || issue.expected === 'array' || issue.expected === 'record';
      const found = structure && typeof issue.input === 'string' ? kindOf(issue.input) : quoted(issue.input);
      return said(`is ${found}, not ${kind}`, `write ${kind}${quotes}`);
    }
    case 'invalid_value': {
      const known = issue.values.map(String);
      return said(absence(issue.input) ?? `is ${quoted(issue.input)}`, hint(issue.input, known));
    }
    case 'too_small':
    case 'too_big': {
      const bound = String(issue.code === 'too_small' ? issue.minimum : issue.maximum);
      if (issue.origin === 'array' || issue.origin === 'string') return said('is empty', 'give at least one entry');
      const side = issue.code === 'too_small' ? 'less' : 'more';
      return said(
        `is ${quoted(issue.input)}, ${side} than ${bound}`,
        `write ${bound} or ${side === 'less' ? 'more' : 'less'}`,
      );
    }
    default:
      return said(`is not valid (${issue.code})`, 'compare it with the documentation');
  }
}

function absence(input: unknown): string | undefined {
  if (input === undefined) return 'is missing';
  return input === null ? 'has no value' : undefined;
}

/** "did you mean …" when a known word is close, else the list of known words. */
export function hint(written: unknown, known: readonly string[]): string {
  const word = typeof written === 'string' ? written : '';
  const [best] = known
    .map((candidate) => ({ candidate, edits: edits(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  if (best !== undefined && best.edits <= Math.max(1, Math.floor(best.candidate.length / 3))) {
    return `did you mean "${best.candidate}"?`;
  }
  return known.length === 1 ? `write ${known[0]}` : `write one of: ${known.join(', ')}`;
}

// Levenshtein's distance, row by row; words longer than any key of ours are not worth it.
function edits(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 4) return 99;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 99;
}

// ---- Values that both files write --------------------------------------------------------------------------------------

/** An object whose unknown keys are refused, each with the nearest known one. */
export function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => hint(key, known)).join('\n') : undefined,
  });
}

/** A value that `read` understands; what `read` throws is the reason. */
function written<T>(read: (value: unknown) => T, mend: string): z.ZodType<T> {
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

function text(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError(`is ${quoted(value)}, not text`);
  return value;
}

/** Milliseconds of "7d". */
export const duration = written((value) => parseDuration(text(value)), DURATION_MEND);

/** Milliseconds of "5m"; "0s" too. */
const durationOrNone = written((value) => parseDuration(text(value), { min: 0 }), `${DURATION_MEND}, or 0s`);

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

export const currency = z.string().regex(/^[A-Z]{3}$/, {
  error: (issue) =>
    said(`${quoted(issue.input)} is not a currency code`, 'write three capital letters, such as USD or KES'),
});

/** A channel's id, known or not. */
export const channelId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, {
  error: (issue) => said(`${quoted(issue.input)} is not a channel's id`, hint(issue.input, channelIds)),
});

// ---- The policy ----------------------------------------------------------------------------------------------------------

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
