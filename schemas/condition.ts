// Conditions of campaign files: a small language of comparisons, compiled to closures and explained in words.
import { z } from 'zod';
import { strict } from './file-values.ts';
import { isCounted, windowOf } from './metric-names.ts';
import { compareBytes } from './order.ts';
import { quoted, said } from './problems.ts';

/** What a condition can ask about. */
export const subjects = ['property', 'fact', 'attribute', 'metric', 'group', 'segment'] as const;
export type Subject = (typeof subjects)[number];

export const operators = ['eq', 'ne', 'in', 'gt', 'gte', 'lt', 'lte', 'exists'] as const;
export type Operator = (typeof operators)[number];

export type Scalar = boolean | number | string;

interface Operands {
  readonly eq: Scalar;
  readonly ne: Scalar;
  readonly in: readonly Scalar[];
  readonly gt: number | string;
  readonly gte: number | string;
  readonly lt: number | string;
  readonly lte: number | string;
  readonly exists: boolean;
}

/** Exactly one of the keys of T. */
type OneOf<T> = {
  [K in keyof T]: { readonly [P in K]: T[P] } & { readonly [P in Exclude<keyof T, K>]?: never };
}[keyof T];

/** One comparison, e.g. `{ attribute: 'country', in: ['KE', 'UG'] }`. */
export type Comparison = OneOf<Record<Subject, string>> & OneOf<Operands>;

/** As written in the file: a comparison, or comparisons nested by all, any and not. */
export type Condition =
  | Comparison
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** The value a condition asks for; null or undefined when there is none. */
export type Lookup = (subject: Subject, name: string) => Scalar | null | undefined;

const scalar = z.union([z.boolean(), z.number(), z.string()], {
  error: (issue) =>
    issue.input === null || issue.input === undefined
      ? said('has no value to compare with', 'give one, or ask with exists: false whether there is none')
      : said('is not text, a number, true or false', 'write a single value; a list needs the operator in'),
});
const orderable = z.union([z.number(), z.string()], {
  error: () => said('cannot be ordered', 'gt, gte, lt and lte take a number or text; use eq for true and false'),
});
const name = z.string().min(1);
const nested = z.lazy(() => conditionModel);
/** What a user is in or not: `{ group: NAME }`, or `{ group: { in: [NAME, …] } }` for any of them. */
const membership = z.union([name, strict({ in: z.array(name).min(1) })], {
  error: (issue) => said(`is ${quoted(issue.input)}`, 'write a name, or { in: [name, …] }'),
});

/** The zod model of a condition. Every refusal says what is wrong and how to mend it. */
export const conditionModel: z.ZodType<Condition> = strict({
  property: name.optional(),
  fact: name.optional(),
  attribute: name.optional(),
  metric: name.optional(),
  group: membership.optional(),
  segment: membership.optional(),
  eq: scalar.optional(),
  ne: scalar.optional(),
  in: z.array(scalar).min(1).optional(),
  gt: orderable.optional(),
  gte: orderable.optional(),
  lt: orderable.optional(),
  lte: orderable.optional(),
  exists: z.boolean().optional(),
  all: z.array(nested).min(1).optional(),
  any: z.array(nested).min(1).optional(),
  not: nested.optional(),
}).transform((parts, ctx) => {
  const message = shapeError(Object.keys(parts)) ?? membershipError(parts as Parts) ?? windowError(parts.metric);
  if (message === undefined) return spelledOut(parts);
  ctx.issues.push({ code: 'custom', message, input: parts });
  return z.NEVER;
});

function shapeError(keys: readonly string[]): string | undefined {
  const groups = keys.filter((key) => key === 'all' || key === 'any' || key === 'not');
  const asked = subjects.filter((subject) => keys.includes(subject));
  const compared = operators.filter((operator) => keys.includes(operator));
  if (groups.length > 0) {
    if (keys.length === 1) return undefined;
    return said(`mixes ${keys.join(', ')}`, `put each into an entry of its own under all: or any:`);
  }
  if (asked.length !== 1) {
    return said(
      asked.length === 0 ? 'does not say what it asks about' : `asks about ${asked.join(' and ')} at once`,
      `name exactly one of ${subjects.join(', ')}; join several conditions under all: or any:`,
    );
  }
  if (compared.length !== 1 && !(compared.length === 0 && (asked[0] === 'group' || asked[0] === 'segment'))) {
    return said(
      compared.length === 0 ? 'does not compare with anything' : `compares by ${compared.join(' and ')} at once`,
      `give exactly one of ${operators.join(', ')}; join several conditions under all: or any:`,
    );
  }
  return undefined;
}

type Parts = Partial<Record<'group' | 'segment', string | { readonly in: readonly string[] }> & Operands>;

function membershipError(parts: Parts): string | undefined {
  const { group, segment, eq } = parts;
  const asked = group ?? segment;
  const operator = operators.find((key) => parts[key] !== undefined);
  if (asked === undefined || operator === undefined) return undefined;
  if (typeof asked === 'object') return said(`compares in: with ${operator}`, `leave ${operator} out`);
  if (operator === 'eq' && typeof eq === 'boolean') return undefined;
  return said(
    `asks whether the user is in a ${group === undefined ? 'segment' : 'group'}, which is either true or false`,
    'compare it by eq: true or eq: false, or leave the comparison out',
  );
}

function windowError(metric: string | undefined): string | undefined {
  const windowed = metric === undefined ? undefined : windowOf(metric);
  if (windowed === undefined || isCounted(windowed.counted)) return undefined;
  return said(
    `${quoted(metric)} counts nothing in a window`,
    'windows are of events, events.TYPE and sessions: write events.purchase@30d and the like',
  );
}

/** Memberships as comparisons with true. */
function spelledOut(parts: object): Condition {
  for (const subject of ['group', 'segment'] as const) {
    const asked = (parts as Parts)[subject];
    if (asked === undefined) continue;
    const one = (name: string): Condition =>
      subject === 'group' ? { group: name, eq: true } : { segment: name, eq: true };
    if (typeof asked === 'object') return { any: asked.in.map(one) };
    return (parts as Parts).eq === undefined ? one(asked) : (parts as Condition);
  }
  return parts as Condition;
}

/** The comparisons of a condition, however they are nested. */
export function comparisonsOf(condition: Condition): readonly Comparison[] {
  if ('all' in condition) return condition.all.flatMap(comparisonsOf);
  if ('any' in condition) return condition.any.flatMap(comparisonsOf);
  return 'not' in condition ? comparisonsOf(condition.not) : [condition];
}

/** The condition as a predicate, to be compiled once and asked often. */
export function compileCondition(condition: Condition): (lookup: Lookup) => boolean {
  if ('all' in condition) {
    const parts = condition.all.map(compileCondition);
    return (lookup) => parts.every((holds) => holds(lookup));
  }
  if ('any' in condition) {
    const parts = condition.any.map(compileCondition);
    return (lookup) => parts.some((holds) => holds(lookup));
  }
  if ('not' in condition) {
    const holds = compileCondition(condition.not);
    return (lookup) => !holds(lookup);
  }
  const { subject, name, test } = comparisonOf(condition);
  return (lookup) => test(lookup(subject, name) ?? null);
}

/**
 * The first part of the condition that fails, in words, e.g. `attribute country is "NG", needs one of KE, UG`;
 * undefined when the condition holds. The words hold the user's values: they are for explanations, not for logs.
 * `whyNotIn`: why the user is not in a segment.
 */
export function explainCondition(
  condition: Condition,
  lookup: Lookup,
  whyNotIn: (segment: string) => string | undefined = () => undefined,
): string | undefined {
  if ('all' in condition) {
    for (const part of condition.all) {
      const failure = explainCondition(part, lookup, whyNotIn);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }
  if ('any' in condition) {
    const failures: string[] = [];
    for (const part of condition.any) {
      const failure = explainCondition(part, lookup, whyNotIn);
      if (failure === undefined) return undefined;
      failures.push(failure);
    }
    return failures.length === 1 ? failures[0] : `none of these holds: ${failures.join('; ')}`;
  }
  if ('not' in condition) {
    if (!compileCondition(condition)(lookup)) return `must not hold: ${describe(condition.not)}`;
    return undefined;
  }
  const { subject, name, test, need } = comparisonOf(condition);
  const value = lookup(subject, name) ?? null;
  if (test(value)) return undefined;
  if (subject === 'group' || subject === 'segment') {
    const why = subject === 'segment' && value !== true ? whyNotIn(name) : undefined;
    return `the user is ${value === true ? '' : 'not '}in ${subject} ${name}${why === undefined ? '' : ` (${why})`}`;
  }
  return `${subject} ${name} is ${value === null ? 'absent' : quoted(value)}, needs ${need}`;
}

function describe(condition: Condition): string {
  if ('all' in condition) return condition.all.map(grouped).join(' and ');
  if ('any' in condition) return condition.any.map(grouped).join(' or ');
  if ('not' in condition) return `not ${grouped(condition.not)}`;
  const { subject, name, need } = comparisonOf(condition);
  return `${subject} ${name} is ${need}`;
}

function grouped(condition: Condition): string {
  return 'all' in condition || 'any' in condition ? `(${describe(condition)})` : describe(condition);
}

type Test = (value: Scalar | null) => boolean;

interface Parsed {
  readonly subject: Subject;
  readonly name: string;
  readonly test: Test;
  readonly need: string;
}

function comparisonOf(comparison: Comparison): Parsed {
  const subject = subjects.find((key) => comparison[key] !== undefined);
  if (subject === undefined) throw new TypeError(`a condition names one of ${subjects.join(', ')}`);
  return { subject, name: comparison[subject] as string, ...testOf(comparison) };
}

// Without a value only `ne` and `exists: false` hold; values of unlike types are unequal and in no order.
function testOf(comparison: OneOf<Operands>): { readonly test: Test; readonly need: string } {
  if (comparison.eq !== undefined) {
    const { eq } = comparison;
    return { test: (value) => value === eq, need: quoted(eq) };
  }
  if (comparison.ne !== undefined) {
    const { ne } = comparison;
    return { test: (value) => value !== ne, need: `anything but ${quoted(ne)}` };
  }
  if (comparison.in !== undefined) {
    const members: ReadonlySet<Scalar | null> = new Set(comparison.in);
    return { test: (value) => members.has(value), need: `one of ${comparison.in.map(bare).join(', ')}` };
  }
  if (comparison.exists !== undefined) {
    const { exists } = comparison;
    return { test: (value) => (value !== null) === exists, need: exists ? 'present' : 'absent' };
  }
  if (comparison.gt !== undefined) return ordered(comparison.gt, 'more than', (order) => order > 0);
  if (comparison.gte !== undefined) return ordered(comparison.gte, 'at least', (order) => order >= 0);
  if (comparison.lt !== undefined) return ordered(comparison.lt, 'less than', (order) => order < 0);
  return ordered(comparison.lte, 'at most', (order) => order <= 0);
}

function ordered(
  bound: number | string,
  words: string,
  holds: (order: number) => boolean,
): { readonly test: Test; readonly need: string } {
  const need = `${words} ${quoted(bound)}`;
  if (typeof bound === 'number') return { test: (value) => typeof value === 'number' && holds(value - bound), need };
  return { test: (value) => typeof value === 'string' && holds(compareBytes(value, bound)), need };
}

function bare(value: Scalar): string {
  return typeof value === 'string' && /^(?!true$|false$)[A-Za-z][\w.-]*$/.test(value) ? value : quoted(value);
}
