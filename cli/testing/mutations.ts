// Random changes of a file's content, for tests that nothing but a clear answer comes of them.
import fc from 'fast-check';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { Parsed, Problem } from '../../schemas/problems.ts';

type Tree = { [key: string]: unknown };

interface Mutation {
  readonly at: number;
  readonly kind: 'drop' | 'rename' | 'replace' | 'wrap' | 'swap' | 'insert';
  readonly key: string;
  readonly value: unknown;
}

const words = [
  'id',
  'event',
  'signal',
  'session',
  'api',
  'segment',
  'all',
  'not',
  'eq',
  'in',
  'exists',
  'total',
  'daily',
  'pacing',
  'after',
  'where',
  'policy',
  'sms',
  'pigeon',
  '__proto__',
  'constructor',
  'toString',
  'A b',
  '',
  'even',
  'asap',
  '7d',
  '0s',
  '24',
  '10%',
  '21:00-08:00',
  '2026-01-01',
  '2099-12-31',
  '-1',
  'KES',
  'Africa/Nairobi',
  'inactive',
  'returned',
  'closed',
  'bodies',
  'variants',
  'template',
  'text',
  'default',
  'share',
  'en',
  'sw-KE',
  '{{ profile.name }}',
  '{{ data.amount | default: 1 }}',
  '{{ data.threshold | date: "%d" }}',
  '{% if data.x %}a{% else %}{{ nope }}{% endif %}',
  'day 3 09:00',
  '-3d',
  'nothing',
  'sent',
  'blocked',
];
const scalars = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1,
    50,
    1e-7,
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    ...words,
  ),
  fc.string({ maxLength: 8 }),
  fc.double(),
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('drop', 'rename', 'replace', 'wrap', 'swap', 'insert'),
  key: fc.constantFrom(...words),
  value: fc.oneof(
    scalars,
    fc.array(scalars, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...words), scalars, { maxKeys: 3 }),
  ),
});
/** One to three changes. */
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

/** Changes the content in place. */
function mutate(root: Tree, { at, kind, key, value }: Mutation): void {
  const places: [holder: Tree, name: string][] = [];
  const walk = (holder: Tree): void => {
    for (const [name, part] of Object.entries(holder)) {
      places.push([holder, name]);
      if (typeof part === 'object' && part !== null) walk(part as Tree);
    }
  };
  walk(root);
  const [holder, name] = places[at % places.length] ?? [root, 'id'];
  const [other, otherName] = places[(at >>> 8) % places.length] ?? [root, 'id'];
  // JSON's own way to set a key, which makes even "__proto__" an ordinary one.
  const set = (target: Tree, property: string, to: unknown): void => {
    Object.defineProperty(target, property, { value: to, enumerable: true, configurable: true, writable: true });
  };
  const old = holder[name];
  if (kind === 'drop') Array.isArray(holder) ? holder.splice(Number(name), 1) : delete holder[name];
  else if (kind === 'replace') set(holder, name, value);
  else if (kind === 'wrap') set(holder, name, [old]);
  else if (kind === 'swap') set(holder, name, structuredClone(other[otherName]));
  else if (Array.isArray(holder)) holder.push(value);
  else if (kind === 'insert') set(holder, key, value);
  else {
    delete holder[name];
    set(holder, key, old);
  }
}

/** Every problem says where, what and how to mend it, each in one line. */
export function expectUseful(problems: readonly Problem[]): void {
  expect(problems.length).toBeGreaterThan(0);
  for (const { path, reason, mend } of problems) {
    for (const text of [path, reason, mend]) expect(text).toMatch(/^\S[^\n]*$/);
    expect(mend).not.toBe(reason);
  }
}

export interface Tried {
  /** Changed files that are valid. */
  readonly valid: number;
  readonly refused: number;
}

/** Changes a file's content in `runs` ways and reads each; what is refused must say why, and what is valid is handed on. */
export function outcomes<T>(
  text: string,
  read: (input: unknown) => Parsed<T>,
  check: (value: T, input: Tree) => void,
  runs = 1000,
): Tried {
  const counts = { valid: 0, refused: 0 };
  fc.assert(
    fc.property(mutations, (steps) => {
      const input = parse(text) as Tree;
      for (const step of steps) mutate(input, step);
      const parsed = read(input);
      counts[parsed.ok ? 'valid' : 'refused'] += 1;
      if (parsed.ok) check(parsed.value, input);
      else expectUseful(parsed.problems);
    }),
    { numRuns: runs, seed: 20_260_101 },
  );
  return counts;
}
