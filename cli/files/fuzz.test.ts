// Whatever is done to a valid file, reading it gives a campaign or problems that say where and how to mend; never a crash.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { campaignFromJson, campaignToJson, parseCampaign } from '../../schemas/campaign.ts';
import { compileCondition, explainCondition, type Lookup } from '../../schemas/condition.ts';
import { defaultPolicy, parsePolicy, policyFromJson, policyToJson } from '../../schemas/policy.ts';
import type { Parsed, Problem } from '../../schemas/problems.ts';
import { checkCampaign } from './check-campaign.ts';
import { loadCampaigns } from './load-campaigns.ts';

const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
const campaigns = readdirSync(join(examples, 'campaigns'))
  .filter((name) => /^(?!.*\.test).*\.yaml$/.test(name))
  .map((name) => readFileSync(join(examples, 'campaigns', name), 'utf8'));
const policy = readFileSync(join(examples, 'policy.yaml'), 'utf8');

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
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

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

function expectUseful(problems: readonly Problem[]): void {
  expect(problems.length).toBeGreaterThan(0);
  for (const { path, reason, mend } of problems) {
    for (const text of [path, reason, mend]) expect(text).toMatch(/^\S[^\n]*$/);
    expect(mend).not.toBe(reason);
  }
}

const lookups: Lookup[] = [() => null, () => 5, () => 'KE', () => true];

function outcomes<T>(
  text: string,
  read: (input: unknown) => Parsed<T>,
  check: (value: T) => void,
): { valid: number; refused: number } {
  const counts = { valid: 0, refused: 0 };
  fc.assert(
    fc.property(mutations, (steps) => {
      const input = parse(text) as Tree;
      for (const step of steps) mutate(input, step);
      const parsed = read(input);
      counts[parsed.ok ? 'valid' : 'refused'] += 1;
      if (parsed.ok) check(parsed.value);
      else expectUseful(parsed.problems);
    }),
    { numRuns: 1000, seed: 20_260_101 },
  );
  return counts;
}

describe('a thousand mutations', () => {
  it.each(campaigns.map((text) => [/^id: (.+)$/m.exec(text)?.[1] ?? '', text]))(
    'of %s are campaigns or problems',
    (_, text) => {
      const counts = outcomes(text, parseCampaign, (campaign) => {
        expect(campaignFromJson(campaignToJson(campaign))).toEqual({ ok: true, value: campaign });
        const found = checkCampaign(campaign, defaultPolicy);
        if (found.length > 0) expectUseful(found);
        for (const lookup of lookups) {
          if (campaign.audience === null) continue;
          const holds = compileCondition(campaign.audience)(lookup);
          expect(explainCondition(campaign.audience, lookup) === undefined).toBe(holds);
        }
      });
      expect(counts.valid).toBeGreaterThan(20);
      expect(counts.refused).toBeGreaterThan(500);
    },
  );

  it('of the policy are policies or problems', () => {
    const counts = outcomes(policy, parsePolicy, (each) => {
      expect(policyFromJson(policyToJson(each))).toEqual({ ok: true, value: each });
    });
    expect(counts.valid).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(500);
  });
});

describe('a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-fuzz-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('with any piece replaced is read or refused, line by line', () => {
    const pieces = fc.constantFrom(
      '',
      '\t',
      ':',
      '- ',
      '[',
      '}',
      '"',
      '\n',
      '&a ',
      '*a',
      '!x ',
      '---\n',
      '# ',
      '\0',
      '|\n',
      '? ',
      '<<: ',
      'é',
    );
    fc.assert(
      fc.property(fc.constantFrom(...campaigns), fc.nat(), fc.nat({ max: 12 }), pieces, (text, at, length, piece) => {
        const start = at % text.length;
        writeFileSync(join(folder, 'a.yaml'), text.slice(0, start) + piece + text.slice(start + length));
        const { campaigns: read, problems } = loadCampaigns(folder);
        if (read.length === 0) expectUseful(problems);
        for (const { line } of problems) expect(line === null || line >= 1).toBe(true);
      }),
      { numRuns: 300, seed: 20_260_102 },
    );
  });
});
