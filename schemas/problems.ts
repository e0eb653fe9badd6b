// What is wrong with a file, where, and how to mend it: the vocabulary that the models of files share.
import type { z } from 'zod';

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

/** Words for zod's own findings; models word theirs themselves. */
export function wording(issue: z.core.$ZodRawIssue): string {
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

export function absence(input: unknown): string | undefined {
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
